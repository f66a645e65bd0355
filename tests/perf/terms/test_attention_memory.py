"""Attention cores and memory by part, by hand and against published formulas."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offtake.perf.terms import attention, energy, memory


@given(st.integers(1, 300), st.integers(0, 400), st.integers(0, 50))
def test_the_mean_context_is_the_count_of_keys_over_queries(seq, window, cached):
    keys = [min(cached + i, window) if window else cached + i for i in range(1, seq + 1)]
    mean = attention.mean_context(float(seq), window_tok=float(window), cached_tok=float(cached))
    assert float(mean) == pytest.approx(sum(keys) / seq)


def test_without_a_mask_every_query_sees_every_key():
    assert float(attention.mean_context(100.0, causal=False)) == 100.0


def test_a_decode_core_reads_the_cache_once_whatever_the_queries():
    read = {
        "heads": 8.0,
        "cache_values": 2048.0,
        "qk_dim": 128.0,
        "v_dim": 128.0,
        "flop_per_s": 1e18,
        "bytes_per_s": 1e12,
    }
    one = attention.decode_attention_s(4.0, 1000.0, **read)
    assert float(one) == pytest.approx(4 * 1000 * 2048 * 2 / 1e12)
    assert float(attention.decode_attention_s(4.0, 1000.0, **read, queries=2.0)) == float(one)


@pytest.mark.parametrize(
    ("tp", "parallel", "selective", "factor"),
    # arXiv 2205.05198, table 2, at 5as/h = 80 (GPT-3: a = 96, s = 2048, h = 12288)
    [
        (1.0, False, False, 34 + 80),
        (8.0, False, False, 10 + 24 / 8 + 80 / 8),
        (8.0, True, False, (34 + 80) / 8),
        (8.0, True, True, 34 / 8),
    ],
)
def test_activations_follow_the_published_formula(tp, parallel, selective, factor):
    found = memory.activation_bytes(
        2048.0, hidden=12288.0, heads=96.0, seq_tok=2048.0, tp=tp, sequence_parallel=parallel, selective=selective
    )
    assert float(found) == pytest.approx(2048 * 12288 * factor)


def test_a_fused_core_keeps_a_little_less_than_the_published_34_bytes():
    kept = memory.block_activation_bytes(1.0, hidden=1.0, heads_dim=1.0, kv_dim=1.0, ffn=4.0, gated=0.0)
    assert 28.0 <= float(kept) <= 34.0


def test_states_take_eighteen_bytes_a_weight():
    assert sum(float(part) for part in memory.state_bytes(1e9)) == 18e9


def test_the_first_stage_keeps_as_many_micro_batches_as_there_are_stages():
    assert float(memory.in_flight(100.0, pp=8.0)) == 8.0
    assert float(memory.in_flight(100.0, pp=8.0, vpp=2.0)) == 8.0 * (1 + 7 / 16)
    assert float(memory.in_flight(3.0, pp=8.0)) == 3.0


def test_power_lies_between_idle_and_running():
    assert float(energy.mean_w(1000.0, 0.3, 0.0)) == 300.0
    assert float(energy.mean_w(1000.0, 0.3, 1.0)) == 1000.0
