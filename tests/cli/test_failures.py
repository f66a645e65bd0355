"""Every failure ends in words, an exit code and no traceback; with `--json` also in a document."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from offtake.cli import failure
from offtake.cli.app import main
from offtake.errors import InfeasibleError, LedgerImbalance, SolverError

from .conftest import run

MISTAKES = [
    ("plan", "missing.yaml"),
    ("plan", "."),
    ("plan", "first-site.yaml", "--set", "sites.indiana.phase=5"),
    ("plan", "first-site.yaml", "--set", "sites.nowhere.phase=5 MW"),
    ("plan", "first-site.yaml", "--set", "nothing"),
    ("plan", "first-site.yaml", "--case", "no-such-case"),
    ("plan", "first-site.yaml", "--case", "no-such-file.yaml"),
    ("plan", "first-site.yaml", "--gap", "200 %"),
    ("plan", "first-site.yaml", "--gap", "small"),
    ("plan", "first-site.yaml", "--time-limit", "0"),
    ("plan", "first-site.yaml", "--seed", "x"),
    ("plan", "first-site.yaml", "-o", "first-site.yaml"),
    ("plan", "first-site.yaml", "-o", "first-site.yaml/run"),
    ("plan", "first-site.yaml", "-o", "."),
    ("plan", "first-site.yaml", "-o", "x" * 300),
    ("plan", "first-site.yaml", "--log-file", "no/such/folder/log"),
    ("plan", "first-site.yaml", "--gpa", "1 %"),
    ("plan",),
    ("plan", "first-site.yaml", "another.yaml"),
    ("paln", "first-site.yaml"),
    ("check", "missing.yaml"),
    ("compare", "a", "b"),
    ("report", "nowhere"),
    ("explain", "nowhere", "objective_usd"),
    ("explain", "first-site.yaml"),
    ("explain", "E999"),
    ("explain", "zzzz"),
    ("explain", "z" * 5000),
    ("catalog", "chip"),
    ("perf", "Tranium2", "DeepSeek-V3"),
    ("perf", "Trainium2", "DeepSeek-V3", "--ttft", "2"),
    ("schema", "-o", "first-site.yaml/schema.json"),
    ("init", "first-site.yaml/again.yaml"),
]


def _called(capsys, *arguments):
    with pytest.raises(SystemExit) as end:
        main(arguments)
    said = capsys.readouterr()
    return end.value.code, said.out, said.err


@pytest.mark.parametrize("arguments", MISTAKES, ids=" ".join)
def test_a_mistake_of_the_user_is_words_and_code_2(here, capsys, arguments):
    capsys.readouterr()
    code, out, err = _called(capsys, *arguments)
    assert (code, out) == (2, "")
    assert err.strip()
    assert "Traceback" not in err
    assert not (here / "runs").exists()


@pytest.mark.parametrize(
    "arguments", [m for m in MISTAKES if m[0] in ("plan", "check", "compare", "perf")], ids=" ".join
)
def test_with_json_it_is_a_document_too(here, capsys, arguments):
    capsys.readouterr()
    code, out, _ = _called(capsys, *arguments, "--json")
    document = json.loads(out)
    assert code == 2
    assert document["schema_version"] == failure.SCHEMA_VERSION
    assert document["diagnostics"][0]["message"]


def test_a_mistake_in_the_file_is_shown_with_line_and_caret(here, capsys):
    file = here / "first-site.yaml"
    file.write_text(file.read_text("utf-8").replace("pue:", "peu:", 1), "utf-8")
    capsys.readouterr()
    code, _, err = _called(capsys, "check", "first-site.yaml")
    assert code == 2
    assert "E201" in err
    assert "^^^" in err
    assert "did you mean `pue`?" in err


def test_a_changed_value_is_shown_like_a_line_of_a_file(here, capsys):
    capsys.readouterr()
    _, _, err = _called(capsys, "plan", "first-site.yaml", "--set", "sites.indiana.phase=5")
    assert err.startswith("--set:1:22 E301 sites.indiana.phase: 5 has no unit")


@pytest.mark.parametrize(
    ("words", "expected"),
    [(("explain", "E31"), "'E31'"), (("plan", "x", "--gpa", "1"), "--gap"), (("explain", "offtakre"), "offtaker")],
)
def test_the_nearest_word_is_named(here, capsys, words, expected):
    capsys.readouterr()
    assert expected in _called(capsys, *words)[2]


def test_a_foreign_folder_is_refused_before_anything_is_solved(here, capsys):
    (here / "mine").mkdir()
    (here / "mine" / "letter.txt").write_text("dear", "utf-8")
    capsys.readouterr()
    code, _, err = _called(capsys, "plan", "first-site.yaml", "-o", "mine")
    assert code == 2
    assert "no run wrote it" in err
    assert "base case" not in err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InfeasibleError("no plan meets all limits", ["interconnection at indiana"]), 3),
        (SolverError("numbers"), 3),
        (LedgerImbalance("off by a cent"), 4),
        (TypeError("secret 42 MW"), 4),
    ],
)
def test_what_is_not_the_users_mistake_has_its_code(here, capsys, error, code):
    capsys.readouterr()
    assert failure.failed(error, json=True) == code
    said = capsys.readouterr()
    assert json.loads(said.out)["schema_version"] == failure.SCHEMA_VERSION
    if isinstance(error, InfeasibleError):
        assert "interconnection at indiana" in said.err


def test_an_internal_error_leaves_a_report_without_the_users_data(offtake, tmp_path):
    (tmp_path / "secret-site.yaml").write_text("offtake: 1\n", "utf-8")
    code = (
        "import sys, offtake.api\n"
        "def broken(path, **_):\n    raise KeyError('secret ' + str(path))\n"
        "offtake.api.check = broken\n"
        "from offtake.cli.app import main\nmain(['check', 'secret-site.yaml'])"
    )
    done = offtake(code=code)
    (report,) = tmp_path.glob("offtake-fault-*.txt")
    assert done.returncode == 4
    assert report.name in done.stderr
    text = report.read_text("utf-8")
    assert "KeyError" in text
    assert "offtake/cli/check.py" in text
    assert "numpy" in text
    assert "secret" not in text + done.stderr
    assert str(tmp_path) not in text


def test_a_reader_that_leaves_early_is_no_error(tmp_path):
    pipe = subprocess.Popen(
        [sys.executable, "-m", "offtake", "catalog", "sites", "--sources"],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    pipe.stdout.close()
    assert (pipe.wait(), pipe.stderr.read()) == (0, b"")
    pipe.stderr.close()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")  # noqa: PTH110
@pytest.mark.parametrize("arguments", [("--help",), ("explain", "chip"), ("explain", "chip", "--json")])
def test_output_that_cannot_be_written_is_said(tmp_path, arguments):
    with open("/dev/full", "w") as full:  # noqa: PTH123
        done = subprocess.run(
            [sys.executable, "-m", "offtake", *arguments], cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )  # fmt: skip
    assert done.returncode == 2
    assert "standard output cannot be written" in done.stderr
    assert "Traceback" not in done.stderr


def test_closed_streams_are_no_error(tmp_path):
    command = '"$0" -m offtake explain chip >&- 2>&-'  # the interpreter's path may hold a space
    assert subprocess.run(["sh", "-c", command, sys.executable], cwd=tmp_path, check=False).returncode == 0


@pytest.mark.parametrize("command", ["check", "plan"])
def test_a_file_too_large_is_refused_before_anything_is_loaded(tmp_path, command):
    (tmp_path / "big.yaml").write_bytes(b"a" * 10_000_000)
    words = f"""
import sys
from offtake.cli.app import main
try:
    main([{command!r}, "big.yaml"])
finally:
    sys.exit(9 if "offtake.api" in sys.modules else 0)
"""
    done = run(folder=tmp_path, code=words)
    assert "E102" in done.stderr
    assert done.returncode == 0, "loading what solves takes longer than the second that a refusal may take"
