"""Residual value guarantee: what assets are worth less than guaranteed at the end of a lease, up to a cap.

    owed at the end = max(0, min(cap, guaranteed value − residual value))

The residual value is an assumption of the case, a dated share of the cost; the plan never prices used assets.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from fractions import Fraction
from typing import TYPE_CHECKING, ClassVar

from pydantic import model_validator

from offtake.dates import Intervals
from offtake.deal.algebra import exactly
from offtake.deal.flows import Account, Firmness
from offtake.deal.quantities import USD
from offtake.deal.terms import Promise, Terms
from offtake.errors import OfftakeError
from offtake.spec.fields import Day, Days, FracSeries, Id, Usd, UsdSeries

if TYPE_CHECKING:
    from offtake.deal.algebra import Algebra, X
    from offtake.deal.contract import Contract, DealView
    from offtake.deal.flows import Due


class ResidualValueGuarantee(Terms):
    """A guarantee of what leased assets are still worth."""

    kind: ClassVar[str] = "residual_value_guarantee"

    ends: Day | None = None
    """End of the lease; the contract's end if absent."""
    guaranteed_usd: Usd
    """Value that is guaranteed."""
    cost_usd: Usd | None = None
    """Cost of the assets, of which `residual` is a share."""
    residual_frac: FracSeries | None = None
    """Share of the cost that they are worth, dated."""
    residual_value_usd: UsdSeries | None = None
    """What they are worth as an amount instead, dated."""
    cap_usd: Usd | None = None
    """Most that is paid."""
    guarantor: Id = "offtaker"
    """Who guarantees: `offtaker`, `provider` or a third party."""
    beneficiary: Id = "provider"
    """Who owns the assets."""
    due_days: Days = 30.0
    """Days from the end to the payment."""

    @model_validator(mode="after")
    def _both_values(self) -> ResidualValueGuarantee:
        if (self.residual_frac is None) == (self.residual_value_usd is None):
            raise ValueError("give either `residual` (a share of `cost`) or `residual_value` (an amount)")
        if (self.cost_usd is None) != (self.residual_frac is None):
            raise ValueError("`cost` and `residual` belong together")
        if self.cap_usd is not None and self.cap_usd > self.guaranteed_usd:
            raise ValueError("`cap` is above the guaranteed value: it can never bind")
        if self.guarantor == self.beneficiary:
            raise ValueError("`guarantor` and `beneficiary` must differ")
        return self

    def owed(self, a: Algebra[X], deal: DealView[X]) -> Sequence[Due[X]]:
        """Return the payment at the end of the lease, if that lies inside the plan."""
        end = self.ends or deal.contract.end
        if not deal.facts.valuation_date <= end <= deal.facts.horizon:
            return ()
        on = Intervals((end - timedelta(days=1),), (end,))
        amount = a.const(self.shortfall(deal.contract), on=on, unit=USD)
        when = (end + timedelta(days=round(self.due_days)),)
        facts = {"guaranteed_usd": exactly(self.guaranteed_usd), "residual_usd": self._residual(end)}
        return (
            deal.due(
                amount,
                when,
                Account.RESIDUAL_GUARANTEE,
                Firmness.CONTINGENT,
                payer=self.guarantor,
                payee=self.beneficiary,
                facts=facts,
            ),
        )

    def shortfall(self, contract: Contract) -> Fraction:
        """Return what is paid at the end of the lease [USD]."""
        short = exactly(self.guaranteed_usd) - self._residual(self.ends or contract.end)
        return max(Fraction(0), short if self.cap_usd is None else min(exactly(self.cap_usd), short))

    def promises(self, contract: Contract) -> Sequence[Promise]:
        """Return the most that can be called."""
        end = self.ends or contract.end
        if end < contract.start:
            raise OfftakeError(f"the guarantee is settled {end}, before the contract's start {contract.start}")
        return (
            Promise(
                clause=self.id,
                what="residual value of assets guaranteed, at most",
                payer=self.guarantor,
                payee=self.beneficiary,
                usd=exactly(self.guaranteed_usd if self.cap_usd is None else self.cap_usd),
                firmness=Firmness.CONTINGENT,
                layer=contract.layer,
                start=end,
                end=end + timedelta(days=round(self.due_days)),
            ),
        )

    def _residual(self, day: date) -> Fraction:
        """Return what the assets are worth on a day [USD]."""
        if self.residual_frac is not None:
            return exactly(self.residual_frac.at(day)) * exactly(self.cost_usd or 0.0)
        return exactly(self.residual_value_usd.at(day)) if self.residual_value_usd is not None else Fraction(0)
