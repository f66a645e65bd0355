"""A contract: its clauses run in order of dependence over either reader, and its headline by firmness and layer.

``owed(contract, algebra, facts)`` is the whole of it: with a `RowsAlgebra` it adds rows to the plan's problem and returns dues in
expressions; with a `SettleAlgebra` it returns the same dues in exact numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import TYPE_CHECKING, Generic, Literal

from offtake.dates import Intervals
from offtake.deal.algebra import Algebra, Number, X, ends_in
from offtake.deal.flows import Account, Due, Firmness, Layer, Use
from offtake.deal.force import ENDS, GOES_ON, Force, Stretch, in_force
from offtake.deal.quantities import ONE, USD
from offtake.deal.terms import Interval, Periodic, PriceList, Promise, Schedule, Terms, exact_mean, schedule
from offtake.errors import OfftakeError

if TYPE_CHECKING:
    from offtake.deal.quantities import Measure
    from offtake.spec.contracts import Contract as SpecContract

__all__ = ["Contract", "DealFacts", "DealView", "Owed", "Terms", "measures_of", "owed", "summary"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """Signed or proposed terms.

    Parameters
    ----------
    signed : yes, no or decide
        Whether the plan must, must not or may sign.
    layer : Layer
        Which deal the contract's amounts belong to unless a clause says otherwise.
    """

    id: str
    start: date
    end: date
    clauses: tuple[Terms, ...]
    signed: Literal["yes", "no", "decide"] = "yes"
    layer: Layer = Layer.CLOUD

    @classmethod
    def of(cls, spec: SpecContract) -> Contract:
        """Take a contract over from a scenario.

        Raises
        ------
        OfftakeError
            If a clause is not a model of terms.
        """
        terms = tuple(c for c in spec.clauses if isinstance(c, Terms))
        if len(terms) < len(spec.clauses):
            raise OfftakeError(f"contract {spec.id}: a clause is no `offtake.deal.terms.Terms`")
        return cls(
            id=spec.id, start=spec.start, end=spec.end, clauses=terms, signed=spec.signed, layer=Layer(spec.layer)
        )

    def clause(self, name: str) -> Terms:
        """Return a clause by id."""
        for clause in self.clauses:
            if clause.id == name:
                return clause
        raise OfftakeError(f"contract {self.id}: no clause {name!r}; there are {', '.join(c.id for c in self.clauses)}")

    def counted_in(self, clause: Terms) -> str:
        """Id of the clause that counts this one's payments towards its own amount, or ""."""
        return next((c.id for c in self.clauses if c.includes(clause)), "")

    def stretches(self, clause: Terms | None = None) -> tuple[Stretch, ...]:
        """Time that options may add to the term, in order; for a clause, of the options that let it go on."""
        found = sorted((s for c in self.clauses for s in c.stretches(self)), key=lambda s: s.start)
        return tuple(s for s in found if clause is None or not s.which or matches(clause, s.which))

    def last_day(self, clause: Terms | None = None) -> date:
        """Day after the last on which the contract, or a clause of it, can be in force, every option exercised."""
        return max([self.end, *(s.end for s in self.stretches(clause))])

    @property
    def can_change(self) -> bool:
        """Whether a clause can end the contract early or let it go on."""
        return any(c.shapes_term for c in self.clauses)

    def firm_until(self, payer: str, today: date) -> date | None:
        """First day from which a party can be free of the contract, notice given today; None if it cannot be."""
        return min(
            (day for c in self.clauses for who, day in c.exits(self, today).items() if who == payer), default=None
        )

    def in_order(self) -> tuple[Terms, ...]:
        """Clauses such that each stands after those whose dues and facts it reads; the file's order otherwise.

        Clauses that end or extend the contract come before all that do not.

        Raises
        ------
        OfftakeError
            If clauses depend on each other in a circle, or two have one id.
        """
        if len({c.id for c in self.clauses}) < len(self.clauses):
            raise OfftakeError(f"contract {self.id}: two clauses have the same id")
        waiting = list(self.clauses)
        done: list[Terms] = []
        while waiting:
            ready = [c for c in waiting if not any(_waits_for(c, o) for o in waiting if o is not c)]
            if not ready:
                names = ", ".join(c.id for c in waiting)
                raise OfftakeError(f"contract {self.id}: these clauses depend on each other in a circle: {names}")
            done.append(ready[0])
            waiting.remove(ready[0])
        return tuple(done)


