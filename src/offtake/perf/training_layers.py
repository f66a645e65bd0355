"""Compute of a training step: products, experts, attention, element-wise kernels, output matrix, optimizer, fixed times.

Times of one micro-batch over all layers of the model, on the chips of one tensor-parallel group.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from offtake.perf.terms import attention, elementwise, gemm, moe
from offtake.perf.terms.real import larger, smaller, where
from offtake.perf.training_counts import expert_tp, params_per_chip, plain, some

if TYPE_CHECKING:
    from offtake.perf.terms.real import Array, Real
    from offtake.perf.training_params import Efficiency
    from offtake.perf.training_setting import Setting

__all__ = ["Layers", "fixed_s", "layers_of", "logits_s", "mixers", "optimizer_s"]

OPTIMIZER_BYTES = 30.0
"""Moved per weight by Adam: master, two moments, gradient read (16), master and moments written (12), bf16 weight written (2)."""


_WIDE = 12_000.0
"""Width of an expert at which half of the loss of grouped products is left: assumed: nearly all rows of wider ones have one a chip."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layers:
    """Mean time of one micro-batch over all layers of the model on one stage's chips, by term [s]; `latent_f` is a part of `gemm_f`."""

    gemm_f: Array
    latent_f: Array
    gemm_b: Array
    experts_f: Array
    experts_b: Array
    attention_f: Array
    attention_b: Array
    elementwise_f: Array
    elementwise_b: Array


def layers_of(s: Setting, eff: Efficiency, tokens: Real) -> Layers:
    """Compute terms of one micro-batch, all layers of the model, on the chips of one tensor-parallel group [s]."""
    gemm_share = eff.gemm * np.exp(-eff.young * s.young)
    rate = s.peak * s.power * gemm_share
    low = s.low > 0.0
    # grouped products in four bits run no faster than in eight: what they gain is lost in rounding for each expert
    rate_eight = where(low, smaller(s.peak_low, 2.0 * s.peak) * s.power * gemm_share * eff.low, rate)
    rate_low = where(low, s.peak_low * s.power * gemm_share * eff.low * where(s.fp4 > 0.0, eff.fp4, 1.0), rate)
    hbm = s.hbm_rate * eff.hbm
    attention_layers = s.full_layers + s.window_layers + s.mtp
    moe_layers = s.moe_layers + s.mtp * (s.moe_layers > 0.0)
    mlp_layers = s.mlp_layers + s.mtp * (s.moe_layers == 0.0)

    gemm_f, gemm_b, latent_f = _products(
        s, tokens, rate=rate_low, hbm=hbm, low=low, layers=(attention_layers, mlp_layers, moe_layers)
    )
    experts_f, experts_b = _experts(s, eff, tokens, rate=rate_eight, hbm=hbm, layers=moe_layers)
    core_f, core_b = _cores(s, eff, tokens, hbm=hbm)
    light_f, light_b = _light(s, eff, tokens, hbm=hbm)
    return Layers(
        gemm_f=gemm_f, latent_f=latent_f, gemm_b=gemm_b, experts_f=experts_f, experts_b=experts_b,
        attention_f=core_f, attention_b=core_b, elementwise_f=light_f, elementwise_b=light_b,
    )  # fmt: skip


def mixers(s: Setting) -> Real:
    """Return the layers that mix tokens: attention, linear attention, state space; hybrids have fewer of them than layers."""
    return s.full_layers + s.window_layers + s.linear_layers + s.mtp


def fixed_s(s: Setting, eff: Efficiency) -> tuple[Array, Array]:
    """Return (gaps between kernels, time of the host that starts those of expert layers) of one micro-batch, all layers [s].

    Gaps add to the compute; the host works meanwhile and counts only where it takes longer. Both fall with the year of the software:
    captured graphs, fewer and larger kernels. A compiled step, or one that a single graph holds, has no host in it.
    """
    experts = s.moe_layers + s.mtp * (s.moe_layers > 0.0)
    half_layers = 0.5 * (mixers(s) + s.mlp_layers + experts)
    older = np.exp(eff.pace * s.age * s.eager)
    # with a fixed capacity the host need not wait for the counts
    counted = where(s.static > 0.0, smaller(eff.static, 1.0), 1.0)
    counted = counted * where(s.captured > 0.0, smaller(eff.captured, 1.0), 1.0)
    counted = where(s.one_graph > 0.0, 0.0, counted)
    host = eff.moe_layer_s * counted * experts * np.exp(eff.moe_pace * s.moe_age) * s.eager
    return np.asarray(eff.layer_s * half_layers * older), np.asarray(host)


