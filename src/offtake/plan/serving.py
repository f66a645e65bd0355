"""Serving: chip-hours become output tokens, tokens meet demand steps.

    sum of hours * tokens per chip-hour = tokens served          for every class and channel
    resident tokens of a region <= tokens made in that region    (the sets are disjoint, so these limits and the total suffice)

A demand step has its own volume and price; what is not served is ordinary.  A step that needs a training run opens in the period
after the run is complete.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from offtake.plan import scales

if TYPE_CHECKING:
    from offtake.lp.affine import Affine
    from offtake.lp.model import Model
    from offtake.plan.capacity import Work
    from offtake.plan.problem import Float, Problem
    from offtake.plan.training import Training


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """`tokens` over [path, period, demand step] in trillion output tokens."""

    tokens: Affine


def add_serving(model: Model, problem: Problem, work: Work, training: Training) -> Serving:
    """Add tokens served by demand step and tie them to the hours that make them."""
    demand, grid = problem.demand, problem.grid
    axes = (("path", problem.paths), ("period", grid.labels), ("demand", demand.ids))
    volume = demand.volume_tok / scales.TOK
    tokens = model.columns(
        "tokens",
        axes=axes,
        upper=volume,
        unit="T tok",
        describe="output tokens served of a demand step",
        mask=volume > 0,
    )
    _open_by_run(model, problem, tokens, training)
    rate = token_rates(problem)
    pairs = [(k, c) for k in problem.classes for c in problem.channels]
    labels = tuple(f"{k}/{c}" for k, c in pairs)
    made = _makes(problem, pairs)
    asked = np.array([(demand.classes[d], demand.channels[d]) for d in range(len(demand.ids))])
    of_pair = np.array([[tuple(a) == pair for a in asked] for pair in pairs], dtype=float).reshape(
        len(pairs), len(asked)
    )
    produced = work.hours * rate
    model.rows(
        "serving",
        produced.apply(made, 2) - tokens.apply(of_pair, 2),
        lower=0.0,
        upper=0.0,
        axes=(("path", problem.paths), ("period", grid.labels), ("class", labels)),
        unit="T tok",
        describe="tokens of a class and channel are made by the hours given to it",
    )
    _keep_resident(model, problem, produced, tokens, pairs)
    return Serving(tokens=tokens)


def token_rates(problem: Problem) -> Float:
    """Trillion tokens made by a million chip-hours of each assignment : float64[path, period, assignment] (0 where it does not serve)."""
    work = problem.work
    rate = np.zeros((len(problem.paths), len(problem.grid), len(work.pool)))
    for a, (pool, use) in enumerate(zip(work.pool, work.use, strict=True)):
        if work.uses[use].kind == "serve":
            k = problem.classes.index(work.uses[use].class_id)
            rate[:, :, a] = problem.tok_per_chip_h[:, :, k, work.pool_chip[pool]] * scales.CHIP_H / scales.TOK
    return rate


def _makes(problem: Problem, pairs: list[tuple[str, str]], region: str | None = None) -> Float:
    """0/1 matrix [pair, assignment]: the assignments that make tokens of a class and channel, in one region or anywhere."""
    work = problem.work
    return np.array(
        [
            [
                work.uses[u].kind == "serve"
                and (work.uses[u].class_id, work.uses[u].channel) == pair
                and (region is None or work.pool_region[p] == region)
                for p, u in zip(work.pool, work.use, strict=True)
            ]
            for pair in pairs
        ],
        dtype=float,
    ).reshape(len(pairs), len(work.pool))


def _open_by_run(model: Model, problem: Problem, tokens: Affine, training: Training) -> None:
    demand = problem.demand
    gated = [d for d, run in enumerate(demand.needs) if run]
    if not gated:
        return
    run = np.array([problem.runs.ids.index(demand.needs[d]) for d in gated])
    volume = demand.volume_tok[:, :, gated] / scales.TOK
    model.rows(
        "capability",
        tokens[:, :, np.array(gated)] - training.open_after[:, :, run] * volume,
        upper=0.0,
        axes=(
            ("path", problem.paths),
            ("period", problem.grid.labels),
            ("demand", tuple(demand.ids[d] for d in gated)),
        ),
        unit="T tok",
        describe="demand that needs a trained model opens after its run is complete",
        mask=volume > 0,
    )


def _keep_resident(
    model: Model, problem: Problem, produced: Affine, tokens: Affine, pairs: list[tuple[str, str]]
) -> None:
    demand = problem.demand
    for region in problem.regions:
        bound = [
            [
                demand.resident[d] and demand.regions[d] == region and (demand.classes[d], demand.channels[d]) == pair
                for d in range(len(demand.ids))
            ]
            for pair in pairs
        ]
        ask = np.array(bound, dtype=float).reshape(len(pairs), len(demand.ids))
        kept = [k for k in range(len(pairs)) if ask[k].any()]
        if not kept:
            continue
        model.rows(
            f"residency_{region}",
            tokens.apply(ask[kept], 2) - produced.apply(_makes(problem, [pairs[k] for k in kept], region), 2),
            upper=0.0,
            axes=(
                ("path", problem.paths),
                ("period", problem.grid.labels),
                ("class", tuple("/".join(pairs[k]) for k in kept)),
            ),
            unit="T tok",
            describe=f"tokens that must be served in {region} are made there",
        )
