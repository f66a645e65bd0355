"""Triggers: what must have happened, tested at the end of each test interval, as a 0/1 vector.

Quantities (spend, power, chips, a training run) are unknown to the plan and cost yes/no choices; dates are known and cost none.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from datetime import timedelta
from fractions import Fraction
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, model_validator

from offtake.dates import HOURS_PER_DAY, Intervals
from offtake.deal.algebra import exactly
from offtake.deal.quantities import CHIP, ONE, Measure
from offtake.spec.fields import ChipId, ChipsAboveZero, Day, Model, Mw, Text, TrainingId, Usd

if TYPE_CHECKING:
    from offtake.deal.algebra import Algebra, X
    from offtake.deal.contract import DealView
    from offtake.deal.terms import Interval

SPEND = ("chip_price", "take_or_pay", "spend_commitment")
"""Kinds of clauses whose payments are spend."""


class Event(Model):
    """Something outside the plan, with the day on which the case assumes it."""

    what: Text
    """Such as: the issuer's shares are listed."""
    date: Day | None = None
    """When it happens; never if absent."""


class Trigger(Model):
    """What must have happened."""

    cumulative_spend_usd: Annotated[Usd, Field(gt=0)] | None = None
    """The offtaker's payments under the contract, true-ups included, have reached this sum."""
    spent_before_usd: Usd = 0.0
    """Part of it that was spent before the valuation date."""
    accepted_mw: Annotated[Mw, Field(gt=0)] | None = None
    """IT power accepted by the offtaker, mean over a test interval, has reached this."""
    chip: ChipId | None = None
    """Generation of `count`."""
    count_chip: ChipsAboveZero | None = None
    """Chips of it made available to the offtaker, mean over a test interval, have reached this."""
    training: TrainingId | None = None
    """A training run is done."""
    not_before: Day | None = None
    """A day that must have come."""
    event: Event | None = None
    """Something else that must have happened."""
    need: Literal["all", "any"] = "all"
    """Whether all of the conditions given must have been met, or one."""

    @model_validator(mode="after")
    def _some_condition(self) -> Trigger:
        if not self.conditions:
            raise ValueError(
                "a trigger needs a condition: `cumulative_spend`, `accepted`, `chip` with `count`, `training`, `not_before` or `event`"
            )
        if (self.chip is None) != (self.count_chip is None):
            raise ValueError("`chip` and `count` belong together")
        if self.event is not None and self.event.date is None and (self.need == "all" or self.conditions == 1):
            raise ValueError("the trigger can never fire: `event` has no `date`")
        return self

    @property
    def conditions(self) -> int:
        """How many conditions are given."""
        given = (
            self.cumulative_spend_usd,
            self.accepted_mw,
            self.count_chip,
            self.training,
            self.not_before,
            self.event,
        )
        return sum(g is not None for g in given)

    @property
    def reads(self) -> tuple[str, ...]:
        """Kinds of clauses whose payments it reads."""
        return SPEND if self.cumulative_spend_usd is not None else ()


def tests_of(deal: DealView[X], tested: Interval, latest: dt.date | None) -> Intervals | None:
    """Return the test intervals inside the contract and the plan, the last one ending with the latest date; None if there is none."""
    plan = deal.schedule(tested)
    if plan is None:
        return None
    stop = plan.on.end if latest is None else latest + timedelta(days=1)
    kept = [
        (s, min(e, stop)) for s, e in zip(plan.on.starts, plan.on.ends, strict=True) if latest is None or s < latest
    ]
    return Intervals(tuple(s for s, _ in kept), tuple(e for _, e in kept)) if kept else None


def met(a: Algebra[X], deal: DealView[X], trigger: Trigger, tests: Intervals) -> X:
    """Return 1 at the first test at which the trigger holds, and ever after; a contract that has ended meets none."""
    facts = _quantities(a, deal, trigger, tests)
    if trigger.conditions > 1:
        facts = [a.ever(f, f"condition-{k + 1}") for k, f in enumerate(facts)]
    known = _dated(trigger, tests)
    joined: X | None = None
    for k, fact in enumerate(facts, start=1):
        if joined is None:
            joined = fact
        else:
            joined = a.both(joined, fact, f"and-{k}") if trigger.need == "all" else a.either(joined, fact, f"or-{k}")
    if joined is None:
        joined = a.const(known, on=tests, unit=ONE)
    elif trigger.need == "all":
        joined = joined if all(known) else a.scale(joined, known)
    elif any(known):
        joined = a.scale(joined, [1 - k for k in known]) + a.const(known, on=tests, unit=ONE)
    if deal.force() is not None:
        joined = a.both(joined, deal.in_force_at_end(tests), "in-force")
    return a.ever(a.known(joined, 0, 1), "met")


def _quantities(a: Algebra[X], deal: DealView[X], trigger: Trigger, tests: Intervals) -> list[X]:
    """Return a fact for each condition on a quantity."""
    facts: list[X] = []
    if trigger.cumulative_spend_usd is not None:
        left = exactly(trigger.cumulative_spend_usd) - exactly(trigger.spent_before_usd)
        spent = a.running(deal.billed(SPEND, on=tests, at_end=True))
        since, today = deal.span.since, deal.facts.valuation_date
        if since is not None and since > today:  # what was spent under the terms before these counts on
            before = deal.billed(SPEND, on=Intervals((today,), (since,)), at_end=True)
            spent = spent + a.repeat(before, on=tests)
        facts.append(a.reached(spent, left, "spend") if left > 0 else a.const(1, on=tests, unit=ONE))
    if trigger.accepted_mw is not None:
        facts.append(a.reached(a.read(Measure("accepted_it_mw"), on=tests), trigger.accepted_mw, "accepted"))
    if trigger.count_chip is not None:
        per_hour = [Fraction(1, int(HOURS_PER_DAY) * int(d)) for d in tests.days]
        there = a.scale(a.read(Measure("delivery_chip_h", str(trigger.chip)), on=tests), per_hour, unit=CHIP)
        facts.append(a.reached(there, trigger.count_chip, "chips"))
    if trigger.training is not None:
        facts.append(a.read(Measure("training_done", trigger.training), on=tests))
    return facts


def _dated(trigger: Trigger, tests: Intervals) -> Sequence[int]:
    """Return 1 at each test by which the dated conditions are met: all of them, or one."""
    days = []
    if trigger.not_before is not None:
        days.append(trigger.not_before)
    if trigger.event is not None:
        days.append(trigger.event.date or dt.date.max)
    if not days:
        return [int(trigger.need == "all")] * len(tests)
    day = max(days) if trigger.need == "all" else min(days)
    return [int(day <= end) for end in tests.ends]
