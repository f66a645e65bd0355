"""The score: errors by their definition, groups that add up, marks for rows of the fit and rows that are doubtful."""

from __future__ import annotations

from dataclasses import replace

import pytest

from offtake.perf import fit, params
from offtake.perf.params import Section
from offtake.perf.score import Compared, ScoredRow, document, metrics, score_serving, score_training
from offtake.perf.serving_model import predict_serving
from offtake.perf.serving_saturation import SATURATED
from offtake.perf.tables import Cells
from offtake.perf.tables_serving import row_of as serving_row
from offtake.perf.tables_training import row_of as training_row

TRAINING = {
    "model": "Llama 2 7B", "chip": "A100-80GB", "n_chips": "64", "seq_len": "4096", "global_batch_seqs": "512", "micro_batch": "2",
    "tp": "1", "pp": "1", "dp": "64", "fsdp": "FULL_SHARD", "precision": "bf16", "source": "a", "reported_step_time_s": "10",
}  # fmt: skip
SERVING = {
    "model": "Llama 3.1 70B", "chip": "H100", "n_chips": "8", "tp": "8", "isl": "1024", "osl": "512", "concurrency": "32",
    "precision_weights": "FP8", "tpot_ms": "20", "ttft_ms": "500", "output_tokens_per_s_chip": "180", "source": "b",
}  # fmt: skip


def _row(**figures):
    return ScoredRow(
        line=2, chip="c", model="m", source="s", kind="dense", figures=figures, refusal="", fitted=False, aside=False, basis="", assumed=(),
        problems=(),
    )  # fmt: skip


def test_errors_by_hand():
    rows = [
        _row(tpot=Compared(predicted=1.2, low=1.0, high=1.5, measured=1.0)),  # 20 %, inside (at the edge)
        _row(tpot=Compared(predicted=0.9, low=0.8, high=0.95, measured=1.0)),  # 10 %, outside
        _row(tpot=Compared(predicted=2.0, low=1.9, high=2.1, measured=1.0)),  # 100 %, outside
        _row(tpot=Compared(predicted=2.0, low=1.9, high=2.1, measured=None)),  # not measured
    ]
    found = metrics(rows, ["tpot", "ttft"])
    assert found == {
        "tpot": {"mape": pytest.approx(1.3 / 3), "median_ape": pytest.approx(0.2), "coverage80": pytest.approx(1 / 3)}
    }


def test_groups_add_up_and_keys_are_as_promised():
    rows = [training_row(Cells(i + 2, {**TRAINING, "chip": chip, "source": source})) for i, (chip, source) in enumerate((
        ("A100-80GB", "a"), ("H100", "a"), ("H100", "b"), ("Z80", "b"), ("", "b"),
    ))]  # fmt: skip
    found = document(score_training(rows))
    assert (found["rows_scored"], found["rows_refused"]) == (3, 2)
    assert set(found["metrics"]) == {"step_time"}
    assert set(found["metrics"]["step_time"]) == {"mape", "median_ape", "coverage80"}
    for groups in ("by_chip", "by_source", "by_class"):
        assert sum(g["rows_scored"] for g in found[groups].values()) == 3
        assert sum(g["rows_refused"] for g in found[groups].values()) == 2
    assert found["by_chip"]["H100 SXM"]["rows_scored"] == 2
    assert any("Z80" in reason for reason in found["refusals"])


def test_serving_has_three_metrics_and_a_total_is_turned_into_output():
    plain = score_serving([serving_row(Cells(2, SERVING))]).rows[0]
    assert set(plain.figures) == {"tpot", "throughput", "ttft"}
    cells = {k: v for k, v in SERVING.items() if k != "output_tokens_per_s_chip"} | {"total_tokens_per_s_chip": "540"}
    total = score_serving([serving_row(Cells(2, cells))]).rows[0]
    # 1024 in and 512 out: input and output together are three times the output
    assert total.figures["throughput"].predicted == plain.figures["throughput"].predicted
    assert total.figures["throughput"].measured == pytest.approx(180.0)
    assert total.basis == "total"


def test_a_prompt_alone_has_a_first_token_only():
    row = serving_row(Cells(2, {**SERVING, "scenario": "batch 1 first token latency", "osl": "1"}))
    assert set(score_serving([row]).rows[0].figures) == {"ttft"}


def test_a_doubtful_row_is_shown_and_not_counted():
    rows = [serving_row(Cells(2, {**SERVING, "quality": "check: throughput/(concurrency,TTFT,TPOT) ratio 7.8"}))]
    report = score_serving(rows)
    found = document(report)
    assert report.rows[0].figures
    assert (found["rows_scored"], found["rows_set_aside"], found["metrics"]) == (0, 1, {})


