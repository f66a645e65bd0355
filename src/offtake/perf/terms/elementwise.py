"""What is bound by memory bandwidth: norms, activations, position encoding, residuals, embedding, loss.

Counts are of numbers read and written per token with the fusions that training and serving engines make today (one kernel per norm,
per activation, per rope; residual added in the norm).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from offtake.perf.terms.real import Array, Real

__all__ = ["cross_entropy_values", "elementwise_s", "embedding_values", "layer_values", "memory_s", "quantise_values"]


def layer_values(
    *, hidden: Real, heads_dim: Real, kv_dim: Real, ffn: Real, gated: Real = 1.0, backward: bool = False
) -> Real:
    """Return numbers moved per token by the element-wise kernels of one layer.

    Forward: two norms with residual (read x and residual, write both: 4h each), rope on queries and keys (read, write), activation
    (read one or two of f, write one). Backward moves about one and a half times as much: gradient and saved input are read, the
    gradient written.

    Parameters
    ----------
    heads_dim, kv_dim : [1]   width of all queries; of keys (or values)
    ffn : [1]                 width the activation works on (top-k × expert width in expert layers)
    gated : [1]               1 where two matrices feed the activation, else 0

    Examples
    --------
    >>> layer_values(hidden=4096.0, heads_dim=4096.0, kv_dim=1024.0, ffn=14336.0)   # 8h + 2(q + k) + 3f
    86016.0
    """
    forward = 8.0 * hidden + 2.0 * (heads_dim + kv_dim) + (2.0 + gated) * ffn
    return 1.5 * forward if backward else forward


def quantise_values(*, hidden: Real, heads_dim: Real, kv_dim: Real, ffn: Real, backward: bool = False) -> Real:
    """Return numbers moved per token to scale and round the inputs of a layer's matrix products to fp8 or fp4.

    Read in 2 bytes, written in 1 (counted as half a number); the backward also writes the transposed copies.

    Examples
    --------
    >>> quantise_values(hidden=4096.0, heads_dim=4096.0, kv_dim=1024.0, ffn=14336.0)     # 1.5 x (2h + q + f)
    39936.0
    """
    forward = 1.5 * (2.0 * hidden + heads_dim + ffn) + 0.0 * kv_dim
    return 2.0 * forward if backward else forward


def embedding_values(*, hidden: Real) -> Real:
    """Return numbers moved per token by the look-up: read a row, write it.

    Examples
    --------
    >>> embedding_values(hidden=4096.0)
    8192.0
    """
    return 2.0 * hidden


def cross_entropy_values(*, vocab: Real, backward: bool = False) -> Real:
    """Return numbers moved per token by softmax and loss over the vocabulary (logits in fp32 count twice).

    Examples
    --------
    >>> cross_entropy_values(vocab=128256.0)
    513024.0
    """
    return (2.0 if backward else 4.0) * vocab


def memory_s(moved_bytes: Real, *, bytes_per_s: Real, launch_s: Real = 0.0, kernels: Real = 1.0) -> Array:
    """Return the time of kernels that only move memory [s].

    Examples
    --------
    >>> memory_s(3e9, bytes_per_s=3e12).item()
    0.001
    """
    return np.asarray(moved_bytes / bytes_per_s + kernels * launch_s, dtype=np.float64)


def elementwise_s(
    tokens: Real,
    values_per_tok: Real,
    *,
    bytes_per_s: Real,
    value_bytes: Real = 2.0,
    launch_s: Real = 0.0,
    kernels: Real = 4.0,
) -> Array:
    """Return the time of a layer's element-wise kernels on one chip [s].

    Examples
    --------
    >>> round(float(elementwise_s(8192.0, 86016.0, bytes_per_s=3e12)) * 1e6)     # µs
    470
    """
    return memory_s(tokens * values_per_tok * value_bytes, bytes_per_s=bytes_per_s, launch_s=launch_s, kernels=kernels)
