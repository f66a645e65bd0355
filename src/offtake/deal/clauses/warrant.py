"""Warrant: a right to shares at a fixed price, earned tranche by tranche by what is bought and by the price of the share.

A tranche vests at the first test at which its trigger has been met and the share price has reached its hurdle (each at any time since
the grant).  The share price is a stated path; the plan never prices a share.  With n shares, exercise price K and share price S:

    given at vesting, in kind      n × the value at the grant, or n × (S − K) on the day
    exercised                      n × K in cash for n shares, or net: n × (1 − K / S) shares for nothing

Given to a customer it is consideration payable to a customer, measured when it is granted (FASB ASC 606-10-32-25), and reduces what the
issuer earns as service is delivered.  Whatever is booked, the holder's stake is worth max(0, S − K) a share until it is exercised or
expires, and S after that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from offtake.deal.algebra import exactly
from offtake.deal.flows import Account, Firmness, Layer
from offtake.deal.quantities import ONE, USD
from offtake.deal.stakes import Held, sampled, stake
from offtake.deal.terms import Interval, Promise, Terms
from offtake.deal.triggers import Trigger, met, tests_of
from offtake.spec.fields import Day, Id, Model, PlainAboveZero, Text, Usd, UsdSeries

if TYPE_CHECKING:
    from offtake.dates import Intervals
    from offtake.deal.algebra import Algebra, X
    from offtake.deal.contract import Contract, DealView
    from offtake.deal.flows import Due

GIVEN_FOR = {
    "service": Account.CUSTOMER_EQUITY,
    "capacity": Account.RENT,
    "guarantee": Account.GUARANTEE_FEE,
}
"""What a warrant pays for, and the account of it."""


class WarrantTranche(Model):
    """Shares that vest together."""

    id: Id
    shares: PlainAboveZero
    """How many."""
    trigger: Trigger | None = None
    """What the holder must have bought, or what else must have happened."""
    share_price_usd: Usd = 0.0
    """Price that a share must have reached."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Path:
    """Tests, the share price at each, and what a share is booked at there [USD]."""

    tests: Intervals
    days: tuple[date, ...]
    price: tuple[Fraction, ...]
    booked: tuple[Fraction, ...]
    exercised_at: tuple[int | None, ...]
    """Number of the test at which what vests at each test is exercised by itself; None if never in the plan."""


