"""What a plan under uncertainty is asked: a compiled problem, sampled futures, the tree that ties decisions, and how risk counts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from offtake.outlook.drawing import drawn
from offtake.outlook.measures import RiskMeasure
from offtake.outlook.tree import tree as tree_of
from offtake.plan.futures import with_futures
from offtake.plan.problem import Ties

if TYPE_CHECKING:
    from offtake.outlook.futures import Futures
    from offtake.outlook.measures import Parts
    from offtake.outlook.tree import Tree
    from offtake.plan.problem import Problem
    from offtake.spec.outlook import Decide, Outlook


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a plan under uncertainty is asked: the compiled problem, the futures, the tree, and how risk counts.

    Attributes
    ----------
    base : Problem           one path, as the scenario is written
    outlook : Outlook ; futures : Futures ; tree : Tree ; risk : (weight, level) each
    allied : bool            False: the problem without the contract
    """

    base: Problem
    outlook: Outlook
    futures: Futures
    tree: Tree
    risk: Parts

    def problem(self, tree: Tree | None = None) -> Problem:
        """Return the problem of all paths with its decisions tied by a tree, this one if none is given."""
        each = with_futures(self.base, self.futures)
        return replace(each, ties=ties_of(tree or self.tree, self.outlook.decide, len(self.base.grid)), tails=self.risk)


def ties_of(tree: Tree, decide: Decide, periods: int) -> Ties:
    """Turn the tree and the here-and-now set into the decisions that paths share."""
    return Ties(
        signing=tree.representative(decide.signing, periods)[:, 0],
        sites=tree.representative(decide.sites, periods)[:, 0],
        rights=tree.representative(decide.rights, periods),
        phases=tree.representative(decide.phases, periods),
        orders=tree.representative(decide.orders, periods),
    )


def parts_of(outlook: Outlook) -> Parts:
    """Return the risk measure of an outlook as (weight, level) of lower-tail means; the mean if it states none."""
    measure: object = outlook.risk
    return measure.parts() if isinstance(measure, RiskMeasure) else ((1.0, 0.0),)


def ask(base: Problem, outlook: Outlook, *, stream: str = "plan", seed: int | None = None) -> Question:
    """Draw the futures, keep as many as the outlook asks for, and tie them by a tree."""
    grid = base.grid
    futures = drawn(outlook, grid, seed=outlook.seed if seed is None else seed, stream=stream)
    return Question(
        base=base,
        outlook=outlook,
        futures=futures,
        tree=tree_of(outlook, grid, futures, outlook.stages_on(grid)),
        risk=parts_of(outlook),
    )
