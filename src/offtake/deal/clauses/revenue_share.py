"""Revenue share: a part of what is sold through channels, of revenue or of gross profit.

Per interval and channel, base = revenue, or max(0, revenue − list rent of the chip-hours assigned to the channel); owed = sum of
rate × base over the channels, at least the floor in each interval, and until the total cap is reached.  Gross profit uses dated list
rents, so that the base never depends on what the alliance pays itself.

With `back` a share flows the other way too and only the difference of the two is paid; a total cap holds for the gross share, or for the
net sum.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from fractions import Fraction
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from offtake.deal.algebra import exactly
from offtake.deal.flows import Account, Firmness
from offtake.deal.quantities import USD, Measure
from offtake.deal.terms import Interval, Party, Periodic, Promise, means
from offtake.spec.fields import ChannelId, Model, Unit, Usd, UsdPerYear
from offtake.spec.series import Series

if TYPE_CHECKING:
    from offtake.dates import Intervals
    from offtake.deal.algebra import Algebra, X
    from offtake.deal.contract import Contract, DealView
    from offtake.deal.flows import Due
    from offtake.deal.terms import Schedule, Terms

FracStepSeries = Annotated[Series, Unit("%", at_most=1.0, interpolation="step")]


class Share(Model):
    """What is shared, at which rates, within which bounds."""

    base: Literal["revenue", "gross_profit"] = "revenue"
    """What is shared; a negative gross profit counts as nothing."""
    rates_frac: Annotated[dict[ChannelId, FracStepSeries], Field(min_length=1)]
    """Share by channel, dated; a change inside an interval is averaged by day."""
    cap_usd: Usd | None = None
    """Most that is ever owed."""
    paid_before_usd: Usd = 0.0
    """Part of the cap used before the valuation date."""
    floor_usd_per_y: UsdPerYear = 0.0
    """Least that is paid, by the days of each interval (365 to the year)."""


class RevenueShare(Periodic, Share):
    """A share of a channel's revenue or gross profit."""

    kind: ClassVar[str] = "revenue_share"

    interval: Interval = "year"
    """How often it is settled; losses of one part of an interval count against gains of another."""
    payer: Party = "offtaker"
    """Who pays the share."""
    payee: Party = "provider"
    """Who receives it."""
    back: Share | None = None
    """Share that the payee owes the payer; only the net is paid."""
    cap_of: Literal["gross", "net"] = "gross"
    """Whether `cap` is on what is owed in this direction alone, or on the sum of what is paid net of `back`."""

    @model_validator(mode="after")
    def _two_parties(self) -> RevenueShare:
        if self.payer == self.payee:
            raise ValueError("`payer` and `payee` must differ")
        if self.cap_of == "net" and (self.back is None or self.cap_usd is None):
            raise ValueError("`cap_of: net` needs a share `back` and a `cap`")
        return self

    def owed(self, a: Algebra[X], deal: DealView[X]) -> Sequence[Due[X]]:
        """Return one due over all channels."""
        plan = deal.schedule()
        if plan is None:
            return ()
        gross = self._gross(a, deal, plan, self, "")
        net, facts = gross, {}
        deal.publish("gross", _so_far(a, deal, gross, "gross"))
        if self.back is not None:
            back = self._gross(a, deal, plan, self.back, "back.")
            deal.publish("back.gross", _so_far(a, deal, back, "back.gross"))
            net = gross - back
            facts = {"gross": gross, "back": back}
            if self.cap_of == "net":
                left = a.const(_left(self), on=plan.on, unit=USD)
                if (paid := deal.former("net")) is not None:
                    left = left - a.repeat(paid, on=plan.on)
                net = a.step(a.minimum(a.running(net), left, "cap"))
        deal.publish("net", _so_far(a, deal, net, "net"))
        return (
            deal.due(
                net,
                plan.when(self.due_days),
                Account.REVENUE_SHARE,
                Firmness.CONTINGENT,
                payer=self.payer,
                payee=self.payee,
                facts=facts,
            ),
        )

    def cannot_follow(self, earlier: Terms) -> str:  # noqa: ARG002
        """Take over: what was paid counts towards the caps of the new terms."""
        return ""

    def cannot_end(self) -> str:
        """End with the amendment: the last interval is cut there."""
        return ""

    def promises(self, contract: Contract) -> Sequence[Promise]:
        """Return a share without an amount, or its cap, in each direction."""
        ways: list[tuple[Share, str, str]] = [(self, self.payer, self.payee)]
        if self.back is not None:
            ways.append((self.back, self.payee, self.payer))
        return [
            Promise(
                clause=self.id,
                what=f"share of {share.base.replace('_', ' ')}" + ("" if share.cap_usd is None else ", at most"),
                payer=payer,
                payee=payee,
                usd=None if share.cap_usd is None else exactly(share.cap_usd),
                firmness=Firmness.CONTINGENT,
                layer=contract.layer,
                start=self.start or contract.start,
                end=(self.end or contract.end) + timedelta(days=round(self.due_days)),
            )
            for share, payer, payee in ways
        ]

    def _gross(self, a: Algebra[X], deal: DealView[X], plan: Schedule, share: Share, name: str) -> X:
        """Return what is owed in one direction."""
        owed = a.zero(on=plan.on, unit=USD)
        for channel, rate in share.rates_frac.items():
            owed = owed + a.scale(_base(a, deal, share, f"{name}{channel}", channel, on=plan.on), means(rate, plan.on))
        if share.floor_usd_per_y:
            start, yearly = max(plan.on.start, deal.facts.valuation_date), exactly(share.floor_usd_per_y)
            least = deal.over_term(lambda s, e: yearly * max(0, (e - max(s, start)).days) / 365, on=plan.on, unit=USD)
            owed = a.maximum(owed, least, f"{name}floor")
        if share.cap_usd is not None and not (share is self and self.cap_of == "net"):
            before, left = deal.former(f"{name}gross"), _left(share)
            if before is None:
                return a.capped(owed, left, f"{name}cap")
            now = a.pos(a.const(left, on=before.on, unit=USD) - before, f"{name}cap-left")
            owed = a.capped(owed, now, f"{name}cap")
        return owed


def _so_far(a: Algebra[X], deal: DealView[X], owed: X, name: str) -> X:
    """Add up what is owed under this version of the terms and those before it, in one interval."""
    now, before = a.total(owed), deal.former(name)
    return now if before is None else now + a.mix(before, [[1]], on=now.on)


def _left(share: Share) -> Fraction:
    """Return what is left of a cap [USD]."""
    return max(exactly(share.cap_usd or 0.0) - exactly(share.paid_before_usd), Fraction(0))


def _base(a: Algebra[X], deal: DealView[X], share: Share, *where: str, on: Intervals) -> X:
    """Return revenue or gross profit of a channel."""
    name, channel = where
    base = a.read(Measure("channel_revenue_usd", channel), on=on)
    if share.base == "gross_profit":
        base = a.pos(base - a.read(Measure("channel_list_rent_usd", channel), on=on), f"{name}.gross-profit")
    return deal.while_in_force(base, name)
