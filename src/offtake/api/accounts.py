"""Open and post the books of a plan."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np

from offtake.dates import DAYS_PER_YEAR, Grid, Intervals
from offtake.errors import OfftakeError
from offtake.ledger.books import Books, books
from offtake.ledger.opening import Claim, Opening, OpeningAsset
from offtake.ledger.policies import ComputeUse, Policies, Resale
from offtake.ledger.returns import Lump
from offtake.ledger.stakes import holdings
from offtake.ledger.tax import TaxTerms
from offtake.money import CENT
from offtake.plan.contracts import contract_of
from offtake.plan.problem import PARTIES

if TYPE_CHECKING:
    from offtake.plan.result import Plan
    from offtake.spec.finance import Party
    from offtake.spec.scenario import Scenario


def keep_books(plan: Plan) -> Books:
    """Post every settled flow of a plan into the books of all parties."""
    scenario = plan.problem.scenario
    return books(plan.flows, opening=opening(scenario), policies=policies(plan), marks=holdings(plan.dues))


def policies(plan: Plan) -> Policies:
    """Take the policies over from the scenario, and from the plan what compute was used for."""
    scenario, stated = plan.problem.scenario, plan.problem.scenario.accounting
    tax = {
        party: TaxTerms(
            rate_frac=money.tax_rate_frac,
            losses_forward=_cents(money.losses_forward_usd),
            loss_limit_frac=stated.loss_limit_frac,
            bonus_frac=stated.bonus_depreciation_frac,
        )
        for party, money in _money(scenario)
    }
    last = max([plan.problem.grid.end, *(f.date for f in plan.flows)])
    years = Intervals.years(plan.problem.grid.start, plan.problem.grid.end)
    usual = Policies()
    return Policies(
        tax=tax,
        reporting=Grid(years.starts, years.ends) if last <= plan.problem.grid.end else None,
        financing_component=stated.financing_component,
        prepayment_rate_frac_per_y=_rate(
            stated.prepayment_rate_frac_per_y, scenario.parties.provider, usual.prepayment_rate_frac_per_y
        ),
        lease_rate_frac_per_y=_rate(
            stated.lease_rate_frac_per_y, scenario.parties.offtaker, usual.lease_rate_frac_per_y
        ),
        level_fees=stated.level_fees,
        shortfall_cost=stated.shortfall_cost,
        credit_loss_frac=stated.credit_loss_frac,
        compute_use={"offtaker": compute_use(plan)},
        resold=tuple(_resale(plan, channel) for channel in stated.reseller_is_principal),
    )


def _rate(stated: float | None, borrower: Party, usual: float) -> float:
    """Rate that is stated, else what the party pays its lender."""
    if stated is not None:
        return stated
    return borrower.facility.rate_frac_per_y if borrower.facility else usual


def _money(scenario: Scenario) -> list[tuple[str, Party]]:
    return [(party, getattr(scenario.parties, party)) for party in PARTIES]


def compute_use(plan: Plan) -> ComputeUse:
    """Chip-hours of the offtaker by use: what it serves with, trains with and researches with, resale left out."""
    work, hours = plan.problem.work, plan.decisions.hours_chip_h[0]
    kinds = ("serve", "train", "research")
    mine = np.array([[work.uses[u].kind == kind for u in work.use] for kind in kinds], dtype=float)
    by_use = np.rint(mine.reshape(len(kinds), -1) @ hours.T)
    return ComputeUse(on=plan.problem.grid, chip_h=tuple(tuple(row) for row in by_use.tolist()))


def _resale(plan: Plan, channel: str) -> Resale:
    """Gather a channel in which the provider is principal.

    Raises
    ------
    OfftakeError    the channel shares its clause with another: what is paid for it cannot be told apart
    """
    problem, contract = plan.problem, contract_of(plan.problem)
    sold = {d.id for d in problem.scenario.demand if d.channel == channel}
    clauses = [c for c in (contract.clauses if contract else ()) if channel in getattr(c, "rates_frac", {})]
    for clause in clauses:
        others = sorted(set(getattr(clause, "rates_frac", {})) - {channel})
        if others:
            raise OfftakeError(
                f"accounting.reseller_is_principal: clause {clause.id!r} pays the share of {channel!r} and of "
                f"{others[0]!r} in one amount; write one clause for each channel"
            )
    return Resale(
        channel=channel,
        maker="offtaker",
        reseller="provider",
        sales=frozenset(f"demand.{entry}.price" for entry in sold),
        shares=frozenset(f"{contract.id}.{c.id}" for c in clauses) if contract else frozenset(),
    )


def opening(scenario: Scenario) -> Opening:
    """Return the opening position that a scenario states."""
    cash: dict[str, Decimal] = {party: _cents(getattr(scenario.parties, party).cash_usd) for party in PARTIES}
    claims = []
    assets: dict[str, list[OpeningAsset]] = {party: [] for party in PARTIES}
    for party in PARTIES:
        money = getattr(scenario.parties, party)
        if money.facility and money.facility.opening_balance_usd:
            claims.append(
                Claim(
                    account="loans_given",
                    holder="lender",
                    owed_by=party,
                    amount=_cents(money.facility.opening_balance_usd),
                )
            )
        book = money.opening_book
        if book and book.site_assets_usd:
            assets[party].append(
                OpeningAsset(
                    kind="sites",
                    name="opening sites",
                    cost=_cents(book.site_assets_usd),
                    in_service=scenario.valuation_date,
                    remaining_days=max(1, round(book.site_life_y * DAYS_PER_YEAR)),
                )
            )
    for chip in scenario.chips:
        for lot in chip.opening:
            left = round(chip.life_y * DAYS_PER_YEAR) - (scenario.valuation_date - lot.in_service).days
            if left > 0 and lot.book_value_usd:
                assets["provider"].append(
                    OpeningAsset(
                        kind="chips",
                        name=f"{lot.site}/{chip.id}",
                        cost=_cents(lot.book_value_usd),
                        in_service=min(lot.in_service, scenario.valuation_date),
                        remaining_days=left,
                    )
                )
    return Opening(
        date=scenario.valuation_date,
        cash=cash,
        assets={p: tuple(a) for p, a in assets.items() if a},
        claims=tuple(claims),
    )


def lumps(plan: Plan, party: str, names: tuple[str, ...]) -> list[Lump]:
    """Return a party's terminal values of the given names, dated on the last day of the horizon."""
    items = next(found for p, found in plan.terminal_usd.items() if p == party)
    return [Lump(name=n, date=plan.problem.grid.end, amount=_cents(items[n])) for n in names if n in items]


def _cents(usd: float) -> Decimal:
    return Decimal(usd).quantize(CENT)
