"""Take-or-pay: a minimum that is paid even if it is not used, owed only for capacity that was made available.

A tranche is a dated volume, in chips of one generation or in MW of IT power over all chips.  Per interval, with C the tranche's
volume, D the part of C that was made available and T the part that was taken,

    owed = price × max(0, minimum share × D − T)

Tranches of the same chip (or of all chips) are filled in the order of the file: what is made available, and what is taken, belongs to
the first one until that is full.  With make-up, what is paid for and not taken is kept as a balance: what is later taken above the
minimum is drawn from it, the oldest first, and the price paid for it is credited; what is not drawn in time lapses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Annotated, ClassVar, Generic

from pydantic import Field, model_validator

from offtake.deal.algebra import X, exactly
from offtake.deal.flows import Account, Firmness
from offtake.deal.makeup import Kept, make_up
from offtake.deal.quantities import USD
from offtake.deal.terms import Periodic, Promise
from offtake.deal.tranches import (
    LATE,
    MADE_GOOD,
    Tranche,
    available,
    effective,
    metered,
    need_price,
    plan_of,
    price,
    stacks,
    told,
    worth,
    written,
)
from offtake.spec.fields import ClauseId, Count, Frac, Model, MwStepSeries, UsdPerMwYearSeries

if TYPE_CHECKING:
    from offtake.deal.algebra import Algebra
    from offtake.deal.contract import Contract, DealView
    from offtake.deal.flows import Due
    from offtake.deal.terms import Schedule, Terms


class MinimumTranche(Tranche):
    """A dated slice of capacity, of which a share is paid even if it is not taken."""

    minimum_frac: Frac = 1.0
    """Share of what is available that is paid even if not taken."""


class MakeUp(Model):
    """What is paid for and not taken may be taken later."""

    lasts: Annotated[Count, Field(ge=1)] | None = None
    """Intervals in which it can be taken; until the clause ends if absent."""
    cap_frac: Frac | None = None
    """Most that is kept, as a share of the tranche's volume of an interval; what is above it is lost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metered(Generic[X]):
    """What was made available and taken of one tranche, by interval."""

    tranche: MinimumTranche
    had: X
    used: X


