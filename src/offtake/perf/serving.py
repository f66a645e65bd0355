"""Serving: tokens/s of a chip under a latency class, by a search over layouts and batch.

Prefill and decode have their own layouts (separate pools, rates matched), so one chip's output rate for the class is
1 / (1/decode + fresh input per output / prefill).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from offtake.errors import OfftakeError
from offtake.perf import memory, roofline, steps, watts
from offtake.perf.roofline import DEFAULT, Efficiency
from offtake.perf.types import need

if TYPE_CHECKING:
    from collections.abc import Callable

    from offtake.perf.steps import Layout
    from offtake.perf.types import Chip, LatencyClass, Precision, Transformer

__all__ = ["LatencyError", "ServingEstimate", "estimate"]

# 80 % of 173 published maximum rates lie within these factors of the estimate (tests/perf/test_accuracy.py); experts and chips
# without a published point are less sure.
LOW_FACTOR, HIGH_FACTOR = 0.55, 1.45
UNSURE_LOW, UNSURE_HIGH = 0.4, 1.7
_MEASURED_VENDORS = ("", "NVIDIA")


class LatencyError(OfftakeError):
    """No layout of this chip serves this model within the latency class."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingEstimate:
    """Tokens/s of one chip in a latency class, with what binds.

    `low` and `high` are factors on every rate (see docs: perf accuracy).

    Attributes
    ----------
    prefill_tok_per_s_per_chip : float [tok/s]   computed (uncached) input tokens, chip in the prefill pool
    decode_tok_per_s_per_chip : float [tok/s]    output tokens, chip in the decode pool
    fresh_input_per_output : float               uncached input tokens per output token of the class
    chips_per_replica, prefill_chips : int       decode and prefill layouts
    batch : int                                  concurrent sequences of a decode replica
    memory_bytes_per_chip : float [bytes]        decode pool
    it_w_per_chip : float [W/chip]
    """

    chip: str
    model: str
    precision: str
    prefill_tok_per_s_per_chip: float
    decode_tok_per_s_per_chip: float
    fresh_input_per_output: float
    chips_per_replica: int
    tp: int
    prefill_chips: int
    batch: int
    ttft_s: float
    tpot_s: float
    memory_bytes_per_chip: float
    it_w_per_chip: float
    low: float
    high: float
    binds: str
    notes: tuple[str, ...]

    @property
    def output_tok_per_s_per_chip(self) -> float:
        """Output tokens/s of one chip that does both phases in the class's proportion [tok/s]."""
        return 1.0 / (
            1.0 / self.decode_tok_per_s_per_chip + self.fresh_input_per_output / self.prefill_tok_per_s_per_chip
        )


