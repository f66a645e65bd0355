"""Delivery delay: what follows when capacity of another clause's tranches comes late.

Per interval and tranche, with V the volume as written, G that of the schedule moved back by the days of grace, E by grace and cure, and D
what was made available of V,

    credit = (share of the price + amount per day) × max(0, G − D),   up to a cap
    relief = price × (V − D), off the commitments of the interval
    made good = what was not delivered, after the tranche's last day, at its last volume

Where more than a stated share of V is missing from E, the offtaker may end the tranche (or the contract) with that interval.  A chip
that comes 100 days after its date is thus credited for 70 with 30 days of grace, whatever the intervals.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, Generic, Literal

from pydantic import model_validator

from offtake.dates import Intervals
from offtake.deal.algebra import X, exactly
from offtake.deal.flows import Account, Firmness
from offtake.deal.force import ENDS
from offtake.deal.quantities import ONE, USD
from offtake.deal.terms import Periodic, Promise, Schedule
from offtake.deal.tranches import (
    AVAILABLE,
    ENDED,
    LATE,
    MADE_GOOD,
    Sliced,
    Tranche,
    fact_name,
    late_from,
    metered,
    price,
    stacks,
    term,
    volume,
)
from offtake.errors import OfftakeError
from offtake.spec.fields import ClauseId, Days, Frac, FracAboveZero, Model, Text, Usd

if TYPE_CHECKING:
    from offtake.deal.algebra import Algebra
    from offtake.deal.contract import Contract, DealView
    from offtake.deal.flows import Due

RELIEF = "relief"
"""Fact: money that undelivered capacity takes off the commitments of each interval [USD]."""

DEFERRED = "deferred"
"""Fact: money that capacity made good adds to the commitments of each interval [USD]."""


class Remedy(Model):
    """What is due to the offtaker for a late tranche."""

    grace_days: Days = 0.0
    """Days after the written date that have no consequence."""
    cure_days: Days = 0.0
    """Further days in which the provider may still deliver before the offtaker may end anything."""
    credit_frac: Frac = 0.0
    """Share of the price of what is missing that is credited."""
    per_day_usd: Usd = 0.0
    """Credit for a day on which the whole tranche is missing; for a part in proportion."""
    discount_frac: Frac = 0.0
    """Off the price of what is delivered, in intervals in which a part is missing after the grace."""
    cap_usd: Usd | None = None
    """Most that is credited for the tranche in all."""
    ends: Literal["tranche", "contract"] | None = None
    """What the offtaker may end once a tranche is later than grace and cure; nothing if absent."""
    window_days: Days | None = None
    """Days after grace and cure, from the tranche's first date, in which that can be said; as long as it is late if absent."""
    missing_frac: FracAboveZero = 0.01
    """Least share of an interval's volume that must be missing for that, and for the discount."""

    @property
    def does_nothing(self) -> bool:
        """Whether no consequence is stated."""
        return not (self.credit_frac or self.per_day_usd or self.discount_frac or self.ends)


