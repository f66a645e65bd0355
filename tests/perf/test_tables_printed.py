"""Cells as other sources and spreadsheets print them: units, dates, precisions, rounded batches, proxies, what is left out."""

from __future__ import annotations

import pytest

from offtake.perf import tables
from offtake.perf.score import score_serving, score_training
from offtake.perf.serving_rows import names_of
from offtake.perf.tables import MEASURED, Cells
from offtake.perf.tables_serving import row_of as serving_row
from offtake.perf.tables_training import precision_of, read_training
from offtake.perf.tables_training import row_of as training_row

TRAINING = {
    "model": "Llama 2 7B", "chip": "A100-80GB", "n_chips": "64", "seq_len": "4096", "global_batch_seqs": "512", "micro_batch": "2",
    "tp": "1", "pp": "1", "dp": "64", "fsdp": "FULL_SHARD", "precision": "bf16", "recompute": "none", "source": "llm-foundry",
    "year": "2023", "reported_tokens_per_s_chip": "3000",
}  # fmt: skip
SERVING = {
    "model": "Llama 3.1 70B", "chip": "H100", "n_chips": "8", "tp": "8", "isl": "1024", "osl": "512", "concurrency": "32",
    "precision_weights": "FP8", "tpot_ms": "20", "ttft_ms": "500", "output_tokens_per_s_chip": "180", "engine_version": "vllm 0.9",
    "date": "2025-07-01",
}  # fmt: skip


def test_a_spreadsheet_writes_the_same_table(tmp_path):
    expected = [
        training_row(Cells(2 + i, {**TRAINING, **more})).case
        for i, more in enumerate(({}, {"tp": "8", "n_chips": "1024"}))
    ]
    header = list(TRAINING)
    for delimiter in ",;\t":
        lines = [delimiter.join(f'"{name.upper()} "' for name in header)]
        rows = (TRAINING, {**TRAINING, "tp": "8.0", "n_chips": "1,024"})
        lines += [delimiter.join(f'"{row[name]}"' for name in header) for row in rows]
        path = tmp_path / "odd.csv"
        path.write_bytes(("\ufeff" + "\r\n".join([*lines, delimiter * (len(header) - 1), "", ""])).encode())
        assert [row.case for row in read_training(path)] == expected, delimiter


@pytest.mark.parametrize(
    ("name", "printed", "value"),
    [
        ("seq_len", "8K", 8192),
        ("isl", "1k", 1024),
        ("seq_len", "131,072", 131072),
        ("global_batch_tokens", "4M", 4e6),
        ("n_chips", "8 192", 8192),
        ("tpot_ms", "12.5 ms", 12.5),
        ("ttft_ms", "1.5 s", 1500),
        ("reported_step_time_s", "900 ms", 0.9),
        ("params_b", "125M", 0.125),
        ("params_b", "1.8T", 1800),
        ("tpot_ms", "12,5", 12.5),
        ("isl", "≥ 100 tokens", 100),
        ("request_rate_per_s", "2 req/s", 2),
        ("tp", "—", None),
        ("tp", "#N/A", None),
    ],
)
def test_a_number_may_carry_its_unit(name, printed, value):
    cells = Cells(2, {name: printed})
    assert cells.number(name) == (None if value is None else pytest.approx(value))
    assert not cells.problems


@pytest.mark.parametrize(
    ("name", "printed"), [("tp", "8 ms"), ("n_chips", "8 TB"), ("ttft_ms", "5 tokens per GPU hour"), ("seq_len", "4B")]
)
def test_a_unit_of_something_else_is_told(name, printed):
    cells = Cells(2, {name: printed})
    assert cells.number(name) is None
    assert cells.problems


