"""Circularity of an alliance: how much of the money invested came back, and how much of the payments it met.

From the valuation date, cumulative, by firmness of the money invested::

    returned_share = min(invested, paid to the investor) ÷ invested
    funded_share   = payments to the investor met by its own money ÷ payments to the investor

Payments repay firm money first and contingent money with what is left, so the two are never added.  Money has no colour: pro rata
takes every payment of a period from the same mix of cash (opening cash and whatever came in), first-in-first-out takes the oldest
cash first and is shown beside it as the bound.  Payments back to the investor are shown, never netted.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from offtake.deal.flows import Account, Firmness
from offtake.ledger.journal import ACCOUNTS, FIRMNESS, FlowColumns
from offtake.tables import Column, Table

if TYPE_CHECKING:
    from offtake.dates import Intervals
    from offtake.ledger.books import Books

__all__ = ["OWN_MONEY", "Circularity", "circularity"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

OWN_MONEY = frozenset({Account.EQUITY, Account.LOAN_DRAW, Account.EMERGENCY_DRAW, Account.PREPAYMENT})
"""What counts as the investor's own money met by the offtaker; a revenue share passed on is the customers' money."""
OTHER = len(FIRMNESS)
"""Class of all cash that is not the investor's; the classes before it are the investor's money by firmness."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Circularity:
    """The two figures by date.

    Parameters
    ----------
    periods : Intervals
    invested_usd : float64[firmness, period] [USD]      equity put in, cumulative at each period's end
    paid_usd : float64[firmness, period] [USD]          paid to the investor, by firmness of the payment, cumulative
    returned_share : float64[firmness, period] [frac]   0 where nothing is invested
    funded_share : float64[firmness, period] [frac]     pro rata; 0 where nothing is paid
    funded_share_fifo : float64[firmness, period]       first in, first out
    """

    periods: Intervals
    invested_usd: Floats
    paid_usd: Floats
    returned_share: Floats
    funded_share: Floats
    funded_share_fifo: Floats

    def at_end(self, firmness: Firmness | str = Firmness.FIRM) -> tuple[float, float]:
        """Give `returned_share` and `funded_share` at the last date."""
        k = FIRMNESS.index(Firmness(firmness))
        return float(self.returned_share[k, -1]), float(self.funded_share[k, -1])

    def table(self) -> Table:
        """Show both figures by date, firm and contingent apart."""
        columns = [Column("period"), Column("period_end", "", "", "date")]
        data: dict[str, object] = {"period": list(self.periods.labels), "period_end": list(self.periods.ends)}
        for name, values, unit in (
            ("invested", self.invested_usd, "USD"),
            ("paid", self.paid_usd, "USD"),
            ("returned_share", self.returned_share, "frac"),
            ("funded_share", self.funded_share, "frac"),
            ("funded_share_fifo", self.funded_share_fifo, "frac"),
        ):
            for firmness in (Firmness.FIRM, Firmness.CONTINGENT):
                full = f"{name}_{firmness}_{unit.lower()}"
                columns.append(Column(full, unit, f"{name.replace('_', ' ').capitalize()}, {firmness}", "float"))
                data[full] = values[FIRMNESS.index(firmness)]
        return Table("circularity", columns, data, "Circularity, cumulative from the valuation date")


