"""Each term of a step, worked by hand."""

from __future__ import annotations

import dataclasses
import math

import pytest

from offtake.errors import OfftakeError
from offtake.perf import memory, roofline, steps, watts
from offtake.perf.roofline import Efficiency
from offtake.perf.types import Chip, LatencyClass, Transformer

# A chip with round numbers: 1 PFLOP/s, 1 TB/s, 100 GB, links of 100 GB/s within 4 chips and 10 GB/s beyond.
CHIP = Chip(
    name="toy", bf16_flop_per_s=1e15, hbm_bytes=100e9, hbm_bytes_per_s=1e12, scaleup_bytes_per_s=100e9, scaleup_domain=4,
    scaleout_bytes_per_s=10e9, it_w_per_chip=1000.0,
)  # fmt: skip
# 10 B weights in 10 layers of width 1000: 8 heads of 128, 2 of them cached.
DENSE = Transformer(
    name="dense", params=10e9, active_params=10e9, layers=10, hidden=1000, heads=8, kv_heads=2, head_dim=128,
    kv_values_per_layer=512.0, full_layers=10,
)  # fmt: skip
# The same with 8 B of its weights in 16 experts a layer, of which a token uses 2.
MOE = dataclasses.replace(DENSE, name="moe", active_params=3e9, expert_params=8e9, experts=16, top_k=2, moe_layers=10)
IDEAL = Efficiency(
    hbm=1.0, prefill_dense=1.0, prefill_experts=1.0, prefill_moe_tensor=1.0, decode_flop=1.0, scaleup=1.0, scaleout=1.0,
    scaleup_latency_s=0.0, scaleout_latency_s=0.0, step_s=0.0, memory=1.0, workspace_bytes=0.0, expert_imbalance=1.0,
)  # fmt: skip


def test_a_decode_step_of_one_sequence_reads_the_weights_and_its_cache():
    # weights 20 GB + cache 512 x 10 x 1000 tokens x 2 bytes = 10.24 MB over 1 TB/s; compute 2 x 10e9 flop is far less
    step, binds = steps.decode_step_s(
        CHIP, DENSE, steps.Layout(chips=1, tp=1), batch=1, context_tok=1000, precision="bf16", efficiency=IDEAL
    )
    assert step == pytest.approx((20e9 + 10.24e6) / 1e12)
    assert binds == "memory bandwidth"


def test_a_large_batch_is_bound_by_compute():
    # 10,000 sequences: each 2 x 10e9 for weights + 4 x 8 x 128 x 10 layers x 1 token of attention
    step, binds = steps.decode_step_s(
        CHIP, DENSE, steps.Layout(chips=1, tp=1), batch=10_000, context_tok=1, precision="bf16", efficiency=IDEAL
    )
    assert step == pytest.approx(10_000 * (20e9 + 4 * 8 * 128 * 10) / 1e15)
    assert binds == "compute"


def test_two_chips_halve_the_weights_and_add_two_all_reduces_a_layer():
    # half of 20 GB; cache split over 2 heads; messages 2 x 10 layers x (1 token x 1000 x 2 bytes) x 2(2-1)/2 / 100 GB/s
    step, _ = steps.decode_step_s(
        CHIP, DENSE, steps.Layout(chips=2, tp=2), batch=1, context_tok=1000, precision="bf16", efficiency=IDEAL
    )
    assert step == pytest.approx((10e9 + 5.12e6) / 1e12 + 20 * 2000 / 100e9)


def test_experts_over_four_groups():
    # 4 chips, each its own group; 4 sequences. Dense part 2 B x 2 bytes on each chip; experts 8 B x 2 / 4 chips, of which the
    # share 1 - (1 - 2/16)^4 is touched; cache of one sequence; messages: 1 token x 2 copies x 1000 x 3 bytes x 3/4 x 10 layers
    touched = 1 - (14 / 16) ** 4
    step, _ = steps.decode_step_s(
        CHIP, MOE, steps.Layout(chips=4, tp=1), batch=4, context_tok=1000, precision="bf16", efficiency=IDEAL
    )
    read = (4e9 + 4e9 * touched + 10.24e6) / 1e12
    assert step == pytest.approx(read + 10 * 2 * 1000 * 3 * 0.75 / 100e9)


def test_beyond_the_scale_up_domain_messages_take_the_network_card():
    assert roofline.link(CHIP, 4, IDEAL) == (100e9, 0.0)
    assert roofline.link(CHIP, 8, IDEAL) == (10e9, 0.0)
    with pytest.raises(OfftakeError, match=r"toy.*scaleout_bytes_per_s"):
        roofline.link(dataclasses.replace(CHIP, scaleout_bytes_per_s=None), 8, IDEAL)


