"""Named cases and one-at-a-time assumptions, each against no alliance.

A named case is another world and is planned in full.  An assumption is varied between its low and its high end at the base plan's yes/no
choices, as linear programs, warm, and labelled so.  Which assumptions are solved is decided by screening: the first-order change of
the optimum, from the base plan's point and prices, for every assumption with a stated range.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from offtake.errors import OfftakeError
from offtake.executors import side_by_side
from offtake.plan.build import build
from offtake.plan.compile import compile_problem
from offtake.plan.run import Outcome, plan_at
from offtake.progress import Progress, ProgressEvent, ignore

if TYPE_CHECKING:
    from offtake.lp.blocks import Block, Registry
    from offtake.lp.sparse import Floats, Ints
    from offtake.plan.inputs import Inputs
    from offtake.plan.settings import Settings
    from offtake.plan.solve import Solved


FINE = 4
"""For so many times the assumptions that are solved, the change without the alliance is taken off too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumption:
    """One varied assumption.

    Attributes
    ----------
    path : str                     dotted path in the scenario
    low, high : Inputs factory     the world at either end
    """

    path: str
    low: float
    high: float
    world: Callable[[float], Inputs]


@dataclass(frozen=True, slots=True, kw_only=True)
class Swing:
    """What one assumption does to the joint value against no alliance.

    Attributes
    ----------
    value_base_usd : float [USD]
    value_low_usd, value_high_usd : float or None [USD]   None where that world has no plan
    switches_at : float or None        value of the assumption at which the alliance is worth nothing, by linear interpolation between
                                       low, base and high; None where it does not change sign between them
    """

    assumption: Assumption
    base: float
    value_base_usd: float
    value_low_usd: float | None
    value_high_usd: float | None
    switches_at: float | None
    freed: tuple[str, ...]

    @property
    def width_usd(self) -> float:
        """Distance between the extremes of low end, base and high end [USD]: both ends may lie on one side of the base."""
        known = [v for v in (self.value_low_usd, self.value_base_usd, self.value_high_usd) if v is not None]
        return max(known) - min(known)


def screen(
    base: Outcome, assumptions: Sequence[Assumption], values: Mapping[str, float], *, most: int
) -> list[Assumption]:
    """Pick the assumptions with the largest first-order effect on the value against no alliance.

    At the optimum ``z(d') - z(d)`` is, to first order in the data, the change of the Lagrangian at the same point and prices.  It is taken
    at the end that lies farther from the base; without the alliance only for those that move the plan most.
    """
    rough: list[tuple[float, int, Inputs]] = []
    for k, assumption in enumerate(assumptions):
        value = values[assumption.path]
        far = max((assumption.low, assumption.high), key=lambda end, value=value: abs(end - value))  # type: ignore[misc]
        try:
            inputs = assumption.world(far)
            rough.append((_lagrangian_change(base.alliance.solved, inputs, alliance=True), k, inputs))
        except OfftakeError:
            continue
    rough.sort(key=lambda row: (-abs(row[0]), row[1]))
    fine = []
    for effect, k, inputs in rough[: FINE * most]:
        fine.append((abs(effect - _lagrangian_change(base.without.solved, inputs, alliance=False)), k))
    fine.sort(key=lambda row: (-row[0], row[1]))
    return [assumptions[k] for _, k in fine[:most]]


def _lagrangian_change(solved: Solved, inputs: Inputs, *, alliance: bool) -> float:
    """Change of ``c x + y (b - A x) + z (u - x)`` at the base point and prices when the data change.

    A world may open or close columns and rows (a longer lead time does); what has no twin counts as zero.
    """
    new = build(compile_problem(inputs, alliance=alliance)).model
    here = new.build()
    columns = _twins(new.column_blocks, solved.built.model.column_blocks, here.columns)
    rows = _twins(new.row_blocks, solved.built.model.row_blocks, here.rows)
    x, y, z = (
        _carried(solved.priced.x, columns),
        _carried(solved.priced.row_price, rows),
        _carried(solved.priced.column_price, columns),
    )
    value = float(here.cost @ x) + here.offset - float(y @ here.activity(x)) - float(z @ x)
    value += _priced_limits(y, here.row_lower, here.row_upper) + _priced_limits(z, here.col_lower, here.col_upper)
    return value - solved.priced.objective


def _twins(new: Iterable[Block], old: Registry[Any], count: int) -> Ints:
    """Return the number in the old program of each column (or row) of the new one, -1 where it has none."""
    found = np.full(count, -1, dtype=np.int64)
    for block in new:
        if block.name in old:
            there = old.named(block.name)
            if there.index.shape == block.index.shape:
                both = (block.index >= 0) & (there.index >= 0)
                found[block.index[both]] = there.index[both]
    return found


def _carried(values: Floats, twins: Ints) -> Floats:
    return np.where(twins >= 0, values[np.maximum(twins, 0)], 0.0)


def _priced_limits(price: Floats, lower: Floats, upper: Floats) -> float:
    """Prices times the limits that they belong to: the upper one where positive, the lower one where negative."""
    up = np.where((price > 0) & np.isfinite(upper), upper, 0.0)
    down = np.where((price < 0) & np.isfinite(lower), lower, 0.0)
    return float(price @ (up + down))


def swing(base: Outcome, assumption: Assumption, value: float, settings: Settings) -> Swing:
    """Solve an assumption at its two ends."""
    ends: list[float | None] = []
    freed: list[str] = []
    for end in (assumption.low, assumption.high):
        try:
            found = plan_at(assumption.world(end), base, settings)
        except OfftakeError:
            found = None
        ends.append(None if found is None else found.value_against_no_alliance_usd)
        freed += [] if found is None else found.freed
    middle = base.value_against_no_alliance_usd
    return Swing(
        assumption=assumption,
        base=value,
        value_base_usd=middle,
        value_low_usd=ends[0],
        value_high_usd=ends[1],
        switches_at=_switch([(assumption.low, ends[0]), (value, middle), (assumption.high, ends[1])]),
        freed=tuple(dict.fromkeys(freed)),
    )


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
    """Solve the widest assumptions at both ends, the widest first."""
    if most == 0:
        return []
    chosen = screen(base, assumptions, values, most=most)
    progress(ProgressEvent(stage="assumptions", message=f"{len(chosen)} of {len(assumptions)}"))

    def solved(assumption: Assumption) -> Swing | None:
        if settings.interrupt is not None and settings.interrupt.is_set():
            return None
        return swing(base, assumption, values[assumption.path], settings)

    found = [s for s in side_by_side(solved, chosen) if s is not None]
    return sorted(found, key=lambda s: -s.width_usd)
