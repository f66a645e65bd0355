"""What each side gave and got by an amendment: the same quantities settled under the version before it and under the one it made.

Quantities stay as they are, so the difference is what the new terms are worth at this plan, not what the parties would do differently
under them.  It is summed in cents, clause by clause and party by party: what one gives another gets, and the parts add up to the whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from typing import TYPE_CHECKING

from offtake.dates import DAYS_PER_YEAR
from offtake.deal.contract import owed
from offtake.deal.settle import flows_of
from offtake.errors import OfftakeError
from offtake.money import CENT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from offtake.deal.contract import Contract, DealFacts
    from offtake.deal.flows import Flow
    from offtake.deal.settle import SettleAlgebra

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Concession:
    """What one party gets by the new terms of one clause, less what it gives [USD].

    Parameters
    ----------
    usd : Decimal               undiscounted, whole cents
    discounted_usd : Decimal    at the rate, whole cents
    """

    clause: str
    party: str
    usd: Decimal
    discounted_usd: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Concessions:
    """One amendment, settled both ways.

    Parameters
    ----------
    number : int                    of the version that it made, from 2
    since : date ; why : str
    rate_frac_per_y : float
    lines : tuple[Concession, ...]  by clause and party, those that are not zero
    """

    number: int
    since: date
    why: str
    rate_frac_per_y: float
    lines: tuple[Concession, ...]

    def of(self, party: str, *, discounted: bool = False) -> Decimal:
        """Return what a party gets over all clauses, less what it gives [USD]."""
        return sum((c.discounted_usd if discounted else c.usd for c in self.lines if c.party == party), ZERO)

    @property
    def parties(self) -> tuple[str, ...]:
        """Everyone whom the amendment gives or takes something."""
        return tuple(dict.fromkeys(c.party for c in self.lines))


def concessions(
    contract: Contract,
    algebra: SettleAlgebra,
    facts: DealFacts,
    *,
    rate_frac_per_y: float,
    path: int = 0,
) -> tuple[Concessions, ...]:
    """Settle the quantities of a reader under each version and the one before it.

    Parameters
    ----------
    algebra : SettleAlgebra     with the quantities and the rights exercised
    rate_frac_per_y : float     of the discounted column, to the valuation date
    path : int                  which path

    Returns
    -------
    tuple of Concessions        one for each amendment, in order of date

    Raises
    ------
    OfftakeError
        If the contract has no amendments.
    """
    if not contract.amendments:
        raise OfftakeError(f"contract {contract.id} has no amendments")
    settled = [
        flows_of(owed(replace(contract, amendments=contract.amendments[:k]), algebra, facts).dues, path=path)
        for k in range(len(contract.amendments) + 1)
    ]
    found = []
    for k, change in enumerate(contract.amendments):
        before, after = (_received(settled[n], facts.valuation_date, rate_frac_per_y) for n in (k, k + 1))
        lines = []
        for key in dict.fromkeys((*before, *after)):
            plain, worth = (after.get(key, (ZERO, ZERO))[n] - before.get(key, (ZERO, ZERO))[n] for n in (0, 1))
            if plain or worth:
                clause = key[0].removeprefix(f"{contract.id}.")
                lines.append(Concession(clause=clause, party=key[1], usd=plain, discounted_usd=worth))
        found.append(
            Concessions(
                number=k + 2, since=change.since, why=change.why, rate_frac_per_y=rate_frac_per_y, lines=tuple(lines)
            )
        )
    return tuple(found)


def _received(flows: Sequence[Flow], today: date, rate: float) -> Mapping[tuple[str, str], tuple[Decimal, Decimal]]:
    """Money and value in kind that each party receives, less what it pays, by clause: (undiscounted, discounted)."""
    found: dict[tuple[str, str], tuple[Decimal, Decimal]] = {}
    for flow in flows:
        factor = (1.0 + rate) ** (-(flow.date - today).days / DAYS_PER_YEAR)
        worth = (flow.amount * Decimal(repr(factor))).quantize(CENT, rounding=ROUND_HALF_EVEN)
        for party, sign in ((flow.payer, -1), (flow.payee, 1)):
            plain, discounted = found.get((flow.cause, party), (ZERO, ZERO))
            found[flow.cause, party] = (plain + sign * flow.amount, discounted + sign * worth)
    return found
