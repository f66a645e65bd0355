"""The tables of money: cash by year, statements, from headline to firm, circularity, flows between parties, returns."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from offtake.api.backlog import Obligations, obligations
from offtake.api.firm import against_firm
from offtake.api.headline import repaid_at_will
from offtake.deal.contract import summary
from offtake.deal.flows import Account
from offtake.ledger.backlog import purchase_obligations
from offtake.ledger.books import COMBINED
from offtake.ledger.circularity import circularity
from offtake.ledger.earned import revenue_identity
from offtake.ledger.performance import debt_cover, stake
from offtake.ledger.statements import Line, Statement
from offtake.plan.contracts import contract_of
from offtake.plan.problem import PARTIES
from offtake.report.data import report_table
from offtake.tables import significant

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from offtake.api.story import Story
    from offtake.ledger.books import Books
    from offtake.tables import Table

FUNDING = frozenset(
    {Account.EQUITY, Account.LOAN_DRAW, Account.LOAN_REPAY, Account.EMERGENCY_DRAW, Account.EMERGENCY_REPAY}
)
"""Equity and loans: what a party finds beyond its own business."""


def money_tables(story: Story) -> dict[str, Table]:
    """Make the report's tables of money."""
    books = story.figures.books
    owed = obligations(story.base.alliance, books)
    rows: dict[str, Any] = {
        "cash_by_year": [row for party in PARTIES for row in _cash(books, party)],
        "headline_to_firm": _headline(story),
        "headline_against_firm": _against_firm(story),
        "circularity": _circularity(books),
        "money_flows": _flows(story),
        "statements": [row for party in (*PARTIES, "combined") for row in _statements(books, party)],
        "third_parties": [row for party in books.parties if party not in PARTIES for row in _balance(books, party)],
        "revenue_identity": [row for party in PARTIES for row in _identity(books, party)],
        "reconciliation": _reconciliation(books),
        "backlog": _backlog(owed),
        "purchase_obligations": purchase_obligations(owed.each, books.opening.date).rows(),
        "policies": books.rules().rows(),
        "returns": [r.row() for r in returns(story)],
    }
    return {name: report_table(name, found) for name, found in rows.items()}


def _cash(books: Books, party: str) -> list[dict[str, Any]]:
    years = books.periods
    edges = np.array([d.toordinal() for d in (*years.starts, years.end)])

    def by_year(accounts: frozenset[Account]) -> NDArray[np.float64]:
        cash = books.flows.cash(party, accounts)
        slot = np.clip(np.searchsorted(edges, cash.days, side="right") - 1, 0, len(years) - 1)
        return np.bincount(slot, weights=cash.cents / 100.0, minlength=len(years)).astype(np.float64)

    funding = by_year(FUNDING)
    before = by_year(frozenset(Account) - FUNDING)
    opening = float(books.opening.cash.get(party, 0))
    closing = opening + np.cumsum(before + funding)
    return [
        {
            "party": party,
            "year": start.year,
            "before_funding_usd": float(before[k]),
            "cumulative_before_funding_usd": float(before[: k + 1].sum()),
            "funding_usd": float(funding[k]),
            "funding_gap_usd": max(0.0, -float(before[k])),
            "closing_cash_usd": float(closing[k]),
        }
        for k, start in enumerate(years.starts)
    ]


