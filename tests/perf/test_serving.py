"""The search for the best layout: limits, monotony, refusals, and the published fleet."""

from __future__ import annotations

import dataclasses
import time

import pytest

from offtake import catalog
from offtake.catalog.chips import chip_of
from offtake.catalog.models import transformer_of
from offtake.errors import OfftakeError
from offtake.perf import memory, serving, steps
from offtake.perf.roofline import DEFAULT
from offtake.perf.types import LatencyClass

CHAT = LatencyClass(ttft_s=2.0, tpot_s=0.05, input_tok=2000, output_tok=500)


def chip(name):
    return chip_of(catalog.chip(name))


def model(name):
    return transformer_of(catalog.model(name))


def test_one_chip_does_both_phases_in_turn():
    found = serving.estimate(chip("H100"), model("Llama 3.1 70B"), CHAT)
    # of one second, x on decode and 1 - x on prefill, with x·decode = (1 - x)·prefill / inputs per output
    decode, prefill, inputs = found.decode_tok_per_s_per_chip, found.prefill_tok_per_s_per_chip, 4.0
    x = prefill / inputs / (decode + prefill / inputs)
    assert found.fresh_input_per_output == inputs
    assert found.output_tok_per_s_per_chip == pytest.approx(x * decode)


@pytest.mark.parametrize("name", ["Llama 3.1 70B", "DeepSeek-V3", "gpt-oss-120b"])
@pytest.mark.parametrize("on", ["H100", "B200", "Trainium2 UltraServer", "Trainium3", "TPU7x"])
def test_the_estimate_keeps_every_limit(on, name):
    found = serving.estimate(chip(on), model(name), CHAT)
    assert found.tpot_s <= CHAT.tpot_s
    assert found.ttft_s <= CHAT.ttft_s
    room = memory.usable_bytes(chip(on), DEFAULT.memory, DEFAULT.workspace_bytes)
    assert found.memory_bytes_per_chip <= room * (1 + 1e-12)
    assert found.low < 1.0 < found.high
    assert found.notes
    layout = steps.Layout(chips=found.chips_per_replica, tp=found.tp)
    again, _ = steps.decode_step_s(
        chip(on), model(name), layout, batch=found.batch, context_tok=CHAT.context_tok, precision=found.precision
    )
    assert again == found.tpot_s
    assert found.decode_tok_per_s_per_chip == pytest.approx(found.batch / again / found.chips_per_replica)


def test_no_larger_batch_would_keep_the_limits():
    found = serving.estimate(chip("H100"), model("Llama 3.1 70B"), dataclasses.replace(CHAT, tpot_s=0.03))
    layout = steps.Layout(chips=found.chips_per_replica, tp=found.tp)
    more, _ = steps.decode_step_s(
        chip("H100"),
        model("Llama 3.1 70B"),
        layout,
        batch=found.batch + 1,
        context_tok=CHAT.context_tok,
        precision="fp8",
    )
    cache = memory.kv_bytes(model("Llama 3.1 70B"), CHAT.context_tok) / steps.kv_split(model("Llama 3.1 70B"), found.tp)
    room = memory.usable_bytes(chip("H100"), DEFAULT.memory, DEFAULT.workspace_bytes)
    too_slow, too_large = more > 0.03, found.memory_bytes_per_chip + cache / layout.groups > room
    assert too_slow or too_large


def test_a_looser_promise_never_serves_less():
    rates = [
        serving.estimate(
            chip("H100"), model("DeepSeek-V3"), dataclasses.replace(CHAT, tpot_s=t)
        ).output_tok_per_s_per_chip
        for t in (0.03, 0.05, 0.1, 0.5)
    ]
    assert rates == sorted(rates)


def test_a_longer_context_serves_less():
    rates = [
        serving.estimate(
            chip("H100"), model("Llama 3.1 70B"), dataclasses.replace(CHAT, ttft_s=60, input_tok=n)
        ).output_tok_per_s_per_chip
        for n in (500, 2000, 8000, 32_000)
    ]
    assert rates == sorted(rates, reverse=True)


