"""Assumptions that move together, and lines of credit that are left alone."""

from __future__ import annotations

import numpy as np
import pytest

from offtake.api.prepare import assumptions, load, prepare
from offtake.api.views import _amount
from offtake.deal.quantities import Measure
from offtake.plan.run import plan_inputs


def test_all_prices_of_tokens_are_one_assumption(examples):
    loaded = load(examples / "alliance-5gw.yaml")
    found, base = assumptions(loaded)
    paths = [a.path for a in found]
    assert "demand.*.price" in paths
    assert not [p for p in paths if p.startswith("demand.") and p.endswith(".price") and "*" not in p]
    assert base["demand.*.price"] == 1.0


def test_a_group_moves_every_member_to_its_own_end(examples):
    loaded = load(examples / "alliance-5gw.yaml")
    group = next(a for a in assumptions(loaded)[0] if a.path == "demand.*.volume")
    low = group.world(group.low).base
    for entry in loaded.scenario.demand:
        origin = loaded.provenance[f"demand.{entry.id}.volume"]
        factor = 1.0 if origin.low is None or origin.high is None else origin.low
        day = loaded.scenario.valuation_date
        moved = next(e for e in low.demand if e.id == entry.id)
        assert moved.volume_tok_per_d.at(day) == pytest.approx(factor * entry.volume_tok_per_d.at(day))


def test_a_group_at_its_base_is_the_scenario(examples):
    loaded = load(examples / "first-site.yaml")
    for assumption in assumptions(loaded)[0]:
        if "*" in assumption.path:
            assert assumption.world(1.0).base.demand == loaded.scenario.demand


def test_nothing_is_drawn_and_repaid_within_a_period(examples):
    """It would cost no interest and mean nothing; the tie-break leaves it alone."""
    plan = plan_inputs(prepare(load(examples / "first-site.yaml")).inputs).alliance
    for party in ("offtaker", "provider"):
        for prefix in ("", "emergency_"):
            drawn, repaid = (
                plan.quantities[Measure("money_usd", party, f"{prefix}{what}")][0] for what in ("draw", "repay")
            )
            assert np.minimum(drawn, repaid).max() < 1.0


@pytest.mark.parametrize(
    ("value", "unit", "series", "words"),
    [
        (25e9, "USD", False, "25 bn USD"),
        (2.5e27, "FLOP", False, "2.5e27 FLOP"),
        (300_000.0, "chip", False, "300 k chip"),
        (45.0, "MW/month", False, "45 MW/month"),
        (0.135, "%/y", False, "13.5 %/y"),
        (0.5, "USD/Mtok", True, "× 0.5"),
    ],
)
def test_the_ends_of_an_assumption_are_written_as_short_as_its_value(value, unit, series, words):
    assert _amount(value, unit, series=series) == words
