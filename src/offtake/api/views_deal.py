"""The tables of what the contract's late deliveries and amendments come to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from offtake.api.commitments import commitments
from offtake.plan.contracts import concessions_of
from offtake.report.data import report_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from offtake.api.commitments import Commitment
    from offtake.plan.result import Plan
    from offtake.tables import Table

__all__ = ["amendments", "deal_tables"]


def deal_tables(plan: Plan) -> dict[str, Table]:
    """Make the report's tables of relief, deliveries and amendments; each is empty where the contract has none."""
    found = commitments(plan)
    rows = {"relief_changes": _relief(found), "deliveries": _deliveries(found), "concessions": _concessions(plan)}
    return {name: report_table(name, own) for name, own in rows.items()}


def _relief(found: Sequence[Commitment]) -> list[dict[str, Any]]:
    return [
        {
            "commitment": c.clause,
            "scope": c.scope,
            "start": c.on.starts[k],
            "end": c.on.ends[k],
            "with_relief_usd": c.with_relief_usd[k],
            "without_relief_usd": c.without_relief_usd[k],
        }
        for c in found
        if c.with_relief_usd
        for k in range(len(c.on))
    ]


def _deliveries(found: Sequence[Commitment]) -> list[dict[str, Any]]:
    return [
        {
            "clause": c.clause,
            "tranche": c.scope,
            "start": c.on.starts[k],
            "end": c.on.ends[k],
            "scheduled_usd": c.committed_usd[k],
            "delivered_usd": c.paid_usd[k],
            "credit_usd": c.credit_usd[k],
        }
        for c in found
        if c.kind == "delivery"
        for k in range(len(c.on))
    ]


def _concessions(plan: Plan) -> list[dict[str, Any]]:
    """List each amendment's lines, and after them each party's sum."""
    rows: list[dict[str, Any]] = []
    for one in concessions_of(plan):
        head = {"number": one.number, "since": one.since, "why": one.why}
        rows += [
            {
                **head,
                "clause": c.clause,
                "party": c.party,
                "usd": float(c.usd),
                "discounted_usd": float(c.discounted_usd),
            }
            for c in one.lines
        ]
        rows += [
            {
                **head,
                "clause": "",
                "party": party,
                "usd": float(one.of(party)),
                "discounted_usd": float(one.of(party, discounted=True)),
            }
            for party in one.parties
        ]
    return rows


def amendments(plan: Plan) -> list[dict[str, Any]]:
    """Write what each side gave and got by each amendment, for the answer [USD]."""
    return [
        {
            "number": one.number,
            "since": one.since.isoformat(),
            "why": one.why,
            "discount_rate_frac_per_y": one.rate_frac_per_y,
            "parties": {
                party: {"usd": float(one.of(party)), "discounted_usd": float(one.of(party, discounted=True))}
                for party in one.parties
            },
            "clauses": [
                {
                    "clause": c.clause,
                    "party": c.party,
                    "usd": float(c.usd),
                    "discounted_usd": float(c.discounted_usd),
                }
                for c in one.lines
            ],
        }
        for one in concessions_of(plan)
    ]
