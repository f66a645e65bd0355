"""One training step as a sum of named terms, in seconds.

A micro-batch of b sequences passes the layers of a stage forward and backward; m micro-batches pass p stages; gradients are summed over
data parallelism and the optimizer steps. Every term below is what it adds to the step: messages that hide behind compute are not in it
but in `hidden_s`. Sources of formulas: arXiv 2104.04473 (pipeline, tensor parallelism), 2205.05198 (sequence parallelism, recomputation),
1910.02054 (ZeRO), 2304.11277 (FSDP), 2310.01889 (ring attention), 2401.10241 (zero bubble).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from offtake.perf.terms import attention, collectives, elementwise, gemm, moe
from offtake.perf.terms.collectives import Fabric

if TYPE_CHECKING:
    from offtake.perf.terms.real import Array, Real
    from offtake.perf.training_params import Efficiency
    from offtake.perf.training_setting import Setting

__all__ = ["Step", "fabric_of", "micro_batches", "params_per_chip", "step"]

OPTIMIZER_BYTES = 30.0
"""Moved per weight by Adam: master, two moments, gradient read (16), master and moments written (12), bf16 weight written (2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Time of a step by term [s]; `hidden_s` is beside the sum, `compute_s` and `memory_s` say what the chips do meanwhile.

    Attributes
    ----------
    gemm_forward, gemm_backward : matrix products of layers, experts apart
    experts : expert products and routing, forward and backward, with the load of the busiest chip
    attention : attention cores, forward and backward
    elementwise : norms, activations, rope, residuals, rounding to narrow precision
    logits : output matrix, loss, embedding
    recompute : layers or cores computed again
    tensor, context, expert : exposed messages of tensor, context and expert parallelism
    pipeline : exposed messages between stages
    bubble : stages that wait, and stages that are unequal
    data : exposed gradient sums and weight gathers
    optimizer : the optimizer's step
    overhead : fixed times of layers and steps, stragglers
    """

    gemm_forward: Array
    gemm_backward: Array
    experts: Array
    attention: Array
    elementwise: Array
    logits: Array
    recompute: Array
    tensor: Array
    context: Array
    expert: Array
    pipeline: Array
    bubble: Array
    data: Array
    optimizer: Array
    overhead: Array
    hidden_s: Array
    compute_s: Array
    memory_s: Array

    @property
    def total_s(self) -> Array:
        """Step time [s]."""
        parts = [getattr(self, f.name) for f in fields(self) if f.name not in {"hidden_s", "compute_s", "memory_s"}]
        return np.asarray(sum(parts[1:], parts[0]))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layer:
    """Mean time of one micro-batch over all layers of the model on one stage's chips, by term [s]."""

    gemm_f: Array
    gemm_b: Array
    experts_f: Array
    experts_b: Array
    attention_f: Array
    attention_b: Array
    elementwise_f: Array
    elementwise_b: Array


def fabric_of(s: Setting, eff: Efficiency) -> Fabric:
    """Return the links as rates that are reached."""
    return Fabric(
        scaleup_bytes_per_s=s.up_rate * eff.scaleup,
        scaleup_latency_s=eff.scaleup_latency_s,
        domain=s.domain,
        scaleout_bytes_per_s=s.out_rate * eff.scaleout,
        scaleout_latency_s=eff.scaleout_latency_s,
        torus_axes=s.torus_axes,
        mesh=s.mesh,
        axis_chips=s.axis_chips,
    )


def micro_batches(s: Setting) -> Array:
    """Return micro-batches of one replica in a step, at least one."""
    dp = s.chips / (s.tp * s.pp * s.cp)
    return np.asarray(np.maximum(1.0, np.ceil(s.batch_seqs / (dp * s.micro_seqs) - 1e-9)), dtype=np.float64)


def params_per_chip(s: Setting) -> tuple[Real, Real]:
    """Return (dense, expert) weights of one chip before any split over data parallelism."""
    return (s.params - s.expert_params) / (s.tp * s.pp), s.expert_params / (s.pp * s.ep * _expert_tp(s))


def _expert_tp(s: Setting) -> Real:
    """Return over how many chips one expert is split: tensor parallelism reaches experts only where they are not spread."""
    return np.where(np.asarray(s.ep) > 1.0, 1.0, s.tp)


def step(s: Setting, eff: Efficiency) -> Step:
    """Return the time of a step by term.

    Examples
    --------
    See `offtake.perf.training_model.predict_training`.
    """
    fabric = fabric_of(s, eff)
    tokens = s.micro_seqs * s.seq_tok / s.cp
    per_stage = 1.0 / s.pp
    m = micro_batches(s)

    layer = _layers(s, eff, tokens)
    logits = _logits(s, eff, tokens)
    tp_open, tp_all = _tensor(s, eff, fabric, tokens)
    cp_open, cp_all = _context(s, fabric, tokens, layer)
    ep_open, ep_all = _expert(s, eff, fabric, tokens)
    forward = layer.gemm_f + layer.experts_f + layer.attention_f + layer.elementwise_f
    backward = layer.gemm_b + layer.experts_b + layer.attention_b + layer.elementwise_b
    # with a fused core, norms and activations are recomputed instead of the core
    core_again = np.where(np.asarray(s.flash) > 0.0, layer.elementwise_f, layer.attention_f)
    again = s.recompute * s.redo * forward + (1.0 - np.asarray(s.recompute)) * s.selective * core_again
    fixed = _fixed(s, eff)
    messages_again = 1.0 + 0.5 * np.asarray(s.recompute)  # the forward half of a layer's messages, once more
    tp_open, cp_open, ep_open = tp_open * messages_again, cp_open * messages_again, ep_open * messages_again

    # one micro-batch through one stage
    body = (forward + backward + again + fixed + tp_open + cp_open + ep_open) * per_stage
    head = logits
    uneven = _uneven(s, body, head)
    alone = np.where(np.asarray(s.pp) > 1.0, 0.0, head)
    filled = (s.pp - 1.0) / s.vpp * (body + head * per_stage) * (1.0 - 0.67 * np.asarray(s.zero_bubble))
    pp_open, pp_all = _pipeline(s, eff, fabric, tokens, m)

    fsdp_open, fsdp_all = _gather(
        s, eff, fabric, m, forward=forward * per_stage, backward=(backward + again) * per_stage
    )
    dp_open, dp_all = _reduce(s, eff, fabric, window=(forward + backward) * per_stage)
    optimizer = _optimizer(s, eff)

    each = m * per_stage
    factor = eff.time * (1.0 + eff.scale * np.log2(np.maximum(np.asarray(s.chips) / 8.0, 1.0)))
    parts = {
        "gemm_forward": each * layer.gemm_f,
        "gemm_backward": each * layer.gemm_b,
        "experts": each * (layer.experts_f + layer.experts_b),
        "attention": each * (layer.attention_f + layer.attention_b),
        "elementwise": each * (layer.elementwise_f + layer.elementwise_b),
        "logits": m * alone + np.where(np.asarray(s.pp) > 1.0, m * head * per_stage, 0.0),
        "recompute": each * again,
        "tensor": each * tp_open,
        "context": each * cp_open,
        "expert": each * ep_open,
        "pipeline": pp_open,
        "bubble": m * uneven + filled,
        "data": fsdp_open + dp_open,
        "optimizer": optimizer,
        "overhead": each * fixed + eff.step_s,
    }
    hidden = each * (tp_all + cp_all + ep_all) + pp_all + fsdp_all + dp_all
    hidden = hidden - parts["tensor"] - parts["context"] - parts["expert"] - pp_open - fsdp_open - dp_open
    arithmetic = sum(
        (parts[n] for n in ("gemm_backward", "experts", "attention", "logits", "recompute")), parts["gemm_forward"]
    )
    total = sum(list(parts.values())[1:], parts["gemm_forward"])
    parts["overhead"] = parts["overhead"] + (factor - 1.0) * total
    shape = np.broadcast_shapes(*(np.shape(v) for v in parts.values()))
    wide = {name: np.asarray(value, dtype=np.float64) for name, value in parts.items()}
    if shape:
        wide = {name: np.broadcast_to(value, shape) for name, value in wide.items()}
    return Step(
        **wide,
        hidden_s=np.maximum(hidden, 0.0),
        compute_s=np.asarray(arithmetic),
        memory_s=np.asarray(parts["elementwise"] + optimizer),
    )


def _layers(s: Setting, eff: Efficiency, tokens: Real) -> _Layer:
    """Compute terms of one micro-batch, all layers of the model, on the chips of one tensor-parallel group [s]."""
    gemm_share = eff.gemm * np.exp(-eff.young * s.young)
    rate = s.peak * s.power * gemm_share
    low = np.asarray(s.low) > 0.0
    rate_low = np.where(
        low, s.peak_low * s.power * gemm_share * eff.low * np.where(np.asarray(s.fp4) > 0.0, eff.fp4, 1.0), rate
    )
    hbm = s.hbm_rate * eff.hbm
    attention_layers = s.full_layers + s.window_layers + s.mtp
    moe_layers = s.moe_layers + s.mtp * (np.asarray(s.moe_layers) > 0.0)
    mlp_layers = s.mlp_layers + s.mtp * (np.asarray(s.moe_layers) == 0.0)

    gemm_f, gemm_b = _products(
        s, tokens, rate=rate_low, hbm=hbm, low=low, layers=(attention_layers, mlp_layers, moe_layers)
    )
    experts_f, experts_b = _experts(s, eff, tokens, rate=rate_low, hbm=hbm, layers=moe_layers)
    core_f, core_b = _cores(s, eff, tokens, hbm=hbm)
    light_f, light_b = _light(s, eff, tokens, hbm=hbm)
    return _Layer(
        gemm_f=gemm_f, gemm_b=gemm_b, experts_f=experts_f, experts_b=experts_b,
        attention_f=core_f, attention_b=core_b, elementwise_f=light_f, elementwise_b=light_b,
    )  # fmt: skip


def _mixers(s: Setting) -> Real:
    """Return the layers that mix tokens: attention, linear attention, state space; hybrids have fewer of them than layers."""
    return s.full_layers + s.window_layers + s.linear_layers + s.mtp


def _fixed(s: Setting, eff: Efficiency) -> Array:
    """Return the fixed time of one micro-batch over all layers: launches, host work, experts' counts [s].

    Falls with the year of the software: captured graphs, fewer and larger kernels.
    """
    experts = s.moe_layers + s.mtp * (np.asarray(s.moe_layers) > 0.0)
    half_layers = 0.5 * (_mixers(s) + s.mlp_layers + experts)
    older = np.exp(eff.pace * s.age)
    # with a fixed capacity the host need not wait for the counts
    counted = np.where(np.asarray(s.static) > 0.0, np.minimum(eff.static, 1.0), 1.0)
    return np.asarray((eff.layer_s * half_layers + eff.moe_layer_s * counted * experts) * older)


def _products(
    s: Setting, tokens: Real, *, rate: Real, hbm: Real, low: np.ndarray[Any, Any], layers: tuple[Real, Real, Real]
) -> tuple[Array, Array]:
    """Matrix products outside experts: (forward, backward), all layers [s]."""
    attention_layers, mlp_layers, moe_layers = layers
    queries = s.heads * s.qk_dim
    n_in: Real = (queries + 2.0 * s.kv_heads * s.qk_dim) / s.tp
    shapes: list[tuple[Real, Real, Real]] = []  # (n, k, count)
    if _some(s.kv_rank):
        latent = np.asarray(s.kv_rank) > 0.0
        from_rank = np.where(np.asarray(s.q_rank) > 0.0, s.q_rank, s.hidden)
        n_in = np.where(latent, s.q_rank + s.kv_rank + s.rope_dim, n_in)
        shapes.append((queries / s.tp, from_rank, attention_layers * latent))
        shapes.append((s.heads * (s.nope_dim + s.v_dim) / s.tp, s.kv_rank, attention_layers * latent))
    shapes.append((n_in, s.hidden, attention_layers))
    shapes.append((s.hidden, s.heads * s.v_dim / s.tp, attention_layers))
    for width, count in ((s.ffn, mlp_layers), (s.ffn_shared, moe_layers)):
        if _some(width) and _some(count):
            used = count * (np.asarray(width) > 0.0)
            shapes.append(((1.0 + s.gated) * width / s.tp, s.hidden, used))
            shapes.append((s.hidden, width / s.tp, used))
    if _some(s.linear_layers):
        shapes.append((s.linear_params / s.hidden / s.tp, s.hidden, s.linear_layers))
    if _some(moe_layers):
        shapes.append((2.0 * s.expert_hidden, s.hidden, moe_layers * (np.asarray(s.expert_hidden) < s.hidden)))
    n, k, times = (_stacked([shape[i] for shape in shapes], tokens) for i in range(3))
    for _ in range(np.ndim(rate) - (n.ndim - 1)):  # products come first, then what parameters vary over
        n, k, times = n[:, None], k[:, None], times[:, None]
    narrow = np.where(low, 1.0, 2.0)
    m = np.broadcast_to(tokens, n.shape)
    # forward, gradient of the input, gradient of the weights
    each = gemm.gemm_s(
        np.stack((m, m, n)), np.stack((n, k, k)), np.stack((k, n, m)), bytes_in=narrow, bytes_weight=narrow,
        flop_per_s=rate, bytes_per_s=hbm, units=s.cores, tile=s.tile,
    )  # fmt: skip
    forward, by_input, by_weight = (each * times).sum(1)
    return np.asarray(forward), np.asarray(by_input + by_weight * (1.0 - np.asarray(s.adapters)))


def _some(value: Real) -> bool:
    """Say whether a number, or any of an array, is not nought; cheap for numbers."""
    return value != 0.0 if isinstance(value, float | int) else bool(np.any(value))


def _stacked(values: list[Real], like: Real) -> Array:
    """Stack values along a new first axis, each as wide as all of them and `like`."""
    if np.ndim(like) == 0 and all(np.ndim(v) == 0 for v in values):
        return np.array(values, dtype=np.float64)
    shape = np.broadcast_shapes(np.shape(like), *(np.shape(v) for v in values))
    return np.stack([np.broadcast_to(np.asarray(v, dtype=np.float64), shape) for v in values])


def _experts(s: Setting, eff: Efficiency, tokens: Real, *, rate: Real, hbm: Real, layers: Real) -> tuple[Array, Array]:
    """Expert products and routing: (forward, backward), all layers, busiest chip [s]."""
    if not _some(s.moe_layers):
        return np.zeros(()), np.zeros(())
    split = _expert_tp(s)
    local = np.maximum(s.experts / s.ep, 1.0)
    # tokens that reach one chip: with experts over ep chips, each brings its share of the sequence (tp splits it)
    arriving = tokens / s.tp * s.top_k * split
    load = moe.imbalance(arriving * s.ep / s.top_k, experts=s.experts, top_k=s.top_k, ep=s.ep, skew=s.skew)
    rows = arriving * load
    narrow = np.where(np.asarray(s.low) > 0.0, 1.0, 2.0)
    common = {
        "local_experts": local, "flop_per_s": rate * eff.moe, "bytes_per_s": hbm, "bytes_in": narrow, "bytes_weight": narrow,
        "units": s.cores, "tile": s.tile,
    }  # fmt: skip
    wide, thin = (1.0 + s.gated) * s.ffn_expert / split, s.ffn_expert / split
    up = moe.grouped_gemm_s(rows, wide, s.expert_hidden, **common)
    down = moe.grouped_gemm_s(rows, s.expert_hidden, thin, **common)
    up_back = moe.grouped_gemm_s(rows, s.expert_hidden, wide, **common)
    down_back = moe.grouped_gemm_s(rows, thin, s.expert_hidden, **common)
    scored = moe.routing_s(tokens / s.tp, hidden=s.expert_hidden, experts=s.experts, top_k=s.top_k, bytes_per_s=hbm)
    activation = elementwise.memory_s(rows * 3.0 * thin * 2.0, bytes_per_s=hbm)
    routing = (scored + activation) * eff.routing
    # each backward product is one by input and one by weight, of the same work
    forward = (up + down + routing) * layers
    backward = ((up + down) * (1.0 - np.asarray(s.adapters)) + up_back + down_back + 1.5 * routing) * layers
    return np.asarray(forward), np.asarray(backward)


def _cores(s: Setting, eff: Efficiency, tokens: Real, *, hbm: Real) -> tuple[Array, Array]:
    """Attention cores: (forward, backward), all layers [s]."""
    # a head narrower than 128 fills the matrix units worse
    narrow = s.qk_dim / (s.qk_dim + 48.0) * (176.0 / 128.0)
    rate = s.peak * s.power * eff.attention * np.exp(-eff.young * s.young) * np.minimum(narrow, 1.1)
    heads, kv = s.heads / s.tp, np.maximum(s.kv_heads / s.tp, 1.0)

    def core(window: Real) -> Array:
        seen = attention.mean_context(s.seq_tok, window_tok=window)
        if _some(s.sparse_tok):
            seen = np.minimum(seen, np.where(np.asarray(s.sparse_tok) > 0.0, s.sparse_tok, np.inf))
        fused = attention.attention_s(
            tokens, seen, heads=heads, kv_heads=kv, qk_dim=s.qk_dim, v_dim=s.v_dim, flop_per_s=rate, bytes_per_s=hbm,
            seq_tok=s.seq_tok,
        )  # fmt: skip
        if not _some(s.flash - 1.0):
            return fused
        # unfused: all of the square in two batched products, and its scores pass memory about six times (12 bytes, masks included)
        flop = attention.attention_flop(tokens, s.seq_tok, heads=heads, qk_dim=s.qk_dim, v_dim=s.v_dim)
        apart = flop / (s.peak * s.power * eff.gemm * 0.7) + tokens * heads * s.seq_tok * 12.0 / hbm
        return np.asarray(np.where(np.asarray(s.flash) > 0.0, fused, apart))

    forward = core(0.0) * (s.full_layers + s.mtp)
    if _some(s.window_layers):
        forward = forward + core(s.window_tok) * s.window_layers
    back = np.where(np.asarray(s.flash) > 0.0, attention.BACKWARD, 2.0)
    return np.asarray(forward), np.asarray(forward * back)


def _light(s: Setting, eff: Efficiency, tokens: Real, *, hbm: Real) -> tuple[Array, Array]:
    """Element-wise kernels: (forward, backward), all layers [s]."""
    heads_dim, kv_dim = s.heads * s.qk_dim, s.kv_heads * s.qk_dim
    share = np.where(np.asarray(s.sequence_parallel) > 0.0, 1.0 / np.asarray(s.tp), 1.0)
    mixers, mlps, experts = _mixers(s), s.mlp_layers, s.moe_layers
    values = elementwise.layer_values(hidden=0.0, heads_dim=heads_dim, kv_dim=kv_dim, ffn=0.0)
    split = values * (s.full_layers + s.window_layers + s.mtp)
    split = split + elementwise.layer_values(hidden=0.0, heads_dim=0.0, kv_dim=0.0, ffn=s.ffn, gated=s.gated) * mlps
    split = (
        split
        + elementwise.layer_values(hidden=0.0, heads_dim=0.0, kv_dim=0.0, ffn=s.ffn_shared, gated=s.gated) * experts
    )
    # a state-space or linear layer scans its state: counted as three more passes over its width
    split = split + 6.0 * s.linear_layers * s.linear_params / s.hidden
    whole = (
        0.5 * elementwise.layer_values(hidden=s.hidden, heads_dim=0.0, kv_dim=0.0, ffn=0.0) * (mixers + mlps + experts)
    )
    moved = 2.0 * tokens / hbm * eff.elementwise * np.exp(eff.fusion * s.age)
    forward = (split / s.tp + whole * share) * moved
    rounded = elementwise.quantise_values(hidden=0.5 * s.hidden, heads_dim=heads_dim, kv_dim=kv_dim, ffn=0.0) * mixers
    rounded = rounded + elementwise.quantise_values(hidden=0.5 * s.hidden, heads_dim=0.0, kv_dim=0.0, ffn=s.ffn) * mlps
    rounded = (
        rounded + elementwise.quantise_values(hidden=s.hidden, heads_dim=0.0, kv_dim=0.0, ffn=s.ffn_shared) * experts
    )
    rounding = np.asarray(s.low) * rounded / s.tp * 2.0 * tokens / hbm * eff.quantise
    return np.asarray(forward + rounding), np.asarray(1.5 * forward + 2.0 * rounding)


def _logits(s: Setting, eff: Efficiency, tokens: Real) -> Array:
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


def _tensor(s: Setting, eff: Efficiency, fabric: Fabric, tokens: Real) -> tuple[Array, Array]:
    """Messages of tensor parallelism of one micro-batch, all layers: (exposed, all) [s].

    Two gathers and two scatters forward, the same backward and one more gather of each input for the weight gradient, which hides.
    Experts that are spread over chips need none: one pair of the two.
    """
    size_bytes = tokens * s.hidden * 2.0
    one = collectives.all_gather_s(size_bytes, s.tp, fabric)
    spread = np.where(np.asarray(s.ep) > 1.0, np.asarray(s.ffn_shared) > 0.0, 1.0)
    pairs = _mixers(s) + s.mlp_layers + spread * s.moe_layers
    total = np.where(np.asarray(s.tp) > 1.0, one * 4.0 * pairs, 0.0)
    return np.asarray(total * np.minimum(eff.open_tp, 1.0)), np.asarray(total * 1.25)


def _context(s: Setting, fabric: Fabric, tokens: Real, layer: _Layer) -> tuple[Array, Array]:
    """Messages of context parallelism of one micro-batch, all layers: (exposed, all) [s].

    Keys and values pass round the ring while attention works: forward once, backward with their gradients twice as much.
    """
    if not _some(s.cp - 1.0):
        return np.zeros(()), np.zeros(())
    own = tokens * 2.0 * np.maximum(s.kv_heads / s.tp, 1.0) * s.qk_dim * 2.0
    one = collectives.all_gather_s(own * s.cp, s.cp, fabric, stride=s.tp) * (s.full_layers + s.window_layers)
    forward = np.where(np.asarray(s.cp) > 1.0, one, 0.0)
    open_f = np.maximum(forward - layer.attention_f, 0.15 * forward)
    open_b = np.maximum(2.0 * forward - layer.attention_b, 0.3 * forward)
    return np.asarray(open_f + open_b), np.asarray(3.0 * forward)


def _expert(s: Setting, eff: Efficiency, fabric: Fabric, tokens: Real) -> tuple[Array, Array]:
    """All-to-all of expert parallelism of one micro-batch, all layers: (exposed, all) [s].

    Dispatch and combine, forward and backward: four. A token's copies: one for each expert, or with de-duplication one for each other
    domain that holds one of its experts (then passed on inside).
    """
    if not _some(s.ep - 1.0):
        return np.zeros(()), np.zeros(())
    inside = collectives.within_domain(s.ep, 1.0, s.domain)
    domains = s.ep / inside
    reached = domains * (1.0 - (1.0 - 1.0 / domains) ** s.top_k)
    own = tokens / s.tp * s.expert_hidden * 2.0
    copies = np.where(np.asarray(s.dedupe) > 0.0, np.minimum(reached, s.top_k), s.top_k)
    across = np.where(domains > 1.0, own * copies * (domains - 1.0) / domains / fabric.scaleout_bytes_per_s, 0.0)
    up = collectives.all_to_all_s(own * s.top_k / domains, inside, fabric)
    load = moe.imbalance(tokens / s.tp * s.ep, experts=s.experts, top_k=s.top_k, ep=s.ep, skew=s.skew)
    latency = np.where(domains > 1.0, fabric.scaleout_latency_s, 0.0)
    one = np.where(np.asarray(s.ep) > 1.0, np.maximum(up, across) * load + latency, 0.0)
    total = 4.0 * one * (s.moe_layers + s.mtp)
    return np.asarray(total * np.minimum(eff.open_ep, 1.0)), np.asarray(total)


def _uneven(s: Setting, body: Array, head: Array) -> Array:
    """Return by how much the slowest stage exceeds the mean one, per micro-batch [s].

    Stages hold whole layers, vpp chunks each; where layers do not fill all chunks, the output matrix takes a free place.
    """
    chunks = s.pp * s.vpp
    most = np.ceil(s.layers / chunks - 1e-9) * s.vpp
    own = s.layers / s.pp
    mean = body + head / s.pp
    slowest = np.where(most > own + 1e-9, np.maximum(body * most / own, mean), body + head)
    return np.asarray(np.where(np.asarray(s.pp) > 1.0, slowest - mean, 0.0))


def _pipeline(s: Setting, eff: Efficiency, fabric: Fabric, tokens: Real, m: Array) -> tuple[Array, Array]:
    """Messages between stages: (exposed, all) of a step [s]. Fill and drain wait for each; between them most hide."""
    stride = s.chips / s.pp
    one = collectives.point_to_point_s(tokens * s.hidden * 2.0 / s.tp, fabric, stride=stride)
    one = np.where(np.asarray(s.pp) > 1.0, one, 0.0)
    total = 2.0 * m * s.vpp * one
    return np.asarray(2.0 * (s.pp - 1.0) * one + total * np.minimum(eff.open_pp, 1.0)), np.asarray(total)


def _gather(
    s: Setting, eff: Efficiency, fabric: Fabric, m: Array, *, forward: Array, backward: Array
) -> tuple[Array, Array]:
    """Fully sharded weights: gathers forward and backward, gradient scatter, for every micro-batch: (exposed, all) of a step [s]."""
    if not _some(s.shards - 1.0):
        return np.zeros(()), np.zeros(())
    dense, expert = params_per_chip(s)
    group = np.asarray(s.shards)
    stride = np.asarray(s.tp)
    one = collectives.all_gather_s(dense * 2.0, group, fabric, stride=stride)
    if _some(s.expert_params):
        spread = np.maximum(group * s.tp / s.ep, 1.0)
        one = one + collectives.all_gather_s(expert * 2.0, spread, fabric, stride=s.ep)
    sharded = group > 1.0
    whole = np.asarray(s.zero) >= 3.0  # gathered again in the backward; else kept from the forward, once a step
    first = np.where(sharded, one, 0.0)
    ahead = np.where(whole, m, 1.0) * first
    behind = m * (first + np.where(whole, first, 0.0))
    floor = np.minimum(eff.open_dp, 1.0)
    exposed = np.maximum(ahead - m * forward, floor * ahead) + np.maximum(behind - m * backward, floor * behind)
    return np.asarray(exposed), np.asarray(ahead + behind)


def _reduce(s: Setting, eff: Efficiency, fabric: Fabric, *, window: Array) -> tuple[Array, Array]:
    """Gradient sum over replicas and gather of new weights, once a step: (exposed, all) [s].

    The sum hides behind the last micro-batch's backward, the gather behind the first forward.
    """
    dense, expert = params_per_chip(s)
    shards = np.maximum(s.shards, 1.0)
    dp = s.chips / (s.tp * s.pp)
    replicas = np.maximum(dp / shards, 1.0)
    stride = s.tp * shards
    # scatter of gradients (fp32; bf16 in software since 2024) and gather of bf16 weights, as the mean of both
    summed = np.where(np.asarray(s.age) > 2.0, 3.0, 2.0) * (1.0 - np.asarray(s.adapters))
    total = collectives.all_reduce_s(dense * summed / shards, replicas, fabric, stride=stride)
    if _some(s.expert_params):
        copies = np.maximum(s.chips / (s.pp * s.ep * _expert_tp(s)) / shards, 1.0)
        total = total + collectives.all_reduce_s(expert * summed / shards, copies, fabric, stride=s.ep * shards)
    exposed = np.maximum(total - window, np.minimum(eff.open_dp, 1.0) * total)
    return np.asarray(exposed), np.asarray(total)


def _optimizer(s: Setting, eff: Efficiency) -> Array:
    """Return the optimizer's step on the states of one chip [s]."""
    dense, expert = params_per_chip(s)
    dp = s.chips / (s.tp * s.pp)
    copies = np.maximum(s.chips / (s.pp * s.ep * _expert_tp(s)), 1.0)
    split = np.asarray(s.zero) >= 1.0
    own = np.where(split, dense / dp + expert / copies, (dense + expert) / np.maximum(s.shards, 1.0))
    own = own * (1.0 - np.asarray(s.adapters))
    return np.asarray(own * OPTIMIZER_BYTES / (s.hbm_rate * eff.hbm))