class DeliveryDelay(Periodic):
    """Credits, an end right and relief for capacity that comes late."""

    kind: ClassVar[str] = LATE

    of: ClauseId
    """Clause whose tranches must be delivered: a take-or-pay or a reservation."""
    remedy: Remedy = Remedy()
    """Of every tranche that `each` does not name."""
    each: dict[Text, Remedy] = {}  # noqa: RUF012  (pydantic copies it)
    """Of single tranches, by their id."""
    relief: Literal["on", "off"] = "on"
    """Whether undelivered capacity, at its price, comes off the floors and the total of spend commitments."""
    extends: Literal["on", "off"] = "off"
    """Whether what was not delivered is made good after the tranche's last day, at most until the contract ends."""

    @model_validator(mode="after")
    def _does_something(self) -> DeliveryDelay:
        if self.start is not None or self.end is not None:
            raise ValueError("leave `start` and `end` out: the remedies hold for as long as the tranches of `of`")
        if self.remedy.does_nothing and not self.each and self.relief == self.extends == "off":
            raise ValueError("nothing follows from a delay: give a `remedy`, `relief: on` or `extends: on`")
        return self

    @property
    def shapes_term(self) -> bool:  # type: ignore[override]
        """Whether the offtaker may end the whole contract."""
        return any(r.ends == "contract" for r in (self.remedy, *self.each.values()))

    def remedy_of(self, tranche: Tranche) -> Remedy:
        """Return what holds for one tranche."""
        return self.each.get(tranche.id, self.remedy)

    def target(self, contract: Contract) -> Sliced:
        """Return the clause whose tranches must be delivered.

        Raises
        ------
        OfftakeError
            If there is none, it has no tranches, or its terms contradict these.
        """
        found = next((c for c in contract.clauses if c.id == self.of), None)
        if found is None or not isinstance(found, Sliced):
            raise OfftakeError(f"`of` names {self.of!r}, which is no clause with tranches (take_or_pay or reservation)")
        if unknown := [name for name in self.each if name not in [t.id for t in found.slices]]:
            raise OfftakeError(f"`each` names tranche {unknown[0]!r}, which clause {self.of!r} does not have")
        if any(isinstance(c, DeliveryDelay) and c.of == self.of and c.id != self.id for c in contract.clauses):
            raise OfftakeError(
                f"two delivery_delay clauses are about {self.of!r}: put their remedies under `each` of one"
            )
        if getattr(found, "cancel", None) is not None:
            raise OfftakeError(
                f"{self.of!r} can be cancelled, without a charge when late: leave `cancel` or this clause out"
            )
        if self.extends == "on" and getattr(found, "paid", "") == "up_front":
            raise OfftakeError(
                f"{self.of!r} is paid up front and gives back what is not delivered: leave `extends` out"
            )
        return found

    def owed(self, a: Algebra[X], deal: DealView[X]) -> Sequence[Due[X]]:
        """Return the credits of each tranche, and publish which have ended, what is relieved and what is made good."""
        plan = deal.schedule()
        if plan is None:
            return ()
        work = _Work(clause=self, a=a, deal=deal, plan=plan, target=self.target(deal.contract))
        return work.dues()

    def promises(self, contract: Contract) -> Sequence[Promise]:
        """Return the credits, as far as they are capped."""
        target = self.target(contract)
        made = []
        for t in target.slices:
            remedy = self.remedy_of(t)
            first = t.start or target.start or contract.start
            last = min(t.end or target.end or contract.end, contract.end)
            if remedy.ends and first + timedelta(days=round(remedy.grace_days + remedy.cure_days)) >= last:
                raise OfftakeError(
                    f"tranche {t.id!r} ends {last}, before grace and cure have passed: `ends` can never be used"
                )
            if remedy.credit_frac or remedy.per_day_usd or remedy.discount_frac:
                made.append(
                    Promise(
                        clause=self.id,
                        what=f"credits if tranche {t.id} is late",
                        payer="provider",
                        payee="offtaker",
                        usd=None if remedy.cap_usd is None else exactly(remedy.cap_usd),
                        firmness=Firmness.CONTINGENT,
                        layer=contract.layer,
                        start=first,
                        end=last + timedelta(days=round(self.due_days)),
                    )
                )
        return made


@dataclass(slots=True, kw_only=True)
class _State(Generic[X]):
    """A tranche as the intervals go by; every vector is over the block at hand.

    Parameters
    ----------
    ended : X or None
        1 once it was ended.
    over : X or None
        1 once the contract was ended under this clause.
    missing : X or None
        Volume not delivered so far.
    made : X or None
        Of it, made good so far.
    rows : dict
        What has been found, block by block.
    """

    ended: X | None = None
    over: X | None = None
    missing: X | None = None
    made: X | None = None
    rows: dict[str, list[X]] = field(default_factory=dict)

    def add(self, **found: X) -> None:
        for name, x in found.items():
            self.rows.setdefault(name, []).append(x)


