"""Serving: tokens/s of a chip under a latency class, by a search over layouts and batch.

A layout is `chips` chips per replica, of which `tp` share each attention group; routed experts lie over all chips of the replica.
Prefill and decode have their own layouts (separate pools, rates matched), so one chip's output rate for the class is
1 / (1/decode + fresh input per output / prefill).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from offtake.errors import OfftakeError
from offtake.perf import memory, roofline, watts
from offtake.perf.roofline import DEFAULT, Efficiency
from offtake.perf.types import need, precision_bytes

if TYPE_CHECKING:
    from offtake.perf.types import Chip, LatencyClass, Precision, Transformer

__all__ = ["LatencyError", "ServingEstimate", "decode_step_s", "estimate", "prefill_s_per_tok", "queue_wait"]

LOW_FACTOR, HIGH_FACTOR = 0.55, 1.45
_MAX_CHIPS_MOE = 256
_PREFILL_CHUNK_TOK = 8192.0


class LatencyError(OfftakeError):
    """No layout of this chip serves this model within the latency class."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How a replica lies on chips."""

    chips: int
    tp: int

    @property
    def groups(self) -> int:
        """Attention groups in a replica."""
        return self.chips // self.tp


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


def queue_wait(load: float, servers: int) -> float:
    """Return the mean wait over the service time of a queue with fixed service times.

    Allen-Cunneen with Sakasegawa's exponent: load^(√(2(c+1)) - 1) / (c (1 - load)) / 2; exact for one server (M/D/1).

    Examples
    --------
    >>> round(queue_wait(0.8, 1), 6)           # M/D/1: 0.8 / (2 x 0.2)
    2.0
    """
    return float(load ** (math.sqrt(2.0 * (servers + 1)) - 1.0) / (servers * (1.0 - load)) / 2.0)


def decode_step_s(
    chip: Chip, model: Transformer, layout: Layout, *, batch: float, context_tok: float,
    precision: Precision, efficiency: Efficiency = DEFAULT,
) -> tuple[float, str]:
    """Return the time of one decode step of a replica [s], and which term binds."""
    per_group = batch / layout.groups
    bytes_w = precision_bytes(precision)
    imbalance = efficiency.expert_imbalance if layout.chips > 1 and model.is_moe else 1.0
    weights = roofline.dense_params(model) * bytes_w / layout.tp
    experts = model.expert_params * bytes_w / layout.chips * roofline.expert_share_touched(model, batch)
    cache = per_group * memory.kv_bytes(model, context_tok) / _kv_split(model, layout.tp)
    bandwidth = need(chip.hbm_bytes_per_s, chip.name, "hbm_bytes_per_s") * efficiency.hbm
    memory_s = (weights + experts + cache) / bandwidth
    work = batch / layout.chips * roofline.flop_per_tok(model, context_tok) * imbalance
    compute_s = work / (roofline.peak(chip, precision) * efficiency.decode_flop)
    experts_s, fixed_s = _expert_messages_s(chip, model, layout, batch / layout.chips, efficiency)
    terms = {"memory bandwidth": memory_s, "compute": compute_s, "expert messages": experts_s}
    binds = max(terms, key=lambda name: terms[name])
    step = terms[binds] + fixed_s + _tensor_messages_s(chip, model, layout.tp, per_group, efficiency) + efficiency.step_s
    return step, binds


def prefill_s_per_tok(
    chip: Chip, model: Transformer, layout: Layout, *, latency: LatencyClass,
    precision: Precision, efficiency: Efficiency = DEFAULT,
) -> float:
    """Return the time of one input token in a replica whose groups all work, times groups [s per token and group]."""
    seen = latency.input_tok * latency.cached_frac + 0.5 * latency.fresh_tok
    share = efficiency.prefill_moe if model.is_moe else efficiency.prefill_dense
    compute_s = roofline.flop_per_tok(model, seen) / (layout.tp * roofline.peak(chip, precision) * share)
    chunk = min(_PREFILL_CHUNK_TOK, max(latency.fresh_tok, 1.0))
    weights = roofline.dense_params(model) / layout.tp + model.expert_params / layout.chips
    bandwidth = need(chip.hbm_bytes_per_s, chip.name, "hbm_bytes_per_s") * efficiency.hbm
    memory_s = weights * precision_bytes(precision) / bandwidth / chunk
    experts_s, fixed_s = _expert_messages_s(chip, model, layout, chunk / layout.tp, efficiency)
    tensor_s = _tensor_messages_s(chip, model, layout.tp, chunk, efficiency)
    return max(compute_s, memory_s, experts_s / chunk) + (fixed_s + tensor_s) / chunk


