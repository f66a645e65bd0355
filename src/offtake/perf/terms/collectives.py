"""Collectives and messages by topology: latency + bytes over bandwidth.

A group of `size` chips whose neighbours are `stride` chips apart crosses the scale-up domain when size × stride is larger than it.
The part within a domain and the part across run as one pipeline (hierarchical rings), so the slower of the two counts, and latencies
add. A `Fabric` holds rates that are reached (peak × share) and latencies; a message ramps up as size/(size + half), that is one more
fixed time of `half`/rate, which is part of the latency.

Bytes, for a result or input of B bytes held in full by one chip (NCCL's performance notes; the scaling book for the torus):
all-gather, reduce-scatter B(q-1)/q per chip; all-reduce twice that; all-to-all B(q-1)/q of what a chip sends, on a torus B·n/4 over one
axis of n chips, because messages cross n/4 links on average and use both directions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from offtake.perf.terms.real import Array, Real

__all__ = [
    "Fabric",
    "all_gather_s",
    "all_reduce_s",
    "all_to_all_s",
    "point_to_point_s",
    "reduce_scatter_s",
    "within_domain",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fabric:
    """What joins chips, as rates that are reached.

    Attributes
    ----------
    scaleup_bytes_per_s : [bytes/s]     per chip, one direction, over all its links
    scaleup_latency_s : [s]             of one collective among neighbours
    domain : [chip]                     chips joined by the scale-up fabric
    scaleout_bytes_per_s : [bytes/s]    per chip, one direction
    scaleout_latency_s : [s]
    torus_axes : int                    0 for a switch or a full mesh
    mesh : bool                         a link from each chip to each other: a group uses only the links among its own
    axis_chips : [chip]                 longest axis of a torus, for all-to-all and subgroups
    """

    scaleup_bytes_per_s: Real
    scaleup_latency_s: Real
    domain: Real
    scaleout_bytes_per_s: Real
    scaleout_latency_s: Real
    torus_axes: int = 0
    mesh: bool = False
    axis_chips: Real = 16.0


def within_domain(size: Real, stride: Real, domain: Real) -> Array:
    """Return how many members of a group lie in one scale-up domain.

    Examples
    --------
    >>> within_domain(8.0, 1.0, 8.0).item(), within_domain(8.0, 4.0, 8.0).item(), within_domain(8.0, 8.0, 8.0).item()
    (8.0, 2.0, 1.0)
    """
    whole = np.floor(np.asarray(domain) / np.maximum(stride, 1.0))
    return np.asarray(np.minimum(np.maximum(whole, 1.0), np.maximum(size, 1.0)))


def all_gather_s(size_bytes: Real, size: Real, fabric: Fabric, *, stride: Real = 1.0) -> Array:
    """Return the time to gather `size_bytes` (the whole result) on each chip of a group [s]; 0 for one chip.

    Examples
    --------
    >>> fabric = Fabric(scaleup_bytes_per_s=100e9, scaleup_latency_s=0.0, domain=8, scaleout_bytes_per_s=10e9,
    ...                 scaleout_latency_s=0.0)
    >>> all_gather_s(8e9, 8.0, fabric).item()             # 8e9 x 7/8 / 100e9
    0.07
    >>> all_gather_s(8e9, 16.0, fabric).item()            # across two domains each chip brings 1/8 of the other half: 0.05; 0.07 within
    0.07
    """
    inside, outside = _split(size, stride, fabric)
    up_rate = _scaleup_rate(inside, fabric)
    up_s = size_bytes * (inside - 1.0) / inside / up_rate
    out_s = size_bytes / inside * (outside - 1.0) / outside / fabric.scaleout_bytes_per_s
    return np.asarray(np.maximum(up_s, out_s) + _latency(inside, outside, fabric))


def reduce_scatter_s(size_bytes: Real, size: Real, fabric: Fabric, *, stride: Real = 1.0) -> Array:
    """Return the time to sum `size_bytes` (held by each chip) and leave each a part [s]; moves what a gather moves."""
    return all_gather_s(size_bytes, size, fabric, stride=stride)


def all_reduce_s(size_bytes: Real, size: Real, fabric: Fabric, *, stride: Real = 1.0) -> Array:
    """Return the time to sum `size_bytes` over a group, result on all: reduce-scatter + all-gather, one latency less [s].

    Examples
    --------
    >>> fabric = Fabric(scaleup_bytes_per_s=100e9, scaleup_latency_s=1e-5, domain=8, scaleout_bytes_per_s=10e9,
    ...                 scaleout_latency_s=2e-5)
    >>> all_reduce_s(0.0, 1.0, fabric).item()
    0.0
    """
    inside, outside = _split(size, stride, fabric)
    return np.asarray(2.0 * all_gather_s(size_bytes, size, fabric, stride=stride) - _latency(inside, outside, fabric))


def all_to_all_s(sent_bytes: Real, size: Real, fabric: Fabric, *, stride: Real = 1.0) -> Array:
    """Return the time in which each chip sends `sent_bytes`, evenly to the others of the group [s].

    Switch: what stays in the domain goes over scale-up links, the rest over the network, at once; the slower counts. Torus: the mean
    message crosses a quarter of each axis.

    Examples
    --------
    >>> fabric = Fabric(scaleup_bytes_per_s=100e9, scaleup_latency_s=0.0, domain=8, scaleout_bytes_per_s=10e9,
    ...                 scaleout_latency_s=0.0)
    >>> all_to_all_s(16e9, 16.0, fabric).item()           # 8e9 to the other domain at 10e9
    0.8
    """
    inside, outside = _split(size, stride, fabric)
    members = inside * outside
    up_bytes = sent_bytes * (inside - 1.0) / members
    if fabric.torus_axes:
        # one-way rate of one axis, both directions; the group lies on one axis, or on as many as it needs
        axis = np.minimum(inside, fabric.axis_chips)
        rate = fabric.scaleup_bytes_per_s / fabric.torus_axes
        up_s = np.where(inside > 1.0, sent_bytes * inside / members * axis / 4.0 / rate, 0.0)
    else:
        up_s = up_bytes / _scaleup_rate(inside, fabric)
    out_s = sent_bytes * (outside - 1.0) / outside / fabric.scaleout_bytes_per_s
    return np.asarray(np.maximum(up_s, out_s) + _latency(inside, outside, fabric))


def point_to_point_s(size_bytes: Real, fabric: Fabric, *, stride: Real = 1.0) -> Array:
    """Return the time of a message to the chip `stride` away: over scale-up links within the domain, else the network [s].

    Examples
    --------
    >>> fabric = Fabric(scaleup_bytes_per_s=100e9, scaleup_latency_s=0.0, domain=8, scaleout_bytes_per_s=10e9,
    ...                 scaleout_latency_s=0.0)
    >>> point_to_point_s(1e9, fabric, stride=4.0).item(), point_to_point_s(1e9, fabric, stride=8.0).item()
    (0.01, 0.1)
    """
    near = np.asarray(stride) < fabric.domain
    links = np.maximum(1.0, 2.0 * fabric.torus_axes or (fabric.domain - 1.0 if fabric.mesh else 1.0))
    up_rate = fabric.scaleup_bytes_per_s / links  # one link of a torus or a mesh
    up_s = size_bytes / up_rate + fabric.scaleup_latency_s
    return np.asarray(np.where(near, up_s, size_bytes / fabric.scaleout_bytes_per_s + fabric.scaleout_latency_s))


def _split(size: Real, stride: Real, fabric: Fabric) -> tuple[Array, Array]:
    """Split a group into members of one domain and number of domains."""
    whole = np.maximum(np.asarray(size, dtype=np.float64), 1.0)
    inside = within_domain(whole, stride, fabric.domain)
    return inside, np.asarray(whole / inside)


def _scaleup_rate(inside: Array, fabric: Fabric) -> Real:
    """Return the rate of a ring among `inside` chips: on a torus a group smaller than an axis uses one axis of several."""
    if fabric.mesh:
        others = np.maximum(fabric.domain - 1.0, 1.0)
        return np.asarray(fabric.scaleup_bytes_per_s * np.clip(inside - 1.0, 1.0, others) / others)
    if not fabric.torus_axes:
        return fabric.scaleup_bytes_per_s
    axes = np.clip(np.ceil(np.log(np.maximum(inside, 2.0)) / np.log(fabric.axis_chips)), 1.0, fabric.torus_axes)
    # without a whole axis a ring has no way back: only one direction of the axis carries it
    part = np.where(inside < fabric.axis_chips, 0.5 + 0.5 * inside / fabric.axis_chips, 1.0)
    return np.asarray(fabric.scaleup_bytes_per_s * axes / fabric.torus_axes * part)


def _latency(inside: Array, outside: Array, fabric: Fabric) -> Array:
    """Return latency: one within, one across; trees and rings add a little with the logarithm of the group."""
    up = np.where(inside > 1.0, fabric.scaleup_latency_s * (1.0 + 0.15 * np.log2(inside)), 0.0)
    out = np.where(outside > 1.0, fabric.scaleout_latency_s * (1.0 + 0.15 * np.log2(outside)), 0.0)
    return np.asarray(up + out)
