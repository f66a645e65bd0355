"""Measured rows that contradict themselves or their neighbours: scored like any other, and left out of the fit.

Signs, each read from measured figures and data sheets alone, never from a prediction:

- a row of shared pools needs more than the chips can compute, by Little's law, so its prompts were cached or its chips miscounted; then
  the whole series (publisher, chip, engine as printed, model) is doubtful, because its other rows ran the same way;
- more requests at once get their tokens in two thirds of the time or less, all else equal: something else than the load was waited for,
  and the series is doubtful;
- of a fixed number of requests fewer than a third decode at once, so most wait: for a full cache, or under a limit on running sequences
  that is not printed;
- the first token takes longer than all prompts at work in turn at a twentieth of the peak.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from offtake.perf.serving_points import ServingPoint

__all__ = ["MOST_OF_PEAK", "decoding_share", "doubtful", "implied_share", "lateness"]

# The best rows of the tables reach 0.53 of the peak with the products of weights alone; what needs more did not compute its prompts.
MOST_OF_PEAK = 0.55
_LEAST_DECODING, _LATEST = 1.0 / 3.0, 20.0
_FALL, _MOST_FALLS = 2.0 / 3.0, 0.1


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


def lateness(point: ServingPoint) -> float:
    """Return the time to the first token, less a second, over what the products of all prompts at work need in turn at the peak; else 0.

    All chips but those that only decode compute prompts.
    """
    case = point.case
    at_once = case.concurrency or case.batch
    if case.load != "closed" or not point.ttft_s or not at_once or not case.chips:
        return 0.0
    chip, active = case.chip, case.model.active_params or case.model.params or 0.0
    peak = {"fp8": chip.fp8_flop_per_s, "fp4": chip.fp4_flop_per_s}.get(case.weights or "") or chip.bf16_flop_per_s
    chips = case.chips - ((case.decode.chips or 0) if case.decode is not None else 0)
    need = at_once * case.input_tok * (1.0 - case.cached_frac) * 2.0 * active
    return max(0.0, point.ttft_s - 1.0) * max(chips, 1) * peak / need if peak and need else 0.0


def doubtful(points: Iterable[ServingPoint]) -> frozenset[str]:
    """Return the keys of rows that the fit should not read."""
    points = list(points)
    series = {_series(p) for p in points if not p.case.disaggregated and implied_share(p) > MOST_OF_PEAK} | _falling(
        points
    )
    return frozenset(
        p.key
        for p in points
        if implied_share(p) > MOST_OF_PEAK
        or (not p.case.disaggregated and _series(p) in series)
        or decoding_share(p) < _LEAST_DECODING
        or lateness(p) > _LATEST
    )


def _falling(points: Iterable[ServingPoint]) -> set[tuple[str, str, str, str]]:
    """Return the series of shared pools in which more than a tenth of the times per token fall by a third as requests at once rise."""
    loads: dict[tuple[object, ...], list[ServingPoint]] = defaultdict(list)
    for p in points:
        case = p.case
        if case.load == "closed" and case.concurrency and p.tpot_s and not case.disaggregated:
            lengths = (case.input_tok, case.output_tok, case.cached_frac)
            layout = (case.chips, case.tp, case.dp, case.ep, case.pp, case.dp_attention)
            loads[*_series(p), *lengths, *layout, case.weights, case.cache, case.speculation, case.year].append(p)
    falls: Counter[tuple[str, str, str, str]] = Counter()
    for group in loads.values():
        slowest = 0.0
        for p in sorted(group, key=lambda p: (p.case.concurrency or 0.0, -(p.tpot_s or 0.0))):
            falls[_series(p)] += (p.tpot_s or 0.0) < _FALL * slowest
            slowest = max(slowest, p.tpot_s or 0.0)
    rows = Counter(_series(p) for group in loads.values() for p in group)
    return {series for series, count in falls.items() if count > _MOST_FALLS * rows[series]}


def _series(point: ServingPoint) -> tuple[str, str, str, str]:
    """Return what rows share that were measured in one go."""
    case = point.case
    return point.source, case.chip.name, case.engine, case.model.name
