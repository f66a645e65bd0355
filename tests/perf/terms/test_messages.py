"""Collectives and experts: nothing to send alone, known bytes by hand, limits for any group."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from offtake.perf.terms import collectives, moe
from offtake.perf.terms.collectives import Fabric

FABRIC = Fabric(
    scaleup_bytes_per_s=100e9, scaleup_latency_s=10e-6, domain=8.0, scaleout_bytes_per_s=10e9, scaleout_latency_s=20e-6
)  # fmt: skip
TORUS = dataclasses.replace(FABRIC, domain=256.0, torus_axes=2, axis_chips=16.0)
MESH = dataclasses.replace(FABRIC, mesh=True)
GROUPS = st.sampled_from([1.0, 2.0, 4.0, 8.0, 16.0, 64.0, 512.0])


@pytest.mark.parametrize("fabric", [FABRIC, TORUS, MESH])
@pytest.mark.parametrize("kind", [collectives.all_gather_s, collectives.all_reduce_s, collectives.all_to_all_s])
def test_one_chip_sends_nothing(fabric, kind):
    assert float(kind(1e9, 1.0, fabric)) == 0.0


def test_a_gather_over_two_domains_is_paced_by_the_network():
    # each of 8 chips brings an eighth of the other half: 16e9 / 8 / 2 bytes at 10 GB/s = 0.1 s; within the domain 16e9 x 7/8 / 100e9 = 0.14
    assert float(collectives.all_gather_s(16e9, 16.0, FABRIC)) == pytest.approx(0.14, rel=1e-3)
    thin = dataclasses.replace(FABRIC, scaleout_bytes_per_s=5e9)
    assert float(collectives.all_gather_s(16e9, 16.0, thin)) == pytest.approx(0.2, rel=1e-3)


def test_a_small_group_of_a_mesh_has_only_its_own_links():
    # 2 of 8 chips: one of seven links
    assert float(collectives.all_gather_s(7e9, 2.0, MESH)) == pytest.approx(3.5e9 / (100e9 / 7), rel=1e-3)


def test_neighbours_far_apart_meet_over_the_network():
    near = collectives.all_gather_s(1e9, 8.0, FABRIC, stride=1.0)
    far = collectives.all_gather_s(1e9, 8.0, FABRIC, stride=8.0)
    assert float(far) > 5.0 * float(near)


@given(GROUPS, st.floats(1e3, 1e10), st.floats(1.0, 8.0), st.sampled_from([FABRIC, TORUS, MESH]))
def test_more_bandwidth_never_hurts(size, size_bytes, more, fabric):
    faster = dataclasses.replace(
        fabric,
        scaleup_bytes_per_s=fabric.scaleup_bytes_per_s * more,
        scaleout_bytes_per_s=fabric.scaleout_bytes_per_s * more,
    )
    for kind in (collectives.all_gather_s, collectives.all_reduce_s, collectives.all_to_all_s):
        assert float(kind(size_bytes, size, faster)) <= float(kind(size_bytes, size, fabric))


@given(GROUPS, st.floats(1e3, 1e10), st.floats(1.0, 100.0))
def test_more_bytes_never_take_less_time(size, size_bytes, more):
    for kind in (collectives.all_gather_s, collectives.all_reduce_s, collectives.all_to_all_s):
        assert float(kind(size_bytes * more, size, FABRIC)) >= float(kind(size_bytes, size, FABRIC))


def test_the_busiest_chip_is_at_least_the_mean_and_alone_is_the_mean():
    load = moe.imbalance(np.array([1e2, 1e4, 1e6]), experts=256.0, top_k=8.0, ep=64.0)
    assert (load >= 1.0).all()
    assert (np.diff(load) < 0.0).all(), "chance evens out with more tokens"
    assert float(moe.imbalance(100.0, experts=256.0, top_k=8.0, ep=1.0, skew=0.5)) == 1.0


def test_many_small_experts_take_longer_than_one_large():
    rates = {"flop_per_s": 1e15, "bytes_per_s": 3e12}
    apart = moe.grouped_gemm_s(8192.0, 2048.0, 7168.0, local_experts=32.0, **rates)
    together = moe.grouped_gemm_s(8192.0, 2048.0, 7168.0, local_experts=1.0, **rates)
    assert float(apart) > float(together)
