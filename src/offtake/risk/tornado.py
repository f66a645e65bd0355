"""Assumptions varied one at a time, each against no alliance.

An assumption is varied between its low and its high end at the base plan's yes/no choices, as linear programs, warm, and labelled so.
Which assumptions are solved is decided by screening (`offtake.risk.screening`); what an assumption does to the decision is asked of the
same linear programs (`offtake.risk.decision`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from offtake.errors import OfftakeError
from offtake.executors import side_by_side
from offtake.plan.build import build
from offtake.plan.compile import compile_problem
from offtake.plan.fixed import solve_at
from offtake.plan.problem import PARTIES
from offtake.plan.run import Outcome, plan_at
from offtake.progress import Progress, ProgressEvent, ignore
from offtake.risk.decision import STEPS, Decision, decision_of, switching_value
from offtake.risk.screening import screen

if TYPE_CHECKING:
    from offtake.plan.settings import Settings
    from offtake.risk.assumption import Assumption


@dataclass(frozen=True, slots=True, kw_only=True)
class Swing:
    """What one assumption does to the joint value against no alliance, and to the decision.

    Attributes
    ----------
    value_base_usd : float [USD]
    value_low_usd, value_high_usd : float or None [USD]   None where that world has no plan
    switches_at : float or None        value of the assumption at which the alliance is worth nothing, by linear interpolation between
                                       low, base and high; None where it does not change sign between them
    decision : Decision                of the base, as a linear program like those at the ends: signing, power and chips of two years
    decision_low_mw, decision_high_mw : float or None [MW]    how far the decision lies off at the ends; None where that world has no plan
    decision_switches_at : float or None    value nearest to the base from which on the decision is another one, exact to 1/32 of the way
                                            to that end; None where it is the same at both ends
    """

    assumption: Assumption
    base: float
    value_base_usd: float
    value_low_usd: float | None
    value_high_usd: float | None
    switches_at: float | None
    freed: tuple[str, ...]
    decision: Decision
    decision_low_mw: float | None
    decision_high_mw: float | None
    decision_switches_at: float | None

    @property
    def width_usd(self) -> float:
        """Distance between the extremes of low end, base and high end [USD]: both ends may lie on one side of the base."""
        known = [v for v in (self.value_low_usd, self.value_base_usd, self.value_high_usd) if v is not None]
        return max(known) - min(known)

    @property
    def decision_mw(self) -> float:
        """How far the assumption moves the decision at the end that moves it more [MW]."""
        return max((mw for mw in (self.decision_low_mw, self.decision_high_mw) if mw is not None), default=0.0)


def decision_ranks(swings: Sequence[Swing]) -> dict[str, int]:
    """Rank assumptions by how far they move the decision : path -> 1 for the farthest; those that move it equally by the gain."""
    order = sorted(swings, key=lambda s: (-s.decision_mw, -s.width_usd))
    return {s.assumption.path: k + 1 for k, s in enumerate(order)}


def base_decision(base: Outcome, settings: Settings) -> Decision:
    """Return the decision of a base plan as the linear program at its yes/no choices has it: phases need not be whole."""
    solved = base.alliance.solved
    at = solve_at(solved.built, solved, settings, basis=solved.priced.basis)
    return decision_of(solved if at is None else at.solved)


def swing(
    base: Outcome, assumption: Assumption, value: float, settings: Settings, *, decision: Decision, steps: int = STEPS
) -> Swing:
    """Solve an assumption at its two ends, and where the decision changes on the way.

    Parameters
    ----------
    value : float            the assumption's base value
    decision : Decision      the base's, see `base_decision`
    steps : int              halvings of the way to an end
    """
    ends = (assumption.low, assumption.high)
    found = [_at_end(base, assumption, end, settings) for end in ends]
    decided = [None if o is None else decision_of(o.alliance.solved) for o in found]
    low, high = (None if o is None else o.value_against_no_alliance_usd for o in found)
    middle = base.value_against_no_alliance_usd
    worthless = _switch([(assumption.low, low), (value, middle), (assumption.high, high)])

    def changed(at: float) -> bool:
        return _is_other(decision, _decision_at(base, assumption, at, settings))

    switch = switching_value(
        changed,
        base=value,
        ends=ends,
        at_ends=(_is_other(decision, decided[0]), _is_other(decision, decided[1])),
        steps=steps,
    )
    if worthless is not None and base.alliance.problem.signed is None and base.alliance.problem.goal.name == "joint":
        # The linear programs hold the signature; who may leave it out does so where it is worth nothing.
        switch = worthless if switch is None else min(switch, worthless, key=lambda v: abs(v - value))
    return Swing(
        assumption=assumption,
        base=value,
        value_base_usd=middle,
        value_low_usd=low,
        value_high_usd=high,
        switches_at=worthless,
        freed=tuple(dict.fromkeys(name for o in found if o is not None for name in o.freed)),
        decision=decision,
        decision_low_mw=None if decided[0] is None else decision.apart_mw(decided[0]),
        decision_high_mw=None if decided[1] is None else decision.apart_mw(decided[1]),
        decision_switches_at=switch,
    )


def _at_end(base: Outcome, assumption: Assumption, end: float, settings: Settings) -> Outcome | None:
    try:
        return plan_at(assumption.world(end), base, settings)
    except OfftakeError:
        return None


def _is_other(decision: Decision, found: Decision | None) -> bool:
    """Say whether a decision is another one, as it is where that world has no plan."""
    return found is None or decision.is_other(found)


def _decision_at(base: Outcome, assumption: Assumption, value: float, settings: Settings) -> Decision | None:
    """Decide at one value of an assumption; the no-alliance plan is needed only where its values are floors."""
    try:
        inputs = assumption.world(value)
        problem = compile_problem(inputs)
        if problem.goal.name in PARTIES and problem.signed is not False:
            planned = plan_at(inputs, base, settings)
            return None if planned is None else decision_of(planned.alliance.solved)
        solved = base.alliance.solved
        at = solve_at(build(problem), solved, settings, basis=solved.priced.basis)
    except OfftakeError:
        return None
    return None if at is None else decision_of(at.solved)


def _switch(points: Sequence[tuple[float, float | None]]) -> float | None:
    """First change of sign between known points, by linear interpolation."""
    known = [(a, v) for a, v in points if v is not None]
    for (a, v), (b, w) in pairwise(known):
        if v == 0.0:
            return a
        if v * w < 0:
            return a + (b - a) * v / (v - w)
    return None


def tornado(
    base: Outcome,
    assumptions: Sequence[Assumption],
    values: Mapping[str, float],
    settings: Settings,
    *,
    most: int,
    progress: Progress = ignore,
) -> list[Swing]:
    """Solve the widest assumptions at both ends, the widest first; see `decision_ranks` for the other order."""
    if most == 0:
        return []

    def stopped() -> bool:
        return settings.interrupt is not None and settings.interrupt.is_set()

    chosen = screen(base, assumptions, values, most=most, stopped=stopped)
    progress(ProgressEvent(stage="assumptions", message=f"{len(chosen)} of {len(assumptions)}"))

    decision = base_decision(base, settings)

    def solved(assumption: Assumption) -> Swing | None:
        """Leave out what was begun when the plan was stopped: its worlds seem to have no plan."""
        found = None if stopped() else swing(base, assumption, values[assumption.path], settings, decision=decision)
        return None if stopped() else found

    found = [s for s in side_by_side(solved, chosen) if s is not None]
    return sorted(found, key=lambda s: -s.width_usd)