def _products(
    s: Setting,
    tokens: Real,
    *,
    rate: Real,
    hbm: Real,
    low: bool | np.ndarray[Any, Any],
    layers: tuple[Real, Real, Real],
) -> tuple[Array, Array, Array]:
    """Matrix products outside experts: (forward, backward, of the forward what expands latents), all layers [s]."""
    attention_layers, mlp_layers, moe_layers = layers
    queries = s.heads * s.qk_dim
    n_in: Real = (queries + 2.0 * s.kv_heads * s.qk_dim) / s.tp
    shapes: list[tuple[Real, Real, Real]] = []  # (n, k, count)
    if some(s.kv_rank):
        latent = s.kv_rank > 0.0
        from_rank = where(s.q_rank > 0.0, s.q_rank, s.hidden)
        n_in = where(latent, s.q_rank + s.kv_rank + s.rope_dim, n_in)
        shapes.append((queries / s.tp, from_rank, attention_layers * latent))
        shapes.append((s.heads * (s.nope_dim + s.v_dim) / s.tp, s.kv_rank, attention_layers * latent))
    shapes.append((n_in, s.hidden, attention_layers))
    shapes.append((s.hidden, s.heads * s.v_dim / s.tp, attention_layers))
    for width, count in ((s.ffn, mlp_layers), (s.ffn_shared, moe_layers)):
        if some(width) and some(count):
            used = count * (np.asarray(width) > 0.0)
            shapes.append(((1.0 + s.gated) * width / s.tp, s.hidden, used))
            shapes.append((s.hidden, width / s.tp, used))
    if some(s.linear_layers):
        shapes.append((s.linear_params / s.hidden / s.tp, s.hidden, s.linear_layers))
    if some(moe_layers):
        shapes.append((2.0 * s.expert_hidden, s.hidden, moe_layers * (s.expert_hidden < s.hidden)))
    n, k, times = (_stacked([shape[i] for shape in shapes], tokens) for i in range(3))
    for _ in range(np.ndim(rate) - (n.ndim - 1)):  # products come first, then what parameters vary over
        n, k, times = n[:, None], k[:, None], times[:, None]
    narrow = where(low, 1.0, 2.0)
    m = np.broadcast_to(tokens, n.shape)
    # forward, gradient of the input, gradient of the weights
    each = gemm.gemm_s(
        np.stack((m, m, n)), np.stack((n, k, k)), np.stack((k, n, m)), bytes_in=narrow, bytes_weight=narrow,
        flop_per_s=rate, bytes_per_s=hbm, units=s.cores, tile=s.tile,
    )  # fmt: skip
    forward, by_input, by_weight = (each * times).sum(1)
    expanding = (each[0] * times)[:2].sum(0) if some(s.kv_rank) else np.zeros(())
    return np.asarray(forward), np.asarray(by_input + by_weight * (1.0 - s.adapters)), np.asarray(expanding)


