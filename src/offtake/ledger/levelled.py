"""Fixed fees of a tranche of service, recognised evenly over its term instead of as billed.

Only on request (`Policies.level_fees`): where fees rise while the service stays the same, revenue runs ahead of the bill and is a contract
asset (ASC 606-10-45-3), or falls behind it and is a contract liability.  The offtaker's books stay as billed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from offtake.deal.flows import Firmness, Use
from offtake.ledger.accounts import CODE
from offtake.ledger.depreciation import accumulated_cents
from offtake.ledger.journal import ACCOUNTS, FIRMNESS, USES
from offtake.ledger.leases import FEES

if TYPE_CHECKING:
    from offtake.ledger.journal import FlowColumns, Postings

__all__ = ["post_levelled"]

Ints = NDArray[np.int64]


def post_levelled(out: Postings, flows: FlowColumns, edges: Ints) -> None:
    """Post the difference between even and billed recognition of each tranche's firm fees, in the provider's books."""
    named = np.array([bool(t) for t in flows.tranches], dtype=np.bool_)
    wanted = (
        np.isin(flows.account, [ACCOUNTS.index(a) for a in FEES])
        & (flows.firmness == FIRMNESS.index(Firmness.FIRM))
        & (flows.use == USES.index(Use.SERVICE))
        & (flows.start < flows.end)
    )
    rows = np.flatnonzero(wanted & named[flows.tranche] if named.size else wanted)
    if not rows.size:
        return
    key = np.stack([flows.payer[rows], flows.payee[rows], flows.tranche[rows]])
    distinct, where = np.unique(key, axis=1, return_inverse=True)
    for k in range(distinct.shape[1]):
        _post_tranche(out, flows, rows[where.ravel() == k], edges)


def _post_tranche(out: Postings, flows: FlowColumns, rows: Ints, edges: Ints) -> None:
    start = np.maximum(flows.start[rows].astype(np.int64), edges[0])
    end = np.maximum(flows.end[rows].astype(np.int64), start + 1)
    cents, whole = flows.cents[rows], np.array([int(flows.cents[rows].sum())])
    first, last = start.min(), end.max()
    stops = edges[1:]
    billed = np.array([int(accumulated_cents(cents, t - start, end - start).sum()) for t in stops], dtype=np.int64)
    length = np.full(stops.size, last - first)
    even = accumulated_cents(np.broadcast_to(whole, stops.shape), stops - first, length)
    ahead = even - billed
    who, whom = int(flows.payee[rows[0]]), int(flows.payer[rows[0]])
    for name, part in (("levelled_asset", np.maximum(ahead, 0)), ("levelled_liability", np.minimum(ahead, 0))):
        out.move(
            day=stops - 1,
            party=who,
            other=whom,
            debit=CODE[name],
            credit=CODE["income.levelled"],
            cents=np.diff(part, prepend=0),
        )