@dataclass(frozen=True, slots=True, kw_only=True)
class DealFacts:
    """What clauses need to know about the world, apart from measured quantities.

    Parameters
    ----------
    valuation_date, horizon : date
        What was due before is sunk; what comes after is not settled here.
    chips : tuple[str, ...]
        The provider's chips.
    it_w_per_chip : mapping
        IT power of each chip [W/chip], for terms in MW.
    channels : mapping
        Channel to the party that sells through it.
    discount_rate_frac_per_y : float
        The objective's rate: the growth of a stake's value unless its clause states one.
    """

    valuation_date: date
    horizon: date
    chips: tuple[str, ...] = ()
    it_w_per_chip: Mapping[str, Number] = field(default_factory=dict)
    channels: Mapping[str, str] = field(default_factory=dict)
    discount_rate_frac_per_y: float = 0.1
    offtaker: str = "offtaker"
    provider: str = "provider"


@dataclass(slots=True, kw_only=True)
class Shared(Generic[X]):
    """What clauses of one contract tell each other while they are read.

    Parameters
    ----------
    published : dict
        (clause id, name) to a vector.
    force : Force, optional
        The contract's state, made when it is first asked for; None where no clause can change it.
    """

    published: dict[tuple[str, str], X] = field(default_factory=dict)
    force: Force[X] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DealView(Generic[X]):
    """What a clause sees of its contract: facts, other clauses' terms, and the dues and facts of clauses run before it."""

    contract: Contract
    facts: DealFacts
    a: Algebra[X]
    clause: Terms
    dues: Mapping[str, Sequence[Due[X]]]
    shared: Shared[X] = field(default_factory=Shared)

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
        """Settlement intervals of the clause at work inside the plan; None if it has none there."""
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
        )

    # -- facts between clauses ------------------------------------------------------------------------------------

    def publish(self, name: str, vector: X) -> X:
        """Let clauses that stand after this one read a vector; returns it."""
        key = (self.clause.id, name)
        if key in self.shared.published:
            raise OfftakeError(f"{self.cause}: {name!r} is published twice")
        self.shared.published[key] = vector
        return vector

    def fact(self, clause: str, name: str) -> X:
        """Return a vector that another clause has published; name that clause in `after()`.

        Raises
        ------
        OfftakeError
            If the clause has published none: it is not there, stands later, or has no interval inside the plan.
        """
        found = self.shared.published.get((clause, name))
        if found is None:
            raise OfftakeError(f"{self.cause}: clause {clause!r} has published no {name!r}")
        return found

    def published(self, which: Sequence[str], name: str) -> dict[str, X]:
        """Vectors of one name that other clauses (ids or kinds) have published, by clause id; maybe none."""
        ids = [c.id for c in self.contract.clauses if matches(c, which)]
        return {i: self.shared.published[i, name] for i in ids if (i, name) in self.shared.published}

    def facts_called(self, name: str) -> tuple[X, ...]:
        """Vectors that any clause run so far has published under a name, in the order of running."""
        return tuple(x for (_, called), x in self.shared.published.items() if called == name)

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
        if shared.force is None and self.contract.can_change:
            which = [c.id for c in self.contract.clauses if c.shapes_term]
            late = [i for i in which if i not in self.dues]
            if late:
                raise OfftakeError(
                    f"{self.cause}: whether the contract is in force depends on {late[0]!r}, which stands later"
                )
            added = self.published(which, GOES_ON)
            shared.force = in_force(
                self._contract_wide,
                (self.contract.start, self.contract.end),
                self.published(which, ENDS),
                [(s, added[s.option]) for s in self.contract.stretches() if s.option in added],
            )
        return shared.force

    # -- dues -----------------------------------------------------------------------------------------------------

    def price_list(self, name: str | None) -> PriceList:
        """Return the clause that states prices per chip-hour: the one named, or the only one."""
        found = [c for c in self.contract.clauses if isinstance(c, PriceList) and name in (None, c.id)]
        if len(found) != 1:
            raise OfftakeError(
                f"{self.cause}: needs one clause with prices per chip-hour"
                + (f" called {name!r}" if name else "")
                + f"; the contract has {len(found)}"
            )
        return found[0]

    def billed(
        self, which: Sequence[str], *, on: Intervals, at_end: bool = False, accounts: Iterable[Account] | None = None
    ) -> X:
        """Money owed by the offtaker to the provider under other clauses (ids or kinds), on the given intervals.

        An amount counts evenly over the days of its own interval, or whole on the last of them with `at_end`, whenever it is paid.
        """
        wanted = None if accounts is None else set(accounts)
        total = self.a.zero(on=on, unit=USD)
        for clause in self.contract.clauses:
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
            facts=facts or {},
            in_kind=in_kind,
            tranche=tranche,
            use=use,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed(Generic[X]):
    """Dues of a contract by clause, and its state where a clause can change that."""

    contract: str
    by_clause: Mapping[str, tuple[Due[X], ...]]
    force: Force[X] | None = None

    @property
    def dues(self) -> tuple[Due[X], ...]:
        """All dues, clause by clause."""
        return tuple(due for dues in self.by_clause.values() for due in dues)


