"""Cross-validation of serving by whole chips and whole sources, and intervals that hold what they say.

The spread of an interval joins two spreads that hold 80 % of the points: of the fit to all (a fifth of the variance), and of fits that
have not seen the point's publisher, because a new row mostly comes from a publisher not seen. Effects of names not seen add their
variance, that of chips, releases and models scaled so that as near 80 % of the points as can be lie inside the intervals of fits that
have not seen their chip, and of fits that have not seen their publisher, on average.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from offtake.perf.serving_doubt import doubtful
from offtake.perf.serving_fit import ROUNDS, fit_serving, predicted, residuals
from offtake.perf.serving_intervals import interval_factor, regime_of
from offtake.perf.serving_points import METRICS, choose, points_of
from offtake.perf.serving_rows import names_of
from offtake.perf.serving_users import with_users

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from offtake.perf.params import Section
    from offtake.perf.serving_points import ServingPoint
    from offtake.perf.tables_serving import ServingRow

__all__ = ["Held", "by_chip", "by_source", "calibrate", "cross_validate", "errors", "fit_table", "with_spreads"]

_Z80 = 1.2815515655446004
_ENOUGH = 25
_OUTSIDE = 0.8  # weight of fits that have not seen the publisher
_SCALES = (0.1, 0.25, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """One number measured, beside what a fit says that has not seen its group: log of measured over predicted."""

    point: ServingPoint
    metric: str
    error: float
    fitted: Section

    def inside(self, fitted: Section) -> bool:
        """Say whether the measured value lies in the interval, with the spread of `fitted` and the names seen by the held fit."""
        both = with_spreads(self.fitted, fitted)
        low, high = interval_factor(both, names_of(self.point.case), self.metric, regime_of(self.point.case))
        return math.log(low) <= self.error <= math.log(high)


def by_chip(point: ServingPoint) -> str:
    """Return the group of a point when whole chips are held out."""
    return point.case.chip.name


def by_source(point: ServingPoint) -> str:
    """Return the group of a point when whole sources are held out."""
    return point.source


def cross_validate(
    points: Sequence[ServingPoint],
    fitted: Section,
    group: Callable[[ServingPoint], str],
    *,
    rounds: int = ROUNDS,
    leave: frozenset[str] = frozenset(),
) -> dict[str, list[Held]]:
    """Return each group's numbers beside a fit to all other groups, which starts at the fit to all and forgets the group's effects.

    Rows whose keys are in `leave` are predicted like any other, and never fitted.
    """
    found = {}
    for name in sorted({group(p) for p in points}):
        rest = [p for p in points if group(p) != name and p.key not in leave]
        own = [p for p in points if group(p) == name]
        if rest:
            again = fit_serving(rest, start=fitted, rounds=rounds)
            found[name] = [Held(point=p, metric=m, error=e, fitted=again) for p, m, e in residuals(own, again)]
    return found


def calibrate(
    points: Sequence[ServingPoint], fitted: Section, *, leave: frozenset[str] = frozenset()
) -> tuple[Section, dict[str, Any]]:
    """Return the section with calibrated spreads, and the errors of both cross-validations; rows in `leave` are not fitted."""
    chips = cross_validate(points, fitted, by_chip, leave=leave)
    sources = cross_validate(points, fitted, by_source, leave=leave)
    inside = _by_regime((p, m, e) for p, m, e in residuals(points, fitted))
    outside = _by_regime((h.point, h.metric, h.error) for held in sources.values() for h in held)
    spread = {k: v for k, v in fitted.spread.items() if k.split("/")[0] not in METRICS}
    for name, own in inside.items():
        other = outside.get(name, own)
        spread[name] = math.sqrt((1.0 - _OUTSIDE) * _spread(own) ** 2 + _OUTSIDE * _spread(other) ** 2)
    found = replace(fitted, spread=spread)
    folds = [[h for group in held.values() for h in group] for held in (chips, sources)]
    for metric in METRICS:
        rows = [[h for h in fold if h.metric == metric] for fold in folds]
        shares = {}
        for scale in _SCALES:
            tried = replace(found, spread={**found.spread, f"unseen/{metric}": scale})
            shares[scale] = float(np.mean([np.mean([h.inside(tried) for h in some]) if some else 0.8 for some in rows]))
        best = min(_SCALES, key=lambda scale: (round(abs(shares[scale] - 0.8), 3), scale))
        found = replace(found, spread={**found.spread, f"unseen/{metric}": best})
    report = {"by_chip": _errors(chips, found), "by_source": _errors(sources, found)}
    for name, groups in (("by_chip", chips), ("by_source", sources)):
        kept = {k: [h for h in held if h.point.key not in leave] for k, held in groups.items()}
        report[name]["all but doubtful"] = _errors(kept, found)["all"]
    return found, report


def fit_table(rows: Iterable[ServingRow], *, start: Section | None = None) -> Section:
    """Fit serving to the rows of tables, calibrate its intervals, and note its errors in the section.

    Rows of quality "test" only tell how much longer users take; where there are no others, they are fitted like any.

    Raises
    ------
    OfftakeError
        No row can be predicted.
    """
    every = points_of(rows)
    tests = [p for p in every if p.test]
    teaches = any(p.good for p in every)
    points = [p for p in every if not p.test] if teaches else [replace(p, good=p.test) for p in every]
    chosen = choose(points)
    leave = doubtful(points)
    sound = [p for p in chosen if p.key not in leave]
    first = fit_serving(sound, start=start)
    # layouts that a row leaves open are chosen again under what was learned
    fitted = fit_serving(sound, start=first)
    found, report = calibrate(choose(points), fitted, leave=leave)
    report["in_fit"] = errors(chosen, found)
    found = replace(found, errors=report)
    return with_users(found, tests) if teaches else found


def errors(points: Sequence[ServingPoint], fitted: Section) -> dict[str, dict[str, float]]:
    """Return count, mape, median_ape and coverage80 of each metric, as fractions of what was measured."""
    kept, values = predicted(points, fitted)
    found: dict[str, list[tuple[float, bool]]] = defaultdict(list)
    for i, point in enumerate(kept):
        for k, metric in enumerate(METRICS):
            measured = point.measured(metric)
            if measured and not (metric == "tpot" and point.case.load == "prefill"):
                ratio = float(values[k, i]) / measured
                low, high = interval_factor(fitted, names_of(point.case), metric, regime_of(point.case))
                found[metric].append((abs(ratio - 1.0), low <= 1.0 / ratio <= high))
    return {metric: _summary(pairs) for metric, pairs in found.items()}


def _summary(pairs: Sequence[tuple[float, bool]]) -> dict[str, float]:
    """Return the errors and coverage of (absolute error, inside) pairs."""
    off = np.array([e for e, _ in pairs])
    return {
        "count": len(pairs),
        "mape": round(float(off.mean()), 4),
        "median_ape": round(float(np.median(off)), 4),
        "coverage80": round(float(np.mean([inside for _, inside in pairs])), 4),
    }


def _errors(groups: Mapping[str, Sequence[Held]], fitted: Section) -> dict[str, Any]:
    """Return the errors of held-out groups: all of them under "all", and each."""
    found: dict[str, Any] = {}
    everything = [h for group in groups.values() for h in group]
    for name, rows in {"all": everything, **groups}.items():
        found[name] = {
            metric: _summary([(abs(math.exp(-h.error) - 1.0), h.inside(fitted)) for h in rows if h.metric == metric])
            for metric in METRICS
            if any(h.metric == metric for h in rows)
        }
    return found


def _by_regime(found: Iterable[tuple[ServingPoint, str, float]]) -> dict[str, list[float]]:
    """Group absolute errors by metric, and by metric and regime where there are enough."""
    groups: dict[str, list[float]] = defaultdict(list)
    for point, metric, error in found:
        groups[metric].append(abs(error))
        groups[f"{metric}/{regime_of(point.case)}"].append(abs(error))
    return {name: values for name, values in sorted(groups.items()) if "/" not in name or len(values) >= _ENOUGH}


def _spread(values: Sequence[float]) -> float:
    """Return the normal spread whose middle 80 % holds 80 % of the absolute errors."""
    return float(np.quantile(values, 0.8)) / _Z80


def with_spreads(fitted: Section, calibrated: Section) -> Section:
    """Return a fit with the spreads of residuals of a calibrated one, and the scale of what is not seen; spreads of effects stay."""
    keep = {k: v for k, v in calibrated.spread.items() if k.partition("/")[0] in {*METRICS, "unseen"}}
    return replace(fitted, spread={**fitted.spread, **keep})
