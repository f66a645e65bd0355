"""Memory of one chip by part: weights, gradients, optimizer states, activations, cache."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from offtake.perf.terms.real import Array, Real

__all__ = ["activation_bytes", "block_activation_bytes", "in_flight", "kv_cache_bytes", "state_bytes"]


def activation_bytes(
    tokens: Real,
    *,
    hidden: Real,
    heads: Real,
    seq_tok: Real,
    tp: Real = 1.0,
    sequence_parallel: bool = True,
    selective: bool = False,
) -> Array:
    """Return the activations of one GPT layer kept for the backward, by the published formula [bytes].

    s·b·h (10 + 24/t + 5·a·s/(h·t)), or all of it over t with sequence parallelism; selective recomputation drops the last term
    (arXiv 2205.05198, table 2).

    Examples
    --------
    >>> activation_bytes(1.0, hidden=1.0, heads=1.0, seq_tok=1.0).item()              # 34 + 5
    39.0
    >>> activation_bytes(2048.0, hidden=12288.0, heads=96.0, seq_tok=2048.0, tp=8.0, selective=True).item() / 2048 / 12288
    4.25
    """
    core = 0.0 if selective else 5.0 * heads * seq_tok / hidden / tp
    rest = 34.0 / tp if sequence_parallel else 10.0 + 24.0 / np.asarray(tp)
    return np.asarray(tokens * hidden * (rest + core), dtype=np.float64)


def block_activation_bytes(
    tokens: Real,
    *,
    hidden: Real,
    heads_dim: Real,
    kv_dim: Real,
    ffn: Real,
    gated: Real = 1.0,
    tp: Real = 1.0,
    input_bytes: Real = 2.0,
) -> Array:
    """Return the activations of one layer with a fused attention kernel kept for the backward [bytes].

    Kept: inputs of two norms (2h × 2 bytes), of the products (2h + q + f, at their precision), queries, keys, values (2 bytes), what
    feeds the activation ((1 + gated) f × 2 bytes). The scores are never kept. For GPT (f = 4h, no gate, bf16) this is 28 s·b·h; the
    published 34 keeps dropout masks and a residual more.

    Examples
    --------
    >>> block_activation_bytes(1.0, hidden=1.0, heads_dim=1.0, kv_dim=1.0, ffn=4.0, gated=0.0).item()
    32.0
    """
    kept = 4.0 * hidden + input_bytes * (2.0 * hidden + heads_dim + ffn) + 2.0 * (heads_dim + 2.0 * kv_dim)
    kept = kept + 2.0 * (1.0 + gated) * ffn
    return np.asarray(tokens * kept / tp, dtype=np.float64)


def in_flight(micro_batches: Real, *, pp: Real, vpp: Real = 1.0) -> Array:
    """Return how many micro-batches' worth of a stage's layers the first stage keeps: p, or p + (p-1)/v interleaved, at most m.

    arXiv 2205.05198, section 4.2.3: interleaving keeps p (1 + (p-1)/(p v)).

    Examples
    --------
    >>> in_flight(64.0, pp=8.0).item(), in_flight(64.0, pp=8.0, vpp=3.0).item(), in_flight(2.0, pp=8.0).item()
    (8.0, 10.333333333333334, 2.0)
    """
    extra = np.where(np.asarray(vpp) > 1.0, (np.asarray(pp) - 1.0) / vpp, 0.0)
    return np.asarray(np.minimum(micro_batches, pp + extra), dtype=np.float64)


def state_bytes(
    params: Real,
    *,
    weight_bytes: Real = 2.0,
    gradient_bytes: Real = 4.0,
    optimizer_bytes: Real = 12.0,
    shard_weights: Real = 1.0,
    shard_gradients: Real = 1.0,
    shard_optimizer: Real = 1.0,
) -> tuple[Array, Array, Array]:
    """Return (weights, gradients, optimizer states) of `params` weights on one chip [bytes].

    bf16 weights, fp32 gradients, fp32 master and two moments: 2 + 4 + 12 = 18 bytes (Megatron-LM README, distributed optimizer), each
    over the chips that share it.

    Examples
    --------
    >>> [float(part) for part in state_bytes(1e9, shard_optimizer=4.0)]
    [2000000000.0, 4000000000.0, 3000000000.0]
    """
    return (
        np.asarray(weight_bytes * params / shard_weights, dtype=np.float64),
        np.asarray(gradient_bytes * params / shard_gradients, dtype=np.float64),
        np.asarray(optimizer_bytes * params / shard_optimizer, dtype=np.float64),
    )


def kv_cache_bytes(
    sequences: Real, context_tok: Real, *, values_per_layer: Real, layers: Real, value_bytes: Real = 2.0
) -> Array:
    """Return the cache of layers that keep `context_tok` tokens [bytes].

    Examples
    --------
    >>> kv_cache_bytes(1.0, 1000.0, values_per_layer=2048.0, layers=80.0).item()
    327680000.0
    """
    return np.asarray(sequences * context_tok * values_per_layer * layers * value_bytes, dtype=np.float64)
