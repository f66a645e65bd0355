"""How the books are kept, where the scenario says so."""

from __future__ import annotations

from typing import Annotated, Literal

from offtake.spec.fields import ChannelId, Flag, Frac, FracPerYear, Model, Text, Unit

__all__ = ["Accounting", "ProviderBacklog"]


class ProviderBacklog(Model):
    """The provider's whole backlog, as it was reported."""

    total_usd: Annotated[float, Unit("USD", above=0.0)]
    """Remaining performance obligations of all its contracts."""
    source: Text
    """Where it was read."""


class Accounting(Model):
    """Policies of the books; each has a default, and the report prints them all. Not an accounting opinion."""

    financing_component: Flag = True
    """Whether a prepayment held for more than a year bears interest in both books."""
    prepayment_rate_frac_per_y: FracPerYear | None = None
    """That interest; the provider's facility rate if left out, 8 %/y without a facility."""
    lease_rate_frac_per_y: FracPerYear | None = None
    """Borrowing rate of lessees; the offtaker's facility rate if left out, 8 %/y without a facility."""
    level_fees: Flag = False
    """Whether firm fees of a tranche of service are recognised evenly over its term instead of as billed."""
    shortfall_cost: Literal["as_earned", "when_owed"] = "as_earned"
    """When the offtaker accrues a shortfall: as the provider earns it, or once it is owed."""
    credit_loss_frac: Frac = 0.0
    """Allowance on receivables, contract assets and leases."""
    reseller_is_principal: tuple[ChannelId, ...] = ()
    """Channels whose sales the provider shows gross, as principal; in all others it is the offtaker's agent."""
    loss_limit_frac: Frac = 1.0
    """Share of a year's taxable profit that earlier losses may shelter; United States: 80 % (IRC 172(a)(2))."""
    bonus_depreciation_frac: Frac = 0.0
    """Share of the cost of chips deducted in their first tax year (IRC 168(k))."""
    provider_backlog: ProviderBacklog | None = None
    """The provider's whole backlog, to show this contract's share of it."""
