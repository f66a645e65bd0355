"""A contract: its clauses run in order of dependence over either reader, and its headline by firmness and layer.

``owed(contract, algebra, facts)`` is the whole of it: with a `RowsAlgebra` it adds rows to the plan's problem and returns dues in
expressions; with a `SettleAlgebra` it returns the same dues in exact numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import TYPE_CHECKING, Generic, Literal

from offtake.dates import Intervals
from offtake.deal.algebra import Algebra, Number, X, ends_in
from offtake.deal.flows import Account, Due, Firmness, Layer, Use
from offtake.deal.quantities import USD
from offtake.deal.terms import Interval, Periodic, PriceList, Promise, Schedule, Terms, schedule
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

    def in_order(self) -> tuple[Terms, ...]:
        """Clauses such that each stands after those whose dues it reads; the file's order otherwise.

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
            ready = [c for c in waiting if not any(matches(o, c.after()) for o in waiting if o is not c)]
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


@dataclass(frozen=True, slots=True, kw_only=True)
class DealView(Generic[X]):
    """What a clause sees of its contract: facts, other clauses' terms, and the dues of clauses run before it."""

    contract: Contract
    facts: DealFacts
    a: Algebra[X]
    clause: Terms
    dues: Mapping[str, Sequence[Due[X]]]

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
            self.contract.end if end is None else min(end, self.contract.end),
            valuation_date=self.facts.valuation_date,
            horizon=self.facts.horizon,
        )

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
                if (due.payer, due.payee) == (self.facts.offtaker, self.facts.provider):
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
        return Due(
            payer=self.party(payer),
            payee=self.party(payee),
            amount=amount,
            on=amount.on,
            when=when,
            account=account,
            layer=layer or self.contract.layer,
            firmness=firmness,
            cause=self.cause,
            facts=facts or {},
            in_kind=in_kind,
            tranche=tranche,
            use=use,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed(Generic[X]):
    """Dues of a contract by clause."""

    contract: str
    by_clause: Mapping[str, tuple[Due[X], ...]]

    @property
    def dues(self) -> tuple[Due[X], ...]:
        """All dues, clause by clause."""
        return tuple(due for dues in self.by_clause.values() for due in dues)


def matches(clause: Terms, which: Sequence[str]) -> bool:
    """Whether a clause is meant by a list of ids and kinds."""
    return clause.id in which or clause.kind in which


def owed(contract: Contract, a: Algebra[X], facts: DealFacts) -> Owed[X]:
    """Read all clauses of a contract, each after those whose dues it reads.

    A contract with ``signed = no`` owes nothing.
    """
    done: dict[str, tuple[Due[X], ...]] = {}
    if contract.signed != "no":
        for clause in contract.in_order():
            scoped = a.within(f"{contract.id}.{clause.id}")
            view = DealView(contract=contract, facts=facts, a=scoped, clause=clause, dues=done)
            done[clause.id] = tuple(clause.owed(scoped, view))
    return Owed(contract=contract.id, by_clause={c.id: done[c.id] for c in contract.clauses if c.id in done})


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
