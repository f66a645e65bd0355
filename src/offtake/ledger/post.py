"""Post flows and opening positions: one flow posts the books of its payer and of its payee.

Service is recognised evenly by day over the flow's interval, in chunks cut at the edges of the reporting periods.  With the payment
day ``d``: a chunk that holds ``d`` is recognised when paid; an earlier chunk is receivable/payable from its last day until ``d``; a
later one is prepaid/contract liability from ``d`` until its last day.  Balances are therefore exact at every reporting edge.

What is conditional on more than time (`CONDITIONAL`) is a contract asset and an accrued cost until its interval has ended.

Purchases of assets are under construction until their in-service day, then depreciate straight-line by day.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from offtake.deal.flows import Use
from offtake.errors import OfftakeError
from offtake.ledger.accounts import CAPITAL, CODE, CONDITIONAL, MIRRORS, RULES
from offtake.ledger.depreciation import Chunks, cut_by_day
from offtake.ledger.equity_given import grants, post_equity_given
from offtake.ledger.financing import post_interest
from offtake.ledger.journal import ACCOUNTS, NO_DAY, FlowColumns, Journal, Postings, cents_of, usd
from offtake.ledger.leases import leased, leases, post_leases
from offtake.ledger.levelled import post_levelled
from offtake.ledger.resold import post_resold
from offtake.ledger.stakes import post_excess, post_marks

if TYPE_CHECKING:
    from offtake.ledger.leases import Lease
    from offtake.ledger.opening import Opening
    from offtake.ledger.policies import Policies
    from offtake.ledger.stakes import Holding

__all__ = ["check_in_kind", "post"]

Ints = NDArray[np.int64]


def post(
    flows: FlowColumns, opening: Opening, edges: Ints, policies: Policies, stakes: Sequence[Holding] = ()
) -> tuple[Journal, int]:
    """Post everything.

    Parameters
    ----------
    flows : FlowColumns         with codes for every party of the opening, too
    opening : Opening           its date is the first edge
    edges : int64[period + 1]   ordinals of the reporting periods' edges; the books end at the last
    policies : Policies
    stakes : Holding, …         what is said about stakes

    Returns
    -------
    Journal, int                with the first number of an entry that is free

    Raises
    ------
    OfftakeError                a flow dated before the opening date (such money is sunk); values in kind that do not cancel
    """
    early = np.flatnonzero(flows.day < edges[0])
    if early.size:
        k = int(early[0])
        raise OfftakeError(
            f"{flows.parties[flows.payer[k]]} pays {flows.parties[flows.payee[k]]} ({ACCOUNTS[flows.account[k]]}) "
            f"{int(edges[0]) - int(flows.day[k])} days before the opening date {opening.date}: that money is sunk"
        )
    check_in_kind(flows)
    out = Postings(before=int(edges[-1]), first_free=2 * len(flows) + len(flows.parties))
    found = leases(flows, int(edges[0]))
    chunks = _service_chunks(flows, edges)
    _post_service(out, flows, chunks, found)
    if policies.shortfall_cost == "when_owed":
        _post_shortfalls(out, flows, chunks)
    if policies.financing_component:
        post_interest(out, flows, edges, policies.prepayment_rate_frac_per_y)
    if policies.resold:
        post_resold(out, flows, chunks, policies.resold)
    del chunks  # a quarter of all memory at this point
    _post_assets(out, flows, edges)
    _post_opening(out, flows, opening, edges)
    post_leases(out, found, edges, policies.lease_rate_frac_per_y)
    post_equity_given(out, flows, edges, [*grants(flows), *post_excess(out, flows, stakes)])
    post_marks(out, flows, edges, stakes)
    if policies.level_fees:
        post_levelled(out, flows, edges)
    return out.journal(), out.free


def check_in_kind(flows: FlowColumns) -> None:
    """Refuse values in kind of two parties that do not cancel on a date: one of them would have given something for nothing.

    Raises
    ------
    OfftakeError
    """
    rows = np.flatnonzero(flows.in_kind)
    if not rows.size:
        return
    payer, payee = flows.payer[rows].astype(np.int64), flows.payee[rows].astype(np.int64)
    count = len(flows.parties)
    pair = np.minimum(payer, payee) * count + np.maximum(payer, payee)
    key, where = np.unique(pair * NO_DAY + flows.day[rows], return_inverse=True)
    net = np.zeros(key.size, dtype=np.int64)
    np.add.at(net, where, np.where(payer < payee, 1, -1) * flows.cents[rows])
    odd = np.flatnonzero(net)
    if odd.size:
        both, day = divmod(int(key[odd[0]]), NO_DAY)
        one, two = divmod(both, count)
        raise OfftakeError(
            f"values in kind between {flows.parties[one]} and {flows.parties[two]} do not cancel on "
            f"{date.fromordinal(day)}: {usd(abs(int(net[odd[0]])))} is given for nothing"
        )


def _post_service(out: Postings, flows: FlowColumns, chunks: Chunks, found: Sequence[Lease]) -> None:
    """Post cash, recognition and the claims between them, in both books."""
    source, paid = chunks.source, flows.day[chunks.source]
    recognised_early, recognised_late = chunks.last < paid, chunks.first > paid
    apart = np.flatnonzero(recognised_early | recognised_late)
    entry = 2 * np.arange(len(flows), dtype=np.int64)
    owed_from = _owed_from(flows)[source]
    waits = recognised_early & (chunks.last < owed_from)
    turned = np.flatnonzero(waits & (owed_from < paid))
    money = np.where(flows.in_kind, CODE["in_kind"], CODE["cash"]).astype(np.int16)
    for side, party, other, codes, billed, ahead, conditional in (
        (0, flows.payer, flows.payee, _payer_codes(flows, found), "payable", "prepaid", "accrued_cost"),
        (1, flows.payee, flows.payer, _payee_codes(flows, found), "receivable", "contract_liability", "contract_asset"),
    ):
        sign = -1 if side else 1
        out.add(day=flows.day, party=party, other=other, account=money, entry=entry + side, cents=-sign * flows.cents)
        codes_of_chunk = codes[source]
        claim = np.where(recognised_early, CODE[billed], CODE[ahead]).astype(np.int16)
        at_payment = np.where(recognised_early | recognised_late, claim, codes_of_chunk)
        at_payment[waits & (owed_from >= paid)] = CODE[conditional]
        claim[waits] = CODE[conditional]
        who, whom, where = party[source], other[source], entry[source] + side
        amount = sign * chunks.cents
        out.add(day=paid, party=who, other=whom, account=at_payment, entry=where, cents=amount)
        for rows, day, account, cents in (
            (apart, chunks.last, codes_of_chunk, amount),
            (apart, chunks.last, claim, -amount),
            (turned, owed_from, claim, amount),
            (turned, owed_from, np.full(claim.shape, CODE[billed], dtype=np.int16), -amount),
        ):
            if rows.size:
                out.add(
                    day=day[rows],
                    party=who[rows],
                    other=whom[rows],
                    account=account[rows],
                    entry=where[rows],
                    cents=cents[rows],
                )


def _owed_from(flows: FlowColumns) -> Ints:
    """Day from which an amount is owed with time alone: the last of its interval where it is conditional, else at once."""
    waiting = np.isin(flows.account, [ACCOUNTS.index(a) for a in CONDITIONAL])
    return np.where(waiting, np.minimum(flows.end - 1, flows.day), np.iinfo(np.int32).min).astype(np.int64)


def _post_shortfalls(out: Postings, flows: FlowColumns, chunks: Chunks) -> None:
    """Take a shortfall out of the payer's books until it is owed."""
    owed_from = _owed_from(flows)[chunks.source]
    rows = np.flatnonzero((chunks.last < owed_from) & (chunks.last < flows.day[chunks.source]))
    if not rows.size:
        return
    source, cents = chunks.source[rows], chunks.cents[rows]
    for day, signed in ((chunks.last[rows], cents), (owed_from[rows], -cents)):
        out.move(
            day=day,
            party=flows.payer[source],
            other=flows.payee[source],
            debit=CODE["shortfall_reversed"],
            credit=CODE["expense.shortfall_timing"],
            cents=signed,
        )