def circularity(
    kept: Books,
    *,
    offtaker: str = "offtaker",
    investor: str = "provider",
    periods: Intervals | None = None,
    own_money: Collection[Account] = OWN_MONEY,
) -> Circularity:
    """Measure circularity between an investor and the offtaker it invests in.

    Parameters
    ----------
    kept : Books
    periods : Intervals | None      dates of the figures and pools of the pro-rata rule; the reporting periods by default
    own_money : accounts whose money, paid by the investor to the offtaker, is the investor's own
    """
    rows = periods or kept.periods
    edges = np.array([d.toordinal() for d in (*rows.starts, rows.end)], dtype=np.int64)
    flows = kept.flows
    one, two = flows.code(offtaker), flows.code(investor)
    slot = np.searchsorted(edges, flows.day, side="right") - 1
    # What is given in kind (shares for a discount, a note for shares) is no money: it neither goes round nor comes back.
    money = ~flows.in_kind
    equity = money & (flows.account == ACCOUNTS.index(Account.EQUITY))
    invested = _cumulative(flows, equity & (flows.payer == two) & (flows.payee == one), slot, len(rows))
    back = money & (flows.payer == one) & (flows.payee == two)
    paid = _cumulative(flows, back, slot, len(rows))
    view = _View(
        flows=flows,
        offtaker=one,
        back=back,
        classes=_classes(flows, two, own_money),
        slot=slot,
        periods=len(rows),
        opening=max(0, round(kept.opening.cash.get(offtaker, Decimal(0)) * 100)),
    )
    total_paid = paid.sum(axis=0)
    return Circularity(
        periods=rows,
        invested_usd=invested / 100.0,
        paid_usd=paid / 100.0,
        returned_share=_returned(invested, total_paid),
        funded_share=_ratio(_pro_rata(view), total_paid),
        funded_share_fifo=_ratio(_fifo(view), total_paid),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _View:
    """What both rules of colouring read: flows, and which of them matter to whom and when."""

    flows: FlowColumns
    offtaker: int
    back: NDArray[np.bool_]
    classes: NDArray[np.int16]
    slot: Ints
    periods: int
    opening: int


def _cumulative(flows: FlowColumns, rows: NDArray[np.bool_], slot: Ints, periods: int) -> Ints:
    """Add up flows by firmness and period, then cumulate : int64[firmness, period] [cent]."""
    chosen = np.flatnonzero(rows & (slot >= 0) & (slot < periods))
    sums = np.zeros((len(FIRMNESS), periods), dtype=np.int64)
    np.add.at(sums, (flows.firmness[chosen], slot[chosen]), flows.cents[chosen])
    return np.cumsum(sums, axis=1)


def _returned(invested: Ints, paid: Ints) -> Floats:
    """Let payments repay firm money first, then the next firmness : float64[firmness, period]."""
    left = paid.copy()
    shares = np.zeros(invested.shape)
    for k in range(len(FIRMNESS)):
        repaid = np.clip(left, 0, np.maximum(invested[k], 0))
        left = left - repaid
        shares[k] = _ratio(repaid, invested[k])
    return shares


def _ratio(part: Ints | Floats, whole: Ints) -> Floats:
    """Divide, giving 0 where there is no whole."""
    shares: Floats = np.where(whole > 0, part / np.maximum(whole, 1), 0.0)
    return shares


def _classes(flows: FlowColumns, investor: int, own_money: Collection[Account]) -> NDArray[np.int16]:
    """Class of the money of each flow : int16[flow]; the investor's by firmness, all else `OTHER`."""
    own = flows.mask(own_money) & (flows.payer == investor)
    return np.where(own, flows.firmness, OTHER).astype(np.int16)


def _sources(view: _View, key: Ints, size: int) -> tuple[Ints, Ints]:
    """Add up the offtaker's receipts by class and its payments : int64[key, class], int64[key] [cent].

    A negative amount is money the other way.
    """
    flows, offtaker, classes = view.flows, view.offtaker, view.classes
    inside = (key >= 0) & (key < size) & ~flows.in_kind
    gets, gives = inside & (flows.payee == offtaker), inside & (flows.payer == offtaker)
    received = np.zeros((size, OTHER + 1), dtype=np.int64)
    rows = np.flatnonzero(gets & (flows.cents > 0))
    np.add.at(received, (key[rows], classes[rows]), flows.cents[rows])
    rows = np.flatnonzero(gives & (flows.cents < 0))
    np.subtract.at(received[:, OTHER], key[rows], flows.cents[rows])
    spent = np.zeros(size, dtype=np.int64)
    rows = np.flatnonzero(gives & (flows.cents > 0))
    np.add.at(spent, key[rows], flows.cents[rows])
    rows = np.flatnonzero(gets & (flows.cents < 0))
    np.subtract.at(spent, key[rows], flows.cents[rows])
    return received, spent


def _pro_rata(view: _View) -> Floats:
    """Meet each period's payments from one mix of its cash; what is left keeps that mix : float64[firmness, period] [cent]."""
    periods = view.periods
    received, spent = _sources(view, view.slot, periods)
    to_investor = _by_key(view.flows, view.back, view.slot, periods)
    pool = np.zeros(OTHER + 1)
    pool[OTHER] = view.opening
    met = np.zeros((len(FIRMNESS), periods))
    for k in range(periods):
        pool += received[k]
        # Where more is spent than there was, the rest came from nowhere in these books: nobody's money.
        cash = max(pool.sum(), float(spent[k]))
        if cash > 0:
            met[:, k] = to_investor[k] * pool[:OTHER] / cash
            pool *= 1.0 - spent[k] / cash
    return np.cumsum(met, axis=1)


def _fifo(view: _View) -> Floats:
    """Meet each day's payments from the oldest cash; receipts of a day come first : float64[firmness, period] [cent]."""
    flows, slot, periods = view.flows, view.slot, view.periods
    days, key = np.unique(flows.day, return_inverse=True)
    key = np.where((slot >= 0) & (slot < periods), key, -1)
    received, spent = _sources(view, key, days.size)
    to_investor = _by_key(flows, view.back, key, days.size)
    period_of = np.zeros(days.size, dtype=np.int64)
    period_of[key[key >= 0]] = slot[key >= 0]
    lots: deque[tuple[int, int]] = deque([(OTHER, view.opening)])
    met = np.zeros((len(FIRMNESS), periods))
    for k in range(days.size):
        lots.extend((c, int(received[k, c])) for c in range(OTHER, -1, -1) if received[k, c])
        used = _take(lots, int(spent[k]))
        if spent[k] > 0:
            met[:, period_of[k]] += used[:OTHER] * (to_investor[k] / spent[k])
    return np.cumsum(met, axis=1)


def _by_key(flows: FlowColumns, rows: NDArray[np.bool_], key: Ints, size: int) -> Ints:
    """Add up positive amounts of some flows by key : int64[key] [cent]."""
    sums = np.zeros(size, dtype=np.int64)
    chosen = np.flatnonzero(rows & (key >= 0) & (key < size) & (flows.cents > 0))
    np.add.at(sums, key[chosen], flows.cents[chosen])
    return sums


def _take(lots: deque[tuple[int, int]], wanted: int) -> Floats:
    """Take cash from the oldest lots : float64[class] [cent]."""
    used = np.zeros(OTHER + 1)
    while wanted > 0 and lots:
        kind, amount = lots.popleft()
        taken = min(amount, wanted)
        used[kind] += taken
        wanted -= taken
        if amount > taken:
            lots.appendleft((kind, amount - taken))
    return used
