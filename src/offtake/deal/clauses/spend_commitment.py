"""Spend commitment: eligible spend of each interval, and of the whole term, is brought up to what was committed.

With s the eligible spend of an interval (each clause's payments × the share that counts), f its floor, and excess carried forward from
earlier intervals,

    true-up = max(0, f − s) − carried excess used
    at the end: max(0, total − sum of (s + true-ups))

A true-up counts towards the total, so that a floor and the total are never both charged for the same dollar.  Capacity that a delay
clause with relief finds undelivered takes its price off the floor of the interval and off the total; what is made good later adds it
again.  After the commitment's own end that is a floor by itself: the term is longer by what was not delivered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction
from typing import TYPE_CHECKING, Annotated, ClassVar, Generic

from pydantic import Field, model_validator

from offtake.dates import Intervals
from offtake.deal.algebra import CarryRule, X, exactly
from offtake.deal.clauses.delivery_delay import DEFERRED, RELIEF
from offtake.deal.flows import Account, Firmness
from offtake.deal.quantities import USD
from offtake.deal.terms import MONTHS, Interval, Periodic, Promise, Schedule, means, total_of
from offtake.deal.tranches import LATE
from offtake.errors import OfftakeError
from offtake.spec.fields import Count, Frac, Model, Text, Usd, UsdPerYearSeries

if TYPE_CHECKING:
    from offtake.deal.algebra import Algebra, Number
    from offtake.deal.contract import Contract, DealView
    from offtake.deal.flows import Due
    from offtake.deal.terms import Terms


CREDITS = (Account.CREDIT, Account.DELAY_CREDIT)
"""Accounts of money given back on what was paid before."""


class CarryForward(Model):
    """How an excess over one floor counts towards later ones."""

    cap_usd: Usd | None = None
    """Most that may be carried into the next interval."""
    share_frac: Frac | None = None
    """The same as a share of the interval's floor."""
    lasts: Annotated[Count, Field(ge=1)] | None = None
    """Intervals for which an excess can be used; for ever if absent."""
    opening_usd: Usd = 0.0
    """Excess carried at the valuation date."""

    @model_validator(mode="after")
    def _one_cap(self) -> CarryForward:
        if self.cap_usd is not None and self.share_frac is not None:
            raise ValueError("give `cap` or `share`, not both")
        return self

    def rule(self, floors: Sequence[Fraction], *, opening: X | None, later: bool) -> CarryRule[X]:
        """Return the rule for dated floors; a later version of the terms begins with what the one before it held."""
        cap = self.cap_usd
        caps = None if self.share_frac is None else tuple(exactly(self.share_frac) * f for f in floors)
        start: Number | X = (0 if later else exactly(self.opening_usd)) if opening is None else opening
        return CarryRule(cap=caps if caps is not None else cap, lasts=self.lasts, opening=start)