class Warrant(Terms, Held):
    """A right to shares, earned by volume and share price."""

    kind: ClassVar[str] = "warrant"

    issuer: Id = "provider"
    """Whose shares they are: `provider`, `offtaker` or a third party."""
    holder: Id = "offtaker"
    """Who earns them."""
    given_for: Literal["service", "capacity", "guarantee"] | None = None
    """What they pay for: what a customer buys (the default if the offtaker holds them), capacity (the provider), a guarantee (others)."""
    tranches: Annotated[tuple[WarrantTranche, ...], Field(min_length=1)]
    """What vests when."""
    exercise_price_usd: Usd
    """Paid for a share."""
    granted: Day
    """Day of the grant: a price counts from then, and the value of the grant is of this day."""
    expires: Day
    """Last day on which a tranche can vest or be exercised."""
    share_price_usd: UsdSeries
    """Price of a share over time, an assumption of the case."""
    tested: Interval = "quarter"
    """How often vesting and exercise are tested, from the contract's start."""
    value_at: Literal["grant", "vest"] = "grant"
    """Whether a share is booked at its value on the day of the grant, or on the day on which it is vested and worth exercising."""
    grant_value_usd: Usd | None = None
    """Fair value of the right to one share at the grant; share price less exercise price if absent."""
    exercise: Literal["automatic", "at_expiry", "right"] = "automatic"
    """Exercised at the first test at which it is vested and worth it, on the last day if it is worth it, or when the plan chooses."""
    settled: Literal["cash", "net"] = "cash"
    """Whether the exercise price is paid, or fewer shares are given."""
    form: Text = "warrant shares"
    """What is got."""

    @model_validator(mode="after")
    def _fits(self) -> Warrant:
        if self.issuer == self.holder:
            raise ValueError("`issuer` and `holder` must differ")
        if self.expires <= self.granted:
            raise ValueError("`expires` must lie after `granted`")
        if len({t.id for t in self.tranches}) < len(self.tranches):
            raise ValueError("two tranches have the same id")
        if min(self.share_price_usd.values) <= 0:
            raise ValueError("`share_price` must be above zero")
        if self.exercise == "right" and not self.exercise_price_usd:
            raise ValueError("a share that costs nothing is exercised by itself: write `exercise: automatic`")
        if self.value_at == "grant" and self.grant_value <= 0:
            raise ValueError(
                "worth nothing on the day of the grant by its share price; give `grant_value`, or write `value_at: vest`"
            )
        return self

    @property
    def grant_value(self) -> Fraction:
        """Value of the right to one share on the day of the grant [USD]."""
        if self.grant_value_usd is not None:
            return exactly(self.grant_value_usd)
        return self._intrinsic(self.granted)

    def after(self) -> tuple[str, ...]:
        """Kinds of clauses whose payments are spend."""
        return tuple(dict.fromkeys(kind for t in self.tranches if t.trigger is not None for kind in t.trigger.reads))

    def owed(self, a: Algebra[X], deal: DealView[X]) -> Sequence[Due[X]]:
        """Return what is given at vesting, and what is paid at exercise."""
        tests = tests_of(deal, self.tested, min(self.expires, deal.end))
        if tests is None:
            return ()
        path = self._path(tests)
        vests = {t.id: self._vests(a, deal, t, path) for t in self.tranches}
        shares = a.zero(on=tests, unit=ONE)
        for t in self.tranches:
            shares = shares + a.scale(vests[t.id], exactly(t.shares))
        dues = self._given(a, deal, path, shares, vests)
        if self.exercise_price_usd:
            dues += self._exercise(a, deal, path, shares)
        return dues

    def promises(self, contract: Contract) -> Sequence[Promise]:  # noqa: ARG002
        """Return each tranche at its value on the day of the grant, or at its hurdle."""
        return [
            Promise(
                clause=self.id,
                what=f"{t.shares:,.0f} {self.form} at {self.exercise_price_usd:,.2f} USD, tranche {t.id}",
                payer=self.issuer,
                payee=self.holder,
                usd=exactly(t.shares) * self._headline(t),
                firmness=Firmness.CONTINGENT,
                layer=Layer.EQUITY,
                start=self.granted,
                end=self.expires,
            )
            for t in self.tranches
        ]

    def _headline(self, tranche: WarrantTranche) -> Fraction:
        if self.value_at == "grant":
            return self.grant_value
        return max(Fraction(0), exactly(tranche.share_price_usd) - exactly(self.exercise_price_usd))

    def _intrinsic(self, day: date) -> Fraction:
        return max(Fraction(0), exactly(self.share_price_usd.at(day)) - exactly(self.exercise_price_usd))

    def _path(self, tests: Intervals) -> _Path:
        """Read the share price at every test, and say when what vests there is exercised by itself."""
        days = tuple(min(end, self.expires) for end in tests.ends)
        price = tuple(exactly(self.share_price_usd.at(day)) for day in days)
        strike = exactly(self.exercise_price_usd)
        worth_it = [k for k, p in enumerate(price) if p > strike]
        first: list[int | None] = [next((j for j in worth_it if j >= k), None) for k in range(len(days))]
        last = len(days) - 1
        ripe = days[last] >= self.expires and last in worth_it
        exercised = first if self.exercise == "automatic" else [last if ripe else None] * len(days)
        booked = [self.grant_value if self.value_at == "grant" else max(Fraction(0), p - strike) for p in price]
        return _Path(tests=tests, days=days, price=price, booked=tuple(booked), exercised_at=tuple(exercised))

    def _vests(self, a: Algebra[X], deal: DealView[X], tranche: WarrantTranche, path: _Path) -> X:
        """Return 1 at the test at which a tranche vests; what had vested before the plan began is sunk."""
        hurdle = exactly(tranche.share_price_usd)
        since = deal.facts.valuation_date
        before = self._reached(hurdle, self.granted, since)
        passed, high = [], before
        for k, day in enumerate(path.days):
            high = high or (day >= self.granted and path.price[k] >= hurdle)
            passed.append(int(high and day >= self.granted))
        if tranche.trigger is None:
            if before and self.granted < since:
                return a.zero(on=path.tests, unit=ONE)
            if deal.force() is None:
                return a.step(a.const(passed, on=path.tests, unit=ONE))
            held = a.scale(deal.in_force_at_end(path.tests), passed)
            return a.first(held, f"{tranche.id}.vested")
        scoped = a.within(f"{deal.cause}.{tranche.id}")
        return a.step(a.scale(met(scoped, deal, tranche.trigger, path.tests), passed))

    def _reached(self, hurdle: Fraction, start: date, end: date) -> bool:
        """Whether the price has reached a hurdle on the first of a month, a point of its path or the end, before the plan."""
        if end <= start:
            return False
        return any(exactly(p) >= hurdle for p in sampled(self.share_price_usd, start, end).values())

    def _given(self, a: Algebra[X], deal: DealView[X], path: _Path, shares: X, vests: dict[str, X]) -> list[Due[X]]:
        """Give the right in kind for what it pays for."""
        booked = shares if self.value_at == "grant" else self._when_worth_it(a, path, shares)
        amount = a.scale(booked, path.booked, unit=USD)
        units = [1.0 / float(b) if b and self._alive(path, k) else 0.0 for k, b in enumerate(path.booked)]
        given_for = self.given_for or {"offtaker": "service", "provider": "capacity"}.get(self.holder, "guarantee")
        facts = {"shares": booked, "vests": vests, "service": (deal.contract.start, deal.contract.end)}
        got = {"stake": self._stake(deal, self._right_values(deal), units)}
        return [
            self._due(deal, amount, path.days, GIVEN_FOR[given_for], facts=facts),
            self._due(deal, amount, path.days, Account.EQUITY, back=True, facts=got),
        ]

    def _exercise(self, a: Algebra[X], deal: DealView[X], path: _Path, shares: X) -> list[Due[X]]:
        """Pay the exercise price, or swap the right for fewer shares."""
        if self.exercise == "right":
            taken = a.ever(a.right("exercise", on=path.tests), "exercised")
            used = a.step(a.when(taken, a.running(shares), "exercised-shares"))
        else:
            count = range(len(path.days))
            used = a.mix(shares, [[int(path.exercised_at[k] == j) for k in count] for j in count], on=path.tests)
        strike = exactly(self.exercise_price_usd)
        right = self._right_values(deal)
        if self.settled == "cash":
            whole = {day: self.share_price_usd.at(day) - value for day, value in right.items()}
            held = {"stake": self._stake(deal, whole, 1.0 / float(strike))}
            paid = a.scale(used, strike, unit=USD)
            return [self._due(deal, paid, path.days, Account.EQUITY, back=True, facts=held, in_kind=False)]
        gain = [max(Fraction(0), p - strike) for p in path.price]
        amount = a.scale(used, gain, unit=USD)
        got = {"stake": self._stake(deal, self._values(deal), [1.0 / float(p) for p in path.price])}
        gone = {"stake": self._stake(deal, right, [1.0 / float(g) if g else 0.0 for g in gain])}
        return [
            self._due(deal, amount, path.days, Account.EQUITY, back=True, facts=got),
            self._due(deal, amount, path.days, Account.EQUITY, facts=gone),
        ]

    def _when_worth_it(self, a: Algebra[X], path: _Path, shares: X) -> X:
        """Move what vests under water to the first test at which it is worth exercising."""
        count = range(len(path.days))
        worth_it = [k for k in count if path.booked[k]]
        first = [next((j for j in worth_it if j >= k), None) for k in count]
        return a.mix(shares, [[int(first[k] == j) for k in count] for j in count], on=path.tests)

    def _alive(self, path: _Path, k: int) -> bool:
        """Whether what vests at a test is not sure to expire unexercised inside the plan."""
        ended = path.days[-1] >= self.expires
        return self.exercise == "right" or not ended or path.exercised_at[k] is not None

    def _values(self, deal: DealView[X]) -> dict[date, float]:
        """Price of a share at the dates of its path and of every month."""
        return sampled(self.share_price_usd, self.granted, max(deal.facts.horizon, self.expires))

    def _right_values(self, deal: DealView[X]) -> dict[date, float]:
        """Worth of the right to one share: what exercising it gains; nothing after it has expired, if the plan may let it."""
        lapses = self.exercise == "right"
        days = self._values(deal)
        if lapses:
            after = self.expires + timedelta(days=1)
            days |= {day: self.share_price_usd.at(day) for day in (self.expires, after)}
        gain = {day: max(0.0, price - self.exercise_price_usd) for day, price in days.items()}
        return {day: 0.0 if lapses and day > self.expires else value for day, value in sorted(gain.items())}

    def _stake(self, deal: DealView[X], values: dict[date, float], units: float | Sequence[float]) -> dict[str, object]:
        growth = deal.facts.discount_rate_frac_per_y
        return stake(self.form, deal.party(self.holder), growth, held=self, values=values, units=units)

    def _due(
        self,
        deal: DealView[X],
        amount: X,
        days: tuple[date, ...],
        account: Account,
        *,
        back: bool = False,
        facts: Mapping[str, object],
        in_kind: bool = True,
    ) -> Due[X]:
        """Write a due from the issuer to the holder, or back."""
        return deal.due(
            amount,
            days,
            account,
            Firmness.OPTIONAL if self.exercise == "right" else Firmness.CONTINGENT,
            payer=self.holder if back else self.issuer,
            payee=self.issuer if back else self.holder,
            layer=Layer.EQUITY,
            facts=facts,
            in_kind=in_kind,
        )