def _headline(story: Story) -> list[dict[str, Any]]:
    """From what was announced to what is firm, by layer, of the party that promises most in it.

    What others promise in the layer (credits for delay, a backstop) would make the headline larger than it is.
    """
    contract = contract_of(story.base.alliance.problem)
    if contract is None:
        return []
    found = summary(contract, today=story.base.alliance.problem.grid.start)
    rows: list[dict[str, Any]] = []
    for layer in dict.fromkeys(p.layer for p in found.promises):
        stated = [p for p in found.promises if p.layer is layer and p.usd is not None and not p.within]
        if not stated:
            continue
        by_payer = {who: sum(p.usd or 0 for p in stated if p.payer == who) for who in (p.payer for p in stated)}
        payer = max(by_payer, key=lambda who: (by_payer[who], who == "offtaker"))
        mine = [p for p in stated if p.payer == payer]
        total = float(by_payer[payer])
        rows.append(
            {"layer": str(layer), "step": "stated in the terms", "role": "total", "firmness": "", "amount_usd": total}
        )
        rows += [
            {
                "layer": str(layer),
                "step": f"{p.clause}: {p.what}",
                "role": "less",
                "firmness": str(p.firmness),
                "amount_usd": float(p.usd or 0),
            }
            for p in mine
            if p.firmness != "firm"
        ]
        firm = float(sum(p.usd for p in mine if p.usd is not None and p.firmness == "firm"))
        rows.append({"layer": str(layer), "step": "firm", "role": "result", "firmness": "firm", "amount_usd": firm})
    return rows


def _against_firm(story: Story) -> list[dict[str, Any]]:
    problem = story.base.alliance.problem
    found = against_firm(contract_of(problem), problem.grid.start, usd_per_mw_y=story.figures.contract_usd_per_mw_y)
    return found.rows()


def _circularity(books: Books) -> list[dict[str, Any]]:
    found = circularity(books)
    table = found.table()
    return [
        {
            "date": found.periods.ends[k] - timedelta(days=1),  # the last day of the year, not the first of the next
            "firmness": firmness,
            "invested_usd": float(table[f"invested_{firmness}_usd"][k]),
            "paid_back_usd": float(table[f"paid_{firmness}_usd"][k]),
            "returned_share_frac": float(table[f"returned_share_{firmness}_frac"][k]),
            "funded_share_frac": float(table[f"funded_share_{firmness}_frac"][k]),
            "funded_share_fifo_frac": float(table[f"funded_share_fifo_{firmness}_frac"][k]),
        }
        for firmness in ("firm", "contingent")
        for k in range(len(table))
    ]


def _flows(story: Story) -> list[dict[str, Any]]:
    total: dict[tuple[str, str, str, str], float] = {}
    for f in story.base.alliance.flows:
        key = (f.payer, f.payee, str(f.account), str(f.layer))
        total[key] = total.get(key, 0.0) + float(f.amount)
    return [
        {"payer": payer, "payee": payee, "account": account, "layer": layer, "amount_usd": usd}
        for (payer, payee, account, layer), usd in sorted(total.items())
    ]


LEVELS = {"total": 0, "subtotal": 1, "memo": 3}
"""Levels of the report's lines; 2 is a plain line."""


def _years(books: Books, head: dict[str, Any], lines: Sequence[Line]) -> list[dict[str, Any]]:
    """One row for each line and year; the opening of a balance sheet is left out."""
    return [
        {
            **head,
            "line": line.title,
            "level": LEVELS.get(line.level, 2),
            "year": start.year,
            "amount_usd": cents / 100.0,
        }
        for line in lines
        for start, cents in zip(books.periods.starts, line.cents[-len(books.periods) :].tolist(), strict=True)
    ]


def _statements(books: Books, party: str) -> list[dict[str, Any]]:
    rows = []
    for kind in Statement:
        if party == COMBINED:
            if kind is not Statement.TAX:
                rows += _years(books, {"party": party, "statement": str(kind)}, books.combined_lines(kind))
        elif kind is not Statement.TAX or party in books.policies.tax:
            rows += _years(books, {"party": party, "statement": str(kind)}, books.lines(party, kind))
    return rows


def _balance(books: Books, party: str) -> list[dict[str, Any]]:
    """Balance sheet of someone who only trades with the two parties."""
    return _years(books, {"party": party}, books.lines(party, Statement.BALANCE_SHEET))


def _identity(books: Books, party: str) -> list[dict[str, Any]]:
    return _years(books, {"party": party}, revenue_identity(books, party))