class SpendCommitment(Periodic):
    """Money that must be spent on eligible services, or paid as a true-up."""

    kind: ClassVar[str] = "spend_commitment"

    interval: Interval = "year"
    """How often floors are settled, from the contract's start."""
    total_usd: Usd | None = None
    """Committed over the whole term."""
    floors_usd: tuple[Usd, ...] = ()
    """Committed in each interval, from the first; intervals beyond the list have none."""
    floor_usd_per_y: UsdPerYearSeries | None = None
    """The same as a dated ramp, instead of a list."""
    counts_frac: Annotated[dict[Text, Frac], Field(min_length=1)] = {"chip_price": 1.0, "take_or_pay": 1.0}  # noqa: RUF012  (pydantic copies it)
    """Eligible payments: id or kind of a clause and the share of its payments that counts."""
    counts_at_most_usd: dict[Text, Usd] = {}  # noqa: RUF012  (pydantic copies it)
    """Most that counts in an interval, by the same ids or kinds."""
    carry_forward: CarryForward | None = None
    """Whether and how an excess counts later; it is lost if absent."""
    counted_usd: Usd = 0.0
    """Counted towards the total before the valuation date, what was counted in the interval in progress included."""
    counted_this_interval_usd: Usd = 0.0
    """Counted towards the floor of the interval in progress before the valuation date."""

    @model_validator(mode="after")
    def _something_committed(self) -> SpendCommitment:
        if self.total_usd is None and not self.floors_usd and self.floor_usd_per_y is None:
            raise ValueError("nothing is committed: give `total`, `floors` or `floor`")
        if self.floors_usd and self.floor_usd_per_y is not None:
            raise ValueError("give `floors` (a list) or `floor` (a ramp), not both")
        if unknown := [k for k in self.counts_at_most_usd if k not in self.counts_frac]:
            raise ValueError(f"`counts_at_most` names {unknown[0]!r}, which `counts` does not")
        return self

    def after(self) -> tuple[str, ...]:
        """Ids or kinds of the clauses whose payments count, and those that give relief."""
        return (*self.counts_frac, LATE)

    def includes(self, other: Terms) -> bool:
        """Whether another clause's payments count towards this commitment."""
        return other.id in self.counts_frac or other.kind in self.counts_frac

    def owed(self, a: Algebra[X], deal: DealView[X]) -> Sequence[Due[X]]:
        """Return the true-ups of the intervals, and that of the term."""
        plan = deal.schedule()
        if plan is None:
            return ()
        whole = self._whole(deal.contract)
        relief = _Relief.of(a, deal, plan.on)
        spend = self._spend(a, deal, plan.on)
        dues = []
        counted = spend
        floors = self._floors(plan)
        if any(floors) or relief.deferred is not None:
            opening = exactly(self.counted_this_interval_usd) if deal.span.since is None else Fraction(0)
            before = [opening, *([Fraction(0)] * (len(plan.on) - 1))]
            floor = relief.off(a, deal.held(floors, on=plan.on, unit=USD), exact=self.carry_forward is not None)
            met = spend + a.const(before, on=plan.on, unit=USD)
            short = a.pos(floor - met, "shortfall")
            owed, held = short, None
            if self.carry_forward is not None:
                held_over = deal.former("held")
                rule = self.carry_forward.rule(floors, opening=held_over, later=deal.span.since is not None)
                carried = a.carry(short + met - floor, short, rule, "carried")
                owed, held = short - carried.used, carried.held
                deal.publish("held", a.pick(held, len(plan.on) - 1))
            counted = spend + owed
            facts = {"floors_usd": floors, "eligible": met, "shortfall": short, "carried": held, "scope": "interval"}
            facts |= {"relief": relief.given, "deferred": relief.deferred}
            dues.append(deal.due(owed, plan.when(self.due_days), Account.TRUE_UP, Firmness.FIRM, facts=facts))
        so_far, earlier = a.total(counted), deal.former("counted")
        deal.publish("counted", so_far if earlier is None else so_far + a.mix(earlier, [[1]], on=so_far.on))
        passed = plan.on.start >= whole.on.end  # only an extension lies in the plan: the total was settled before it
        if self.total_usd is not None and not deal.goes_on and not passed:
            dues.append(self._term(a, deal, plan, counted, relief))
        return [*dues, *self._longer(a, deal)]

    def cannot_follow(self, earlier: Terms) -> str:  # noqa: ARG002
        """Take over: what has counted, and the excess held, go on; the total is asked for once, by the last version."""
        return ""

    def cannot_end(self) -> str:
        """End with the amendment: the total is asked for in proportion to the floors, or to the days, until then."""
        return ""

    def promises(self, contract: Contract) -> Sequence[Promise]:
        """Return the larger of the total and the sum of the floors."""
        whole = self._whole(contract)
        floors = total_of(self._floors(whole))
        return (
            Promise(
                clause=self.id,
                what="eligible spend, or its true-up",
                payer="offtaker",
                payee="provider",
                usd=max(exactly(self.total_usd or 0.0), floors),
                firmness=Firmness.FIRM,
                layer=contract.layer,
                start=whole.on.start,
                end=whole.on.end + timedelta(days=round(self.due_days)),
            ),
        )

    def committed(self, contract: Contract) -> tuple[Intervals, tuple[Fraction, ...]]:
        """Return the intervals of the whole term and the floor of each [USD]."""
        whole = self._whole(contract)
        return whole.on, self._floors(whole)

    def _whole(self, contract: Contract) -> Schedule:
        """Return all intervals of the term, and refuse more floors than there are."""
        start = self.start or contract.start
        on = Intervals.every(MONTHS[self.interval], start, min(self.end or contract.end, contract.end))
        if len(self.floors_usd) > len(on):
            raise OfftakeError(
                f"clause {self.id}: {len(self.floors_usd)} floors, but its term has {len(on)} intervals of a {self.interval}"
            )
        return Schedule(on, on, start)

    def _spend(self, a: Algebra[X], deal: DealView[X], on: Intervals) -> X:
        """Eligible spend of each interval: what a clause charges, less what it credits."""
        spend = a.zero(on=on, unit=USD)
        for which, share in self.counts_frac.items():
            part = a.scale(deal.billed([which], on=on) - _credited(a, deal, which, on), share)
            if which in self.counts_at_most_usd:
                most = a.const(self.counts_at_most_usd[which], on=on, unit=USD)
                part = a.minimum(part, most, f"{which}.counts-at-most")
            spend = spend + part
        return spend

    def _longer(self, a: Algebra[X], deal: DealView[X]) -> list[Due[X]]:
        """Commit, after the commitment's own end, what is then made good."""
        if self.end is None or self.end >= deal.contract.end:
            return []
        plan = deal.schedule(start=self.end, end=deal.end)
        relief = None if plan is None else _Relief.of(a, deal, plan.on)
        if plan is None or relief is None or relief.deferred is None:
            return []
        met = self._spend(a.within(f"{deal.cause}.longer"), deal, plan.on)
        short = a.pos(relief.deferred - met, "longer.shortfall")
        facts = {"floors_usd": (Fraction(0),) * len(plan.on), "eligible": met, "shortfall": short, "scope": "extension"}
        facts |= {"relief": None, "deferred": relief.deferred}
        return [deal.due(short, plan.when(self.due_days), Account.TRUE_UP, Firmness.CONTINGENT, facts=facts)]

    def _floors(self, plan: Schedule) -> tuple[Fraction, ...]:
        """Floor of each interval [USD], in proportion to its days inside the horizon."""
        if self.floor_usd_per_y is not None:
            rates = means(self.floor_usd_per_y, plan.on)
            return tuple(r * int(d) / 365 for r, d in zip(rates, plan.on.days, strict=True))
        listed = [exactly(f) for f in self.floors_usd[plan.first :]] + [Fraction(0)] * len(plan.on)
        return tuple(f * part for f, part in zip(listed, plan.share, strict=False))

    def _term(self, a: Algebra[X], deal: DealView[X], plan: Schedule, counted: X, relief: _Relief[X]) -> Due[X]:
        """Bring the whole term up to the total; a horizon inside the term asks for the part of it due by then."""
        parts = self._parts(deal, plan)
        total = total_of(parts)
        spent, earlier = a.total(counted), deal.former("counted")
        if earlier is not None:
            spent = spent + a.mix(earlier, [[1]], on=spent.on)
        asked = a.total(deal.held(parts, on=plan.on, unit=USD)) if deal.force() else None
        if asked is None:
            asked = a.const(total, on=spent.on, unit=USD)
        if relief.given is not None:
            asked = asked - a.total(relief.given)
        if relief.deferred is not None:
            asked = asked + a.total(relief.deferred)
        short = a.pos(asked - a.const(self.counted_usd, on=spent.on, unit=USD) - spent, "term-shortfall")
        when = (spent.on.end + timedelta(days=round(self.due_days)),)
        facts = {"total_usd": total, "eligible": spent, "shortfall": short, "scope": "term", "asked": asked}
        return deal.due(short, when, Account.TRUE_UP, Firmness.FIRM, facts=facts)

    def _parts(self, deal: DealView[X], plan: Schedule) -> tuple[Fraction, ...]:
        """Part of the total that falls on each interval: by the floors, or by days without; what was before on the first."""
        total = exactly(self.total_usd or 0.0)
        every = self._whole(deal.contract)
        floors = self._floors(every)
        if any(floors):
            cut = Fraction((plan.on.start - plan.whole.start).days, int(plan.whole.days[0]))
            whole, now = total_of(floors), self._floors(plan)
            before = total_of(floors[: plan.first]) + cut * total_of(floors[plan.first : plan.first + 1])
        else:
            whole = Fraction((every.on.end - every.on.start).days)
            before = Fraction((plan.on.start - every.on.start).days)
            now = tuple(Fraction(int(d)) for d in plan.on.days)
        return tuple(total * (f + (before if k == 0 else 0)) / whole for k, f in enumerate(now))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Relief(Generic[X]):
    """What late delivery takes off a commitment, and adds to it again, by its own intervals [USD]."""

    given: X | None
    deferred: X | None

    @classmethod
    def of(cls, a: Algebra[X], deal: DealView[X], on: Intervals) -> _Relief[X]:
        """Read what the delay clauses with relief have published."""
        found: list[X | None] = []
        for name in (RELIEF, DEFERRED):
            told = list(deal.published((LATE,), name).values())
            found.append(a.lin(*((1, a.resample(x, on=on)) for x in told)) if told else None)
        return cls(given=found[0], deferred=found[1])

    def off(self, a: Algebra[X], floor: X, *, exact: bool) -> X:
        """Take the relief off a floor; never below nothing where the floor itself is read on (`exact`)."""
        if self.given is not None:
            floor = floor - self.given
            floor = a.pos(floor, "relieved") if exact else floor
        return floor if self.deferred is None else floor + self.deferred


def _credited(a: Algebra[X], deal: DealView[X], which: str, on: Intervals) -> X:
    """Money that a clause gives back to the offtaker: what was credited was counted when it was paid."""
    total = a.zero(on=on, unit=USD)
    for clause in deal.contract.clauses:
        if which in (clause.id, clause.kind):
            for due in deal.dues.get(clause.id, ()):
                back = (due.payer, due.payee) == (deal.facts.provider, deal.facts.offtaker)
                if back and not due.in_kind and due.account in CREDITS:
                    total = total + a.resample(due.amount, on=on)
    return total
