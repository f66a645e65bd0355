"""Plan under uncertainty: one tree of futures, each path finished as an ordinary plan.

The tree ties decisions; it is solved as one linear program with whole numbers in its now-node (`offtake.plan.tree_solve`).  Then every
path is a problem of its own in which what the tree has decided is held: its ties are broken, its clauses made exact and its payments
settled to the cent, as for any plan.  What is reported is therefore settled money, and whoever reads a plan can read a path.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from offtake.executors import side_by_side, together
from offtake.outlook.measures import stressed
from offtake.outlook.measures import value as risk_value
from offtake.plan.bottlenecks import over_paths
from offtake.plan.build import build
from offtake.plan.compile import compile_problem, with_floors
from offtake.plan.decided import Decided, decided, with_room
from offtake.plan.findings import Finding
from offtake.plan.futures import one_path
from offtake.plan.problem import PARTIES, Party
from offtake.plan.question import Question, ask
from offtake.plan.result import Plan, read
from offtake.plan.run import Outcome
from offtake.plan.solve import solve
from offtake.plan.tree_solve import SolvedTree, solve_tree
from offtake.plan.worth import worth
from offtake.progress import Progress, ProgressEvent, ignore
from offtake.tables import significant

if TYPE_CHECKING:
    from offtake.outlook.futures import Futures
    from offtake.outlook.measures import Parts
    from offtake.outlook.tree import Tree
    from offtake.plan.bottlenecks import Bottleneck
    from offtake.plan.inputs import Inputs
    from offtake.plan.problem import Float, Problem
    from offtake.plan.settings import Settings
    from offtake.plan.worth import Worth
    from offtake.spec.outlook import Outlook


@dataclass(frozen=True)
class Hedged:
    """A plan under uncertainty.

    Attributes
    ----------
    question : Question
    apart : Problem                       one path, without the alliance
    tree_solved, tree_without : SolvedTree    the latter without its model
    paths : tuple[Outcome, ...]           each path finished: one-path plans with and without the alliance
    worth : Worth                         of information, of hedging, of waiting
    """

    question: Question
    apart: Problem
    tree_solved: SolvedTree
    tree_without: SolvedTree
    paths: tuple[Outcome, ...]
    worth: Worth

    @property
    def problem(self) -> Problem:
        """The problem of all paths, with the alliance."""
        return self.tree_solved.solved.built.problem

    @property
    def futures(self) -> Futures:
        """The futures that the plan is made for."""
        return self.question.futures

    @property
    def tree(self) -> Tree:
        """Which paths share which decisions."""
        return self.question.tree

    @property
    def risk(self) -> Parts:
        """The risk measure as (weight, level) of lower-tail means."""
        return self.question.risk

    @property
    def probability(self) -> Float:
        """Of each path : float64[path]."""
        return self.futures.probability

    @cached_property
    def bottlenecks(self) -> list[Bottleneck]:
        """What binds, how often, and what one more unit is worth."""
        return over_paths(self.tree_solved.solved)

    @property
    def gap(self) -> float:
        """Distance of the tree's plan from its bound [frac]."""
        return self.tree_solved.gap

    @cached_property
    def scores_usd(self) -> Float:
        """What each finished path is worth to the objective, settled : float64[path] [USD]."""
        return np.array([score_usd(o.alliance, self.question.base.goal.weights) for o in self.paths])

    @cached_property
    def stressed(self) -> Float:
        """Probabilities that the risk measure implies : float64[path]."""
        return stressed(self.risk, self.scores_usd, self.probability)

    @property
    def in_sample_usd(self) -> float:
        """Mean of the objective over the paths [USD]; never to be shown alone."""
        return float(self.probability @ self.scores_usd)

    @property
    def in_sample_adjusted_usd(self) -> float:
        """The objective as the risk measure counts it [USD]."""
        return risk_value(self.risk, self.scores_usd, self.probability)

    def party_usd(self, party: Party, *, level: float = 0.9) -> tuple[float, float]:
        """Mean of a party's value over the paths, and the mean of its own worst tail: reported, not optimised [USD]."""
        values = np.array([o.alliance.npv_usd(party) for o in self.paths])
        return float(self.probability @ values), risk_value(((1.0, level),), values, self.probability)


