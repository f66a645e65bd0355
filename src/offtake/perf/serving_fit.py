"""Fit of serving: numbers of the terms and pooled effects to measured time per token, throughput and time to first token.

One row per configuration, its newest date; each source weighs as the root of its count; rows of doubtful quality, and rows that do
not say what they ran (chips, drafting of separate pools), are scored and not fitted. Residuals of the logarithm; deterministic.
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
from offtake.perf.serving_doubt import MOST_OF_PEAK, implied_share
from offtake.perf.serving_intervals import regime_of
from offtake.perf.serving_layout import layouts_of
from offtake.perf.serving_model import figures, join_loads, load_of
from offtake.perf.serving_rows import names_of, numbers_of, row_of
from offtake.perf.serving_setting import Setting, stack

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from offtake.perf.cases import ServingCase
    from offtake.perf.serving_model import Load
    from offtake.perf.tables_serving import ServingRow

    Floats = NDArray[np.float64]

__all__ = [
    "METRICS",
    "ROUNDS",
    "ServingPoint",
    "choose",
    "fit_serving",
    "points_of",
    "predicted",
    "publisher",
    "residuals",
]

METRICS = ("tpot", "throughput", "ttft")
# time to first token is mostly queueing and statistics differ: a point of it counts a tenth
_METRIC_WEIGHT = {"tpot": 1.0, "throughput": 1.0, "ttft": 0.12}
_FULL_WEIGHT = 60.0  # rows of one source up to which each counts whole
MOST_OF_A_KIND = 24
"""Rows of one publisher, chip, engine, model and kind of load that the fit reads."""
ROUNDS = 9
"""Steps of Gauss-Newton of a fit, from priors or from another fit; fewer would let a fit without a group remember it."""
_RUN_SD = 0.07  # what rows of one run share that no effect explains (log)
_COPY = 0.03  # log of times per token
_CHANNEL_AT = len(serving_params.PRIORS)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingPoint:
    """One measured row: the case, and what was measured (None where the row does not print it).

    Attributes
    ----------
    tpot_s, ttft_s : float or None [s]
    tok_per_s_per_chip : float or None [tok/s]   output tokens
    per_decode_chip : bool                       the throughput is divided by the chips that decode
    median : bool                                the time to first token is a median, not a mean
    source, key : str                            who published it; its name in the parameter file
    good : bool                                  quality "ok"
    """

    case: ServingCase
    tpot_s: float | None = None
    ttft_s: float | None = None
    tok_per_s_per_chip: float | None = None
    per_decode_chip: bool = False
    median: bool = False
    source: str = ""
    key: str = ""
    good: bool = True

    def measured(self, metric: str) -> float | None:
        """Return what was measured of a metric."""
        values = {"tpot": self.tpot_s, "throughput": self.tok_per_s_per_chip, "ttft": self.ttft_s}
        return values[metric]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Table:
    """Points as arrays: settings, loads, names, and which throughput they print."""

    points: tuple[ServingPoint, ...]
    setting: Setting
    load: Load
    names: tuple[Mapping[str, str], ...]
    divided_by: Floats
    median: NDArray[np.bool_]


def points_of(rows: Iterable[ServingRow]) -> list[ServingPoint]:
    """Return the points of a table's rows; a rate of input and output together is cut to its output."""
    points = []
    for row in rows:
        case = row.case
        if case is None:
            continue
        rate = row.throughput
        if rate and row.basis == "total":
            rate *= case.output_tok / (case.input_tok + case.output_tok)
        points.append(
            ServingPoint(
                case=case,
                tpot_s=row.tpot_s,
                ttft_s=row.ttft_s,
                tok_per_s_per_chip=rate,
                per_decode_chip=row.basis == "decode chip",
                median=row.median,
                source=publisher(row.source),
                key=row.key,
                good=row.quality.lower() in {"", "ok"},
            )
        )
    return points


def publisher(source: str) -> str:
    """Return who published a row, whatever the file: rows of one publisher share habits.

    Examples
    --------
    >>> publisher("aws-neuron/aws-neuron-sdk about-neuron/benchmarks/trn1/latency.csv @81ce03ae")
    'aws-neuron/aws-neuron-sdk'
    """
    return source.split(" ", maxsplit=1)[0]


def choose(points: Iterable[ServingPoint], *, most_of_a_kind: int = MOST_OF_A_KIND) -> list[ServingPoint]:
    """Return the points to fit: good, complete, one per configuration (the newest), thinned where a kind is over-represented.

    A kind is one publisher's rows of a chip, engine, model and regime. A row that does not say whether it drafts is left out where
    another source shows that its model is served both ways.
    """
    points = list(points)
    drafted = {p.case.model.name for p in points if p.case.speculation not in {None, "none"}}
    families = {p.case.model.family for p in points if p.case.model.name in drafted} - {""}
    newest: dict[str, ServingPoint] = {}
    for point in points:
        case = point.case
        unsaid = case.speculation is None and (case.model.name in drafted or case.model.family in families)
        unsaid = unsaid or (case.disaggregated and (case.speculation is None or case.decode is None))
        if not point.good or unsaid or case.chips <= 0 or not case.input_tok or implied_share(point) > MOST_OF_PEAK:
            continue
        key = _configuration(case)
        if key not in newest or case.year >= newest[key].case.year:
            newest[key] = point
    kinds: dict[tuple[str, ...], list[ServingPoint]] = defaultdict(list)
    for _, point in sorted(_once(newest).items()):
        case = point.case
        names = names_of(case)
        kinds[point.source, case.chip.name, names["engine"], case.model.name, regime_of(case)].append(point)
    chosen: list[ServingPoint] = []
    for _, group in sorted(kinds.items()):
        step = max(1.0, len(group) / most_of_a_kind)
        chosen += [group[int(i * step)] for i in range(min(len(group), most_of_a_kind))]
    return chosen


def _once(points: Mapping[str, ServingPoint]) -> dict[str, ServingPoint]:
    """Return the points without copies: a load measured once on a small layout and printed for larger ones of the same attention shards.

    Sources that derive chips from parallel sizes count those again that share chips: times within 3 % betray it.
    """
    of: dict[tuple[object, ...], list[tuple[int, str]]] = defaultdict(list)
    for key, point in points.items():
        case = point.case
        load = (case.tp, case.input_tok, case.output_tok, case.concurrency)
        if point.tpot_s and case.concurrency and not case.disaggregated:
            of[point.source, case.chip.name, case.model.name, names_of(case)["engine"], *load].append((case.chips, key))
    copies: set[str] = set()
    for group in of.values():
        for chips, key in group:
            own = points[key].tpot_s or 0.0
            copies.update(
                other
                for more, other in group
                if more > chips and abs(math.log((points[other].tpot_s or own) / own)) < _COPY
            )
    return {key: point for key, point in points.items() if key not in copies}


def _configuration(case: ServingCase) -> str:
    """Return what makes two rows the same configuration: all that is asked but the version of the software."""
    bare = replace(case, year=0.0, key="", source="")
    names = names_of(case)
    return f"{bare.chip.name}|{bare.model.name}|{names['engine']}|" + repr(
        [getattr(bare, f) for f in bare.__dataclass_fields__ if f not in {"chip", "model", "engine"}]
    )


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
        sources=[f"{_run(table.points[i])}/{METRICS[k]}" for i, k in zip(at, metric, strict=True)],
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


def _run(point: ServingPoint) -> str:
    """Return what rows share that were measured in one go."""
    case = point.case
    return f"{point.source}/{case.chip.name}/{case.engine}/{case.model.name}"


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
