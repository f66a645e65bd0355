"""What each command answers: on a terminal for people, with `--json` one document and nothing else."""

from __future__ import annotations

import json
import re
import time

import pytest

from offtake.api.document import SCHEMA_VERSION as OF_THE_ANSWER
from offtake.cli.app import app
from offtake.cli.failure import SCHEMA_VERSION

from .conftest import QUICK, run

ESCAPE = "\x1b"


def test_the_plan_says_what_to_build_buy_and_commit_and_where_it_is(planned):
    folder, done = planned
    assert done.returncode == 0, done.stderr
    for part in ("Who gains", "What to build", "What to buy", "What is committed", "What binds", "runs/first-site"):
        assert part in done.stdout
    assert done.stdout.splitlines()[-1] == "Next: open runs/first-site/report.html"
    assert (folder / "runs/first-site/report.html").read_text("utf-8").startswith("<!")


def test_a_pipe_gets_no_colours_and_progress_goes_to_standard_error(planned):
    _, done = planned
    assert ESCAPE not in done.stdout + done.stderr
    assert "base case" in done.stderr
    assert "base case:" not in done.stdout


def test_people_get_three_significant_digits_at_most(planned):
    _, done = planned
    body = done.stdout.split("Who gains")[1].split("Run ")[0]
    numbers = re.findall(r"(?<![\w.-])\d[\d,]*\.?\d*(?![\w-])", body)
    wordy = [n for n in numbers if len(n.replace(",", "").replace(".", "").strip("0")) > 3]
    assert [n for n in wordy if not re.fullmatch(r"20\d\d", n)] == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "first-site.yaml", "--json"),
        ("compare", "runs/first-site", "runs/first-site", "--json"),
        ("explain", "runs/first-site", "objective_usd", "--json"),
        ("explain", "E301", "--json"),
        ("explain", "chip", "--json"),
        ("catalog", "sites", "--json"),
        ("catalog", "--json"),
        ("perf", "Trainium2", "DeepSeek-V3", "--json"),
    ],
)
def test_json_is_one_document_and_nothing_else(within, arguments):
    code, out, err = within(*arguments)
    assert code == 0, err
    assert json.loads(out)["schema_version"] == SCHEMA_VERSION == OF_THE_ANSWER


def test_the_answer_keeps_to_its_own_schema(planned, within, mistakes):
    folder, _ = planned
    done = run("plan", "first-site.yaml", "--json", "-o", "runs/json", "--log-file", "log.txt", *QUICK, folder=folder)
    assert (folder / "log.txt").is_file()
    schema = json.loads(within("schema", "--result")[1])
    answer = json.loads(done.stdout)
    assert done.returncode == 0
    assert list(mistakes(answer, schema)) == []
    assert list(mistakes({**answer, "gap": "small"}, schema)) == ["$.gap: 'small' is not ['number', 'null']"]
    saved = json.loads((folder / "runs/json/result.json").read_text("utf-8"))
    assert {**saved, "timings": 0} == {**answer, "timings": 0}


def test_a_changed_value_is_an_input_of_the_run(planned, within):
    folder, _ = planned
    changes = ("--set", "sites.indiana.delay=12 months", "-o", "runs/late", "--no-report", "--relax")
    changed = run("plan", "first-site.yaml", *changes, *QUICK, folder=folder)
    assert changed.returncode == 0, changed.stderr
    assert changed.stdout.splitlines()[-1].startswith("Next: offtake explain runs/late")
    found = json.loads(within("compare", "runs/first-site", "runs/late", "--json")[1])
    (difference,) = found["inputs"]
    assert (difference["path"].partition("].")[2], difference["a"], difference["b"]) == ("delay_months", "0.0", "12.0")
    told = within("compare", "runs/first-site", "runs/late")[1]
    assert "\npeak_it_power_mw (with what is sold outside) " in told
    assert "\npeak_contract_it_power_mw " in told, "what is accepted under the contract stands apart"
    assert "Peak IT power, with what is sold outside" in " ".join(told.split())
    code, _, err = within("report", "runs/late")
    assert code == 2
    assert "--no-report" in err


def test_a_named_case_is_planned_as_a_run_of_its_own(here):
    from offtake.cli.plan import _load

    base, _ = _load(here / "first-site.yaml", (), ())
    first = next(iter(base.cases))
    loaded, name = _load(here / "first-site.yaml", (first,), ())
    assert name == f"first-site-{first}"
    assert loaded.scenario == base.cases[first].scenario != base.scenario
    assert loaded.sources["--case"] == first, "the run's id differs from that of the base case"


