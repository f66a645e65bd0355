"""Exit right: a party may end the contract on short notice, with or without a payment.

Notice can be given on the first day of each interval (on the valuation date in the one that is running).  The contract then ends after
the notice days, at `not_before` at the earliest:

    end = max(day of notice + notice, not before)

From that day nothing can be taken and no promise of the contract holds; loans and stakes go on.  What the party with the right has to
pay is therefore firm only up to the first day on which it could have ended the contract: notice x fee.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import model_validator

from offtake.dates import Intervals
from offtake.deal.algebra import exactly
from offtake.deal.flows import Account, Firmness
from offtake.deal.force import ENDS
from offtake.deal.quantities import USD
from offtake.deal.terms import MONTHS, Interval, Promise, Terms
from offtake.spec.fields import Day, Days, Unit
from offtake.spec.series import Series

if TYPE_CHECKING:
    from offtake.deal.algebra import Algebra, X
    from offtake.deal.contract import Contract, DealView
    from offtake.deal.flows import Due

UsdStepSeries = Annotated[Series, Unit("USD", interpolation="step")]
OTHER = {"offtaker": "provider", "provider": "offtaker"}


class ExitRight(Terms):
    """The right to end the contract early."""

    kind: ClassVar[str] = "exit_right"
    shapes_term: ClassVar[bool] = True
    forgets: ClassVar[bool] = True

    party: Literal["offtaker", "provider", "either"] = "either"
    """Who may end the contract."""
    notice_days: Days
    """Days from the notice to the end."""
    not_before: Day | None = None
    """First day on which the contract can have ended; the notice may be given earlier."""
    interval: Interval = "quarter"
    """How often notice may be given, from the contract's start."""
    payment_usd: UsdStepSeries | None = None
    """What the party that ends the contract pays, by the day on which it ends; nothing if absent."""
    due_days: Days = 0.0
    """Days from the end to that payment."""

    @model_validator(mode="after")
    def _one_pays(self) -> ExitRight:
        if self.payment_usd is not None and self.party == "either":
            raise ValueError("a payment needs one `party` that pays it; write a clause for each party")
        return self

    def ends(self, contract: Contract, *, today: date, horizon: date, stop: date | None = None) -> tuple[date, ...]:
        """Days on which the contract can end inside the plan, in order; notice is given from today on and before `stop`."""
        last = contract.last_day()
        found: dict[date, None] = {}
        every = Intervals.every(MONTHS[self.interval], contract.start, last)
        for start, end in zip(every.starts, every.ends, strict=True):
            if end > today and (stop is None or start < stop):
                found[self._end(max(start, today))] = None
        return tuple(day for day in found if contract.start < day < min(last, horizon))

    def exits(self, contract: Contract, today: date) -> Mapping[str, date]:
        """First day from which each party can be free of the contract."""
        parties = OTHER if self.party == "either" else (self.party,)
        return dict.fromkeys(parties, self._end(max(today, contract.start)))

    def owed(self, a: Algebra[X], deal: DealView[X]) -> Sequence[Due[X]]:
        """Return the payment on ending, if there is one."""
        today, facts = max(deal.facts.valuation_date, deal.span.since or deal.facts.valuation_date), deal.facts
        days = self.ends(deal.contract, today=today, horizon=facts.horizon, stop=deal.span.stop)
        if not days:
            return ()
        on = Intervals(days, tuple(day + timedelta(days=1) for day in days))
        given = a.step(a.ever(a.right("notice", on=on), "given"))
        deal.publish(ENDS, a.known(given, 0, 1))
        if self.payment_usd is None:
            return ()
        amount = a.scale(given, [exactly(self.payment_usd.at(day)) for day in days], unit=USD)
        when = tuple(day + timedelta(days=round(self.due_days)) for day in days)
        return (
            deal.due(
                amount,
                when,
                Account.TERMINATION,
                Firmness.OPTIONAL,
                payer=self.party,
                payee=OTHER[self.party],
                facts={"ended": given},
            ),
        )

    def promises(self, contract: Contract) -> Sequence[Promise]:
        """Return the payment on ending: the largest one."""
        if self.payment_usd is None:
            return ()
        start, end = max(self.not_before or contract.start, contract.start), contract.last_day()
        return (
            Promise(
                clause=self.id,
                what="payment on ending the contract, at most",
                payer=self.party,
                payee=OTHER[self.party],
                usd=max(exactly(v) for v in self.payment_usd.values),
                firmness=Firmness.OPTIONAL,
                layer=contract.layer,
                start=start,
                end=end + timedelta(days=round(self.due_days)),
            ),
        )

    def _end(self, notice: date) -> date:
        end = notice + timedelta(days=round(self.notice_days))
        return end if self.not_before is None else max(end, self.not_before)
