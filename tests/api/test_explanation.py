"""Every number of the document can say where it came from."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import offtake
from offtake.api.explanation import FORMULAS, explain_key
from offtake.api.grouped_inputs import grouped_inputs
from offtake.report.data import report_table
from offtake.runs.compare import flatten

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "first-site.yaml"
IDENTITY = ("schema_version", "seed", "timings.")
"""Numbers that identify a run, or are no result of it."""


@pytest.fixture(scope="module")
def answer():
    return offtake.plan(EXAMPLE, cases=False)


def test_every_number_has_a_formula(answer):
    numbers = {path for path, value in flatten(answer.document).items() if isinstance(value, float | int)}
    told = {path for path in numbers if any(re.fullmatch(formula.paths, path) for formula in FORMULAS)}
    assert len(told) > 100
    assert [path for path in sorted(numbers - told) if not path.startswith(IDENTITY)] == []


def test_a_list_is_explained_by_its_name(answer):
    told = str(offtake.explain(answer, "commitments"))
    assert "commitments[" in told
    assert "formula: the clause settled exactly" in told


PEAKS = ("peak_it_power_mw", "peak_facility_power_mw", "peak_contract_it_power_mw", "peak_contract_facility_power_mw")


@pytest.mark.parametrize("peak", PEAKS)
def test_a_peak_is_told_in_ten_lines_and_keeps_every_input(answer, peak):
    told = offtake.explain(answer, peak)
    assert len(told.brief) <= 10
    assert sum(line.startswith("  chips.trainium2") for line in told.brief) == 1, "a chip once, with all its inputs"
    inputs = told.lines[told.lines.index("inputs:") + 1 :]
    (head,) = (line for line in told.brief if line.startswith("inputs, "))
    assert head == f"inputs, {len(inputs)}, the largest first:"
    counted = sum(int(n) for line in told.brief for n in re.findall(r"(?:: |and )(\d+) (?:more )?inputs?\b", line))
    counted += sum(" = " in line for line in told.brief if line.startswith("  "))
    assert counted == len(inputs), "what is folded is counted"


def entry(line, text="1 MW", origin="file"):
    where = "default, untouched" if origin == "default" else f"a.yaml:{line}:1"
    return {"text": text, "where": where, "source": "a map", "assumption": "", "origin": origin}


def test_the_largest_of_every_part_come_first_and_the_rest_is_counted():
    """Ohio has the most power in 2031, the year in which all have most; what was largest in another year does not count."""
    sizes = [
        ("texas", 2030, 90.0),
        ("ohio", 2030, 10.0),
        ("texas", 2031, 60.0),
        ("ohio", 2031, 70.0),
        ("utah", 2031, 5.0),
    ]
    tables = {
        "sites": report_table("sites", [(s, "", "", y, 0.0, 0.0, mw) for s, y, mw in sizes]),
        "chips": report_table("chips", [("new", 2031, 0.0, 0.0, 120.0), ("old", 2031, 0.0, 0.0, 15.0)]),
    }
    paths = [
        *(f"sites.{s}.{k}" for s in ("texas", "ohio", "utah") for k in ("phase", "ramp")),
        "contract.capacity_ceiling", "chips.old.life", "chips.old.price", "chips.new.life", "chips.new.price", "chips.new.idle",
    ]  # fmt: skip
    provenance = {p: entry(k + 1) for k, p in enumerate(paths)}
    provenance["sites.ohio.phase"] = entry(0, origin="default")
    assert grouped_inputs(provenance, paths, tables, most=4) == [
        "inputs, 12, the largest first:",
        "  sites.ohio (70 MW of IT in 2031): 2 inputs from [a.yaml:4:1]",
        "  contract.capacity_ceiling = 1 MW  [a.yaml:7:1] a map",
        "  chips.new (120 MW of IT in 2031): 3 inputs from [a.yaml:10:1]",
        "  sites.texas (60 MW of IT in 2031): 2 inputs from [a.yaml:1:1]",
        "  and 4 more inputs of 2 others: chips.old, sites.utah",
    ]
    assert grouped_inputs(provenance, paths[:4], {})[0] == "inputs, 4:", (
        "without sizes nothing is said of what is largest"
    )


def test_an_entry_of_the_scenario_lists_its_inputs(answer):
    told = offtake.explain(answer, "sites.indiana")
    assert all(line.startswith("sites.indiana.") for line in told.lines)
    assert any(line.startswith("sites.indiana.lead_time = ") for line in told.lines)


def test_a_key_is_explained_without_a_run():
    for key in (
        "funding_need_usd",
        "peak_funding_need_usd",
        "peak_emergency_loan_usd",
        "firm_commitment_usd",
        "planned_spend_usd",
        "irr",
    ):
        found = explain_key(key)
        assert found is not None, key
        assert all(path.endswith(f".{key}") for path in found.lines[::2])
        assert all(words.startswith("  formula: ") for words in found.lines[1::2])
    assert explain_key("irr").lines[::2] == ("parties.offtaker.irr", "parties.provider.infrastructure.irr")
    assert explain_key("nothing_of_the_kind") is None
