"""What a plan could not do, in domain words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from offtake.plan import scales
from offtake.plan.problem import PARTIES
from offtake.tables import significant

if TYPE_CHECKING:
    from offtake.plan.result import Plan


PART = 1e-3
"""Above this share a run is done in part, below one less it is whole: only where whole numbers are relaxed is it in between [frac]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One finding.

    Attributes
    ----------
    short : bool      an obligation is unmet: the plan's status is `short`
    about : str       party, run, class or item; the findings of several paths about the same are one
    size : float      how much is missing, in the unit of its message: over paths the worst is told; 0 where there is no amount
    """

    severity: str
    code: str
    message: str
    help: str = ""
    short: bool = False
    about: str = ""
    size: float = 0.0


def findings(plan: Plan) -> list[Finding]:
    """List unmet obligations first, then what the plan leaves undone."""
    return [*_floors(plan), *_emergency(plan), *_runs(plan), *_demand(plan)]


def _floors(plan: Plan) -> list[Finding]:
    found = []
    for party, below in plan.built.short.items():
        missing = float(below.value(plan.solved.x)) * scales.USD
        if missing > 1.0:
            name = plan.problem.finance[party].name
            found.append(
                Finding(
                    severity="warning",
                    code="F101",
                    message=f"{name} ends {significant(missing / 1e9)} bn USD below its value without the alliance plus its hurdle; "
                    "the signed terms leave no better plan",
                    help="lower `objective.others_at_least`, or change the terms",
                    short=True,
                    about=party,
                    size=missing,
                )
            )
    return found


def _emergency(plan: Plan) -> list[Finding]:
    found = []
    for party in PARTIES:
        owed = plan.decisions.emergency_usd[party][0]
        if owed.max(initial=0.0) > 1.0:
            t = int(owed.argmax())
            found.append(
                Finding(
                    severity="warning",
                    code="F102",
                    message=f"{plan.problem.finance[party].name} runs out of cash: it needs an emergency loan of up to "
                    f"{significant(owed[t] / 1e9)} bn USD, most in {plan.problem.grid.labels[t]}",
                    help=f"raise `parties.{party}.cash` or its facility",
                    short=True,
                    about=party,
                    size=float(owed[t]),
                )
            )
    return found


def _runs(plan: Plan) -> list[Finding]:
    found = []
    for r, run in enumerate(plan.problem.runs.ids):
        done = plan.decisions.done[0, :, r]
        latest = int(plan.problem.runs.latest_period[r])
        if PART <= done[-1] <= 1.0 - PART:
            share = f"{significant(100 * float(done[-1]), 2)} %"
            found.append(
                Finding(
                    severity="note",
                    code="F103",
                    message=f"training run {run} is done to {share} only, as whole numbers are relaxed: what needs it opens to that share",
                    about=f"{run}, in part",
                    size=float(1.0 - done[-1]),
                )
            )
        elif done[-1] < PART:
            found.append(
                Finding(
                    severity="note",
                    code="F103",
                    message=f"training run {run} is not done within the horizon",
                    about=f"{run}, not done",
                )
            )
        elif done[latest] < 0.5:
            when = plan.problem.grid.labels[int(np.argmax(done > 0.5))]
            found.append(
                Finding(
                    severity="note",
                    code="F103",
                    message=f"training run {run} is complete in {when}, after its latest date",
                    about=f"{run}, late",
                    size=float(np.argmax(done > 0.5)),
                )
            )
    return found


def _demand(plan: Plan) -> list[Finding]:
    problem = plan.problem
    found = []
    for k in problem.classes:
        mine = np.array([c == k for c in problem.demand.classes], dtype=bool)
        wanted = problem.demand.volume_tok[0][:, mine].sum()
        served = plan.decisions.tokens[0][:, mine].sum()
        if wanted > 0 and served < 0.995 * wanted:
            share = significant(100 * (1 - served / wanted))
            found.append(
                Finding(
                    severity="note",
                    code="F104",
                    message=f"{share} % of the {k} demand over the horizon is not served: at its price it is not worth what it "
                    "needs, or its training run is not done",
                    about=k,
                    size=float(1 - served / wanted),
                )
            )
    return found
