"""Sales through a reseller that is principal: it shows them gross, and the maker shows them net of the reseller's share.

Cash and profit do not change.  The reseller shows the customers' money as revenue and what the maker keeps as cost; the maker takes the
share that it leaves to the reseller off its revenue (ASC 606-10-55-36 to 55-40).  The default, the maker as principal, needs no entry.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from offtake.errors import OfftakeError
from offtake.ledger.accounts import CODE

if TYPE_CHECKING:
    from offtake.ledger.depreciation import Chunks
    from offtake.ledger.journal import FlowColumns, Postings
    from offtake.ledger.policies import Resale

__all__ = ["post_resold"]


def post_resold(out: Postings, flows: FlowColumns, chunks: Chunks, channels: Sequence[Resale]) -> None:
    """Show each channel's sales gross in the reseller's books, and net in the maker's.

    Raises
    ------
    OfftakeError        a clause pays the share of two channels: its amount cannot be told apart
    """
    seen: set[str] = set()
    for channel in channels:
        twice = sorted(seen & channel.shares)
        if twice:
            raise OfftakeError(f"channel {channel.channel}: {twice[0]} pays the share of another channel, too")
        seen |= channel.shares
        maker, reseller = flows.code(channel.maker), flows.code(channel.reseller)
        sales = _rows(flows, chunks, channel.sales) & (flows.payee == maker)[chunks.source]
        for debit, credit, who, wanted in (
            ("expense.resold", "income.resold", reseller, sales),
            ("income.share_netted", "expense.resold", reseller, _rows(flows, chunks, channel.shares)),
            ("income.share_netted", "expense.share_netted", maker, _rows(flows, chunks, channel.shares)),
        ):
            rows = np.flatnonzero(wanted)
            back = debit == "income.share_netted"
            signed = np.where(flows.payer[chunks.source[rows]] == maker, 1, -1) if back else np.int64(1)
            out.move(
                day=chunks.last[rows],
                party=who,
                other=who,
                debit=CODE[debit],
                credit=CODE[credit],
                cents=signed * chunks.cents[rows],
            )


def _rows(flows: FlowColumns, chunks: Chunks, causes: Iterable[str]) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Mark the chunks of flows with these causes : bool[chunk]."""
    codes = [flows.causes.index(c) for c in causes if c in flows.causes]
    marked: np.ndarray[tuple[int], np.dtype[np.bool_]] = np.isin(flows.cause, codes)[chunks.source]
    return marked
