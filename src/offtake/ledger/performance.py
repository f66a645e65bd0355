"""What each party gets out of it: infrastructure and stake of the provider, value and funding of the offtaker, cover of debt.

Infrastructure is unlevered and after tax: cash before financing less the tax that its operating profit would bear without any
interest, plus the terminal value passed in.  A stake stands apart, at entry price unless an exit is assumed; it is never cash.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np

from offtake.deal.flows import Account
from offtake.ledger.accounts import FINANCING, RULES, Activity
from offtake.ledger.journal import ACCOUNTS, Cash, usd
from offtake.ledger.returns import Figure, Funding, Irr, Lump, Moment, funding, irr, npv_usd, payback, with_lumps
from offtake.ledger.statements import Statement
from offtake.ledger.tax import TaxTerms, tax_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from offtake.ledger.books import Books

__all__ = [
    "BEFORE_FINANCING",
    "DebtCover",
    "Infrastructure",
    "OfftakerReturns",
    "Stake",
    "cash_before_financing",
    "debt_cover",
    "infrastructure",
    "offtaker_returns",
    "stake",
]

BEFORE_FINANCING = frozenset(a for a in Account if a not in FINANCING)
"""Every flow account but equity, loans, interest and fees."""
SERVICE_OF_DEBT = (Account.INTEREST, Account.LOAN_FEE, Account.LOAN_REPAY, Account.EMERGENCY_REPAY)


def cash_before_financing(kept: Books, party: str, accounts: Collection[Account] = BEFORE_FINANCING) -> Cash:
    """Give a party's dated cash from everything but finance."""
    return kept.flows.cash(party, accounts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Infrastructure:
    """Unlevered, after-tax return of what a party builds and runs.

    Parameters
    ----------
    npv_usd : float [USD]               after tax, with the terminal value
    npv_before_tax_usd : float [USD]    with the terminal value
    npv_without_terminal_usd : float    after tax
    tax_usd : tuple[float, ...]         by reporting period, paid on its last day
    npv_at_book_usd : float [USD]       the same, with the opening assets bought at book value on the first day
    irr : Irr                           of that cash: a rate on capital that is sunk would say nothing
    payback : Moment                    without discounting, without the terminal value
    cash : Cash                         after tax, with the terminal value
    """

    npv_usd: float
    npv_before_tax_usd: float
    npv_without_terminal_usd: float
    npv_at_book_usd: float
    tax_usd: tuple[float, ...]
    irr: Irr
    payback: Moment
    cash: Cash = field(repr=False)


def infrastructure(
    kept: Books, party: str = "provider", *, rate_frac_per_y: float, terminal: Sequence[Lump] = ()
) -> Infrastructure:
    """Value a party's infrastructure on its own: no debt, no stake.

    Parameters
    ----------
    kept : Books
    party : str
    rate_frac_per_y : float [frac_per_y]    discount rate, actual/365 fixed from the opening date
    terminal : Lump, …                      values at the horizon, as they are: no tax is taken from them here

    Notes
    -----
    Money spent before the opening date is sunk, so assets of the opening cost nothing in `npv_usd` while their depreciation shelters
    profit.  A rate of return on free assets means nothing: `irr` and `payback` count them as bought at book value on the first day.
    """
    on = kept.opening.date
    plain = cash_before_financing(kept, party)
    operating = next(d for d in kept.lines(party, Statement.PROFIT_AND_LOSS) if d.name == "operating_profit")
    tax = tax_of(operating.cents, kept.policies.tax.get(party, TaxTerms())).tax
    last_days = np.array([d.toordinal() - 1 for d in kept.periods.ends], dtype=np.int64)
    after_tax = plain.plus(last_days, -tax)
    whole = with_lumps(after_tax, terminal)
    book = sum((a.cost - a.accumulated for a in kept.opening.assets.get(party, ())), Decimal(0))
    entry = [Lump(name="opening assets at book value", date=on, amount=-book)] if book else []
    at_book = with_lumps(whole, entry)

    def value(cash: Cash) -> float:
        return npv_usd(cash, rate_frac_per_y=rate_frac_per_y, on=on)

    return Infrastructure(
        npv_usd=value(whole),
        npv_before_tax_usd=value(with_lumps(plain, terminal)),
        npv_without_terminal_usd=value(after_tax),
        npv_at_book_usd=value(at_book),
        tax_usd=tuple((tax / 100.0).tolist()),
        irr=irr(at_book),
        payback=payback(with_lumps(after_tax, entry)),
        cash=whole,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Stake:
    """A holding of one party in another, apart from everything that is cash.

    Parameters
    ----------
    invested_usd : Decimal [USD]    from the opening date on
    opening_usd : Decimal [USD]     at entry price, sunk
    value_usd : Decimal [USD]       at entry price, or at the assumed exit
    basis : str                     "entry price" or "exit assumption"
    npv_usd, irr : Figure, Irr      of money put in from the opening date on and the exit; None without an exit
    """

    invested_usd: Decimal
    opening_usd: Decimal
    value_usd: Decimal
    basis: str
    npv_usd: Figure
    irr: Irr


def stake(
    kept: Books,
    investor: str = "provider",
    issuer: str = "offtaker",
    *,
    rate_frac_per_y: float,
    exit_value: Lump | None = None,
) -> Stake:
    """Show a party's stake in another.

    Parameters
    ----------
    rate_frac_per_y : float [frac_per_y]    discounts the exit, if one is assumed
    exit_value : Lump | None                value of the whole stake at a date, or None to keep it at entry price
    """
    flows = kept.flows
    equity = flows.account == ACCOUNTS.index(Account.EQUITY)
    one, two = flows.code(investor), flows.code(issuer)
    # Negative amounts and money the other way both take the stake down.
    sign = ((flows.payer == one) & (flows.payee == two)).astype(np.int64)
    sign -= (flows.payer == two) & (flows.payee == one)
    moved = Cash.of(flows.day[equity].astype(np.int64), -(sign * flows.cents)[equity])
    opening = sum(
        (c.amount for c in kept.opening.claims if (c.account, c.holder, c.owed_by) == ("investment", investor, issuer)),
        Decimal(0),
    )
    invested = usd(-int(moved.cents.sum()))
    if exit_value is None:
        reason = "a stake has no return without an exit assumption"
        return Stake(
            invested_usd=invested,
            opening_usd=opening,
            value_usd=invested + opening,
            basis="entry price",
            npv_usd=Figure(None, reason),
            irr=Irr(value=None, roots=(), reason=reason),
        )
    whole = with_lumps(moved, [exit_value])
    return Stake(
        invested_usd=invested,
        opening_usd=opening,
        value_usd=exit_value.amount,
        basis="exit assumption",
        npv_usd=Figure(npv_usd(whole, rate_frac_per_y=rate_frac_per_y, on=kept.opening.date)),
        irr=irr(whole),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class OfftakerReturns:
    """Value and funding of the offtaker, before tax and before financing.

    Parameters
    ----------
    npv_usd : float [USD]                   with the terminal value
    npv_without_terminal_usd : float [USD]
    funding : Funding
    """

    npv_usd: float
    npv_without_terminal_usd: float
    funding: Funding


def offtaker_returns(
    kept: Books, party: str = "offtaker", *, rate_frac_per_y: float, terminal: Sequence[Lump] = ()
) -> OfftakerReturns:
    """Value the offtaker's cash before financing, and what it takes to fund it."""
    cash, on = cash_before_financing(kept, party), kept.opening.date
    return OfftakerReturns(
        npv_usd=npv_usd(with_lumps(cash, terminal), rate_frac_per_y=rate_frac_per_y, on=on),
        npv_without_terminal_usd=npv_usd(cash, rate_frac_per_y=rate_frac_per_y, on=on),
        funding=funding(cash, kept.periods, opening_cash_usd=float(kept.opening.cash.get(party, Decimal(0)))),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DebtCover:
    """Debt service cover ratio of one borrower.

    Parameters
    ----------
    by_period : tuple[Figure, ...]      cash from operations ÷ interest, fees and repayments
    lowest : Figure
    average : Figure                    cash of all periods with debt service ÷ that service
    """

    by_period: tuple[Figure, ...]
    lowest: Figure
    average: Figure


def debt_cover(kept: Books, borrower: str, *, at_will: Collection[str] = ()) -> DebtCover:
    """Compute the debt service cover ratio by reporting period: cash from operations over interest, fees and repayments.

    A ratio is None, with a reason, where no interest is due: a fee on a line that is not drawn is no debt.

    Parameters
    ----------
    at_will : causes    lines whose repayments are the borrower's choice (a revolver) and no service; interest and fees are.
        What another loan repays stays service.
    """
    cash = kept.cube(borrower).cash[:, :, 1:]
    paid = [k for k, a in enumerate(ACCOUNTS) if RULES[a].activity is Activity.OPERATING]
    received = [k for k, a in enumerate(ACCOUNTS) if RULES[a].received_as is Activity.OPERATING]
    operations: NDArray[np.int64] = cash[paid, 0].sum(axis=0) + cash[received, 1].sum(axis=0)
    service: NDArray[np.int64] = -cash[[ACCOUNTS.index(a) for a in SERVICE_OF_DEBT], 0].sum(axis=0)
    service = service - _repaid_at_will(kept, borrower, at_will)
    indebted = cash[ACCOUNTS.index(Account.INTEREST), 0] != 0
    service = np.where(indebted, service, 0) if at_will else service
    figures = tuple(
        Figure(earned / due) if due > 0 else Figure(None, f"nothing is due on debt in {label}")
        for earned, due, label in zip(operations.tolist(), service.tolist(), kept.periods.labels, strict=True)
    )
    ratios = [f.value for f in figures if f.value is not None]
    if not ratios:
        none = Figure(None, f"{borrower} has no debt service")
        return DebtCover(by_period=figures, lowest=none, average=none)
    owing = service > 0
    average = float(operations[owing].sum() / service[owing].sum())
    return DebtCover(by_period=figures, lowest=Figure(min(ratios)), average=Figure(average))


def _repaid_at_will(kept: Books, borrower: str, causes: Collection[str]) -> NDArray[np.int64]:
    """Repayments of lines that are repaid when the borrower likes : int64[period] [cent]."""
    flows, periods = kept.flows, kept.periods
    known = [flows.causes.index(c) for c in causes if c in flows.causes]
    accounts = [ACCOUNTS.index(a) for a in (Account.LOAN_REPAY, Account.EMERGENCY_REPAY)]
    rows = np.flatnonzero(
        np.isin(flows.cause, known)
        & np.isin(flows.account, accounts)
        & (flows.payer == flows.code(borrower))
        & ~flows.in_kind
    )
    edges = np.array([d.toordinal() for d in (*periods.starts, periods.end)], dtype=np.int64)
    slot = np.searchsorted(edges, flows.day[rows], side="right") - 1
    inside = (slot >= 0) & (slot < len(periods))
    repaid = np.zeros(len(periods), dtype=np.int64)
    np.add.at(repaid, slot[inside], flows.cents[rows[inside]])
    return repaid
