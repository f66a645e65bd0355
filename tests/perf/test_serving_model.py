"""The serving model on known chips and models: golden rows, what it refuses, what it assumes, the plan's figures."""

from __future__ import annotations

from dataclasses import replace

import pytest

from offtake import catalog
from offtake.catalog.chips import chip_of
from offtake.catalog.models import transformer_of
from offtake.perf import serving_params
from offtake.perf.answers import Refusal
from offtake.perf.capacity import LatencyError, serving_capacity
from offtake.perf.cases import Pool, ServingCase
from offtake.perf.serving_layout import Layout, layouts_of
from offtake.perf.serving_model import predict_serving
from offtake.perf.serving_rows import names_of, numbers_of
from offtake.perf.serving_setting import NAMES
from offtake.perf.tables import Cells
from offtake.perf.tables_serving import row_of
from offtake.perf.types import LatencyClass


def _case(chip, model, **asked):
    known = {"input_tok": 1024.0, "output_tok": 1024.0, "weights": "fp8"}
    return ServingCase(
        chip=chip_of(catalog.chip(chip)), model=transformer_of(catalog.model(model)), **{**known, **asked}
    )


# Rows of published tables (InferenceX; TensorRT-LLM performance overview; AWS Neuron benchmarks): measured (tpot [ms], tok/s per chip)
SGLANG = {"chips": 8, "tp": 8, "ep": 1, "dp_attention": False, "engine": "sglang", "year": 2026.0}
OFFLINE = {"load": "offline", "engine": "TensorRT-LLM", "year": 2025.0}
NEURON = {"load": "static", "concurrency": 1, "weights": "bf16", "engine": "neuronx", "year": 2024.0}
GOLDEN = [
    (_case("H200", "DeepSeek-R1", input_tok=8192.0, concurrency=16, **SGLANG), 20.247, 93.586),
    (_case("MI300X", "DeepSeek-R1", output_tok=8192.0, concurrency=4, **SGLANG), 21.602, 22.761),
    (_case("H100", "Llama 3.1 8B", chips=1, tp=1, input_tok=128.0, output_tok=128.0, **OFFLINE), None, 28312.0),
    (_case("H200", "Llama 3.1 405B", chips=8, tp=8, input_tok=128.0, output_tok=2048.0, **OFFLINE), None, 668.5),
    (_case("Trainium1", "Llama 2 70B", chips=16, tp=16, input_tok=128.0, **NEURON), 25.449, 2.448),
    (_case("Inferentia2", "Llama 3 70B", chips=12, tp=12, **NEURON), 33.14, 2.513),
]


@pytest.mark.parametrize(
    ("case", "tpot_ms", "rate"), GOLDEN, ids=[f"{c.model.name} on {c.chip.name}" for c, _, _ in GOLDEN]
)
def test_golden_rows(case, tpot_ms, rate):
    found = predict_serving(case)
    if tpot_ms:
        assert found.tpot_s * 1e3 == pytest.approx(tpot_ms, rel=0.25)
        assert found.intervals["tpot_s"].holds(tpot_ms / 1e3)
    assert found.output_tok_per_s_per_chip == pytest.approx(rate, rel=0.25)
    assert found.intervals["output_tok_per_s_per_chip"].holds(rate)


def test_wide_expert_parallelism_against_deepseeks_own_figures():
    """DeepSeek's fleet (open-infra-index, day 6): 144 H800 decode together, 4,989 tokens of cache, 14.8k tok/s a node, 20-22 a user."""
    chip = replace(chip_of(catalog.chip("H100")), name="H800", scaleup_bytes_per_s=200e9)
    case = replace(
        _case("H100", "DeepSeek-V3", chips=400, input_tok=4000.0, output_tok=1978.0, concurrency=12960.0, engine="sglang", year=2025.0),
        chip=chip, disaggregated=True,
    )  # fmt: skip
    found = predict_serving(case, layout=Layout(dp=144, ep=144, prefill=Layout(dp=32, ep=32, replicas=8)))
    assert found.tpot_s == pytest.approx(0.048, rel=0.5)
    assert found.output_tok_per_s_per_decode_chip == pytest.approx(1850.0, rel=0.5)


