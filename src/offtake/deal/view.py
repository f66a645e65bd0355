"""What a clause sees of its contract while it is read: facts, other clauses' terms, and what clauses before it have made."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import TYPE_CHECKING, Generic

from offtake.dates import Intervals
from offtake.deal.algebra import Algebra, Number, X, ends_in
from offtake.deal.flows import Account, Due, Firmness, Layer, Use
from offtake.deal.force import ENDS, GOES_ON, Force, in_force
from offtake.deal.quantities import ONE, USD
from offtake.deal.terms import Interval, Periodic, PriceList, Schedule, Terms, exact_mean, matches, schedule
from offtake.errors import OfftakeError

if TYPE_CHECKING:
    from offtake.deal.contract import Contract, DealFacts
    from offtake.deal.versions import Span


@dataclass(slots=True, kw_only=True)
class Shared(Generic[X]):
    """What clauses of one contract tell each other while they are read.

    Parameters
    ----------
    published : dict
        (clause id, name, version) to a vector.
    force : Force, optional
        The contract's state, made when it is first asked for; None where no clause can change it.
    """

    published: dict[tuple[str, str, int], X] = field(default_factory=dict)
    force: Force[X] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DealView(Generic[X]):
    """What a clause sees of its contract: facts, other clauses' terms, and the dues and facts of clauses run before it."""

    whole: Contract
    span: Span
    facts: DealFacts
    a: Algebra[X]
    dues: Mapping[str, Sequence[Due[X]]]
    shared: Shared[X] = field(default_factory=Shared)

    @property
    def contract(self) -> Contract:
        """The version of the contract that the clause at work stands in."""
        return self.span.contract

    @property
    def clause(self) -> Terms:
        """The terms of the clause at work."""
        return self.span.terms

    @property
    def cause(self) -> str:
        """Dotted name of the clause at work."""
        return f"{self.contract.id}.{self.clause.id}"

    def party(self, role: str) -> str:
        """Name in the books of a role; third parties keep theirs."""
        return {"offtaker": self.facts.offtaker, "provider": self.facts.provider}.get(role, role)

    def schedule(
        self, interval: Interval | None = None, start: date | None = None, end: date | None = None
    ) -> Schedule | None:
        """Settlement intervals of the clause at work inside the plan and its version; None if it has none there."""
        terms = self.clause
        if isinstance(terms, Periodic):
            interval, start, end = interval or terms.interval, start or terms.start, end or terms.end
        return schedule(
            interval or "quarter",
            start or self.contract.start,
            self.until(end),
            valuation_date=self.facts.valuation_date,
            horizon=self.facts.horizon,
            anew=[s.start for s in self.contract.stretches(terms)],
            window=(self.span.since, self.span.stop),
        )

    # -- facts between clauses ------------------------------------------------------------------------------------

    def publish(self, name: str, vector: X) -> X:
        """Let clauses that stand after this one, and its own later versions, read a vector; returns it."""
        key = (self.clause.id, name, self.span.version)
        if key in self.shared.published:
            raise OfftakeError(f"{self.cause}: {name!r} is published twice")
        self.shared.published[key] = vector
        return vector

    def fact(self, clause: str, name: str) -> X:
        """Return a vector that another clause has published, its last version if there are several; name the clause in `after()`.

        Raises
        ------
        OfftakeError
            If the clause has published none: it is not there, stands later, or has no interval inside the plan.
        """
        found = [x for (c, n, _), x in self.shared.published.items() if (c, n) == (clause, name)]
        if not found:
            raise OfftakeError(f"{self.cause}: clause {clause!r} has published no {name!r}")
        return found[-1]

    def published(self, which: Sequence[str], name: str) -> dict[str, X]:
        """Vectors of one name that other clauses (ids or kinds) have published, by clause id, the last version; maybe none."""
        ids = {c.id for c in self.whole.ever if matches(c, which)}
        return {c: x for (c, n, _), x in self.shared.published.items() if n == name and c in ids}

    def facts_called(self, name: str) -> tuple[X, ...]:
        """Vectors that any clause run so far has published under a name, in the order of running."""
        return tuple(x for (_, called, _), x in self.shared.published.items() if called == name)

    def former(self, name: str) -> X | None:
        """Return what the clause's version before this one has published: a balance, what has been paid; None without one."""
        before = [
            (v, x)
            for (c, n, v), x in self.shared.published.items()
            if (c, n) == (self.clause.id, name) and v < self.span.version
        ]
        return max(before, key=lambda item: item[0])[1] if before else None

    @property
    def goes_on(self) -> bool:
        """Whether a later version of the clause takes over, so that what is due at the very end is not due yet."""
        return self.span.goes_on

    # -- the term -------------------------------------------------------------------------------------------------

    @property
    def end(self) -> date:
        """Day after the last on which the clause at work can be in force: with the options that let it go on."""
        return self.contract.last_day(self.clause)

    def until(self, end: date | None) -> date:
        """Day after the last for a clause's own end: one at or after the contract's end goes on with an option."""
        return self.end if end is None or end >= self.contract.end else end

    def in_force(self, on: Intervals) -> X:
        """Part of each interval's days in which the contract is in force; 1 where no clause can change that."""
        force = self.force()
        return self.a.const(1, on=on, unit=ONE) if force is None else force.mean(self._contract_wide, on)

    def in_force_at_end(self, on: Intervals) -> X:
        """1 where the contract is in force on the last day of an interval."""
        force = self.force()
        return self.a.const(1, on=on, unit=ONE) if force is None else force.last_day(self._contract_wide, on)

    def over_term(self, amount: Callable[[date, date], Number], *, on: Intervals, unit: str) -> X:
        """Add up dated terms over the days of each interval on which the contract is in force.

        ``amount(start, end)`` is the sum over ``[start, end)``, a part of one interval: a floor or a volume, whatever the clause
        promises while it holds.  Without a clause that can end or extend the contract it is a plain constant.
        """
        force = self.force()
        if force is None:
            return self.a.const([amount(s, e) for s, e in zip(on.starts, on.ends, strict=True)], on=on, unit=unit)
        return force.amounts(self._contract_wide, amount, on=on, unit=unit)

    def while_in_force(self, x: X, name: str) -> X:
        """Return what of a quantity falls on days on which the contract is in force, the quantity being spread evenly by day."""
        force = self.force()
        return x if force is None else force.part(self.a, x, name)

    def width(self, amount: Callable[[date, date], Number], *, on: Intervals, unit: str) -> Sequence[Number] | X:
        """Return what `over_term` does, for `Algebra.layers`: plain numbers where no clause can end or extend the contract."""
        if self.force() is None:
            return [amount(s, e) for s, e in zip(on.starts, on.ends, strict=True)]
        return self.over_term(amount, on=on, unit=unit)

    def held(self, amounts: Sequence[Number], *, on: Intervals, unit: str) -> X:
        """Return a constant of each interval in proportion to its days in force."""
        force = self.force()
        constant = self.a.const(amounts, on=on, unit=unit)
        if force is None:
            return constant
        return self.a.scale(force.mean(self._contract_wide, on), amounts, unit=unit)

    def extended(self, prices: Sequence[Fraction], on: Intervals, chip: str | None = None) -> tuple[Fraction, ...]:
        """Return prices by interval as the options change them in the time that they add."""
        now = list(prices)
        for stretch in self.contract.stretches(self.clause):
            for k, day in enumerate(on.starts):
                if stretch.start <= day < stretch.end:
                    new = (stretch.prices or {}).get(chip or "")
                    now[k] = exact_mean(new, day, on.ends[k]) if new is not None else now[k] * stretch.factor
        return tuple(now)

    @property
    def _contract_wide(self) -> Algebra[X]:
        return self.a.within(self.contract.id)

    def force(self) -> Force[X] | None:
        """Return the contract's state, made from what has been published."""
        shared = self.shared
        if shared.force is None and self.whole.can_change:
            late = [c.id for c in self.whole.ever if c.shapes_term and c.id not in self.dues]
            if late:
                raise OfftakeError(
                    f"{self.cause}: whether the contract is in force depends on {late[0]!r}, which stands later"
                )
            added = {c: x for (c, n, _), x in shared.published.items() if n == GOES_ON}
            last = self.whole.versions[-1]
            shared.force = in_force(
                self._contract_wide,
                (last.start, last.end),
                {f"{c}-{v}": x for (c, n, v), x in shared.published.items() if n == ENDS},
                [(s, added[s.option]) for s in self.whole.stretches() if s.option in added],
            )
        return shared.force

    # -- dues -----------------------------------------------------------------------------------------------------

    def price_list(self, name: str | None) -> PriceList:
        """Return the clause that states prices per chip-hour: the one named, or the only one; by date where it was amended."""
        found = [c for c in self.contract.clauses if isinstance(c, PriceList) and name in (None, c.id)]
        if len(found) != 1:
            raise OfftakeError(
                f"{self.cause}: needs one clause with prices per chip-hour"
                + (f" called {name!r}" if name else "")
                + f"; the contract has {len(found)}"
            )
        spans = self.whole.spans[found[0].id]
        return found[0] if len(spans) == 1 else _Dated(spans)

    def billed(
        self, which: Sequence[str], *, on: Intervals, at_end: bool = False, accounts: Iterable[Account] | None = None
    ) -> X:
        """Money owed by the offtaker to the provider under other clauses (ids or kinds), on the given intervals.

        An amount counts evenly over the days of its own interval, or whole on the last of them with `at_end`, whenever it is paid.
        """
        wanted = None if accounts is None else set(accounts)
        total = self.a.zero(on=on, unit=USD)
        for clause in self.whole.ever:
            if not matches(clause, which):
                continue
            for due in self.dues.get(clause.id, ()):
                if wanted is not None and due.account not in wanted:
                    continue
                if (due.payer, due.payee) == (self.facts.offtaker, self.facts.provider) and not due.in_kind:
                    amount = due.amount
                    spread = (
                        self.a.mix(amount, ends_in(on, due.on), on=on) if at_end else self.a.resample(amount, on=on)
                    )
                    total = total + spread
        return total

    def due(
        self,
        amount: X,
        when: tuple[date, ...],
        account: Account,
        firmness: Firmness,
        *,
        payer: str = "offtaker",
        payee: str = "provider",
        layer: Layer | None = None,
        facts: Mapping[str, object] | None = None,
        in_kind: bool = False,
        tranche: str = "",
        use: Use = Use.SERVICE,
    ) -> Due[X]:
        """Write a due of the clause at work."""
        at = layer or self.contract.layer
        return Due(
            payer=self.party(payer),
            payee=self.party(payee),
            amount=amount,
            on=amount.on,
            when=when,
            account=account,
            layer=at,
            firmness=firmness,
            cause=self.cause,
            firm_until=self.contract.firm_until(payer, self.facts.valuation_date)
            if at is self.contract.layer
            else None,
            facts={**(facts or {}), **({"version": self.span.version} if self.whole.amendments else {})},
            in_kind=in_kind,
            tranche=tranche,
            use=use,
        )


@dataclass(frozen=True, slots=True)
class _Dated:
    """Prices of a clause whose terms were amended: by day, each interval by the days of its versions."""

    spans: tuple[Span, ...]

    def base_price(self, chip: str, on: Intervals, contract_start: date) -> tuple[Fraction, ...]:
        """Price by interval before volume tiers [USD/chip-h]."""
        prices = []
        for start, end in zip(on.starts, on.ends, strict=True):
            total = Fraction(0)
            for span in self.spans:
                first, last = max(start, span.since or start), min(end, span.stop or end)
                if last > first and isinstance(span.terms, PriceList):
                    one = Intervals((first,), (last,))
                    total += span.terms.base_price(chip, one, contract_start)[0] * (last - first).days
            prices.append(total / (end - start).days)
        return tuple(prices)
