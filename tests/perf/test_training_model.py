"""The training model: published formulas, limits over random models and layouts, golden rows, and what cannot be."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from offtake.catalog import chip, model
from offtake.catalog.chips import chip_of
from offtake.catalog.models import transformer_of
from offtake.catalog.types import Chip, Transformer
from offtake.perf import training_model, training_params
from offtake.perf.answers import Refusal
from offtake.perf.cases import TrainingCase
from offtake.perf.names import model_named
from offtake.perf.tables_training import read_training
from offtake.perf.training_memory import footprint
from offtake.perf.training_model import base_setting, model_flop, predict_training
from offtake.perf.training_step import Step, step

A100 = chip_of(chip("A100-80 SXM"))
GPT3 = transformer_of(model("GPT-3 175B"))
LLAMA = transformer_of(model("Llama 3.1 70B"))
DEEPSEEK = transformer_of(model("DeepSeek-V3"))
# Published: arXiv 2205.05198, table 5 (175B, selective recomputation, 64 chips)
PUBLISHED = TrainingCase(
    chip=A100, model=GPT3, chips=64, seq_tok=2048, batch_seqs=64, micro_batch=1, tp=8, pp=8, dp=1, cp=1, vpp=3, shards=1,
    recompute="selective", engine="megatron", year=2022.0,
)  # fmt: skip
PLAIN = training_params.efficiency(None, ())


def answer(case: TrainingCase) -> training_model.TrainingPrediction:
    found = predict_training(case)
    assert not isinstance(found, Refusal), found.reason
    return found


# Published formulas ----------------------------------------------------------------------------------------------


@given(st.integers(1, 64), st.integers(2, 64), st.sampled_from([512, 2048, 8192]), st.sampled_from([32_000, 51_200]))
def test_operations_of_a_gpt_are_those_of_the_published_formula(layers, heads, seq, vocab):
    h = heads * 128
    gpt = Transformer(
        name="gpt", params=12.0 * layers * h * h, active_params=1.0, layers=layers, hidden=h, heads=heads, kv_heads=heads,
        head_dim=128, ffn=4 * h, gated=False, vocab=vocab,
    )  # fmt: skip
    case = TrainingCase(chip=A100, model=gpt, chips=1, seq_tok=seq, batch_seqs=4)
    # 72 B s L h² (1 + s/6h + V/12Lh) counts all of the square (arXiv 2104.04473 less its recomputation); half of it is causal,
    # and the diagonal is whole: (s + 1)/2 keys on average
    causal = 72 * 4 * seq * layers * h**2 * (1 + (seq + 1) / (12 * h) + vocab / (12 * layers * h))
    assert float(model_flop(base_setting(case))) == pytest.approx(causal, rel=1e-12)


def test_operations_of_a_long_model_come_to_six_per_active_weight():
    case = TrainingCase(chip=A100, model=replace(DEEPSEEK, mtp_layers=0), chips=1, seq_tok=1, batch_seqs=1)
    # the catalogue prints 37e9 active; the input table (0.93e9) is looked up, not multiplied
    assert float(model_flop(base_setting(case))) == pytest.approx(6 * (37e9 - 0.93e9), rel=0.03)


@pytest.mark.parametrize(
    ("name", "seq", "mtp", "printed"),
    [
        # TFLOP/s over tokens/s of a GB200, as NVIDIA-NeMo/Megatron-Bridge docs/performance-summary.md @067f987df and its archive print them
        ("Llama 3 8B", 8192, 0, 1622 / 31508),  # 25.11
        ("Llama 3.1 405B", 8192, 0, 2129 / 843),  # 26.06, as the next three
        ("DeepSeek-V3", 4096, 1, 1292 / 4969),
        ("Qwen3-30B-A3B", 4096, 0, 936 / 40706),
        ("Qwen3-235B-A22B", 4096, 0, 1092 / 7376),
        ("Nemotron 3 Super 120B-A12B", 8192, 2, 610 / 7168),  # 26.08
    ],
)
def test_operations_are_those_that_megatron_prints(name, seq, mtp, printed):
    found = model_named(name)
    assert found.mtp_layers == mtp
    case = TrainingCase(chip=A100, model=found, chips=1, seq_tok=seq, batch_seqs=1)
    assert float(model_flop(base_setting(case))) / seq == pytest.approx(printed * 1e12, rel=0.01)


def test_states_on_chips_are_eighteen_bytes_over_those_that_share_them():
    s = base_setting(replace(PUBLISHED, tp=1, pp=1)).with_layout(shards=64.0, zero=3.0)
    memory = footprint(s)
    assert float(memory.weights + memory.gradients + memory.optimizer) == pytest.approx(18 * GPT3.params / 64, rel=1e-9)


def test_activations_of_a_published_layout_lie_by_the_published_figure():
    # arXiv 2205.05198: 175B at t 8, p 8, v 3 keeps 34 s b h / t of L/p layers of p (1 + 7/24) micro-batches; ours keeps 28 to 34
    found = answer(PUBLISHED).memory_bytes["activations"]
    published = 34 * 2048 * 12288 / 8 * 12 * 8 * (1 + 7 / 24)
    assert 0.8 <= found / published <= 1.0


# Sums and golden rows --------------------------------------------------------------------------------------------


def test_the_terms_add_up_to_the_step():
    found = answer(PUBLISHED)
    assert sum(found.breakdown_s.values()) == pytest.approx(found.step_s)
    assert found.tok_per_s == pytest.approx(64 * 2048 / found.step_s)
    assert found.interval.low < found.step_s < found.interval.high
    assert found.joules_per_tok == pytest.approx(found.it_w_per_chip * 64 / found.tok_per_s)
    assert set(found.breakdown_s) == {f.name for f in fields(Step)} - {"hidden_s", "compute_s", "memory_s"}


@pytest.mark.parametrize(
    ("change", "measured_s"),
    # arXiv 2205.05198, table 5: step times of the 175B model and of the 22B one beside it
    [({}, 13.75), ({"recompute": "full"}, 18.13)],
)
def test_published_steps_are_met(change, measured_s):
    found = answer(replace(PUBLISHED, **change))
    assert found.step_s == pytest.approx(measured_s, rel=0.06)
    assert found.interval.holds(measured_s)


def test_measured_columns_are_never_read(shared_data, tmp_path):
    table = shared_data / "perf" / "training_published.csv"
    lines = table.read_text("utf-8").splitlines()
    head = lines[0].split(",")
    noise = np.random.default_rng(7)
    import csv

    noisy = tmp_path / "noisy.csv"
    with table.open(encoding="utf-8", newline="") as source, noisy.open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, head)
        writer.writeheader()
        for row in csv.DictReader(source):
            writer.writerow(
                {k: (f"{noise.uniform(1, 100):.3f}" if k.startswith("reported_") and v else v) for k, v in row.items()}
            )
    ours, theirs = read_training(table)[::9], read_training(noisy)[::9]
    for one, other in zip(ours, theirs, strict=True):
        assert one.case == other.case
        if one.case is not None and other.case is not None:
            assert predict_training(one.case) == predict_training(other.case)


# Limits ----------------------------------------------------------------------------------------------------------

CASES = st.builds(
    lambda name, tp, pp, dp, micro, seq, recompute, precision: TrainingCase(
        chip=chip_of(chip(name)), model=LLAMA, chips=tp * pp * dp, seq_tok=seq, batch_seqs=dp * micro * 8, micro_batch=micro, tp=tp,
        pp=pp, cp=1, vpp=1, shards=1, recompute=recompute, precision=precision, engine="megatron", year=2025.0,
    ),
    st.sampled_from(["A100-80 SXM", "H100 SXM", "MI300X", "TPU v5p", "Trainium2"]),
    st.sampled_from([1, 2, 4, 8]), st.sampled_from([1, 2, 4, 8, 16]), st.sampled_from([1, 2, 8, 64]), st.sampled_from([1, 2, 4]),
    st.sampled_from([2048, 8192]), st.sampled_from(["none", "selective", "full"]), st.sampled_from(["bf16", "fp8"]),
)  # fmt: skip


def timed(case: TrainingCase) -> float:
    """Return the step time of a case whatever its memory."""
    setting = base_setting(case)
    recompute = {"none": (0.0, 0.0), "selective": (0.0, 1.0), "full": (1.0, 0.0)}[case.recompute or "none"]
    s = setting.with_layout(
        micro_seqs=float(case.micro_batch or 1), tp=float(case.tp or 1), pp=float(case.pp or 1), shards=float(case.shards or 1),
        zero=1.0, recompute=recompute[0], selective=recompute[1],
    )  # fmt: skip
    return float(step(s, PLAIN).total_s)


@settings(max_examples=60)
@given(CASES, st.sampled_from(["scaleup_bytes_per_s", "scaleout_bytes_per_s", "hbm_bytes_per_s"]), st.floats(1.0, 8.0))
def test_more_bandwidth_never_hurts(case, link, more):
    assume(getattr(case.chip, link) is not None)
    better = replace(case, chip=replace(case.chip, **{link: getattr(case.chip, link) * more}))
    assert timed(better) <= timed(case) * (1 + 1e-9)


@settings(max_examples=60)
@given(CASES)
def test_twice_the_chips_never_more_than_halve_a_step(case):
    assume(case.batch_seqs % (2 * case.chips) == 0 or case.batch_seqs // (case.chips * 2) >= 1)
    twice = replace(case, chips=2 * case.chips)
    assert timed(twice) >= timed(case) / 2 * (1 - 1e-9)


@settings(max_examples=60)
@given(CASES)
def test_recomputing_costs_time_and_saves_memory(case):
    none, full = replace(case, recompute="none"), replace(case, recompute="full")
    assert timed(none) < timed(full)


def test_one_chip_has_no_messages():
    small = replace(LLAMA, name="small", layers=8, full_layers=8, mlp_layers=8, params=8e9, active_params=8e9)
    found = answer(
        TrainingCase(
            chip=A100, model=small, chips=1, seq_tok=2048, batch_seqs=8, tp=1, pp=1, engine="megatron", adapters=True
        )
    )
    assert [found.breakdown_s[name] for name in ("tensor", "context", "expert", "pipeline", "data", "bubble")] == [
        0.0
    ] * 6


def test_a_search_is_the_same_as_its_layouts_one_by_one():
    case = replace(PUBLISHED, chips=128, micro_batch=None, recompute=None, vpp=None)
    opened, tried = training_model.open_settings(case, base_setting(case))
    together = np.broadcast_to(step(opened, PLAIN).total_s, tried.layout["tp"].shape)
    for i in range(0, len(together), 7):
        alone = opened.with_layout(**{n: float(np.asarray(v)[i]) for n, v in tried.layout.items()})
        assert float(step(alone, PLAIN).total_s) == pytest.approx(float(together[i]), rel=1e-12)


def test_zero_bubble_pipelines_wait_less():
    assert (
        answer(replace(PUBLISHED, schedule="zero_bubble")).breakdown_s["bubble"]
        < answer(PUBLISHED).breakdown_s["bubble"]
    )


# DeepSeek-V3's own run: 2,048 H800, pipeline of 16, experts over 64, 15,360 sequences of 4,096 (arXiv 2412.19437, sections 3.2 and 4.2)
OWN_RUN = TrainingCase(
    chip=chip_of(chip("H800 SXM")), model=replace(DEEPSEEK, mtp_layers=0), chips=2048, seq_tok=4096, batch_seqs=15_360, precision="fp8",
    micro_batch=1, tp=1, pp=16, ep=64, vpp=1, recompute="selective", year=2024.0, schedule="dualpipe",
    tuned_by="user",
)  # fmt: skip


def test_a_run_that_was_never_fitted_is_met_within_its_interval():
    # 180,000 GPU-hours a trillion tokens (same source, table 1): 19.9 s a step
    published = 180e3 * 3600 / 1e12 * OWN_RUN.tok_per_step / OWN_RUN.chips
    assert published == pytest.approx(19.9, abs=0.05)
    found = answer(OWN_RUN)
    assert found.interval.low < published < found.interval.high
    assert answer(replace(OWN_RUN, schedule="")).step_s > 1.3 * found.step_s


def test_a_pipeline_that_runs_both_ways_holds_two_stages_and_hides_its_experts_messages():
    one = base_setting(replace(OWN_RUN, schedule="zero_bubble")).with_layout(pp=16.0, ep=64.0, selective=1.0)
    both = replace(one, two_way=1.0)
    a, b = footprint(one), footprint(both)
    assert float(b.weights) == 2 * float(a.weights)
    assert float(b.gradients) == 2 * float(a.gradients)
    assert float(b.optimizer) == float(a.optimizer)
    assert float(b.activations) == pytest.approx(float(a.activations) * 17 / 16)
    assert float(step(both, PLAIN).expert) == pytest.approx(float(step(one, PLAIN).expert) * PLAIN.behind_ep)


def test_one_expert_on_a_chip_is_a_plain_product():
    s = base_setting(replace(EXPERTS, chips=64)).with_layout(ep=32.0)
    slow, fast = (replace(PLAIN, moe=share) for share in (0.3, 1.0))
    more = [
        float(step(replace(s, experts=32.0 * n), slow).experts / step(replace(s, experts=32.0 * n), fast).experts)
        for n in (1, 2, 4, 16)
    ]
    assert more[0] == 1.0
    assert all(slower > 1.5 for slower in more[1:])  # two on a chip are grouped products, as many are


@pytest.mark.parametrize("schedule", ["", "zero_bubble", "dualpipe"])
def test_one_micro_batch_passes_all_stages_however_they_are_cut(schedule):
    one = base_setting(replace(PUBLISHED, batch_seqs=1, schedule=schedule)).with_layout(
        tp=8.0, pp=8.0, cp=1.0, zero=1.0
    )
    whole, cut = (float(step(one.with_layout(vpp=v), PLAIN).bubble) for v in (1.0, 6.0))
    assert cut >= whole - 1e-9
    # 64 micro-batches wait p - 1 of them, or a v-th of that
    many = replace(one, batch_seqs=64.0, zero_bubble=0.0, two_way=0.0)
    assert float(step(many.with_layout(vpp=6.0), PLAIN).bubble) < float(step(many, PLAIN).bubble)


def test_a_pipeline_of_an_odd_number_of_stages_runs_one_way():
    s = base_setting(OWN_RUN).with_layout(pp=15.0, ep=32.0, selective=1.0)
    plain = replace(s, two_way=0.0)
    assert float(step(s, PLAIN).total_s) == float(step(plain, PLAIN).total_s)
    assert float(footprint(s).total_bytes) == float(footprint(plain).total_bytes)


def test_sums_of_gradients_hide_behind_the_last_group_of_an_interleaved_pipeline():
    # one micro-batch is not enough to hide them; p (1 - 1/v) of them are
    s = base_setting(replace(PUBLISHED, chips=512, dp=8, batch_seqs=512)).with_layout(tp=8.0, pp=8.0, zero=1.0)
    slow = replace(PLAIN, scaleout=0.02, open_dp=0.0)
    straight, cut = (float(step(s.with_layout(vpp=v), slow).data) for v in (1.0, 6.0))
    micro = float(step(s, slow).gemm_forward + step(s, slow).gemm_backward) / 64
    assert straight > 0
    assert straight - cut > 5 * micro


def test_weights_and_states_in_bf16_take_eight_bytes():
    case = replace(PUBLISHED, engine="automodel", tp=1, pp=1, year=2025.5)
    memory = footprint(base_setting(case).with_layout(shards=64.0, zero=3.0))
    assert float(memory.weights + memory.gradients + memory.optimizer) == pytest.approx(8 * GPT3.params / 64, rel=1e-9)


def test_latents_are_kept_and_expanded_again():
    # queries, keys and values of 128 heads of 192 against latents of 1,536 + 512 + 64 (DeepSeek-V3), 2 bytes, 4,096 tokens
    s = base_setting(OWN_RUN).with_layout(pp=1.0, selective=1.0)
    plain = replace(s, kv_rank=0.0)
    per_layer = (float(footprint(plain).activations) - float(footprint(s).activations)) / s.layers
    assert per_layer == pytest.approx(4096 * 2 * (0.6 * 3 * 128 * 192 - (1536 + 512 + 64)))
    again = float(step(s, PLAIN).recompute) - float(step(replace(s, selective=0.0), PLAIN).recompute)
    products = 4096 * 2 * (1536 * 128 * 192 + 512 * 128 * 256) * 61 * 15_360 / 2048
    assert again > products / float(np.asarray(s.peak_low))


def test_uneven_routing_costs_time():
    h100 = chip_of(chip("H100 SXM"))
    even = TrainingCase(
        chip=h100, model=DEEPSEEK, chips=1024, seq_tok=4096, batch_seqs=8192, tp=1, pp=8, ep=64, engine="megatron", year=2025.0,
        precision="fp8", balanced=True,
    )  # fmt: skip
    assert answer(replace(even, balanced=False)).step_s > answer(even).step_s


# What cannot be --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"tp": 7, "chips": 56}, r"tp 7 does not divide the 96 heads of GPT-3 175B: 1, 2, 3, 4, 6, 8"),
        ({"pp": 128, "chips": 1024}, r"128 pipeline stages for 96 layers: at most 96 stages fit"),
        ({"chips": 32}, r"tp 8 x pp 8 x cp 1 = 64 chips, but there are 32"),
        ({"ep": 8}, r"ep 8 for 0 experts of GPT-3 175B: it has none, leave ep out"),
        ({"tp": 1, "pp": 1, "chips": 1, "batch_seqs": 1}, r"needs .* GB a chip of .* GB.* use about \d+ chips"),
        ({"chip": Chip(name="new")}, r"new: no performance estimate, because the catalogue has no bf16_flop_per_s"),
        ({"model": Transformer(name="none", params=1e9)}, r"none: .* no layers"),
    ],
)
def test_the_impossible_says_what_would_fit(change, says):
    import re

    found = predict_training(replace(PUBLISHED, **change))
    assert isinstance(found, Refusal)
    assert re.search(says, found.reason), found.reason


def test_what_was_left_open_is_said():
    found = answer(replace(PUBLISHED, micro_batch=None, recompute=None))
    assert any("micro_batch" in note and "recompute" in note for note in found.assumed)


# Expert layers, attention kernels and releases --------------------------------------------------------------------

EXPERTS = TrainingCase(
    chip=chip_of(chip("B200")), model=transformer_of(model("Qwen3-30B-A3B")), chips=8, seq_tok=4096, batch_seqs=512, micro_batch=1,
    tp=1, pp=1, cp=1, ep=8, vpp=1, shards=1, recompute="none", precision="fp8", engine="megatron", year=2025.9, balanced=True,
)  # fmt: skip


def test_a_host_that_is_slower_than_the_kernels_sets_the_time_of_small_micro_batches():
    s, more = (base_setting(replace(EXPERTS, micro_batch=b)).with_layout(ep=8.0, micro_seqs=float(b)) for b in (1, 4))
    slow = replace(PLAIN, moe_layer_s=1.0)
    # four times the kernels in a micro-batch, a quarter of the micro-batches: the host alone counts
    assert float(step(s, slow).total_s) == pytest.approx(4.0 * float(step(more, slow).total_s), rel=0.02)
    free = replace(PLAIN, moe_layer_s=1e-9)
    assert float(step(s, free).total_s) < float(step(s, PLAIN).total_s) < 0.1 * float(step(s, slow).total_s)


def test_no_host_waits_where_the_step_is_one_program():
    eager, compiled = (base_setting(replace(EXPERTS, engine=e)) for e in ("megatron", "maxtext"))
    assert float(np.asarray(eager.eager)) == 1.0
    slow = replace(PLAIN, moe_layer_s=1.0)
    assert float(step(compiled, slow).total_s) == pytest.approx(float(step(compiled, PLAIN).total_s), rel=1e-9)


def test_experts_messages_hide_where_stages_hold_several_chunks():
    s = base_setting(replace(EXPERTS, chips=64)).with_layout(ep=32.0, pp=2.0, vpp=1.0)
    alone, behind = (float(step(s.with_layout(vpp=v), PLAIN).expert) for v in (1.0, 2.0))
    assert behind == pytest.approx(alone * PLAIN.behind_ep, rel=1e-9)


def test_attention_on_a_new_chip_waits_for_kernels_of_its_own():
    early, own, older = (
        base_setting(replace(PUBLISHED, chip=chip_of(chip(name)), year=year))
        for name, year in (("H100 SXM", 2023.0), ("H100 SXM", 2025.0), ("A100-80 SXM", 2023.0))
    )
    assert [float(np.asarray(s.early_core)) for s in (early, own, older)] == [1.0, 0.0, 0.0]
    slower = float(step(early, PLAIN).attention) / float(step(replace(early, early_core=0.0), PLAIN).attention)
    assert slower == pytest.approx(float(early.power) / PLAIN.early_core, rel=0.02)
    # Ampere and Ada have no asynchronous products, whatever the year of the chip: FlashAttention-2 was made for them
    for name in ("A800 SXM", "L40S", "RTX 4090"):
        found = base_setting(replace(PUBLISHED, chip=chip_of(chip(name)), year=2023.5))
        assert float(np.asarray(found.early_core)) == 0.0
    # a chip that its power holds below what the old kernel reaches loses nothing by the old kernel
    held = replace(early, power=0.9 * PLAIN.early_core)
    assert float(step(held, PLAIN).attention) == float(step(replace(held, early_core=0.0), PLAIN).attention)


def test_a_step_that_ran_is_predicted_although_it_should_not_fit():
    """One A100 for the states of an 8B model: refused to who plans it, and predicted to who measured it, with a remark."""
    case = TrainingCase(
        chip=chip_of(chip("A100-80 SXM")),
        model=transformer_of(model("Llama 3.1 8B")),
        chips=1,
        seq_tok=2048,
        batch_seqs=8,
        tp=1,
        pp=1,
    )
    refused, ran = predict_training(case), predict_training(case, must_fit=False)
    assert isinstance(refused, Refusal)
    assert "GB a chip" in refused.reason
    assert ran.memory_frac > 2.0
    assert any("more than the" in note for note in ran.assumed)
    # in 16 bits the states take 8 bytes a weight, not 18: weights and gradients 2 each, moments 4
    narrow = predict_training(replace(case, narrow_states=True), must_fit=False)
    states = ("weights", "gradients", "optimizer")
    wide_bytes, narrow_bytes = (
        sum(v for n, v in p.memory_bytes.items() if n.startswith(states)) for p in (ran, narrow)
    )
    assert narrow_bytes == pytest.approx(wide_bytes * 8.0 / 18.0, rel=0.02)