def test_measured_columns_change_no_prediction():
    row = {
        "chip": "H200", "model": "DeepSeek-R1", "n_chips": "8", "tp": "8", "isl": "1024", "osl": "1024", "concurrency": "64",
        "precision_weights": "fp8", "engine_version": "sglang", "date": "2026-01-05", "scenario": "closed loop at fixed concurrency",
        "source": "any", "tpot_ms": "30", "ttft_ms": "300", "output_tokens_per_s_chip": "240", "quality": "ok",
    }  # fmt: skip
    noise = {**row, "tpot_ms": "1.7", "ttft_ms": "", "output_tokens_per_s_chip": "9999", "quality": "check"}
    first, second = (row_of(Cells(2, one)).case for one in (row, noise))
    assert predict_serving(first) == predict_serving(second)


def test_missing_input_is_named():
    found = predict_serving(_case("H200", "DeepSeek-R1", chips=8, tp=8, concurrency=4, input_tok=0.0))
    assert isinstance(found, Refusal)
    assert "isl" in found.reason


def test_what_does_not_fit_says_what_would():
    found = predict_serving(_case("H100", "DeepSeek-R1", chips=2, concurrency=4))
    assert isinstance(found, Refusal)
    assert "does not fit" in found.reason
    assert "chips or more" in found.reason


def test_a_rate_that_cannot_be_served_says_what_can():
    found = predict_serving(_case("H100", "Llama 3.1 8B", chips=1, tp=1, load="open", rate_per_s=1e4))
    assert isinstance(found, Refusal)
    assert "at most" in found.reason
    assert isinstance(predict_serving(_case("H100", "Llama 3.1 8B", chips=1, tp=1, load="open")), Refusal)


def test_an_unknown_size_of_chip_is_refused_by_name():
    bare = replace(chip_of(catalog.chip("H100")), hbm_bytes_per_s=None)
    found = predict_serving(replace(_case("H100", "Llama 3.1 8B", chips=1, tp=1, concurrency=1), chip=bare))
    assert isinstance(found, Refusal)
    assert "hbm_bytes_per_s" in found.reason


def test_what_is_left_out_is_assumed_the_best_and_said():
    case = _case("H200", "Llama 3.3 70B", chips=8, weights=None)
    found = predict_serving(case)
    assert any("best" in note for note in found.assumed)
    assert any("as many requests" in note for note in found.assumed)
    for tp in (1, 2, 4, 8):
        given = predict_serving(replace(case, tp=tp))
        assert given.output_tok_per_s <= found.output_tok_per_s * (1.0 + 1e-9)


def test_experts_share_the_chips_of_tensor_parallelism():
    (layout,), notes = layouts_of(
        _case("B200", "DeepSeek-R1", chips=64, tp=8, ep=8, concurrency=64, dp_attention=False)
    )
    assert layout == Layout(tp=8, ep=8)
    assert "tp x ep" in notes[0]
    (spread,), _ = layouts_of(_case("B200", "DeepSeek-R1", chips=8, tp=8, ep=8, concurrency=64, dp_attention=True))
    assert (spread.tp, spread.dp, spread.chips) == (1, 8, 8)


def test_pools_are_read_as_printed():
    case = _case(
        "GB200", "DeepSeek-R1", chips=48, disaggregated=True, concurrency=512, tp=32,
        prefill=Pool(workers=4, chips=16, tp=4, ep=4, dp_attention=False),
        decode=Pool(workers=1, chips=32, tp=32, ep=32, dp_attention=True),
    )  # fmt: skip
    (layout,), notes = layouts_of(case)
    assert (layout.tp, layout.dp, layout.ep, layout.replicas) == (1, 32, 32, 1)
    assert layout.prefill == Layout(tp=4, ep=4, replicas=4)
    assert (layout.chips, layout.decode_chips, notes) == (48, 32, ())


def test_workers_that_print_only_ones_take_the_best_layout_of_their_chips():
    pools = {"prefill": Pool(workers=1, chips=4, tp=1, ep=1), "decode": Pool(workers=2, chips=8, tp=1, ep=1)}
    case = _case("GB200", "DeepSeek-R1", chips=12, disaggregated=True, concurrency=4, tp=1, **pools)
    options, notes = layouts_of(case)
    assert {(o.span, o.replicas, o.prefill.span, o.prefill.replicas) for o in options} == {(4, 2, 4, 1)}
    assert {(o.tp, o.dp) for o in options} == {(1, 4), (2, 2), (4, 1)}
    assert "print tp 1 and ep 1" in notes[0]
    one = Pool(workers=8, chips=8, tp=1, ep=1)  # a chip each: nothing is left open
    (only,), notes = layouts_of(replace(case, prefill=Pool(workers=4, chips=4, tp=1, ep=1), decode=one))
    assert (only.span, only.replicas, notes) == (1, 8, ())


