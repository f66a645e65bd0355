"""Which assumptions are worth solving: the first-order change of the gain against no alliance, for many worlds at once.

At the optimum ``z(d') - z(d)`` is, to first order in the data, the change of the Lagrangian at the same point and prices:

    L(d) = c x + y (b - A x) + z (u - x)

Worlds that differ in arrays with a path axis alone are paths of one problem, and are built at one go; the rest are built one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from offtake.errors import OfftakeError
from offtake.plan.build import build
from offtake.plan.compile import compile_problem
from offtake.plan.futures import BY_PATH, BY_PATH_OF_MONEY
from offtake.plan.problem import Chips, Finance, Goal, Problem, Sites, Ties

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from offtake.lp.blocks import Block, Registry
    from offtake.plan.build import Built
    from offtake.plan.inputs import Inputs
    from offtake.plan.problem import Float
    from offtake.plan.run import Outcome
    from offtake.plan.solve import Solved
    from offtake.risk.assumption import Assumption

__all__ = ["changes", "screen", "stacked"]

FINE = 4
"""For so many times the assumptions that are solved, the change without the alliance is taken off too."""

TOGETHER = 3
"""Worlds built at one go.  Eight took no less time in a whole run of the alliance and 80 MB more."""

TERMS = 4_000_000
"""Most entries of all rows in one build: a prepaid contract over many intervals has a million in one world, 90 bytes each at the peak."""

ONE_PATH: tuple[tuple[type, str], ...] = ((Sites, "interconnected_mw"), (Finance, "limit_usd"))
"""Arrays by path whose largest value over paths limits every path: as paths of one problem, worlds would touch each other."""

SPREAD: dict[tuple[type, str], int] = {
    (Sites, "starts_cap"): 0,
    (Sites, "left_frac"): 0,
    (Chips, "availability_frac"): 1,
    (Chips, "goodput_frac"): 1,
    (Finance, "cash_usd"): 1,
    (Goal, "site_value_frac"): 2,
    (Goal, "opening_sites_usd"): 0,
}
"""What has no path axis, but is only ever added or multiplied in: it is given one, with so many axes of length 1 before its own."""

UNREAD: tuple[tuple[type, str], ...] = ((Sites, "in_service"), (Finance, "own_rate_frac_per_y"), (Problem, "scenario"))
"""What no row, column or cost depends on; of the scenario, see `_terms`."""


def screen(
    base: Outcome,
    assumptions: Sequence[Assumption],
    values: Mapping[str, float],
    *,
    most: int,
    stopped: Callable[[], bool] = lambda: False,
) -> list[Assumption]:
    """Pick the assumptions with the largest first-order effect on the value against no alliance.

    The effect is taken at the end that lies farther from the base; without the alliance only for those that move the plan most.

    Parameters
    ----------
    values : mapping of path to float     the base value of each assumption
    stopped : callable                    once it says so, nothing more is built
    """
    worlds: dict[int, Inputs] = {}
    problems: dict[int, Problem] = {}
    for k, assumption in enumerate(assumptions):
        try:
            worlds[k] = assumption.world(_far_end(assumption, values[assumption.path]))
            problems[k] = compile_problem(worlds[k])
        except OfftakeError:
            continue  # that world has no plan, or there is no time for it
    rough = _ranked(changes(base.alliance.solved, problems, stopped=stopped))[: FINE * most]
    apart = {k: compile_problem(worlds[k], alliance=False) for k, _ in rough}
    without = changes(base.without.solved, apart, stopped=stopped)
    fine = _ranked({k: effect - without[k] for k, effect in rough if k in without})
    return [assumptions[k] for k, _ in fine[:most]]


def _far_end(assumption: Assumption, value: float) -> float:
    return max((assumption.low, assumption.high), key=lambda end: abs(end - value))


def _ranked(effects: Mapping[int, float]) -> list[tuple[int, float]]:
    """Sort by size, the largest first; of equal ones the first in the file."""
    return sorted(effects.items(), key=lambda row: (-abs(row[1]), row[0]))


def changes(
    solved: Solved, problems: Mapping[int, Problem], *, stopped: Callable[[], bool] = lambda: False
) -> dict[int, float]:
    """Return the change of the Lagrangian at a solved problem's point and prices, in M USD, for each of other one-path problems.

    A world may open or close columns and rows (a longer lead time does); what has no twin counts as zero.
    """
    base = solved.built.problem
    by_path = all(b.axes and b.axes[0].name == "path" for b in _blocks(solved.built))
    alike = [k for k, problem in problems.items() if by_path and _same_but_by_path(base, problem)]
    terms = sum(block.expr.nonzeros for block in solved.built.model.row_blocks)
    most = max(1, min(TOGETHER, TERMS // max(terms, 1)))
    batches = [alike[n : n + most] for n in range(0, len(alike), most)]
    batches += [[k] for k in problems if k not in set(alike)]
    found: dict[int, float] = {}
    for batch in batches:
        if stopped():
            break
        found |= dict(zip(batch, _changed([problems[k] for k in batch], solved), strict=True))
    return {k: found[k] for k in problems if k in found}


def _changed(worlds: Sequence[Problem], solved: Solved) -> list[float]:
    """Build some worlds, and let go of what was built before the next are."""
    change: Float = lagrangian(build(stacked(worlds)), solved) - solved.priced.objective
    numbers: list[float] = change.tolist()
    return numbers


def _blocks(built: Built) -> list[Block]:
    return [*built.model.column_blocks, *built.model.row_blocks]


# -- many worlds in one problem ----------------------------------------------------------------------------------------


def stacked(problems: Sequence[Problem]) -> Problem:
    """Return one problem whose paths are these one-path problems, which differ in nothing else; no decision is shared."""
    first, count = problems[0], len(problems)
    if count == 1:
        return first
    widened: Problem = _with_paths(first, problems)
    return replace(
        widened,
        paths=tuple(f"world-{k + 1}" for k in range(count)),
        probability=np.full(count, 1.0 / count),
        ties=Ties.alone(count, len(first.grid)),
        finance={p: _with_paths(m, [other.finance[p] for other in problems]) for p, m in first.finance.items()},
        **{
            f.name: _with_paths(getattr(first, f.name), [getattr(p, f.name) for p in problems])
            for f in fields(first)
            if is_dataclass(getattr(first, f.name)) and f.name not in ("ties", "grid", "pay")
        },
    )


def _with_paths(first: Any, parts: Sequence[Any]) -> Any:  # noqa: ANN401  (one of the dataclasses of a problem)
    """Join the arrays by path of equal parts of several problems, and spread what may be."""
    kind = type(first)
    names = BY_PATH_OF_MONEY if kind is Finance else BY_PATH.get(kind, ())
    joined: dict[str, Any] = {name: np.concatenate([getattr(p, name) for p in parts]) for name in names}
    for (owner, name), between in SPREAD.items():
        if owner is kind:
            each = np.stack([np.asarray(getattr(p, name), dtype=np.float64) for p in parts])
            joined[name] = each.reshape(len(parts), *[1] * between, *each.shape[1:])
    return replace(first, **joined)


def _same_but_by_path(one: Any, other: Any) -> bool:  # noqa: ANN401  (a problem, or a part of one)
    """Say whether two one-path problems, or two parts of them, differ in nothing but what paths may differ in."""
    kind = type(one)
    if kind is not type(other):
        return False
    if isinstance(one, np.ndarray):
        return one.shape == other.shape and bool((one == other).all())
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_same_but_by_path(v, other[k]) for k, v in one.items())
    if kind.__module__ != Problem.__module__:
        return bool(one == other)
    if kind is Problem and _terms(one) != _terms(other):
        return False
    free = set(BY_PATH_OF_MONEY if kind is Finance else BY_PATH.get(kind, ()))
    free -= {name for owner, name in ONE_PATH if owner is kind}
    free |= {name for owner, name in (*SPREAD, *UNREAD) if owner is kind}
    mine = ((f.name, getattr(one, f.name), getattr(other, f.name)) for f in fields(one))
    return all(np.shape(a) == np.shape(b) if name in free else _same_but_by_path(a, b) for name, a, b in mine)


def _terms(problem: Problem) -> tuple[object, ...]:
    """Return what a build reads of the scenario itself: the contract, names, and when chips come and leave."""
    scenario = problem.scenario
    dates = tuple((c.id, c.lead_time_months, c.delay_months, c.opening) for c in scenario.chips)
    return scenario.contract, scenario.channels, dates


# -- the Lagrangian ----------------------------------------------------------------------------------------------------


def lagrangian(built: Built, solved: Solved) -> Float:
    """Value of each path at the point and prices of a one-path solve, priced limits included : float64[path] [M USD]."""
    model, old, priced = built.model, solved.built.model, solved.priced
    x = np.zeros(model.column_blocks.count)
    for block, there in _twins(model.column_blocks, old.column_blocks):
        x[block.numbers] = block.spread(np.broadcast_to(there.take(priced.x), block.shape))
    value: Float = np.array(built.score.value(x))
    for block, there in _twins(model.row_blocks, old.row_blocks):
        price = np.where(block.index >= 0, there.take(priced.row_price), 0.0)
        const = block.expr.const
        used = block.expr.value(x) - const
        value += _by_path(_limits(price, block.lower - const, block.upper - const) - price * used, len(value))
    for block, there in _twins(model.column_blocks, old.column_blocks):
        price = np.where(block.index >= 0, there.take(priced.column_price), 0.0)
        here = np.where(block.index >= 0, there.take(priced.x), 0.0)
        value += _by_path(_limits(price, block.lower, block.upper) - price * here, len(value))
    return value


def _twins(new: Iterable[Any], old: Registry[Any]) -> list[tuple[Any, Any]]:
    """Pair each block with that of the same name in the one-path program, where all but their paths agree."""
    found = [(block, old.named(block.name)) for block in new if block.name in old]
    return [(b, there) for b, there in found if b.shape == there.shape or _path_apart(b) == _path_apart(there)]


def _path_apart(block: Block) -> tuple[int, ...] | None:
    return block.shape[1:] if block.axes and block.axes[0].name == "path" else None


def _limits(price: Float, lower: Float, upper: Float) -> Float:
    """Prices times the limits that they belong to: the upper one where positive, the lower one where negative."""
    up = np.where((price > 0) & np.isfinite(upper), upper, 0.0)
    down = np.where((price < 0) & np.isfinite(lower), lower, 0.0)
    priced: Float = price * (up + down)
    return priced


def _by_path(terms: Float, paths: int) -> Float:
    """Add up everything of a path; what has no path axis stands in a problem of one path."""
    added: Float = terms.reshape(paths, -1).sum(axis=1)
    return added
