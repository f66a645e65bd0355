"""One decode step: the weights that a batch touches, the cache it reads, its products, its messages, its launches.

t = Σ smooth max(bytes / bandwidth, flop / peak) over weights, experts and attention + messages + launches.
Axes: [row, batch]; a setting has [row, 1].
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from offtake.perf.serving_params import Physics
    from offtake.perf.serving_setting import Setting
    from offtake.perf.terms.real import Real

    Floats = NDArray[np.float64]

__all__ = [
    "Decoder",
    "Step",
    "decode_step",
    "kv_bytes",
    "kv_split",
    "launches_s",
    "messages_latency_s",
    "messages_s",
    "padded",
    "smooth_max",
    "touched",
    "weight_bytes",
]

# Share of the memory bandwidth that plain copies reach (data sheets against STREAM-like tests: 0.90 to 0.94).
BEST_HBM = 0.94


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """The terms of one decode step of a replica, each float64[row, batch] [s]."""

    weights_s: Floats
    experts_s: Floats
    attention_s: Floats
    tensor_messages_s: Floats
    expert_messages_s: Floats
    launches_s: Floats
    sequences_s: Floats
    draft_s: Floats

    @property
    def total_s(self) -> Floats:
        """Time of the step [s]."""
        return (
            self.weights_s
            + self.experts_s
            + self.attention_s
            + self.tensor_messages_s
            + self.expert_messages_s
            + self.launches_s
            + self.sequences_s
            + self.draft_s
        )


def smooth_max(a: Floats, b: Floats) -> Floats:
    """Return (a⁴ + b⁴)^¼: the larger, and a fifth more where both are alike, because reading and computing overlap only in part.

    Examples
    --------
    >>> round(float(smooth_max(np.float64(3.0), np.float64(3.0))), 3)
    3.568
    """
    a2, b2 = a * a, b * b
    return np.sqrt(np.sqrt(a2 * a2 + b2 * b2))


def touched(experts: Floats, top_k: Floats, tok: Floats) -> Floats:
    """Return the expected share of experts that at least one of `tok` tokens uses: 1 - (1 - k/E)^tok.

    Examples
    --------
    >>> float(touched(np.float64(8.0), np.float64(2.0), np.float64(1.0)))
    0.25
    """
    miss = np.maximum(1.0 - top_k / experts, 1e-12)
    return 1.0 - miss**tok


def padded(rows: Floats, tile: Floats | float) -> Floats:
    """Return rows with what tiles leave empty: a share of the edge, which shrinks from 128 to 16 for thin products (as `terms.gemm`).

    Examples
    --------
    >>> float(padded(np.float64(1.0), 0.5)), float(padded(np.float64(1000.0), 0.5))
    (9.0, 1064.0)
    """
    return np.asarray(rows + tile * np.minimum(np.maximum(rows, 16.0), 128.0))


def kv_bytes(s: Setting, context_tok: Floats) -> Floats:
    """Return the cache of one sequence: values × (full layers × context + window layers × window) × bytes, plus fixed states [bytes]."""
    kept = s.full_layers * context_tok + s.window_layers * np.minimum(context_tok, s.window_tok)
    return s.kv_values * kept * s.bytes_kv + s.state_values * 2.0


def kv_split(s: Setting, tp: Floats) -> Floats:
    """Return over how many chips of a group the cache is split: heads can be, a latent cannot."""
    return np.where(s.latent > 0.0, 1.0, np.minimum(tp, s.kv_heads))


def weight_bytes(s: Setting, tp: Floats, dp: Floats, pp: Floats) -> Floats:
    """Return the weights that one chip holds [bytes]: dense parts over tp, experts over tp × dp, all over stages."""
    dense = (s.dense_params * s.bytes_dense + (s.head_params + s.idle_params) * 2.0) / tp
    return (dense + s.expert_params * s.bytes_expert / (tp * dp)) / pp


def messages_s(s: Setting, p: Physics, size_bytes: Floats, chips: Floats) -> Floats:
    """Return one all-reduce over `chips`: latency + size × 2(q-1)/q ÷ bandwidth [s]; none at one chip.

    Within the scale-up domain the latency is that of eight chips × (1 + log2 q)/4; cards on a bus pass a ring through the host besides.
    Beyond it each chip brings its part of the sum across the network (as `offtake.perf.terms.collectives`, which takes one fabric at a
    time; rows here differ by fabric).
    """
    return np.asarray(messages_latency_s(s, p, chips) + size_bytes * reduce_per_byte(s, chips, p.link, p.network))


def messages_latency_s(s: Setting, p: Physics, chips: Floats) -> Floats:
    """Return the latency of one all-reduce over `chips` [s]."""
    outside = np.maximum(chips / s.domain, 1.0)
    inside = chips / outside
    alpha = p.reduce_latency_s * (1.0 + np.log2(inside)) * 0.25 * (inside > 1.0) + p.network_latency_s * (outside > 1.0)
    alpha = alpha + 2.0 * (inside - 1.0) * s.hop_s
    return np.asarray(alpha * s.overhead)


def launches_s(s: Setting, p: Physics) -> Floats:
    """Return the launches of one pass through all layers [s]."""
    layers = s.layers * p.layer_s + s.moe_layers * p.moe_layer_s + s.latent * s.layers * p.latent_layer_s
    return np.asarray((p.step_s + layers + s.linear_layers * p.linear_layer_s) * s.overhead)


def reduce_per_byte(s: Setting, chips: Floats, link: Real, network: Real) -> Floats:
    """Return the time of an all-reduce over the bytes it sums, latency apart [s/byte]."""
    outside = np.maximum(chips / s.domain, 1.0)
    inside = chips / outside
    up = (1.0 - 1.0 / inside) / (s.up_rate * link)
    return np.asarray(2.0 * (up + (1.0 - 1.0 / outside) / (inside * s.out_rate * network)))


def exchange_latency_s(s: Setting, p: Physics, chips: Floats) -> Floats:
    """Return the two latencies of dispatch and combine of one expert layer [s]."""
    return np.asarray(2.0 * (p.exchange_latency_s + p.network_latency_s * (chips > s.domain)) * s.overhead)


def exchange_per_tok(s: Setting, chips: Floats, ep: Floats, link: Real, network: Real) -> Floats:
    """Return the transfer of dispatch and combine of one token and expert layer [s/tok]: copies × hidden × (1 + 2) bytes.

    A token goes to top_k chips; experts split as tensors over the group (ep = 1) need it on every chip. One copy goes to another
    domain, and is spread there (as DeepEP and node-limited routing do, arXiv 2412.19437 section 3.2.2).
    """
    outside = np.maximum(chips / s.domain, 1.0)
    copies = np.where(ep > 1.0, np.minimum(s.top_k, chips), chips)
    across = np.minimum(np.where(ep > 1.0, s.top_k, outside), outside) * (1.0 - 1.0 / outside)
    up = copies * (1.0 - 1.0 / chips) / (s.up_rate * link)
    return np.asarray(s.hidden * 3.0 * (up + across / (s.out_rate * network)))


def exposed_s(transfer_s: Floats, behind_s: Floats, p: Physics) -> Floats:
    """Return what is seen of a transfer of which a share can hide behind other work [s]."""
    return np.asarray(transfer_s - np.minimum(p.hidden * transfer_s, behind_s))


def decode_step(s: Setting, p: Physics, batch: Floats) -> Step:
    """Return the terms of one step of a replica with `batch` running sequences (float64[row, batch]).

    With pipeline stages a sequence passes all layers at the micro-batch batch / pp.
    """
    return Decoder(s, p).step(batch)


class Decoder:
    """What of a step does not depend on the batch, found once: a load is answered by two looks at the same replica."""

    __slots__ = (
        "best", "dense_bytes", "dense_flop_s", "drafts", "expert_bytes", "expert_flop_s", "floor_s", "hbm", "kv_s", "latency_s",
        "launches_s", "p", "per_byte_s", "reduces", "routes", "s", "score_s", "skew", "span", "spread", "verify",
    )  # fmt: skip

    def __init__(self, s: Setting, p: Physics) -> None:
        self.s, self.p = s, p
        self.span = s.tp * s.dp
        # no software reads faster than the memory: the factor of chip and engine stops at `BEST_HBM` of the bandwidth
        self.best = s.hbm_rate * BEST_HBM
        dense_rate = s.peak_dense * p.flop * np.where(s.quant_dense > 0.0, p.narrow, 1.0)
        self.dense_bytes = (s.dense_params * s.bytes_dense + s.head_params * 2.0) / s.tp
        self.dense_flop_s = 2.0 * (s.dense_params + s.head_params) / (s.tp * dense_rate)
        self.skew = np.where((s.ep > 1.0) & (s.experts > 1.0), p.imbalance, 1.0)
        expert_rate = s.peak_expert * p.flop * p.expert_flop * np.where(s.quant_expert > 0.0, p.narrow, 1.0)
        per_chip = s.expert_params / self.span
        self.expert_bytes = per_chip * s.bytes_expert
        self.expert_flop_s = 2.0 * per_chip / expert_rate
        context = s.context_tok
        seen = s.full_layers * context + s.window_layers * np.minimum(context, s.window_tok)
        self.kv_s = kv_bytes(s, context) / kv_split(s, s.tp) / s.hbm_rate
        self.score_s = 4.0 * s.heads / s.tp * s.width_decode * seen / (s.peak_attention * p.attention_flop)
        self.reduces = np.where(s.dp > 1.0, s.layers + s.mlp_layers, 2.0 * s.layers)
        self.spread = (s.dp > 1.0) & (s.moe_layers > 0.0)
        self.launches_s = launches_s(s, p) * s.pace
        self.hbm = s.hbm_rate * p.hbm
        self.floor_s = self.dense_bytes / self.best
        self.latency_s = messages_latency_s(s, p, s.tp)
        self.per_byte_s = reduce_per_byte(s, s.tp, p.link, p.network)
        self.verify = 1.0 + s.draft_tok
        self.drafts, self.routes = bool((s.draft_tok > 0.0).any()), bool((s.experts > 1.0).any())

    def step(self, batch: Floats) -> Step:
        """Return the terms of one step with `batch` running sequences."""
        s, p = self.s, self.p
        seqs = np.maximum(batch / s.pp, 1.0)
        rank = np.maximum(seqs / s.dp, 1.0)  # a step waits for the busiest attention group
        tok = rank * self.verify
        none = np.zeros_like(tok)
        weights = smooth_max(self.dense_bytes / self.hbm, self.dense_flop_s * padded(tok, p.tile))
        cache = rank * self.kv_s
        attention = smooth_max(cache / p.cache, self.score_s * tok)
        # a pace below one does not beat the memory either
        weights = np.maximum(np.maximum(weights * s.stream, self.floor_s) * s.pace, self.floor_s)
        experts = self._experts_s(seqs * self.verify) if self.routes else none
        attention = np.maximum(np.maximum(attention * s.stream, cache / BEST_HBM) * s.pace, cache / BEST_HBM)
        tensor = self.reduces * (self.latency_s + tok * s.hidden * 2.0 * self.per_byte_s) * s.pace
        expert_messages = none
        if self.spread.any():  # most single estimates have none; a tenth of their time
            transfer = (
                s.moe_layers * tok / s.tp * exchange_per_tok(s, self.span, s.ep, p.exchange_link, p.network) * s.pace
            )
            latency_s = s.moe_layers * exchange_latency_s(s, p, self.span) * s.pace
            seen_s = exposed_s(transfer, weights + experts + attention, p) + latency_s
            expert_messages = np.where(self.spread, seen_s, 0.0)
        draft = none
        if self.drafts:
            whole = weights + experts + attention + tensor + expert_messages + self.launches_s
            draft = s.draft_tok * s.draft_share * whole
        return Step(
            weights_s=weights, experts_s=experts, attention_s=attention, tensor_messages_s=tensor,
            expert_messages_s=expert_messages, launches_s=self.launches_s + none,
            sequences_s=p.sequence_s * rank * s.overhead * s.pace, draft_s=draft,
        )  # fmt: skip

    def _experts_s(self, tok: Floats) -> Floats:
        """Return the time of the routed experts for the tokens of all attention groups [s]."""
        s, p = self.s, self.p
        share = np.maximum(touched(s.experts, s.top_k, tok * p.routed), 1e-9)
        read = self.expert_bytes * share
        rows = tok * s.top_k / s.experts / share
        experts = self.skew * smooth_max(
            read / (self.hbm * p.expert_hbm), self.expert_flop_s * share * padded(rows, p.tile)
        )
        floor = read / self.best
        return np.asarray(np.maximum(np.maximum(experts * s.stream, floor) * s.pace, floor))
