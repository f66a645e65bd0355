"""Matrix products: (m × k) · (k × n), by shape.

Time is the larger of the arithmetic and the traffic of memory, plus one launch. The arithmetic runs at the rate given (peak × what a
large product reaches) times what the shape leaves of it:

- tiles: m and n are rounded up to tiles of the chip; a product narrower than a tile pays for the whole of it;
- waves: tiles are dealt to the units of the chip (SMs, compute units, matrix units); the last wave is part empty. Half of that loss
  is charged, because libraries split the last tiles along k ("stream-K", arXiv 2301.03598);
- depth: filling and draining the pipeline of a tile costs as much as some `DEPTH` more of k.

Each of these grows by no more than twofold when a size doubles, so splitting work over twice the chips never more than halves time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from offtake.perf.terms.real import Array, Real

__all__ = ["DEPTH", "gemm_bytes", "gemm_flop", "gemm_s", "power_share", "shape_share"]

DEPTH = 192.0
"""Depth of k that prologue and epilogue of a tile cost: assumed, one to two tiles; not fitted."""
WAVE_LOSS = 0.5
"""Share of the last wave's empty units that is really lost (stream-K and smaller tiles win back the rest)."""


def gemm_flop(m: Real, n: Real, k: Real) -> Real:
    """Return the operations of a product, a multiply and an add counted as two [flop].

    Examples
    --------
    >>> gemm_flop(2.0, 3.0, 4.0)
    48.0
    """
    return 2.0 * m * n * k


def gemm_bytes(
    m: Real, n: Real, k: Real, *, bytes_in: Real = 2.0, bytes_weight: Real = 2.0, bytes_out: Real = 2.0
) -> Real:
    """Return the least traffic of memory: both operands read once, the result written once [bytes].

    Examples
    --------
    >>> gemm_bytes(2.0, 3.0, 4.0)                # 2 x (8 + 12 + 6)
    52.0
    """
    return bytes_in * m * k + bytes_weight * k * n + bytes_out * m * n


def shape_share(m: Real, n: Real, k: Real, *, units: Real = 132.0, tile: Real = 128.0) -> Array:
    """Return what the shape leaves of the rate of a large product (0 to 1): tiles × waves × depth.

    Parameters
    ----------
    units : [1]   places of the chip that each work on a tile
    tile : [1]    edge of a tile; along m it shrinks to 16 for thin products

    Examples
    --------
    >>> shape_share(8192.0, 8192.0, 8192.0).round(3).item()
    0.962
    >>> shape_share(8192.0, 129.0, 8192.0) < 0.7 * shape_share(8192.0, 256.0, 8192.0)
    np.True_
    """
    m, n, k = np.maximum(m, 1e-9), np.maximum(n, 1e-9), np.maximum(k, 1e-9)
    edge_m = np.minimum(np.maximum(2.0 ** np.ceil(np.log2(m)), 16.0), tile)  # np.clip takes three times as long
    rows, columns = np.ceil(m / edge_m), np.ceil(n / tile)
    waves = rows * columns / units
    charged = waves + WAVE_LOSS * (np.ceil(waves) - waves)
    work = charged * units * edge_m * tile * (k + DEPTH)
    return np.asarray(m * n * k / work, dtype=np.float64)


def gemm_s(
    m: Real,
    n: Real,
    k: Real,
    *,
    flop_per_s: Real,
    bytes_per_s: Real,
    bytes_in: Real = 2.0,
    bytes_weight: Real = 2.0,
    bytes_out: Real = 2.0,
    units: Real = 132.0,
    tile: Real = 128.0,
    launch_s: Real = 0.0,
) -> Array:
    """Return the time of one product [s].

    Parameters
    ----------
    flop_per_s : [flop/s]     rate that a large product reaches
    bytes_per_s : [bytes/s]   bandwidth that is reached
    launch_s : [s]            floor of one kernel

    Examples
    --------
    >>> round(float(gemm_s(8192.0, 8192.0, 8192.0, flop_per_s=700e12, bytes_per_s=3e12)) * 1e3, 2)   # ms
    1.63
    """
    arithmetic = gemm_flop(m, n, k) / (flop_per_s * shape_share(m, n, k, units=units, tile=tile))
    traffic = gemm_bytes(m, n, k, bytes_in=bytes_in, bytes_weight=bytes_weight, bytes_out=bytes_out) / bytes_per_s
    return np.asarray(np.maximum(arithmetic, traffic) + launch_s, dtype=np.float64)


def power_share(peak_flop_per_s: Real, *, tdp_w: Real, joules_per_flop: Real, static_frac: Real = 0.2) -> Array:
    """Return the share of the peak that the package's power allows in a large product (at most 1).

    Power = static + rate × energy per operation; the clock falls until that is the package's limit.

    Parameters
    ----------
    joules_per_flop : [J/flop]   of one bf16 operation with its data movement; 0.8e-12 for 4 to 5 nm, from H100: about 700 TFLOP/s
                                 of 989 at 700 W, and A100 (7 nm): about 280 of 312 at 400 W
    static_frac : [1]            share of the package's power that does not depend on the rate

    Examples
    --------
    >>> round(float(power_share(989e12, tdp_w=700.0, joules_per_flop=0.8e-12)), 2)
    0.71
    """
    return np.asarray(
        np.minimum(1.0, tdp_w * (1.0 - static_frac) / (peak_flop_per_s * joules_per_flop)), dtype=np.float64
    )
