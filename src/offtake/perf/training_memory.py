"""Memory of one chip in training, by part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from offtake.perf.terms import memory
from offtake.perf.terms.real import larger, smaller, where
from offtake.perf.training_counts import both_ways, expert_tp, micro_batches, params_per_chip

if TYPE_CHECKING:
    from offtake.perf.terms.real import Array, Real
    from offtake.perf.training_setting import Setting

__all__ = ["Memory", "footprint"]

RESERVED = 0.06
"""Share of the memory that context, libraries and fragments take (about 5 GB of 80 GB in training runs of Megatron-LM)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Bytes on the fullest chip, by part.

    Attributes
    ----------
    weights, gradients, optimizer : [bytes]
    activations : [bytes]   kept for the backward, all micro-batches in flight
    working : [bytes]       logits, one layer's intermediate values, gathered weights
    """

    weights: Array
    gradients: Array
    optimizer: Array
    activations: Array
    working: Array

    @property
    def total_bytes(self) -> Array:
        """Sum of the parts [bytes]."""
        return np.asarray(self.weights + self.gradients + self.optimizer + self.activations + self.working)


def usable_bytes(s: Setting) -> Real:
    """Return what a chip has for training [bytes]."""
    return s.hbm_bytes * (1.0 - RESERVED)


def footprint(s: Setting) -> Memory:
    """Return the memory of a setting.

    States take 18 bytes a weight: 2 weight, 4 gradient, 12 optimizer, each over the chips that share it. The first stage holds the
    embedding and the most micro-batches. A pipeline that runs both ways holds weights and gradients of two stages and one micro-batch more
    (arXiv 2412.19437, table 2).
    """
    dense, expert = params_per_chip(s)
    table = s.vocab * s.hidden / s.tp
    # stages hold equal shares of the layers, the first one an embedding too
    dense = where(s.pp > 1.0, larger(dense, (s.params - s.expert_params) / (s.tp * s.pp) + 0.5 * table), dense)
    dp = larger(s.chips / (s.tp * s.pp), 1.0)
    shards = larger(s.shards, 1.0)
    copies = larger(s.chips / (s.pp * s.ep * expert_tp(s)), 1.0)
    own = larger(shards, where(s.zero >= 1.0, dp, 1.0))
    own_expert = larger(smaller(shards, copies), where(s.zero >= 1.0, copies, 1.0))
    gradient_shards = where(s.zero >= 2.0, own, shards)
    parts = memory.state_bytes(
        dense,
        gradient_bytes=s.gradient_bytes,
        optimizer_bytes=s.optimizer_bytes,
        shard_weights=shards,
        shard_gradients=gradient_shards,
        shard_optimizer=own,
    )
    more = memory.state_bytes(
        expert,
        gradient_bytes=s.gradient_bytes,
        optimizer_bytes=s.optimizer_bytes,
        shard_weights=smaller(shards, copies),
        shard_gradients=smaller(gradient_shards, copies),
        shard_optimizer=own_expert,
    )
    trained = 1.0 - np.asarray(s.adapters)
    stages = 1.0 + np.asarray(both_ways(s))
    weights, gradients, optimizer = (np.asarray(a + b) for a, b in zip(parts, more, strict=True))
    activations, one_layer = _activations(s)
    tokens = s.micro_seqs * s.seq_tok / s.cp
    # logits in bf16 and their gradient in fp32, in pieces of at most a billion bytes where engines cut the loss
    logits = smaller(tokens * s.vocab / s.tp * 6.0, 8e9)
    gathered = where(shards > 1.0, 2.0 * 2.0 * (dense + expert) * s.pp / s.layers, 0.0)
    return Memory(
        weights=weights * stages, gradients=gradients * trained * stages, optimizer=optimizer * trained, activations=activations,
        working=np.asarray(one_layer + logits + gathered),
    )  # fmt: skip


def _activations(s: Setting) -> tuple[Array, Array]:
    """Return (activations kept by all micro-batches in flight, one layer's whole activations) of a chip [bytes]."""
    tokens = s.micro_seqs * s.seq_tok / s.cp
    narrow = where(s.low > 0.0, 1.0, 2.0)
    ffn = (s.mlp_layers * s.ffn + s.moe_layers * s.ffn_shared) / s.layers
    block = memory.block_activation_bytes(
        tokens, hidden=s.hidden, heads_dim=s.heads * s.qk_dim, kv_dim=s.kv_heads * s.qk_dim, ffn=ffn, gated=s.gated,
        tp=s.tp, input_bytes=narrow,
    )  # fmt: skip
    # routed tokens: k copies of the input and of what the expert's activation needs
    routed = (
        tokens
        / s.tp
        * s.top_k
        * (s.expert_hidden * narrow + s.ffn_expert * (2.0 + 2.0 * s.gated + narrow))
        * s.moe_layers
        / s.layers
    )
    scores = where(s.flash > 0.0, 0.0, 5.0 * tokens * s.seq_tok * s.heads / s.tp)
    unsplit = where(s.sequence_parallel > 0.0, 0.0, 10.0 * tokens * s.hidden * (1.0 - 1.0 / s.tp))
    whole = block + routed + scores + unsplit
    # selective: the scores of an unfused core; with a fused one, outputs of norms and activations (about two fifths), and of queries,
    # keys and values that are expanded from latents the latents alone (arXiv 2412.19437, section 3.2.3; Megatron's mla_up_proj)
    latent = (s.kv_rank > 0.0) & (s.flash > 0.0)
    expanded = where(latent, tokens * 2.0 * s.qk_dim * (s.heads + 2.0 * s.kv_heads) / s.tp, 0.0)
    latents = where(latent, tokens * 2.0 * (s.q_rank + s.kv_rank + s.rope_dim), 0.0)
    light = where(s.flash > 0.0, 0.6, 1.0) * (block + routed - expanded) + latents
    kept = unsplit + where(s.selective > 0.0, light, block + routed + scores)
    kept = where(s.offload > 0.0, 0.15 * kept, kept)
    inputs = 2.0 * tokens * s.hidden / where(s.sequence_parallel > 0.0, s.tp, 1.0)
    layer = s.recompute * inputs + (1.0 - s.recompute) * kept
    layers = np.ceil(s.layers / (s.pp * s.vpp) - 1e-9) * s.vpp
    flying = smaller(memory.in_flight(micro_batches(s), pp=s.pp, vpp=s.vpp) + both_ways(s), micro_batches(s))
    return np.asarray(layer * layers * flying), np.asarray(whole * smaller(1.0, s.recompute * 1.0 + 0.25))