def test_prefill_of_one_chip_is_two_operations_a_weight_and_half_the_prompt_of_attention():
    latency = LatencyClass(ttft_s=1, tpot_s=1, input_tok=2000, output_tok=1)
    per_tok = steps.prefill_s_per_tok(
        CHIP, DENSE, steps.Layout(chips=1, tp=1), latency=latency, precision="bf16", efficiency=IDEAL
    )
    assert per_tok == pytest.approx((2 * 10e9 + 4 * 8 * 128 * 10 * 1000) / 1e15)


def test_a_short_prompt_is_bound_by_reading_the_weights():
    latency = LatencyClass(ttft_s=1, tpot_s=1, input_tok=100, output_tok=1)
    per_tok = steps.prefill_s_per_tok(
        CHIP, DENSE, steps.Layout(chips=1, tp=1), latency=latency, precision="bf16", efficiency=IDEAL
    )
    assert per_tok == pytest.approx(20e9 / 1e12 / 100)


def test_cached_input_is_seen_by_attention_but_not_computed():
    latency = LatencyClass(ttft_s=1, tpot_s=1, input_tok=4000, output_tok=1, cached_frac=0.5)
    per_tok = steps.prefill_s_per_tok(
        CHIP, DENSE, steps.Layout(chips=1, tp=1), latency=latency, precision="bf16", efficiency=IDEAL
    )
    assert latency.fresh_tok == 2000
    assert per_tok == pytest.approx((2 * 10e9 + 4 * 8 * 128 * 10 * (2000 + 1000)) / 1e15)


def test_latent_attention_decodes_on_the_latent_and_cannot_split_its_cache():
    latent = dataclasses.replace(DENSE, latent_attention=True, kv_values_per_layer=576.0, head_dim=160)
    assert roofline.attention_flop_per_tok(latent, 10.0) == 4 * 8 * 160 * 10 * 10
    assert roofline.attention_flop_per_tok(latent, 10.0, decode=True) == 4 * 8 * 576 * 10 * 10
    assert steps.kv_split(latent, 8) == 1
    assert steps.kv_split(DENSE, 8) == 2  # two heads are cached


def test_windows_bound_the_cache_and_attention():
    local = dataclasses.replace(DENSE, full_layers=5, window_layers=5, window_tok=100)
    assert memory.kv_bytes(local, 1000.0) == 512 * (5 * 1000 + 5 * 100) * 2
    assert memory.kv_bytes(local, 50.0) == 512 * 10 * 50 * 2


def test_all_experts_are_touched_by_a_large_batch():
    assert roofline.expert_share_touched(MOE, 1) == pytest.approx(2 / 16)
    assert roofline.expert_share_touched(MOE, 10_000) == pytest.approx(1.0)
    assert roofline.expert_share_touched(DENSE, 10) == 0.0


@pytest.mark.parametrize("load", [0.3, 0.6, 0.9])
def test_the_queue_of_one_server_is_md1(load):
    assert steps.queue_wait(load, 1) == pytest.approx(load / (2 * (1 - load)))  # Pollaczek-Khinchine, fixed service


def test_more_servers_wait_less():
    waits = [steps.queue_wait(0.8, servers) for servers in (1, 2, 4, 8, 16)]
    assert waits == sorted(waits, reverse=True)


def test_lower_precision_falls_back_to_the_fastest_unit_there_is():
    assert roofline.peak(CHIP, "fp8") == 1e15
    both = dataclasses.replace(CHIP, fp8_flop_per_s=2e15)
    assert roofline.peak(both, "fp8") == 2e15
    assert roofline.peak(both, "fp4") == 2e15


def test_power_between_idle_and_full():
    assert watts.mean_w_per_chip(CHIP, 0.0) == pytest.approx(350.0)
    assert watts.mean_w_per_chip(CHIP, 1.0) == 1000.0
    assert watts.joules_per_tok(CHIP, 250.0) == 4.0


def test_training_states_are_eighteen_bytes_a_weight():
    assert memory.training_state_bytes(DENSE) == 180e9


@pytest.mark.parametrize(
    "wrong", [{"ttft_s": 0.0}, {"tpot_s": -1.0}, {"input_tok": math.nan}, {"cached_frac": 1.0}, {"cached_frac": -0.1}]
)
def test_an_impossible_class_is_refused(wrong):
    with pytest.raises(OfftakeError, match=next(iter(wrong))):
        LatencyClass(**{"ttft_s": 1.0, "tpot_s": 0.05, "input_tok": 10.0, "output_tok": 10.0, **wrong})
