"""How what is billed becomes revenue: the identity that holds in every period, to the cent.

``revenue of contracts = billed + interest accreted − Δ contract liabilities + Δ contract assets``

Billed is cash and values in kind for sales, and what has become a receivable; prepayments are billed, credits and refunds take it down.
Equity given to customers then reduces that revenue and is shown apart, as are sales shown gross or net on behalf of others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from offtake.deal.flows import Account
from offtake.ledger.accounts import CODE
from offtake.ledger.journal import ACCOUNTS
from offtake.ledger.profit import REVENUE
from offtake.ledger.statements import Line, cash_rows, sum_of

if TYPE_CHECKING:
    from offtake.ledger.books import Books

__all__ = ["revenue_identity"]

Ints = NDArray[np.int64]
_BILL = ("cash", "in_kind", "receivable", "payable", "prepaid")
_AHEAD = ("contract_liability",)
_GROWN = ("contract_liability_interest",)
_LEVELLED = ("levelled_liability",)
_WAITING = ("contract_asset", "levelled_asset", "accrued_rent")
_GIVEN = ("income.equity_to_customers",)
_FOR_OTHERS = ("income.resold", "income.share_netted")


def revenue_identity(kept: Books, party: str) -> tuple[Line, ...]:
    """Draw the way from the bill to revenue; the last line is that of the profit and loss.

    Returns
    -------
    tuple[Line, ...]        billed, accreted, paid_ahead, earned_first, of_contracts, equity_given, for_others, revenue
    """
    flow = -kept.cube(party).book[:, 1:]
    bill = _of_sales(kept, party, _BILL)
    ahead = _of_sales(kept, party, _AHEAD) - sum_of(flow, (*_GROWN, *_LEVELLED))
    accreted = -sum_of(flow, ("expense.prepaid_interest",))
    waiting = -sum_of(flow, _WAITING)
    given, others = sum_of(flow, _GIVEN), sum_of(flow, _FOR_OTHERS)
    rows = (
        ("billed", "Billed", "line", bill),
        ("accreted", "Interest accreted on what is paid ahead", "line", accreted),
        ("paid_ahead", "Less increase of contract liabilities", "line", ahead),
        ("earned_first", "Plus increase of contract assets and accrued rent", "line", waiting),
        ("of_contracts", "Revenue of contracts", "subtotal", bill + accreted + ahead + waiting),
        ("equity_given", "Equity given to customers", "line", given),
        ("for_others", "Sales shown gross or net for others", "line", others),
        ("revenue", "Revenue", "total", sum_of(flow, REVENUE)),
    )
    return tuple(Line(name=n, title=t, level=v, cents=c) for n, t, v, c in rows)


def _of_sales(kept: Books, party: str, names: tuple[str, ...]) -> Ints:
    """Movement of some accounts by entries of sales: what is received for them, and what is given back : int64[period] [cent]."""
    flows, journal = kept.flows, kept.journal
    sold = np.array([f"income.{a}" in REVENUE or a is Account.PREPAYMENT for a in ACCOUNTS])[flows.account]
    back = np.isin(flows.account, [ACCOUNTS.index(a) for a in (Account.CREDIT, Account.DELAY_CREDIT)])
    finance = cash_rows(flows) == len(ACCOUNTS)
    of_entry = np.stack([back, sold & ~finance], axis=1).ravel()
    rows = np.flatnonzero((journal.party == flows.code(party)) & (journal.entry < of_entry.size))
    rows = rows[of_entry[journal.entry[rows]] & np.isin(journal.account[rows], [CODE[n] for n in names])]
    found = np.zeros(kept.edges.size, dtype=np.int64)
    np.add.at(found, np.searchsorted(kept.edges, journal.day[rows], side="right"), journal.cents[rows])
    return found[1:]