def _waits_for(clause: Terms, other: Terms) -> bool:
    """Whether a clause reads what another has made."""
    return matches(other, clause.after()) or (other.shapes_term and not clause.shapes_term)


def matches(clause: Terms, which: Sequence[str]) -> bool:
    """Whether a clause is meant by a list of ids and kinds."""
    return clause.id in which or clause.kind in which


def owed(contract: Contract, a: Algebra[X], facts: DealFacts) -> Owed[X]:
    """Read all clauses of a contract, each after those whose dues it reads.

    A contract with ``signed = no`` owes nothing.
    """
    done: dict[str, tuple[Due[X], ...]] = {}
    shared: Shared[X] = Shared()
    force: Force[X] | None = None
    if contract.signed != "no":
        for clause in contract.in_order():
            scoped = a.within(f"{contract.id}.{clause.id}")
            view = DealView(contract=contract, facts=facts, a=scoped, clause=clause, dues=done, shared=shared)
            done[clause.id] = tuple(clause.owed(scoped, view))
        if contract.can_change:
            force = view.force()
    by_clause = {c.id: done[c.id] for c in contract.clauses if c.id in done}
    return Owed(contract=contract.id, by_clause=by_clause, force=force)


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """A contract's promises, and their totals by layer and firmness, which are never added to one another.

    Parameters
    ----------
    totals : mapping
        (layer, firmness, payer) to the sum of stated amounts, without those inside another promise [USD].
    firm_until : date or None
        Last day on which a firm amount may fall due.
    """

    promises: tuple[Promise, ...]
    totals: Mapping[tuple[Layer, Firmness, str], Fraction]
    firm_until: date | None


def summary(contract: Contract) -> Headline:
    """Return what the terms promise: firm, contingent, optional and cancellable, by layer."""
    promises = [p for clause in contract.clauses for p in clause.promises(contract)]
    totals: dict[tuple[Layer, Firmness, str], Fraction] = {}
    for p in promises:
        if p.usd is not None and not p.within:
            key = (p.layer, p.firmness, p.payer)
            totals[key] = totals.get(key, Fraction(0)) + p.usd
    firm = [p.end for p in promises if p.firmness is Firmness.FIRM]
    return Headline(promises=tuple(promises), totals=totals, firm_until=max(firm, default=None))


def measures_of(contract: Contract, facts: DealFacts) -> tuple[Measure, ...]:
    """Return the measures that the contract's clauses read, so that a plan need supply no other."""
    from offtake.deal.settle import SettleAlgebra

    asked = _Asked()
    one = Intervals((facts.valuation_date,), (facts.horizon,))
    owed(contract, SettleAlgebra(grid=one, measures=asked), facts)
    return tuple(sorted(asked.seen))


class _Asked(dict["Measure", tuple[tuple[int, ...], ...]]):
    """Answer zero for every measure, and remember which were asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[Measure] = set()

    def __contains__(self, key: object) -> bool:
        return True

    def __getitem__(self, key: Measure) -> tuple[tuple[int, ...], ...]:
        self.seen.add(key)
        return ((0,),)
