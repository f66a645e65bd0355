"""The attention core: scores, softmax and weighted sum, in a fused kernel that keeps scores on the chip (arXiv 2205.14135).

Grouped keys and values change traffic, not operations. Latent attention (arXiv 2405.04434) computes scores over `qk` = nope + rope
numbers and sums over `v` when whole sequences are processed; in decode it works on the latent itself (`absorbed_dims`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from offtake.perf.terms.real import Array, Real

__all__ = ["BACKWARD", "absorbed_dims", "attention_flop", "attention_s", "decode_attention_s", "mean_context"]

BACKWARD = 2.5
"""Operations of the fused backward over forward: five products instead of two (arXiv 2307.08691, section 4.1)."""


def mean_context(seq_tok: Real, *, window_tok: Real = 0.0, causal: bool = True, cached_tok: Real = 0.0) -> Array:
    """Return how many keys a query sees, as a mean over a sequence [tok].

    Causal: (s + 1)/2 and all of the cached part; a window w > 0 keeps at most w.

    Examples
    --------
    >>> mean_context(4.0).item()                  # (1 + 2 + 3 + 4) / 4
    2.5
    >>> mean_context(4.0, window_tok=2.0).item()  # (1 + 2 + 2 + 2) / 4
    1.75
    """
    s = np.asarray(seq_tok, dtype=np.float64)
    if not causal:
        return np.asarray(s + cached_tok)
    window = np.where(np.asarray(window_tok) > 0.0, window_tok, s + cached_tok)
    # queries with fewer than `window` keys before them see all; the others see `window`
    growing = np.minimum(np.maximum(window - cached_tok, 0.0), s)
    seen = growing * cached_tok + 0.5 * growing * (growing + 1.0) + (s - growing) * window
    return np.asarray(np.where(s > 0.0, seen / np.maximum(s, 1e-9), 0.0))


def attention_flop(query_tok: Real, context_tok: Real, *, heads: Real, qk_dim: Real, v_dim: Real) -> Real:
    """Return forward operations of one layer: 2 · tokens · keys seen · heads · (qk + v) [flop].

    Examples
    --------
    >>> attention_flop(1.0, 100.0, heads=4.0, qk_dim=8.0, v_dim=8.0)     # 4 x heads x dim x context
    12800.0
    """
    return 2.0 * query_tok * context_tok * heads * (qk_dim + v_dim)


def attention_s(
    query_tok: Real,
    context_tok: Real,
    *,
    heads: Real,
    kv_heads: Real,
    qk_dim: Real,
    v_dim: Real,
    flop_per_s: Real,
    bytes_per_s: Real,
    seq_tok: Real,
    launch_s: Real = 0.0,
) -> Array:
    """Return the time of the forward core over whole sequences (prefill, training), one layer, one chip [s].

    Short sequences fill tiles of 128 queries badly and causal blocks on the diagonal are computed whole: keys seen are rounded up by
    half a block of 128.

    Parameters
    ----------
    query_tok : [tok]       queries of all sequences on this chip
    context_tok : [tok]     keys seen by one, see `mean_context`
    seq_tok : [tok]         length of one sequence, for the tiles

    Examples
    --------
    >>> t = attention_s(8192.0, 4096.5, heads=8.0, kv_heads=8.0, qk_dim=128.0, v_dim=128.0, flop_per_s=500e12,
    ...                 bytes_per_s=3e12, seq_tok=8192.0)
    >>> round(float(t) * 1e6)                     # µs
    279
    """
    block = 64.0 * np.minimum(1.0, seq_tok / 128.0)
    flop = attention_flop(query_tok, context_tok + block, heads=heads, qk_dim=qk_dim, v_dim=v_dim)
    moved = 2.0 * query_tok * (heads * (qk_dim + v_dim) + kv_heads * (qk_dim + v_dim))
    return np.asarray(np.maximum(flop / flop_per_s, moved / bytes_per_s) + launch_s, dtype=np.float64)


def absorbed_dims(*, latent_rank: Real, rope_dim: Real) -> tuple[Real, Real]:
    """Return (qk, v) of latent attention in decode, where queries are taken to the latent: rank + rope, rank.

    Examples
    --------
    >>> absorbed_dims(latent_rank=512, rope_dim=64)
    (576, 512)
    """
    return latent_rank + rope_dim, latent_rank


def decode_attention_s(
    sequences: Real,
    context_tok: Real,
    *,
    heads: Real,
    cache_values: Real,
    qk_dim: Real,
    v_dim: Real,
    flop_per_s: Real,
    bytes_per_s: Real,
    cache_bytes: Real = 2.0,
    queries: Real = 1.0,
    launch_s: Real = 0.0,
) -> Array:
    """Return the time of the core in one decode step, one layer, one chip: cache read once, or arithmetic [s].

    Parameters
    ----------
    context_tok : [tok]     keys kept per sequence (the window, where there is one)
    cache_values : [1]      numbers kept per token and layer on this chip: 2 · kv_heads · dim, or latent rank + rope
    cache_bytes : [bytes]   of one cached number
    queries : [tok]         per sequence and step: 1, or more with speculation

    Examples
    --------
    >>> t = decode_attention_s(64.0, 4096.0, heads=8.0, cache_values=256.0, qk_dim=128.0, v_dim=128.0, flop_per_s=400e12,
    ...                        bytes_per_s=3e12)
    >>> round(float(t) * 1e6, 1)                  # 64 x 4096 x 256 x 2 bytes / 3e12, in µs
    44.7
    """
    moved = sequences * context_tok * cache_values * cache_bytes
    flop = attention_flop(sequences * queries, context_tok, heads=heads, qk_dim=qk_dim, v_dim=v_dim)
    return np.asarray(np.maximum(moved / bytes_per_s, flop / flop_per_s) + launch_s, dtype=np.float64)