@pytest.mark.parametrize(
    ("printed", "year"),
    [
        ("Mar 2025", 2025 + 2 / 12),
        ("March 12, 2025", 2025 + 2 / 12),
        ("12 March 2025", 2025 + 2 / 12),
        ("03/2025", 2025 + 2 / 12),
        ("2025/03/12", 2025 + 2 / 12),
        ("20250312", 2025 + 2 / 12),
        ("Q3 2025", 2025.5),
        ("2025-Q3", 2025.5),
        ("2025", 2025.0),
        ("v0.9", 0.0),
    ],
)
def test_a_date_is_read_as_printed(printed, year):
    assert tables.year_of(Cells(2, {"date": printed})) == pytest.approx(year)


@pytest.mark.parametrize(
    ("printed", "precision", "recipe"),
    [
        ("FP8 tensorwise", "fp8", "cs"),
        ("fp8 delayed scaling", "fp8", "ds"),
        ("W8A8", "fp8", ""),
        ("BF16/FP8", "fp8", ""),
        ("NVFP4", "fp4", "nv"),
        ("mxfp4", "fp4", "mx"),
        ("fp16", "bf16", ""),
        ("amp", "bf16", ""),
        ("tf32", "bf16", ""),
        ("E4M3", "fp8", ""),
    ],
)
def test_a_precision_of_training_is_read_as_printed(printed, precision, recipe):
    assumed: list[str] = []
    assert precision_of(printed, assumed) == (precision, recipe)
    assert bool(assumed) == (printed == "tf32")  # nothing is known of its rate: said


@pytest.mark.parametrize(
    ("cells", "weights", "only"),
    [
        ({"precision_weights": "AWQ"}, "fp4", True),
        ({"precision_weights": "W4A16"}, "fp4", True),
        ({"precision_weights": "W8A8"}, "fp8", False),
        ({"precision_weights": "MXFP4"}, "fp4", False),
        ({"precision_weights": "fp8_e4m3"}, "fp8", False),
        ({"precision_weights": "int8"}, "fp8", True),
        ({"precision_weights": "BF16"}, "bf16", False),
        ({"precision_weights": "float8_e5m2"}, "fp8", False),
        ({"precision_weights": "auto"}, "bf16", False),
        ({"precision_weights": "", "source": "NVIDIA/TensorRT-LLM docs"}, None, False),
        ({"precision_weights": "", "model": "DeepSeek-R1", "n_chips": "16"}, "fp8", False),
        # 671 GB in eight bits on 8 chips of 80 GB (80 GiB, by their drivers): what ran was narrower; 145 GB on two of them was not
        ({"precision_weights": "", "model": "DeepSeek-R1"}, "fp4", False),
        ({"precision_weights": "", "model": "Qwen2.5-72B", "n_chips": "2", "tp": "2"}, "bf16", False),
        ({"precision_weights": "", "model": "gpt-oss-120b"}, "fp4", False),
        ({"model": "Llama-3.1-70B-Instruct-quantized.w4a16"}, "fp4", True),
        ({"model": "Meta-Llama-3.1-70B-bnb-4bit"}, "fp4", True),
        ({"model": "DeepSeek-R1-W4AFP8"}, "fp4", False),
        ({"model": "Llama 3.1 70B"}, "bf16", False),
    ],
)
def test_a_precision_of_weights_is_read_as_printed(cells, weights, only):
    rest = {k: v for k, v in SERVING.items() if k != "precision_weights"}
    case = serving_row(Cells(2, {**rest, **cells})).case
    assert (case.weights, case.weights_only) == (weights, only)


def test_attention_groups_that_share_the_tensor_group_are_not_counted_twice():
    # SGLang's --tp 8 --dp 4 --enable-dp-attention and TensorRT-LLM's tp 8 with attention DP run on eight chips
    shared = {**SERVING, "model": "DeepSeek-R1", "chip": "H200", "dp": "4", "ep": "8"}
    case = serving_row(Cells(2, shared)).case
    assert (case.chips, case.tp, case.dp, case.ep) == (8, 2, 4, 8)
    # replicas, where the chips are as many as both ask for
    apart = serving_row(Cells(2, {**shared, "n_chips": "32"})).case
    assert (apart.chips, apart.tp, apart.dp) == (32, 8, 4)
    assert any("share them" in note for note in serving_row(Cells(2, shared)).assumed)


