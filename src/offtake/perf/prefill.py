"""Prefill: how long a prompt keeps the chips busy, and how long one prompt alone takes.

Busy time is what prompts take from each other and from decoding when they share full chunks; the lone time adds the reading of
weights, launches and messages that one prompt cannot share. Axes: [row, 1].
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from offtake.perf.decode import (
    exchange_latency_s,
    exchange_per_tok,
    exposed_s,
    launches_s,
    messages_latency_s,
    padded,
    reduce_per_byte,
    smooth_max,
    touched,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from offtake.perf.serving_params import Physics
    from offtake.perf.serving_setting import Setting

    Floats = NDArray[np.float64]

__all__ = ["CHUNK_TOK", "Prompt", "prompt_times"]

# Tokens of a full mixed step: the default of chunked prefill in vLLM and SGLang (2,048 to 16,384), TensorRT-LLM's max_num_tokens 8,192.
CHUNK_TOK = 8192.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """Times of one prompt, float64[row, 1] [s].

    `busy_s`: of the replica, where prompts share chunks and attention groups work side by side; `lone_s`: from start to first token
    with nothing else to do; `products_s`, `attention_s`, `messages_s`: parts of the busy time of one attention group.
    """

    busy_s: Floats
    lone_s: Floats
    products_s: Floats
    attention_s: Floats
    messages_s: Floats


def _prefill_layout(s: Setting) -> Setting:
    """Return the setting with the layout of its prefill workers in place of the decoding ones."""
    if (s.mixed > 0.0).all():
        return s
    return replace(s, tp=s.prefill_tp, dp=s.prefill_dp, pp=s.prefill_pp, ep=s.prefill_ep)


def prompt_times(setting: Setting, p: Physics) -> Prompt:
    """Return the times of one prompt on a prefill worker (or on the shared replica)."""
    s = _prefill_layout(setting)
    fresh = np.maximum(s.fresh_tok, 1.0)
    chunk = np.maximum(np.minimum(fresh, CHUNK_TOK), 2048.0)
    span = s.tp * s.dp
    dense_rate = s.tp * s.peak_dense * p.prompt_flop * np.where(s.quant_dense > 0.0, p.narrow, 1.0)
    expert_rate = s.peak_expert * p.prompt_flop * p.prompt_expert_flop * np.where(s.quant_expert > 0.0, p.narrow, 1.0)
    skew = np.where((s.ep > 1.0) & (s.experts > 1.0), p.imbalance, 1.0)
    used = s.expert_params * s.top_k / s.experts
    dense = 2.0 * s.dense_params * fresh / dense_rate
    experts = skew * 2.0 * used * fresh / (s.tp * expert_rate)
    full = padded(chunk, p.tile) / chunk
    rows = chunk * s.top_k / s.experts * s.dp
    full_experts = padded(rows, p.tile) / rows
    seen = s.cached_tok + 0.5 * fresh
    windowed = np.minimum(seen, s.window_tok)
    score_flop = 4.0 * s.heads * s.width_prefill * (s.full_layers * seen + s.window_layers * windowed) * fresh
    attention = score_flop / (s.tp * s.peak_attention * p.prompt_attention)
    spread = (s.dp > 1.0) & (s.moe_layers > 0.0)
    reduces = np.where(s.dp > 1.0, s.layers + s.mlp_layers, 2.0 * s.layers)
    reduce_s = reduces * fresh * s.hidden * 2.0 * reduce_per_byte(s, s.tp, p.prompt_link, p.network)
    products = (dense * full + experts * full_experts) * s.prompt
    attention = attention * s.prompt
    wires = reduce_s * s.prompt
    group = products + attention + wires
    if spread.any():
        moved = s.moe_layers * fresh / s.tp * exchange_per_tok(s, span, s.ep, p.exchange_link, p.network)
        wires = wires + np.where(spread, exposed_s(moved * s.prompt, products + attention, p), 0.0)
        group = (products + attention + wires) * np.where(spread, p.prompt_spread * s.spread, 1.0)
    floor = weight_floor_s(s, p, fresh)
    fixed = _fixed_s(s, p, span, spread=spread)
    steps = np.ceil(fresh / CHUNK_TOK)
    lone = smooth_max(group, floor * s.stream) + fixed * steps
    return Prompt(
        busy_s=(group / (s.dp * s.pp) + p.prompt_overhead * fixed) * s.pace,
        lone_s=lone * s.pace,
        products_s=products * s.pace,
        attention_s=attention * s.pace,
        messages_s=wires * s.pace,
    )


def weight_floor_s(s: Setting, p: Physics, tok: Floats) -> Floats:
    """Return the time to read the weights that `tok` tokens touch [s]."""
    dense = s.dense_params * s.bytes_dense / s.tp
    experts = s.expert_params * s.bytes_expert / (s.tp * s.dp) * touched(s.experts, s.top_k, tok)
    return np.asarray((dense + experts) / (s.hbm_rate * p.hbm))


def _fixed_s(s: Setting, p: Physics, span: Floats, *, spread: NDArray[np.bool_]) -> Floats:
    """Return the launches and latencies of one pass [s]."""
    reduces = np.where(s.dp > 1.0, s.layers + s.mlp_layers, 2.0 * s.layers)
    fixed = launches_s(s, p) + reduces * messages_latency_s(s, p, s.tp)
    if spread.any():
        fixed += np.where(spread, s.moe_layers * exchange_latency_s(s, p, span), 0.0)
    return fixed
