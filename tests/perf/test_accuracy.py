"""How near the shipped parameters are: published tables, and chip-hours of training runs that are in no table."""

from __future__ import annotations

import dataclasses
import math
import re
from pathlib import Path

import pytest

from offtake.catalog.types import Chip
from offtake.errors import OfftakeError
from offtake.perf import params
from offtake.perf.capacity import training_capacity
from offtake.perf.names import chip_named, model_named
from offtake.perf.score import document, metrics, score_serving, score_training
from offtake.perf.tables_serving import read_serving
from offtake.perf.tables_training import read_training
from offtake.perf.types import LatencyClass


def test_training_tables(shared_data):
    report = score_training(read_training(shared_data / "perf" / "training_published.csv"))
    found = document(report)
    dense = found["by_class"]["dense"]["metrics"]["step_time"]
    assert dense["mape"] <= 0.10
    assert found["metrics"]["step_time"]["mape"] <= 0.12
    assert 0.75 <= found["metrics"]["step_time"]["coverage80"] <= 0.97


def test_inference_tables(shared_data):
    rows = [row for row in read_serving(shared_data / "perf" / "inference_published.csv") if row.quality == "ok"][::3]
    found = metrics(score_serving(rows).rows, ("tpot", "throughput", "ttft"))
    assert found["tpot"]["median_ape"] <= 0.15
    assert found["throughput"]["median_ape"] <= 0.17
    assert 0.75 <= found["tpot"]["coverage80"] <= 0.97
    assert 0.75 <= found["throughput"]["coverage80"] <= 0.97


# pre-training: model, chip, chips together, tokens, chip-hours printed, share of time that is not lost (where the report prints it)
RUNS = [
    (
        "Llama 3.1 405B",
        "H100",
        16_384,
        15.6e12,
        30.84e6,
        0.9,
    ),  # model card; > 90 % effective time (arXiv 2407.21783, 3.3.4)
    ("DeepSeek-V3", "H800", 2048, 14.8e12, 2.664e6, 1.0),  # arXiv 2412.19437, table 1
    ("Llama 2 70B", "A100", 2048, 2.0e12, 1.720e6, 1.0),  # model card; chips of the research cluster not printed
]


@pytest.mark.parametrize("run", RUNS, ids=[r[0] for r in RUNS])
def test_chip_hours_of_known_runs(run):
    model, chip, chips, tokens, hours, kept = run
    precision = "fp8" if model == "DeepSeek-V3" else "bf16"
    batch = {"DeepSeek-V3": 63e6, "Llama 3.1 405B": 16e6, "Llama 2 70B": 4e6}[model]
    found = training_capacity(
        chip_named(chip).chip,
        model_named(model),
        chips=chips,
        precision=precision,
        seq_tok=4096 if chips == 2048 else 8192,
        batch_tok=int(batch),
    )
    predicted = tokens / found.prediction.tok_per_s_per_chip / 3600.0 / kept
    assert 0.6 < predicted / hours < 1.35


def test_the_page_tells_the_errors_of_the_shipped_file():
    page = (Path(__file__).resolve().parents[2] / "docs" / "explanation" / "performance.md").read_text("utf-8")
    told = re.findall(
        r"^\| (chip|source) \| ([\w ,]+) \| ([\d,]+) \| ([\d.]+) % \| [\d.]+ % \| (\d+) % \|$", page, re.MULTILINE
    )
    training, serving = (params.shipped()[kind].errors for kind in ("training", "serving"))
    metrics_of = {"time per token": "tpot", "rate of a chip": "throughput", "time to first token": "ttft"}
    assert len(told) == 12
    for by, what, _, mape, inside in told:
        if what in metrics_of:
            found = serving[f"by_{by}"]["all"][metrics_of[what]]
        else:
            kind = {"dense": "dense", "experts": "experts", "hybrids": "hybrid"}[what.removeprefix("step time, ")]
            found = training[f"by_{by}_left_out"]["step_time"]["by_class"][kind]
        # a refit moves them a little; more than this needs the page written anew
        assert float(mape) / 100.0 == pytest.approx(found["mape"], abs=0.04), (by, what)
        assert float(inside) / 100.0 == pytest.approx(found["coverage80"], abs=0.06), (by, what)


@pytest.mark.parametrize(
    "wrong", [{"ttft_s": 0.0}, {"tpot_s": -1.0}, {"input_tok": math.nan}, {"output_tok": 0.0}, {"cached_frac": 1.0}]
)
def test_an_impossible_class_is_refused(wrong):
    good = LatencyClass(ttft_s=1.0, tpot_s=0.05, input_tok=1000.0, output_tok=100.0)
    with pytest.raises(OfftakeError, match=next(iter(wrong))):
        dataclasses.replace(good, **wrong)


def test_what_is_missing_is_named():
    with pytest.raises(OfftakeError, match="hbm_bytes"):
        training_capacity(Chip(name="bare", bf16_flop_per_s=1e15), model_named("Llama 3 8B"), chips=8)
