"""Versions of a contract: an amendment makes a new one from a date and never edits what was agreed.

Each clause runs once for each stretch of time in which its terms are the same (`Span`): clauses that an amendment leaves alone run as if
there were none.  Intervals are cut at the date; fixed terms of a cut interval count in proportion to its days, as at the horizon.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

from offtake.errors import OfftakeError

if TYPE_CHECKING:
    from offtake.deal.contract import Contract
    from offtake.deal.terms import Party, Terms


@dataclass(frozen=True, slots=True, kw_only=True)
class Amended:
    """One amendment.

    Parameters
    ----------
    since : date
        First day of the new version.
    changes : mapping
        Clause to its new terms, whole.
    add : tuple[Terms, ...]
        New clauses.
    end : tuple[str, ...]
        Clauses that hold no longer.
    term_end : date, optional
        New day after the contract's term.
    fee_usd : float ; payer : offtaker or provider
        Paid for it on the day.
    """

    since: date
    why: str = ""
    changes: Mapping[str, Terms] = field(default_factory=dict)
    add: tuple[Terms, ...] = ()
    end: tuple[str, ...] = ()
    term_end: date | None = None
    fee_usd: float = 0.0
    payer: Party = "offtaker"


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One clause under terms that stay the same.

    Parameters
    ----------
    terms : Terms
    contract : Contract     the last version that has these terms
    version : int           the first, counted from 1
    since, stop : date      where an amendment brought and took them; None: the contract's own dates
    goes_on : bool          whether a later version of the clause follows
    """

    terms: Terms
    contract: Contract
    version: int
    since: date | None = None
    stop: date | None = None
    goes_on: bool = False

    @property
    def key(self) -> str:
        """Name that tells it from other spans of its clause."""
        return self.terms.id if self.version == 1 else f"{self.terms.id}.v{self.version}"


def apply(contract: Contract, change: Amended) -> tuple[Terms, ...]:
    """Return the clauses after an amendment, in the order of the file.

    Raises
    ------
    OfftakeError
        If it names a clause that is not there, or adds an id that is, or a clause cannot take over from its earlier version; or its
        dates leave no day on which it holds.
    """
    _dated(contract, change)
    known = {c.id: c for c in contract.clauses}
    for name in (*change.changes, *change.end):
        if name not in known:
            raise OfftakeError(
                f"amendment from {change.since}: no clause {name!r} holds then; there are {', '.join(known)}"
            )
    for name in change.end:
        if name in change.changes:
            raise OfftakeError(f"amendment from {change.since}: clause {name!r} is both changed and ended")
        if why := known[name].cannot_end():
            raise OfftakeError(f"amendment from {change.since}, clause {name!r}: {why}")
    for clause in change.add:
        if clause.id in known:
            raise OfftakeError(
                f"amendment from {change.since}: there is a clause {clause.id!r} already; change it, or choose another id"
            )
    for name, terms in change.changes.items():
        if terms.kind != known[name].kind or terms.id != name:
            raise OfftakeError(
                f"amendment from {change.since}: a clause keeps its `kind` and `id`; end {name!r} and add another"
            )
        if why := terms.cannot_follow(known[name]):
            raise OfftakeError(f"amendment from {change.since}, clause {name!r}: {why}")
    kept = [change.changes.get(c.id, c) for c in contract.clauses if c.id not in change.end]
    return (*kept, *change.add)


def _dated(contract: Contract, change: Amended) -> None:
    """Refuse an amendment that comes after the contract, or ends it before it holds."""
    since, term_end, last = change.since, change.term_end, contract.last_day()
    if term_end is not None and term_end <= since:
        raise OfftakeError(f"amendment from {since}: `term_end` {term_end} does not lie after it")
    if since > last or (since == last and term_end is None):
        raise OfftakeError(f"amendment from {since}: the contract ends {last}, so it would never take effect")


def spans(versions: tuple[Contract, ...], amendments: tuple[Amended, ...]) -> dict[str, tuple[Span, ...]]:
    """Return the spans of every clause that ever held, by id."""
    found: dict[str, list[Span]] = {}
    dates = [None, *(a.since for a in amendments)]
    for k, version in enumerate(versions):
        for terms in version.clauses:
            mine = found.setdefault(terms.id, [])
            going = mine[-1] if mine and mine[-1].stop is None else None
            if going is not None and (going.terms is terms or going.terms == terms):
                mine[-1] = Span(terms=terms, contract=version, version=going.version, since=going.since)
                continue
            if going is not None:
                mine[-1] = _stopped(going, dates[k], goes_on=True)
            mine.append(Span(terms=terms, contract=version, version=k + 1, since=dates[k]))
        held = {c.id for c in version.clauses}
        for name, mine in found.items():
            if name not in held and mine[-1].stop is None:
                mine[-1] = _stopped(mine[-1], dates[k], goes_on=False)
    return {name: tuple(mine) for name, mine in found.items()}


def _stopped(span: Span, day: date | None, *, goes_on: bool) -> Span:
    return Span(
        terms=span.terms, contract=span.contract, version=span.version, since=span.since, stop=day, goes_on=goes_on
    )
