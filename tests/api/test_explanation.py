"""Every number of the document can say where it came from."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import offtake
from offtake.api.explanation import FORMULAS
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
