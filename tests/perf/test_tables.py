"""Tables are read cell by cell: what asks becomes a case, what measures stays apart, and nothing hostile stops the rest."""

from __future__ import annotations

import dataclasses
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offtake.errors import OfftakeError
from offtake.perf import tables
from offtake.perf.cases import ServingCase, TrainingCase
from offtake.perf.score import score_serving, score_training
from offtake.perf.tables import MEASURED, Cells, key_of
from offtake.perf.tables_serving import read_serving
from offtake.perf.tables_serving import row_of as serving_row
from offtake.perf.tables_training import read_training
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


def _written(folder, *rows):
    header = list(dict.fromkeys(name for row in rows for name in row))
    lines = [",".join(header)] + [",".join(f'"{row.get(name, "")}"' for name in header) for row in rows]
    path = folder / "table.csv"
    path.write_text("\n".join(lines), "utf-8")
    return path


def test_a_training_row_by_hand():
    row = training_row(Cells(2, TRAINING))
    case = row.case
    assert (case.chip.name, case.model.name, case.chips, case.tok_per_step) == (
        "A100-80 SXM",
        "Llama 2 7B",
        64,
        512 * 4096,
    )
    assert (case.shards, case.zero, case.micro_batch, case.recompute, case.engine) == (64, 3, 2, "none", "foundry")
    assert row.step_s == pytest.approx(512 * 4096 / (3000 * 64))  # tokens of a step over tokens/s of all chips
    assert row.basis == "tokens"


def test_a_step_time_is_preferred_to_a_rate():
    row = training_row(Cells(2, {**TRAINING, "reported_step_time_s": "9.5"}))
    assert (row.step_s, row.basis) == (9.5, "step")


def test_flops_become_a_time_by_the_definition_of_the_source():
    cells = {k: v for k, v in TRAINING.items() if not k.startswith("reported")} | {"reported_tflops_per_chip": "150"}
    row = training_row(Cells(2, cells))
    # 6 x 7e9 + 12 x 32 layers x 32 heads x 128 x 4096 a token, over 150e12 flop/s a chip
    per_token = 6 * 7e9 + 12 * 32 * 32 * 128 * 4096
    assert row.step_s == pytest.approx(per_token * 512 * 4096 / (150e12 * 64))


@pytest.mark.parametrize(
    ("source", "year", "definition", "share"),
    [
        ("NVIDIA/Megatron-LM pull request", "2026", "model TFLOP/s/GPU", 0.5),
        ("NVIDIA/Megatron-LM README", "2021", "model TFLOP/s/GPU", 1.0),
        ("swiss-ai/Megatron-LM pull request", "2025-02", "Megatron log TFLOP/s/GPU", 1.0),
        ("AI-Hypercomputer/maxtext", "2026", "MaxText log TFLOP/s/device", 0.5),
        ("AI-Hypercomputer/maxtext", "2025", "MaxText log TFLOP/s/device", 1.0),
        ("llm-foundry", "2026", "6 N and causal attention", 0.5),
        ("NVIDIA/Megatron-LM pull request", "2026", "no causal discount", 1.0),
    ],
)
def test_the_square_of_attention_counts_as_the_engine_of_that_year_counts_it(source, year, definition, share):
    cells = {k: v for k, v in TRAINING.items() if not k.startswith("reported")}
    cells |= {"source": source, "year": year, "mfu_definition": definition, "reported_tflops_per_chip": "150"}
    per_token = 6 * 7e9 + 12 * 32 * 32 * 128 * 4096
    if share < 1.0:  # exactly: 32 layers of 4 h² + 3 h f, the output matrix, and 4097 / 2 keys seen of each token
        per_token = 6 * (32 * (4 * 4096**2 + 3 * 4096 * 11008) + 32000 * 4096) + 12 * 32 * 32 * 128 * 4097 / 2
    assert training_row(Cells(2, cells)).step_s == pytest.approx(per_token * 512 * 4096 / (150e12 * 64))


