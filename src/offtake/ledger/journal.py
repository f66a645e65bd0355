"""Flows and postings as columns: one array per field, whole cents in int64, days as ordinals.

Axes: `flow` is the row of a `FlowColumns`, `posting` the row of a `Journal`.  Entry ``2·flow`` is the payer's, ``2·flow + 1`` the
payee's; the postings of one entry sum to exactly zero on every date.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from decimal import Decimal, InvalidOperation
from itertools import repeat
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from offtake.deal.flows import Account, Firmness, Flow, Use
from offtake.errors import OfftakeError
from offtake.money import total

if TYPE_CHECKING:
    from offtake.deal.flows import Asset

__all__ = ["ACCOUNTS", "FIRMNESS", "NO_DAY", "USES", "Cash", "FlowColumns", "Journal", "Postings", "cents_of", "usd"]

ACCOUNTS = tuple(Account)
"""Flow accounts in the order of their codes."""
FIRMNESS = tuple(Firmness)
"""Firmness in the order of its codes."""
USES = tuple(Use)
"""Classes of capacity in the order of their codes."""
NO_DAY = np.iinfo(np.int32).max
"""In-service day of a purchase without an asset: it never enters service."""

_BLOCK = 1 << 20
"""Postings looked at together."""
Int32 = NDArray[np.int32]
Int64 = NDArray[np.int64]
Codes = NDArray[np.int16]


def cents_of(amounts: Sequence[Decimal], *, what: str) -> Int64:
    """Bring decimals to whole cents, refusing any that is not.

    Examples
    --------
    >>> cents_of([Decimal("12.34")], what="cash").tolist()
    [1234]
    """
    try:
        cents = np.fromiter(map(int, map(Decimal.scaleb, amounts, repeat(2))), dtype=np.int64, count=len(amounts))
    except (InvalidOperation, ValueError, OverflowError) as error:
        raise OfftakeError(f"{what}: an amount is not a number of cents ({error})") from error
    # `int` cuts towards zero, so each magnitude is at most its decimal's: equal totals mean that every one is equal.
    if total(map(abs, amounts)) != Decimal(sum(np.abs(cents).tolist())).scaleb(-2):
        odd = next(a for a, c in zip(amounts, cents.tolist(), strict=True) if a != Decimal(c).scaleb(-2))
        raise OfftakeError(f"{what}: {odd} is not in whole cents")
    return cents


def usd(cents: int) -> Decimal:
    """Write cents as exact money.

    Examples
    --------
    >>> usd(1234)
    Decimal('12.34')
    """
    return Decimal(int(cents)).scaleb(-2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cash:
    """Dated cash of one party: the net movement of each day.

    Parameters
    ----------
    days : int64[day]           ordinals, rising, each once
    cents : int64[day] [cent]   received less paid
    """

    days: Int64
    cents: Int64

    @property
    def dates(self) -> tuple[date, ...]:
        """The days as dates."""
        return tuple(map(date.fromordinal, self.days.tolist()))

    @property
    def amounts_usd(self) -> NDArray[np.float64]:
        """The movements for discounting : float64[day] [USD]."""
        return self.cents / 100.0

    @classmethod
    def of(cls, days: Int64, cents: Int64) -> Cash:
        """Add up movements of the same day."""
        distinct, where = np.unique(days, return_inverse=True)
        summed = np.zeros(distinct.size, dtype=np.int64)
        np.add.at(summed, where, cents)
        return cls(days=distinct, cents=summed)

    def plus(self, days: Int64, cents: Int64) -> Cash:
        """Add further dated movements."""
        return Cash.of(np.concatenate([self.days, days]), np.concatenate([self.cents, cents]))


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowColumns:
    """Flows as arrays over [flow].

    Parameters
    ----------
    parties : tuple[str, ...]           names in the order of their codes
    day : int32 [day]                   payment date as ordinal
    payer, payee : int16                codes of parties
    cents : int64 [cent]
    account : int16                     code in `ACCOUNTS`
    firmness : int16                    code in `FIRMNESS`
    start, end : int32 [day]            service interval ``[start, end)``
    in_service, life : int32 [day]      of the asset bought; `NO_DAY` and 0 without one
    in_kind : bool                      no money moves
    use : int16                         code in `USES`
    tranche, cause : int32              codes in `tranches` and `causes`
    tranches, causes : tuple[str, ...]
    currency : str
    """

    parties: tuple[str, ...]
    day: Int32
    payer: Codes
    payee: Codes
    cents: Int64
    account: Codes
    firmness: Codes
    start: Int32
    end: Int32
    in_service: Int32
    life: Int32
    in_kind: NDArray[np.bool_]
    use: Codes
    tranche: Int32
    cause: Int32
    tranches: tuple[str, ...]
    causes: tuple[str, ...]
    currency: str

    @classmethod
    def of(cls, flows: Iterable[Flow], *, parties: Collection[str] = (), currency: str = "USD") -> FlowColumns:
        """Turn flows into columns.

        Parameters
        ----------
        flows : iterable of Flow
        parties : names that come first, in this order; all others follow in alphabetic order
        currency : str              the one currency of the books

        Raises
        ------
        OfftakeError                a flow of another currency, between a party and itself, or not in whole cents
        """
        rows = flows if isinstance(flows, list | tuple) else list(flows)
        payers, payees = _field(rows, "payer"), _field(rows, "payee")
        names = (*dict.fromkeys(parties), *sorted({*payers, *payees} - set(parties)))
        others = {*_field(rows, "currency")} - {currency}
        if others:
            raise OfftakeError(f"flows in {sorted(others)}, but the books are kept in {currency}")
        party = {n: k for k, n in enumerate(names)}
        spans = _field(rows, "interval")
        slices, clauses = _field(rows, "tranche"), _field(rows, "cause")
        tranches, causes = tuple(sorted(set(slices))), tuple(sorted(set(clauses)))
        assets: list[Asset | None] = _field(rows, "asset")
        columns = cls(
            parties=names,
            day=_ordinals(_field(rows, "date")),
            payer=_codes(payers, party),
            payee=_codes(payees, party),
            cents=cents_of(_field(rows, "amount"), what="flows"),
            account=_codes(_field(rows, "account"), {a: k for k, a in enumerate(ACCOUNTS)}),
            firmness=_codes(_field(rows, "firmness"), {f: k for k, f in enumerate(FIRMNESS)}),
            start=_ordinals([s[0] for s in spans]),
            end=_ordinals([s[1] for s in spans]),
            in_service=_numbers([NO_DAY if a is None else a.in_service.toordinal() for a in assets]),
            life=_numbers([0 if a is None else max(1, round(a.life_days)) for a in assets]),
            in_kind=np.fromiter(_field(rows, "in_kind"), dtype=np.bool_, count=len(rows)),
            use=_codes(_field(rows, "use"), {u: k for k, u in enumerate(USES)}),
            tranche=_codes(slices, {t: k for k, t in enumerate(tranches)}, np.int32),
            cause=_codes(clauses, {c: k for k, c in enumerate(causes)}, np.int32),
            tranches=tranches,
            causes=causes,
            currency=currency,
        )
        selves = np.flatnonzero(columns.payer == columns.payee)
        if selves.size:
            flow = rows[selves[0]]
            raise OfftakeError(f"flow of {flow.date} ({flow.cause}): {flow.payer} cannot pay itself")
        return columns

    def __len__(self) -> int:
        return int(self.cents.size)

    def code(self, party: str) -> int:
        """Give a party's code, or −1 where it has no flow and was not named."""
        return self.parties.index(party) if party in self.parties else -1

    def mask(self, accounts: Collection[Account] | None) -> NDArray[np.bool_]:
        """Mark the flows of these accounts (all by default) : bool[flow]."""
        if accounts is None:
            return np.ones(len(self), dtype=np.bool_)
        marked: NDArray[np.bool_] = np.isin(self.account, [ACCOUNTS.index(a) for a in accounts])
        return marked

    def cash(self, party: str, accounts: Collection[Account] | None = None) -> Cash:
        """Give a party's dated cash from flows of these accounts (all by default); what is given in kind is no cash."""
        code, wanted = self.code(party), self.mask(accounts) & ~self.in_kind
        paid, received = wanted & (self.payer == code), wanted & (self.payee == code)
        days = np.concatenate([self.day[received], self.day[paid]]).astype(np.int64)
        return Cash.of(days, np.concatenate([self.cents[received], -self.cents[paid]]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Journal:
    """Postings as arrays over [posting]; debits are positive.

    Parameters
    ----------
    day : int32 [day]           date as ordinal; opening entries stand on the eve of the books
    party : int16               whose books
    other : int16               the other party of the flow or claim; the party itself for its internal entries
    account : int16             code in `offtake.ledger.accounts.BOOK_ACCOUNTS`
    entry : int32               postings of one entry sum to zero on every date
    cents : int64 [cent]
    """

    day: Int32
    party: Codes
    other: Codes
    account: Codes
    entry: Int32
    cents: Int64

    def __len__(self) -> int:
        return int(self.cents.size)

    def blocks(self) -> Iterator[slice]:
        """Cut the journal into blocks, which bounds the memory of what looks at it."""
        return (slice(k, k + _BLOCK) for k in range(0, len(self), _BLOCK))


class Postings:
    """Collects blocks of postings and joins them to a journal.

    Parameters
    ----------
    before : int [day]      what is dated on or after this day is left out: it is after the end of the books
    first_free : int        first number of an entry that belongs to no flow and to no opening
    """

    _DTYPES = (np.int32, np.int16, np.int16, np.int16, np.int32, np.int64)

    def __init__(self, *, before: int, first_free: int = 0) -> None:
        self._before = before
        self._free = first_free
        self._columns: dict[str, list[NDArray[np.integer]]] = {f.name: [] for f in fields(Journal)}

    def add(
        self,
        *,
        day: NDArray[np.integer],
        party: NDArray[np.integer],
        other: NDArray[np.integer],
        account: NDArray[np.integer] | int,
        entry: NDArray[np.integer],
        cents: Int64,
    ) -> None:
        """Add one block of postings, arrays over [posting]."""
        keep = np.flatnonzero(day < self._before)
        codes = np.broadcast_to(np.int16(account), cents.shape) if isinstance(account, int) else account
        block = (day, party, other, codes, entry, cents)
        for parts, values, dtype in zip(self._columns.values(), block, self._DTYPES, strict=True):
            parts.append(values[keep].astype(dtype, copy=False))

    def move(
        self,
        *,
        day: NDArray[np.integer],
        party: NDArray[np.integer] | int,
        other: NDArray[np.integer] | int,
        debit: NDArray[np.integer] | int,
        credit: NDArray[np.integer] | int,
        cents: Int64,
    ) -> None:
        """Add entries of two lines each, in the books of `party` only, arrays over [entry]; nothing is written for zero."""
        some = np.flatnonzero(cents)

        def pick(values: NDArray[np.integer] | int) -> NDArray[np.integer]:
            return np.broadcast_to(np.asarray(values), cents.shape)[some]

        entry = np.arange(self._free, self._free + some.size, dtype=np.int64)
        self._free += some.size
        for account, sign in ((debit, 1), (credit, -1)):
            self.add(
                day=pick(day),
                party=pick(party),
                other=pick(other),
                account=pick(account),
                entry=entry,
                cents=sign * cents[some],
            )

    @property
    def free(self) -> int:
        """First number of an entry that nothing has."""
        return self._free

    def journal(self) -> Journal:
        """Join the blocks, once: they are let go on the way to save memory."""
        joined: dict[str, NDArray[np.integer]] = {}
        for (name, parts), dtype in zip(self._columns.items(), self._DTYPES, strict=True):
            joined[name] = np.concatenate(parts) if parts else np.zeros(0, dtype=dtype)
            joined[name].flags.writeable = False
            parts.clear()
        return Journal(**joined)  # type: ignore[arg-type]  # dtypes by name, just above


def _field(rows: Sequence[Flow], name: str) -> list:  # type: ignore[type-arg]  # one field of any type
    return list(map(attrgetter(name), rows))


def _ordinals(days: Sequence[date]) -> Int32:
    return np.fromiter(map(date.toordinal, days), dtype=np.int32, count=len(days))


def _numbers(values: Sequence[int]) -> Int32:
    return np.array(values, dtype=np.int32)


def _codes(
    values: Sequence[str], table: Mapping[Any, int], dtype: type[np.signedinteger[Any]] = np.int16
) -> NDArray[Any]:
    return np.fromiter(map(table.__getitem__, values), dtype=dtype, count=len(values))
