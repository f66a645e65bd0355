"""What binds, when, and what one more unit is worth.

The price of a limit is the derivative of the optimum by that limit, from the linear program at this plan's yes/no choices (counts
free), divided by discount and, for a limit that lasts, by the length of the period: ``USD/MW-year``.  A limit on something that could
not be had at all then (a chip not yet launched, power before the first phase could stand) has a formal price only; it is shown as
binding, without one.

Over several paths, a limit on what the tree ties is the same row on every path of a node, and the solver puts its price on any of them.
Such rows are one limit: their prices are summed, and the limit binds on all of these paths at one price.  The supply of a chip is what
its maker promises: one more order accepted, of which each path delivers its part.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from offtake.dates import discount_factors
from offtake.lp.prices import unit_price
from offtake.lp.tails import stressed_probability
from offtake.plan import scales
from offtake.plan.problem import PARTIES

if TYPE_CHECKING:
    from offtake.plan.problem import Bool, Float, Party, Problem
    from offtake.plan.solve import Solved

SMALL = 1e-6
"""A price below this, in model units, is the solver's dust."""

ALIKE = 1e-9
"""Rows that differ by less of their size are the same row, added up in another order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitKind:
    """One family of limits: where its price stands and in what unit it is told.

    Attributes
    ----------
    block : str ; column : bool     a column block's upper bound (or lower, for cash), else a row block
    kind : str                      what it is about, for the ribbon
    title : str                     with the item's label
    unit : str ; usd : float        what a dual of 1 is in that unit before discount and duration
    lasts : bool                    a limit per period (divide by its length)
    parts : bool                    the rows of one period are parts of one limit: their prices are added up
    through : str                   row block by which a path's own column is held to a decision that paths share
    could : function of the problem -> bool[path, period, item]: could more have been had then
    """

    block: str
    kind: str
    title: str
    unit: str
    usd: float
    column: bool = False
    lasts: bool = True
    sign: float = 1.0
    parts: bool = False
    through: str = ""
    could: Callable[[Problem], Bool] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bottleneck:
    """One limit in one period.

    Attributes
    ----------
    price : float or None     of one more unit [unit]; None where nothing could be had then; over several paths the expectation as
                              the risk measure weighs it, by stressed probabilities
    binding : bool            on any path
    worth_usd : float         price in present value of one unit over the period [USD]
    share : float [frac]      probability of the paths on which it binds
    by_path : prices by path  in that path's money, not weighed by the risk measure; empty with one path
    """

    limit: str
    kind: str
    block: str
    item: str
    period: str
    index: int
    price: float | None
    unit: str
    binding: bool
    worth_usd: float
    share: float = 1.0
    by_path: tuple[float | None, ...] = ()


def _can_connect(problem: Problem) -> Bool:
    able: Bool = problem.sites.energised_weights.sum(axis=3).transpose(0, 2, 1) > 0
    return able


def _cannot_yet(problem: Problem) -> Bool:
    """Power that stands as it is: no phase begun now could be in service."""
    return ~_can_connect(problem)


def _is_made(problem: Problem) -> Bool:
    made: Bool = problem.chips.supply_chip > 0
    return made


def limit_kinds(problem: Problem) -> list[LimitKind]:
    """List the families of limits that a problem has."""
    return [
        *_SITES_AND_CHIPS,
        *_USES,
        *(kind for party in PARTIES for kind in _money(problem.finance[party].name, party)),
    ]


_SITES_AND_CHIPS = (
    LimitKind(
        block="interconnection",
        kind="interconnection",
        title="interconnection at {}",
        unit="USD/MW-year",
        usd=scales.USD,
        through="standing",
        could=_can_connect,
    ),
    LimitKind(
        block="phases",
        column=True,
        kind="construction",
        title="building pace at {}",
        unit="USD/phase",
        usd=scales.USD,
        lasts=False,
    ),
    LimitKind(
        block="chip_supply",
        kind="chips",
        title="supply of {}",
        unit="USD/chip",
        usd=scales.USD / scales.CHIP,
        lasts=False,
        could=_is_made,
    ),
    LimitKind(
        block="ceiling",
        kind="commitment",
        title="capacity ceiling of the contract",
        unit="USD/MW-year",
        usd=scales.USD,
        parts=True,
    ),
)
"""What holds back what is built."""

_USES = (
    LimitKind(
        block="tokens",
        column=True,
        kind="demand",
        title="demand {}",
        unit="USD/Mtok",
        usd=scales.USD / (scales.TOK / 1e6),
        lasts=False,
    ),
    LimitKind(
        block="rented",
        column=True,
        kind="outside",
        title="outside supply {}",
        unit="USD/chip-h",
        usd=scales.USD / scales.CHIP_H,
        lasts=False,
    ),
    LimitKind(
        block="training_rate",
        kind="other",
        title="shortest duration of {}",
        unit="USD/Yflop",
        usd=scales.USD,
        lasts=False,
    ),
)
"""What holds back what is done with chips, or rented instead."""


def _money(name: str, party: Party) -> tuple[LimitKind, LimitKind]:
    """Give the limits of a party's money, by its name."""
    return (
        LimitKind(block=f"facility_{party}", kind="cash", title=f"credit line of {name}", unit="USD/USD-year", usd=1.0),
        LimitKind(
            block=f"cash_{party}",
            column=True,
            kind="cash",
            title=f"least cash of {name}",
            unit="USD/USD",
            usd=1.0,
            lasts=False,
            sign=-1.0,
        ),
    )


