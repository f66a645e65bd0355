"""Measured rows that contradict themselves or their neighbours: scored like any other, and left out of the fit.

Two signs, each read from measured figures and data sheets alone, never from a prediction:

- a row of shared pools needs more than the chips can compute, by Little's law, so its prompts were cached or its chips miscounted; then
  the whole series (publisher, chip, engine as printed, model) is doubtful, because its other rows ran the same way;
- of a fixed number of requests fewer than a third decode at once, so most wait: for a full cache, or under a limit on running sequences
  that is not printed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from offtake.perf.serving_fit import ServingPoint

__all__ = ["MOST_OF_PEAK", "decoding_share", "doubtful", "implied_share"]

# The best rows of the tables reach 0.53 of the peak with the products of weights alone; what needs more did not compute its prompts.
MOST_OF_PEAK = 0.55
_LEAST_DECODING = 1.0 / 3.0


def implied_share(point: ServingPoint) -> float:
    """Return the share of the peak that a row of a closed loop needs for the products with its weights, by its own figures; else 0.

    Requests/s = concurrency / (ttft + output × tpot); 2 flop per active weight and token.
    """
    case = point.case
    if case.load != "closed" or not (point.tpot_s and point.ttft_s and case.concurrency):
        return 0.0
    chip, active = case.chip, case.model.active_params or case.model.params or 0.0
    peak = {"fp8": chip.fp8_flop_per_s, "fp4": chip.fp4_flop_per_s}.get(case.weights or "") or chip.bf16_flop_per_s
    if not peak or not case.chips:
        return 0.0
    rate = case.concurrency / (point.ttft_s + case.output_tok * point.tpot_s)
    tokens = case.input_tok * (1.0 - case.cached_frac) + case.output_tok
    return rate * tokens * 2.0 * active / (case.chips * peak)


def decoding_share(point: ServingPoint) -> float:
    """Return the share of the requests at work that decode, by the row's own figures: output × tpot / (ttft + output × tpot); else 1."""
    case = point.case
    if case.load != "closed" or case.disaggregated or not (point.tpot_s and point.ttft_s):
        return 1.0
    decoding = case.output_tok * point.tpot_s
    return decoding / (point.ttft_s + decoding)


def doubtful(points: Iterable[ServingPoint]) -> frozenset[str]:
    """Return the keys of rows that the fit should not read."""
    points = list(points)
    series = {_series(p) for p in points if not p.case.disaggregated and implied_share(p) > MOST_OF_PEAK}
    return frozenset(
        p.key
        for p in points
        if implied_share(p) > MOST_OF_PEAK
        or (not p.case.disaggregated and _series(p) in series)
        or decoding_share(p) < _LEAST_DECODING
    )


def _series(point: ServingPoint) -> tuple[str, str, str, str]:
    """Return what rows share that were measured in one go."""
    case = point.case
    return point.source, case.chip.name, case.engine, case.model.name