def test_a_row_without_chips_gets_the_fewest_that_hold_it():
    given = {k: v for k, v in TRAINING.items() if k not in {"n_chips", "tp", "pp", "dp", "fsdp"}} | {
        "model": "Llama 3.1 70B"
    }
    row = training_row(Cells(2, given))
    # 70e9 weights x 32 bytes over 80e9 bytes: 28.2 chips, so 32
    assert row.case.chips == 32
    assert any("n_chips not printed" in note for note in row.assumed)
    served = serving_row(
        Cells(2, {k: v for k, v in SERVING.items() if k not in {"n_chips", "tp"}} | {"model": "Llama 3.1 405B"})
    )
    assert served.case.chips == 8  # 405e9 bytes of fp8 over 0.8 x 80e9: 6.3, so 8
    assert score_serving([served]).rows[0].figures


def test_a_count_in_the_chips_name_counts():
    cells = {k: v for k, v in TRAINING.items() if k not in {"n_chips", "dp"}}
    assert training_row(Cells(2, {**cells, "chip": "16x A100-80GB"})).case.chips == 16
    assert (
        training_row(Cells(2, {**cells, "chip": "16x A100-80GB", "n_chips": "64"})).case.chips == 64
    )  # the column is meant


@pytest.mark.parametrize(
    ("model", "chips", "tokens", "seq", "sequences"),
    [
        ("LLaMA 65B", "2048", "4000000", "2048", 2048),
        ("Llama 3.1 405B", "16384", "16M", "8192", 2048),
        ("OPT-175B", "992", "2M", "2048", 992),
    ],
)
def test_a_batch_in_rounded_tokens_is_the_whole_one_that_is_meant(model, chips, tokens, seq, sequences):
    rest = {
        k: v for k, v in TRAINING.items() if k not in {"global_batch_seqs", "micro_batch", "tp", "pp", "dp", "fsdp"}
    }
    cells = {**rest, "model": model, "n_chips": chips, "global_batch_tokens": tokens, "seq_len": seq, "chip": "H100"}
    row = training_row(Cells(2, cells))
    assert row.case.batch_seqs == sequences
    assert score_training([row]).rows[0].figures


def test_a_batch_that_goes_into_no_layout_evenly_is_still_predicted():
    # PaLM: 2,048 sequences on 6,144 chips, three times a power of two
    rest = {k: v for k, v in TRAINING.items() if k in {"seq_len", "precision", "year"}}
    row = training_row(
        Cells(2, {**rest, "model": "PaLM 540B", "chip": "TPU v4", "n_chips": "6144", "global_batch_seqs": "2048"})
    )
    assert score_training([row]).rows[0].figures


def test_cores_of_trainium2_become_chips_though_replicas_are_not_printed():
    cells = {
        "model": "Llama 3.1 405B",
        "chip": "trn2.48xlarge",
        "n_chips": "256",
        "seq_len": "8192",
        "global_batch_seqs": "64",
    }
    case = training_row(Cells(2, {**cells, "tp": "64", "pp": "16"})).case
    assert case.tp * case.pp <= 256  # 64 of the cores that a chip shows four of: 16 chips


def test_a_proxy_needs_its_layers_and_is_cut_to_them():
    cells = {k: v for k, v in TRAINING.items() if k not in {"tp", "pp", "dp", "fsdp"}} | {
        "model": "Mixtral_8x22B_proxy"
    }
    assert "Mixtral_8x22B_proxy" in training_row(Cells(2, cells)).refusal
    cut, whole = (
        training_row(Cells(2, {**cells, **more})).case.model for more in ({"layers": "4"}, {"model": "Mixtral 8x22B"})
    )
    assert (cut.layers, cut.moe_layers, cut.full_layers) == (4, 4, 4)
    tables_ = 2 * whole.vocab * whole.hidden
    assert cut.params - tables_ == pytest.approx((whole.params - tables_) * 4 / 56, rel=1e-6)