def _experts(s: Setting, eff: Efficiency, tokens: Real, *, rate: Real, hbm: Real, layers: Real) -> tuple[Array, Array]:
    """Expert products and routing: (forward, backward), all layers, busiest chip [s]."""
    if not some(s.moe_layers):
        return np.zeros(()), np.zeros(())
    split = expert_tp(s)
    local = larger(s.experts / s.ep, 1.0)
    # tokens that reach one chip: with experts over ep chips, each brings its share of the sequence (tp splits it)
    arriving = tokens / s.tp * s.top_k * split
    load = moe.imbalance(arriving * s.ep / s.top_k, experts=s.experts, top_k=s.top_k, ep=s.ep, skew=s.skew)
    rows = arriving * load
    narrow = where(s.low > 0.0, 1.0, 2.0)
    # a compiled step, experts of fixed capacity, or one kernel for all experts: batched products
    even = (s.eager == 0.0) | (s.static > 0.0) | (s.one_graph > 0.0)
    lost = larger(1.0 - eff.moe, 0.0) * where(even, smaller(eff.batched, 1.0), 1.0)
    # one expert on a chip is a plain product, in old software too; of several, wide ones are nearly
    grouped = (local > 1.0) / (1.0 + (s.ffn_expert / split / _WIDE) ** 2)
    share = 1.0 - lost * grouped
    common = {
        "local_experts": local, "flop_per_s": rate * share, "bytes_per_s": hbm, "bytes_in": narrow, "bytes_weight": narrow,
        "units": s.cores, "tile": s.tile,
    }  # fmt: skip
    wide, thin = (1.0 + s.gated) * s.ffn_expert / split, s.ffn_expert / split
    up = moe.grouped_gemm_s(rows, wide, s.expert_hidden, **common)
    down = moe.grouped_gemm_s(rows, s.expert_hidden, thin, **common)
    up_back = moe.grouped_gemm_s(rows, s.expert_hidden, wide, **common)
    down_back = moe.grouped_gemm_s(rows, thin, s.expert_hidden, **common)
    scored = moe.routing_s(tokens / s.tp, hidden=s.expert_hidden, experts=s.experts, top_k=s.top_k, bytes_per_s=hbm)
    activation = elementwise.memory_s(rows * 3.0 * thin * 2.0, bytes_per_s=hbm)
    # a vector added to both outputs reads and writes them once more
    added = elementwise.memory_s(s.expert_bias * rows * 2.0 * (wide + s.expert_hidden) * 2.0, bytes_per_s=hbm)
    routing = (scored + activation + added) * eff.routing
    values = elementwise.quantise_values(hidden=0.5 * s.expert_hidden, heads_dim=0.0, kv_dim=0.0, ffn=thin)
    # four bits: one more pass, for the scale of the whole matrix
    rounding = s.low * (1.0 + s.fp4) * rows * values * 2.0 / hbm * eff.quantise
    # each backward product is one by input and one by weight, of the same work
    older = np.exp(eff.moe_pace * s.moe_age * s.eager)
    slower = 1.0 + (older - 1.0) * grouped
    forward = ((up + down) * slower + (routing + rounding) * older) * layers
    products = (up + down) * (1.0 - s.adapters) + up_back + down_back
    backward = (products * slower + (1.5 * routing + 2.0 * rounding) * older) * layers
    return np.asarray(forward), np.asarray(backward)


def _cores(s: Setting, eff: Efficiency, tokens: Real, *, hbm: Real) -> tuple[Array, Array]:
    """Attention cores: (forward, backward), all layers [s]."""
    # a head narrower than 128 fills the matrix units worse
    narrow = s.qk_dim / (s.qk_dim + 48.0) * (176.0 / 128.0)
    # a kernel that leaves much of the chip idle meets its own limit before that of the power
    allowed = where(s.early_core > 0.0, smaller(eff.early_core, s.power), s.power)
    rate = s.peak * allowed * eff.attention * np.exp(-eff.young * s.young) * smaller(narrow, 1.1)
    heads, kv = s.heads / s.tp, larger(s.kv_heads / s.tp, 1.0)

    def core(window: Real) -> Array:
        seen = attention.mean_context(s.seq_tok, window_tok=window)
        if some(s.sparse_tok):
            seen = smaller(seen, where(s.sparse_tok > 0.0, s.sparse_tok, np.inf))
        fused = attention.attention_s(
            tokens, seen, heads=heads, kv_heads=kv, qk_dim=s.qk_dim, v_dim=s.v_dim, flop_per_s=rate, bytes_per_s=hbm,
            seq_tok=s.seq_tok,
        )  # fmt: skip
        if not some(s.flash - 1.0):
            return fused
        # unfused: all of the square in two batched products, and its scores pass memory about six times (12 bytes, masks included)
        flop = attention.attention_flop(tokens, s.seq_tok, heads=heads, qk_dim=s.qk_dim, v_dim=s.v_dim)
        apart = flop / (s.peak * s.power * eff.gemm * 0.7) + tokens * heads * s.seq_tok * 12.0 / hbm
        return np.asarray(where(s.flash > 0.0, fused, apart))

    forward = core(0.0) * (s.full_layers + s.mtp)
    if some(s.window_layers):
        forward = forward + core(s.window_tok) * s.window_layers
    back = where(s.flash > 0.0, attention.BACKWARD, 2.0)
    return np.asarray(forward), np.asarray(forward * back)


