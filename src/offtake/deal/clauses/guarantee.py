"""Guarantee: a third party stands in for what one party owes under other clauses, up to a cap, for a fee.

Until it is called the guarantor earns its fee, a rate on the part of the cap that has not been called.  From `called_from`, an
assumption of the case, the guaranteed party pays nothing of its own: with b the guaranteed bills for service from that day,

    call = share × b, until the sum of calls reaches the cap

The bills stay as they are, and the guarantor pays the guaranteed party's part of them on its behalf (account ``guarantee_call``), so that
every book shows who owed and who paid.  Fees paid in warrants are a `warrant` clause whose holder is the guarantor.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from fractions import Fraction
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field, model_validator

from offtake.deal.algebra import exactly
from offtake.deal.bills import bills_of
from offtake.deal.flows import Account, Firmness
from offtake.deal.quantities import USD
from offtake.deal.terms import Periodic, Promise, matches
from offtake.errors import OfftakeError
from offtake.spec.fields import Day, Frac, FracPerYear, Id, Text, Usd

if TYPE_CHECKING:
    from offtake.deal.algebra import Algebra, X
    from offtake.deal.contract import Contract, DealView
    from offtake.deal.flows import Due
    from offtake.deal.terms import Schedule


class Guarantee(Periodic):
    """A third party's promise to pay what the offtaker owes."""

    kind: ClassVar[str] = "guarantee"

    guarantor: Id = "guarantor"
    """Who guarantees: the name of a third party."""
    of: Annotated[tuple[Text, ...], Field(min_length=1)] = ("take_or_pay", "spend_commitment")
    """Ids or kinds of the clauses whose payments are guaranteed."""
    cap_usd: Usd
    """Most that is ever paid."""
    share_frac: Frac = 1.0
    """Share of each payment that is guaranteed."""
    fee_frac_per_y: FracPerYear = 0.0
    """Fee on the part of the cap that is not called, by day (365 to the year)."""
    fee_payer: Id = "provider"
    """Who pays the fee."""
    called_before_usd: Usd = 0.0
    """Part of the cap used before the valuation date."""
    called_from: Day | None = None
    """First day of service that the guarantor pays for, an assumption of the case; never if absent."""

    @model_validator(mode="after")
    def _third_party(self) -> Guarantee:
        if self.guarantor in ("offtaker", "provider"):
            raise ValueError(
                "`guarantor` must be a third party: the offtaker owes the payments and the provider receives them"
            )
        if self.guarantor == self.fee_payer:
            raise ValueError("`guarantor` and `fee_payer` must differ")
        if self.called_before_usd > self.cap_usd:
            raise ValueError("`called_before` is above the `cap`")
        return self

    def after(self) -> tuple[str, ...]:
        """Ids or kinds of the guaranteed clauses."""
        return self.of

    def owed(self, a: Algebra[X], deal: DealView[X]) -> Sequence[Due[X]]:
        """Return the calls, and the fee on what is left of the cap."""
        plan = deal.schedule()
        if plan is None:
            return ()
        left = exactly(self.cap_usd) - exactly(self.called_before_usd)
        called = a.zero(on=plan.on, unit=USD)
        dues = []
        since = self.called_from
        if since is not None and since < plan.on.end and left > 0:
            bills = self._bills(a, deal, plan, since)
            called = a.known(a.capped(bills, left, "cap"), 0, left)
            dues.append(
                deal.due(
                    called,
                    plan.when(self.due_days),
                    Account.GUARANTEE_CALL,
                    Firmness.CONTINGENT,
                    payer=self.guarantor,
                    payee="offtaker",
                    facts={"bills": bills},
                )
            )
        if self.fee_frac_per_y and left > 0:
            dues.append(self._fee(a, deal, plan, called, left))
        return dues

    def promises(self, contract: Contract) -> Sequence[Promise]:
        """Return the cap, contingent, and the fee on all of it."""
        start, end = _days(self, contract)
        self._check_alone(contract)
        last = end + timedelta(days=round(self.due_days))
        cap = exactly(self.cap_usd)
        made = [
            Promise(
                clause=self.id,
                what=f"guarantee of {', '.join(self.of)}, at most",
                payer=self.guarantor,
                payee="provider",
                usd=cap,
                firmness=Firmness.CONTINGENT,
                layer=contract.layer,
                start=start,
                end=last,
            )
        ]
        if self.fee_frac_per_y:
            fee = exactly(self.fee_frac_per_y) * cap * (end - start).days / 365
            made.append(
                Promise(
                    clause=self.id,
                    what="fee for a guarantee that is not called",
                    payer=self.fee_payer,
                    payee=self.guarantor,
                    usd=fee,
                    firmness=Firmness.FIRM,
                    layer=contract.layer,
                    start=start,
                    end=last,
                )
            )
        return made

    def _check_alone(self, contract: Contract) -> None:
        """Refuse guarantees that would together pay more than all of a bill, and one of itself."""
        if matches(self, self.of):
            raise OfftakeError(
                "a guarantee cannot stand behind itself: `of` names clauses whose payments the offtaker owes"
            )
        start, end = _days(self, contract)
        for other in contract.clauses:
            if not isinstance(other, Guarantee) or other is self:
                continue
            theirs = _days(other, contract)
            both = [c.id for c in contract.clauses if matches(c, self.of) and matches(c, other.of)]
            meet = start < theirs[1] and theirs[0] < end
            if both and meet and exactly(self.share_frac) + exactly(other.share_frac) > 1:
                said = f"with `{other.id}` it would pay more than all of what falls due under `{both[0]}`"
                raise OfftakeError(f"{said}: keep one, or let their shares add up to 100 % at most")

    def _bills(self, a: Algebra[X], deal: DealView[X], plan: Schedule, since: date) -> X:
        """Add up the guaranteed part of the payments of each interval for service from a day on."""
        bills = bills_of(a, deal, dict.fromkeys(self.of, exactly(self.share_frac)), plan.on)
        days = zip(plan.on.starts, plan.on.ends, strict=True)
        share = [Fraction(max(0, (e - max(s, since)).days), (e - s).days) for s, e in days]
        return bills if all(part == 1 for part in share) else a.scale(bills, share)

    def _fee(self, a: Algebra[X], deal: DealView[X], plan: Schedule, called: X, left: Fraction) -> Due[X]:
        """Charge the rate on what was left of the cap when each interval began."""
        first = max(plan.on.start, deal.facts.valuation_date)
        rate = exactly(self.fee_frac_per_y)
        ends = zip(plan.on.starts, plan.on.ends, strict=True)
        per_usd = [rate * max(0, (e - max(s, first)).days) / 365 for s, e in ends]
        before = a.running(called) - called
        fee = a.const([left * p for p in per_usd], on=plan.on, unit=USD) - a.scale(before, per_usd)
        if deal.force() is not None:
            fee = a.when(deal.in_force_at_end(plan.on), fee, "fee")
        when = plan.when(self.due_days)
        return deal.due(fee, when, Account.GUARANTEE_FEE, Firmness.FIRM, payer=self.fee_payer, payee=self.guarantor)


def _days(clause: Guarantee, contract: Contract) -> tuple[date, date]:
    """Return the first day of a guarantee and the day after its last."""
    return clause.start or contract.start, min(clause.end or contract.end, contract.end)
