"""Overlays: what they change, where their mistakes are, and that they never leave the scenario's folder."""

from __future__ import annotations

from datetime import date

import pytest

from offtake.errors import ScenarioError
from offtake.spec.load import load
from offtake.spec.overlay import Changes, apply_overlay
from offtake.spec.reader import read_text
from offtake.spec.tree import plain

BASE = """\
sites:
  - {id: a, phase: 20 MW, lead_time: {value: 9 months, low: 6 months}}
  - {id: b, phase: 50 MW, connected: {2026-01-01: 5 MW, 2028-01-01: 9 MW}}
steps: [{share: 1}, {share: 2}]
parties: {lab: {cash: 1 USD}}
regions: [us, eu]
"""


def laid(changes: str):
    return plain(apply_overlay(read_text(BASE).root, read_text(changes).root).root)


def mistakes(changes: str) -> list[tuple[str, int, int]]:
    return [
        (d.code, d.line, d.column)
        for d in apply_overlay(read_text(BASE).root, read_text(changes, name="o").root).diagnostics
    ]


@pytest.mark.parametrize(
    ("changes", "path", "value"),
    [
        ("sites.b.phase: 70 MW", ("sites", 1, "phase"), "70 MW"),
        ("sites: {b: {phase: 70 MW}}", ("sites", 1, "phase"), "70 MW"),
        ("sites.b: {phase: 70 MW}", ("sites", 1, "phase"), "70 MW"),
        ("parties.lab.cash: 2 USD", ("parties", "lab", "cash"), "2 USD"),
        ("parties: {lab: {cash: 2 USD}}", ("parties", "lab", "cash"), "2 USD"),
        ("parties.lab.facility.limit: 2 USD", ("parties", "lab", "facility"), {"limit": "2 USD"}),
        ("steps.1.share: 5", ("steps", 1, "share"), "5"),
        ("steps: [{share: 9}]", ("steps",), [{"share": "9"}]),
        ("regions: [cn]", ("regions",), ["cn"]),
        ("sites.a.lead_time: 7 months", ("sites", 0, "lead_time"), "7 months"),
        ("sites.a.lead_time: {value: 8 months}", ("sites", 0, "lead_time"), {"value": "8 months"}),
        ("sites.a.lead_time.low: 5 months", ("sites", 0, "lead_time"), {"value": "9 months", "low": "5 months"}),
        ("sites.b.connected: {2027-01-01: 1 MW}", ("sites", 1, "connected"), {"2027-01-01": "1 MW"}),
        (
            "sites.b.connected.2027-01-01: 7 MW",
            ("sites", 1, "connected"),
            {"2026-01-01": "5 MW", "2027-01-01": "7 MW", "2028-01-01": "9 MW"},
        ),
        ("sites.b.phase: {times: 2}", ("sites", 1, "phase"), {"of": "50 MW", "times": "2"}),
    ],
)  # fmt: skip
def test_changes(changes, path, value):
    found = laid(changes)
    assert not mistakes(changes)
    for step in path:
        found = found[step]
    assert found == value


def test_star_means_every_item():
    assert [s["phase"] for s in laid("sites.*.phase: 1 MW")["sites"]] == ["1 MW", "1 MW"]


def test_later_changes_win():
    assert laid("sites.*.phase: 1 MW\nsites.b.phase: 2 MW")["sites"][1]["phase"] == "2 MW"


def test_base_is_left_as_it_is():
    base = read_text(BASE).root
    apply_overlay(base, read_text("sites.a.phase: 1 MW").root)
    assert plain(base) == plain(read_text(BASE).root)


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ("x: 1\nsites.c.phase: 1 MW", ("E601", 2, 1)),
        ("sites.a.phase.more: 1", ("E601", 1, 1)),
        ("sites..phase: 1", ("E601", 1, 1)),
        ("sites: {c: {phase: 1}}", ("E601", 1, 9)),
        ("sites.a.nothing: {times: 2}", ("E601", 1, 1)),
        ("steps.7.share: 1", ("E601", 1, 1)),
        ("? a" + ".a" * 100_000 + "\n: 1", ("E601", 1, 3)),
    ],
)
def test_mistakes(changes, place):
    assert mistakes(changes) == [place]


