"""Spend commitment: eligible spend of each interval, and of the whole term, is brought up to what was committed.

With s the eligible spend of an interval (each clause's payments × the share that counts), f its floor, and excess carried forward from
earlier intervals,

    true-up = max(0, f − s) − carried excess used
    at the end: max(0, total − sum of (s + true-ups))

A true-up counts towards the total, so that a floor and the total are never both charged for the same dollar.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from fractions import Fraction
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field, model_validator

from offtake.dates import Intervals
from offtake.deal.algebra import CarryRule, exactly
from offtake.deal.flows import Account, Firmness
from offtake.deal.quantities import USD
from offtake.deal.terms import MONTHS, Interval, Periodic, Promise, Schedule, means, total_of
from offtake.errors import OfftakeError
from offtake.spec.fields import Count, Frac, Model, Text, Usd, UsdPerYearSeries

if TYPE_CHECKING:
    from offtake.deal.algebra import Algebra, X
    from offtake.deal.contract import Contract, DealView
    from offtake.deal.flows import Due
    from offtake.deal.terms import Terms


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

    def rule(self, floors: Sequence[Fraction]) -> CarryRule:
        """Return the rule for dated floors."""
        cap = self.cap_usd
        caps = None if self.share_frac is None else tuple(exactly(self.share_frac) * f for f in floors)
        return CarryRule(cap=caps if caps is not None else cap, lasts=self.lasts, opening=exactly(self.opening_usd))


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
        """Ids or kinds of the clauses whose payments count."""
        return tuple(self.counts_frac)

    def includes(self, other: Terms) -> bool:
        """Whether another clause's payments count towards this commitment."""
        return other.id in self.counts_frac or other.kind in self.counts_frac

    def owed(self, a: Algebra[X], deal: DealView[X]) -> Sequence[Due[X]]:
        """Return the true-ups of the intervals, and that of the term."""
        plan = deal.schedule()
        if plan is None:
            return ()
        self._whole(deal.contract)
        spend = self._spend(a, deal, plan)
        dues = []
        counted = spend
        floors = self._floors(plan)
        if any(floors):
            before = [exactly(self.counted_this_interval_usd), *([Fraction(0)] * (len(plan.on) - 1))]
            floor = deal.held(floors, on=plan.on, unit=USD)
            met = spend + a.const(before, on=plan.on, unit=USD)
            short = a.pos(floor - met, "shortfall")
            owed, held = short, None
            if self.carry_forward is not None:
                carried = a.carry(short + met - floor, short, self.carry_forward.rule(floors), "carried")
                owed, held = short - carried.used, carried.held
            counted = spend + owed
            facts = {"floors_usd": floors, "eligible": met, "shortfall": short, "carried": held, "scope": "interval"}
            dues.append(deal.due(owed, plan.when(self.due_days), Account.TRUE_UP, Firmness.FIRM, facts=facts))
        if self.total_usd is not None:
            dues.append(self._term(a, deal, plan, counted))
        return dues

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

    def _whole(self, contract: Contract) -> Schedule:
        """Return all intervals of the term, and refuse more floors than there are."""
        start = self.start or contract.start
        on = Intervals.every(MONTHS[self.interval], start, min(self.end or contract.end, contract.end))
        if len(self.floors_usd) > len(on):
            raise OfftakeError(
                f"clause {self.id}: {len(self.floors_usd)} floors, but its term has {len(on)} intervals of a {self.interval}"
            )
        return Schedule(on, on, start)

    def _spend(self, a: Algebra[X], deal: DealView[X], plan: Schedule) -> X:
        """Eligible spend of each interval."""
        spend = a.zero(on=plan.on, unit=USD)
        for which, share in self.counts_frac.items():
            part = a.scale(deal.billed([which], on=plan.on), share)
            if which in self.counts_at_most_usd:
                most = a.const(self.counts_at_most_usd[which], on=plan.on, unit=USD)
                part = a.minimum(part, most, f"{which}.counts-at-most")
            spend = spend + part
        return spend

    def _floors(self, plan: Schedule) -> tuple[Fraction, ...]:
        """Floor of each interval [USD], in proportion to its days inside the horizon."""
        if self.floor_usd_per_y is not None:
            rates = means(self.floor_usd_per_y, plan.on)
            return tuple(r * int(d) / 365 for r, d in zip(rates, plan.on.days, strict=True))
        listed = [exactly(f) for f in self.floors_usd[plan.first :]] + [Fraction(0)] * len(plan.on)
        return tuple(f * part for f, part in zip(listed, plan.share, strict=False))

    def _term(self, a: Algebra[X], deal: DealView[X], plan: Schedule, counted: X) -> Due[X]:
        """Bring the whole term up to the total; a horizon inside the term asks for the part of it due by then."""
        total = exactly(self.total_usd or 0.0)
        every = self._whole(deal.contract)
        if every.on.end > deal.facts.horizon:
            floors = self._floors(every)
            if any(floors):
                total *= (total_of(floors[: plan.first]) + total_of(self._floors(plan))) / total_of(floors)
            else:
                total *= Fraction((deal.facts.horizon - every.on.start).days, (every.on.end - every.on.start).days)
        spent = a.total(counted)
        short = a.pos(a.const(total - exactly(self.counted_usd), on=spent.on, unit=USD) - spent, "term-shortfall")
        when = (spent.on.end + timedelta(days=round(self.due_days)),)
        facts = {"total_usd": total, "eligible": spent, "shortfall": short, "scope": "term"}
        return deal.due(short, when, Account.TRUE_UP, Firmness.FIRM, facts=facts)