def _light(s: Setting, eff: Efficiency, tokens: Real, *, hbm: Real) -> tuple[Array, Array]:
    """Element-wise kernels: (forward, backward), all layers [s]."""
    heads_dim, kv_dim = s.heads * s.qk_dim, s.kv_heads * s.qk_dim
    share = where(s.sequence_parallel > 0.0, 1.0 / s.tp, 1.0)
    mixing, mlps, experts = mixers(s), s.mlp_layers, s.moe_layers
    values = elementwise.layer_values(hidden=0.0, heads_dim=heads_dim, kv_dim=kv_dim, ffn=0.0)
    split = values * (s.full_layers + s.window_layers + s.mtp)
    split = split + elementwise.layer_values(hidden=0.0, heads_dim=0.0, kv_dim=0.0, ffn=s.ffn, gated=s.gated) * mlps
    split = (
        split
        + elementwise.layer_values(hidden=0.0, heads_dim=0.0, kv_dim=0.0, ffn=s.ffn_shared, gated=s.gated) * experts
    )
    # convolution, scan of the state and gated norm of a state-space or linear layer, in kernels of their own
    split = split + eff.scan * s.linear_layers * s.linear_params / s.hidden
    whole = (
        0.5 * elementwise.layer_values(hidden=s.hidden, heads_dim=0.0, kv_dim=0.0, ffn=0.0) * (mixing + mlps + experts)
    )
    apart = where(s.unfused > 0.0, larger(eff.unfused, 1.0), 1.0)
    moved = 2.0 * tokens / hbm * eff.elementwise * apart * np.exp(eff.fusion * s.age * s.eager)
    forward = (split / s.tp + whole * share) * moved
    rounded = elementwise.quantise_values(hidden=0.5 * s.hidden, heads_dim=heads_dim, kv_dim=kv_dim, ffn=0.0) * mixing
    rounded = rounded + elementwise.quantise_values(hidden=0.5 * s.hidden, heads_dim=0.0, kv_dim=0.0, ffn=s.ffn) * mlps
    rounded = (
        rounded + elementwise.quantise_values(hidden=s.hidden, heads_dim=0.0, kv_dim=0.0, ffn=s.ffn_shared) * experts
    )
    rounding = s.low * (1.0 + s.fp4) * rounded / s.tp * 2.0 * tokens / hbm * eff.quantise
    return np.asarray(forward + rounding), np.asarray(1.5 * forward + 2.0 * rounding)


def logits_s(s: Setting, eff: Efficiency, tokens: Real) -> Array:
    """Output matrix, loss and embedding of one micro-batch, forward and backward [s]."""
    hbm = s.hbm_rate * eff.hbm
    n = s.vocab / s.tp
    rate = s.peak * s.power * eff.gemm * np.exp(-eff.young * s.young)
    common = {"flop_per_s": rate, "bytes_per_s": hbm, "units": s.cores, "tile": s.tile}
    h = s.hidden
    m_, n_, k_ = (_stacked(list(sizes), tokens) for sizes in ((tokens, tokens, n), (n, h, h), (h, n, tokens)))
    for _ in range(np.ndim(rate) - (m_.ndim - 1)):
        m_, n_, k_ = m_[:, None], n_[:, None], k_[:, None]
    products = gemm.gemm_s(m_, n_, k_, **common).sum(0)
    moved = elementwise.cross_entropy_values(vocab=n) + elementwise.cross_entropy_values(vocab=n, backward=True)
    moved = moved + 2.0 * elementwise.embedding_values(hidden=s.hidden) / s.tp
    return np.asarray((products + tokens * moved * 2.0 / hbm * eff.elementwise) * (1.0 + s.mtp))


def _stacked(values: list[Real], like: Real) -> Array:
    """Stack values along a new first axis, each as wide as all of them and `like`."""
    if plain(like) and all(map(plain, values)):
        return np.array(values, dtype=np.float64)
    shape = np.broadcast_shapes(np.shape(like), *(np.shape(v) for v in values))
    return np.stack([np.broadcast_to(np.asarray(v, dtype=np.float64), shape) for v in values])


def optimizer_s(s: Setting, eff: Efficiency) -> Array:
    """Return the optimizer's step on the states of one chip [s]."""
    dense, expert = params_per_chip(s)
    dp = s.chips / (s.tp * s.pp)
    copies = larger(s.chips / (s.pp * s.ep * expert_tp(s)), 1.0)
    split = s.zero >= 1.0
    own = where(split, dense / dp + expert / copies, (dense + expert) / larger(s.shards, 1.0))
    own = own * (1.0 - s.adapters)
    return np.asarray(own * OPTIMIZER_BYTES / (s.hbm_rate * eff.hbm))
