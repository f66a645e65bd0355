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

from offtake.perf.terms.real import larger, smaller, where
from offtake.perf.training_counts import both_ways, micro_batches
from offtake.perf.training_layers import fixed_s, layers_of, logits_s, optimizer_s
from offtake.perf.training_messages import context_s, expert_s, fabric_of, gather_s, pipeline_s, reduce_s, tensor_s

if TYPE_CHECKING:
    from offtake.perf.terms.real import Array
    from offtake.perf.training_layers import Layers
    from offtake.perf.training_params import Efficiency
    from offtake.perf.training_setting import Setting

__all__ = ["TERMS", "Step", "step"]

_WAIT = 4.0
"""Power of the sum of compute and host: the larger counts, and near equality a fifth more than either."""


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
        parts = [getattr(self, name) for name in TERMS]
        return np.asarray(sum(parts[1:], parts[0]))


TERMS = tuple(f.name for f in fields(Step) if f.name not in {"hidden_s", "compute_s", "memory_s"})
"""Names of the terms that add up to a step."""


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

    layer = layers_of(s, eff, tokens)
    head = logits_s(s, eff, tokens)
    tp_open, tp_all = tensor_s(s, eff, fabric, tokens)
    cp_open, cp_all = context_s(s, fabric, tokens, layer)
    ep_open, ep_all = expert_s(s, eff, fabric, tokens)
    forward = layer.gemm_f + layer.experts_f + layer.attention_f + layer.elementwise_f
    backward = layer.gemm_b + layer.experts_b + layer.attention_b + layer.elementwise_b
    again = _again(s, layer, forward)
    fixed, host = fixed_s(s, eff)
    messages_again = 1.0 + 0.5 * np.asarray(s.recompute)  # the forward half of a layer's messages, once more
    tp_open, cp_open, ep_open = tp_open * messages_again, cp_open * messages_again, ep_open * messages_again

    # the host starts kernels meanwhile; recomputed layers are a third of its work more
    busy = forward + backward + again + fixed + tp_open + cp_open + ep_open
    host = host * (1.0 + s.recompute / 3.0)
    fixed = fixed + (busy**_WAIT + host**_WAIT) ** (1.0 / _WAIT) - busy

    # one micro-batch through one stage
    body = (forward + backward + again + fixed + tp_open + cp_open + ep_open) * per_stage
    uneven = _uneven(s, body, head)
    filled = _idle_stages(s, m) * (body + head * per_stage)
    pp_open, pp_all = pipeline_s(s, eff, fabric, tokens, m)

    fsdp_open, fsdp_all = gather_s(
        s, eff, fabric, m, forward=forward * per_stage, backward=(backward + again) * per_stage
    )
    # interleaved, the last group of p micro-batches passes chunk by chunk: sums of a chunk go on while those before it still compute
    last = where(s.vpp > 1.0, larger(smaller(s.pp, m) * (1.0 - 1.0 / s.vpp), 1.0), 1.0)
    dp_open, dp_all = reduce_s(s, eff, fabric, window=last * body)
    each = m * per_stage
    parts = {
        "gemm_forward": each * layer.gemm_f,
        "gemm_backward": each * layer.gemm_b,
        "experts": each * (layer.experts_f + layer.experts_b),
        "attention": each * (layer.attention_f + layer.attention_b),
        "elementwise": each * (layer.elementwise_f + layer.elementwise_b),
        "logits": m * where(s.pp > 1.0, 0.0, head) + where(s.pp > 1.0, m * head * per_stage, 0.0),
        "recompute": each * again,
        "tensor": each * tp_open,
        "context": each * cp_open,
        "expert": each * ep_open,
        "pipeline": pp_open,
        "bubble": m * uneven + filled,
        "data": fsdp_open + dp_open,
        "optimizer": optimizer_s(s, eff),
        "overhead": each * fixed + eff.step_s,
    }
    hidden = each * (tp_all + cp_all + ep_all) + pp_all + fsdp_all + dp_all
    hidden = hidden - parts["tensor"] - parts["context"] - parts["expert"] - pp_open - fsdp_open - dp_open
    return _joined(s, eff, parts, hidden)


def _idle_stages(s: Setting, m: Array) -> Array:
    """Return how many micro-batches' time a stage waits in a step.

    p - 1, cut into v chunks (p - 1)/v (arXiv 2104.04473, section 2.2). A lone micro-batch passes all stages whatever the chunks: with
    m < p it is p - m + (m - 1)/v. Weight gradients that are put off fill two thirds of it (arXiv 2401.10241), and one third where few
    micro-batches leave little to put off; pipelines that run both ways need 2 p of them (arXiv 2412.19437, section 3.2.1).
    """
    idle = where(m < s.pp, s.pp - m + (m - 1.0) / s.vpp, (s.pp - 1.0) / s.vpp)
    both = both_ways(s)
    enough = m >= s.pp * (1.0 + both)
    filled = where(enough, 0.67, 0.33) * larger(s.zero_bubble, both)
    return np.asarray(idle * (1.0 - filled))


def _again(s: Setting, layer: Layers, forward: Array) -> Array:
    """Return what the backward of a micro-batch computes again [s]: with a fused core, norms, activations and what latents expand to."""
    core = where(s.flash > 0.0, layer.elementwise_f + layer.latent_f, layer.attention_f)
    return np.asarray(s.recompute * s.redo * forward + (1.0 - s.recompute) * s.selective * core)


def _joined(s: Setting, eff: Efficiency, parts: dict[str, Any], hidden: Any) -> Step:  # noqa: ANN401  (numbers or arrays)
    """Return terms of one shape [s], with what software and the number of chips add to all of them under `overhead`."""
    factor = eff.time * (1.0 + eff.scale * np.log2(larger(s.chips / 8.0, 1.0)))
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
        hidden_s=larger(hidden, 0.0),
        compute_s=np.asarray(arithmetic),
        memory_s=np.asarray(parts["elementwise"] + parts["optimizer"]),
    )


def _uneven(s: Setting, body: Array, head: Array) -> Array:
    """Return by how much the slowest stage exceeds the mean one, per micro-batch [s].

    Stages hold whole layers, vpp chunks each; where layers do not fill all chunks, the output matrix takes a free place.
    """
    chunks = s.pp * s.vpp
    most = np.ceil(s.layers / chunks - 1e-9) * s.vpp
    own = s.layers / s.pp
    mean = body + head / s.pp
    slowest = where(most > own + 1e-9, larger(body * most / own, mean), body + head)
    return np.asarray(where(s.pp > 1.0, slowest - mean, 0.0))