def test_cores_of_trainium_become_chips():
    cells = {
        **TRAINING,
        "chip": "Trainium1",
        "n_chips": "512",
        "tp": "32",
        "pp": "8",
        "dp": "4",
        "model": "Llama 3.1 70B",
    }
    case = training_row(Cells(2, cells)).case
    assert (case.tp, case.pp, case.dp) == (16, 8, 4)  # 32 NeuronCores are 16 chips


def test_a_shape_of_its_own_makes_a_model():
    cells = {
        **TRAINING,
        "model": "ours 9B",
        "layers": "40",
        "hidden": "4096",
        "heads": "32",
        "kv_heads": "8",
        "ffn": "14336",
        "vocab": "128256",
    }
    model = training_row(Cells(2, cells)).case.model
    # 40 x (2 x 4096 x 128 x (32 + 8) + 3 x 4096 x 14336) + 4096 x 128256
    assert model.params == pytest.approx(40 * (2 * 4096 * 128 * 40 + 3 * 4096 * 14336) + 4096 * 128256)
    assert model.gated


@pytest.mark.parametrize(
    ("missing", "named"),
    [("chip", "chip"), ("model", "model"), ("seq_len", "seq_len"), ("n_chips", None)],
)
def test_a_missing_input_is_named(missing, named):
    cells = {k: v for k, v in TRAINING.items() if k != missing}
    row = training_row(Cells(2, cells))
    if named is None:
        assert row.case.chips == 64  # from tp x pp x dp
    else:
        assert row.case is None
        assert named in row.refusal


def test_a_missing_batch_is_named():
    cells = {k: v for k, v in TRAINING.items() if k not in {"global_batch_seqs", "micro_batch"}}
    assert "global_batch_seqs" in training_row(Cells(2, cells)).refusal


def test_a_serving_row_by_hand():
    row = serving_row(Cells(2, SERVING))
    case = row.case
    assert (case.load, case.weights, case.weights_only, case.tp, case.concurrency) == ("closed", "fp8", False, 8, 32.0)
    assert case.year == 2025.5
    assert (row.tpot_s, row.ttft_s, row.throughput, row.basis) == (0.02, 0.5, 180.0, "chip")


def test_pools_are_read_from_notes():
    notes = "prefill tp4 ep4 x3 workers on 12 GPUs, decode tp4 ep4 x5 on 20; dp_attention prefill=True decode=False"
    case = serving_row(Cells(2, {**SERVING, "notes": notes, "disaggregated": "True"})).case
    assert (case.prefill.workers, case.prefill.chips, case.prefill.dp_attention) == (3, 12, True)
    assert (case.decode.workers, case.decode.chips, case.decode.dp_attention) == (5, 20, False)


def test_pools_that_print_the_chips_of_both_are_split_anew():
    """As InferenceX's first rows on GB200: no workers, and 36 chips for each pool where both have 36."""
    notes = "prefill tp36 ep1 x0 workers on 36 GPUs, decode tp36 ep1 x0 on 36; dp_attention prefill=False decode=False"
    row = serving_row(Cells(2, {**SERVING, "notes": notes, "disaggregated": "True", "n_chips": "72", "tp": "36"}))
    assert (row.case.chips, row.case.tp, row.case.prefill, row.case.decode) == (36, None, None, None)
    assert any("both together" in note for note in row.assumed)
    told = notes.replace("x0", "x1")  # one worker each: two pools of 36
    case = serving_row(Cells(2, {**SERVING, "notes": told, "disaggregated": "True", "n_chips": "72", "tp": "36"})).case
    assert (case.chips, case.decode.chips, case.prefill.chips) == (72, 36, 36)


