"""Expert layers: routing, load of the busiest chip, grouped matrix products.

A token goes to k of E experts. Experts lie over `ep` chips; all wait for the busiest. Benchmarks often force an even load; real routing
is uneven, so the load has a factor (see `imbalance`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from offtake.perf.terms import elementwise, gemm

if TYPE_CHECKING:
    from offtake.perf.terms.real import Array, Real

__all__ = ["experts_touched", "grouped_gemm_s", "imbalance", "routing_s"]


def experts_touched(tokens: Real, *, experts: Real, top_k: Real) -> Array:
    """Return how many experts at least one of `tokens` tokens uses: E (1 - (1 - k/E)^tokens).

    Examples
    --------
    >>> experts_touched(1.0, experts=8.0, top_k=2.0).item(), experts_touched(1e4, experts=8.0, top_k=2.0).item()
    (2.0, 8.0)
    """
    share = np.minimum(1.0, np.asarray(top_k, dtype=np.float64) / np.maximum(experts, 1.0))
    return np.asarray(experts * (1.0 - (1.0 - share) ** tokens))


def imbalance(tokens: Real, *, experts: Real, top_k: Real, ep: Real, skew: Real = 0.0) -> Array:
    """Return load of the busiest of `ep` chips over the mean (at least 1).

    Chance alone: a chip's load is a sum of tokens · k/ep draws, so the largest of ep is about 1 + sqrt(2 ln ep / mean) (normal tail).
    `skew` is the further excess of real routing with all chips apart; it shrinks as more experts share a chip.

    Parameters
    ----------
    tokens : [tok]     routed at once, over all chips that share the experts
    skew : [1]         0 where the load is forced even

    Examples
    --------
    >>> imbalance(1e6, experts=256.0, top_k=8.0, ep=1.0, skew=0.3).item()
    1.0
    >>> round(imbalance(1024.0, experts=256.0, top_k=8.0, ep=64.0, skew=0.0).item(), 2)
    1.25
    """
    ep = np.maximum(ep, 1.0)
    mean = np.maximum(tokens * top_k / ep, 1e-9)
    chance = np.sqrt(2.0 * np.log(ep) / mean)
    apart = np.sqrt(np.minimum(1.0, ep / np.maximum(experts, 1.0))) * (ep > 1.0)
    return np.asarray(1.0 + np.minimum(chance, ep - 1.0) + skew * apart)


def routing_s(
    tokens: Real,
    *,
    hidden: Real,
    experts: Real,
    top_k: Real,
    bytes_per_s: Real,
    launch_s: Real = 0.0,
    kernels: Real = 6.0,
) -> Array:
    """Return the time to score, sort, permute and put back the tokens of one chip, one layer, forward [s].

    Scores: E numbers in fp32, read and written twice; permuting and putting back move k copies of h each (read, write).

    Examples
    --------
    >>> round(float(routing_s(4096.0, hidden=7168.0, experts=256.0, top_k=8.0, bytes_per_s=3e12)) * 1e6)    # µs
    652
    """
    moved = tokens * (16.0 * experts + 2.0 * (4.0 * top_k * hidden) + 2.0 * hidden)
    return elementwise.memory_s(moved, bytes_per_s=bytes_per_s, launch_s=launch_s, kernels=kernels)


def grouped_gemm_s(
    tokens: Real,
    n: Real,
    k: Real,
    *,
    local_experts: Real,
    flop_per_s: Real,
    bytes_per_s: Real,
    bytes_in: Real = 2.0,
    bytes_weight: Real = 2.0,
    bytes_out: Real = 2.0,
    units: Real = 132.0,
    tile: Real = 128.0,
    launch_s: Real = 0.0,
) -> Array:
    """Return the time of one grouped product over the experts of a chip [s].

    Each of `local_experts` (those in use) has tokens/local_experts rows; tiles do not cross experts, waves do.

    Examples
    --------
    >>> one = grouped_gemm_s(8192.0, 2048.0, 7168.0, local_experts=1.0, flop_per_s=700e12, bytes_per_s=3e12)
    >>> many = grouped_gemm_s(8192.0, 2048.0, 7168.0, local_experts=64.0, flop_per_s=700e12, bytes_per_s=3e12)
    >>> bool(many > one)
    True
    """
    groups = np.maximum(local_experts, 1.0)
    rows = np.maximum(tokens / groups, 1e-9)
    # rows per expert are uneven: half a tile more than the mean is spent on each expert
    edge = np.minimum(np.maximum(2.0 ** np.ceil(np.log2(np.maximum(rows, 1.0))), 16.0), tile)
    padded = rows + 0.5 * edge * (groups > 1.0)
    share = gemm.shape_share(padded * groups, n, k, units=units, tile=tile) * rows / padded
    arithmetic = gemm.gemm_flop(tokens, n, k) / (flop_per_s * share)
    traffic = (bytes_in * tokens * k + bytes_weight * groups * k * n + bytes_out * tokens * n) / bytes_per_s
    return np.asarray(np.maximum(arithmetic, traffic) + launch_s, dtype=np.float64)
