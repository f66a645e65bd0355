"""Commitments as a reader expects them: what was committed, what counted, what fell short, what was billed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from offtake.deal.flows import Account

if TYPE_CHECKING:
    from offtake.dates import Intervals
    from offtake.deal.flows import Due
    from offtake.deal.settle import Exact
    from offtake.plan.result import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Commitment:
    """One commitment by its own intervals [USD].

    Attributes
    ----------
    committed_usd, paid_usd, shortfall_usd, true_up_usd : tuple of float, by interval
    """

    clause: str
    kind: str
    on: Intervals
    committed_usd: tuple[float, ...]
    paid_usd: tuple[float, ...]
    shortfall_usd: tuple[float, ...]
    true_up_usd: tuple[float, ...]
    scope: str


def commitments(plan: Plan) -> list[Commitment]:
    """Read the commitments off the settled dues: spend commitments and take-or-pay minimums."""
    found: list[Commitment] = []
    for due in plan.dues[plan.built.contract_from :]:
        if due.account is Account.TRUE_UP:
            found.append(_spend(due))
        elif due.account is Account.TAKE_OR_PAY:
            found.append(_minimum(due))
    return found


def _row(x: Exact) -> tuple[float, ...]:
    return tuple(float(v) for v in x.rows[0])


def _spend(due: Due[Exact]) -> Commitment:
    facts = cast("dict[str, Any]", due.facts)
    floors: Sequence[Any] = facts["floors_usd"] if "floors_usd" in facts else (facts["total_usd"],)
    return Commitment(
        clause=due.cause,
        kind="spend_commitment",
        on=due.on,
        committed_usd=tuple(float(f) for f in floors),
        paid_usd=_row(facts["eligible"]),
        shortfall_usd=_row(facts["shortfall"]),
        true_up_usd=_row(due.amount),
        scope=str(facts.get("scope", "interval")),
    )


def _minimum(due: Due[Exact]) -> Commitment:
    """Tell a take-or-pay tranche in money: the minimum of what was made available, what was taken, what is owed for the rest."""
    facts = cast("dict[str, Any]", due.facts)
    owed = _row(due.amount)
    return Commitment(
        clause=due.cause,
        kind="take_or_pay",
        on=due.on,
        committed_usd=_row(facts["minimum"]),
        paid_usd=_row(facts["taken_at_price"]),
        shortfall_usd=owed,
        true_up_usd=owed,
        scope=str(facts["tranche"]),
    )
