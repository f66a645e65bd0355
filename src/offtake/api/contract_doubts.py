"""Contracts that cannot be meant: promises above what there is room for, rights that overlap, triggers that can never fire, circles.

What is compared are bounds that no plan can pass: the power of the contract's ceiling, or of all interconnections by then, and the money
that so much power can cost at the contract's highest prices.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import TYPE_CHECKING

from offtake.api.contract_bounds import Doubt, Steps, World
from offtake.api.contract_never import idle, never
from offtake.api.contract_room import capped, promised, shared
from offtake.deal.clauses.chip_price import ChipPrice
from offtake.deal.clauses.exit_right import ExitRight
from offtake.deal.clauses.extension_option import ExtensionOption
from offtake.deal.clauses.guarantee import Guarantee
from offtake.deal.clauses.prepayment import Prepayment
from offtake.deal.clauses.spend_commitment import SpendCommitment
from offtake.deal.clauses.term_loan import TermLoan
from offtake.diagnostics import did_you_mean
from offtake.registry import components
from offtake.spec.locate import at_node
from offtake.spec.tree import child, id_of, items_of

if TYPE_CHECKING:
    from offtake.deal.contract import Contract
    from offtake.deal.terms import Terms
    from offtake.diagnostics import Diagnostic
    from offtake.spec.scenario import Scenario
    from offtake.spec.tree import Mapping


def contract_mistakes(base: Scenario, contract: Contract, tree: Mapping) -> Iterator[Diagnostic]:
    """Report contradictions of every version of a contract that can be read, each at its place in the file."""
    said: set[tuple[str, str]] = set()
    since = (None, *(a.since for a in contract.amendments), None)
    ever = [clause.id for version in contract.versions for clause in version.clauses]
    for number, version in enumerate(contract.versions, start=1):
        world = World(base, version, since[number - 1], since[number])
        doubts = list(_names(version, ever)) or _all(world)
        for doubt in doubts:
            if (doubt.clause, doubt.message) not in said:
                said.add((doubt.clause, doubt.message))
                steps = (*where(tree, doubt.clause, number), *doubt.keys)
                yield at_node(tree, steps, doubt.code, doubt.message, doubt.hint, severity=doubt.severity)


def _all(world: World) -> list[Doubt]:
    """Find all that is doubtful in one version of a contract whose names are known."""
    found = (_overlaps(world.contract), promised(world), capped(world), shared(world), never(world), idle(world))
    return [doubt for some in found for doubt in some]


def where(tree: Mapping, clause: str, version: int) -> Steps:
    """Return the steps to the place in the file that wrote a clause as it stands in a version of the contract."""
    for k in range(version - 2, -1, -1):
        if child(tree, "contract", "amendments", k, "changes", clause) is not None:
            return ("contract", "amendments", k, "changes", clause)
        for n, node in items_of(child(tree, "contract", "amendments", k, "add")):
            if id_of(node) == clause:
                return ("contract", "amendments", k, "add", n)
    for k, node in items_of(child(tree, "contract", "clauses")):
        if id_of(node) == clause:
            return ("contract", "clauses", k)
    return ("contract",)


# -- rights and prices over the same time --------------------------------------------------------------------------------


def _overlaps(contract: Contract) -> Iterator[Doubt]:
    """Two clauses that give the same right, or two prices of the same hours."""
    for a, b in combinations(contract.clauses, 2):
        if isinstance(a, ExitRight) and isinstance(b, ExitRight):
            both = {a.party, b.party}
            if len(both) == 1 or "either" in both:
                who = b.party if b.party != "either" else a.party
                yield Doubt(
                    "E507", b.id, (), f"`{a.id}` already lets the {who} end the contract", "keep one of the two"
                )
        elif isinstance(a, ExtensionOption) and isinstance(b, ExtensionOption):
            (one,), (two,) = a.stretches(contract), b.stretches(contract)
            if one.start < two.end and two.start < one.end:
                hint = f"write `follows: {a.id}` for more time after that, or leave one out"
                yield Doubt("E507", b.id, (), f"`{a.id}` already adds the time from {one.start} to {one.end}", hint)
        elif isinstance(a, ChipPrice) and isinstance(b, ChipPrice):
            yield from _priced_twice(a, b, contract)


def _priced_twice(a: ChipPrice, b: ChipPrice, contract: Contract) -> Iterator[Doubt]:
    start = max(a.start or contract.start, b.start or contract.start)
    end = min(a.end or contract.end, b.end or contract.end)
    if start >= end:
        return
    for chip in b.prices_usd_per_chip_h:
        if chip in a.prices_usd_per_chip_h:
            said = f"`{a.id}` already prices hours of `{chip}` from {start} to {end}: they would be paid twice"
            yield Doubt(
                "E507", b.id, ("prices", chip), said, "leave the chip out of one clause, or give the clauses dates"
            )


# -- names -----------------------------------------------------------------------------------------------------------------


def _names(contract: Contract, ever: Sequence[str]) -> Iterator[Doubt]:
    """Names in lists of "ids or kinds" that no clause bears, or that are the clause's own."""
    kinds = components("clause")
    for clause in contract.clauses:
        for keys, name in _named(clause):
            if name == clause.id:
                said = f"`{name}` waits for itself: it cannot read its own payments"
                yield Doubt("E403", clause.id, keys, said, "name other clauses")
            elif name not in ever and name not in kinds:
                known = list(dict.fromkeys((*ever, *kinds)))
                said = f"there is no clause, and no kind of clause, `{name[:60]}`"
                yield Doubt("E401", clause.id, keys, said, did_you_mean(name, known))


def _named(clause: Terms) -> Iterator[tuple[Steps, str]]:
    """Yield the ids or kinds of clauses that a clause names, each with its keys."""
    if isinstance(clause, SpendCommitment | Prepayment):
        yield from ((("counts", name), name) for name in clause.counts_frac)
    elif isinstance(clause, Guarantee):
        yield from ((("of", k), name) for k, name in enumerate(clause.of))
    elif isinstance(clause, ExtensionOption):
        yield from ((("clauses", k), name) for k, name in enumerate(clause.clauses) if name != clause.id)
    elif isinstance(clause, TermLoan) and clause.sized_by is not None:
        yield from ((("sized_by", "clauses", k), name) for k, name in enumerate(clause.sized_by.clauses))