def test_noise_in_every_measured_column_changes_no_prediction():
    # also where the row has a rate of input and output only: which column measures decides nothing
    cells = {k: v for k, v in SERVING.items() if k not in MEASURED}
    some = [
        {"total_tokens_per_s_chip": "540"},
        {"output_tokens_per_s_total": "9"},
        {},
        dict.fromkeys(MEASURED - {"ttft_stat", "quality"}, "7"),
    ]
    found = [score_serving([serving_row(Cells(2, {**cells, **one}))]).rows[0].figures for one in some]
    predicted = [{n: (f.predicted, f.low, f.high) for n, f in one.items()} for one in found]
    assert all(one == predicted[0] for one in predicted)


@pytest.mark.parametrize(
    ("chip", "printed", "taken"),
    [
        ("A100", "FP8", "bf16"),
        ("H100", "NVFP4", "fp8"),
        ("B200", "NVFP4", "fp4"),
        ("V100", "mxfp4", "bf16"),
        ("TPU v5e", "int8", "fp8"),
    ],
)
def test_a_precision_without_a_unit_is_computed_at_the_next_wider_one(chip, printed, taken):
    row = training_row(Cells(2, {**TRAINING, "chip": chip, "precision": printed}))
    assert row.case.precision == taken
    assert any("has no unit" in note for note in row.assumed) == (taken not in printed.lower() and printed != "int8")


def _submitted(**cells):
    known = {
        "model": "Llama 2 70B",
        "chip": "B200",
        "n_chips": "8",
        "isl": "294",
        "osl": "294",
        "scenario": "Offline",
        "source": "a",
    }
    return serving_row(Cells(2, {**known, **cells}))


@pytest.mark.parametrize(
    ("chip", "engine", "weights"),
    [
        ("B200", "TensorRT-LLM", "fp4"),
        ("H200", "TensorRT-LLM", "fp8"),
        ("MI325X", "vLLM", "fp8"),
        ("MI355X", "vLLM", "fp4"),
    ],
)
def test_a_submission_to_mlperf_runs_its_vendors_software_at_the_narrowest_precision(chip, engine, weights):
    found = _submitted(chip=chip, source="MLPerf Inference v5.1, closed")
    assert (found.case.engine, found.case.weights, found.case.cache, found.case.load) == (
        engine,
        weights,
        "fp8",
        "offline",
    )
    assert sum("MLPerf" in words for words in found.assumed) == 3
    plain = _submitted(chip=chip)
    assert (plain.case.engine, plain.case.weights, plain.case.cache) == ("", "bf16", None)
    assert any("as they were released" in words for words in plain.assumed)


def test_what_a_submission_prints_stays():
    found = _submitted(source="mlcommons.org", engine_version="vLLM 0.9", precision_weights="bf16", precision_kv="bf16")
    assert (found.case.engine, found.case.weights, found.case.cache) == ("vLLM 0.9", "bf16", "bf16")
    assert not any("MLPerf" in words for words in found.assumed)
    weights = _submitted(
        source="mlperf", precision_weights="int4"
    ).case  # widened on the way to the products: nothing says how the cache is
    assert (weights.weights, weights.weights_only, weights.cache) == ("fp4", True, None)
    assert _submitted(source="mlperf", chip="TPU v6e").case.engine == ""


@pytest.mark.parametrize(
    "printed", ["TensorRT-LLM 0.12", "TensorRT 10.8, CUDA 12.8", "tensorrt_llm", "TRT-LLM", "TensorRT LLM"]
)
def test_tensorrt_is_one_family_however_printed(printed):
    assert names_of(_submitted(engine_version=printed).case)["engine"] == "trtllm"