def test_a_size_that_divides_no_heads_is_read_as_a_pool():
    case = _case(
        "GB200",
        "DeepSeek-R1",
        chips=72,
        disaggregated=True,
        concurrency=4,
        tp=36,
        decode=Pool(workers=1, chips=36, tp=36),
    )
    options, notes = layouts_of(case)
    assert {o.decode_chips for o in options} == {36}
    assert {o.chips for o in options} == {72}
    assert "does not divide 128 heads" in notes[0]
    found = predict_serving(case)
    others = [predict_serving(case, layout=option) for option in options]
    rates = [other.output_tok_per_s for other in others if not isinstance(other, Refusal)]
    assert found.output_tok_per_s == max(rates)


def test_requests_of_a_batch_lie_on_one_replica():
    """A source that prints 448 requests at once and batches of 14 on 2 chips has 32 such pairs of chips."""
    asked = _case("GB200", "Qwen3-32B", chips=2, tp=2, concurrency=448.0, batch=14.0, engine="trtllm", year=2026.0)
    assert predict_serving(asked).concurrency <= 14.0


def test_a_chip_without_data_has_a_wider_interval():
    known = predict_serving(_case("H200", "Llama 3.3 70B", chips=8, tp=8, concurrency=64, engine="vllm", year=2025.0))
    strange = replace(chip_of(catalog.chip("H200")), name="other", vendor="other", family="other")
    case = _case("H200", "Llama 3.3 70B", chips=8, tp=8, concurrency=64, engine="vllm", year=2025.0)
    other = predict_serving(replace(case, chip=strange))

    def width(found):
        within = found.intervals["tpot_s"]
        return within.high / within.low

    assert width(other) > width(known)


def test_drafting_helps_where_memory_binds():
    plain = predict_serving(_case("H200", "DeepSeek-R1", chips=8, tp=8, concurrency=4, engine="trtllm", year=2026.0))
    case = _case("H200", "DeepSeek-R1", chips=8, tp=8, concurrency=4, engine="trtllm", year=2026.0, speculation="mtp")
    drafted = predict_serving(case)
    assert drafted.tpot_s < plain.tpot_s
    assert any("drafted" in note for note in drafted.assumed)


CHAT = LatencyClass(ttft_s=2.0, tpot_s=0.05, input_tok=2000.0, output_tok=500.0)


@pytest.mark.parametrize(
    "name", ["A100", "H100", "B200", "GB200", "MI355X", "TPU v5p", "TPU7x", "Trainium2", "Trainium3 (Gen1 UltraServer)"]
)
@pytest.mark.parametrize("model", ["Llama 3.3 70B", "DeepSeek-V3"])
def test_the_plans_figures_keep_the_class_and_the_memory(name, model):
    chip = chip_of(catalog.chip(name))
    found = serving_capacity(chip, transformer_of(catalog.model(model)), CHAT)
    best = found.plan.best
    assert best.tpot_s <= CHAT.tpot_s
    assert best.ttft_s <= CHAT.ttft_s
    assert sum(best.memory_bytes_per_chip.values()) < chip.hbm_bytes
    assert best.concurrency == pytest.approx(best.requests_per_s * (best.ttft_s + 500.0 * best.tpot_s), rel=1e-6)
    rate = found.output_tok_per_s_per_chip
    # times known to a factor of 1.3 to 1.8 leave less of a rate within targets: a fifth of it at the worst here
    assert 0.15 < found.interval.low / rate < 1.0 < found.interval.high / rate < 3.0


def test_a_looser_class_never_serves_less():
    chip, model = chip_of(catalog.chip("H200")), transformer_of(catalog.model("DeepSeek-V3"))
    rates = [
        serving_capacity(chip, model, replace(CHAT, tpot_s=t)).output_tok_per_s_per_chip for t in (0.03, 0.05, 0.1)
    ]
    assert rates == sorted(rates)


def test_a_class_that_cannot_be_kept_says_the_best():
    chip, model = chip_of(catalog.chip("H200")), transformer_of(catalog.model("DeepSeek-V3"))
    with pytest.raises(LatencyError, match="1 ms a token cannot be met"):
        serving_capacity(chip, model, replace(CHAT, tpot_s=0.001))
    with pytest.raises(LatencyError, match=r"0\.001 s to the first token"):
        serving_capacity(chip, model, replace(CHAT, ttft_s=0.001))
    small = replace(chip, hbm_bytes=4e9)
    with pytest.raises(LatencyError, match="does not fit"):
        serving_capacity(small, model, CHAT)