def test_chips_counted_from_shards_hold_the_weights_of_experts():
    """235e9 weights of a byte: two H200 of 141e9 bytes hold them, one does not."""
    cells = {
        **SERVING,
        "chip": "H200",
        "model": "Qwen3-235B-A22B",
        "n_chips": "1",
        "tp": "1",
        "precision_weights": "fp8",
    }
    derived = serving_row(Cells(2, {**cells, "notes": "n_chips derived from parallel sizes"})).case
    assert (derived.chips, derived.dp) == (2, 2)
    assert serving_row(Cells(2, cells)).case.chips == 1  # counted by its source: refused where it does not fit
    four = {**cells, "n_chips": "4", "tp": "4", "notes": "n_chips derived from parallel sizes"}
    assert (serving_row(Cells(2, four)).case.chips, serving_row(Cells(2, four)).case.dp) == (4, None)


def test_a_total_rate_counts_as_such():
    cells = {k: v for k, v in SERVING.items() if k != "output_tokens_per_s_chip"} | {"total_tokens_per_s_chip": "540"}
    row = serving_row(Cells(2, cells))
    assert (row.throughput, row.basis) == (540.0, "total")


def test_a_case_holds_no_measured_column():
    fields = {f.name for case in (TrainingCase, ServingCase) for f in dataclasses.fields(case)}
    assert not fields & MEASURED
    assert not [f for f in fields if f.startswith(("reported", "measured", "tpot", "ttft"))]


@pytest.mark.parametrize(
    ("read", "score", "row"), [(read_training, score_training, TRAINING), (read_serving, score_serving, SERVING)]
)
def test_noise_in_the_measured_columns_changes_no_prediction(tmp_path, read, score, row):
    noise = random.Random(7)
    rows = (
        [{**row, "n_chips": n} for n in ("8", "16", "64")]
        if "isl" in row
        else [{**row, "global_batch_seqs": n} for n in ("256", "512")]
    )
    noisy = [{k: (f"{noise.uniform(0.1, 9e5):.3f}" if k in MEASURED else v) for k, v in r.items()} for r in rows]

    def predicted(some):
        report = score(read(_written(tmp_path, *some)))
        return [[(f.predicted, f.low, f.high) for f in one.figures.values()] for one in report.rows]

    first = predicted(rows)
    assert all(first)
    assert predicted(noisy) == first