@lru_cache(maxsize=4096)
def estimate(
    chip: Chip, model: Transformer, latency: LatencyClass, *,
    precision: Precision | None = None, efficiency: Efficiency = DEFAULT,
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
    decode = _best_decode(chip, model, latency, chosen, efficiency)
    prefill = _best_prefill(chip, model, latency, chosen, efficiency, decode.step_s)
    notes = (
        f"decode: {decode.layout.chips} chips a replica (tp {decode.layout.tp}), batch {decode.batch}; limited by {decode.limit}",
        f"prefill: {prefill.layout.chips} chips a replica (tp {prefill.layout.tp}); time to first token {prefill.ttft_s:.3g} s"
        f" of {latency.ttft_s:.3g} s",
        f"weights {chosen}, cache bf16; decode step bound by {decode.binds}",
    )
    return ServingEstimate(
        chip=chip.name, model=model.name, precision=chosen,
        prefill_tok_per_s_per_chip=prefill.rate, decode_tok_per_s_per_chip=decode.rate,
        fresh_input_per_output=latency.fresh_tok / latency.output_tok,
        chips_per_replica=decode.layout.chips, tp=decode.layout.tp, prefill_chips=prefill.layout.chips,
        batch=decode.batch, ttft_s=prefill.ttft_s, tpot_s=decode.step_s,
        memory_bytes_per_chip=decode.memory_bytes, it_w_per_chip=watts.it_w_per_chip(chip),
        low=LOW_FACTOR, high=HIGH_FACTOR, binds=decode.limit, notes=notes,
    )


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


def _kv_split(model: Transformer, tp: int) -> int:
    """Return over how many chips of a group the cache is split: heads can be, a latent cannot."""
    return 1 if model.latent_attention else min(tp, max(model.kv_heads, 1))


def _tensor_messages_s(chip: Chip, model: Transformer, tp: int, tokens: float, efficiency: Efficiency) -> float:
    """Two all-reduces a layer of tokens × hidden × 2 bytes [s]."""
    if tp <= 1:
        return 0.0
    bandwidth, latency_s = roofline.link(chip, tp, efficiency)
    return 2.0 * model.layers * roofline.all_reduce_s(tokens * model.hidden * 2.0, tp, bandwidth, latency_s)


def _expert_messages_s(
    chip: Chip, model: Transformer, layout: Layout, tokens_per_chip: float, efficiency: Efficiency
) -> tuple[float, float]:
    """Dispatch (1 byte) and combine (2 bytes) of top_k × hidden a token and expert layer: (time that overlaps, latency) [s]."""
    if not model.is_moe or layout.chips <= 1:
        return 0.0, 0.0
    bandwidth, latency_s = roofline.link(chip, layout.chips, efficiency)
    sent = tokens_per_chip * min(model.top_k, layout.chips) * model.hidden * 3.0 * efficiency.expert_imbalance
    transfer = roofline.all_to_all_s(sent, layout.chips, bandwidth, 0.0)
    return model.moe_layers * transfer, 2.0 * model.moe_layers * latency_s


def _layouts(chip: Chip, model: Transformer) -> list[Layout]:
    """Return the layouts to try, powers of two."""
    domain = max(1, chip.scaleup_domain)
    widths = [2**i for i in range(7) if 2**i <= min(domain, 64) and 2**i <= max(model.heads, 1)]
    if not model.is_moe:
        return [Layout(chips=tp, tp=tp) for tp in widths]
    most = min(_MAX_CHIPS_MOE, model.experts) if chip.scaleout_bytes_per_s else min(domain, model.experts)
    return [
        Layout(chips=tp * 2**j, tp=tp) for tp in widths if tp <= 16 for j in range(9) if tp * 2**j <= max(most, tp)
    ]


def _weights_per_chip(model: Transformer, layout: Layout, precision: Precision) -> float:
    """Return the weights one chip holds [bytes]."""
    held = roofline.dense_params(model) / layout.tp + model.expert_params / layout.chips
    return held * precision_bytes(precision)


def _best_decode(
    chip: Chip, model: Transformer, latency: LatencyClass, precision: Precision, efficiency: Efficiency
) -> _Decode:
    """Return the decode layout and batch with the most tokens/s per chip."""
    best: _Decode | None = None
    fastest = math.inf
    room = memory.usable_bytes(chip, efficiency.memory, efficiency.workspace_bytes)
    cache = memory.kv_bytes(model, latency.context_tok)
    fits = False
    for layout in _layouts(chip, model):
        free = room - _weights_per_chip(model, layout, precision)
        most = math.floor(free * _kv_split(model, layout.tp) * layout.groups / cache)
        if most < layout.groups:
            continue
        fits = True

        def step(batch: int, layout: Layout = layout) -> tuple[float, str]:
            return decode_step_s(
                chip, model, layout, batch=batch, context_tok=latency.context_tok, precision=precision, efficiency=efficiency
            )

        fastest = min(fastest, step(layout.groups)[0])
        batch = _largest(lambda b, step=step: step(b)[0] <= latency.tpot_s, layout.groups, most)  # type: ignore[misc]
        if batch is None:
            continue
        step_s, binds = step(batch)
        held = memory.serving_bytes_per_chip(
            _weights_per_chip(model, layout, precision), batch / layout.groups / _kv_split(model, layout.tp), cache
        )
        found = _Decode(
            layout=layout, batch=batch, rate=batch / step_s / layout.chips, step_s=step_s, memory_bytes=held,
            limit="memory for the cache" if batch == most else "time per output token", binds=binds,
        )
        if best is None or found.rate > best.rate * (1.0 + 1e-9):
            best = found
    if best is None and not fits:
        raise LatencyError(
            f"{model.name} on {chip.name}: weights and one sequence of {latency.context_tok:.0f} tokens do not fit any layout "
            f"({roofline.weight_bytes(model, precision) / 1e9:.0f} GB of weights, {room / 1e9:.0f} GB usable a chip, "
            f"{chip.scaleup_domain} chips joined)"
        )
    if best is None:
        raise LatencyError(
            f"{model.name} on {chip.name}: time per output token {latency.tpot_s * 1e3:.3g} ms cannot be met; "
            f"the best is {fastest * 1e3:.3g} ms"
        )
    return best


def _largest(ok, low: int, high: int) -> int | None:  # type: ignore[no-untyped-def]
    """Return the largest integer in [low, high] that satisfies a test which only fails upwards."""
    if not ok(low):
        return None
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if ok(middle) else (low, middle - 1)
    return low


def _best_prefill(
    chip: Chip, model: Transformer, latency: LatencyClass, precision: Precision, efficiency: Efficiency, step_s: float
) -> _Prefill:
    """Return the prefill layout with the most tokens/s per chip whose time to first token keeps the promise."""
    best: _Prefill | None = None
    fastest = math.inf
    room = memory.usable_bytes(chip, efficiency.memory, efficiency.workspace_bytes)
    wait = queue_wait(efficiency.prefill_load, efficiency.prefill_servers)
    cache = memory.kv_bytes(model, latency.input_tok)
    for layout in _layouts(chip, model):
        if _weights_per_chip(model, layout, precision) + cache / _kv_split(model, layout.tp) > room:
            continue
        per_tok = prefill_s_per_tok(chip, model, layout, latency=latency, precision=precision, efficiency=efficiency)
        ttft_s = per_tok * latency.fresh_tok * (1.0 + wait) + step_s
        fastest = min(fastest, ttft_s)
        rate = efficiency.prefill_load / (per_tok * layout.tp)
        if ttft_s <= latency.ttft_s and (best is None or rate > best.rate * (1.0 + 1e-9)):
            best = _Prefill(layout=layout, rate=rate, ttft_s=ttft_s)
    if best is None:
        raise LatencyError(
            f"{model.name} on {chip.name}: time to first token {latency.ttft_s:.3g} s cannot be met for {latency.fresh_tok:.0f} "
            f"uncached tokens; the best is {fastest:.3g} s"
        )
    return best
