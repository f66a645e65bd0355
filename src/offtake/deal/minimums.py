"""Contracted cash: what clauses pay at the least, whatever is used, if the provider delivers.

A lender counts what is owed without any use: the clauses are settled with all capacity made available, nothing taken and no right
exercised.  That is a function of the terms alone, so a loan sized by it is known before anything is planned.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from fractions import Fraction
from typing import TYPE_CHECKING

from offtake.dates import Intervals
from offtake.deal.settle import SettleAlgebra

if TYPE_CHECKING:
    from offtake.deal.contract import Contract
    from offtake.deal.quantities import Measure
    from offtake.deal.terms import Terms

PLENTY = 10**16
"""Chip-hours made available: more than any tranche can count."""


def contracted_cash(
    contract: Contract, which: Sequence[str], *, payee: str, without: Sequence[Terms] = ()
) -> list[tuple[date, Fraction]]:
    """Settle clauses (ids or kinds) at their least and return what a party receives, net of what it pays [USD], by date.

    Parameters
    ----------
    without : sequence
        Clauses left out of the settlement: those whose own size depends on the answer.
    """
    from offtake.deal.contract import DealFacts, matches, owed

    kept = tuple(c for c in contract.clauses if not any(c is other for other in without))
    least = replace(contract, clauses=kept, signed="yes")
    end = least.last_day()
    facts = DealFacts(valuation_date=contract.start, horizon=end, chips=("any",), it_w_per_chip={"any": 1_000_000})
    whole = Intervals((contract.start,), (end,))
    settled = owed(least, SettleAlgebra(grid=whole, measures=_Least()), facts)
    found: dict[date, Fraction] = {}
    for clause in kept:
        for due in settled.by_clause[clause.id] if matches(clause, which) else ():
            sign = (due.payee == payee) - (due.payer == payee)
            if sign and not due.in_kind:
                for day, usd in zip(due.when, due.amount.rows[0], strict=True):
                    found[day] = found.get(day, Fraction(0)) + sign * usd
    return sorted((day, usd) for day, usd in found.items() if usd)


class _Least(dict["Measure", tuple[tuple[int, ...], ...]]):
    """All capacity available, nothing taken, nothing sold."""

    def __contains__(self, key: object) -> bool:
        return True

    def __getitem__(self, key: Measure) -> tuple[tuple[int, ...], ...]:
        return ((PLENTY if key.name == "delivery_chip_h" else 0,),)
