"""Extension option: a party may let the contract go on, in a window and at a price rule.

If it is exercised the term is longer by the length, and the clauses named go on over the added time: capacity can be taken, minimums and
floors hold, at the same prices, at prices changed by a share, or at new ones.  If it is not, the contract ends as written.  An option on
more time after another option's follows that one and needs it to have been exercised.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from fractions import Fraction
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field, model_validator

from offtake.dates import Intervals, add_months
from offtake.deal.algebra import exactly
from offtake.deal.clauses.exit_right import OTHER
from offtake.deal.flows import Account, Firmness
from offtake.deal.force import GOES_ON, Stretch
from offtake.deal.quantities import ONE, USD
from offtake.deal.terms import MONTHS, Interval, Party, Promise, Terms
from offtake.errors import OfftakeError
from offtake.spec.fields import ChipId, ClauseId, Day, Days, Months, Text, Unit, Usd, UsdPerChipHourSeries

if TYPE_CHECKING:
    from offtake.deal.algebra import Algebra, X
    from offtake.deal.contract import Contract, DealView
    from offtake.deal.flows import Due

Change = Annotated[float, Unit("%", at_least=-1.0)]


class ExtensionOption(Terms):
    """The right to make the contract longer."""

    kind: ClassVar[str] = "extension_option"
    shapes_term: ClassVar[bool] = True

    party: Party = "offtaker"
    """Who may exercise it."""
    first: Day
    """First day on which it can be exercised."""
    last: Day
    """Last day on which it can be exercised."""
    length_months: Annotated[Months, Field(ge=1)]
    """Whole months that are added to the term."""
    clauses: tuple[Text, ...] = ()
    """Ids or kinds of the clauses that go on; all if absent."""
    price_change_frac: Change = 0.0
    """Change of every price in the added time."""
    prices_usd_per_chip_h: dict[ChipId, UsdPerChipHourSeries] = {}  # noqa: RUF012  (pydantic copies it)
    """New dated prices by chip in the added time, instead."""
    fee_usd: Usd = 0.0
    """Paid on exercise by the party that exercises it."""
    due_days: Days = 0.0
    """Days from the exercise to that payment."""
    interval: Interval = "quarter"
    """How often in the window it can be exercised, beside its last day."""
    follows: ClauseId | None = None
    """Another extension option whose time this one adds to."""
    exercised: bool = False
    """Whether it was exercised before the valuation date."""

    @model_validator(mode="after")
    def _in_order(self) -> ExtensionOption:
        if self.last < self.first:
            raise ValueError("`last` lies before `first`")
        if round(self.length_months) != self.length_months:
            raise ValueError("`length` is in whole months")
        return self

    def after(self) -> tuple[str, ...]:
        """Return the option that must have been exercised."""
        return (self.follows,) if self.follows else ()

    def stretches(self, contract: Contract) -> Sequence[Stretch]:
        """Return the added time."""
        start = self._starts(contract)
        return (
            Stretch(
                option=self.id,
                start=start,
                end=add_months(start, round(self.length_months)),
                which=self.clauses,
                factor=1 + exactly(self.price_change_frac),
                prices=self.prices_usd_per_chip_h,
            ),
        )

    def owed(self, a: Algebra[X], deal: DealView[X]) -> Sequence[Due[X]]:
        """Return the fee on the day of exercise."""
        added = self.stretches(deal.contract)[0]
        time = Intervals((added.start,), (added.end,))
        if added.start >= deal.facts.horizon:  # nothing that the plan covers depends on it
            return ()
        if self.exercised:
            deal.publish(GOES_ON, a.const(1, on=time, unit=ONE))
            return ()
        today, stop = deal.facts.valuation_date, deal.span.stop
        days = tuple(day for day in self.days(max(today, deal.span.since or today)) if stop is None or day < stop)
        if not days:
            return ()
        on = Intervals(days, tuple(day + timedelta(days=1) for day in days))
        chosen = a.known(a.step(a.ever(a.right("exercise", on=on), "exercised")), 0, 1)
        if self.follows:
            before = a.repeat(deal.fact(self.follows, GOES_ON), on=on)
            chosen = a.known(a.both(before, chosen, "after-the-other"), 0, 1)
        deal.publish(GOES_ON, a.known(a.mix(chosen, [[1] * len(days)], on=time), 0, 1))
        if not self.fee_usd:
            return ()
        amount = a.scale(chosen, self.fee_usd, unit=USD)
        when = tuple(day + timedelta(days=round(self.due_days)) for day in days)
        return (
            deal.due(
                amount,
                when,
                Account.OPTION_FEE,
                Firmness.OPTIONAL,
                payer=self.party,
                payee=OTHER[self.party],
                facts={"exercised": chosen},
            ),
        )

    def days(self, today: date) -> tuple[date, ...]:
        """Days of exercise inside the plan; the last one alone where no fee makes an earlier one differ."""
        if not self.fee_usd:
            return (self.last,) if self.last >= today else ()
        every: list[date] = []
        while (day := add_months(self.first, MONTHS[self.interval] * len(every))) < self.last:
            every.append(day)
        return tuple(day for day in (*every, self.last) if day >= today)

    def cannot_end(self) -> str:
        """End with the amendment: it can no longer be exercised."""
        return ""

    def promises(self, contract: Contract) -> Sequence[Promise]:
        """Return the fee, and refuse a window that the added time does not leave open."""
        start = self._starts(contract)
        if self.last > start:
            raise OfftakeError(
                f"clause {self.id}: the option can be exercised until {self.last}, but the time that it adds begins {start}"
            )
        fee = exactly(self.fee_usd)
        return (
            Promise(
                clause=self.id,
                what=f"fee of an option on {self.length_months:g} months more",
                payer=self.party,
                payee=OTHER[self.party],
                usd=None if fee == Fraction(0) else fee,
                firmness=Firmness.OPTIONAL,
                layer=contract.layer,
                start=self.first,
                end=self.last + timedelta(days=round(self.due_days)),
            ),
        )

    def _starts(self, contract: Contract) -> date:
        """First day of the added time."""
        if self.follows is None:
            return contract.end
        other = contract.clause(self.follows)
        if not isinstance(other, ExtensionOption) or other.id == self.id:
            raise OfftakeError(
                f"clause {self.id}: `follows` names {self.follows!r}, which is no other extension option"
            )
        return other.stretches(contract)[0].end
