"""`offtake perf` as a user types it: answers, documents, files, and mistakes that end in words and code 2."""

from __future__ import annotations

import json

import pytest

from offtake.cli.app import main

SHEET = """\
name: X1
bf16: 800 TFLOP/s
fp8: 1.6 PFLOP/s
memory: 128 GB
memory_rate: 4 TB/s
link: 400 GB/s
linked: 8 chip
topology: switch
network: 50 GB/s
package: 900 W/chip
like: hopper
vendor: NVIDIA
year: 2026
"""
TABLE = """\
model,chip,n_chips,seq_len,global_batch_seqs,tp,pp,precision,source,reported_step_time_s
Llama 2 7B,A100-80GB,64,4096,512,1,1,bf16,a,12
Llama 3.1 8B,H100,64,8192,256,1,1,bf16,b,5
Llama 2 7B,Z80,64,4096,512,1,1,bf16,b,12
"""


@pytest.fixture
def call(capsys, tmp_path, monkeypatch):
    """Return a function that runs a command in an empty folder: (code, output, errors)."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        with pytest.raises(SystemExit) as end:
            main(["perf", *arguments])
        said = capsys.readouterr()
        return end.value.code, said.out, said.err

    return run


def test_an_estimate_has_units_and_says_what_it_assumes(call):
    code, out, _ = call("H200", "Llama 3.1 70B")
    assert code == 0
    assert "tok/s per chip" in out
    assert "80 % interval" in out
    assert "· serving: 256 chips" in out


def test_a_chip_from_a_data_sheet(call, tmp_path):
    (tmp_path / "x1.yaml").write_text(SHEET, "utf-8")
    code, out, _ = call("x1.yaml", "Llama 3.1 70B", "--json")
    found = json.loads(out)
    assert (code, found["chip"]) == (0, "X1")
    assert 0 < found["serving"]["low"] < found["serving"]["high"]
    code, _, err = call("missing.yaml", "Llama 3.1 70B")
    assert (code, "no such file" in err) == (2, True)
    (tmp_path / "bad.yaml").write_text(SHEET.replace("4 TB/s", "4"), "utf-8")
    code, _, err = call("bad.yaml", "Llama 3.1 70B")
    assert code == 2
    assert "bad.yaml:5" in err


def test_score_prints_rows_groups_and_refusals(call, tmp_path):
    (tmp_path / "t.csv").write_text(TABLE, "utf-8")
    code, out, _ = call("score", "t.csv", "--kind", "training")
    assert code == 0
    assert "2 rows scored" in out
    assert "the catalogue has no chip 'Z80'" in out
    code, out, _ = call("score", "t.csv", "--kind", "training", "--json")
    found = json.loads(out)
    assert (found["rows_scored"], found["rows_refused"]) == (2, 1)
    assert set(found["metrics"]["step_time"]) == {"mape", "median_ape", "coverage80"}
    assert {"by_chip", "by_source"} <= set(found)


def test_best_training_with_its_picture(call, tmp_path):
    code, out, _ = call(
        "best", "--model", "Llama 2 7B", "--chip", "A100", "--chips", "64", "--train", "--svg", "front.svg"
    )
    assert code == 0
    assert "Left out:" in out
    assert "Pareto front" in out
    picture = (tmp_path / "front.svg").read_text("utf-8")
    assert picture.startswith("<svg")
    assert picture.count("<circle") >= 2


def test_the_best_layout_takes_longer_for_who_tunes_less(call):
    asked = ("best", "--model", "Llama 2 7B", "--chip", "A100", "--chips", "64")
    steps = []
    for who in ("vendor", "user", "nobody"):
        code, out, _ = call(*asked, "--train", "--tuned-by", who, "--json")
        assert code == 0
        steps.append({f["name"]: f["value"] for f in json.loads(out)["figures"]}["Time of a step"])
    assert steps == sorted(steps)
    assert steps[0] < steps[1] < steps[2]
    assert call(*asked, "--train", "--tuned-by", "magic")[0] == 2
    code, _, err = call(*asked, "--serve", "--tuned-by", "user")
    assert code == 2
    assert "of training" in err


def test_best_serving_as_a_document(call):
    code, out, _ = call(
        "best",
        "--model",
        "Llama 3.1 70B",
        "--chip",
        "H200",
        "--chips",
        "16",
        "--serve",
        "--tpot",
        "30 ms/tok",
        "--json",
    )
    found = json.loads(out)
    figures = {f["name"]: f["value"] for f in found["figures"]}
    assert code == 0
    assert figures["Time per output token"] <= 30.0
    assert found["front"]


def test_compare_with_its_page(call, tmp_path):
    code, out, _ = call(
        "compare", "--chip", "H100", "--chip", "MI300X", "--model", "Llama 3.1 8B", "--report", "chips.html"
    )
    assert code == 0
    assert "of a MW of facility" in out
    page = (tmp_path / "chips.html").read_text("utf-8")
    assert page.startswith("<!doctype html>")
    assert "<script" not in page
    assert "MI300X" in page
    code, out, _ = call("compare", "--chip", "H100", "--model", "Llama 3.1 8B", "--train", "--chips", "64", "--json")
    (row,) = json.loads(out)["rows"]
    assert row["tok_per_s_per_mw"] > 0


def test_fit_writes_where_it_is_told_and_nowhere_else(call, tmp_path):
    folder = tmp_path / "tables"
    folder.mkdir()
    (folder / "training_published.csv").write_text(TABLE, "utf-8")
    code, out, _ = call("fit", "--data", "tables", "--out", "fitted.json", "--json")
    found = json.loads(out)
    assert code == 0
    assert found["rows"]["training"]["count"] == 2
    first = (tmp_path / "fitted.json").read_bytes()
    assert call("fit", "--data", "tables", "--out", "again.json")[0] == 0
    assert (tmp_path / "again.json").read_bytes() == first
    (tmp_path / "t.csv").write_text(TABLE, "utf-8")
    code, out, _ = call("score", "t.csv", "--kind", "training", "--params", "fitted.json", "--json")
    assert json.loads(out)["rows_in_fit"] == 2


MISTAKES = [
    ("Tranium2", "DeepSeek-V3"),
    ("H100", "DeepSeek-V33"),
    ("H200", "Llama 3.1 8B", "--chips", "0"),
    ("H200", "Llama 3.1 8B", "--chips", "-4"),
    ("H200", "Llama 3.1 8B", "--seq", "0 tok"),
    ("H200", "Llama 3.1 8B", "--batch", "0 tok"),
    ("best", "--model", "Llama 2 7B", "--chip", "A100", "--chips", "8"),
    ("best", "--model", "Llama 2 7B", "--chip", "A100", "--chips", "0", "--train"),
    ("best", "--model", "GPT-3 175B", "--chip", "A100", "--chips", "2", "--train"),
    ("best", "--model", "Llama 2 7B", "--chip", "A100", "--chips", "8", "--train", "--precision", "fp2"),
    ("best", "--model", "Llama 2 7B", "--chip", "A100", "--chips", "8", "--serve", "--tpot", "5"),
    ("best", "--model", "GPT-4", "--chip", "A100", "--chips", "8", "--serve"),
    ("best", "--model", "Llama 2 7B", "--chip", "A100", "--chips", "8", "--train", "--svg", "no/such/f.svg"),
    ("best", "--model", "Llama 2 7B", "--chip", "A100", "--chips", "8", "--train", "--seq", "0 tok"),
    ("compare", "--chip", "Z80"),
    ("compare", "--chip", "H100", "--model", "Llama 2 7B", "--train", "--chips", "0"),
    ("compare", "--chip", "H100", "--model", "Llama 2 7B", "--pue", "0.5"),
    ("score", "missing.csv", "--kind", "training"),
    ("score", "missing.csv", "--kind", "both"),
    ("fit", "--data", "nowhere"),
]


@pytest.mark.parametrize("arguments", MISTAKES, ids=" ".join)
def test_a_mistake_is_words_and_code_2(call, arguments):
    code, out, err = call(*arguments)
    assert (code, out) == (2, "")
    assert err.strip()
    assert "Traceback" not in err


@pytest.mark.parametrize("option", ["--chips", "--seq", "--batch"])
def test_an_amount_of_nothing_names_its_option(call, option):
    _, _, err = call("H200", "Llama 3.1 8B", option, "0" if option == "--chips" else "0 tok")
    assert f"{option} must" in err


def test_impossible_layouts_say_what_would_fit():
    from offtake.perf.cases import TrainingCase
    from offtake.perf.names import chip_named, model_named
    from offtake.perf.training_model import predict_training

    base = {
        "chip": chip_named("H100").chip,
        "model": model_named("Llama 3.1 8B"),
        "chips": 64,
        "seq_tok": 4096,
        "batch_seqs": 64,
    }
    assert "1, 2, 4, 8" in predict_training(TrainingCase(**base, tp=3)).reason  # 32 heads
    assert "at most 32" in predict_training(TrainingCase(**base, pp=64)).reason  # 32 layers
