"""Matrix products: what the shape leaves of the rate, and limits that hold for any shape."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from offtake.perf.terms import gemm

SIZES = st.integers(min_value=1, max_value=65_536).map(float)


def test_a_product_of_whole_tiles_and_waves_loses_only_its_depth():
    # 2,048 x 1,024 in tiles of 128 is 16 x 8 = 128 tiles on 128 cores: one full wave
    share = gemm.shape_share(2048.0, 1024.0, 4096.0, units=128.0, tile=128.0)
    assert float(share) == pytest.approx(4096.0 / (4096.0 + gemm.DEPTH))


def test_one_column_more_than_a_tile_pays_for_another_tile():
    narrow = gemm.shape_share(2048.0, 1024.0, 4096.0, units=128.0)
    wider = gemm.shape_share(2048.0, 1025.0, 4096.0, units=128.0)
    # nine columns of tiles instead of eight: 144 tiles, two waves of which half of the empty part is charged
    charged = 144 / 128 + gemm.WAVE_LOSS * (2 - 144 / 128)
    assert float(wider) == pytest.approx(float(narrow) * (1025 / 1024) / charged)


def test_a_thin_product_takes_as_long_as_its_weights_take_to_read():
    time_s = gemm.gemm_s(1.0, 8192.0, 8192.0, flop_per_s=1e15, bytes_per_s=1e12)
    assert float(time_s) == pytest.approx(gemm.gemm_bytes(1.0, 8192.0, 8192.0) / 1e12)


def test_a_launch_is_the_floor_of_a_kernel():
    assert float(gemm.gemm_s(1.0, 1.0, 1.0, flop_per_s=1e15, bytes_per_s=1e12, launch_s=3e-6)) == pytest.approx(
        3e-6, rel=0.02
    )


def test_power_caps_large_products_only_where_it_is_short():
    cap = gemm.power_share(np.array([100e12, 1000e12]), tdp_w=500.0, joules_per_flop=1e-12)
    assert cap.tolist() == [1.0, 0.4]


@given(SIZES, SIZES, SIZES)
def test_the_shape_never_gives_more_than_the_rate(m, n, k):
    assert 0.0 < float(gemm.shape_share(m, n, k)) <= 1.0


@given(SIZES, SIZES, SIZES, st.sampled_from(["m", "n", "k"]))
def test_half_of_a_product_takes_at_least_half_of_its_time(m, n, k, axis):
    rates = {"flop_per_s": 1e15, "bytes_per_s": 3e12, "units": 132.0}
    sizes = {"m": m, "n": n, "k": k}
    double = sizes | {axis: 2.0 * sizes[axis]}
    assert float(gemm.gemm_s(*double.values(), **rates)) <= 2.0 * float(gemm.gemm_s(*sizes.values(), **rates)) * (
        1 + 1e-9
    )


@given(SIZES, SIZES, SIZES, st.floats(1.0, 10.0))
def test_faster_memory_and_cores_never_hurt(m, n, k, more):
    slow = gemm.gemm_s(m, n, k, flop_per_s=1e15, bytes_per_s=1e12)
    assert float(gemm.gemm_s(m, n, k, flop_per_s=1e15, bytes_per_s=1e12 * more)) <= float(slow)
    assert float(gemm.gemm_s(m, n, k, flop_per_s=1e15 * more, bytes_per_s=1e12)) <= float(slow)


def test_a_search_over_arrays_is_the_same_as_one_by_one():
    m = np.array([1.0, 100.0, 5000.0])
    together = gemm.gemm_s(m, 1000.0, 2000.0, flop_per_s=1e15, bytes_per_s=1e12)
    apart = [float(gemm.gemm_s(x, 1000.0, 2000.0, flop_per_s=1e15, bytes_per_s=1e12)) for x in m]
    assert together.tolist() == apart
