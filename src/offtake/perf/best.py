"""The best layout for a training step; what was left out and why; the Pareto front over numbers of chips.

Bounds come before evaluation: what does not divide or does not fit is counted and dropped; the rest is evaluated at once as arrays.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from offtake.errors import OfftakeError
from offtake.perf.answers import Refusal
from offtake.perf.own import as_run
from offtake.perf.training_layouts import impossible
from offtake.perf.training_memory import footprint, usable_bytes
from offtake.perf.training_model import base_setting, efficiency_of, open_settings, predict_training
from offtake.perf.training_step import step

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from offtake.perf.cases import TrainingCase
    from offtake.perf.params import Section
    from offtake.perf.training_model import TrainingPrediction

__all__ = ["FrontPoint", "TrainingPlan", "best_training", "pareto"]


_MOST_MISSES = 6
"""Counts of chips tried one after another without any layout, before the search gives up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontPoint:
    """One plan that no other beats in both: latency [s] (of a step, of a token) and tok/s of a chip."""

    latency_s: float
    tok_per_s_per_chip: float
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingPlan:
    """The best layout for a training step.

    Attributes
    ----------
    case : TrainingCase                       asked, with the chips that are best used
    best : TrainingPrediction
    evaluated : int                           layouts evaluated
    pruned : mapping of reason → count        left out before, or because they do not fit
    front : tuple of FrontPoint               by number of chips: time of a step against tok/s of a chip
    runners_up : tuple of (words, step [s])   the next best layouts on the same chips
    """

    case: TrainingCase
    best: TrainingPrediction
    evaluated: int
    pruned: Mapping[str, int]
    front: tuple[FrontPoint, ...]
    runners_up: tuple[tuple[str, float], ...]


def best_training(case: TrainingCase, fitted: Section | None = None) -> TrainingPlan | Refusal:
    """Find the layout with the highest tokens/s on all of the case's chips, or halves, quarters and so on; or fewer that fill a layout.

    Examples
    --------
    >>> from offtake.perf.cases import TrainingCase
    >>> from offtake.perf.names import chip_named, model_named
    >>> chip, model = chip_named("A100").chip, model_named("Llama 2 7B")
    >>> plan = best_training(TrainingCase(chip=chip, model=model, chips=64, seq_tok=4096, batch_seqs=512))
    >>> plan.best.layout["tp"] * plan.best.layout["pp"] * plan.best.layout["dp"]
    64.0
    """
    if getattr(case.chip, f"{case.precision}_flop_per_s") is None and case.precision != "bf16":
        return Refusal(reason=f"{case.chip.name} has no unit for {case.precision}: train at a wider precision, bf16")
    case = as_run(fitted.own if fitted else None, case)
    found: list[tuple[TrainingCase, TrainingPrediction]] = []
    pruned: Counter[str] = Counter()
    evaluated, refused = 0, ""
    runners: tuple[tuple[str, float], ...] = ()
    chips, misses = case.chips, 0
    while chips >= 1:
        own = replace(case, chips=chips)
        count, reasons, near = _training_layouts(own, fitted)
        evaluated += count
        pruned.update(reasons)
        answer = predict_training(own, fitted)
        if isinstance(answer, Refusal):
            refused = refused or answer.reason
        elif answer.memory_frac <= 1.0 + 1e-3:
            found.append((own, answer))
            runners = runners or near
        misses = 0 if count else misses + 1
        if chips == 1 or misses > _MOST_MISSES:
            break
        chips = chips // 2 if count else _rounder(chips)
    if not found:
        return Refusal(
            reason=refused or f"{case.model.name} does not fit on {case.chips} {case.chip.name} in any layout"
        )
    best_case, best = max(found, key=lambda pair: pair[1].tok_per_s)
    front = pareto(
        [(p.step_s, p.tok_per_s_per_chip, f"{c.chips} chips: {_training_words(p.layout)}") for c, p in found]
    )
    return TrainingPlan(
        case=best_case, best=best, evaluated=evaluated, pruned=dict(pruned), front=front, runners_up=runners
    )


def _rounder(chips: int) -> int:
    """Return the next smaller count that goes into many layouts: a power of two, or up to seven times one.

    Examples
    --------
    >>> _rounder(100_000), _rounder(1021), _rounder(2)
    (98304, 896, 1)
    """
    return max((m << a for m in (1, 3, 5, 7) for a in range(chips.bit_length()) if m << a < chips), default=1)


def _training_layouts(
    case: TrainingCase, fitted: Section | None
) -> tuple[int, dict[str, int], tuple[tuple[str, float], ...]]:
    """Return (layouts evaluated, reasons of those left out, the next best) on exactly the case's chips."""
    refused = impossible(case)
    if refused:
        return 0, {refused: 1}, ()
    try:
        settings, tried = open_settings(case, base_setting(case))
    except OfftakeError as error:
        return 0, {str(error): 1}, ()
    count = len(tried.layout["tp"])
    share = np.broadcast_to(footprint(settings).total_bytes / usable_bytes(settings), (count,))
    pruned = dict(tried.pruned)
    fits = np.flatnonzero(share <= 1.0)
    if fits.size < count:
        pruned["does not fit in memory"] = count - int(fits.size)
    if not fits.size:
        return count, pruned, ()
    narrowed = base_setting(case).with_layout(**{name: np.asarray(v)[fits] for name, v in tried.layout.items()})
    times = np.broadcast_to(step(narrowed, efficiency_of(case, fitted)).total_s, fits.shape)
    order = np.argsort(times)[:6]
    near = tuple(
        (_training_words({n: float(np.asarray(v)[fits[i]]) for n, v in tried.layout.items()}), float(times[i]))
        for i in order
    )
    return count, pruned, near[1:]


def _training_words(layout: Mapping[str, float]) -> str:
    """Say a training layout as people do."""
    parts = [f"tp {layout['tp']:.0f}", f"pp {layout['pp']:.0f}"]
    parts += [f"{name} {layout[name]:.0f}" for name in ("cp", "ep", "vpp") if layout.get(name, 1.0) > 1.0]
    parts += [f"weights over {layout['shards']:.0f}"] if layout.get("shards", 1.0) > 1.0 else []
    again = (
        "selective"
        if layout.get("selective")
        else f"{layout.get('recompute', 0.0):.0%}"
        if layout.get("recompute")
        else "none"
    )
    return ", ".join([*parts, f"micro-batch {layout['micro_seqs']:.0f}", f"recompute {again}"])


def pareto(points: Sequence[tuple[float, float, str]], most: int = 40) -> tuple[FrontPoint, ...]:
    """Return the points that no other beats in latency and rate, by latency, thinned to `most`.

    Examples
    --------
    >>> [p.words for p in pareto([(1.0, 5.0, "a"), (2.0, 4.0, "b"), (3.0, 9.0, "c")])]
    ['a', 'c']
    """
    kept: list[FrontPoint] = []
    for latency, rate, words in sorted(points, key=lambda point: (point[0], -point[1])):
        if not kept or rate > kept[-1].tok_per_s_per_chip:
            kept.append(FrontPoint(latency_s=latency, tok_per_s_per_chip=rate, words=words))
    if len(kept) <= most:
        return tuple(kept)
    picks = sorted({round(i * (len(kept) - 1) / (most - 1)) for i in range(most)})
    return tuple(kept[i] for i in picks)