def bottlenecks(solved: Solved, *, path: int = 0) -> list[Bottleneck]:
    """Price every limit in every period; a limit that never binds is left out."""
    problem = solved.built.problem
    found: list[Bottleneck] = []
    for kind in limit_kinds(problem):
        found += _of_kind(solved, kind, path)
    return found + _standing_power(solved, path)


def over_paths(solved: Solved) -> list[Bottleneck]:
    """Price every limit in every period over the paths of a tree: the expectation, the price on each path, and how often it binds.

    A path's price is divided by its stressed probability: what one more unit would be worth in that path's money.  A path on which the
    risk measure puts no weight has no price but that of a limit that it shares with others.
    """
    chance = solved.built.problem.probability
    weight = _weight(solved)
    found: dict[tuple[str, str, int], list[Bottleneck | None]] = {}
    for path in range(len(chance)):
        for b in bottlenecks(solved, path=path):
            found.setdefault((b.block, b.item, b.index), [None] * len(chance))[path] = b
    return [_over(group, chance, weight) for group in found.values()]


def _over(group: Sequence[Bottleneck | None], chance: Float, weight: Float) -> Bottleneck:
    known = [b for b in group if b is not None]
    binds = np.array([b is not None and b.binding for b in group])
    prices = tuple(0.0 if b is None else b.price for b in group)
    had = [p for p in prices if p is not None]
    return replace(
        known[0],
        price=float(weight @ np.array([p or 0.0 for p in prices])) if had else None,
        binding=bool(binds.any()),
        worth_usd=sum(b.worth_usd for b in known),
        share=float(chance @ binds),
        by_path=prices,
    )


def _weight(solved: Solved) -> Float:
    """Return the probabilities that the priced program gives to the paths : float64[path]."""
    return stressed_probability(solved.built.model, solved.priced, solved.built.problem.probability)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """Prices of a family on one path, in model units : [period, item] each.

    Attributes
    ----------
    price : float64     in the path's own money
    part : float64      what it adds to the objective per unit
    binds : bool        there is a price on this path, or on one that shares the limit with it
    """

    price: Float
    part: Float
    binds: Bool
    labels: tuple[str, ...]


def _read(solved: Solved, kind: LimitKind, path: int) -> _Read | None:
    """Read the prices of a family; None where the problem has no such limit."""
    model, prices = solved.built.model, solved.priced
    blocks = model.column_blocks if kind.column else model.row_blocks
    if kind.block not in blocks or not prices.priced:
        return None
    block = model.column_block(kind.block) if kind.column else model.row_block(kind.block)
    dual = block.take(prices.column_price if kind.column else prices.row_price) * kind.sign
    if kind.block == "tokens":
        dual[path] += _of_demand(solved, dual[path] > SMALL, path)
    dual = dual.reshape(*dual.shape[:2], -1)
    same = _same(solved, kind, path).reshape(dual.shape)
    weight = _weight(solved)[:, None, None]
    whole, counted = (dual * same).sum(axis=0), (weight * same).sum(axis=0)
    price = np.divide(whole, counted, out=np.zeros_like(whole), where=counted > 0)
    labels = block.axes[2].labels if len(block.axes) > 2 else ("",)
    binds = whole > SMALL
    if kind.parts:
        price, binds, labels = price.sum(axis=1, keepdims=True), binds.any(axis=1, keepdims=True), ("",)
    return _Read(price=price, part=price * weight[path], binds=binds, labels=labels)


