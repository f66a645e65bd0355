"""Open and post the books of a plan."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from offtake.dates import DAYS_PER_YEAR, Grid, Intervals
from offtake.ledger.books import Books, Policies, books
from offtake.ledger.opening import Claim, Opening, OpeningAsset
from offtake.ledger.returns import Lump
from offtake.ledger.tax import TaxTerms
from offtake.money import CENT
from offtake.plan.problem import PARTIES

if TYPE_CHECKING:
    from offtake.plan.result import Plan
    from offtake.spec.scenario import Scenario


def keep_books(plan: Plan) -> Books:
    """Post every settled flow of a plan into the books of all parties."""
    scenario = plan.problem.scenario
    tax: dict[str, TaxTerms] = {
        party: TaxTerms(
            rate_frac=getattr(scenario.parties, party).tax_rate_frac,
            losses_forward=_cents(getattr(scenario.parties, party).losses_forward_usd),
        )
        for party in PARTIES
    }
    last = max([plan.problem.grid.end, *(f.date for f in plan.flows)])
    years = Intervals.years(plan.problem.grid.start, plan.problem.grid.end)
    reporting = Grid(years.starts, years.ends) if last <= plan.problem.grid.end else None
    return books(plan.flows, opening=opening(scenario), policies=Policies(tax=tax, reporting=reporting))


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