class TakeOrPay(Periodic):
    """A minimum offtake, owed for capacity made available."""

    kind: ClassVar[str] = "take_or_pay"

    minimum_mw: MwStepSeries | None = None
    """One tranche in short: IT power over all chips that is paid even if not used."""
    rate_usd_per_mw_y: UsdPerMwYearSeries | None = None
    """Price of the short form."""
    tranches: tuple[MinimumTranche, ...] = ()
    """Slices, in the order in which they are filled."""
    price_from: ClauseId | None = None
    """Clause whose prices per chip-hour hold for tranches without one; the contract's only one if absent."""
    make_up: MakeUp | None = None
    """Whether and how long what is paid and not taken can be taken later; it is lost if absent."""

    @model_validator(mode="after")
    def _one_form(self) -> TakeOrPay:
        if (self.minimum_mw is None) != (self.rate_usd_per_mw_y is None):
            raise ValueError("`minimum` and `rate` belong together")
        if (self.minimum_mw is None) == (not self.tranches):
            raise ValueError("give either `minimum` with `rate`, or `tranches`")
        if len({t.id for t in self.tranches}) < len(self.tranches):
            raise ValueError("two tranches have the same id")
        return self

    @model_validator(mode="after")
    def _make_up_can_be_used(self) -> TakeOrPay:
        if self.make_up is not None:
            for _, stack in stacks(self.slices):
                full = [t.id for t in stack[:-1] if t.minimum_frac == 1]
                if full:
                    raise ValueError(
                        f"`make_up` of tranche {full[0]!r} could never be taken: its minimum is all of it, and what is taken "
                        f"above it belongs to tranche {stack[-1].id!r}"
                    )
        return self

    @property
    def slices(self) -> tuple[MinimumTranche, ...]:
        """The tranches, the short form as one."""
        if self.minimum_mw is None:
            return self.tranches
        short = MinimumTranche(id="minimum", it_power_mw=self.minimum_mw, rate_usd_per_mw_y=self.rate_usd_per_mw_y)
        return (short,)

    def after(self) -> tuple[str, ...]:
        """Clauses that may end or lengthen a tranche come before."""
        return (LATE,)

    def owed(self, a: Algebra[X], deal: DealView[X]) -> Sequence[Due[X]]:
        """Return one due per tranche, and with make-up those of its balance."""
        plan = plan_of(self, deal)
        if plan is None:
            return ()
        dues = []
        for chip, stack in stacks(self.slices):
            # The last tranche may count all that is left as taken: it can owe no less than nothing.
            volumes = [effective(a, deal, self, t, plan.on) for t in stack]
            used_all = metered(a, deal, "offtake_chip_h", chip, plan.on)
            taken = a.layers(used_all, volumes[:-1], f"{chip or 'it-power'}.taken")
            had_of = available(a, deal, self, list(zip(stack, volumes, strict=True)), on=plan.on)
            for tranche, had, used in zip(stack, had_of, taken, strict=True):
                dues += self._of(a, deal, plan, Metered(tranche=tranche, had=had, used=used))
        return dues

    def cannot_follow(self, earlier: Terms) -> str:
        """Take over, as nothing is remembered from one interval to the next without make-up."""
        kept = any(isinstance(t, TakeOrPay) and t.make_up is not None for t in (self, earlier))
        return "what may still be made up belongs to its own terms; end the clause and add another" if kept else ""

    def cannot_end(self) -> str:
        """End with the amendment; what may still be made up would be lost."""
        return "" if self.make_up is None else "what may still be made up would be lost"

    def promises(self, contract: Contract) -> Sequence[Promise]:
        """Return the minimum payments if all capacity is made available and priced in the clause itself."""
        made = []
        for t in self.slices:
            first, last = t.start or self.start or contract.start, t.end or self.end or contract.end
            whole = worth(t, first, last)
            if whole is None:
                need_price(contract, self.price_from, str(t.chip))
            made.append(
                Promise(
                    clause=self.id,
                    what=f"minimum of tranche {t.id}, for capacity made available",
                    payer="offtaker",
                    payee="provider",
                    usd=None if whole is None else exactly(t.minimum_frac) * whole,
                    firmness=Firmness.FIRM,
                    layer=contract.layer,
                    start=first,
                    end=last + timedelta(days=round(self.due_days)),
                    within=contract.counted_in(self),
                )
            )
        return made

    def _of(self, a: Algebra[X], deal: DealView[X], plan: Schedule, m: Metered[X]) -> list[Due[X]]:
        """Return the dues of one tranche."""
        tranche = m.tranche
        least = a.scale(m.had, tranche.minimum_frac)
        paid = price(tranche, plan.on, deal, self.price_from)
        untaken = a.pos(least - m.used, f"{tranche.id}.untaken")
        facts: dict[str, object] = {
            "tranche": tranche.id,
            "available": m.had,
            "taken": m.used,
            "untaken": untaken,
            "minimum": a.scale(least, paid, unit=USD),
            "taken_at_price": a.scale(m.used, paid, unit=USD),
        }
        whole = a.scale(untaken, paid, unit=USD)
        if self.make_up is None:
            return [self._due(deal, plan, whole, Account.TAKE_OR_PAY, tranche, facts=facts)]
        caps = None
        if self.make_up.cap_frac is not None:
            share = exactly(self.make_up.cap_frac)
            caps = [share * v for v in written(tranche, self, plan.on, deal)]
        above = untaken + m.used - least
        kept = Kept(untaken=untaken, above=above, prices=paid, caps=caps, lasts=self.make_up.lasts)
        made = make_up(a, kept, tranche.id, at_end=plan.on.ends[-1] == plan.whole.ends[-1] == self._last(deal))
        facts |= {"make_up": made}
        return [
            self._due(deal, plan, whole - made.added_usd, Account.TAKE_OR_PAY, tranche, facts=facts),
            self._due(deal, plan, made.added_usd, Account.PREPAYMENT, tranche),
            self._due(deal, plan, made.drawn_usd, Account.CREDIT, tranche, back=True),
            self._due(deal, plan, made.lapsed_usd, Account.CREDIT, tranche, back=True, in_kind=True),
            self._due(deal, plan, made.lapsed_usd, Account.BREAKAGE, tranche, in_kind=True),
        ]

    def _last(self, deal: DealView[X]) -> date:
        """Day after the last on which anything can be taken under the clause."""
        longer = any(told(deal, MADE_GOOD, self, t) for t in self.slices)
        return deal.end if longer else deal.until(self.end)

    def _due(
        self,
        deal: DealView[X],
        plan: Schedule,
        amount: X,
        account: Account,
        tranche: Tranche,
        *,
        back: bool = False,
        in_kind: bool = False,
        facts: dict[str, object] | None = None,
    ) -> Due[X]:
        """Write a due of one tranche; `back` pays the offtaker."""
        payer, payee = ("provider", "offtaker") if back else ("offtaker", "provider")
        return deal.due(
            amount,
            plan.when(self.due_days),
            account,
            Firmness.FIRM,
            payer=payer,
            payee=payee,
            tranche=tranche.id,
            use=tranche.use,
            in_kind=in_kind,
            facts=facts,
        )
