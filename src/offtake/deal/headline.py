"""A contract's headline: what its terms promise, by firmness and layer, never added to one another.

What a party could end on notice is firm only as far as the first day on which it could be free: of fees of 1.25 billion a month and
90 days' notice about 3.75 billion are firm, whatever the sum to the end of the term.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction
from typing import TYPE_CHECKING

from offtake.deal.flows import Firmness, Layer

if TYPE_CHECKING:
    from offtake.deal.contract import Contract
    from offtake.deal.terms import Promise


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """A contract's promises, and their totals by layer and firmness, which are never added to one another.

    Parameters
    ----------
    totals : mapping
        (layer, firmness, payer) to the sum of stated amounts, without those inside another promise [USD].
    firm_until : date or None
        Last day on which a firm amount may fall due.
    """

    promises: tuple[Promise, ...]
    totals: Mapping[tuple[Layer, Firmness, str], Fraction]
    firm_until: date | None


def summary(contract: Contract, *, today: date | None = None) -> Headline:
    """Return what the terms promise: firm, contingent, optional and cancellable, by layer.

    Parameters
    ----------
    today : date
        Day from which notice to end the contract counts; the contract's start if absent.
    """
    day = max(today or contract.start, contract.start)
    last = contract.versions[-1]
    promises = [part for c in last.clauses for p in c.promises(last) for part in _split(p, last, day)]
    totals: dict[tuple[Layer, Firmness, str], Fraction] = {}
    for p in promises:
        if p.usd is not None and not p.within:
            key = (p.layer, p.firmness, p.payer)
            totals[key] = totals.get(key, Fraction(0)) + p.usd
    firm = [p.end for p in promises if p.firmness is Firmness.FIRM]
    return Headline(promises=tuple(promises), totals=totals, firm_until=max(firm, default=None))


def _split(promise: Promise, contract: Contract, today: date) -> Sequence[Promise]:
    """Cut a firm promise of the contract itself at the first day on which its payer can be free of it."""
    free = contract.firm_until(promise.payer, today)
    own = promise.firmness is Firmness.FIRM and promise.layer is contract.layer
    if free is None or not own or free >= promise.end:
        return (promise,)
    if free <= promise.start:
        return (replace(promise, firmness=Firmness.CANCELLABLE),)
    if promise.parts:
        before = sum((usd for day, usd in promise.parts if day < free), Fraction(0))
    else:
        stop = min(promise.end, contract.last_day())
        before = (promise.usd or Fraction(0)) * min(
            Fraction(1), Fraction((free - promise.start).days, max(1, (stop - promise.start).days))
        )
    firm = replace(promise, usd=None if promise.usd is None else before, end=free, parts=())
    rest = replace(
        promise,
        usd=None if promise.usd is None else promise.usd - before,
        firmness=Firmness.CANCELLABLE,
        start=free,
        parts=(),
    )
    return (firm, rest)
