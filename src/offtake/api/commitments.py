"""Commitments as a reader expects them: what was committed, what counted, what fell short, what was billed.

A row stands for one promise by its own intervals.  Where late delivery gives relief, what would be owed with it and without it is settled
for the same quantities, so that both numbers can stand side by side.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

from offtake.deal.clauses.delivery_delay import DeliveryDelay
from offtake.deal.contract import owed
from offtake.deal.flows import Account
from offtake.deal.settle import SettleAlgebra
from offtake.plan.contracts import contract_of, facts_of

if TYPE_CHECKING:
    from offtake.dates import Intervals
    from offtake.deal.flows import Due
    from offtake.deal.settle import Exact
    from offtake.plan.result import Plan

__all__ = ["Commitment", "commitments", "owed_both_ways"]

Row = tuple[float, ...]

_SUMMED = ("relief_usd", "credit_usd", "with_relief_usd", "without_relief_usd", "credited_usd", "make_up_lapsed_usd")
"""Rows that only some commitments have, told as totals."""
_BY_INTERVAL = ("with_relief_usd", "without_relief_usd", "credit_usd")
"""Those of them that are told by interval as well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Commitment:
    """One commitment by its own intervals [USD].

    Attributes
    ----------
    kind : str                                     of the clause; delivery: what was to be delivered, was, and is credited for the rest
    committed_usd : tuple of float, by interval    as written: a floor, a minimum of what was made available, a fee, capacity scheduled
    paid_usd : tuple of float, by interval         what counted towards it
    shortfall_usd : tuple of float, by interval    what fell short
    true_up_usd : tuple of float, by interval      owed for that; nothing for a delivery
    scope : str                                    interval, term or extension of a spend commitment, or a tranche
    relief_usd : tuple of float, by interval       taken off by late delivery, less what is made good
    credit_usd : tuple of float, by interval       owed to the offtaker for late delivery; of deliveries only
    with_relief_usd, without_relief_usd            true-ups with relief and without, for the same quantities; empty where none is stated
    credited_usd : tuple of float, by interval     given back: make-up drawn
    make_up_held : tuple of float, by interval     paid and not yet taken, at the interval's end, in `make_up_unit`
    make_up_held_usd, make_up_lapsed_usd           its price, and the price of what lapsed
    """

    clause: str
    kind: str
    on: Intervals
    committed_usd: Row
    paid_usd: Row
    shortfall_usd: Row
    true_up_usd: Row
    scope: str
    relief_usd: Row = ()
    credit_usd: Row = ()
    with_relief_usd: Row = ()
    without_relief_usd: Row = ()
    credited_usd: Row = ()
    make_up_held: Row = ()
    make_up_unit: str = ""
    make_up_held_usd: Row = ()
    make_up_lapsed_usd: Row = ()

    def more(self) -> dict[str, object]:
        """Return what only some commitments have, for the answer: totals in USD, and the make-up held at the end."""
        found: dict[str, object] = {}
        for name in _SUMMED:
            row = getattr(self, name)
            if row:
                found[name] = sum(row)
        if self.make_up_held:
            found["make_up_held"] = self.make_up_held[-1]
            found["make_up_unit"] = self.make_up_unit
            found["make_up_held_usd"] = self.make_up_held_usd[-1]
        return found

    def more_of(self, interval: int) -> dict[str, float]:
        """Return what only some commitments have in one interval, for the answer."""
        return {name: getattr(self, name)[interval] for name in _BY_INTERVAL if getattr(self, name)}


def commitments(plan: Plan) -> list[Commitment]:
    """Read the commitments off the settled dues: spend commitments, minimums, reservations, and deliveries that may be late."""
    found: list[Commitment] = []
    for due in plan.dues[plan.built.contract_from :]:
        read = _READERS.get(due.account)
        if read is not None:
            found += read(due)
    ways = owed_both_ways(plan)
    return [_with(c, ways) if ways and c.kind == "spend_commitment" else c for c in found]


def _with(c: Commitment, ways: Mapping[str, Mapping[tuple[str, str], Row]]) -> Commitment:
    """Put what is owed with relief and without beside each other; a floor of the extension is none without."""
    key, nothing = (c.clause, c.scope), (0.0,) * len(c.on)
    both = {way: ways[way].get(key, nothing) for way in ("on", "off")}
    return replace(c, with_relief_usd=both["on"], without_relief_usd=both["off"])