def test_the_summary_says_what_it_takes(planned):
    """Funds, what is promised and the returns: as the document has them, and so many digits as people read."""
    folder, said = planned
    parties = json.loads((folder / "runs/first-site/result.json").read_text("utf-8"))["parties"]
    mine, works = parties["offtaker"], parties["provider"]["infrastructure"]
    out = " ".join(said.stdout.split())
    assert f"Funding: ${mine['peak_funding_need_usd'] / 1e6:.3g} M (" in out
    assert (
        f"Commitment: ${mine['firm_commitment_usd'] / 1e9:.3g} bn (${mine['planned_spend_usd'] / 1e9:.3g} bn planned)"
        in out
    )
    assert f"Return: {100 * works['irr']:.2g} % (" in out
    assert "over the 3 named cases), rate of return (IRR)" in out
    assert mine["peak_emergency_loan_usd"] == mine["emergency_loan_usd"] == 0.0
    assert "emergency loan" not in out


def test_what_binds_is_said_in_words_and_by_the_names_that_explain_takes(planned, within):
    out = " ".join(planned[1].stdout.split())
    assert "building pace at A site in Indiana" in out
    names = out.partition("As offtake explain names them: ")[2].partition(".")[0].split("; ")
    assert "building pace at indiana" in names
    for name in names:
        code, told, _ = within("explain", "runs/first-site", f"bottlenecks[{name}, 2030/31].price")
        assert code == 0
        assert "formula: derivative of the optimum" in told


def test_explain_leads_to_a_line_of_the_file(within):
    _, out, _ = within("explain", "runs/first-site", "parties.provider.npv_usd")
    assert "formula: " in out
    assert "[first-site.yaml:" in out


def test_explain_is_brief_and_keeps_everything_behind_an_option(within):
    _, brief, _ = within("explain", "runs/first-site", "peak_contract_it_power_mw")
    assert len(brief.splitlines()) <= 12, "ten lines, of which a terminal breaks the formula"
    assert brief.rstrip().endswith("offtake explain runs/first-site peak_contract_it_power_mw --all")
    _, whole, _ = within("explain", "runs/first-site", "peak_contract_it_power_mw", "--all")
    _, found, _ = within("explain", "runs/first-site", "peak_contract_it_power_mw", "--json")
    lines = json.loads(found)["lines"]
    assert all(line in whole for line in lines)
    assert lines.index("inputs:") < len(lines) - 20
    assert "Grid operator" in whole, "the tables are printed"
    _, key, _ = within("explain", "peak_funding_need_usd")
    assert key.startswith("parties.offtaker.peak_funding_need_usd")
    assert json.loads(within("explain", "peak_funding_need_usd", "--json")[1])["key"] == "peak_funding_need_usd"


def test_the_report_can_be_written_anywhere(planned, within):
    assert within("report", "runs/first-site", "-o", "elsewhere/page.html")[0] == 0
    _, piped, _ = within("report", "runs/first-site", "-o", "-")
    assert piped == (planned[0] / "elsewhere/page.html").read_text("utf-8")


def test_init_writes_the_tutorial_once(offtake, tmp_path, root):
    assert offtake("init").stdout.splitlines()[-1] == "Next: offtake plan first-site.yaml"
    written = tmp_path / "first-site.yaml"
    assert written.read_bytes() == (root / "examples" / "first-site.yaml").read_bytes()
    written.write_text("mine", "utf-8")
    assert offtake("init").returncode == 2
    assert written.read_text("utf-8") == "mine"
    assert offtake("init", "--force").returncode == 0
    assert written.read_text("utf-8") != "mine"


def test_help_names_every_command_and_is_quick(offtake):
    began = time.perf_counter()
    plain = offtake(code="pass")
    base = time.perf_counter() - began
    help_ = offtake("--help")
    took = time.perf_counter() - began - base
    assert plain.returncode == 0
    assert all(f" {name} " in help_.stdout for name in app if not name.startswith("-"))
    assert took < base + 1.0  # 0.2 s where nothing else runs; the budget is 0.3 s


def test_help_imports_nothing_heavy(offtake):
    code = (
        "import sys\nfrom offtake.cli.app import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "print({'numpy', 'highspy', 'duckdb', 'pydantic', 'scipy'} & set(sys.modules), file=sys.stderr)"
    )
    assert offtake(code=code).stderr.strip() == "set()"


def test_check_says_nothing_is_wrong(within):
    code, out, err = within("check", "first-site.yaml")
    assert (code, err) == (0, "")
    assert out.splitlines()[-1] == "Next: offtake plan first-site.yaml"


def test_perf_says_why_a_latency_cannot_be_met(within):
    code, out, _ = within("perf", "Trainium2", "DeepSeek-V3", "--tpot", "0.01 ms/tok")
    assert code == 1
    assert "cannot be met" in out
