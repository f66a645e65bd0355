"""Plan under uncertainty and gather what belongs to the answer: the hedged plan, fresh paths, named cases on their central path."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from offtake.api.world import Story
    from offtake.outlook.futures import Futures
    from offtake.outlook.measures import Parts
    from offtake.outlook.tree import Tree
    from offtake.plan.bottlenecks import Bottleneck
    from offtake.plan.evaluate import Evaluated, GapEstimate
    from offtake.plan.findings import Finding
    from offtake.plan.hedge import Hedged
    from offtake.plan.problem import Float, Problem
    from offtake.plan.worth import Worth
    from offtake.spec.outlook import Outlook

__all__ = ["Hedge", "Told", "foresight_of", "mixed_findings", "worst_certificate"]


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


def mixed_findings(each: Sequence[Sequence[Finding]], probability: Float) -> list[Finding]:
    """Tell what the paths could not do: each finding once, with the share of the probability in which it stands.

    Findings about the same are one, told as on the path where most is missing, else on the most probable of its paths; the order is that
    of the paths.

    Examples
    --------
    >>> from offtake.plan.findings import Finding
    >>> def cash(bn):
    ...     return Finding(severity="warning", code="F102", message=f"needs a loan of {bn} bn USD", about="developer", size=bn)
    >>> [f.message for f in mixed_findings([[cash(3)], [], [cash(2)]], np.array([0.2, 0.5, 0.3]))]
    ['in 2 of 3 paths (50 % of the probability), worst in path 0: needs a loan of 3 bn USD']
    """
    found: dict[tuple[str, str, str], list[tuple[int, Finding]]] = {}
    for path, own in enumerate(each):
        for finding in own:
            found.setdefault((finding.severity, finding.code, finding.about or finding.message), []).append(
                (path, finding)
            )
    told = []
    for rows in found.values():
        paths = sorted({path for path, _ in rows})
        path, finding = max(rows, key=lambda row: (row[1].size, probability[row[0]], -row[0]))
        differ = len({f.message for _, f in rows}) > 1
        told_as = f"{'worst' if differ and finding.size else 'as'} in path {path}"
        if len(paths) < len(each):
            share = f"{100 * float(probability[paths].sum()):.2g} %"
            head = f"in {len(paths)} of {len(each)} paths ({share} of the probability), {told_as}: "
        else:
            head = f"in all paths, {told_as}: " if differ else ""
        told.append(replace(finding, message=head + finding.message, short=any(f.short for _, f in rows)))
    return told


def worst_certificate(each: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Put the certificates of all paths together: every violation the largest of any path, sound only where all are."""
    first = each[0]
    found: dict[str, Any] = {"paths": len(each)}
    for key, value in first.items():
        own = [c[key] for c in each]
        if isinstance(value, dict):
            found[key] = worst_certificate(own)
        elif isinstance(value, bool):
            found[key] = all(own)
        elif key == "failures":
            found[key] = [f"path {p}: {words}" for p, failures in enumerate(own) for words in failures]
        elif key in ("objective", "objective_recomputed", "bound", "dual_objective", "model_hash"):
            found[key] = own
        elif key == "money_difference_at":
            found[key] = own[int(np.argmax([c["money_difference_usd"] for c in each]))]
        elif isinstance(value, float | int) and all(isinstance(v, float | int) for v in own):
            found[key] = max(own)
        else:
            found[key] = value if all(v == value for v in own) else own
    return found
