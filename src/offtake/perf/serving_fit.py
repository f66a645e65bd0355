"""Fit of serving: numbers of the terms and pooled effects to measured time per token, throughput and time to first token.

Each source weighs as the root of its count. Residuals of the logarithm; deterministic.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from offtake.errors import OfftakeError
from offtake.perf import pooling, serving_params
from offtake.perf.params import Section, digest
from offtake.perf.serving_intervals import regime_of
from offtake.perf.serving_layout import layouts_of
from offtake.perf.serving_model import figures, join_loads, load_of
from offtake.perf.serving_points import METRICS, run_of
from offtake.perf.serving_rows import names_of, numbers_of, row_of
from offtake.perf.serving_setting import Setting, stack

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from offtake.perf.serving_model import Load
    from offtake.perf.serving_points import ServingPoint

    Floats = NDArray[np.float64]

__all__ = ["ROUNDS", "fit_serving", "predicted", "residuals"]

# time to first token is mostly queueing and statistics differ: a point of it counts a tenth
_METRIC_WEIGHT = {"tpot": 1.0, "throughput": 1.0, "ttft": 0.12}
_FULL_WEIGHT = 60.0  # rows of one source up to which each counts whole
ROUNDS = 9
"""Steps of Gauss-Newton of a fit, from priors or from another fit; fewer would let a fit without a group remember it."""
_RUN_SD = 0.07  # what rows of one run share that no effect explains (log)
_CHANNEL_AT = len(serving_params.PRIORS)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Table:
    """Points as arrays: settings, loads, names, and which throughput they print."""

    points: tuple[ServingPoint, ...]
    setting: Setting
    load: Load
    names: tuple[Mapping[str, str], ...]
    divided_by: Floats
    median: NDArray[np.bool_]


def _table(points: Sequence[ServingPoint], fitted: Section) -> _Table:
    """Lay points out as arrays; a point that cannot be predicted is left out, a layout left open is the best under `fitted`."""
    kept, rows, loads, names, divided = [], [], [], [], []
    p = serving_params.physics(fitted)
    for point in points:
        try:
            numbers = numbers_of(point.case)
            options, _ = layouts_of(point.case)
            of = [load_of(point.case, layout) for layout in options]
        except OfftakeError:
            continue
        factors = serving_params.factors(fitted, names_of(point.case))
        best = 0
        if len(options) > 1:
            s = stack([row_of(numbers, layout, factors) for layout in options])
            found, _ = figures(s, p, join_loads(of))
            best = int(np.argmax(np.where(found.capacity >= 1.0, found.requests_per_s / s.chips[:, 0], -1.0)))
        layout = options[best]
        kept.append(point)
        rows.append(row_of(numbers, layout, (1.0,) * len(serving_params.CHANNELS)))
        loads.append(of[best])
        names.append(names_of(point.case))
        divided.append(float(layout.decode_chips if point.per_decode_chip else layout.chips))
    if not kept:
        raise OfftakeError("fit of serving: no row can be predicted, so there is nothing to fit")
    return _Table(
        points=tuple(kept),
        setting=stack(rows),
        load=join_loads(loads),
        names=tuple(names),
        divided_by=np.array(divided),
        median=np.array([point.median for point in kept]),
    )


def _evaluate(table: _Table, logs: Floats) -> Floats:
    """Return logarithms of (time per token, seconds per token and chip, time to first token): float64[metric, point]."""
    named = {name: logs[i][:, None] for i, name in enumerate(serving_params.PRIORS)}
    factors = {c: np.exp(logs[_CHANNEL_AT + i])[:, None] for i, c in enumerate(serving_params.CHANNELS)}
    s = replace(table.setting, **factors)
    found, _ = figures(s, serving_params.Physics.from_logs(named), table.load)
    rate = found.requests_per_s * s.output_tok[:, 0] / table.divided_by
    first = np.where(table.median, found.ttft_median_s, found.ttft_s)
    return np.asarray(np.log(np.maximum(np.array([found.tpot_s, 1.0 / rate, first]), 1e-9)))


def _measurements(table: _Table) -> tuple[Floats, NDArray[np.int64], NDArray[np.int64], Floats]:
    """Return (log of measured, metric, point, weight) of each number measured; throughput as time per token and chip."""
    counts = Counter(point.source for point in table.points)
    value, metric, at, weight = [], [], [], []
    for i, point in enumerate(table.points):
        for k, name in enumerate(METRICS):
            found = point.measured(name)
            if not found or (name == "tpot" and point.case.load == "prefill"):
                continue
            value.append(-math.log(found) if name == "throughput" else math.log(found))
            metric.append(k)
            at.append(i)
            weight.append(_METRIC_WEIGHT[name] * min(1.0, math.sqrt(_FULL_WEIGHT / counts[point.source])))
    return np.array(value), np.array(metric), np.array(at), np.array(weight)


def fit_serving(points: Sequence[ServingPoint], *, start: Section | None = None, rounds: int = ROUNDS) -> Section:
    """Fit the serving section of the parameter file to points (chosen by `choose`).

    Parameters
    ----------
    start : Section, optional    fit to start from, and to decide by which of several layouts a row ran

    Raises
    ------
    OfftakeError
        No point can be predicted.
    """
    start = start or Section(kind="serving", effects={})
    table = _table(points, start)
    measured, metric, at, weight = _measurements(table)
    if not len(at):
        raise OfftakeError(
            "fit of serving: no row that can be predicted prints tpot_ms, ttft_ms or a rate, so there is nothing to fit"
        )
    first = np.full(len(table.points), -1)
    first[at[::-1]] = np.arange(len(at))[::-1]
    known = first >= 0

    def model(logs: Floats) -> Floats:
        by_point = np.zeros((len(logs), len(table.points)))
        by_point[:, known] = logs[:, first[known]]
        return _evaluate(table, by_point)[metric, at]

    priors = serving_params.pooled_priors()
    layout = pooling.design(
        priors,
        [table.names[i] for i in at],
        sources=[f"{run_of(table.points[i])}/{METRICS[k]}" for i, k in zip(at, metric, strict=True)],
        source_sd=_RUN_SD,
    )
    theta = np.array([_started(start, name, mean) for name, mean in zip(layout.names, layout.mean, strict=True)])
    found = pooling.fit(model, measured, layout, weights=weight, rounds=rounds, start=theta)
    effects: dict[str, dict[str, float]] = defaultdict(dict)
    for (name, level), value in found.effects.items():
        if name != "source":
            effects[name][level] = value
    spread = {kind: scale for kind, scale in found.kinds.items() if not kind.endswith("/global") and kind != "source"}
    section = Section(kind="serving", effects=dict(effects), spread=spread)
    return replace(section, spread={**spread, **_spreads(section, table.points)}, rows=_said(table.points))


def _started(start: Section, name: tuple[str, str], mean: float) -> float:
    """Return an effect to start from."""
    return start.effects.get(name[0], {}).get(name[1], mean)


def predicted(points: Sequence[ServingPoint], fitted: Section) -> tuple[tuple[ServingPoint, ...], Floats]:
    """Return the points that can be predicted and float64[metric, point] of (tpot [s], throughput [tok/s/chip], ttft [s])."""
    table = _table(points, fitted)
    physics = serving_params.physics(fitted)
    logs = np.array(
        [np.full(len(table.points), math.log(float(getattr(physics, name)))) for name in serving_params.PRIORS]
    )
    factors = np.log([serving_params.factors(fitted, names) for names in table.names]).T
    found = np.exp(_evaluate(table, np.concatenate([logs, factors])))
    found[1] = 1.0 / found[1]
    return table.points, found


def residuals(points: Sequence[ServingPoint], fitted: Section) -> list[tuple[ServingPoint, str, float]]:
    """Return (point, metric, log of measured over predicted) of each number measured."""
    kept, found = predicted(points, fitted)
    out = []
    for i, point in enumerate(kept):
        for k, metric in enumerate(METRICS):
            value = point.measured(metric)
            if value and not (metric == "tpot" and point.case.load == "prefill"):
                out.append((point, metric, math.log(value / found[k, i])))
    return out


def _spreads(fitted: Section, points: Sequence[ServingPoint]) -> dict[str, float]:
    """Return the spread of residuals that holds 80 %, by metric and by regime (with 30 numbers or more)."""
    groups: dict[str, list[float]] = defaultdict(list)
    for point, metric, error in residuals(points, fitted):
        groups[metric].append(abs(error))
        groups[f"{metric}/{regime_of(point.case)}"].append(abs(error))
    enough = 30
    return {
        name: float(np.quantile(errors, 0.8)) / 1.2815515655446004
        for name, errors in sorted(groups.items())
        if len(errors) >= enough or "/" not in name
    }


def _said(points: Sequence[ServingPoint]) -> dict[str, Any]:
    """Return what was fitted on, for people and for marking rows of a table as fitted."""
    return {
        "count": len(points),
        "by_source": dict(sorted(Counter(p.source for p in points).items())),
        "by_chip": dict(sorted(Counter(p.case.chip.name for p in points).items())),
        "keys": sorted(p.key for p in points),
        "hash": digest(p.key for p in points),
    }