def owed_both_ways(plan: Plan) -> Mapping[str, Mapping[tuple[str, str], Row]]:
    """Settle the true-ups with relief for late delivery and without it, for the plan's quantities and exercised rights.

    Returns
    -------
    mapping
        ``on`` and ``off`` to (clause, scope) to USD by interval; empty without a clause about late delivery.
    """
    contract = contract_of(plan.problem)
    if contract is None or not any(isinstance(c, DeliveryDelay) for c in contract.clauses):
        return {}
    x = plan.solved.x
    algebra = SettleAlgebra(
        grid=plan.problem.grid,
        measures={m: v.tolist() for m, v in plan.quantities.items()},
        paths=plan.problem.paths,
        rights={name: expr.value(x).round().tolist() for name, expr in plan.built.written.rights.items()},
        signed=[bool(s) for s in plan.decisions.signed],
    )
    ways: dict[str, dict[tuple[str, str], Row]] = {}
    for way in ("on", "off"):
        clauses = tuple(
            c.model_copy(update={"relief": way}) if isinstance(c, DeliveryDelay) else c for c in contract.clauses
        )
        dues = owed(replace(contract, clauses=clauses), algebra, facts_of(plan.problem)).dues
        ways[way] = {
            (d.cause, str(d.facts.get("scope", "interval"))): _row(d.amount)
            for d in dues
            if d.account is Account.TRUE_UP
        }
    return ways


def _row(x: Exact) -> Row:
    return tuple(float(v) for v in x.rows[0])


def _spend(due: Due[Exact]) -> list[Commitment]:
    facts = cast("dict[str, Any]", due.facts)
    floors: Sequence[Any] = facts["floors_usd"] if "floors_usd" in facts else (facts["total_usd"],)
    relief, deferred = facts.get("relief"), facts.get("deferred")
    taken_off = tuple(
        (float(relief.rows[0][k]) if relief is not None else 0.0) - (float(deferred.rows[0][k]) if deferred is not None else 0.0)
        for k in range(len(due.on) if relief is not None or deferred is not None else 0)
    )  # fmt: skip
    return [
        Commitment(
            clause=due.cause,
            kind="spend_commitment",
            on=due.on,
            committed_usd=tuple(float(f) for f in floors),
            paid_usd=_row(facts["eligible"]),
            shortfall_usd=_row(facts["shortfall"]),
            true_up_usd=_row(due.amount),
            scope=str(facts.get("scope", "interval")),
            relief_usd=taken_off,
        )
    ]


def _minimum(due: Due[Exact]) -> list[Commitment]:
    """Tell a take-or-pay tranche in money: the minimum of what was made available, what was taken, what is owed for the rest."""
    facts = cast("dict[str, Any]", due.facts)
    kept = facts.get("make_up")
    owed_for = _row(due.amount) if kept is None else _row(due.amount + kept.added_usd)
    made_up: dict[str, Any] = {}
    if kept is not None:
        made_up = {
            "credited_usd": _row(kept.drawn_usd),
            "make_up_held": _row(kept.held),
            "make_up_unit": kept.held.unit,
            "make_up_held_usd": _row(kept.held_usd),
            "make_up_lapsed_usd": _row(kept.lapsed_usd),
        }
    return [
        Commitment(
            clause=due.cause,
            kind="take_or_pay",
            on=due.on,
            committed_usd=_row(facts["minimum"]),
            paid_usd=_row(facts["taken_at_price"]),
            shortfall_usd=owed_for,
            true_up_usd=owed_for,
            scope=str(facts["tranche"]),
            **made_up,
        )
    ]


def _reservation(due: Due[Exact]) -> list[Commitment]:
    """Tell a reservation by the fee of what is held, and what of it is owed."""
    facts = cast("dict[str, Any]", due.facts)
    paid = _row(due.amount)
    fee = paid if facts.get("up_front") else _row(facts["fee_of_held"])
    return [
        Commitment(
            clause=due.cause,
            kind="reservation",
            on=due.on,
            committed_usd=fee,
            paid_usd=paid,
            shortfall_usd=tuple(f - p for f, p in zip(fee, paid, strict=True)),
            true_up_usd=(0.0,) * len(paid),
            scope=str(facts["tranche"]),
        )
    ]


def _delivery(due: Due[Exact]) -> list[Commitment]:
    """Tell what was to be delivered, what was, and what is credited for the rest; nothing for a refund of a reservation."""
    facts = cast("dict[str, Any]", due.facts)
    if "scheduled_usd" not in facts:
        return []
    missing = _row(facts["relief_usd"])
    scheduled = _row(facts["scheduled_usd"])
    return [
        Commitment(
            clause=due.cause,
            kind="delivery",
            on=due.on,
            committed_usd=scheduled,
            paid_usd=tuple(s - m for s, m in zip(scheduled, missing, strict=True)),
            shortfall_usd=missing,
            true_up_usd=(0.0,) * len(scheduled),
            credit_usd=_row(due.amount),
            scope=str(facts["tranche"]),
            relief_usd=tuple(r - d for r, d in zip(missing, _row(facts["deferred_usd"]), strict=True)),
        )
    ]


_READERS = {
    Account.TRUE_UP: _spend,
    Account.TAKE_OR_PAY: _minimum,
    Account.RESERVATION: _reservation,
    Account.DELAY_CREDIT: _delivery,
}
