"""The tree of what can be told apart when: paths that look alike at a stage share that stage's decisions.

At a stage a planner knows some innovations and not the others. Paths whose known innovations agree are one; of the rest, those are
put together whose conditional outlook (what one expects from then on, given what is known then) is alike: Ward's method, which
merges the two clusters whose union adds least to the sum over paths of probability × squared distance to the cluster's mean. A cluster
of one stage is never split over two of the stage before, so that the clusters are a tree.

Axes ``[path, stage]`` and ``[path, period]``. A node is called by the smallest number of the paths in it.

References
----------
Ward, "Hierarchical Grouping to Optimize an Objective Function", Journal of the American Statistical Association 58 (1963) 236-244.
Lance and Williams, "A General Theory of Classificatory Sorting Strategies", The Computer Journal 9 (1967) 373-380 (the update).
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from offtake.errors import OfftakeError
from offtake.outlook.reduction import features
from offtake.outlook.sampling import conditional

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from offtake.dates import Grid
    from offtake.outlook.futures import Futures
    from offtake.spec.outlook import Outlook, Stage

    Float = NDArray[np.float64]
    Int = NDArray[np.int64]

__all__ = ["Tree", "View", "nested", "tree"]

NOW, STAGES, PATH = "now", "stages", "path"
"""The timings of `outlook.decide` that are no name of a stage (the first stage is called as the first of them)."""

_DIGITS = 9
"""Decimals of a feature, which is of the order of one, that count: the rest is rounding and must not decide a tie."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """Which paths share which decisions.

    Parameters
    ----------
    stages : tuple of str        names, the first is "now"
    starts : tuple of int        first period of each stage, 0 first, rising
    node : int64[path, stage]    number of the node; all 0 in the first stage
    """

    stages: tuple[str, ...]
    starts: tuple[int, ...]
    node: Int

    def __len__(self) -> int:
        """Count the paths."""
        return len(self.node)

    def position(self, stage: str) -> int:
        """Return which stage has the name; KeyError lists what there is."""
        if stage not in self.stages:
            msg = f"no stage is called {stage!r}; there are {', '.join(self.stages)}"
            raise KeyError(msg)
        return self.stages.index(stage)

    def at(self, stage: str) -> Int:
        """Return the node of each path at a stage : int64[path]."""
        return self.node[:, self.position(stage)]

    def groups(self, stage: str) -> tuple[Int, ...]:
        """Return the paths of each node of a stage, in the order of the nodes' numbers."""
        node = self.at(stage)
        return tuple(np.flatnonzero(node == number) for number in np.unique(node))

    def merged(self, stage: str) -> Tree:
        """Return the tree in which a stage's decisions are taken knowing no more than at the stage before.

        The value of the plan less its value on this tree is what waiting until that stage is worth.

        Raises
        ------
        ValueError    the first stage: nothing is known before it
        """
        k = self.position(stage)
        if k == 0:
            msg = "nothing is known before the first stage"
            raise ValueError(msg)
        node = self.node.copy()
        node[:, k] = node[:, k - 1]
        return replace(self, node=node)

    def representative(self, timing: str, periods: int) -> Int:
        """Return the path whose decision each path shares in each period : int64[path, period].

        Parameters
        ----------
        timing : str     of a decision: "now": one decision for all paths, in all periods. "stages": one for each node of the stage that
                         a period belongs to. The name of a later stage: one for all until that stage begins, its nodes from then on.
                         "path": each path its own
        periods : int    of the grid

        Examples
        --------
        >>> tree = Tree(stages=("now", "2y"), starts=(0, 2), node=np.array([[0, 0], [0, 1], [0, 1]]))
        >>> tree.representative("stages", 3).tolist()
        [[0, 0, 0], [0, 0, 1], [0, 0, 1]]
        """
        shape = (len(self), periods)
        if timing == PATH:
            return np.broadcast_to(np.arange(len(self))[:, None], shape).copy()
        if timing == NOW:
            return np.zeros(shape, dtype=np.int64)
        first = 0 if timing == STAGES else self.starts[self.position(timing)]
        stage = np.searchsorted(self.starts, np.arange(periods), side="right") - 1
        node = self.node[:, stage]
        node[:, :first] = 0
        return node


