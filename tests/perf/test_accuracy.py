"""How far the estimates are from published measurements. The figures of docs/explanation/performance.md are asserted here.

Three comparisons, none of them tuned beyond the fit named in `offtake.perf.roofline`:

* time per output token of engines at a fixed concurrency, the engine's own layout (no search);
* highest published output rate of TensorRT-LLM with an unbounded queue, against the best layout found;
* useful training rate per chip.
"""

from __future__ import annotations

import collections
import csv

import numpy as np
import pytest

from offtake import catalog
from offtake.catalog.chips import chip_of
from offtake.catalog.load import find
from offtake.catalog.models import transformer_of
from offtake.errors import OfftakeError
from offtake.perf import serving, steps, training
from offtake.perf.types import LatencyClass, Transformer


def _number(text):
    try:
        return float(text)
    except ValueError:
        return None


def _precision(text):
    text = (text or "bf16").lower()
    if "fp4" in text or "int4" in text:
        return "fp4"
    return "fp8" if "fp8" in text or "int8" in text else "bf16"


def _rows(shared_data, name):
    with (shared_data / "perf" / name).open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            chip, model = find("chips", row["chip"]), find("models", row["model"])
            if chip and model and catalog.model(model).number("layers"):
                yield row, chip_of(catalog.chip(chip)), transformer_of(catalog.model(model))


def _ok(row):
    return row["quality"] == "ok" and row["spec_decode"] in {"", "none"} and row["disaggregated"] != "True"


def _time_per_token(row, chip, model):
    """Estimate over measured, of an engine that mixes prompts into its decode steps; None where a figure is missing."""
    figures = [_number(row[c]) for c in ("isl", "osl", "tpot_ms", "ttft_ms")]
    batch = _number(row["concurrency"]) or _number(row["batch"])
    if None in figures or not batch or not all(figures):
        return None
    isl, osl, tpot, ttft = figures
    tp = int(_number(row["tp"]) or 1)
    chips = max(int(_number(row["n_chips"]) or tp), tp)
    if chips % tp:
        return None
    layout = steps.Layout(chips=chips, tp=tp)
    latency = LatencyClass(ttft_s=1e9, tpot_s=1e9, input_tok=isl, output_tok=osl)
    running = max(1.0, batch * osl * tpot / (ttft + osl * tpot))  # Little: those that decode, not those that wait
    how = {"precision": _precision(row["precision_weights"])}
    step, _ = steps.decode_step_s(chip, model, layout, batch=running, context_tok=isl + osl / 2, **how)
    prompt = steps.prefill_s_per_tok(chip, model, layout, latency=latency, **how)
    return (step + running * isl / osl * prompt / layout.groups) * 1e3 / tpot


def _spread(ratios):
    """Median absolute error, median ratio, and the 10th and 90th percentile of the ratio."""
    r = np.asarray(ratios)
    return float(np.median(abs(r - 1))), float(np.median(r)), float(np.quantile(r, 0.1)), float(np.quantile(r, 0.9))


@pytest.fixture(scope="module")
def token_times(shared_data):
    found = collections.defaultdict(list)
    for name in ("inference_published.csv", "inference_silicon.csv"):
        for row, chip, model in _rows(shared_data, name):
            if not _ok(row):
                continue
            try:
                ratio = _time_per_token(row, chip, model)
            except OfftakeError:
                continue
            if ratio is not None:
                found[chip.name].append(ratio)
    return found


def test_time_per_token_where_it_was_fitted(token_times):
    error, ratio, low, high = _spread(token_times["H100 SXM"] + token_times["H200 SXM"])
    assert error < 0.16
    assert 0.9 < ratio < 1.1
    assert low > 0.65
    assert high < 1.35


def test_time_per_token_on_chips_outside_the_fit(token_times):
    assert _spread(token_times["B200"])[0] < 0.22
    assert _spread(token_times["B300"])[0] < 0.28
    for name in ("MI300X", "MI325X", "Trainium1"):  # only the vendor's share of speed was set on these
        assert _spread(token_times[name])[0] < 0.32, name
    # GB200 is left out: its 74 rows are off by 0.9 in the median, because the table does not say which chips share a request


@pytest.fixture(scope="module")
def highest_rates(shared_data):
    best = collections.defaultdict(float)
    for row, chip, model in _rows(shared_data, "inference_published.csv"):
        rate = _number(row["output_tokens_per_s_chip"])
        if _ok(row) and "TensorRT-LLM" in row["source"] and not row["tpot_ms"] and rate:
            key = (chip, model, _precision(row["precision_weights"]), float(row["isl"]), float(row["osl"]))
            best[key] = max(best[key], rate)
    found = {}
    for (chip, model, precision, isl, osl), rate in best.items():
        latency = LatencyClass(ttft_s=20.0, tpot_s=0.5, input_tok=isl, output_tok=osl)
        estimate = serving.estimate(chip, model, latency, precision=precision)
        found[chip.name, model.name, isl, osl] = (estimate.output_tok_per_s_per_chip / rate, estimate, model.is_moe)
    return found


def test_highest_rates_and_the_stated_interval(highest_rates):
    ratios = [r for r, _, _ in highest_rates.values()]
    error, ratio, low, high = _spread(ratios)
    assert len(ratios) > 150
    assert error < 0.26
    assert 0.95 < ratio < 1.2
    assert low > 0.6
    assert high < 2.0
    inside = [e.low <= 1 / r <= e.high for r, e, _ in highest_rates.values()]
    assert np.mean(inside) >= 0.8  # the interval is said to hold 80 %


def test_dense_models_are_closer_than_experts(highest_rates):
    dense = _spread([r for r, _, moe in highest_rates.values() if not moe])
    experts = _spread([r for r, _, moe in highest_rates.values() if moe])
    assert dense[0] < 0.22
    assert experts[0] < 0.35


def test_useful_training_rates(shared_data):
    found = collections.defaultdict(list)
    with (shared_data / "perf" / "training_published.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            name, words = find("chips", row["chip"]), row["precision"].lower()
            active = _number(row["active_params_b"]) or _number(row["params_b"])
            tokens, tflops, moe = (
                _number(row["reported_tokens_per_s_chip"]),
                _number(row["reported_tflops_per_chip"]),
                bool(row["experts"]),
            )
            if (
                not name
                or not active
                or active < 7
                or "or bf16" in words
                or "fp4" in words
                or (_number(row["seq_len"]) or 0) > 8192
            ):
                continue
            useful = 6e9 * active * tokens if tokens else tflops * 1e12 if tflops and not moe else None
            chip = chip_of(catalog.chip(name))
            precision = "fp8" if "fp8" in words else "bf16"
            if useful is None or (precision == "fp8" and chip.fp8_flop_per_s is None):
                continue
            model = Transformer(name="row", experts=8 if moe else 0)
            share = training.mfu(chip, model, chips=int(_number(row["n_chips"]) or 1024), precision=precision)
            ratio = share * chip.flop_per_s(precision) / useful
            if ratio > 0.05:  # one TPU row prints tokens of the whole job as if of one chip
                found[chip.vendor].append(ratio)
    error, ratio, *_ = _spread(found["NVIDIA"])
    assert len(found["NVIDIA"]) > 120
    assert error < 0.2
    assert 0.85 < ratio < 1.1
    inside = [training.LOW_FACTOR <= 1 / r <= training.HIGH_FACTOR for r in found["NVIDIA"]]
    assert np.mean(inside) >= 0.75
    assert _spread(found["Google"])[0] < 0.25
