"""Messages of a training step, by kind of parallelism: what compute does not hide, and all of it.

Groups are placed from the inside out: tensor, context, expert or data, pipeline.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from offtake.perf.terms import collectives, moe
from offtake.perf.terms.collectives import Fabric
from offtake.perf.terms.real import larger, smaller, where
from offtake.perf.training_counts import both_ways, expert_tp, params_per_chip, some
from offtake.perf.training_layers import mixers

if TYPE_CHECKING:
    from offtake.perf.terms.real import Array, Real
    from offtake.perf.training_layers import Layers
    from offtake.perf.training_params import Efficiency
    from offtake.perf.training_setting import Setting

__all__ = ["context_s", "expert_s", "fabric_of", "gather_s", "pipeline_s", "reduce_s", "tensor_s"]


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


def tensor_s(s: Setting, eff: Efficiency, fabric: Fabric, tokens: Real) -> tuple[Array, Array]:
    """Messages of tensor parallelism of one micro-batch, all layers: (exposed, all) [s].

    Two gathers and two scatters forward, the same backward and one more gather of each input for the weight gradient, which hides.
    Experts that are spread over chips need none: one pair of the two.
    """
    size_bytes = tokens * s.hidden * 2.0
    one = collectives.all_gather_s(size_bytes, s.tp, fabric)
    spread = where(s.ep > 1.0, s.ffn_shared > 0.0, 1.0)
    pairs = mixers(s) + s.mlp_layers + spread * s.moe_layers
    total = where(s.tp > 1.0, one * 4.0 * pairs, 0.0)
    if some(s.etp):  # every copy that reaches an expert is gathered over the chips that it is split over
        copies = tokens / s.tp * s.top_k * s.etp * s.expert_hidden * 2.0
        inner = collectives.all_gather_s(copies, larger(s.etp, 1.0), fabric)
        total = total + where((s.etp > 1.0) & (s.ep > 1.0), inner * 4.0 * s.moe_layers, 0.0)
    return np.asarray(total * smaller(eff.open_tp, 1.0)), np.asarray(total * 1.25)


def context_s(s: Setting, fabric: Fabric, tokens: Real, layer: Layers) -> tuple[Array, Array]:
    """Messages of context parallelism of one micro-batch, all layers: (exposed, all) [s].

    Keys and values pass round the ring while attention works: forward once, backward with their gradients twice as much.
    """
    if not some(s.cp - 1.0):
        return np.zeros(()), np.zeros(())
    own = tokens * 2.0 * larger(s.kv_heads / s.tp, 1.0) * s.qk_dim * 2.0
    one = collectives.all_gather_s(own * s.cp, s.cp, fabric, stride=s.tp) * (s.full_layers + s.window_layers)
    forward = where(s.cp > 1.0, one, 0.0)
    open_f = larger(forward - layer.attention_f, 0.15 * forward)
    open_b = larger(2.0 * forward - layer.attention_b, 0.3 * forward)
    return np.asarray(open_f + open_b), np.asarray(3.0 * forward)


def expert_s(s: Setting, eff: Efficiency, fabric: Fabric, tokens: Real) -> tuple[Array, Array]:
    """All-to-all of expert parallelism of one micro-batch, all layers: (exposed, all) [s].

    Dispatch and combine, forward and backward: four. A token's copies: one for each expert, or with de-duplication one for each other
    domain that holds one of its experts (then passed on inside). Where stages hold several chunks, engines since 2025 pass tokens of one
    micro-batch while they compute another; so do steps that one graph holds, and pipelines that run both ways.
    """
    if not some(s.ep - 1.0):
        return np.zeros(()), np.zeros(())
    inside = collectives.within_domain(s.ep, expert_tp(s), s.domain)
    domains = s.ep / inside
    reached = domains * (1.0 - (1.0 - 1.0 / domains) ** s.top_k)
    own = tokens / s.tp * s.expert_hidden * 2.0
    copies = where(s.dedupe > 0.0, smaller(reached, s.top_k), s.top_k)
    across = where(domains > 1.0, own * copies * (domains - 1.0) / domains / fabric.scaleout_bytes_per_s, 0.0)
    up = collectives.all_to_all_s(own * s.top_k / domains, inside, fabric)
    load = moe.imbalance(tokens / s.tp * s.ep, experts=s.experts, top_k=s.top_k, ep=s.ep, skew=s.skew)
    latency = where(domains > 1.0, fabric.scaleout_latency_s, 0.0)
    one = where(s.ep > 1.0, larger(up, across) * load + latency, 0.0)
    total = 4.0 * one * (s.moe_layers + s.mtp)
    meanwhile = ((s.vpp > 1.0) & (s.age < 1.5)) | (s.one_graph > 0.0) | (both_ways(s) > 0.0)
    share = where(meanwhile, smaller(eff.behind_ep, 1.0), 1.0)
    return np.asarray(total * smaller(eff.open_ep, 1.0) * share), np.asarray(total)


def pipeline_s(s: Setting, eff: Efficiency, fabric: Fabric, tokens: Real, m: Array) -> tuple[Array, Array]:
    """Messages between stages: (exposed, all) of a step [s]. Fill and drain wait for each; between them most hide."""
    stride = s.chips / s.pp
    one = collectives.point_to_point_s(tokens * s.hidden * 2.0 / s.tp, fabric, stride=stride)
    one = where(s.pp > 1.0, one, 0.0)
    total = 2.0 * m * s.vpp * one
    return np.asarray(2.0 * (s.pp - 1.0) * one + total * smaller(eff.open_pp, 1.0)), np.asarray(total)


def gather_s(
    s: Setting, eff: Efficiency, fabric: Fabric, m: Array, *, forward: Array, backward: Array
) -> tuple[Array, Array]:
    """Fully sharded weights: gathers forward and backward, gradient scatter, for every micro-batch: (exposed, all) of a step [s]."""
    if not some(s.shards - 1.0):
        return np.zeros(()), np.zeros(())
    dense, expert = params_per_chip(s)
    group = np.asarray(s.shards)
    stride = np.asarray(s.tp)
    one = collectives.all_gather_s(dense * 2.0, group, fabric, stride=stride)
    if some(s.expert_params):
        spread = larger(group * s.tp / (s.ep * where(s.etp > 1.0, s.etp, 1.0)), 1.0)
        one = one + collectives.all_gather_s(expert * 2.0, spread, fabric, stride=s.ep * where(s.etp > 1.0, s.etp, 1.0))
    sharded = group > 1.0
    whole = s.zero >= 3.0  # gathered again in the backward; else kept from the forward, once a step
    first = where(sharded, one, 0.0)
    ahead = where(whole, m, 1.0) * first
    behind = m * (first + where(whole, first, 0.0))
    floor = smaller(eff.open_dp, 1.0)
    exposed = larger(ahead - m * forward, floor * ahead) + larger(behind - m * backward, floor * behind)
    return np.asarray(exposed), np.asarray(ahead + behind)


def reduce_s(s: Setting, eff: Efficiency, fabric: Fabric, *, window: Array) -> tuple[Array, Array]:
    """Gradient sum over replicas and gather of new weights, once a step: (exposed, all) [s].

    The sum hides behind the last micro-batch's backward, the gather behind the first forward: together `window` [s].
    """
    dense, expert = params_per_chip(s)
    shards = larger(s.shards, 1.0)
    dp = s.chips / (s.tp * s.pp)
    replicas = larger(dp / shards, 1.0)
    stride = s.tp * shards
    # scatter of gradients (fp32; bf16 in software since 2024) and gather of bf16 weights, as the mean of both
    summed = where(s.age > 2.0, 3.0, 2.0) * (1.0 - s.adapters)
    total = collectives.all_reduce_s(dense * summed / shards, replicas, fabric, stride=stride)
    if some(s.expert_params):
        copies = larger(s.chips / (s.pp * s.ep * expert_tp(s)) / shards, 1.0)
        total = total + collectives.all_reduce_s(
            expert * summed / shards, copies, fabric, stride=s.ep * where(s.etp > 1.0, s.etp, 1.0) * shards
        )
    total = total * (1.0 + both_ways(s))  # of two stages
    exposed = larger(total - window, smaller(eff.open_dp, 1.0) * total)
    return np.asarray(exposed), np.asarray(total)
