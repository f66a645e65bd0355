"""`offtake outlook`: what it prints, what it writes, and how it refuses."""

from __future__ import annotations

import json

import pytest

UNCERTAIN = """
changes:
  outlook:
    drawn: 32
    paths: 4
    stages: [now, 1y]
    uncertain:
      - {id: demand, of: [demand.*.volume], process: {kind: trend, growth: 10 %/y}, assumption: a guess}
      - {id: delay, of: [sites.*.interconnected], process: {kind: delay, median: 6 months, spread: 50 %}, assumption: a guess}
"""


@pytest.fixture
def call(here, capsys):
    """Run a command in this process: code, output, errors."""
    from offtake.cli.app import main

    (here / "uncertain.yaml").write_text(UNCERTAIN, encoding="utf-8")

    def run(*arguments):
        with pytest.raises(SystemExit) as end:
            main(("outlook", *arguments))
        return end.value.code, *capsys.readouterr()

    return run


def test_it_shows_what_may_happen(call):
    code, out, err = call("first-site.yaml", "--case", "uncertain.yaml")
    assert (code, err) == (0, "")
    assert "32 futures: what 10, 50 and 90 % of them lie below" in out
    assert "demand.*.volume" in out
    assert "4 paths stand for them" in out
    assert "risk: 100 % on the mean · seed 1 · sobol" in out
    assert out.strip().splitlines()[-1].startswith("Next: offtake outlook first-site.yaml --case uncertain.yaml --out")


def test_it_writes_pictures_and_their_tables(call, here):
    code, out, _ = call(
        "first-site.yaml", "--case", "uncertain.yaml", "--svg", "pictures", "--seed", "3", "--paths", "2"
    )
    assert code == 0
    assert sorted(p.name for p in (here / "pictures").iterdir()) == [
        "delay.csv",
        "delay.svg",
        "demand.csv",
        "demand.svg",
    ]
    assert (
        (here / "pictures" / "demand.csv").read_text("utf-8").startswith("period,p10,p25,p50,p75,p90,stated,sample_1")
    )
    assert "2 paths stand for them" in out
    assert "seed 3" in out
    assert out.strip().splitlines()[-1] == "Next: offtake plan first-site.yaml --case uncertain.yaml"


def test_json_is_one_document(call):
    code, out, _ = call("first-site.yaml", "--case", "uncertain.yaml", "--json")
    document = json.loads(out)
    assert code == 0
    assert [q["id"] for q in document["quantities"]] == ["demand", "delay"]
    assert document["files"] == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("first-site.yaml",), "states nothing as uncertain"),
        (("first-site.yaml", "--case", "uncertain.yaml", "--paths", "0"), "at least one path"),
        (("first-site.yaml", "--case", "uncertain.yaml", "--seed", "-1"), "seed"),
        (("missing.yaml",), "missing.yaml"),
        (("first-site.yaml", "--set", "outlook.paths=0"), "outlook"),
        (("first-site.yaml", "--case", "uncertain.yaml", "--out", "first-site.yaml"), "cannot be written"),
    ],
)
def test_what_cannot_be_shown_is_refused_in_words(call, arguments, words):
    code, out, err = call(*arguments)
    assert code == 2, err
    assert out == ""
    assert words in err
    assert "Traceback" not in err