def write(folder, text, **files):
    for name, content in files.items():
        path = folder / name.replace("__", "/").replace("_yaml", ".yaml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    path = folder / "toy.yaml"
    path.write_text(text)
    return path


@pytest.fixture
def base(text):
    """Return the toy without its contract and cases, whose kinds the registry would have to know."""
    return text[: text.index("contract:")]


def loaded(path):
    return load(path, clause_kinds={})


def codes(path):
    with pytest.raises(ScenarioError) as caught:
        loaded(path)
    assert caught.value.render()
    return [(d.code, d.file.rpartition("/")[2], d.line, d.column) for d in caught.value.diagnostics]


def test_named_cases(tmp_path, base):
    cases = """\
cases:
  - id: low
    title: Less of all
    changes:
      demand.chat-us.volume: {times: 0.5}
      sites: {ohio: {phase: 40 MW}}
  - {id: late, file: late.yaml}
  - {id: stuck, file: late.yaml, changes: {demand.chat-us.volume: {hold_from: 2027-01-01}}}
"""
    late = "title: late\nchanges:\n  sites.*.delay: 12 months\n  sites.indiana.interconnected: {later: 12 months}\n"
    found = loaded(write(tmp_path, base + cases, late_yaml=late))
    volume = found.scenario.demand[0].volume_tok_per_d
    assert list(found.cases) == ["low", "late", "stuck"]
    low, late_case, stuck = (found.cases[k].scenario for k in found.cases)
    assert low.demand[0].volume_tok_per_d.values == volume.scaled(0.5).values
    assert (low.sites[1].phase_mw, found.scenario.sites[1].phase_mw) == (40.0, 50.0)
    assert [s.delay_months for s in late_case.sites] == [12.0, 12.0]
    assert late_case.sites[0].interconnected_mw.days == (date(2027, 7, 1), date(2028, 7, 1))
    day = date(2027, 1, 1)
    assert stuck.demand[0].volume_tok_per_d.at(date(2030, 1, 1)) == volume.at(day)
    assert stuck.sites[0].delay_months == 12.0
    origin = found.cases["late"].provenance["sites.indiana.delay"]
    assert (origin.origin, origin.file.rpartition("/")[2], origin.line, origin.text) == (
        "overlay",
        "late.yaml",
        3,
        "12 months",
    )
    assert found.cases["low"].provenance["demand.chat-us.volume"].text.endswith("× 0.5")
    assert found.cases["low"].provenance["demand.chat-us.price"].origin == "file"
    assert found.provenance["sites.indiana.delay"].origin == "default"


def test_file_without_changes_key_is_the_changes(tmp_path, base):
    found = loaded(
        write(tmp_path, base + "cases: [{id: x, file: x.yaml}]", x_yaml="sites.ohio.phase: 10 MW\ntitle: X\n")
    )
    assert (found.cases["x"].scenario.sites[1].phase_mw, found.cases["x"].scenario.title) == (10.0, "X")


def test_mistake_in_a_case_file_stands_there(tmp_path, base):
    path = write(
        tmp_path,
        base + "cases: [{id: x, file: sub/x.yaml}]",
        sub__x_yaml="# a case\nchanges:\n  sites.ohio.phase: 10 MWh\n  site.ohio: 1\n",
    )
    assert codes(path) == [("E303", "x.yaml", 3, 21), ("E201", "x.yaml", 4, 3)]


def test_same_mistake_is_said_once(tmp_path, base):
    bad = (
        base.replace("phase: 50 MW", "phase: 50")
        + "cases: [{id: x, changes: {title: X}}, {id: y, changes: {title: Y}}]"
    )
    assert [c[0] for c in codes(write(tmp_path, bad))] == ["E301"]


def test_yaml_mistakes_in_a_case_file(tmp_path, base):
    path = write(tmp_path, base + "cases: [{id: x, file: x.yaml}]", x_yaml="a: &b 1\n")
    assert codes(path) == [("E112", "x.yaml", 1, 4)]


def test_case_that_changes_nothing(tmp_path, base):
    line = base.count("\n") + 1
    assert codes(write(tmp_path, base + "cases: [{id: x}]")) == [("E605", "toy.yaml", line, 9)]


@pytest.mark.parametrize(
    "name", ["../out.yaml", "/etc/passwd", "sub/../../out.yaml", '"a\\\\b.yaml"', "link.yaml", "linked/out.yaml"]
)
def test_path_out_of_the_folder(tmp_path, base, name):
    home = tmp_path / "home"
    home.mkdir()
    (tmp_path / "out.yaml").write_text("changes: {title: stolen}")
    (home / "link.yaml").symlink_to(tmp_path / "out.yaml")
    (home / "linked").symlink_to(tmp_path)
    path = write(home, base + f"cases: [{{id: x, file: {name}}}]")
    assert codes(path) == [("E602", "toy.yaml", base.count("\n") + 1, 23)]


def test_missing_case_file(tmp_path, base):
    path = write(tmp_path, base + "cases: [{id: x, file: x1.yaml}]", x2_yaml="title: X")
    assert codes(path) == [("E101", "toy.yaml", base.count("\n") + 1, 23)]


def test_overlay_that_includes_itself(tmp_path, base):
    path = write(tmp_path, base + "cases: [{id: x, file: x.yaml}]", x_yaml="file: y.yaml", y_yaml="# y\nfile: x.yaml")
    assert codes(path) == [("E603", "y.yaml", 2, 7)]
    path = write(tmp_path, base + "cases: [{id: x, file: toy.yaml}]")
    assert [c[0] for c in codes(path)] == ["E603"]
    (tmp_path / "loop.yaml").symlink_to(tmp_path / "loop.yaml")
    assert codes(write(tmp_path, base + "cases: [{id: x, file: loop.yaml}]"))[0][0] in ("E101", "E602")


def test_overlays_of_the_command_line(tmp_path, base):
    path = write(tmp_path, base, o_yaml="sites.ohio.phase: 10 MW", p_yaml="changes: {sites.ohio.phase: {times: 3}}")
    found = load(path, overlays=[tmp_path / "o.yaml", tmp_path / "p.yaml"], clause_kinds={})
    assert found.scenario.sites[1].phase_mw == 30.0
    with pytest.raises(ScenarioError, match="E101"):
        load(path, overlays=[tmp_path / "none.yaml"], clause_kinds={})


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ("sites.ohio.phase: {later: 3 months}", "E203"),
        ("sites.ohio.phase: {times: -1}", "E306"),
        ("chips.tr2.availability: {times: 1.2}", "E306"),
        ("demand.chat-us.volume: {hold_from: soon}", "E207"),
        ("demand.chat-us.volume: {later: 3}", "E301"),
        ("title: {times: 2}", "E203"),
    ],
)
def test_changes_that_do_not_fit(tmp_path, base, change, code):
    assert [c[0] for c in codes(write(tmp_path, base + f"cases: [{{id: x, changes: {{{change}}}}}]"))] == [code]


