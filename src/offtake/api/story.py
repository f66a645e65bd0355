"""What is told of a scenario: its base case, prices and cases, and of several paths the plan that hedges them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from offtake.api.headline import Headline
    from offtake.api.prepare import World
    from offtake.outlook.futures import Futures
    from offtake.outlook.measures import Parts
    from offtake.outlook.tree import Tree
    from offtake.plan.bottlenecks import Bottleneck
    from offtake.plan.evaluate import Evaluated, GapEstimate
    from offtake.plan.findings import Finding
    from offtake.plan.hedge import Hedged
    from offtake.plan.problem import Float, Problem
    from offtake.plan.relief import Relief
    from offtake.plan.run import Outcome
    from offtake.plan.worth import Worth
    from offtake.risk.tornado import Swing
    from offtake.spec.outlook import Outlook

__all__ = ["CaseResult", "Hedge", "Story", "Told", "foresight_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseResult:
    """One case, the base case first; no outcome where that world has no plan."""

    id: str
    title: str
    status: str
    method: str
    outcome: Outcome | None
    figures: Headline | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """All that was found about a scenario.

    Of a plan under uncertainty, `base` and `figures` are those of its first path and `hedge` holds all of them: whoever tells numbers tells
    means over the paths.
    """

    world: World
    base: Outcome
    figures: Headline
    bottlenecks: Sequence[Bottleneck]
    reliefs: Sequence[Relief]
    cases: Sequence[CaseResult]
    swings: Sequence[Swing]
    findings: Sequence[Finding]
    certificate: Mapping[str, Any]
    status: str
    seconds: Mapping[str, float]
    hedge: Hedge | None = None

    @property
    def low_case(self) -> CaseResult | None:
        """The case called `low`, or the one with the least value against no alliance."""
        solved = [c for c in self.cases[1:] if c.outcome is not None]
        named = next((c for c in solved if c.id == "low"), None)
        worst = min(solved, key=lambda c: c.outcome.value_against_no_alliance_usd if c.outcome else 0.0, default=None)
        return named or worst


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What is told of a hedged plan, by its own names; the solved tree itself, the largest part of a run by far, is let go.

    Attributes
    ----------
    problem, futures, tree, risk, probability, stressed, bottlenecks, worth, in_sample_usd, gap    as of `offtake.plan.hedge.Hedged`
    """

    problem: Problem
    futures: Futures
    tree: Tree
    risk: Parts
    probability: Float
    stressed: Float
    bottlenecks: Sequence[Bottleneck]
    worth: Worth
    in_sample_usd: float
    gap: float

    @classmethod
    def of(cls, hedged: Hedged) -> Told:
        """Take over what is told."""
        return cls(**{name: getattr(hedged, name) for name in cls.__dataclass_fields__})


@dataclass(frozen=True, slots=True, kw_only=True)
class Hedge:
    """What a plan under uncertainty has beyond one path.

    Attributes
    ----------
    hedged : Told                   the plan: a tree of paths
    evaluated : Evaluated or None   the plan on fresh paths; None where it was stopped before
    gap : GapEstimate or None       optimality gap by replications, where they were asked for
    outlook : Outlook               what may happen, as the scenario states it
    central : Futures               the central path, for saying what differs from it
    paths : tuple of Story          each path told as a world of its own, in path order
    full : bool                     whether replications and assumptions were asked for
    """

    hedged: Told
    evaluated: Evaluated | None
    gap: GapEstimate | None = None
    outlook: Outlook
    central: Futures
    paths: tuple[Story, ...]
    full: bool = False

    @property
    def probability(self) -> Float:
        """Probability of each path : float64[path]."""
        return self.hedged.probability

    def per_path(self, of: Any) -> Float:  # noqa: ANN401  (a function of a path's Story)
        """Apply a function of a path's story : float64[path]."""
        return np.array([float(of(one)) for one in self.paths], dtype=np.float64)


def foresight_of(story: Story) -> str:
    """Name what a plan knows when it decides.

    ``perfect``: its only path. ``two-stage``: nothing for the decisions taken now, then all. ``multistage``: at each stage, its node of the
    tree.
    """
    if story.hedge is None:
        return "perfect"
    return "two-stage" if len(story.hedge.hedged.tree.stages) == 1 else "multistage"