@dataclass(frozen=True, kw_only=True)
class _Work(Generic[X]):
    """One reading of the clause.

    Where a tranche can be ended or made good, what was delivered of it in one interval decides about the next, and the intervals are
    read one by one; otherwise all at once.
    """

    clause: DeliveryDelay
    a: Algebra[X]
    deal: DealView[X]
    plan: Schedule
    target: Sliced

    @cached_property
    def force_matters(self) -> bool:
        """Whether other clauses can end or extend the contract; a clause that may itself do so cannot ask."""
        return not self.clause.shapes_term and self.deal.force() is not None

    @cached_property
    def blocks(self) -> list[Intervals]:
        on = self.plan.on
        moving = self.clause.extends == "on" or any(self.clause.remedy_of(t).ends for t in self.target.slices)
        return [Intervals((s,), (e,)) for s, e in zip(on.starts, on.ends, strict=True)] if moving else [on]

    def dues(self) -> list[Due[X]]:
        states: dict[str, _State[X]] = {t.id: _State() for t in self.target.slices}
        rights = self._rights()
        over: list[X] = []  # of the contract, by interval: 1 where it is ended with it
        for k, block in enumerate(self.blocks):
            for _, stack in stacks(self.target.slices):
                self._deliver(block, stack, states)
            if "" in rights:
                over.append(self._end_contract(block, k, rights[""], states))
            for t in self.target.slices:
                if t.id in rights:
                    self._end_tranche(block, k, rights[t.id], t, states[t.id])
        if over:
            on = self.plan.on
            days = Intervals(on.ends, tuple(e + timedelta(days=1) for e in on.ends))
            self.deal.publish(ENDS, self.a.join(over, on=days))
        return self._told(states)

    def _rights(self) -> dict[str, X]:
        """One right by tranche, and one under "" for the contract."""
        rights = {}
        for t in self.target.slices:
            ends = self.clause.remedy_of(t).ends
            if ends == "contract" and "" not in rights:
                rights[""] = self.a.right("end", on=self.plan.on)
            elif ends == "tranche":
                rights[t.id] = self.a.right(f"{t.id}.end", on=self.plan.on)
        return rights

    def _deliver(self, block: Intervals, stack: Sequence[Tranche], states: Mapping[str, _State[X]]) -> None:
        """Share what was made available, and find what is missing."""
        a, label = self.a, f"{stack[0].chip or 'it-power'}.{block.labels[0]}"
        if len(self.blocks) > 1:
            for t in stack:
                state = states[t.id]
                for name in ("ended", "over", "missing", "made"):
                    earlier = getattr(state, name)
                    if earlier is not None:
                        setattr(state, name, a.join([earlier], on=block))
        goods = {t.id: self._made_good(block, t, states[t.id]) for t in stack}
        wants = {t.id: self._alive(block, t, states[t.id]) for t in stack}
        volumes = []
        for t in stack:
            plain = states[t.id].ended is None and goods[t.id] is None and not self.force_matters
            whole = wants[t.id] if goods[t.id] is None else wants[t.id] + _given(goods[t.id])
            volumes.append(self._numbers(block, t) if plain else whole)
        delivered = metered(a, self.deal, "delivery_chip_h", stack[0].chip, block)
        for t, all_had in zip(stack, a.layers(delivered, volumes, f"{label}.available"), strict=False):
            state, good = states[t.id], goods[t.id]
            most = self._numbers(block, t)
            had = all_had if good is None else a.minimum(all_had, wants[t.id], f"{t.id}.{block.labels[0]}.in-term")
            had = a.known(had, 0, most)
            missing = a.known(wants[t.id] - had, 0, most)
            written = self._written(block, t)
            if state.over is not None:
                written = a.known(written - a.scale(state.over, most, unit=t.unit), 0, most)
            none = a.zero(on=block, unit=t.unit)
            state.add(
                scheduled=written,
                available=had,
                missing=missing,
                relieved=a.known(written - had, 0, most),
                late=self._late(block, t, state, had),
                ended=a.zero(on=block, unit=ONE) if state.ended is None else state.ended,
                made_good=none if good is None else good,
                all=all_had,
            )
            state.missing = missing if state.missing is None else state.missing + missing

    def _late(self, block: Intervals, t: Tranche, state: _State[X], had: X) -> X:
        """Find what is missing of the schedule moved back by the days of grace."""
        days = round(self.clause.remedy_of(t).grace_days)
        whole, moved = self._numbers(block, t), self._numbers(block, t, days)
        behind = self._alive(block, t, state, days) - had
        least = [m - w for m, w in zip(moved, whole, strict=True)]  # no more is delivered than was written
        return self.a.pos(self.a.known(behind, least, moved), f"{t.id}.{block.labels[0]}.late")

    # -- volumes ------------------------------------------------------------------------------------------------

    def _numbers(self, on: Intervals, t: Tranche, late_days: int = 0) -> tuple[Fraction, ...]:
        """Volume as written (moved back by some days), of the days after the valuation date."""
        start, end = term(t, self.target, self.deal)
        today = self.deal.facts.valuation_date
        return volume(t, on, start, end, late_days=late_days, today=today)

    def _written(self, on: Intervals, t: Tranche, late_days: int = 0) -> X:
        """Volume as written, while the contract holds."""
        if not self.force_matters:
            return self.a.const(self._numbers(on, t, late_days), on=on, unit=t.unit)
        return self.deal.over_term(
            lambda s, e: self._numbers(Intervals((s,), (e,)), t, late_days)[0], on=on, unit=t.unit
        )

    def _alive(self, on: Intervals, t: Tranche, state: _State[X], late_days: int = 0) -> X:
        """Return the volume as written, unless the tranche was ended."""
        written = self._written(on, t, late_days)
        if state.ended is None:
            return written
        if not self.force_matters:
            gone = self.a.scale(state.ended, self._numbers(on, t, late_days), unit=t.unit)
        else:
            gone = self.a.when(state.ended, written, f"{t.id}.{on.labels[0]}.ended-{late_days}")
        return self.a.known(written - gone, 0, self._numbers(on, t, late_days))

    def _made_good(self, block: Intervals, t: Tranche, state: _State[X]) -> X | None:
        """Volume after the tranche's last day that makes good what was missing before the interval."""
        a, deal = self.a, self.deal
        _, end = term(t, self.target, deal)
        last_day = min(deal.end, block.end)
        if self.clause.extends == "off" or last_day <= end or state.missing is None:
            return None
        label = f"{t.id}.{block.labels[0]}"
        per_day = exactly(t.series.at(end - timedelta(days=1))) * 24

        def room(s: date, e: date) -> Fraction:
            return per_day * max(0, (min(e, last_day) - max(s, end)).days)

        most = [room(s, e) for s, e in zip(block.starts, block.ends, strict=True)]
        free = (
            deal.over_term(room, on=block, unit=t.unit) if self.force_matters else a.const(most, on=block, unit=t.unit)
        )
        owed = state.missing if state.made is None else state.missing - state.made
        if state.ended is not None:
            owed = owed - a.when(state.ended, owed, f"{label}.ended-owes-nothing")
        good = a.known(a.minimum(owed, free, f"{label}.made-good"), 0, most)
        state.made = good if state.made is None else state.made + good
        return good

    # -- rights -------------------------------------------------------------------------------------------------

    def _may_end(self, block: Intervals, t: Tranche, state: _State[X]) -> X | None:
        """Whether the tranche is later than grace and cure; None where it cannot be."""
        remedy = self.clause.remedy_of(t)
        days = round(remedy.grace_days + remedy.cure_days)
        if not self._numbers(block, t, days)[0]:
            return None
        if remedy.window_days is not None:
            start, _ = term(t, self.target, self.deal)
            if block.start >= start + timedelta(days=days + round(remedy.window_days)):
                return None
        missing = self._alive(block, t, state, days) - state.rows["available"][-1]
        least = exactly(remedy.missing_frac) * self._numbers(block, t)[0]
        return self.a.reached(missing, least, f"{t.id}.{block.labels[0]}.too-late")

    def _end_tranche(self, block: Intervals, k: int, right: X, t: Tranche, state: _State[X]) -> None:
        a, may = self.a, self._may_end(block, t, state)
        if may is None:
            return
        used = a.both(may, a.pick(right, k), f"{t.id}.{block.labels[0]}.ends")
        state.ended = used if state.ended is None else a.known(state.ended + used, 0, 1)

    def _end_contract(self, block: Intervals, k: int, right: X, states: Mapping[str, _State[X]]) -> X:
        """End everything; return 1 where it is ended with this interval."""
        a, may, label = self.a, None, block.labels[0]
        for t in self.target.slices:
            if self.clause.remedy_of(t).ends == "contract":
                here = self._may_end(block, t, states[t.id])
                if here is not None:
                    may = here if may is None else a.known(a.either(may, here, f"{t.id}.{label}.any"), 0, 1)
        if may is None:
            return a.zero(on=block, unit=ONE)
        used = a.both(may, a.pick(right, k), f"{label}.ends")
        for t in self.target.slices:
            state = states[t.id]
            state.over = used if state.over is None else a.known(state.over + used, 0, 1)
            if state.ended is None:
                state.ended = used
            elif self.clause.remedy_of(t).ends == "contract":  # it cannot have been ended before: it would not be late
                state.ended = a.known(state.ended + used, 0, 1)
            else:
                state.ended = a.known(a.either(state.ended, used, f"{t.id}.{label}.ended-too"), 0, 1)
        return used

    # -- money --------------------------------------------------------------------------------------------------

    def _told(self, states: Mapping[str, _State[X]]) -> list[Due[X]]:
        """Write the credits and publish the facts."""
        a, on, dues = self.a, self.plan.on, []
        relief = deferred = a.zero(on=on, unit=USD)
        for t in self.target.slices:
            found = {name: a.join(parts, on=on) for name, parts in states[t.id].rows.items()}
            paid = price(t, on, self.deal, getattr(self.target, "price_from", None))
            if self.clause.remedy_of(t).ends or self.clause.shapes_term:
                self.deal.publish(fact_name(ENDED, self.target.id, t.id), found["ended"])
            if not self.clause.shapes_term:
                self.deal.publish(fact_name(AVAILABLE, self.target.id, t.id), found.pop("all"))
            if self.clause.extends == "on":
                self.deal.publish(fact_name(MADE_GOOD, self.target.id, t.id), found["made_good"])
            relief = relief + a.scale(found["relieved"], paid, unit=USD)
            deferred = deferred + a.scale(found["made_good"], paid, unit=USD)
            facts = {"tranche": t.id, **found, "relief_usd": a.scale(found["relieved"], paid, unit=USD)}
            facts["deferred_usd"] = a.scale(found["made_good"], paid, unit=USD)
            facts["scheduled_usd"] = a.scale(found["scheduled"], paid, unit=USD)
            dues.append(
                self.deal.due(
                    self._credit(t, found, paid),
                    self.plan.when(self.clause.due_days),
                    Account.DELAY_CREDIT,
                    Firmness.CONTINGENT,
                    payer="provider",
                    payee="offtaker",
                    tranche=t.id,
                    use=t.use,
                    facts=facts,
                )
            )
        if self.clause.relief == "on":
            self.deal.publish(RELIEF, relief)
            self.deal.publish(DEFERRED, deferred)
        return dues

    def _credit(self, t: Tranche, found: Mapping[str, X], paid: Sequence[Fraction]) -> X:
        """Money for what is missing after the grace, and off what is delivered meanwhile."""
        a, on, remedy = self.a, self.plan.on, self.clause.remedy_of(t)
        start, end = term(t, self.target, self.deal)
        start = max(start, self.deal.facts.valuation_date)
        volumes = self._numbers(on, t)
        days = [max(0, (min(e, end) - max(s, start)).days) for s, e in zip(on.starts, on.ends, strict=True)]
        per_day = [
            exactly(remedy.per_day_usd) * d / v if v else Fraction(0) for d, v in zip(days, volumes, strict=True)
        ]
        each = [exactly(remedy.credit_frac) * p + d for p, d in zip(paid, per_day, strict=True)]
        credit = a.scale(found["late"], each, unit=USD)
        if remedy.discount_frac:
            is_late = a.reached(found["late"], late_from(remedy.missing_frac, volumes), f"{t.id}.is-late")
            off = a.when(is_late, found["available"], f"{t.id}.late-price")
            credit = credit + a.scale(off, [exactly(remedy.discount_frac) * p for p in paid], unit=USD)
        return credit if remedy.cap_usd is None else a.capped(credit, remedy.cap_usd, f"{t.id}.cap")


def _given(x: X | None) -> X:
    if x is None:
        raise ValueError("expected a vector")
    return x
