"""How the books are kept: every choice is data with a stated default; `offtake.ledger.rules` prints them with their standards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from offtake.dates import Grid, Intervals
    from offtake.ledger.tax import TaxTerms

__all__ = ["USES_OF_COMPUTE", "ComputeUse", "Policies", "Resale"]

USES_OF_COMPUTE = ("inference", "training", "research")
"""What a developer's compute is for; the first is cost of revenue, the others research and development."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComputeUse:
    """What a party's compute was used for.

    Parameters
    ----------
    on : Intervals
    chip_h : tuple[tuple[float, ...], ...]    [use in `USES_OF_COMPUTE`][interval] [chip-h], spread evenly by day
    """

    on: Intervals
    chip_h: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resale:
    """A channel in which one party sells what another makes, with the reseller as principal: it shows the sales gross.

    Parameters
    ----------
    channel : str
    maker, reseller : str               who makes the tokens, and who sells them
    sales : frozenset[str]              causes of the customers' payments, which reach the maker
    shares : frozenset[str]             causes of what the maker leaves to the reseller
    """

    channel: str
    maker: str
    reseller: str
    sales: frozenset[str]
    shares: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Policies:
    """How the books are kept.

    Parameters
    ----------
    reporting : Grid | None                 reporting periods from the opening date on; calendar years by default
    tax : mapping party → TaxTerms          no tax where a party is missing
    currency : str                          the one currency of the books
    financing_component : bool              a prepayment held for more than a year bears interest in both books
    prepayment_rate_frac_per_y : float      that interest, effective a year, actual/365: what the payee would pay a lender
    lease_rate_frac_per_y : float           incremental borrowing rate of lessees, effective a year, actual/365
    level_fees : bool                       firm fees of a tranche of service are recognised evenly over its term
    shortfall_cost : str                    the offtaker accrues a shortfall "as_earned" by the provider, or only "when_owed"
    credit_loss_frac : float                allowance on receivables, contract assets and leases at each period's end
    compute_use : mapping party → ComputeUse
    resold : tuple[Resale, ...]             channels in which the reseller is principal; the maker is, in all others
    """

    reporting: Grid | None = None
    tax: Mapping[str, TaxTerms] = field(default_factory=lambda: MappingProxyType({}))
    currency: str = "USD"
    financing_component: bool = True
    prepayment_rate_frac_per_y: float = 0.08
    lease_rate_frac_per_y: float = 0.08
    level_fees: bool = False
    shortfall_cost: Literal["as_earned", "when_owed"] = "as_earned"
    credit_loss_frac: float = 0.0
    compute_use: Mapping[str, ComputeUse] = field(default_factory=lambda: MappingProxyType({}))
    resold: tuple[Resale, ...] = ()
