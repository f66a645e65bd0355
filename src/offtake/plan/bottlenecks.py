"""What binds, when, and what one more unit is worth.

The price of a limit is the derivative of the optimum by that limit, from the linear program at this plan's yes/no choices (counts
free), divided by discount and, for a limit that lasts, by the length of the period: ``USD/MW-year``.  A limit on something that could
not be had at all then (a chip not yet launched, power before the first phase could stand) has a formal price only; it is shown as
binding, without one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from offtake.dates import discount_factors
from offtake.lp.prices import unit_price
from offtake.plan import scales
from offtake.plan.problem import PARTIES

if TYPE_CHECKING:
    from offtake.plan.problem import Bool, Float, Int, Problem
    from offtake.plan.solve import Solved

SMALL = 1e-6
"""A price below this, in model units, is the solver's dust."""


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
    could: Callable[[Problem], Bool] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bottleneck:
    """One limit in one period.

    Attributes
    ----------
    price : float or None     of one more unit [unit]; None where nothing could be had then; over several paths the expectation
    binding : bool            on any path
    worth_usd : float         price in present value of one unit over the period [USD]
    share : float [frac]      probability of the paths on which it binds
    by_path : prices by path  empty with one path
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
    musd = scales.USD
    kinds = [
        LimitKind(
            block="interconnection",
            kind="interconnection",
            title="interconnection at {}",
            unit="USD/MW-year",
            usd=musd,
            could=_can_connect,
        ),
        LimitKind(
            block="phases",
            column=True,
            kind="construction",
            title="building pace at {}",
            unit="USD/phase",
            usd=musd,
            lasts=False,
        ),
        LimitKind(
            block="chip_supply",
            kind="chips",
            title="supply of {}",
            unit="USD/chip",
            usd=musd / scales.CHIP,
            lasts=False,
            could=_is_made,
        ),
        LimitKind(
            block="ceiling", kind="commitment", title="capacity ceiling of the contract", unit="USD/MW-year", usd=musd
        ),
        LimitKind(
            block="tokens",
            column=True,
            kind="demand",
            title="demand {}",
            unit="USD/Mtok",
            usd=musd / (scales.TOK / 1e6),
            lasts=False,
        ),
        LimitKind(
            block="rented",
            column=True,
            kind="outside",
            title="outside supply {}",
            unit="USD/chip-h",
            usd=musd / scales.CHIP_H,
            lasts=False,
        ),
        LimitKind(
            block="training_rate",
            kind="other",
            title="shortest duration of {}",
            unit="USD/Yflop",
            usd=musd,
            lasts=False,
        ),
    ]
    for party in PARTIES:
        name = problem.finance[party].name
        kinds.append(
            LimitKind(
                block=f"facility_{party}", kind="cash", title=f"credit line of {name}", unit="USD/USD-year", usd=1.0
            )
        )
        kinds.append(
            LimitKind(
                block=f"cash_{party}",
                column=True,
                kind="cash",
                title=f"least cash of {name}",
                unit="USD/USD",
                usd=1.0,
                lasts=False,
                sign=-1.0,
            )
        )
    return kinds


def bottlenecks(solved: Solved, *, path: int = 0) -> list[Bottleneck]:
    """Price every limit in every period; a limit that never binds is left out."""
    problem = solved.built.problem
    found: list[Bottleneck] = []
    for kind in limit_kinds(problem):
        found += _of_kind(solved, kind, path)
    return found + _standing_power(solved, path)


def over_paths(solved: Solved) -> list[Bottleneck]:
    """Price every limit in every period over the paths of a tree: the expectation, the price on each path, and how often it binds.

    A path's price is divided by its probability: what one more unit would be worth there, as the risk measure weighs that path.
    """
    problem = solved.built.problem
    chance = problem.probability
    found: dict[tuple[str, str, int], list[Bottleneck | None]] = {}
    for path in range(len(chance)):
        for b in bottlenecks(solved, path=path):
            found.setdefault((b.block, b.item, b.index), [None] * len(chance))[path] = b
    return [_over(group, chance) for group in found.values()]


def _over(group: Sequence[Bottleneck | None], chance: Float) -> Bottleneck:
    known = [b for b in group if b is not None]
    binds = np.array([b is not None and b.binding for b in group])
    prices = tuple(0.0 if b is None else b.price for b in group)
    had = [p for p in prices if p is not None]
    return replace(
        known[0],
        price=float(chance @ np.array([p or 0.0 for p in prices])) if had else None,
        binding=bool(binds.any()),
        worth_usd=sum(b.worth_usd for b in known),
        share=float(chance @ binds),
        by_path=prices,
    )


def _duals(solved: Solved, kind: LimitKind, path: int) -> tuple[Float, tuple[str, ...]] | None:
    """Prices of a family in model units : [period, item], with the item labels."""
    model, prices = solved.built.model, solved.priced
    blocks = model.column_blocks if kind.column else model.row_blocks
    if kind.block not in blocks or not prices.priced:
        return None
    block = model.column_block(kind.block) if kind.column else model.row_block(kind.block)
    whole = prices.column_price if kind.column else prices.row_price
    problem, every = solved.built.problem, block.take(whole)
    if kind.block == "phases":
        every = _of_node(every, problem.ties.phases, problem.probability)
    dual = every[path] * kind.sign
    if kind.block == "tokens":
        dual = dual + _of_demand(solved, dual > SMALL, path)
    labels = block.axes[2].labels if len(block.axes) > 2 else ("",)
    return dual.reshape(dual.shape[0], -1), labels


def _of_demand(solved: Solved, served: Bool, path: int) -> Float:
    """Return what the volume of demand is worth beside its bound : [period, demand step].

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
    return more - np.where(reached, fine * factors[:, None], 0.0)


