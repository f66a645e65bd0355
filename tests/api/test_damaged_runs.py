"""A damaged run directory: what can still be compared is, and why it has no split by cause is said."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

import offtake
from offtake.api.causes import INPUTS
from offtake.errors import OfftakeError
from offtake.runs.record import load, save
from offtake.tables import Table

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "first-site.yaml"
SAID = "not as it was written"


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Return a run directory, and the run that it holds."""
    target = save(offtake.plan(EXAMPLE, cases=False).record, tmp_path_factory.mktemp("runs") / "whole")
    return target, load(target)


def first_row(table, **changed):
    """Return a table whose first row has other values."""
    rows = [tuple(row.values()) for row in table.rows()]
    names = [c.name for c in table.columns]
    rows[0] = tuple(changed.get(name, value) for name, value in zip(names, rows[0], strict=True))
    return Table(table.name, table.columns, rows)


DAMAGE = {
    "a value that is no number": lambda t: {**t, "quantities": first_row(t["quantities"], value=math.nan)},
    "a value that is missing": lambda t: {**t, "quantities": first_row(t["quantities"], value=None)},
    "a period after the last": lambda t: {**t, "quantities": first_row(t["quantities"], period=10_000)},
    "a period before the first": lambda t: {**t, "quantities": first_row(t["quantities"], period=-1)},
}


@pytest.mark.parametrize("name", DAMAGE)
def test_quantities_that_cannot_be_leave_the_comparison_without_causes(whole, tmp_path, name):
    target, run = whole
    broken = save(replace(run, tables=DAMAGE[name](run.tables)), tmp_path / "broken")
    found = offtake.compare(broken, target)
    assert found.causes is None
    assert SAID in found.why


@pytest.mark.parametrize("table", ["rights", "quantities"])
def test_a_table_that_the_manifest_does_not_name_is_told(whole, tmp_path, table):
    target, run = whole
    broken = save(run, tmp_path / "broken")
    manifest = json.loads((broken / "manifest.json").read_text("utf-8"))
    (name,) = [n for n in manifest["files"] if n.startswith(f"tables/{table}.")]
    del manifest["files"][name]
    (broken / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    found = offtake.compare(broken, target)
    assert found.causes is None
    assert "plan it again" in found.why


@pytest.mark.parametrize("text", ["no JSON", "{", "[1, 2", ""])
def test_inputs_that_are_no_json_are_told(whole, tmp_path, text):
    target, run = whole
    broken = save(replace(run, extra={**run.extra, INPUTS: text}), tmp_path / "broken")
    found = offtake.compare(broken, target)
    assert found.causes is None
    assert INPUTS in found.why
    assert SAID in found.why


def test_a_file_that_was_changed_afterwards_is_refused(whole, tmp_path):
    target, run = whole
    broken = save(run, tmp_path / "broken")
    (broken / INPUTS).write_text("no JSON", "utf-8")
    with pytest.raises(OfftakeError, match=f"{INPUTS} changed or went missing"):
        offtake.compare(broken, target)
