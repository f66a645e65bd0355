"""Firm obligations of a plan's contract: what the provider still has to deliver, and the offtaker to take or pay."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any, cast

from offtake.dates import Intervals
from offtake.deal.clauses.reservation import Reservation
from offtake.deal.clauses.take_or_pay import TakeOrPay
from offtake.deal.contract import summary
from offtake.deal.flows import Account, Firmness, Layer, Use
from offtake.deal.tranches import worth
from offtake.ledger.backlog import Backlog, Obligation, backlog
from offtake.money import CENT, ratio
from offtake.plan.contracts import contract_of

if TYPE_CHECKING:
    from offtake.deal.contract import Contract
    from offtake.deal.flows import Due
    from offtake.deal.settle import Exact
    from offtake.deal.terms import Promise
    from offtake.ledger.books import Books
    from offtake.plan.result import Plan

FOR_SERVICE = frozenset(
    {Account.RENT, Account.TAKE_OR_PAY, Account.TRUE_UP, Account.RESERVATION, Account.PREPAYMENT, Account.BACKSTOP}
)
"""Accounts of clauses whose firm amounts are for service."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Obligations:
    """Firm obligations of a contract and how they are met.

    Attributes
    ----------
    each : tuple of Obligation
    backlog : Backlog               on the opening date and at every period's end
    share_frac : float or None      of the provider's whole backlog on the opening date; None where no total is stated
    source : str                    of that total
    """

    each: tuple[Obligation, ...]
    backlog: Backlog
    share_frac: float | None
    source: str


def obligations(plan: Plan, kept: Books) -> Obligations:
    """Read the firm obligations off the contract's terms, and see from the books what meets them."""
    contract = contract_of(plan.problem)
    each = tuple(_obligations(plan, contract)) if contract is not None else ()
    on = (kept.opening.date, *kept.periods.ends)
    found = backlog(kept.flows, each, on)
    whole = plan.problem.scenario.accounting.provider_backlog
    share = None if whole is None else int(found.remaining_cents[0]) / 100 / whole.total_usd
    return Obligations(each=each, backlog=found, share_frac=share, source="" if whole is None else whole.source)


def _obligations(plan: Plan, contract: Contract) -> list[Obligation]:
    by_cause: dict[str, list[Due[Exact]]] = {}
    for due in plan.dues[plan.built.contract_from :]:
        by_cause.setdefault(due.cause, []).append(due)
    today = plan.problem.grid.start
    firm = [
        p
        for p in summary(contract, today=today).promises
        if _for_service(p, by_cause.get(f"{contract.id}.{p.clause}", []))
    ]
    own = {f"{contract.id}.{p.clause}" for p in firm}
    rent = {c for c, dues in by_cause.items() if any(d.account is Account.RENT for d in dues)} - own
    last = {c.id: c for c in contract.versions[-1].clauses}
    found: list[Obligation] = []
    for clause in dict.fromkeys(p.clause for p in firm):
        mine = [p for p in firm if p.clause == clause]
        cause, terms = f"{contract.id}.{clause}", last[clause]
        counted = {f"{contract.id}.{c.id}" for c in contract.clauses if contract.counted_in(c) == clause}
        if any(d.account is Account.PREPAYMENT for d in by_cause[cause]):  # paid ahead for whatever else is bought
            counted |= {c for c, dues in by_cause.items() if any(d.account in FOR_SERVICE for d in dues)} - own
        if isinstance(terms, TakeOrPay):  # a minimum is met by what is taken
            counted |= rent
        counts = frozenset({cause, *counted})
        if isinstance(terms, TakeOrPay | Reservation):
            found += _by_capacity(contract, terms, mine, counts)
        else:
            found += [o for p in mine for o in _by_interval(p, cause, by_cause[cause], counts)]
    return found


def _by_capacity(
    contract: Contract, terms: TakeOrPay | Reservation, promises: list[Promise], counts: frozenset[str]
) -> list[Obligation]:
    """Cut firm capacity by month, each by what its tranches are worth in it: it is held ready day by day.

    What is taken above a minimum does not meet a later month's, and the days until a bill is due are no service.
    """
    amount = sum((p.usd for p in promises if p.usd is not None), Fraction(0))
    start, stop = terms.start or contract.start, max(p.end for p in promises)
    on = Intervals.every(1, start, _last(contract, terms))
    weights = []
    for s, e in zip(on.starts, on.ends, strict=True):
        parts = [
            (getattr(t, "minimum_frac", 1.0), worth(t, first, end) or Fraction(0))
            for t in terms.slices
            for first, end in [
                (max(s, t.start or start), min(e, stop, t.end or terms.end or contract.end)),
            ]
            if first < end
        ]
        weights.append(sum((Fraction(str(share)) * whole for share, whole in parts), Fraction(0)))
    whole = sum(weights)
    if not whole:
        return [
            Obligation(clause=f"{contract.id}.{terms.id}", start=start, end=stop, amount=_cents(amount), counts=counts)
        ]
    done, made = Fraction(0), []
    for s, e, weight in zip(on.starts, on.ends, weights, strict=True):
        if weight:
            part = _cents(amount * (done + weight) / whole) - _cents(amount * done / whole)
            end = min(e, stop)
            made.append(Obligation(clause=f"{contract.id}.{terms.id}", start=s, end=end, amount=part, counts=counts))
        done += weight
    return made


def _last(contract: Contract, terms: TakeOrPay | Reservation) -> date:
    """Day after the last on which a tranche runs."""
    return max(t.end or terms.end or contract.end for t in terms.slices)


def _for_service(promise: Promise, dues: list[Due[Exact]]) -> bool:
    """Whether a promise is a firm amount of the offtaker for service that is no lease."""
    return (
        promise.firmness is Firmness.FIRM
        and promise.usd is not None
        and not promise.within
        and (promise.payer, promise.payee) == ("offtaker", "provider")
        and promise.layer not in (Layer.EQUITY, Layer.DEBT)
        and any(d.account in FOR_SERVICE for d in dues)
        and all(d.use is Use.SERVICE for d in dues)
    )


def _by_interval(promise: Promise, cause: str, dues: list[Due[Exact]], counts: frozenset[str]) -> list[Obligation]:
    """Cut a promise at the intervals of its floors, where it states them."""
    stated = [(d, cast("dict[str, Any]", d.facts).get("floors_usd")) for d in dues]
    floors = [
        Obligation(clause=cause, start=s, end=e, amount=_cents(f), counts=counts)
        for due, given in stated
        if given is not None
        for s, e, f in zip(due.on.starts, due.on.ends, given, strict=True)
        if f
    ]
    if floors:
        return floors
    amount = promise.usd or Fraction(0)
    return [Obligation(clause=cause, start=promise.start, end=promise.end, amount=_cents(amount), counts=counts)]


def _cents(amount: object) -> Decimal:
    return ratio(Fraction(str(amount)) if not isinstance(amount, Fraction) else amount).quantize(CENT)