def _reconciliation(books: Books) -> list[dict[str, Any]]:
    """List what does not mirror between the two parties, by cause and line, and the difference that it comes to."""
    told = books.reconciliation()
    rows: list[dict[str, Any]] = []
    for cause, whole in told.by_cause().items():
        own = [d for d in told.lines if d.cause == cause]
        for d in own:
            line = Line(name=d.account, title=d.title, level="line", cents=d.cents)
            rows += _years(books, {"cause": cause, "party": d.party}, [line])
        title = f"{cause[:1].upper()}{cause[1:]}"
        rows += _years(
            books, {"cause": cause, "party": ""}, [Line(name=cause, title=title, level="subtotal", cents=whole)]
        )
    last = Line(name="difference", title="Difference between the books", level="total", cents=told.difference)
    return rows + _years(books, {"cause": "", "party": ""}, [last])


def _backlog(found: Obligations) -> list[dict[str, Any]]:
    """Firm service not yet earned, at the valuation date and at year ends, by time band."""
    told = found.backlog
    return [
        {
            "date": day,
            "met_usd": met / 100,
            **{f"band_{k}_usd": cents / 100 for k, cents in enumerate(bands.tolist())},
            "remaining_usd": left / 100,
            "firm_usd": told.firm_cents / 100,
            "provider_share_frac": found.share_frac if k == 0 else None,
            "provider_source": found.source if k == 0 else "",
        }
        for k, (day, met, bands, left) in enumerate(
            zip(told.on, told.met_cents.tolist(), told.bands_cents, told.remaining_cents.tolist(), strict=True)
        )
        if told.firm_cents
    ]


@dataclass(frozen=True, slots=True)
class Return:
    """One figure that has no place on page 1: a number in a unit, or a date; None where it has no meaning."""

    party: str
    item: str
    value: float | date | None
    note: str = ""
    unit: str = "bn USD"

    def row(self) -> dict[str, Any]:
        """Write it for people."""
        return {"party": self.party, "item": self.item, "value": self._shown(), "note": self.note}

    def _shown(self) -> str:
        if not self.unit:
            return str(self.value or "never")
        if not isinstance(self.value, float | int):
            return "none"
        return (
            f"{significant(self.value / 1e9)} bn USD"
            if self.unit == "bn USD"
            else f"{significant(self.value)}{self.unit}"
        )


def returns(story: Story) -> list[Return]:
    """List the returns of both parties."""
    plan, books = story.base.alliance, story.figures.books
    rows: list[Return] = []
    rate = plan.problem.goal.rate_frac_per_y
    for party in PARTIES:
        own = plan.problem.finance[party].own_rate_frac_per_y
        cover = debt_cover(books, party, at_will=repaid_at_will(plan, party))
        rows += [
            Return(
                party,
                "NPV at the objective's rate",
                plan.npv_usd(party),
                f"{rate:.1%} a year, pre-tax, terminal value included",
            ),
            Return(party, "NPV at its own rate", plan.npv_usd(party, rate=own), f"{own:.1%} a year"),
            Return(party, "NPV without terminal value", plan.npv_usd(party, terminal=False)),
            Return(party, "NPV without the alliance", story.base.without.npv_usd(party)),
            *(
                Return(party, f"at the horizon: {item}", value, "not discounted")
                for item, value in plan.terminal_usd[party].items()
            ),
            Return(
                party,
                "debt service cover",
                cover.average.value,
                cover.average.reason or "years with debt service together",
                "×",
            ),
        ]
    works = story.figures.infrastructure
    irr = None if works.irr.value is None else works.irr.value * 100
    held = stake(books, "provider", "offtaker", rate_frac_per_y=rate)
    return [
        *rows,
        Return("provider", "infrastructure NPV, after tax", works.npv_usd, "unlevered, opening assets sunk"),
        Return("provider", "infrastructure IRR", irr, works.irr.reason or "opening assets bought at book value", " %"),
        Return("provider", "infrastructure pays back", works.payback.value, works.payback.reason or "", ""),
        Return("provider", "equity stake", float(held.value_usd), f"at {held.basis}; not cash"),
    ]
