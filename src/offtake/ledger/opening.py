"""Opening positions: what each party has and owes on the eve of the books.

Money spent before the valuation date is sunk, but what it bought is in the opening entries.  A claim names both of its parties and
posts both books at once, so that opening claims mirror by construction; equity is what remains.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from types import MappingProxyType

from offtake.errors import OfftakeError
from offtake.ledger.accounts import CAPITAL, MIRRORS

__all__ = ["Claim", "Opening", "OpeningAsset"]

_CLAIM_NAMES = tuple(claim for claim, _ in MIRRORS)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpeningAsset:
    """An asset in service on the opening date, depreciated straight-line by day over its remaining life.

    Parameters
    ----------
    kind : str                  "sites" or "chips"
    name : str                  site or chip
    cost : Decimal [USD]        as bought, whole cents
    accumulated : Decimal [USD] depreciation until the opening date; the book value is cost − accumulated
    in_service : date           on or before the opening date
    remaining_days : int [day]  life left from the opening date, at least 1
    """

    kind: str
    name: str
    cost: Decimal
    accumulated: Decimal = Decimal(0)
    in_service: date
    remaining_days: int

    def __post_init__(self) -> None:
        if self.kind not in CAPITAL.values():
            msg = f"opening asset {self.name}: kind {self.kind!r} is not one of {sorted(CAPITAL.values())}"
            raise OfftakeError(msg)
        if self.remaining_days < 1:
            msg = f"opening asset {self.name}: {self.remaining_days} days of life left, wanted at least 1"
            raise OfftakeError(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Something that one party is owed by another on the opening date.

    Parameters
    ----------
    account : str           "receivable", "prepaid", "loans_given", "emergency_loans_given" or "investment" (a stake, at entry price)
    holder, owed_by : str   the party with the asset, and the party with its mirror
    amount : Decimal [USD]
    """

    account: str
    holder: str
    owed_by: str
    amount: Decimal

    def __post_init__(self) -> None:
        if self.account not in _CLAIM_NAMES:
            msg = f"opening claim of {self.holder}: {self.account!r} is not one of {list(_CLAIM_NAMES)}"
            raise OfftakeError(msg)
        if self.holder == self.owed_by:
            msg = f"opening claim {self.account}: {self.holder} cannot owe itself"
            raise OfftakeError(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """Opening position of all parties.

    Parameters
    ----------
    date : date                                     the valuation date; books begin on it
    cash : mapping party → Decimal [USD]
    assets : mapping party → OpeningAsset, …
    claims : Claim, …

    Examples
    --------
    >>> eve = Opening(
    ...     date=date(2027, 1, 1),
    ...     cash={"offtaker": Decimal("10.00")},
    ...     claims=(Claim(account="loans_given", holder="lender", owed_by="offtaker", amount=Decimal("4.00")),),
    ... )
    >>> sorted(eve.parties)
    ['lender', 'offtaker']
    """

    date: date
    cash: Mapping[str, Decimal] = field(default_factory=lambda: MappingProxyType({}))
    assets: Mapping[str, tuple[OpeningAsset, ...]] = field(default_factory=lambda: MappingProxyType({}))
    claims: tuple[Claim, ...] = ()

    @property
    def parties(self) -> frozenset[str]:
        """Everyone with an opening position."""
        ends = {p for claim in self.claims for p in (claim.holder, claim.owed_by)}
        return frozenset({*self.cash, *self.assets, *ends})