def test_a_cache_of_prompts_serves_more():
    plain = serving.estimate(chip("H100"), model("DeepSeek-V3"), CHAT).output_tok_per_s_per_chip
    cached = serving.estimate(
        chip("H100"), model("DeepSeek-V3"), dataclasses.replace(CHAT, cached_frac=0.56)
    ).output_tok_per_s_per_chip
    assert cached > plain


def test_the_fleet_that_deepseek_published():
    # 168 bn output and 608 bn input tokens a day, 56.3 % cached, on 226.75 nodes of 8 H800 (H100 with half the scale-up links),
    # 20-22 tokens/s a user, mean context 4,989: 14.8k output tokens/s a decode node, 73.7k input tokens/s a prefill node;
    # derived: 0.84 M output tokens/s per MW at 10.2 kW a node (plausibility, serving).
    h800 = dataclasses.replace(chip("H100"), scaleup_bytes_per_s=200e9)
    found = serving.estimate(
        h800,
        model("DeepSeek-V3"),
        LatencyClass(ttft_s=5, tpot_s=0.05, input_tok=4300, output_tok=1188, cached_frac=0.563),
    )
    assert 8 * found.decode_tok_per_s_per_chip == pytest.approx(14_800, rel=0.15)
    assert 8 * found.prefill_tok_per_s_per_chip / 0.437 == pytest.approx(73_700, rel=0.15)
    per_mw = found.output_tok_per_s_per_chip / 1275.0  # million tokens/s per MW
    assert per_mw == pytest.approx(0.84, rel=0.15)


def test_what_is_missing_is_named():
    cases = [
        ("Rubin CPX", "DeepSeek-V3", "Rubin CPX.*hbm_bytes"),
        ("H100", "GPT-5", "GPT-5.*params"),
        ("H100", "Grok-1", "Grok-1.*active_params"),
        ("MI455X", "DeepSeek-V3", "MI455X.*it_w_per_chip"),
    ]
    for on, name, message in cases:
        with pytest.raises(OfftakeError, match=message):
            serving.estimate(chip(on), model(name), CHAT)


def test_an_unreachable_promise_says_what_is_possible():
    with pytest.raises(serving.LatencyError, match=r"0\.1 ms cannot be met; the best is"):
        serving.estimate(chip("H100"), model("Llama 3.1 405B"), dataclasses.replace(CHAT, tpot_s=1e-4))
    with pytest.raises(serving.LatencyError, match=r"time to first token 0\.001 s cannot be met"):
        serving.estimate(chip("H100"), model("Llama 3.1 405B"), dataclasses.replace(CHAT, ttft_s=1e-3))
    with pytest.raises(serving.LatencyError, match="do not fit any layout"):
        serving.estimate(chip("A100-40 SXM"), model("GPT-3"), CHAT)


def test_every_pair_with_data_is_estimated_or_refused_with_a_reason():
    loose = LatencyClass(ttft_s=60.0, tpot_s=1.0, input_tok=1000, output_tok=500)
    known = [n for n in catalog.names("models") if catalog.model(n).number("layers")]
    full = [
        n
        for n in catalog.names("chips")
        if {"bf16_flop_per_s", "hbm_bytes", "hbm_bytes_per_s", "it_w_per_chip"} <= catalog.chip(n).facts.keys()
    ]
    assert len(known) == 38
    assert len(full) >= 27
    for on in full:
        for name in known:
            try:
                found = serving.estimate(chip(on), model(name), loose)
            except serving.LatencyError as refused:
                assert "do not fit" in str(refused)  # noqa: PT017 (either outcome is right)
                continue
            except OfftakeError as missing:
                assert "scaleup" in str(missing) or "scaleout" in str(missing)  # noqa: PT017
                continue
            assert 0.0 < found.output_tok_per_s_per_chip < 1e6


def test_a_search_is_quick():
    serving.estimate.cache_clear()
    start = time.perf_counter()
    serving.estimate(chip("GB200"), model("DeepSeek-V3"), CHAT)
    assert time.perf_counter() - start < 1.0  # about 0.02 s