def test_a_batch_beyond_the_caches_runs_in_waves():
    """LMDeploy's 13B on one A100 prints 47 ms and 390 tok/s for 32 and for 64 requests of 2,048 + 2,048: the caches hold some 18."""
    case = _case(
        chip="A100", model="Llama 2 13B", chips=1, tp=1, input_tok=2048.0, output_tok=2048.0, load="static", weights="bf16"
    )  # fmt: skip
    within, some, many = (predict_serving(replace(case, batch=float(n))) for n in (8, 32, 64))
    assert within.running == 8.0
    assert 15.0 < some.running < 22.0
    for figure in ("running", "tpot_s", "output_tok_per_s"):
        assert getattr(many, figure) == pytest.approx(getattr(some, figure), rel=1e-9)
    # waves one after the other: the mean at work is half of the batch and half of what runs, and the last wave ends after all others
    for found, batch in ((within, 8.0), (some, 32.0), (many, 64.0)):
        assert found.concurrency == pytest.approx(0.5 * (batch + found.running), rel=1e-9)
    wave_s = 2048.0 * many.running / many.output_tok_per_s
    assert many.ttft_s - some.ttft_s == pytest.approx(0.5 * 32.0 / many.running * wave_s, rel=1e-9)


@pytest.mark.parametrize("name", ["gpt-oss-120b", "Qwen3-235B-A22B", "Qwen3-30B-A3B"])
def test_weights_outside_experts_are_those_of_attention_and_router(name):
    """Attention 2·h·d·(a + g) and router h·E of each layer, counted here: a floor of 2 % of all weights once doubled gpt-oss's."""
    model = transformer_of(catalog.model(name))
    case = _case("H100", name, chips=8, tp=8, weights="fp4")
    dense = numbers_of(case).before[NAMES.index("dense_params")]
    attention = 2.0 * model.hidden * model.head_dim * (model.heads + model.kv_heads)
    counted = model.layers * (attention + model.hidden * model.experts)
    assert dense == pytest.approx(counted, rel=0.1)


@pytest.mark.parametrize(("chip", "q"), [("L40S", 8), ("L40S", 2), ("H100 NVL", 4)])
def test_cards_on_a_bus_sum_in_a_ring_through_the_host(chip, q):
    """Two all-reduces a layer, each of 2(q - 1) hops of 4 us more than where chips have links of their own."""
    case = _case(chip, "Llama 3.1 8B", chips=q, tp=q, concurrency=1)
    rates = (64e9, 64.001e9)  # PCIe 5.0 x16, and a hair above it
    bus, linked = (
        predict_serving(replace(case, chip=replace(case.chip, scaleup_bytes_per_s=rate))).terms_s["tensor messages"]
        for rate in rates
    )
    factors = serving_params.factors(serving_params.section(), names_of(case))
    overhead = factors[serving_params.CHANNELS.index("overhead")]
    assert bus - linked == pytest.approx(2 * case.model.layers * 2 * (q - 1) * 4e-6 * overhead, rel=0.01)


def test_one_card_on_a_bus_sends_nothing():
    assert (
        predict_serving(_case("L40S", "Llama 3.1 8B", chips=1, tp=1, concurrency=1)).terms_s["tensor messages"] == 0.0
    )


def test_eight_bits_on_gaudi_hold_the_cache_too():
    narrow, wide = (_case("Gaudi2", "Llama 2 7B", chips=1, tp=1, concurrency=16, weights=w) for w in ("fp8", "bf16"))
    assert "cache fp8" in predict_serving(narrow).assumed
    assert "cache bf16" in predict_serving(wide).assumed
    assert "cache bf16" in predict_serving(replace(narrow, weights_only=True)).assumed


def test_links_that_the_catalogue_does_not_know_are_no_bus():
    chip = replace(chip_of(catalog.chip("H100")), scaleup_bytes_per_s=None)
    case = replace(_case("H100", "Llama 3.1 8B", chips=8, tp=8, concurrency=1), chip=chip)
    known = replace(case, chip=replace(chip, scaleup_bytes_per_s=64.001e9))
    unknown, linked = (predict_serving(c).terms_s["tensor messages"] for c in (case, known))
    assert unknown < 1.5 * linked  # slower links by the rate that is assumed, and no ring through the host