def _of_kind(solved: Solved, kind: LimitKind, path: int) -> Sequence[Bottleneck]:
    read = _duals(solved, kind, path)
    if read is None:
        return []
    dual, labels = read
    problem = solved.built.problem
    could = kind.could(problem)[path] if kind.could else np.ones(dual.shape, dtype=bool)
    return _told(solved, kind, dual, labels, could=could, path=path)


def _of_node(dual: Float, rep: Int, chance: Float) -> Float:
    """Share the price of a decision that paths share among them, by probability : float64[path, period, item]."""
    period = np.arange(rep.shape[1])[None, :]
    node = np.zeros(rep.shape)
    np.add.at(node, (rep, np.broadcast_to(period, rep.shape)), np.broadcast_to(chance[:, None], rep.shape))
    shared: Float = dual[rep, period] * (chance[:, None] / node[rep, period])[:, :, None]
    return shared


def _told(
    solved: Solved, kind: LimitKind, dual: Float, labels: Sequence[str], *, could: Bool, path: int
) -> list[Bottleneck]:
    problem = solved.built.problem
    grid = problem.grid
    factors = discount_factors(grid.mids, rate_frac_per_y=problem.goal.rate_frac_per_y, on=grid.start)
    length = grid.years_long if kind.lasts else np.ones(len(grid))
    chance = float(problem.probability[path])
    told = unit_price(dual * kind.usd, discount=factors[:, None], probability=chance, years=length[:, None])
    found = []
    for i, item in enumerate(labels):
        if not (dual[:, i] > SMALL).any():
            continue
        for t, period in enumerate(grid.labels):
            binds = bool(dual[t, i] > SMALL)
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
                    worth_usd=float(dual[t, i]) * kind.usd if could[t, i] else 0.0,
                )
            )
    return found


def _standing_power(solved: Solved, path: int) -> list[Bottleneck]:
    """Energised power in the periods in which it stands as it is."""
    problem = solved.built.problem
    kind = LimitKind(block="power", kind="power", title="energised power at {}", unit="USD/MW-year", usd=scales.USD)
    read = _duals(solved, kind, path)
    if read is None:
        return []
    dual, labels = read
    fixed = _cannot_yet(problem)[path]
    return _told(solved, kind, np.where(fixed, dual, 0.0), labels, could=np.zeros(dual.shape, dtype=bool), path=path)
