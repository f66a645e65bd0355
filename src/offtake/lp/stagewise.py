"""A stage-wise linear program on a tree of outcomes: matrices per node, solved whole or by decomposition.

Each node n has its own columns x_n, decided when the node is reached, and rows that may look back at its parent's columns:

    lower_n <= link_n x_parent + own_n x_n <= upper_n,    low_n <= x_n <= high_n

The objective is the expected sum of cost_n x_n over the nodes.  What a later stage must know is carried by columns: a stock, a date, a
sum so far.  `StageTree.extensive` writes the whole tree as one program; `offtake.lp.decomposition` solves the first stages against cuts
of the later ones.

Examples
--------
Two stages: build x at 10 each, then serve a demand of 3 or 5 with 1 in 2 chance at 25 per unit:

>>> tree = StageTree(maximise=True)
>>> now = tree.add(cost=[-10.0])
>>> for demand in (3.0, 5.0):
...     _ = tree.add(parent=now, probability=0.5, cost=[25.0], high=demand, own=[[1.0]], link=[[-1.0]], upper=0.0)
>>> found = tree.solve()
>>> found.objective, found.x[now].tolist()    # the fourth and fifth are used half the time: 12.5 each
(50.0, [5.0])
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from offtake.errors import SolverError
from offtake.lp.build import LpArrays, compress
from offtake.lp.by_paths import solve_by_paths
from offtake.lp.highs import Solver
from offtake.lp.solution import Status
from offtake.lp.sparse import Coordinates, Floats, Ints

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from offtake.lp.solution import Solution

__all__ = ["Node", "StageTree", "TreeAnswer"]

_NO_INTS: Ints = np.zeros(0, dtype=np.int64)
_SURE = 1e-9  # probabilities of siblings may miss 1 by this


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Node:
    """One node: what is decided there, and under which limits.

    Parameters
    ----------
    number : int                           0 is the root
    parent : int or None
    stage : int                            0 at the root
    probability : float                    of the node itself: the product along its path
    cost, low, high : float64[column]
    integer : bool[column]
    own : Coordinates of (row, column); link : Coordinates of (row, parent's column)
    lower, upper : float64[row]
    name : str
    """

    number: int
    parent: int | None
    stage: int
    probability: float
    cost: Floats
    low: Floats
    high: Floats
    integer: NDArray[np.bool_]
    own: Coordinates
    link: Coordinates
    lower: Floats
    upper: Floats
    name: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TreeAnswer:
    """The solved tree.

    Parameters
    ----------
    objective : float                      expected value, in the tree's own sense
    bound : float                          no plan can be better
    x : tuple of float64[column], by node
    price : tuple of float64[row], by node    d objective / d limit, the node's probability included; empty arrays if not asked for
    iterations : int                       of the decomposition, 0 for the extensive form
    status : Status                        "optimal", or why a decomposition was stopped before: then the best plan so far
    """

    objective: float
    bound: float
    x: tuple[Floats, ...]
    price: tuple[Floats, ...]
    iterations: int = 0
    status: Status = Status.OPTIMAL

    @property
    def gap(self) -> float:
        """Distance of objective and bound over the larger of 1 and the objective's size."""
        return abs(self.objective - self.bound) / max(1.0, abs(self.objective))


@dataclass(slots=True)
class StageTree:
    """A tree under construction: add the root, then children of what is there.

    Parameters
    ----------
    maximise : bool
    nodes : list of Node
    """

    maximise: bool = False
    nodes: list[Node] = field(default_factory=list)

    def add(
        self,
        *,
        cost: ArrayLike,
        parent: int | None = None,
        probability: float = 1.0,
        low: ArrayLike = 0.0,
        high: ArrayLike = math.inf,
        integer: ArrayLike = False,
        own: ArrayLike | Coordinates | None = None,
        link: ArrayLike | Coordinates | None = None,
        lower: ArrayLike = -math.inf,
        upper: ArrayLike = math.inf,
        name: str = "",
    ) -> int:
        """Add a node and return its number.

        Parameters
        ----------
        cost : [column]                       objective coefficients
        parent : int or None                  None for the root
        probability : float                   given that the parent is reached
        low, high : [column] or one number    bounds of the columns, 0 and no bound by default
        integer : [column] or one             which columns must be whole
        own : [row, column]                   dense, or `Coordinates` of what is not zero; no rows if absent
        link : [row, parent's column]         likewise: how the parent's columns enter the rows; not at all if absent
        lower, upper : [row] or one number    limits of the rows

        Raises
        ------
        ValueError      a second root, an unknown parent, a probability outside (0, 1], or sizes that do not fit
        """
        where = name or f"node {len(self.nodes)}"
        if (parent is None) != (not self.nodes):
            raise ValueError(f"{where}: the first node is the root and has no parent; every other one has")
        if parent is not None and not 0 <= parent < len(self.nodes):
            raise ValueError(f"{where}: there is no node {parent}; there are 0 to {len(self.nodes) - 1}")
        if not 0.0 < probability <= 1.0:
            raise ValueError(f"{where}: a probability of {probability!r} is not in (0, 1]")
        above = None if parent is None else self.nodes[parent]
        c = np.atleast_1d(np.asarray(cost, dtype=np.float64))
        a = _matrix(own, columns=len(c), rows=None, what=f"{where}: own")
        b = _matrix(link, columns=0 if above is None else len(above.cost), rows=len(a), what=f"{where}: link")
        self.nodes.append(
            Node(
                number=len(self.nodes),
                parent=parent,
                stage=0 if above is None else above.stage + 1,
                probability=probability * (1.0 if above is None else above.probability),
                cost=c,
                low=_spread(low, len(c), f"{where}: low"),
                high=_spread(high, len(c), f"{where}: high"),
                integer=_spread(integer, len(c), f"{where}: integer").astype(np.bool_),
                own=a,
                link=b,
                lower=_spread(lower, len(a), f"{where}: lower"),
                upper=_spread(upper, len(a), f"{where}: upper"),
                name=where,
            )
        )
        return len(self.nodes) - 1

    def children(self, number: int) -> list[int]:
        """Return the numbers of a node's children."""
        return [n.number for n in self.nodes if n.parent == number]

    def check(self) -> None:
        """Refuse a tree without nodes, or whose children's probabilities do not sum to one."""
        if not self.nodes:
            raise ValueError("the tree has no node")
        total = np.zeros(len(self.nodes))
        for node in self.nodes[1:]:
            total[node.parent or 0] += node.probability
        for node in self.nodes:
            given = total[node.number] / node.probability
            if given and abs(given - 1.0) > _SURE:
                raise ValueError(f"{node.name}: the probabilities of its children sum to {given:.12g}, not 1")

    def extensive(self, numbers: Ints | None = None) -> LpArrays:
        """Write the tree, or some of its nodes, as one program.

        Parameters
        ----------
        numbers : int64[…], optional    nodes in rising order; links to a node that is left out are dropped
        """
        self.check()
        chosen = self.nodes if numbers is None else [self.nodes[k] for k in numbers.tolist()]
        column, row = offsets(chosen)
        rows, cols, vals = [], [], []
        for node in chosen:
            for matrix, at in ((node.own, node.number), (node.link, node.parent)):
                if at is None or at not in column:
                    continue
                rows.append(matrix.row + row[node.number])
                cols.append(matrix.col + column[at])
                vals.append(matrix.val)
        none = np.zeros(0)
        start, index, value = compress(
            np.concatenate([none.astype(np.int64), *rows]),
            np.concatenate([none.astype(np.int64), *cols]),
            np.concatenate([none, *vals]),
            sum(len(n.cost) for n in chosen),
        )
        return LpArrays(
            maximise=self.maximise,
            offset=0.0,
            cost=np.concatenate([n.cost * n.probability for n in chosen]),
            col_lower=np.concatenate([n.low for n in chosen]),
            col_upper=np.concatenate([n.high for n in chosen]),
            integer=np.concatenate([n.integer for n in chosen]),
            row_lower=np.concatenate([n.lower for n in chosen]),
            row_upper=np.concatenate([n.upper for n in chosen]),
            start=start,
            index=index,
            value=value,
        )

    def branches(self) -> tuple[Ints, Ints]:
        """Return the branch of each column and row of the extensive form: below which child of the root it stands, -1 for the root's."""
        branch = np.full(len(self.nodes), -1, dtype=np.int64)
        count = 0
        for node in self.nodes[1:]:
            branch[node.number] = count if node.parent == 0 else branch[node.parent or 0]
            count += node.parent == 0
        columns = np.repeat(branch, [len(n.cost) for n in self.nodes])
        return columns, np.repeat(branch, [len(n.lower) for n in self.nodes])

    def solve(self, *, gap: float = 0.0, by_branches: bool = False) -> TreeAnswer:
        """Solve the extensive form; with whole columns to a relative gap.

        Parameters
        ----------
        by_branches : bool     take the branches below the root for paths (offtake.lp.by_paths): quicker where there are many of them and
                               the tree has hundreds of thousands of entries; refuses whole columns

        Raises
        ------
        SolverError     infeasible, unbounded, or not solved
        """
        arrays = self.extensive()
        solution = solve_by_paths(arrays, *self.branches()) if by_branches else Solver(arrays).solve(gap=gap)
        if not solution.status.solved:
            raise SolverError(f"the tree is {solution.status}")
        return self.answer(solution)

    def answer(self, solution: Solution) -> TreeAnswer:
        """Cut a solution of the extensive form into nodes."""
        column, row = offsets(self.nodes)
        prices = solution.row_price
        return TreeAnswer(
            objective=solution.objective,
            bound=solution.bound,
            x=tuple(solution.x[column[n.number] : column[n.number] + len(n.cost)] for n in self.nodes),
            price=tuple(
                prices[row[n.number] : row[n.number] + len(n.lower)] if len(prices) else prices for n in self.nodes
            ),
        )

    def with_cvar(self, *, level: float, weight: float) -> StageTree:
        """Return the tree with part of its objective moved from the mean of the paths to their worst tail.

        (1 − weight) · mean + weight · CVaR, where CVaR is the mean of the worst 1 − level of the paths' sums (Rockafellar and
        Uryasev, Journal of Risk 2 (2000), 21-41, theorem 1).  Two columns are added to each node, the sum of the path so far and the
        quantile shared by all nodes, and one to each leaf, its distance below the quantile: risk rides on the tree's own links, so
        that every way of solving the tree solves this one too.

        Parameters
        ----------
        level : float       0.9 for the worst tenth, in [0, 1)
        weight : float      of the tail, in [0, 1]
        """
        if not (0.0 <= level < 1.0 and 0.0 <= weight <= 1.0):
            raise ValueError(f"a level of {level!r} is not in [0, 1) or a weight of {weight!r} not in [0, 1]")
        sign = 1.0 if self.maximise else -1.0
        leaves = {n.number for n in self.nodes} - {n.parent for n in self.nodes}
        made = StageTree(maximise=self.maximise)
        for node in self.nodes:
            leaf, above = node.number in leaves, None if node.parent is None else self.nodes[node.parent]
            wide, back = len(node.cost), 0 if above is None else len(above.cost)
            at, rows = len(node.own), len(node.own) + 2 + leaf
            here, spent = np.arange(wide), np.flatnonzero(node.cost)
            # Two rows: the sum so far, and the one quantile handed down.
            own = node.own.placed(0, 0, (rows, wide + 2 + leaf)).with_entries(
                [*np.full(len(spent), at), at, at + 1], [*here[spent], wide, wide + 1], [*-node.cost[spent], 1.0, 1.0]
            )
            link = node.link.placed(0, 0, (rows, back + 2)).with_entries([at, at + 1], [back, back + 1], [-1.0, -1.0])
            lower, upper = np.zeros(rows), np.zeros(rows)
            lower[:at], upper[:at] = node.lower, node.upper
            cost = np.concatenate((node.cost * (1.0 - weight), np.zeros(2 + leaf)))
            if above is None:
                cost[wide + 1] = weight
                lower[at + 1], upper[at + 1] = -math.inf, math.inf
            if leaf:
                # What is below the quantile is at least the distance of the sum from it.
                own = own.with_entries(np.full(3, at + 2), [wide, wide + 1, wide + 2], [sign, -sign, 1.0])
                upper[at + 2] = math.inf
                cost[wide + 2] = -sign * weight / (1.0 - level)
            free = np.full(2, math.inf)
            made.add(
                parent=node.parent,
                probability=node.probability / (1.0 if above is None else above.probability),
                cost=cost,
                low=np.concatenate((node.low, -free, np.zeros(int(leaf)))),
                high=np.concatenate((node.high, free, np.full(int(leaf), math.inf))),
                integer=np.concatenate((node.integer, np.zeros(2 + leaf, dtype=np.bool_))),
                own=own,
                link=None if above is None else link,
                lower=lower,
                upper=upper,
                name=node.name,
            )
        return made


def offsets(nodes: list[Node]) -> tuple[dict[int, int], dict[int, int]]:
    """Return the first column and the first row of each node in a program of these nodes."""
    column, row, j, i = {}, {}, 0, 0
    for node in nodes:
        column[node.number], row[node.number] = j, i
        j, i = j + len(node.cost), i + len(node.lower)
    return column, row


def _matrix(given: ArrayLike | Coordinates | None, *, columns: int, rows: int | None, what: str) -> Coordinates:
    """Return a matrix of the size that is needed; zeros where none is given."""
    if given is None:
        return Coordinates((rows or 0, columns), _NO_INTS, _NO_INTS, np.zeros(0))
    matrix = Coordinates.of(given)
    if matrix.shape[1] != columns or (rows is not None and matrix.shape[0] != rows):
        raise ValueError(
            f"{what} is {matrix.shape[0]} x {matrix.shape[1]}, not {'any' if rows is None else rows} x {columns}"
        )
    return matrix


def _spread(given: ArrayLike, size: int, what: str) -> Floats:
    """Repeat one number, or check that there is one for each."""
    values = np.asarray(given, dtype=np.float64)
    if values.ndim and values.shape != (size,):
        raise ValueError(f"{what} has {values.size} numbers for {size}")
    return np.array(np.broadcast_to(values, (size,)))
