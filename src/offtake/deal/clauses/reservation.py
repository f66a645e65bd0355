"""Reservation: capacity held for the offtaker against a fee, used or not, without a promise of what use costs.

Per interval and tranche, with D what was made available of its volume and T what was taken of it,

    fee = price × D        (`charged: held`)        or        price × max(0, D − T)        (`charged: unused`)

or, for a site that is handed over as it stands, price × volume as written, whatever is made of it (`charged: written`).

Paid up front, the fee of the whole volume is owed on the tranche's first day, and what is then not made available is given back.
A reservation that can be cancelled ends with the interval in which the offtaker says so; it then owes a wind-down charge, a share of the
fee for the rest of the term, unless delivery is late.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction
from typing import TYPE_CHECKING, Annotated, ClassVar, Generic, Literal

from pydantic import Field, model_validator

from offtake.dates import Intervals
from offtake.deal.algebra import X, exactly, is_numbers, vector
from offtake.deal.flows import Account, Firmness
from offtake.deal.quantities import USD
from offtake.deal.terms import MONTHS, Periodic, Promise
from offtake.deal.tranches import (
    LATE,
    Tranche,
    available,
    effective,
    held,
    late_from,
    metered,
    plan_of,
    price,
    stacks,
    term,
    worth,
    written,
)
from offtake.spec.fields import Day, Frac, FracAboveZero, Model

if TYPE_CHECKING:
    from offtake.deal.algebra import Algebra, Numbers
    from offtake.deal.contract import Contract, DealView
    from offtake.deal.flows import Due
    from offtake.deal.terms import Schedule


class Cancel(Model):
    """A right of the offtaker to give a tranche back before its end."""

    charge_frac: Frac = 0.0
    """Wind-down charge, as a share of the fee for the rest of the tranche's term."""
    from_date: Annotated[Day | None, Field(alias="from")] = None
    """First day of the interval in which it can be cancelled; the tranche's if absent."""
    until: Day | None = None
    """Day by which it must be cancelled; the tranche's end if absent."""
    waived: Literal["if_late", "never"] = "if_late"
    """Whether no charge is owed if delivery is late in the interval of the cancellation."""
    late_frac: FracAboveZero = 0.01
    """Share of an interval's volume from which, if it is missing, delivery is late."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given(Generic[X]):
    """Cancellation of one tranche by interval: whether it has gone before, and whether it is said in it."""

    gone: X
    said: X


class Reservation(Periodic):
    """Capacity held against a fee: use it or lose it."""

    kind: ClassVar[str] = "reservation"

    tranches: Annotated[tuple[Tranche, ...], Field(min_length=1)]
    """Slices, in the order in which they are filled; `price` or `rate` is the fee."""
    charged: Literal["held", "unused", "written"] = "held"
    """Whether the fee is owed for all that is made available, only for what of it is not taken, or for the volume as written."""
    paid: Literal["each_interval", "up_front"] = "each_interval"
    """Whether the fee is owed after each interval, or for the whole tranche on its first day."""
    cancel: Cancel | None = None
    """Whether the offtaker may give a tranche back; it cannot if absent."""

    @model_validator(mode="after")
    def _consistent(self) -> Reservation:
        if len({t.id for t in self.tranches}) < len(self.tranches):
            raise ValueError("two tranches have the same id")
        if unpriced := [t.id for t in self.tranches if t.price_usd_per_chip_h is None and t.rate_usd_per_mw_y is None]:
            raise ValueError(f"tranche {unpriced[0]!r} needs a fee: a reservation takes no price from another clause")
        if self.paid == "up_front" and self.charged == "unused":
            raise ValueError("`paid: up_front` is for all that is held: what will be unused is not known then")
        if self.charged == "written" and (self.paid == "up_front" or self.cancel is not None):
            raise ValueError(
                "`charged: written` is owed whatever is made available: leave `cancel` and `paid: up_front` out"
            )
        if self.paid == "up_front" and self.cancel is not None:
            raise ValueError(
                "what is paid up front is not given back on cancelling: leave `cancel` out, or pay each interval"
            )
        return self

    @property
    def slices(self) -> tuple[Tranche, ...]:
        """The tranches."""
        return self.tranches

    def after(self) -> tuple[str, ...]:
        """Clauses that may end or lengthen a tranche come before."""
        return (LATE,)

    def owed(self, a: Algebra[X], deal: DealView[X]) -> Sequence[Due[X]]:
        """Return the fees of each tranche, what is given back of those paid up front, and wind-down charges."""
        plan = plan_of(self, deal)
        if plan is None:
            return ()
        dues = []
        for chip, stack in stacks(self.tranches):
            given = [self._given(a, deal, plan, t) for t in stack]
            volumes = [self._volume(a, deal, plan, t, g) for t, g in zip(stack, given, strict=True)]
            label = chip or "it-power"
            if self.charged == "written":
                had = [self._as_written(a, plan, t, v) for t, v in zip(stack, volumes, strict=True)]
            else:
                had = available(a, deal, self, list(zip(stack, volumes, strict=True)), on=plan.on)
            taken: list[X | None] = [None] * len(stack)
            if self.charged == "unused":
                used = metered(a, deal, "offtake_chip_h", chip, plan.on)
                taken = [*a.layers(used, volumes[:-1], f"{label}.taken")]
            for k, tranche in enumerate(stack):
                dues += self._fees(a, deal, plan, tranche, (had[k], taken[k]))
                cancelled, kept = given[k], volumes[k]
                if cancelled is not None and not is_numbers(kept) and self.cancel and self.cancel.charge_frac:
                    missing = vector(kept) - had[k]
                    dues.append(self._wind_down(a, deal, plan, tranche, (missing, cancelled.said)))
        return dues

    def _as_written(self, a: Algebra[X], plan: Schedule, tranche: Tranche, volume: X | Numbers) -> X:
        """Return a volume as a vector: what is owed for if it does not matter what is made available."""
        return a.const(volume, on=plan.on, unit=tranche.unit) if is_numbers(volume) else vector(volume)

    def promises(self, contract: Contract) -> Sequence[Promise]:
        """Return the fees; where they can be cancelled, the wind-down charge alone is firm."""
        made = []
        for t in self.tranches:
            first = max(t.start or self.start or contract.start, contract.start)
            last = min(t.end or self.end or contract.end, contract.end)
            whole = worth(t, first, last) or Fraction(0)
            share = Fraction(1) if self.cancel is None else exactly(self.cancel.charge_frac)
            parts = [
                (share, Firmness.FIRM, "fee" if self.cancel is None else "wind-down charge"),
                (1 - share, Firmness.CANCELLABLE, "fee above the wind-down charge"),
            ]
            made += [
                Promise(
                    clause=self.id,
                    what=f"{what} of tranche {t.id}, "
                    + ("as written" if self.charged == "written" else "for capacity made available"),
                    payer="offtaker",
                    payee="provider",
                    usd=whole * part,
                    firmness=firmness,
                    layer=contract.layer,
                    start=first,
                    end=first if self.paid == "up_front" else last + timedelta(days=round(self.due_days)),
                    within=contract.counted_in(self),
                )
                for part, firmness, what in parts
                if part or (self.cancel is None and firmness is Firmness.FIRM)
            ]
        return made

    def _given(self, a: Algebra[X], deal: DealView[X], plan: Schedule, tranche: Tranche) -> Given[X] | None:
        """Return when a tranche is cancelled, inside the window."""
        if self.cancel is None:
            return None
        start, end = term(tranche, self, deal)
        opens, closes = self.cancel.from_date or start, self.cancel.until or end
        window = [int(opens <= e and s < min(closes, end)) for s, e in zip(plan.on.starts, plan.on.ends, strict=True)]
        said = a.scale(a.right(f"{tranche.id}.cancel", on=plan.on), window)
        over = a.ever(said, f"{tranche.id}.cancelled")
        size = range(len(plan.on))
        gone = a.mix(over, [[int(n == m - 1) for n in size] for m in size], on=plan.on)
        first = a.known(over - gone, 0, 1)
        if deal.force() is not None:
            first = a.both(deal.in_force_at_end(plan.on), first, f"{tranche.id}.cancelled-in-force")
        return Given(gone=gone, said=first)

    def _volume(
        self, a: Algebra[X], deal: DealView[X], plan: Schedule, tranche: Tranche, given: Given[X] | None
    ) -> X | Numbers:
        """Volume that is held, until it is cancelled."""
        whole = effective(a, deal, self, tranche, plan.on)
        if given is None:
            return whole
        counts = held(a, deal, self, tranche, plan.on)
        left = counts - a.when(given.gone, counts, f"{tranche.id}.given-back")
        return a.known(left, 0, written(tranche, self, plan.on, deal))

    def _fees(
        self, a: Algebra[X], deal: DealView[X], plan: Schedule, tranche: Tranche, metered_: tuple[X, X | None]
    ) -> list[Due[X]]:
        had, used = metered_
        paid = price(tranche, plan.on, deal)
        whole = held(a, deal, self, tranche, plan.on)
        facts: dict[str, object] = {
            "tranche": tranche.id,
            "held": whole,
            "available": had,
            "fee_of_held": a.scale(whole, paid, unit=USD),
        }
        if self.paid == "up_front":
            back = a.scale(whole - had, paid, unit=USD)
            given_back = self._due(deal, plan, back, Account.DELAY_CREDIT, tranche)
            return [*self._up_front(a, deal, tranche, facts), given_back]
        charged = had if used is None else a.pos(had - used, f"{tranche.id}.unused")
        fee = a.scale(charged, paid, unit=USD)
        return [self._due(deal, plan, fee, Account.RESERVATION, tranche, facts=facts)]

    def _up_front(self, a: Algebra[X], deal: DealView[X], tranche: Tranche, facts: dict[str, object]) -> list[Due[X]]:
        """Owe every interval's fee on the tranche's first day; what was paid before the plan is sunk."""
        start, end = term(tranche, self, deal)
        if not deal.facts.valuation_date <= start < deal.facts.horizon:
            return []
        every = Intervals.every(MONTHS[self.interval], self.start or deal.contract.start, end)
        spans = [(max(s, start), e) for s, e in zip(every.starts, every.ends, strict=True) if e > start]
        on = Intervals(tuple(s for s, _ in spans), tuple(e for _, e in spans))
        fees = [worth(tranche, s, e) or Fraction(0) for s, e in zip(on.starts, on.ends, strict=True)]
        return [
            deal.due(
                a.const(fees, on=on, unit=USD),
                (start,) * len(on),
                Account.RESERVATION,
                Firmness.FIRM,
                tranche=tranche.id,
                use=tranche.use,
                facts=facts | {"up_front": True},
            )
        ]

    def _wind_down(
        self, a: Algebra[X], deal: DealView[X], plan: Schedule, tranche: Tranche, state: tuple[X, X]
    ) -> Due[X]:
        """Charge a share of the fee for what is left of the term, unless delivery is late."""
        cancel = self.cancel or Cancel()
        missing, owes = state
        _, end = term(tranche, self, deal)
        rest = [exactly(cancel.charge_frac) * (worth(tranche, min(e, end), end) or 0) for e in plan.on.ends]
        if cancel.waived == "if_late":
            due = written(tranche, self, plan.on, deal)
            late = a.reached(a.known(missing, 0, due), late_from(cancel.late_frac, due), f"{tranche.id}.late")
            owes = a.known(owes - a.both(late, owes, f"{tranche.id}.waived"), 0, 1)
        return self._due(deal, plan, a.scale(owes, rest, unit=USD), Account.TERMINATION, tranche)

    def _due(
        self,
        deal: DealView[X],
        plan: Schedule,
        amount: X,
        account: Account,
        tranche: Tranche,
        *,
        facts: dict[str, object] | None = None,
    ) -> Due[X]:
        back = account is Account.DELAY_CREDIT
        firmness = Firmness.FIRM if self.cancel is None else Firmness.CANCELLABLE
        return deal.due(
            amount,
            plan.when(self.due_days),
            account,
            firmness if account is Account.RESERVATION else Firmness.CONTINGENT,
            payer="provider" if back else "offtaker",
            payee="offtaker" if back else "provider",
            tranche=tranche.id,
            use=tranche.use,
            facts=facts,
        )