@lru_cache(maxsize=4096)
def estimate(
    chip: Chip,
    model: Transformer,
    latency: LatencyClass,
    *,
    precision: Precision | None = None,
    efficiency: Efficiency = DEFAULT,
) -> ServingEstimate:
    """Estimate the tokens/s of a chip that serves a model within a latency class.

    Searches layouts (powers of two, tensor parallelism within the scale-up domain, experts over at most 256 chips) and the
    largest batch that memory and the time per token allow.

    Raises
    ------
    OfftakeError
        A figure of the chip or model is missing (named).
    LatencyError
        No layout meets the class; says the best time reached.
    """
    _check(chip, model)
    chosen = precision or chip.serving_precision
    task = _Task(chip=chip, model=model, latency=latency, precision=chosen, efficiency=efficiency)
    decode = _best_decode(task)
    prefill = _best_prefill(task, decode.step_s)
    low, high = (LOW_FACTOR, HIGH_FACTOR) if chip.vendor in _MEASURED_VENDORS else (UNSURE_LOW, UNSURE_HIGH)
    notes = (
        f"decode: {decode.layout.chips} chips a replica (tp {decode.layout.tp}), batch {decode.batch}; limited by {decode.limit}",
        f"prefill: {prefill.layout.chips} chips a replica (tp {prefill.layout.tp}), first token in {prefill.ttft_s:.3g} s",
        f"weights {chosen}, cache bf16; decode step bound by {decode.binds}",
    )
    return ServingEstimate(
        chip=chip.name,
        model=model.name,
        precision=chosen,
        prefill_tok_per_s_per_chip=prefill.rate,
        decode_tok_per_s_per_chip=decode.rate,
        fresh_input_per_output=latency.fresh_tok / latency.output_tok,
        chips_per_replica=decode.layout.chips,
        tp=decode.layout.tp,
        prefill_chips=prefill.layout.chips,
        batch=decode.batch,
        ttft_s=prefill.ttft_s,
        tpot_s=decode.step_s,
        memory_bytes_per_chip=decode.memory_bytes,
        it_w_per_chip=watts.it_w_per_chip(chip),
        low=low,
        high=high,
        binds=decode.limit,
        notes=notes,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Task:
    """What is asked."""

    chip: Chip
    model: Transformer
    latency: LatencyClass
    precision: Precision
    efficiency: Efficiency

    @property
    def room(self) -> float:
        """Memory of a chip for weights and cache [bytes]."""
        return memory.usable_bytes(self.chip, self.efficiency.memory, self.efficiency.workspace_bytes)

    @property
    def pair(self) -> str:
        """The pair as people say it."""
        return f"{self.model.name} on {self.chip.name}"

    def step(self, layout: Layout, batch: int) -> tuple[float, str]:
        """Return the time of a decode step [s] and what binds it."""
        return steps.decode_step_s(
            self.chip, self.model, layout, batch=batch, context_tok=self.latency.context_tok, precision=self.precision,
            efficiency=self.efficiency,
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class _Decode:
    layout: Layout
    batch: int
    rate: float
    step_s: float
    memory_bytes: float
    limit: str
    binds: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Prefill:
    layout: Layout
    rate: float
    ttft_s: float


def _check(chip: Chip, model: Transformer) -> None:
    """Refuse with the name of the first missing input."""
    for field in ("hbm_bytes", "hbm_bytes_per_s", "it_w_per_chip"):
        need(getattr(chip, field), chip.name, field)
    for field in ("params", "active_params", "layers", "hidden", "heads", "kv_values_per_layer"):
        need(getattr(model, field), model.name, field)
    need(model.full_layers + model.window_layers, model.name, "full_layers")


def _best_decode(task: _Task) -> _Decode:
    """Return the decode layout and batch with the most tokens/s per chip."""
    fitting = [
        (layout, most)
        for layout in steps.layouts(task.chip, task.model)
        if (most := _most_sequences(task, layout)) >= layout.groups
    ]
    if not fitting:
        weights = roofline.weight_bytes(task.model, task.precision) / 1e9
        raise LatencyError(
            f"{task.pair}: weights and one sequence of {task.latency.context_tok:.0f} tokens do not fit any layout "
            f"({weights:.0f} GB of weights, {task.room / 1e9:.0f} GB usable a chip, {task.chip.scaleup_domain} chips joined)"
        )
    found = [decode for layout, most in fitting if (decode := _decode_in(task, layout, most)) is not None]
    if not found:
        fastest = min(task.step(layout, layout.groups)[0] for layout, _ in fitting)
        raise LatencyError(
            f"{task.pair}: time per output token {task.latency.tpot_s * 1e3:.3g} ms cannot be met; the best is {fastest * 1e3:.3g} ms"
        )
    return max(found, key=lambda decode: decode.rate)


def _most_sequences(task: _Task, layout: Layout) -> int:
    """Return how many sequences the memory of a replica holds."""
    free = task.room - steps.weights_per_chip(task.model, layout, task.precision)
    cache = memory.kv_bytes(task.model, task.latency.context_tok)
    return math.floor(free * steps.kv_split(task.model, layout.tp) * layout.groups / cache)


def _decode_in(task: _Task, layout: Layout, most: int) -> _Decode | None:
    """Return the largest batch of a layout within the time per token, None where even the smallest is too slow."""
    batch = _largest(lambda b: task.step(layout, b)[0] <= task.latency.tpot_s, layout.groups, most)
    if batch is None:
        return None
    step_s, binds = task.step(layout, batch)
    sequences = batch / layout.groups / steps.kv_split(task.model, layout.tp)
    weights = steps.weights_per_chip(task.model, layout, task.precision)
    return _Decode(
        layout=layout, batch=batch, rate=batch / step_s / layout.chips, step_s=step_s, binds=binds,
        memory_bytes=memory.serving_bytes_per_chip(weights, sequences, memory.kv_bytes(task.model, task.latency.context_tok)),
        limit="memory for the cache" if batch == most else "time per output token",
    )  # fmt: skip


def _largest(ok: Callable[[int], bool], low: int, high: int) -> int | None:
    """Return the largest integer in [low, high] that satisfies a test which only fails upwards."""
    if not ok(low):
        return None
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if ok(middle) else (low, middle - 1)
    return low


def _best_prefill(task: _Task, step_s: float) -> _Prefill:
    """Return the prefill layout with the most tokens/s per chip whose time to first token keeps the promise."""
    wait = steps.queue_wait(task.efficiency.prefill_load, task.efficiency.prefill_servers)
    tried = []
    for layout in steps.layouts(task.chip, task.model):
        cache = memory.kv_bytes(task.model, task.latency.input_tok) / steps.kv_split(task.model, layout.tp)
        if steps.weights_per_chip(task.model, layout, task.precision) + cache > task.room:
            continue
        per_tok = steps.prefill_s_per_tok(
            task.chip, task.model, layout, latency=task.latency, precision=task.precision, efficiency=task.efficiency
        )
        ttft_s = per_tok * task.latency.fresh_tok * (1.0 + wait) + step_s
        tried.append(_Prefill(layout=layout, rate=task.efficiency.prefill_load / (per_tok * layout.tp), ttft_s=ttft_s))
    if not tried:
        raise LatencyError(
            f"{task.pair}: weights and one prompt of {task.latency.input_tok:.0f} tokens do not fit any layout"
        )
    kept = [prefill for prefill in tried if prefill.ttft_s <= task.latency.ttft_s]
    if not kept:
        raise LatencyError(
            f"{task.pair}: time to first token {task.latency.ttft_s:.3g} s cannot be met for {task.latency.fresh_tok:.0f} uncached "
            f"tokens; the best is {min(p.ttft_s for p in tried):.3g} s"
        )
    return max(kept, key=lambda prefill: prefill.rate)
