"""How much longer users' serving takes than that of those who tune what they publish, and how much wider its intervals are.

The terms are learned from vendors' figures. Rows of quality "test" whose publisher is a user tell, with all of it held, one factor for
experts served by early software, and what an interval lacks to hold four fifths of users' rows whose publisher the factor has not seen.
Publishers count once each, whatever their rows: their software and settings are what differs.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from offtake.perf.params import digest
from offtake.perf.serving_doubt import doubtful
from offtake.perf.serving_fit import residuals
from offtake.perf.serving_intervals import interval_factor, regime_of
from offtake.perf.serving_points import METRICS, choose, run_of
from offtake.perf.serving_rows import names_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from offtake.perf.params import Section
    from offtake.perf.serving_points import ServingPoint

__all__ = ["with_users"]

_LATE = "early experts"
"""The only kind of users' rows that is off to one side, whoever is left out."""
_APART = 0.4  # by which publishers of such rows differ (log)
_BELIEF = 0.5  # spread of the factor before data (log)
_TURNS = 6  # the factor acts on terms, not on the whole: a few corrections reach it
_MOST = math.log(10.0)  # of one run: more is another unit, not slower software
_ENOUGH = 20  # numbers from which a kind has a width of its own
_WIDER = ("tpot", "throughput")
"""Metrics whose intervals are widened for users; of first tokens one publisher's bursts would make it 25 times."""
_Z80 = 1.2815515655446004


def with_users(fitted: Section, tests: Sequence[ServingPoint]) -> Section:
    """Return the section with users' factor and widths, from rows of quality "test"; as it is where no user is among them."""
    leave = doubtful(tests)
    points = [
        p for p in choose([replace(p, good=True) for p in tests]) if p.case.tuned_by != "vendor" and p.key not in leave
    ]
    if not points:
        return fitted
    found = _with_factor(fitted, points)
    held = []
    for publisher in sorted({p.source for p in points}):
        own = [p for p in points if p.source == publisher]
        again = _with_factor(fitted, [p for p in points if p.source != publisher])
        held += [(p, metric, error) for p, metric, error in residuals(own, again)]
    spread = dict(found.spread)
    for metric in _WIDER:
        for kind in sorted({names_of(p.case)["users"] for p in points}):
            some = [(p, e) for p, m, e in held if m == metric and names_of(p.case)["users"] == kind]
            if len(some) >= _ENOUGH:
                spread[f"{metric}/users/{kind}"] = round(_lacking(fitted, metric, some), 6)
    keys = sorted(p.key for p in points)
    rows = {**found.rows, "users": {"count": len(keys), "hash": digest(keys), "keys": keys}}
    return replace(found, spread=spread, rows=rows, errors={**found.errors, "users_left_out": _errors(held)})


def _with_factor(fitted: Section, points: Sequence[ServingPoint]) -> Section:
    """Return the section with the logarithm of the factor by which early experts take users longer."""
    late = [p for p in points if names_of(p.case)["users"] == _LATE]
    total, found = 0.0, fitted
    for _ in range(_TURNS if late else 0):
        runs: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        for point, metric, error in residuals(late, found):
            if metric != "ttft":
                runs[point.source][run_of(point)].append(error if metric == "tpot" else -error)
        means = [float(np.mean([np.clip(np.median(e), -_MOST, _MOST) for e in run.values()])) for run in runs.values()]
        # the mean of publishers, drawn to nought by how few they are
        total += (sum(means) - total * (_APART / _BELIEF) ** 2) / (len(means) + (_APART / _BELIEF) ** 2)
        found = replace(fitted, effects={**fitted.effects, "users": {_LATE: total}})
    return found


def _lacking(fitted: Section, metric: str, held: Sequence[tuple[ServingPoint, float]]) -> float:
    """Return the spread beside the interval's own with which it holds four fifths of errors [log]."""
    lacking = []
    for point, error in held:
        own = math.log(interval_factor(fitted, names_of(point.case), metric, regime_of(point.case))[1]) / _Z80
        lacking.append((error / _Z80) ** 2 - own**2)
    return math.sqrt(max(0.0, float(np.quantile(lacking, 0.8))))


def _errors(held: Sequence[tuple[ServingPoint, str, float]]) -> dict[str, dict[str, float]]:
    """Return count, mape and median_ape of each metric, of rows whose publisher the factor has not seen."""
    found = {}
    for metric in METRICS:
        off = [abs(math.exp(-e) - 1.0) for _, m, e in held if m == metric]
        if off:
            found[metric] = {
                "count": len(off),
                "mape": round(float(np.mean(off)), 4),
                "median_ape": round(float(np.median(off)), 4),
            }
    return found
