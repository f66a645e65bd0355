"""The time of one step of a replica: reading memory, computing, sending messages.

A layout is `chips` chips per replica, of which `tp` share each attention group; routed experts lie over all chips of the replica.
A decode step takes max(memory, compute) + messages + a fixed time; a prompt's token takes max(compute, memory, expert messages)
+ what cannot hide.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from offtake.perf import memory, roofline
from offtake.perf.roofline import DEFAULT, Efficiency
from offtake.perf.types import need, precision_bytes

if TYPE_CHECKING:
    from offtake.perf.types import Chip, LatencyClass, Precision, Transformer

__all__ = ["Layout", "decode_step_s", "kv_split", "layouts", "prefill_s_per_tok", "queue_wait", "weights_per_chip"]

_PREFILL_CHUNK_TOK = 8192.0
_MAX_CHIPS_MOE = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How a replica lies on chips: `tp` of its `chips` share each attention group; routed experts lie over all."""

    chips: int
    tp: int

    @property
    def groups(self) -> int:
        """Attention groups in a replica."""
        return self.chips // self.tp


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
    chip: Chip,
    model: Transformer,
    layout: Layout,
    *,
    batch: float,
    context_tok: float,
    precision: Precision,
    efficiency: Efficiency = DEFAULT,
) -> tuple[float, str]:
    """Return the time of one decode step of a replica [s], and which term binds."""
    per_group = batch / layout.groups
    bytes_w = precision_bytes(precision)
    imbalance = efficiency.expert_imbalance if layout.groups > 1 and model.is_moe else 1.0
    weights = roofline.dense_params(model) * bytes_w / layout.tp
    experts = model.expert_params * bytes_w / layout.chips * roofline.expert_share_touched(model, batch)
    cache = per_group * memory.kv_bytes(model, context_tok) / kv_split(model, layout.tp)
    bandwidth = need(chip.hbm_bytes_per_s, chip.name, "hbm_bytes_per_s") * efficiency.hbm
    memory_s = (weights + experts + cache) / bandwidth
    work = batch / layout.chips * roofline.flop_per_tok(model, context_tok, decode=True) * imbalance
    compute_s = work / (roofline.peak(chip, precision) * efficiency.decode_flop)
    experts_s, fixed_s = _expert_messages_s(
        chip, model, layout, batch / layout.chips, copies=min(model.top_k, layout.chips), efficiency=efficiency
    )
    messages_s = experts_s + fixed_s + _tensor_messages_s(chip, model, layout.tp, per_group, efficiency)
    terms = {
        "memory bandwidth": memory_s,
        "compute": compute_s,
        "messages": messages_s,
        "fixed time of a step": efficiency.step_s,
    }
    step_s = max(memory_s, compute_s) + messages_s + efficiency.step_s
    return step_s / roofline.software_share(chip), max(terms, key=lambda name: terms[name])


def prefill_s_per_tok(
    chip: Chip,
    model: Transformer,
    layout: Layout,
    *,
    latency: LatencyClass,
    precision: Precision,
    efficiency: Efficiency = DEFAULT,
) -> float:
    """Return the time of one input token in a replica whose groups all work, times groups [s per token and group]."""
    seen = latency.input_tok * latency.cached_frac + 0.5 * latency.fresh_tok
    share = efficiency.prefill_dense
    if model.is_moe:
        share = efficiency.prefill_experts if layout.groups > 1 else efficiency.prefill_moe_tensor
    compute_s = roofline.flop_per_tok(model, seen) / (layout.tp * roofline.peak(chip, precision) * share)
    chunk = min(_PREFILL_CHUNK_TOK, max(latency.fresh_tok, 1.0))
    weights = roofline.dense_params(model) / layout.tp + model.expert_params / layout.chips
    bandwidth = need(chip.hbm_bytes_per_s, chip.name, "hbm_bytes_per_s") * efficiency.hbm
    memory_s = weights * precision_bytes(precision) / bandwidth / chunk
    experts_s, fixed_s = _expert_messages_s(
        chip, model, layout, chunk / layout.tp, copies=_prefill_copies(chip, model, layout), efficiency=efficiency
    )
    tensor_s = _tensor_messages_s(chip, model, layout.tp, chunk, efficiency)
    # two half-chunks take turns, so that expert messages hide behind compute (what DeepSeek describes of its prefill)
    return (max(compute_s, memory_s, experts_s / chunk) + (fixed_s + tensor_s) / chunk) / roofline.software_share(chip)


def layouts(chip: Chip, model: Transformer) -> list[Layout]:
    """Return the layouts to try, powers of two."""
    domain = max(1, chip.scaleup_domain)
    widths = [2**i for i in range(7) if 2**i <= min(domain, 64) and 2**i <= max(model.heads, 1)]
    if not model.is_moe:
        return [Layout(chips=tp, tp=tp) for tp in widths]
    most = min(_MAX_CHIPS_MOE, model.experts) if chip.scaleout_bytes_per_s else min(domain, model.experts)
    return [Layout(chips=tp * 2**j, tp=tp) for tp in widths if tp <= 16 for j in range(9) if tp * 2**j <= max(most, tp)]


def kv_split(model: Transformer, tp: int) -> int:
    """Return over how many chips of a group the cache is split: heads can be, a latent cannot."""
    return 1 if model.latent_attention else min(tp, max(model.kv_heads, 1))


def weights_per_chip(model: Transformer, layout: Layout, precision: Precision) -> float:
    """Return the weights one chip holds [bytes]."""
    held = roofline.dense_params(model) / layout.tp + model.expert_params / layout.chips
    return held * precision_bytes(precision)


def _tensor_messages_s(chip: Chip, model: Transformer, tp: int, tokens: float, efficiency: Efficiency) -> float:
    """Two all-reduces a layer of tokens × hidden × 2 bytes [s]."""
    if tp <= 1:
        return 0.0
    bandwidth, latency_s = roofline.link(chip, tp, efficiency)
    return 2.0 * model.layers * roofline.all_reduce_s(tokens * model.hidden * 2.0, tp, bandwidth, latency_s)


def _expert_messages_s(
    chip: Chip, model: Transformer, layout: Layout, tokens_per_chip: float, *, copies: float, efficiency: Efficiency
) -> tuple[float, float]:
    """Dispatch (1 byte) and combine (2 bytes) of copies × hidden a token and expert layer: (transfer, latency) [s]."""
    if not model.is_moe or layout.groups <= 1:  # one group: experts are split as the rest, its all-reduces carry both
        return 0.0, 0.0
    bandwidth, latency_s = roofline.link(chip, layout.chips, efficiency)
    sent = tokens_per_chip * copies * model.hidden * 3.0 * efficiency.expert_imbalance
    transfer = roofline.all_to_all_s(sent, layout.chips, bandwidth, 0.0)
    return model.moe_layers * transfer, 2.0 * model.moe_layers * latency_s


def _prefill_copies(chip: Chip, model: Transformer, layout: Layout) -> float:
    """Return the copies of a token sent in prefill: one a scale-up domain where experts lie beyond it, else one an expert."""
    domains = math.ceil(layout.chips / chip.scaleup_domain)
    return float(min(model.top_k, layout.chips) if domains == 1 else min(model.top_k, domains))