def test_changes_given_as_text(tmp_path, base):
    path = write(tmp_path, base)
    found = load(path, overlays=[Changes("--set", "sites.ohio.phase: 10 MW")], clause_kinds={})
    origin = found.provenance["sites.ohio.phase"]
    assert (found.scenario.sites[1].phase_mw, origin.origin, origin.where) == (10.0, "overlay", "--set:1:19")
    with pytest.raises(ScenarioError) as caught:
        load(path, overlays=[Changes("--set", "sites.ohio.phase: 10")], clause_kinds={})
    assert str(caught.value) == "--set:1:19 E301 sites.ohio.phase: 10 has no unit, expected power"


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        ("outlook.risk: {kind: expectation}", ((1.0, 0.0),)),
        ("outlook: {risk: {kind: worst_case, weight: 20 %}}", ((0.8, 0.0), (0.2, 1.0))),
        ("outlook.risk: {kind: cvar, level: 80 %}", ((0.7, 0.0), (0.3, 0.8))),  # the same kind is merged
        ("outlook.risk: {level: 80 %}", ((0.7, 0.0), (0.3, 0.8))),
    ],
)
def test_a_mapping_of_another_kind_replaces_the_old_one(tmp_path, base, change, parts):
    uncertain = """
outlook:
  risk: {kind: cvar, level: 90 %, weight: 30 %}
  uncertain:
    - {id: demand, of: [demand.*.volume], process: {kind: trend, growth: 10 %/y}, assumption: a test}
"""
    found = load(write(tmp_path, base + uncertain), overlays=[Changes("--set", change)], clause_kinds={})
    told = [number for part in found.scenario.outlook.risk.parts() for number in part]
    assert told == pytest.approx([number for part in parts for number in part])
