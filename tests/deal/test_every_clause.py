"""Rules 1 and 2 for every clause alone, every pair of clauses, and a thousand random contracts, under several objectives.

The kinds come from the registry and their terms from tests/deal/terms; a kind without a module there fails.
"""

from __future__ import annotations

import importlib.util
import itertools
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from offtake.dates import Grid
from offtake.deal.contract import Contract, DealFacts, measures_of
from offtake.deal.settle import flows_of
from offtake.deal.trial import try_contract
from offtake.ledger.books import books
from offtake.ledger.opening import Opening
from offtake.registry import components

GRID = Grid.of(date(2026, 7, 1), quarters=2, half_years=1, years=2)
FACTS = DealFacts(
    valuation_date=GRID.start,
    horizon=GRID.end,
    chips=("a", "b"),
    it_w_per_chip={"a": 873.0, "b": 1300.0},
    channels={"cloud": "provider", "direct": "offtaker"},
)
START, END = date(2026, 4, 20), date(2028, 10, 20)
PER_DAY = {"chip_h": 4e6, "usd": 3e6}
SENSES = ("pay", "be-paid", "mixed")
KINDS = tuple(components("clause"))
FOLDER = Path(__file__).parent / "terms"


def module(kind):
    spec = importlib.util.spec_from_file_location(f"terms_{kind}", FOLDER / f"{kind}.py")
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


MODULES = {kind: module(kind) for kind in KINDS if (FOLDER / f"{kind}.py").exists()}


def read(raw):
    return components("clause")[raw["kind"]].model_validate(raw)


def with_needs(*kinds):
    """Kinds with those that they need beside them, each once."""
    found = dict.fromkeys(kinds)
    for kind in kinds:
        found |= dict.fromkeys(getattr(MODULES[kind], "NEEDS", ()))
    return tuple(found)


def contract(clauses, *, signed="yes", start=START, end=END):
    return Contract(id="deal", start=start, end=end, clauses=tuple(clauses), signed=signed)


def limits(deal):
    """Largest value of each measure by period."""
    return {m: _most(m) for m in measures_of(deal, FACTS)}


def _most(measure):
    if measure.sort == "state":
        return 1.0
    return 400.0 if measure.sort == "level" else PER_DAY[measure.unit] * GRID.days


def check(deal, sense, seed):
    """Rule 1: what the plan paid is what is owed.  Rule 2: posted on both sides, claims mirror on every date."""
    outcome = try_contract(deal, FACTS, GRID, limits(deal), rng=np.random.default_rng(seed), sense=sense, gap=0.5)
    assert outcome.holds, [a for a in outcome.agreements if not a.holds]
    books(flows_of(outcome.settled.dues), opening=Opening(date=FACTS.valuation_date))
    return outcome


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_terms_to_be_tested_with(kind):
    assert kind in MODULES, f"add tests/deal/terms/{kind}.py with EXAMPLE and drawn(draw, contract)"
    assert MODULES[kind].EXAMPLE["kind"] == MODULES[kind].EXAMPLE["id"] == kind


@pytest.mark.parametrize("signed", ["yes", "decide"])
@pytest.mark.parametrize("sense", SENSES)
@pytest.mark.parametrize("kind", MODULES)
def test_a_clause_alone(kind, sense, signed):
    deal = contract([read(MODULES[k].EXAMPLE) for k in with_needs(kind)], signed=signed)
    check(deal, sense, seed=SENSES.index(sense))


@pytest.mark.parametrize("pair", list(itertools.combinations(MODULES, 2)), ids="+".join)
def test_a_pair_of_clauses(pair):
    number = KINDS.index(pair[0]) + KINDS.index(pair[1])
    deal = contract([read(MODULES[k].EXAMPLE) for k in with_needs(*pair)])
    check(deal, SENSES[number % 3], seed=number)


@st.composite
def contracts(draw):
    """Random contracts of one to three kinds with what they need, anywhere on the grid, signed or for the plan to sign."""
    start = date(2025, 12, 1) + timedelta(days=draw(st.integers(0, 500)))
    bare = contract((), start=start, end=start + timedelta(days=draw(st.integers(200, 1400))))
    count = draw(st.sampled_from([1, 1, 2, 2, 3]))
    kinds = draw(st.lists(st.sampled_from(list(MODULES)), min_size=count, max_size=count, unique=True))
    terms = [MODULES[k].drawn(draw, bare) for k in with_needs(*kinds)]
    signed = draw(st.sampled_from(["yes", "yes", "decide"]))
    return contract([read(t) for t in terms], signed=signed, start=bare.start, end=bare.end)


@settings(
    max_examples=1000, phases=(Phase.explicit, Phase.generate)
)  # a failure is small enough: shrinking takes minutes
@given(deal=contracts(), seed=st.integers(0, 10_000), sense=st.sampled_from(SENSES))
def test_random_contracts(deal, seed, sense):
    check(deal, sense, seed)
