"""Post flows and opening positions: one flow posts the books of its payer and of its payee.

Service is recognised evenly by day over the flow's interval, in chunks cut at the edges of the reporting periods.  With the payment
day ``d``: a chunk that holds ``d`` is recognised when paid; an earlier chunk is receivable/payable from its last day until ``d``; a
later one is prepaid/contract liability from ``d`` until its last day.  Balances are therefore exact at every reporting edge.

Purchases of assets are under construction until their in-service day, then depreciate straight-line by day.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from offtake.errors import OfftakeError
from offtake.ledger.accounts import CAPITAL, CODE, MIRRORS, RULES
from offtake.ledger.depreciation import Chunks, cut_by_day
from offtake.ledger.journal import ACCOUNTS, NO_DAY, FlowColumns, Journal, Postings, cents_of

if TYPE_CHECKING:
    from offtake.ledger.opening import Opening

__all__ = ["post"]

Ints = NDArray[np.int64]


def post(flows: FlowColumns, opening: Opening, edges: Ints) -> Journal:
    """Post everything.

    Parameters
    ----------
    flows : FlowColumns         with codes for every party of the opening, too
    opening : Opening           its date is the first edge
    edges : int64[period + 1]   ordinals of the reporting periods' edges; the books end at the last

    Raises
    ------
    OfftakeError                a flow dated before the opening date (such money is sunk)
    """
    early = np.flatnonzero(flows.day < edges[0])
    if early.size:
        k = int(early[0])
        raise OfftakeError(
            f"{flows.parties[flows.payer[k]]} pays {flows.parties[flows.payee[k]]} ({ACCOUNTS[flows.account[k]]}) "
            f"{int(edges[0]) - int(flows.day[k])} days before the opening date {opening.date}: that money is sunk"
        )
    out = Postings(before=int(edges[-1]))
    _post_service(out, flows, edges)
    _post_assets(out, flows, edges)
    _post_opening(out, flows, opening, edges)
    return out.journal()


def _post_service(out: Postings, flows: FlowColumns, edges: Ints) -> None:
    """Post cash, recognition and the claims between them, in both books."""
    chunks = _service_chunks(flows, edges)
    source, paid = chunks.source, flows.day[chunks.source]
    recognised_early, recognised_late = chunks.last < paid, chunks.first > paid
    apart = np.flatnonzero(recognised_early | recognised_late)
    entry = 2 * np.arange(len(flows), dtype=np.int64)
    sides = (
        (0, flows.payer, flows.payee, _payer_codes(flows), CODE["payable"], CODE["prepaid"]),
        (
            1,
            flows.payee,
            flows.payer,
            _rule_codes("payee")[flows.account],
            CODE["receivable"],
            CODE["contract_liability"],
        ),
    )
    for side, party, other, codes, billed, ahead in sides:
        sign = -1 if side else 1
        out.add(
            day=flows.day, party=party, other=other, account=CODE["cash"], entry=entry + side, cents=-sign * flows.cents
        )
        codes_of_chunk = codes[source]
        claim = np.where(recognised_early, billed, ahead)
        at_payment = np.where(recognised_early | recognised_late, claim, codes_of_chunk)
        who, whom, where = party[source], other[source], entry[source] + side
        amount = sign * chunks.cents
        out.add(day=paid, party=who, other=whom, account=at_payment, entry=where, cents=amount)
        for account, cents in ((codes_of_chunk, amount), (claim, -amount)):
            out.add(
                day=chunks.last[apart],
                party=who[apart],
                other=whom[apart],
                account=account[apart],
                entry=where[apart],
                cents=cents[apart],
            )


def _service_chunks(flows: FlowColumns, edges: Ints) -> Chunks:
    """Cut service at the reporting edges; what does not accrue, or was served before the books, belongs to its payment day."""
    accrues = np.array([RULES[a].accrues for a in ACCOUNTS])[flows.account]
    start = np.maximum(flows.start.astype(np.int64), edges[0])
    end = flows.end.astype(np.int64)
    by_day = accrues & (start < end)
    start, end = np.where(by_day, start, flows.day), np.where(by_day, end, flows.day + 1)
    return cut_by_day(flows.cents, start, end, edges)


def _rule_codes(side: str) -> NDArray[np.int16]:
    """Book account of each flow account : int16[flow account]."""
    return np.array([CODE[getattr(RULES[a], side)] for a in ACCOUNTS], dtype=np.int16)


def _payer_codes(flows: FlowColumns) -> NDArray[np.int16]:
    """Book account debited by each payer; an asset paid for after it entered service skips construction : int16[flow]."""
    codes = _rule_codes("payer")[flows.account]
    for account, stem in CAPITAL.items():
        done = (flows.account == ACCOUNTS.index(account)) & (flows.day >= flows.in_service)
        codes[done] = CODE[f"{stem}_in_service"]
    return codes


def _post_assets(out: Postings, flows: FlowColumns, edges: Ints) -> None:
    """Move finished assets into service and depreciate them."""
    for account, stem in CAPITAL.items():
        rows = np.flatnonzero((flows.account == ACCOUNTS.index(account)) & (flows.in_service < min(NO_DAY, edges[-1])))
        built = rows[flows.day[rows] < flows.in_service[rows]]
        for name, sign in ((f"{stem}_in_service", 1), (f"{stem}_under_construction", -1)):
            out.add(
                day=flows.in_service[built],
                party=flows.payer[built],
                other=flows.payer[built],
                account=CODE[name],
                entry=2 * built,
                cents=sign * flows.cents[built],
            )
        start = np.maximum(flows.in_service[rows], flows.day[rows]).astype(np.int64)
        # Paid for after the end of its life: the whole cost is an expense of that day.
        end = np.maximum(flows.in_service[rows].astype(np.int64) + flows.life[rows], start + 1)
        chunks = cut_by_day(flows.cents[rows], start, end, edges)
        _depreciate(out, stem, chunks, flows.payer[rows], 2 * rows)


def _depreciate(out: Postings, stem: str, chunks: Chunks, owner: NDArray[np.int16], entry: Ints) -> None:
    """Post depreciation on the last day of each chunk."""
    who = owner[chunks.source]
    for name, sign in ((f"expense.depreciation_{stem}", 1), (f"{stem}_depreciation", -1)):
        out.add(
            day=chunks.last,
            party=who,
            other=who,
            account=CODE[name],
            entry=entry[chunks.source],
            cents=sign * chunks.cents,
        )


def _post_opening(out: Postings, flows: FlowColumns, opening: Opening, edges: Ints) -> None:
    """Post the opening balance of every party on the eve of the books, with equity as the remainder."""
    rows: list[tuple[int, int, int, int]] = []  # party, other, account, cents
    entry_of_party = 2 * len(flows)
    for name, amount in opening.cash.items():
        code = flows.code(name)
        rows.append((code, code, CODE["cash"], _cents(amount, f"opening cash of {name}")))
    mirrors = dict(MIRRORS)
    for claim in opening.claims:
        holder, owed_by = flows.code(claim.holder), flows.code(claim.owed_by)
        cents = _cents(claim.amount, f"opening {claim.account} of {claim.holder}")
        rows.append((holder, owed_by, CODE[claim.account], cents))
        rows.append((owed_by, holder, CODE[mirrors[claim.account]], -cents))
    for name, assets in opening.assets.items():
        code = flows.code(name)
        for asset in assets:
            what = f"opening asset {asset.name} of {name}"
            cost, accumulated = _cents(asset.cost, what), _cents(asset.accumulated, what)
            rows.append((code, code, CODE[f"{asset.kind}_in_service"], cost))
            rows.append((code, code, CODE[f"{asset.kind}_depreciation"], -accumulated))
            book, start = np.array([cost - accumulated]), edges[:1]
            chunks = cut_by_day(book, start, start + asset.remaining_days, edges)
            _depreciate(out, asset.kind, chunks, np.array([code], dtype=np.int16), np.array([entry_of_party + code]))
    for code in sorted({r[0] for r in rows}):
        rest = -sum(r[3] for r in rows if r[0] == code)
        rows.append((code, code, CODE["opening_equity"], rest))
    party, other, account, cents_row = np.array(rows, dtype=np.int64).reshape(-1, 4).T
    eve = np.full(party.size, edges[0] - 1)
    out.add(day=eve, party=party, other=other, account=account, entry=entry_of_party + party, cents=cents_row)


def _cents(amount: Decimal, what: str) -> int:
    """Bring one opening amount to cents."""
    return int(cents_of([amount], what=what)[0])