def missed_floors(hedged: Hedged) -> list[Finding]:
    """Report a party whose settled mean value lies below its floor: the tree held it with relaxed clauses, settlement is exact."""
    found = []
    problem = hedged.problem
    for party, floor in problem.goal.floors_usd.items():
        missing = floor - hedged.party_usd(party)[0]
        if missing > max(1.0, 1e-6 * abs(floor)):
            found.append(
                Finding(
                    severity="warning",
                    code="F101",
                    message=f"{problem.finance[party].name} ends {significant(missing / 1e9)} bn USD below its value without the "
                    "alliance plus its hurdle, in the mean over the paths once clauses are settled exactly",
                    help="lower `objective.others_at_least`, change the terms, or plan `--paths 1`, where clauses are exact in the solve",
                    short=True,
                )
            )
    return found


def score_usd(plan: Plan, weights: Mapping[Party, float]) -> float:
    """Weighted value of the parties less penalties, from settled flows [USD]."""
    return sum(weights[p] * plan.npv_usd(p) for p in PARTIES if weights[p]) - sum(plan.penalties_usd.values())


def plan_under_uncertainty(
    inputs: Inputs, outlook: Outlook, settings: Settings, *, progress: Progress = ignore
) -> Hedged:
    """Plan for the futures of an outlook, with the alliance and without.

    Raises
    ------
    OfftakeError       a target of the outlook names nothing in the scenario
    InfeasibleError    no plan meets all limits on all paths
    """
    question = ask(compile_problem(inputs), outlook)
    apart = replace(question, base=compile_problem(inputs, alliance=False))

    def on_their_own() -> tuple[SolvedTree, list[Plan]]:
        tree = solve_tree(build(apart.problem()), settings, progress=progress, stage="no alliance")
        alone = finish_paths(tree, settings, progress=progress, stage="no alliance")
        return tree.told(), alone

    if (
        question.base.goal.name in PARTIES
    ):  # what they have alone is the floor of the party that the objective does not favour
        without, alone = on_their_own()
        problem = _floored(question.problem(), question.base, alone)
        solved = solve_tree(build(problem), settings, progress=progress, stage="futures")
    else:
        solved, (without, alone) = together(
            lambda: solve_tree(build(question.problem()), settings, progress=progress, stage="futures"), on_their_own
        )
    allied = finish_paths(solved, settings, progress=progress, stage="futures")
    outcomes = tuple(
        Outcome(alliance=a, without=w, method="LP on a tree of futures", seconds={})
        for a, w in zip(allied, alone, strict=True)
    )
    progress(ProgressEvent(stage="value of information"))
    return Hedged(
        question=question,
        apart=apart.base,
        tree_solved=solved,
        tree_without=without,
        paths=outcomes,
        worth=worth(question, solved, settings),
    )


def _floored(problem: Problem, base: Problem, alone: Sequence[Plan]) -> Problem:
    """Hold the party that a one-party objective does not favour at its mean value without the alliance, plus the hurdle."""
    if problem.goal.name not in PARTIES or problem.signed is False:
        return problem
    hurdle = base.scenario.objective.others_at_least_usd
    floors: dict[Party, float] = {
        p: float(problem.probability @ np.array([w.npv_usd(p) for w in alone])) + hurdle
        for p in PARTIES
        if p != problem.goal.name
    }
    return with_floors(problem, floors)


# -- finishing a path ------------------------------------------------------------------------------------------------


def finish_paths(tree: SolvedTree, settings: Settings, *, progress: Progress = ignore, stage: str) -> list[Plan]:
    """Finish every path of a solved tree as a plan of its own."""
    built = tree.solved.built
    done = 0

    def finished(path: int) -> Plan:
        nonlocal done
        plan = finish(path_of(tree, path), decided(built, tree.solved.x, path=path), settings).told()
        done += 1
        progress(ProgressEvent(stage=stage, message="paths settled", fraction=done / len(built.problem.paths)))
        return plan

    return side_by_side(finished, range(len(built.problem.paths)))


def path_of(tree: SolvedTree, path: int) -> Problem:
    """Return one path as a problem of its own, in which a floor on a party's mean value counts by its price."""
    problem = one_path(tree.solved.built.problem, path)
    weights = dict(problem.goal.weights)
    for party in problem.goal.floors_usd:
        weights[party] += floor_price(tree, party)
    return replace(problem, goal=replace(problem.goal, weights=weights, told=problem.goal.weights, floors_usd={}))


def floor_price(tree: SolvedTree, party: Party) -> float:
    """Return what the objective gives for one more dollar of a party's floor, at least 0 [frac]."""
    block = tree.solved.built.model.row_block(f"floor_{party}")
    return max(0.0, -float(block.take(tree.solved.priced.row_price)))


def finish(problem: Problem, held: Decided, settings: Settings) -> Plan:
    """Solve a path with decisions held, break its ties, make its clauses exact, and settle it."""
    built = build(with_room(problem, held))
    return read(solve(built, replace(settings, relax=True), held=held, stage="path"))
