"""The core blocks and every convex clause, written twice from the scenario, have the same optimum."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from plan_toys import build, busy, compile_problem, contract, inputs

from offtake.lp.highs import Solver

pytest.importorskip("linopy")

RENT = {
    "kind": "chip_price",
    "id": "rent",
    "prices": {"c": "1.1 USD/chip-h", "n": {"2026-07-01": "2.2 USD/chip-h", "2027-07-01": "1.9 USD/chip-h"}},
    "escalator": "3 %/y",
}
# Each clause is convex in what the offtaker pays: where its weight is the larger one, the relaxation pays no more than is owed.
CLAUSES = {
    "chip_price": [{**RENT, "interval": "half_year", "due": "45 days"}],
    "take_or_pay": [
        RENT,
        # more than can ever be delivered, so that what is available is all that is delivered
        {
            "kind": "take_or_pay",
            "id": "top",
            "interval": "year",
            "tranches": [{"id": "all", "chip": "c", "count": "1 M chip", "minimum": "90 %", "price": "1.3 USD/chip-h"}],
        },
    ],
    "spend_commitment": [
        RENT,
        {
            "kind": "spend_commitment",
            "id": "commit",
            "total": "900 M USD",
            "floors": ["310 M USD", "450 M USD"],
            "counts": {"rent": "90 %"},
        },
    ],
    "revenue_share": [
        RENT,
        {
            "kind": "revenue_share",
            "id": "share",
            "base": "gross_profit",
            "rates": {"cloud": "40 %", "direct": "7 %"},
            "floor": "9 M USD/y",
        },
    ],
    "equity_tranche": [RENT, {"kind": "equity_tranche", "id": "stake", "amount": "90 M USD", "date": "2026-10-11"}],
    "term_loan": [
        RENT,
        {
            "kind": "term_loan",
            "id": "loan",
            "lender": "provider",
            "borrower": "offtaker",
            "draws": [{"date": "2026-09-01", "amount": "110 M USD"}],
            "maturity": "2028-03-01",
            "rate": "8 %/y",
        },
    ],
}


def same(scenario):
    """Compare the two optima of a scenario; return the first."""
    from second_model import optimum

    world = inputs(scenario)
    made = build(compile_problem(world))
    arrays = made.model.build()
    solution = Solver(replace(arrays, integer=np.zeros(arrays.columns, dtype=bool))).solve(method="dual simplex")
    assert solution.status.solved
    assert optimum(world.base) == pytest.approx(solution.objective, rel=1e-9)
    return solution.objective


def test_the_core_where_cash_is_short():
    # The provider must borrow at 12 %, and from the lender of last resort at 30 %.
    scenario = busy()
    scenario["parties"]["provider"]["cash"] = "90 M USD"
    scenario["parties"]["provider"]["min_cash"] = "15 M USD"
    scenario["parties"]["provider"]["facility"] |= {"limit": "70 M USD", "rate": "12 %/y"}
    assert same(scenario) < 610.0  # 610.6 with all the cash that it wants


def test_every_convex_clause():
    rest = [clauses[-1] for kind, clauses in CLAUSES.items() if kind != "chip_price"]
    scenario = busy(contract=contract(*CLAUSES["chip_price"], *rest, start="2026-07-01", end="2028-07-01"))
    scenario["objective"] |= {"maximise": "weighted", "weights": {"offtaker": 0.7, "provider": 0.4}}
    for party in scenario["parties"].values():
        party["cash"] = "3 bn USD"
    same(scenario)
