"""A mix of lower-tail means of one amount per path as rows and columns: what a cautious objective maximises.

The mean of the worst 1 − a of the paths is the largest value of  eta − E[max(0, eta − v)] / (1 − a)  over eta (Rockafellar and Uryasev,
Journal of Risk 2 (2000), 21-41, theorem 1): one column eta for each tail, one column and one row for each path.  Level 0 is the mean of
all paths, level 1 the worst path; a mix weighs several.

Each path's amount gets a column of its own, so that the price of its row says how much the objective gains from one more unit in that
path: the path's stressed probability.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from offtake.axes import Axis

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from offtake.lp.affine import Affine
    from offtake.lp.model import Model
    from offtake.lp.solution import Solution
    from offtake.lp.sparse import Floats

    Parts = Sequence[tuple[float, float]]

__all__ = ["VALUE_ROWS", "risk_adjusted", "stressed_probability"]

VALUE_ROWS = "value_of_path"
"""Name of the rows, one for each path, whose prices are the stressed probabilities."""

_SURE = 1e-9  # weights and probabilities may miss their sum of 1 by this


def risk_adjusted(model: Model, value: Affine, probability: ArrayLike, parts: Parts, *, unit: str = "") -> Affine:
    """Return the mix of tail means of an amount per path, to be maximised (or held above a limit).

    Exact wherever the result is pushed up; it is a lower estimate elsewhere.  With one path, or with all weight at level 0, it is the
    plain mean and adds nothing to the model.  A path of probability 0 counts in no tail, not even as the worst.

    Parameters
    ----------
    model : Model                         receives columns and rows; once per model
    value : Affine[path]                  the amount of each path, higher is better
    probability : float64[path]           sums to 1
    parts : (weight, level) each          level in [0, 1]: 0 the mean, 0.9 the worst tenth, 1 the worst path; weights sum to 1
    unit : str                            of the amount

    Returns
    -------
    Affine                                a scalar

    Raises
    ------
    ValueError      weights or probabilities that are negative or do not sum to 1, a level outside [0, 1], or a value that is not [path]

    Examples
    --------
    Four paths as likely as each other are worth 1, 2, 3 and 6: mean 3, worst half 1.5, and half of each 2.25.

    >>> from offtake.lp.affine import Affine
    >>> from offtake.lp.highs import Solver
    >>> from offtake.lp.model import Model
    >>> m = Model()
    >>> x = m.columns("sold", upper=1.0)
    >>> quarter = np.full(4, 0.25)
    >>> m.set_objective(risk_adjusted(m, x * np.array([1.0, 2.0, 3.0, 6.0]), quarter, [(0.5, 0.0), (0.5, 0.5)]))
    >>> found = Solver(m.build()).solve()
    >>> round(found.objective, 9)
    2.25
    >>> stressed_probability(m, found, quarter).tolist()    # 0.125 each, and 0.25 more for the two worst
    [0.375, 0.375, 0.125, 0.125]
    """
    chance, weights = _checked(value, probability, parts)
    if len(chance) == 1 or set(weights) == {0.0}:
        return (value * chance).sum()
    path = Axis("path", tuple(str(k) for k in range(len(chance))))
    worth = model.columns("value_of_path", axes=(path,), lower=-np.inf, unit=unit, describe="Amount of a path.")
    model.rows(VALUE_ROWS, worth - value, axes=(path,), lower=0.0, upper=0.0, unit=unit)
    tails = Axis("tail", tuple(f"{level:.12g}" for level in weights if level > 0.0))
    levels = np.array([level for level in weights if level > 0.0])
    weight = np.array([weights[level] for level in levels.tolist()])
    quantile = model.columns(
        "tail_quantile",
        axes=(tails,),
        lower=-np.inf,
        unit=unit,
        describe="Amount that the paths outside the tail reach.",
    )
    # The worst path has no columns below it: its quantile is at most every path.
    counted = chance > 0.0
    there = counted & (levels < 1.0)[:, None]
    below = model.columns(
        "below_quantile",
        axes=(tails, path),
        mask=there,
        unit=unit,
        describe="How far a path falls short of the quantile of a tail.",
    )
    model.rows(
        "tail",
        worth[None, :] + below - quantile[:, None],
        axes=(tails, path),
        lower=0.0,
        mask=np.broadcast_to(counted, there.shape),
        unit=unit,
    )
    share = np.divide(1.0, 1.0 - levels, out=np.zeros(len(levels)), where=levels < 1.0)
    tail = (quantile * weight).sum() - (below * ((weight * share)[:, None] * chance)).sum()
    return (worth * (weights.get(0.0, 0.0) * chance)).sum() + tail


def stressed_probability(model: Model, solution: Solution, probability: ArrayLike) -> Floats:
    """Return the probabilities under which the plain mean of the amounts is their risk-adjusted value; float64[path].

    They sum to 1, and the plan is the best one for a risk-neutral planner who believes them.

    Parameters
    ----------
    model : Model                    with the rows of :func:`risk_adjusted` and its result as objective, scaled by nothing
    solution : Solution              of the maximum, with prices
    probability : float64[path]      returned where the model has no such rows
    """
    chance = np.asarray(probability, dtype=np.float64)
    if VALUE_ROWS not in model.row_blocks:
        return chance
    return np.maximum(model.row_block(VALUE_ROWS).take(solution.row_price), 0.0)


def _checked(value: Affine, probability: ArrayLike, parts: Parts) -> tuple[Floats, dict[float, float]]:
    """Return probabilities and the weight of each level, parts of one level added up and those without weight left out."""
    chance = np.asarray(probability, dtype=np.float64)
    if value.ndim != 1 or chance.shape != value.shape:
        raise ValueError(f"a value of shape {value.shape} does not go with {chance.size} probabilities of paths")
    if (chance < 0.0).any() or abs(float(chance.sum()) - 1.0) > _SURE:
        raise ValueError(f"the probabilities of the paths sum to {float(chance.sum()):.12g}, not 1, or one is negative")
    weights: dict[float, float] = {}
    for weight, level in parts:
        if not (0.0 <= level <= 1.0 and weight >= 0.0):
            raise ValueError(f"a tail of level {level!r} is not in [0, 1], or its weight {weight!r} is negative")
        weights[float(level)] = weights.get(float(level), 0.0) + float(weight)
    if abs(math.fsum(weights.values()) - 1.0) > _SURE:
        raise ValueError(f"the weights of the tails sum to {math.fsum(weights.values()):.12g}, not 1")
    return chance, {level: weight for level, weight in weights.items() if weight > 0.0}