def _service_chunks(flows: FlowColumns, edges: Ints) -> Chunks:
    """Cut service at the reporting edges; what does not accrue, or was served before the books, belongs to its payment day."""
    accrues = np.array([RULES[a].accrues for a in ACCOUNTS])[flows.account] & ~leased(flows)
    start = np.maximum(flows.start.astype(np.int64), edges[0])
    end = flows.end.astype(np.int64)
    by_day = accrues & (start < end)
    start, end = np.where(by_day, start, flows.day), np.where(by_day, end, flows.day + 1)
    return cut_by_day(flows.cents, start, end, edges)


def _rule_codes(side: str) -> NDArray[np.int16]:
    """Book account of each flow account : int16[flow account]."""
    return np.array([CODE[getattr(RULES[a], side)] for a in ACCOUNTS], dtype=np.int16)


def _payee_codes(flows: FlowColumns, found: Sequence[Lease]) -> NDArray[np.int16]:
    """Book account credited by each payee : int16[flow]."""
    codes = _rule_codes("payee")[flows.account]
    _lease_codes(codes, flows.payee, found)
    return codes


def _lease_codes(codes: NDArray[np.int16], party: NDArray[np.int16], found: Sequence[Lease]) -> None:
    """Let payments of leases, and what flows back, meet the balances of the lease."""
    for lease in found:
        finance = lease.use is Use.FINANCE_LEASE
        owed = CODE["finance_lease_liability" if finance else "operating_lease_liability"]
        held = CODE["net_investment" if finance else "accrued_rent"]
        codes[lease.rows] = np.where(party[lease.rows] == lease.lessee, owed, held)


def _payer_codes(flows: FlowColumns, found: Sequence[Lease]) -> NDArray[np.int16]:
    """Book account debited by each payer; an asset paid for after it entered service skips construction : int16[flow]."""
    codes = _rule_codes("payer")[flows.account]
    _lease_codes(codes, flows.payer, found)
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