def test_rows_of_the_fit_are_marked():
    rows = [
        training_row(Cells(i + 2, {**TRAINING, "tp": tp, "dp": str(64 // int(tp))})) for i, tp in enumerate(("1", "2"))
    ]
    section = Section(kind="training", effects={}, rows={"keys": [rows[1].key]})
    report = score_training(rows, section)
    assert [row.fitted for row in report.rows] == [False, True]
    assert document(report)["rows_in_fit"] == 1


def test_a_run_that_nobody_tuned_is_not_marked_though_it_asks_what_a_fitted_one_asks():
    rows = [training_row(Cells(2 + i, {**TRAINING, "notes": notes})) for i, notes in enumerate(("", "untuned"))]
    report = score_training(rows, Section(kind="training", effects={}, rows={"keys": [rows[0].key]}))
    assert [row.fitted for row in report.rows] == [True, False]


def test_the_shipped_file_names_its_rows():
    sections = params.shipped()
    assert set(sections) == {"training", "serving"}
    for section in sections.values():
        keys = section.rows["keys"]
        assert len(keys) == section.rows["count"] > 100
        assert section.rows["hash"] == params.digest(keys)
        assert section.errors  # measured with chips and sources left out


def test_a_written_file_reads_back_and_has_equal_bytes(tmp_path):
    section = Section(
        kind="training",
        effects={"gemm": {"global": -0.123456789}},
        spread={"residual": 0.1},
        rows={"keys": ["a"], "count": 1},
    )
    for name in ("a.json", "b.json"):
        fit.write(
            tmp_path / name,
            {"training": section, "serving": replace(section, kind="serving")},
            {"training": {"note": 1.0}},
        )
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    back = params.load(tmp_path / "a.json")
    assert back["training"].effects["gemm"]["global"] == -0.123457
    assert back["training"].errors == {"note": 1.0}
    assert not list(tmp_path.glob("*.part"))


def test_summary_of_left_out_rows_by_hand():
    held = [
        fit.Held(metric="tpot", group=g, kind="dense", predicted=p, measured=1.0, covered=p < 1.15, key=g)
        for g, p in (("H100", 1.1), ("H100", 0.8), ("B200", 1.3))
    ]
    found = fit.summary(held)["tpot"]
    assert (found["count"], found["mape"], found["median_ape"], found["coverage80"]) == (
        3,
        0.2,
        0.2,
        pytest.approx(2 / 3, abs=1e-4),
    )
    assert found["by_group"]["H100"]["mape"] == 0.15


def _at_a_rate(rate):
    asked = {"chip": "H100", "n_chips": "1", "tp": "1", "isl": "1024", "osl": "1024", "precision_weights": "bf16"}
    measured = {"tpot_ms": "20", "output_tokens_per_s_total": "6000", "source": "a", "engine_version": "vllm"}
    return serving_row(Cells(2, {"model": "Llama 3.1 8B", "request_rate_per_s": f"{rate!r}", **asked, **measured}))


def test_a_measured_rate_above_saturation_is_taken_there_and_said():
    refused = predict_serving(_at_a_rate(1e3).case)
    most = refused.most_per_s
    (above,), (below,), (far,) = (score_serving([_at_a_rate(most * share)]).rows for share in (1.05, 0.97, 1e3))
    assert not above.refusal
    assert SATURATED in above.assumed
    assert SATURATED not in below.assumed
    rate, tpot = above.figures["throughput"], above.figures["tpot"]
    assert rate.predicted == pytest.approx(most * 1024.0, rel=0.01)
    # the interval holds the stated rate, and reaches further down in time than that of a machine that is just not full
    assert rate.high >= 1.05 * most * 1024.0
    assert tpot.low / tpot.predicted < 0.9 * below.figures["tpot"].low / below.figures["tpot"].predicted
    assert tpot.high / tpot.predicted == pytest.approx(
        below.figures["tpot"].high / below.figures["tpot"].predicted, rel=0.01
    )
    # nobody served a thousand times as much: such a rate says "all at once"
    assert far.figures["throughput"].predicted == pytest.approx(rate.predicted)
    assert far.figures["throughput"].high < 3.0 * far.figures["throughput"].predicted


def test_planning_still_refuses_what_is_above_saturation():
    assert "at most" in predict_serving(_at_a_rate(1e3).case).reason