def tree(outlook: Outlook, grid: Grid, futures: Futures, stages: Sequence[Stage], *, nodes: Sequence[int] = ()) -> Tree:
    """Build the tree of the paths: at each stage, clusters by what one then expects from there on.

    Of P different paths and S stages, stage k has at most ``P ** (k / (S - 1))`` nodes, rounded: one now, one a path at the last. It has
    fewer where less is known. Permuted paths give the permuted tree; a path written twice with half its probability, the same clusters.

    Parameters
    ----------
    outlook : Outlook
    grid : Grid
    futures : Futures             of this outlook and grid
    stages : sequence of Stage    in order of time, the first one now: `Outlook.stages_on`
    nodes : sequence of int       how many nodes each stage may have, in place of the rule

    Raises
    ------
    OfftakeError                  the first stage is not now, or a stage begins in no later period than the one before
    """
    starts = tuple(stage.period for stage in stages)
    if not starts or starts[0] != 0:
        raise OfftakeError("the first stage is `now`")
    for before, stage in itertools.pairwise(stages):
        if stage.period <= before.period:
            raise OfftakeError(
                f"the stage {stage.name!r} begins in no later period than {before.name!r}, the stage before it"
            )
    different = len(np.unique(futures.innovations, axis=0))
    views = [View.blank(len(futures))]
    for k, start in enumerate(starts[1:], start=1):
        expected = conditional(outlook, grid, futures, start)
        views.append(
            View(
                known=futures.innovations[:, futures.known <= start],
                points=features(expected, grid=grid, first_period=start),
                most=nodes[k] if nodes else round(different ** (k / (len(starts) - 1))),
            )
        )
    names = tuple(stage.name for stage in stages)
    return Tree(stages=names, starts=starts, node=nested(views, futures.probability))


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What can be seen at one stage.

    Parameters
    ----------
    known : float64[path, known]      the innovations that are known: paths that agree in all of them are one
    points : float64[path, feature]   the conditional outlook as a point
    most : int                        how many nodes the stage may have
    """

    known: Float
    points: Float
    most: int

    @classmethod
    def blank(cls, paths: int) -> View:
        """Return the view of one who knows nothing yet."""
        nothing = np.zeros((paths, 0))
        return cls(known=nothing, points=nothing, most=1)


def nested(views: Sequence[View], probability: Float) -> Int:
    """Cluster the paths at each stage, within the clusters of the stage before : int64[path, stage].

    A stage has more nodes than it may where the stage before has as many.

    Examples
    --------
    Four paths; at the second stage one of two innovations is known, at the last both:

    >>> known = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    >>> views = [View(known=known[:, :k], points=known[:, :k], most=4) for k in range(3)]
    >>> nested(views, np.full(4, 0.25)).tolist()
    [[0, 0, 0], [0, 0, 1], [0, 2, 2], [0, 2, 3]]
    """
    paths = len(probability)
    node = np.zeros((paths, len(views)), dtype=np.int64)
    parent = np.zeros(paths, dtype=np.int64)
    for k, view in enumerate(views):
        # Units in the order of their innovations, not of the paths: a permutation of the paths then changes nothing.
        _, first, unit = np.unique(view.known, axis=0, return_index=True, return_inverse=True)
        unit = unit.reshape(paths)
        if view.known.shape[1] == 0:
            first, unit = np.zeros(1, dtype=np.int64), np.zeros(paths, dtype=np.int64)
        weight: Float = np.bincount(unit, weights=probability).astype(np.float64)
        cluster = _ward(np.round(view.points[first], _DIGITS), weight, parent[first], view.most)
        parent = node[:, k] = _numbered(cluster[unit])
    return node


def _ward(points: Float, weight: Float, parent: Int, most: int) -> Int:
    """Merge units of the same parent until there are no more than `most` clusters : int64[unit], the first unit of each's cluster."""
    count = len(weight)
    cost = _costs(points, weight, parent)
    cluster = np.arange(count)
    weight = weight.copy()
    least, nearest = cost.min(axis=1), cost.argmin(axis=1)
    for _ in range(count - most):
        a = int(np.argmin(least))
        b = int(nearest[a])
        if not np.isfinite(least[a]):
            break  # what is left is of different parents
        a, b = min(a, b), max(a, b)
        merged = _updated(cost, weight, a, b)
        weight[a] += weight[b]
        cluster[cluster == b] = a
        cost[a], cost[:, a] = merged, merged
        cost[b], cost[:, b] = np.inf, np.inf
        stale = np.flatnonzero((nearest == a) | (nearest == b))
        stale = np.union1d(stale, [a, b])
        nearer = merged < least
        least[nearer], nearest[nearer] = merged[nearer], a
        least[stale], nearest[stale] = cost[stale].min(axis=1), cost[stale].argmin(axis=1)
    return cluster


def _costs(points: Float, weight: Float, parent: Int) -> Float:
    """Return what the merger of two units adds to the sum of squares : float64[unit, unit]; infinite across parents."""
    from scipy.spatial.distance import cdist

    squares = cdist(points, points, "sqeuclidean") if points.shape[1] else np.zeros((len(points), len(points)))
    cost: Float = _harmonic(weight[:, None], weight[None, :]) * squares
    cost[parent[:, None] != parent[None, :]] = np.inf
    np.fill_diagonal(cost, np.inf)
    return cost


def _updated(cost: Float, weight: Float, a: int, b: int) -> Float:
    """Return the cost of merging each other cluster with the union of a and b (Lance and Williams)."""
    merged: Float = np.full(len(weight), np.inf)
    others = np.isfinite(cost[a]) & np.isfinite(cost[b])  # the same parent, neither a nor b
    w, total = weight[others], weight[a] + weight[b] + weight[others]
    mixed = (weight[a] + w) * cost[a, others] + (weight[b] + w) * cost[b, others] - w * cost[a, b]
    merged[others] = np.divide(np.maximum(mixed, 0.0), total, out=np.zeros_like(mixed), where=total > 0.0)
    return merged


def _harmonic(one: Float, other: Float) -> Float:
    total = one + other
    product: Float = np.divide(one * other, total, out=np.zeros_like(total), where=total > 0.0)
    return product


def _numbered(cluster: Int) -> Int:
    """Call each cluster by the smallest number of a path in it."""
    _, first, which = np.unique(cluster, return_index=True, return_inverse=True)
    numbers: Int = first.astype(np.int64)[which]
    return numbers
