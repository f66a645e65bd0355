"""A contract: its clauses run in order of dependence over either reader, and its headline by firmness and layer.

``owed(contract, algebra, facts)`` is the whole of it: with a `RowsAlgebra` it adds rows to the plan's problem and returns dues in
expressions; with a `SettleAlgebra` it returns the same dues in exact numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Generic, Literal

from offtake.dates import Intervals
from offtake.deal.algebra import Algebra, Number, X
from offtake.deal.flows import Account, Due, Firmness, Layer
from offtake.deal.headline import Headline, summary
from offtake.deal.quantities import USD
from offtake.deal.terms import Terms, matches
from offtake.deal.versions import Amended, Span, apply, spans
from offtake.deal.view import DealView, Shared
from offtake.errors import OfftakeError

if TYPE_CHECKING:
    from offtake.deal.force import Force, Stretch
    from offtake.deal.quantities import Measure
    from offtake.spec.contracts import Amendment as SpecAmendment
    from offtake.spec.contracts import Contract as SpecContract

__all__ = [
    "Amended",
    "Contract",
    "DealFacts",
    "DealView",
    "Headline",
    "Owed",
    "Terms",
    "matches",
    "measures_of",
    "owed",
    "summary",
]


@dataclass(frozen=True, kw_only=True)
class Contract:
    """Signed or proposed terms.

    Parameters
    ----------
    signed : yes, no or decide
        Whether the plan must, must not or may sign.
    layer : Layer
        Which deal the contract's amounts belong to unless a clause says otherwise.
    amendments : tuple[Amended, ...]
        Later versions, in order of date; `clauses` and `end` are those of the first.
    """

    id: str
    start: date
    end: date
    clauses: tuple[Terms, ...]
    signed: Literal["yes", "no", "decide"] = "yes"
    layer: Layer = Layer.CLOUD
    amendments: tuple[Amended, ...] = ()

    @classmethod
    def of(cls, spec: SpecContract) -> Contract:
        """Take a contract over from a scenario.

        Raises
        ------
        OfftakeError
            If a clause is not a model of terms.
        """
        return cls(
            id=spec.id,
            start=spec.start,
            end=spec.end,
            clauses=_terms(spec.id, spec.clauses),
            signed=spec.signed,
            layer=Layer(spec.layer),
            amendments=tuple(_amended(spec.id, change) for change in spec.amendments),
        )

    @cached_property
    def versions(self) -> tuple[Contract, ...]:
        """The contract as it stood at first and after each amendment, each without amendments of its own.

        Raises
        ------
        OfftakeError
            If an amendment cannot be: see `offtake.deal.versions.apply`; or the amendments are not in order of date.
        """
        found = [self if not self.amendments else replace(self, amendments=())]
        day = self.start
        for change in self.amendments:
            if change.since <= day:
                raise OfftakeError(f"amendment from {change.since}: it must lie after {day}")
            day, before = change.since, found[-1]
            end = change.term_end or before.end
            found.append(replace(before, clauses=apply(before, change), end=end))
        return tuple(found)

    @cached_property
    def spans(self) -> dict[str, tuple[Span, ...]]:
        """Stretches of time with the same terms, by clause."""
        return spans(self.versions, self.amendments)

    @property
    def ever(self) -> tuple[Terms, ...]:
        """Every clause that holds at some time, in its last version."""
        return tuple(mine[-1].terms for mine in self.spans.values()) if self.amendments else self.clauses

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
        last = self.versions[-1]
        found = sorted((s for c in self.ever for s in c.stretches(last)), key=lambda s: s.start)
        return tuple(s for s in found if clause is None or not s.which or matches(clause, s.which))

    def last_day(self, clause: Terms | None = None) -> date:
        """Day after the last on which the contract, or a clause of it, can be in force, every option exercised."""
        return max([self.versions[-1].end, *(s.end for s in self.stretches(clause))])

    @property
    def can_change(self) -> bool:
        """Whether a clause can end the contract early or let it go on."""
        return any(c.shapes_term for c in self.ever)

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
        circle = self.circle()
        if circle:
            shown = " → ".join((*circle, circle[0]))
            raise OfftakeError(f"contract {self.id}: these clauses depend on each other in a circle: {shown}")
        waits, done = self._waits(), dict[str, Terms]()
        while len(done) < len(waits):
            ready = next(name for name, on in waits.items() if name not in done and all(o in done for o in on))
            done[ready] = self.spans[ready][-1].terms
        return tuple(done.values())

    def circle(self) -> tuple[str, ...]:
        """Ids of clauses each of which reads what the next one makes, the last one the first; empty where there is no circle."""
        waits = self._waits()
        settled: set[str] = set()

        def follow(path: tuple[str, ...]) -> tuple[str, ...]:
            for name in waits[path[-1]]:
                if name in path:
                    return path[path.index(name) :]
                if name not in settled and (found := follow((*path, name))):
                    return found
            settled.add(path[-1])
            return ()

        return next((found for name in waits if (found := follow((name,)))), ())

    def _waits(self) -> dict[str, tuple[str, ...]]:
        """By clause, the clauses that stand before it."""
        return {
            name: tuple(
                other
                for other, theirs in self.spans.items()
                if other != name and any(_waits_for(m.terms, t.terms) for m in mine for t in theirs)
            )
            for name, mine in self.spans.items()
        }


def _waits_for(clause: Terms, other: Terms) -> bool:
    """Whether a clause reads what another has made."""
    return matches(other, clause.after()) or (other.shapes_term and not clause.shapes_term)


def _terms(contract: str, clauses: Iterable[object]) -> tuple[Terms, ...]:
    found = tuple(c for c in clauses if isinstance(c, Terms))
    if len(found) < len(tuple(clauses)):
        raise OfftakeError(f"contract {contract}: a clause is no `offtake.deal.terms.Terms`")
    return found


def _amended(contract: str, spec: SpecAmendment) -> Amended:
    return Amended(
        since=spec.from_,
        why=spec.why,
        changes=dict(zip(spec.changes, _terms(contract, tuple(spec.changes.values())), strict=True)),
        add=_terms(contract, spec.add),
        end=spec.end,
        term_end=spec.term_end,
        fee_usd=spec.fee_usd,
        payer=spec.payer,
    )


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
class Owed(Generic[X]):
    """Dues of a contract by clause, and its state where a clause can change that."""

    contract: str
    by_clause: Mapping[str, tuple[Due[X], ...]]
    force: Force[X] | None = None

    @property
    def dues(self) -> tuple[Due[X], ...]:
        """All dues, clause by clause."""
        return tuple(due for dues in self.by_clause.values() for due in dues)


def owed(contract: Contract, a: Algebra[X], facts: DealFacts) -> Owed[X]:
    """Read all clauses of a contract, each after those whose dues it reads.

    A contract with ``signed = no`` owes nothing.
    """
    done: dict[str, tuple[Due[X], ...]] = {}
    shared: Shared[X] = Shared()
    view: DealView[X] | None = None
    if contract.signed == "no":
        return Owed(contract=contract.id, by_clause={})
    for clause in contract.in_order():
        found: list[Due[X]] = []
        for span in contract.spans[clause.id]:
            scoped = a.within(f"{contract.id}.{span.key}")
            view = DealView(whole=contract, span=span, facts=facts, a=scoped, dues=done, shared=shared)
            found += span.terms.owed(scoped, view)
        done[clause.id] = tuple(found)
    force = view.force() if view is not None else None
    by_clause = {name: done[name] for name in contract.spans}
    if fees := _fees(contract, a, facts):
        by_clause["amendments"] = fees
    return Owed(contract=contract.id, by_clause=by_clause, force=force)


def _fees(contract: Contract, a: Algebra[X], facts: DealFacts) -> tuple[Due[X], ...]:
    """Return what is paid for amendments on their day."""
    dues = []
    other = {"offtaker": facts.provider, "provider": facts.offtaker}
    for k, change in enumerate(contract.amendments):
        if change.fee_usd and facts.valuation_date <= change.since < facts.horizon:
            on = Intervals((change.since,), (change.since + timedelta(days=1),))
            dues.append(
                Due(
                    payer={"offtaker": facts.offtaker, "provider": facts.provider}[change.payer],
                    payee=other[change.payer],
                    amount=a.within(f"{contract.id}.amendments").const(change.fee_usd, on=on, unit=USD),
                    on=on,
                    when=(change.since,),
                    account=Account.OPTION_FEE,
                    layer=contract.layer,
                    firmness=Firmness.FIRM,
                    cause=f"{contract.id}.amendments",
                    facts={"version": k + 2},
                )
            )
    return tuple(dues)


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