def _same(solved: Solved, kind: LimitKind, path: int) -> Bool:
    """Say on which paths a limit is the very limit of this path : bool[path, period, item].

    Rows are the same if they have one limit and are equal at a point taken at random: then they are equal everywhere.  A path's own
    column that reaches the shared decision which bounds it stands for that decision.
    """
    model, problem = solved.built.model, solved.built.problem
    if kind.column:
        shape = model.column_block(kind.block).shape
        tied = problem.ties.phases if kind.block == "phases" else np.arange(shape[0])[:, None]
        own: Bool = np.broadcast_to((tied == tied[path]).reshape(*tied.shape, *[1] * (len(shape) - 2)), shape)
        return own
    block = model.row_block(kind.block)
    point = np.random.default_rng(len(solved.priced.x)).uniform(1.0, 2.0, len(solved.priced.x))
    value = block.expr.value(point)
    if kind.through:
        bound = model.row_block(kind.through)
        reached = bound.expr.value(solved.priced.x) > bound.upper - SMALL
        value = value - np.where(reached, bound.expr.value(point), 0.0)
    there = (block.index >= 0) & (block.index[path] >= 0)
    limits = np.isclose(block.upper, block.upper[path], rtol=ALIKE)
    alike: Bool = there & limits & np.isclose(value, value[path], rtol=ALIKE, atol=0.0)
    return alike


def _of_demand(solved: Solved, served: Bool, path: int) -> Float:
    """Return what the volume of demand adds to the objective beside its bound : [period, demand step].

    Where a training run opens demand, the volume stands in the opening row too; and each token more that is asked for and not served
    costs the penalty.
    """
    problem, model = solved.built.problem, solved.built.model
    more = np.zeros(served.shape)
    if "capability" in model.row_blocks:
        block = model.row_block("capability")
        steps = [problem.demand.ids.index(label) for label in block.axes[2].labels]
        runs = [problem.runs.ids.index(problem.demand.needs[d]) for d in steps]
        opened = solved.built.physics.training.open_after.value(solved.priced.x)[path][:, runs]
        more[:, steps] = block.take(solved.priced.row_price)[path] * opened
    fine = problem.goal.unserved_usd_per_mtok * scales.TOK / 1e6 / scales.USD
    factors = discount_factors(problem.grid.mids, rate_frac_per_y=problem.goal.rate_frac_per_y, on=problem.grid.start)
    reached = served | (more > SMALL)
    fines = np.where(reached, fine * factors[:, None], 0.0) * _weight(solved)[path]
    added: Float = more - fines
    return added


def _of_kind(solved: Solved, kind: LimitKind, path: int) -> Sequence[Bottleneck]:
    read = _read(solved, kind, path)
    if read is None:
        return []
    could = kind.could(solved.built.problem)[path] if kind.could else np.ones(read.price.shape, dtype=bool)
    return _told(solved, kind, read, could=could)


def _told(solved: Solved, kind: LimitKind, read: _Read, *, could: Bool) -> list[Bottleneck]:
    problem = solved.built.problem
    grid = problem.grid
    factors = discount_factors(grid.mids, rate_frac_per_y=problem.goal.rate_frac_per_y, on=grid.start)
    length = grid.years_long if kind.lasts else np.ones(len(grid))
    told = unit_price(read.price * kind.usd, discount=factors[:, None], years=length[:, None])
    found = []
    for i, item in enumerate(read.labels):
        if not read.binds[:, i].any():
            continue
        for t, period in enumerate(grid.labels):
            binds = bool(read.binds[t, i])
            price = float(told[t, i]) if could[t, i] else None
            found.append(
                Bottleneck(
                    limit=kind.title.format(item),
                    kind=kind.kind,
                    block=kind.block,
                    item=item,
                    period=period,
                    index=t,
                    price=price if binds or price is None else 0.0,
                    unit=kind.unit,
                    binding=binds,
                    worth_usd=float(read.part[t, i]) * kind.usd if could[t, i] else 0.0,
                )
            )
    return found


def _standing_power(solved: Solved, path: int) -> list[Bottleneck]:
    """Energised power in the periods in which it stands as it is."""
    kind = LimitKind(block="power", kind="power", title="energised power at {}", unit="USD/MW-year", usd=scales.USD)
    read = _read(solved, kind, path)
    if read is None:
        return []
    fixed = _cannot_yet(solved.built.problem)[path]
    return _told(solved, kind, replace(read, binds=read.binds & fixed), could=np.zeros(fixed.shape, dtype=bool))
