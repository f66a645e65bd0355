"""The flagship: its base case and those in which demand is low or stops, planned as a user would, and read as a sceptic would."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from offtake.api import Answer, load, plan
from offtake.api.backlog import obligations
from offtake.deal.quantities import Measure
from offtake.ledger.earned import revenue_identity
from offtake.plan.ceiling import in_service_at
from offtake.spec.overlay import Changes

ALLIANCE = Path(__file__).parents[1] / "examples" / "alliance-5gw.yaml"
ONE_PATH = load(ALLIANCE, overlays=[Changes("one path", "outlook.paths: 1")])
"""As the scenario is written; what several futures make of it is tested where planning under uncertainty is."""


@pytest.fixture(scope="module")
def base() -> Answer:
    return plan(ONE_PATH, cases=False)


@pytest.fixture(scope="module", params=["low", "falter"])
def bad(request: pytest.FixtureRequest) -> Answer:
    return plan(ONE_PATH.cases[request.param], cases=False)


def test_the_base_case_is_solved_to_its_gap_and_certified(base: Answer) -> None:
    document = base.document
    assert document["status"] == "optimal"
    assert 0.0 <= document["gap"] <= 0.005
    assert document["certificate"]["ok"]
    assert document["certificate"]["prices"]["ok"]


def test_the_problems_money_is_the_settled_money(base: Answer) -> None:
    total = sum(float(f.amount) for f in base.plan.flows)
    assert base.document["certificate"]["money_difference_usd"] <= max(0.01, 1e-6 * total)
    assert base.document["objective_usd"] == pytest.approx(base.plan.solved.exact.objective * 1e6, rel=1e-7)


def test_power_chips_and_demand_are_never_exceeded(base: Answer) -> None:
    problem, decisions = base.plan.problem, base.plan.decisions
    slack = 1e-6
    assert (decisions.energised_mw <= problem.sites.interconnected_mw + slack).all()
    assert (decisions.accepted_chip <= decisions.in_service_chip + slack * 1e3).all()
    assert (decisions.tokens <= problem.demand.volume_tok * (1 + slack) + 1.0).all()
    # The ceiling holds for what the offtaker takes, and for all that is accepted less what the provider sells outside.
    chips, hours = problem.chips, problem.grid.days * 24.0
    taken_mw = sum(
        base.plan.quantities[Measure("offtake_chip_h", chip)][0]
        * chips.it_w_per_chip[c]
        / chips.availability_frac[c]
        / 1e6
        / hours
        for c, chip in enumerate(chips.ids)
        if Measure("offtake_chip_h", chip) in base.plan.quantities
    )
    assert 4_000.0 < taken_mw.max() <= problem.ceiling_it_mw * (1 + slack)
    assert base.document["peak_contract_it_power_mw"] <= problem.ceiling_it_mw * (1 + slack)


def test_the_ceiling_holds_at_any_time_and_not_only_on_average(base: Answer) -> None:
    """Chips that arrive, leave and are retired, hour by hour: all above the ceiling waits, so that no more is accepted than lies below."""
    problem, decisions, built, x = base.plan.problem, base.plan.decisions, base.plan.built, base.plan.solved.x
    grid, fleet, of_fleet = problem.grid, built.physics.fleet, problem.fleets.chip
    kw = problem.chips.it_w_per_chip[of_fleet] / 1e3
    outside = base.plan.problem.work.by_kind("resale")
    pool = problem.work.pool[outside]
    hours = grid.days[:, None] * 24.0 * problem.chips.availability_frac[of_fleet[pool]]
    sold = (decisions.hours_chip_h[0][:, outside] / hours) @ (kw[pool] / 1e3)
    retired = ((fleet.in_service - fleet.ready).value(x)[0]) @ kw
    under = decisions.accepted_chip[0] @ kw / 1e3 - sold
    times = np.linspace(grid.edges_days[:-1], grid.edges_days[1:], 10_001, axis=1)
    stands = in_service_at(problem, fleet.orders, times).value(x)[0] - (retired + sold)[:, None]
    room = np.minimum(stands, problem.ceiling_it_mw)
    most = (room[:, 1:] + room[:, :-1]).mean(axis=1) / 2
    assert stands.max() > 1.01 * problem.ceiling_it_mw  # so that it says something
    assert (under <= problem.ceiling_it_mw * (1 + 1e-9)).all()
    assert (under <= most * (1 + 1e-5)).all()  # but for the steps of these means
    ends = model_ends(base)
    assert ends.max() <= problem.ceiling_it_mw + 1e-6


def model_ends(base: Answer) -> np.ndarray:
    """What is accepted under the contract at the end of each quarter, as the plan has it [MW]."""
    built, x = base.plan.built, base.plan.solved.x
    block = built.model.row_block("ceiling")
    return np.where(block.index >= 0, block.expr.value(x), 0.0)[:, :, 1:]


def test_both_parties_gain_and_neither_needs_the_emergency_loan(base: Answer) -> None:
    for party in ("offtaker", "provider"):
        mine = base.document["parties"][party]
        assert mine["against_no_alliance_usd"] > 0
        assert mine["emergency_loan_usd"] == 0.0
        assert mine["min_cash_usd"] >= 0.0


def test_answers_lie_where_public_figures_do(base: Answer) -> None:
    """Contract 8 to 13 and revenue 8 to 25 M USD per MW-year; not profitable from the first day."""
    found = base.document["plausibility"]
    assert 8e6 <= found["contract_usd_per_mw_y"] <= 13e6
    assert 8e6 <= found["revenue_usd_per_mw_y"] <= 25e6
    assert base.document["parties"]["offtaker"]["breakeven_date"] > "2027-07-01"
    assert 1_300 <= sum(s[next(iter(s))] for s in base.document["energised_mw"].values()) / 1.2 <= 1_500


def test_the_commitment_does_not_bind_in_the_base_case(base: Answer) -> None:
    assert sum(c["true_up_usd"] for c in base.document["commitments"] if c["kind"] == "spend_commitment") == 0.0


def test_commitments_are_met_or_trued_up_when_demand_is_low_or_stops(bad: Answer) -> None:
    spend = [c for c in bad.document["commitments"] if c["kind"] == "spend_commitment"]
    assert {c["scope"] for c in spend} == {"interval", "term"}
    for commitment in spend:
        for interval in commitment["intervals"]:
            short = max(0.0, interval["committed_usd"] - interval["paid_usd"])
            assert interval["true_up_usd"] == pytest.approx(short, rel=1e-9, abs=0.01)
    settled = sum(float(f.amount) for f in bad.plan.flows if f.account == "true_up")
    assert settled == pytest.approx(sum(c["true_up_usd"] for c in spend), abs=1.0)


def test_the_document_has_what_the_outside_reads(base: Answer) -> None:
    document = base.document
    for path in [
        "schema_version",
        "status",
        "foresight",
        "objective_usd",
        "penalties_usd",
        "gap",
        "valuation_date",
        "peak_it_power_mw",
        "peak_facility_power_mw",
        "energised_mw",
        "chips",
        "tokens.served",
        "tokens.unserved",
        "commitments",
        "bottlenecks",
        "circularity.returned_share",
        "circularity.funded_share",
        "cases",
        "certificate",
        "timings",
        "reasons",
        "no_alliance.offtaker",
        "no_alliance.provider",
        "parties.provider.infrastructure.npv_usd",
        "parties.provider.infrastructure.irr",
        "parties.provider.equity_stake",
        "parties.offtaker.peak_funding_need_usd",
        "parties.offtaker.breakeven_date",
    ]:
        here = document
        for key in path.split("."):
            assert key in here, path
            here = here[key]
    for party in ("offtaker", "provider"):
        for key in ("npv_usd", "npv_own_rate_usd", "npv_without_terminal_usd", "min_cash_usd"):
            assert isinstance(document["parties"][party][key], float)
    assert {"limit", "period", "price", "unit", "binding", "relief_usd"} <= set(document["bottlenecks"][0])


def test_the_books_of_everyone_net_to_zero_and_what_does_not_mirror_is_told(base: Answer) -> None:
    kept = base.story.figures.books
    assert {"lender", "chip_vendor", "site_vendor", "customers"} <= set(kept.parties)
    assert not sum(cube.book for cube in kept.cubes).sum(axis=0).any()
    for party in ("offtaker", "provider"):
        way = {d.name: d.cents for d in revenue_identity(kept, party)}
        assert np.array_equal(way["of_contracts"] + way["equity_given"] + way["for_others"], way["revenue"])
    told = kept.reconciliation()
    assert told.difference[-1] > 0  # the stake is worth more than was paid for it
    assert np.array_equal(told.by_cause()["changes in value"], told.difference)
    cash = {d.name: d.cents for d in kept.lines("provider", "cash_flow")}
    assert np.array_equal(cash["closing_cash"], kept.cube("provider").balance("cash")[1:])


def test_the_backlog_is_the_firm_commitment_less_what_is_earned(base: Answer) -> None:
    kept = base.story.figures.books
    found = obligations(base.story.base.alliance, kept)
    assert found.backlog.firm_cents == 100 * 10**11  # 100 bn USD
    assert found.backlog.remaining_cents[0] == found.backlog.firm_cents
    assert found.backlog.remaining_cents[-1] == 0
    assert (found.backlog.remaining_cents + found.backlog.met_cents == found.backlog.firm_cents).all()
    assert {o.clause for o in found.each} == {"alliance.compute-floor"}  # the campus minimum counts towards it
    assert found.share_frac is None
