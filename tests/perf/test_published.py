"""The tables that ship: every row is read whole, is asked or refused with a reason, and agrees with itself."""

from __future__ import annotations

import csv
from importlib.resources import files

import pytest

from offtake.perf.fit import read_tables
from offtake.perf.tables import MEASURED, Cells
from offtake.perf.tables_software import causal_halved
from offtake.perf.tables_training import row_of

FOLDER = files("offtake.perf") / "data" / "published"
NAMES = {"training": "training_published.csv", "serving": "inference_published.csv"}
MOST_BYTES = 600_000


@pytest.fixture(scope="module")
def tables():
    return read_tables(FOLDER)


def _cells(kind):
    with (FOLDER / NAMES[kind]).open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def _number(row, name):
    return float(row[name]) if row[name] else None


@pytest.mark.parametrize("kind", ["training", "serving"])
def test_every_row_is_read_whole(tables, kind):
    rows = getattr(tables, kind)
    assert len(rows) == len(_cells(kind)) > 50
    for row in rows:
        assert not row.problems, row.problems
        assert row.case is not None or row.refusal, row.line
    assert sum(row.case is None for row in rows) <= 0.1 * len(rows)


@pytest.mark.parametrize("kind", ["training", "serving"])
def test_every_row_names_source_date_and_measurement(kind):
    dated = "year" if kind == "training" else "date"
    for number, row in enumerate(_cells(kind), 2):
        assert row["source"].strip(), number
        assert row[dated].startswith("20"), number
        assert {None, *row.values()} - set(row.values()) == {None}, f"row {number}: fewer cells than the header"
        assert None not in row, f"row {number}: more cells than the header"
        assert any(row[name] for name in MEASURED & row.keys() - {"value_kind", "quality"}), number
        sound = {"ok", "test"} if kind == "training" else {"test"}  # what serving's terms are learned from is elsewhere
        assert row["quality"] in sound or row["quality"].startswith("check: "), number


@pytest.mark.parametrize("kind", ["training", "serving"])
def test_no_row_is_asked_and_measured_twice(kind):
    seen = [tuple(value for name, value in row.items() if name != "notes") for row in _cells(kind)]
    assert len(set(seen)) == len(seen)
    assert len((FOLDER / NAMES[kind]).read_bytes()) < MOST_BYTES


def test_step_and_rate_of_a_training_row_agree(tables):
    for row, cells in zip(tables.training, _cells("training"), strict=True):
        step, rate = _number(cells, "reported_step_time_s"), _number(cells, "reported_tokens_per_s_total")
        if step and rate and row.case and not row.quality.startswith("check"):
            assert rate * step == pytest.approx(row.case.tok_per_step, rel=0.03), row.line


def _output_rate(row, cells):
    """Output tokens/s of a whole deployment: as printed, else from the rate of a chip by what it counts."""
    if row.basis == "decode chip":
        return row.throughput * row.case.decode.chips
    whole = _number(cells, "output_tokens_per_s_total") or row.throughput * row.case.chips
    return whole * row.case.output_tok / (row.case.input_tok + row.case.output_tok) if row.basis == "total" else whole


def test_operations_printed_beside_tokens_count_half_of_attentions_square():
    """Of engines whose logs do (Megatron since 2025, MaxText since July 2025): read so, they give the step that the tokens give."""
    rates = ("reported_tokens_per_s_chip", "reported_tokens_per_s_total", "reported_step_time_s")
    seen = 0
    for number, cells in enumerate(_cells("training"), 2):
        row = row_of(Cells(number, cells))
        if row.basis not in {"step", "tokens"} or not cells["reported_tflops_per_chip"] or row.case is None:
            continue
        case, model = row.case, row.case.model
        if not causal_halved(case.engine, case.year) or model.window_layers or model.linear_layers:
            continue
        if "V4" in model.name or "packed" in cells["notes"]:  # less than the whole context is read
            continue
        if 2.0 * model.heads * model.head_dim * model.full_layers * case.seq_tok < 0.2 * model.active_params:
            continue  # attention too small to tell
        bare = {name: value for name, value in cells.items() if name not in rates}
        half = row_of(Cells(number, bare)).step_s / row.step_s
        whole = row_of(Cells(number, {**bare, "mfu_definition": "no causal discount"})).step_s / row.step_s
        assert abs(half - 1.0) < abs(whole - 1.0), number
        assert half == pytest.approx(1.0, abs=0.03), number
        seen += 1
    assert seen > 10


def test_rate_and_times_of_a_closed_loop_agree(tables):
    """Little's law: requests at once = rate × (first token + the others); medians and stragglers allow a third."""
    for row, cells in zip(tables.serving, _cells("serving"), strict=True):
        if (
            row.case
            and row.case.load == "closed"
            and row.tpot_s
            and row.ttft_s
            and row.throughput
            and row.quality == "test"
        ):
            took = row.ttft_s + row.tpot_s * (row.case.output_tok - 1)
            rate = _output_rate(row, cells)
            assert rate / row.case.output_tok * took == pytest.approx(row.case.concurrency, rel=0.34), row.line