def test_shared_tables_are_predicted_without_their_measurements(shared_data, tmp_path):
    import csv

    for name, read, score in (
        ("training_published", read_training, score_training), ("inference_published", read_serving, score_serving),
    ):  # fmt: skip
        with (shared_data / "perf" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))[::40]
        noise = random.Random(3)
        noisy = [
            {
                k: (f"{noise.uniform(1, 9e4):.2f}" if k in MEASURED and v and k[-4:] not in {"stat", "kind"} else v)
                for k, v in r.items()
            }
            for r in rows
        ]

        def predicted(some, read=read, score=score):
            path = tmp_path / "t.csv"
            with path.open("w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, list(some[0]))
                writer.writeheader()
                writer.writerows(some)
            return [[(f.predicted, f.low, f.high) for f in one.figures.values()] for one in score(read(path)).rows]

        assert predicted(noisy) == predicted(rows)


def test_few_rows_that_give_enough_are_refused(shared_data):
    rows = read_training(shared_data / "perf" / "training_published.csv")
    report = score_training(rows)
    given = [
        r for r in report.rows if not r.refusal.startswith(("the sequence", "the batch", "the chip", "the number"))
    ]
    assert sum(bool(r.refusal) for r in given) <= 0.10 * len(given)
    assert len(given) > 450


def test_a_key_names_what_is_asked():
    assert key_of(Cells(2, TRAINING)) == key_of(Cells(9, {**TRAINING, "reported_tokens_per_s_chip": "1"}))
    assert key_of(Cells(2, TRAINING)) != key_of(Cells(2, {**TRAINING, "tp": "2"}))


HOSTILE = [
    "model,chip\n",
    "model,chip\nLlama 2 7B,A100\n",
    'model,chip,tp\nLlama 2 7B,A100,"=cmd()"\n',
    "model,chip,tp,tp\nLlama 2 7B,A100,8,16\n",
    "model,chip,seq_len,n_chips,global_batch_seqs\nLlama 2 7B,A100,1e99,-5,nan\n",
    "model,chip,seq_len,n_chips,global_batch_seqs\nLlama 2 7B,A100,4096\n",
    "model,chip,extra\nLlama 2 7B,A100,1,2,3,4,5\n",
    "\ufeffmodel,chip\nLlama 2 7B,A100\n",
    "model,chip\n" + "x" * 5000 + ",A100\n",
    "model,chip\n\x00\x00,\x00\n",
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_table_costs_its_rows_only(tmp_path, text):
    path = tmp_path / "t.csv"
    path.write_text(text, "utf-8")
    for read, score in ((read_training, score_training), (read_serving, score_serving)):
        for row in score(read(path)).rows:
            assert row.refusal or row.figures


def test_a_bad_number_is_told_with_its_row(tmp_path):
    (row,) = read_training(_written(tmp_path, {**TRAINING, "tp": "many"}))
    assert row.problems == ("row 2, tp: not a number above nought: many",)
    assert row.case.tp is None


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n"])
def test_a_file_that_is_no_such_table_is_refused(tmp_path, text):
    path = tmp_path / "t.csv"
    path.write_text(text, "utf-8")
    with pytest.raises(OfftakeError, match="row 1: no column model or chip"):
        read_training(path)


def test_a_huge_file_is_refused(tmp_path, monkeypatch):
    path = _written(tmp_path, TRAINING)
    monkeypatch.setattr(tables, "MOST_BYTES", 10)
    with pytest.raises(OfftakeError, match="a table may have"):
        read_training(path)
    monkeypatch.setattr(tables, "MOST_BYTES", 10_000)
    monkeypatch.setattr(tables, "MOST_ROWS", 1)
    with pytest.raises(OfftakeError, match="more than 1 rows"):
        read_training(_written(tmp_path, TRAINING, TRAINING))


@given(st.dictionaries(st.sampled_from([*TRAINING, *SERVING, "ep", "vpp", "notes", "scenario"]), st.text(max_size=30)))
def test_any_cells_are_a_case_or_a_refusal(extra):
    for make, base in ((training_row, TRAINING), (serving_row, SERVING)):
        row = make(Cells(2, {**base, **extra}))
        assert (row.case is None) == bool(row.refusal)


@pytest.mark.parametrize(
    ("printed", "median"), [("median", True), ("P50", True), ("", False), ("mean", False), ("as recorded", False)]
)
def test_a_first_token_is_held_against_the_statistic_that_the_row_names(tmp_path, printed, median):
    (row,) = read_serving(_written(tmp_path, {**SERVING, "isl": "8192", "ttft_stat": printed}))
    assert row.median is median
    (plain,) = score_serving([row]).rows
    (mean,) = score_serving([dataclasses.replace(row, median=False)]).rows
    if median:  # the start of the run, when all come at once, is in the mean alone
        assert plain.figures["ttft"].predicted < mean.figures["ttft"].predicted
    else:
        assert plain.figures["ttft"].predicted == mean.figures["ttft"].predicted


@pytest.mark.parametrize(
    ("source", "publisher"),
    [
        ("docs: github.com/foundation-model-stack/fms-fsdp README.md, later", "foundation-model-stack/fms-fsdp"),
        ("https://github.com/vllm-project/vllm/issues/17062 (2025)", "vllm-project/vllm"),
        ("https://raw.githubusercontent.com/some/lab/main/README.md", "some/lab"),
        ("some/lab@0123abcd results.csv", "some/lab"),
        ("tylerromero.com/posts/nanogpt-speedrun-worklog, 2024", "tylerromero.com"),
        ("huggingface.co/nanotron/old_bench", "huggingface.co/nanotron"),
        ("arXiv 2205.05198 Table 5", "arXiv 2205.05198"),
        ("PaLM: the paper", "PaLM"),
        ("", ""),
    ],
)
def test_a_publisher_is_a_repository_a_paper_or_the_owner_of_a_site(source, publisher):
    assert tables.publisher_of(source) == publisher
