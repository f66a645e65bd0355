"""Bills of other clauses that a clause pays, stands in for or counts: never below zero."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from offtake.deal.quantities import USD

if TYPE_CHECKING:
    from offtake.dates import Intervals
    from offtake.deal.algebra import Algebra, Number, X
    from offtake.deal.contract import DealView

NETS = ("revenue_share",)
"""Kinds whose payment may turn round, because it is net of one the other way."""

ANY = 10**16
"""More than any bill [USD]."""


def bills_of(a: Algebra[X], deal: DealView[X], counts: Mapping[str, Number], on: Intervals) -> X:
    """Add up the bills of clauses (ids or kinds), each times the share of it that counts; an id goes before its kind.

    What the offtaker owes for service is never negative, which bounds on sums of tiers and layers do not show; what is net may be, and
    then counts as nothing.
    """
    total = a.zero(on=on, unit=USD)
    for clause in deal.contract.clauses:
        share = counts.get(clause.id, counts.get(clause.kind))
        if share is None:
            continue
        part = deal.billed([clause.id], on=on)
        part = a.pos(part, f"{clause.id}.billed") if clause.kind in NETS else a.known(part, 0, ANY)
        total = total + a.scale(part, share)
    return total
