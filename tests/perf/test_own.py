"""A user's own measurements: by hand, by an independent method, by what must not change, and on publishers that no fit has seen."""

from __future__ import annotations

import csv
import json
import math
from collections import defaultdict
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from offtake.cli.app import main
from offtake.errors import OfftakeError
from offtake.perf import calibrate, own, params
from offtake.perf.best import best_training
from offtake.perf.best_serving import best_serving
from offtake.perf.capacity import serving_capacity, training_capacity
from offtake.perf.cases import ServingCase, TrainingCase
from offtake.perf.names import chip_named, model_named
from offtake.perf.own import ALONE, PARTS, Like, Own, OwnRow, told
from offtake.perf.score import score_serving, score_training
from offtake.perf.serving_model import predict_serving
from offtake.perf.sweep import sweep
from offtake.perf.tables_serving import read_serving
from offtake.perf.tables_training import read_training
from offtake.perf.training_model import predict_training
from offtake.perf.types import LatencyClass

LIKE = Like(
    chip="H100 SXM", family="hopper", vendor="NVIDIA", engine="vllm", release="vllm 0.9", model="Llama 3.1 70B", shape="80 x 8192",
    experts=False,
)  # fmt: skip
ALL = sum(sd**2 for sd in PARTS.values())
PUBLISHED = files("offtake.perf") / "data" / "published"
LATENCY = LatencyClass(ttft_s=2.0, tpot_s=0.04, input_tok=3600.0, output_tok=1000.0, cached_frac=0.0)


def owned(*rows: tuple[Like, float], software="vllm 0.9.1", year=2025.5) -> Own:
    kept = tuple(OwnRow(like=like, log_ratio=v, software=software, year=year) for like, v in rows)
    return Own(rows=kept, tuned_by="user")


def serving_with(told_rows: Own) -> params.Section:
    return replace(params.shipped()["serving"], own=told_rows)


def training_with(told_rows: Own) -> params.Section:
    return replace(params.shipped()["training"], own=told_rows)


def test_two_rows_of_one_run_by_hand():
    # every part is shared: 3 x 0.0025 + 2 x 0.01 + 3 x 0.0225 = 0.095; the mean of two rows has 0.0225 / 2 of its own
    found = told(owned((LIKE, 0.4), (LIKE, 0.2)), LIKE)
    assert found.log_time == pytest.approx(0.3 * 0.095 / (0.095 + 0.01125))
    after = 0.095 - 0.095**2 / (0.095 + 0.01125)
    assert found.sd == pytest.approx(math.sqrt(after + 0.0225))


def test_nothing_is_told_without_rows():
    assert told(None, LIKE) == told(owned(), LIKE) == own.Told(log_time=0.0, sd=math.inf)


def test_rows_that_contradict_each_other_leave_more_doubt():
    # 2 x 2 by hand: the difference of two rows of one run has variance 2 x 0.0225, the half of their sum 0.095 + 0.01125
    agree, differ = (told(owned((LIKE, 0.3 + d), (LIKE, 0.3 - d)), LIKE) for d in (0.0, 1.0))
    assert agree.log_time == pytest.approx(differ.log_time)
    misfit = ((2.0 * 1.0) ** 2 / (2.0 * 0.0225) + 0.3**2 / (0.095 + 0.01125)) / 2.0
    assert differ.sd == pytest.approx(agree.sd * math.sqrt(misfit))


LIKES = st.builds(
    Like,
    chip=st.sampled_from("abc"),
    family=st.sampled_from("fg"),
    vendor=st.just("v"),
    engine=st.sampled_from("xy"),
    release=st.sampled_from(("x 1", "x 2", "y 1")),
    model=st.sampled_from("mno"),
    shape=st.sampled_from("stu"),
    experts=st.booleans(),
)
ROWS = st.lists(st.tuples(LIKES, st.floats(-2.0, 2.0)), min_size=1, max_size=12)


def design(like: Like) -> dict[tuple[str, ...], float]:
    """Return the parts that a question is a sum of, with their standard deviations."""
    single = ("family", "chip", "engine", "release", "shape", "experts")
    return {
        ("publisher",): PARTS["publisher"], ("run", like.chip, like.release, like.shape): PARTS["run"],
        **{(name, str(getattr(like, name))): PARTS[name] for name in single},
    }  # fmt: skip


@given(ROWS, LIKES)
def test_it_is_the_ridge_regression_on_effects_of_every_name(rows, asked):
    """The same by another road: one effect for each name, drawn to nought by its standard deviation, solved as least squares."""
    names = sorted({name for like, _ in rows for name in design(like)} | set(design(asked)))
    scale = {name: sd for like in [*(like for like, _ in rows), asked] for name, sd in design(like).items()}
    x = np.array([[float(name in design(like)) for name in names] for like, _ in rows])
    y = np.array([v for _, v in rows])
    prior = np.diag([scale[name] ** 2 for name in names])
    precision = x.T @ x / ALONE**2 + np.linalg.inv(prior)
    effects = np.linalg.solve(precision, x.T @ y / ALONE**2)
    q = np.array([float(name in design(asked)) for name in names])
    found = told(owned(*rows), asked)
    assert found.log_time == pytest.approx(float(q @ effects), abs=1e-9)
    whole = x @ prior @ x.T + ALONE**2 * np.eye(len(rows))
    misfit = max(1.0, float(y @ np.linalg.solve(whole, y)) / len(rows))
    assert found.sd**2 == pytest.approx((float(q @ np.linalg.solve(precision, q)) + ALONE**2) * misfit, abs=1e-9)


@given(ROWS, LIKES, st.randoms(use_true_random=False))
def test_order_does_not_matter_and_rows_that_agree_leave_less_doubt(rows, asked, random):
    mixed = random.sample(rows, len(rows))
    found = told(owned(*rows), asked)
    assert told(owned(*mixed), asked).log_time == pytest.approx(found.log_time, abs=1e-9)
    level = [(like, 0.0) for like, _ in rows]
    assert told(owned(*level), asked).sd <= told(owned(*level[:-1]), asked).sd + 1e-9
    assert found.sd >= ALONE


@given(ROWS)
def test_each_row_left_out_is_as_told_by_the_rest(rows):
    every = owned(*rows)
    for i, (like, _) in enumerate(rows):
        rest = replace(every, rows=every.rows[:i] + every.rows[i + 1 :])
        assert own.one_left_out(every)[i] == pytest.approx(told(rest, like).log_time, abs=1e-8)


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("vllm 0.11.0", "vLLM v0.11.2 (docker)", True),
        ("vllm 0.11.0", "vllm 0.12.0", False),
        ("vllm", "vllm 0.11.0", False),
        ("TensorRT-LLM 1.0", "tensorrt_llm 1.0.0rc2", True),
    ],
)
def test_a_release_is_read_however_it_is_spelled(one, other, alike):
    first, second = (own.like_of(serving_case(engine=text)) for text in (one, other))
    assert (first.release == second.release) == alike
    assert first.engine == second.engine


def test_models_of_one_shape_are_alike():
    first, second, third = (
        own.like_of(serving_case(model=model_named(name))) for name in ("Llama 3.1 70B", "Llama 3.3 70B", "Qwen2.5-72B")
    )
    assert first.shape == second.shape != third.shape


def serving_case(**changes) -> ServingCase:
    given_ = {
        "chip": chip_named("H100").chip, "model": model_named("Llama 3.1 70B"), "chips": 4, "tp": 4, "weights": "fp8", "input_tok": 1024.0,
        "output_tok": 1024.0, "concurrency": 32.0, "engine": "vllm 0.9.1", "year": 2025.5, "tuned_by": "user",
    }  # fmt: skip
    return ServingCase(**{**given_, **changes})


def training_case(**changes) -> TrainingCase:
    given_ = {
        "chip": chip_named("H100").chip, "model": model_named("Llama 2 7B"), "chips": 64, "seq_tok": 4096, "batch_seqs": 512,
        "engine": "torch", "year": 2025.5, "tuned_by": "user",
    }  # fmt: skip
    return TrainingCase(**{**given_, **changes})


def test_a_step_takes_so_much_longer_and_its_interval_is_no_wider_than_the_rows_leave():
    case = training_case()
    bare = predict_training(case)
    section = training_with(owned(*[(own.like_of(case), 0.5)] * 4, software="torch"))
    found, by = predict_training(case, section), told(section.own, own.like_of(case))
    assert found.step_s == pytest.approx(bare.step_s * by.factor)
    width, before = (math.log(p.interval.high / p.interval.low) / 2.0 / 1.2815515655446004 for p in (found, bare))
    assert width == pytest.approx(min(before, by.sd))
    assert sum(found.breakdown_s.values()) == pytest.approx(found.step_s)


@given(
    st.sampled_from(["H200", "MI300X", "Trainium2", "B200"]),
    st.sampled_from(["Llama 3.1 70B", "Qwen3-30B-A3B", "DeepSeek-V3"]),
    st.floats(1.0, 5.0),
    st.sampled_from([1.0, 16.0, 128.0]),
)
def test_a_token_takes_exactly_so_much_longer(chip, model, factor, at_once):
    """All times of a step move alike, floors, messages and host included; a static batch knows no queue that would bend them."""
    case = serving_case(
        chip=chip_named(chip).chip, model=model_named(model), chips=8, tp=8, weights="fp8", load="static", concurrency=None, batch=at_once
    )  # fmt: skip
    section = serving_with(owned((own.like_of(case), math.log(factor) * (ALL + ALONE**2) / ALL)))
    bare, found = predict_serving(case), predict_serving(case, section)
    assert told(section.own, own.like_of(case)).factor == pytest.approx(factor)
    assert found.tpot_s == pytest.approx(bare.tpot_s * factor)
    assert found.output_tok_per_s == pytest.approx(bare.output_tok_per_s / factor)
    assert sum(found.terms_s.values()) == pytest.approx(found.tpot_s)


def test_no_measurement_makes_memory_faster():
    """A factor below one stops where the weights would be read faster than the memory can."""
    case = serving_case(load="static", concurrency=None, batch=1.0)
    found = predict_serving(case, serving_with(owned((own.like_of(case), -2.0))))
    chip, model = case.chip, case.model
    assert found.tpot_s > model.params / 4 / chip.hbm_bytes_per_s * 0.95


def test_serving_takes_about_so_much_longer_and_keeps_littles_law():
    case = serving_case()
    bare = predict_serving(case)
    section = serving_with(owned(*[(own.like_of(case), 0.5)] * 4))
    found, by = predict_serving(case, section), told(section.own, own.like_of(case))
    assert found.tpot_s == pytest.approx(bare.tpot_s * by.factor, rel=0.02)
    assert found.output_tok_per_s == pytest.approx(bare.output_tok_per_s / by.factor, rel=0.02)
    at_work = found.requests_per_s * (found.ttft_s + case.output_tok * found.tpot_s)
    assert found.concurrency == pytest.approx(at_work)
    wide, before = (
        {name: math.log(p.intervals[name].high / p.intervals[name].low) for name in ("tpot_s", "ttft_s")}
        for p in (found, bare)
    )
    assert wide["tpot_s"] < before["tpot_s"]
    assert wide["ttft_s"] == pytest.approx(before["ttft_s"], rel=0.1)  # a queue: own rows say little of it


def test_rows_that_match_the_prediction_move_nothing():
    case = training_case()
    section = training_with(owned((own.like_of(case), 0.0), software="torch"))
    bare, found = predict_training(case), predict_training(case, section)
    assert found.step_s == bare.step_s
    assert bare.interval.low <= found.interval.low < found.interval.high <= bare.interval.high


def test_software_that_a_question_leaves_open_is_that_of_the_rows_on_its_chip():
    other = replace(
        own.like_of(training_case(chip=chip_named("TPU v5p").chip)), engine="maxtext", release="maxtext 2025"
    )
    rows = owned(*[(own.like_of(training_case()), 0.0)] * 2, software="torch")
    rows = replace(rows, rows=(*rows.rows, OwnRow(like=other, log_ratio=0.0, software="maxtext", year=2025.0)))
    section = training_with(rows)
    open_ = training_case(engine="", year=0.0, tuned_by="vendor")
    assert predict_training(open_, section).step_s == predict_training(training_case(), section).step_s
    named = training_case(engine="megatron", year=2025.5, tuned_by="vendor")
    assert predict_training(named, section).step_s != predict_training(open_, section).step_s
    tpu = own.as_run(rows, training_case(chip=chip_named("TPU v5p").chip, engine="", year=0.0))
    assert (tpu.engine, tpu.year) == ("maxtext", 2025.0)
    assert own.as_run(rows, training_case(chip=chip_named("MI300X").chip, engine="")).engine == ""  # nobody's there
    assert own.as_run(rows, training_case(chip=chip_named("B200").chip, engine="")).engine == "torch"  # of the vendor


def test_another_vendors_chip_hears_of_the_rows_and_keeps_its_software():
    chip, model = chip_named("TPU v7").chip, model_named("DeepSeek-V3")
    bare = serving_capacity(chip, model, LATENCY)
    rows = owned((own.like_of(serving_case()), 0.0))
    assert (
        serving_capacity(chip, model, LATENCY, serving_with(rows)).output_tok_per_s_per_chip
        == bare.output_tok_per_s_per_chip
    )
    trained = training_capacity(chip, model, chips=1024)
    section = training_with(owned((own.like_of(training_case()), 0.0), software="torch"))
    assert training_capacity(chip, model, chips=1024, fitted=section).flop_per_s_per_chip == trained.flop_per_s_per_chip


@pytest.mark.parametrize("ratio", [0.7, 2.0])
def test_every_question_hears_of_the_rows(ratio):
    """Best layouts, capacities and the comparison move the way the rows say."""
    chip, model = chip_named("H100").chip, model_named("Llama 3.1 70B")
    rows = owned((own.like_of(serving_case()), math.log(ratio)))
    same = owned((own.like_of(serving_case()), 0.0))
    slow, level = serving_with(rows), serving_with(same)
    rates = [serving_capacity(chip, model, LATENCY, section).output_tok_per_s_per_chip for section in (slow, level)]
    swept = [sweep([chip], model, LATENCY, section)[0].tok_per_s_per_chip for section in (slow, level)]
    case = ServingCase(chip=chip, model=model, chips=16, input_tok=3600.0, output_tok=1000.0, load="open")
    best = [best_serving(case, ttft_s=2.0, tpot_s=0.04, fitted=s).best.output_tok_per_s_per_chip for s in (slow, level)]
    for moved, before in (rates, swept, best):
        assert (moved < before) == (ratio > 1.0)
    small = model_named("Llama 2 7B")
    train = [training_with(owned((own.like_of(training_case()), v), software="torch")) for v in (math.log(ratio), 0.0)]
    flops = [training_capacity(chip, small, chips=64, fitted=s).flop_per_s_per_chip for s in train]
    plans = [
        best_training(TrainingCase(chip=chip, model=small, chips=64, seq_tok=4096, batch_seqs=512), s) for s in train
    ]
    assert (flops[0] < flops[1]) == (plans[0].best.tok_per_s < plans[1].best.tok_per_s) == (ratio > 1.0)


@pytest.mark.parametrize("targets", [(2.0, 0.04), (1.0, 0.02)])
def test_a_rate_within_targets_is_as_sure_as_what_slower_times_leave_of_it(targets):
    """The ends are the best plans where every time is at the end of its interval: a much wider span than that of the times."""
    chip, model = chip_named("H100").chip, model_named("DeepSeek-V3")
    case = ServingCase(
        chip=chip, model=model, chips=256, input_tok=3600.0, output_tok=1000.0, load="open", engine="trtllm"
    )
    plan = best_serving(case, ttft_s=targets[0], tpot_s=targets[1])
    at_load = plan.best.intervals["output_tok_per_s_per_chip"]
    assert plan.interval.low <= plan.best.output_tok_per_s_per_chip <= plan.interval.high
    assert plan.interval.low < at_load.low
    assert plan.interval.high > at_load.high


# the command


def table(path: Path, rows: list[dict[str, str]]) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(dict.fromkeys(name for row in rows for name in row)))
        writer.writeheader()
        writer.writerows(rows)
    return path


SERVED = {
    "engine_version": "vllm 0.9.1", "date": "2025-07", "model": "Llama 3.1 70B", "chip": "H100", "n_chips": "4", "tp": "4",
    "precision_weights": "fp8", "isl": "1024", "osl": "1024", "concurrency": "32", "tpot_ms": "40", "output_tokens_per_s_total": "700",
}  # fmt: skip
ROW = {
    "chip": "c", "family": "f", "vendor": "v", "engine": "e", "release": "e 1", "model": "m", "shape": "s", "experts": False,
    "log_ratio": 0.1,
}  # fmt: skip
TRAINED = {
    "year": "2025-06", "model": "Llama 2 7B", "chip": "H100", "n_chips": "64", "seq_len": "4096", "global_batch_seqs": "512",
    "reported_step_time_s": "9", "source": "our/cluster torch",
}  # fmt: skip


@pytest.fixture
def call(capsys):
    """Return a function that runs a command of perf: (code, output, errors)."""

    def run(*arguments):
        with pytest.raises(SystemExit) as end:
            main(["perf", *map(str, arguments)])
        said = capsys.readouterr()
        return end.value.code, said.out, said.err

    return run


def test_the_file_holds_the_rows_and_commands_take_it(tmp_path, call):
    out = tmp_path / "mine.json"
    rows = [SERVED, {**SERVED, "concurrency": "64", "tpot_ms": "55", "output_tokens_per_s_total": "1100"}]
    served = table(tmp_path / "s.csv", rows)
    code, said, _ = call("calibrate", served, "--kind", "inference", "--out", out, "--json")
    found = json.loads(said)
    assert (code, found["rows_told"]) == (0, 2)
    assert found["error_told_by_the_others"] < found["error_before"]
    trained = table(tmp_path / "t.csv", [TRAINED])
    code, said, _ = call("calibrate", trained, "--kind", "training", "--params", out, "--out", out)
    assert code == 0
    assert "Llama 2 7B" in said
    read = params.load(out)
    assert len(read["serving"].own.rows) == 2  # kept
    assert len(read["training"].own.rows) == 1
    assert read["serving"].effects == dict(params.shipped()["serving"].effects)
    for command in (
        ("H100", "Llama 3.1 70B"),
        ("best", "--model", "Llama 3.1 70B", "--chip", "H100", "--chips", "16", "--serve"),
        ("best", "--model", "Llama 2 7B", "--chip", "H100", "--chips", "64", "--train"),
    ):
        code, said, _ = call(*command, "--params", out)
        assert code == 0
        assert "own measurement" in said
    asked = ("compare", "--chip", "H100", "--model", "Llama 3.1 70B", "--json")
    assert call(*asked, "--params", out)[1] != call(*asked)[1]
    # what was told is near what was measured, and the rows are marked as seen
    scored = json.loads(call("score", served, "--kind", "inference", "--params", out, "--json")[1])
    assert scored["rows_in_fit"] == 2
    assert scored["metrics"]["tpot"]["mape"] < 0.2


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([{**SERVED, "chip": "XYZ 9000"}], "XYZ 9000"),
        ([{**SERVED, "tpot_ms": "", "output_tokens_per_s_total": ""}], "measures neither"),
        ([{**SERVED, "tpot_ms": "40000", "output_tokens_per_s_total": ""}], "is its unit right"),
        ([{**SERVED, "quality": "check: odd"}], "to be checked"),
        ([{**SERVED, "output_tokens_per_s_total": "8900"}], "times apart"),
    ],
)
def test_rows_that_tell_nothing_are_named(tmp_path, call, rows, words):
    out = tmp_path / "mine.json"
    code, _, said = call("calibrate", table(tmp_path / "s.csv", rows), "--kind", "inference", "--out", out)
    assert code == 2
    assert words in " ".join(said.split())
    assert not out.exists()


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ("rows", "holds no list of rows"),
        ({"rows": [{"chip": "H100"}]}, "own.rows[0]"),
        ({"rows": [{**ROW, "log_ratio": "nan"}]}, "own.rows[0]"),
        ({"rows": [{**ROW, "log_ratio": 99.0}]}, "beyond"),
        ({"rows": [{**ROW, "log_ratio": 10**400}]}, "own.rows[0]"),
        ({"rows": [{**ROW, "chip": None}]}, "own.rows[0]"),
        ({"rows": [{**ROW, "year": []}]}, "own.rows[0]"),
        ({"rows": [ROW] * 2001}, "one to fit"),
        ({"rows": [], "tuned_by": "me"}, "vendor, user or nobody"),
        ({"rows": [], "tuned_by": []}, "vendor, user or nobody"),
    ],
)
def test_a_broken_file_is_refused_where_it_is_broken(tmp_path, part, words):
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({"schema_version": 1, "serving": {"own": part}}))
    with pytest.raises(OfftakeError, match=words.replace("[", r"\[").replace("]", r"\]")):
        params.load(path)


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ([], "is no section"),
        ({"effects": []}, "serving.effects: is no object"),
        ({"effects": {"hbm": 3}}, "serving.effects.hbm: is no object"),
        ({"effects": {"hbm": {"global": float("nan")}}}, "serving.effects.hbm.global: is a number"),
        ({"effects": {"hbm": {"global": 1e308}}}, "serving.effects.hbm.global: is a number"),
        ({"effects": {"hbm": {"global": -60.0}}}, "serving.effects.hbm.global: is a number"),
        ({"spread": {"tpot": None}}, "serving.spread.tpot: is a number"),
        ({"rows": 3}, "serving.rows: is no object"),
    ],
)
def test_a_section_that_no_fit_writes_is_refused_where_it_is_wrong(tmp_path, section, words):
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({"schema_version": 1, "serving": section}))
    with pytest.raises(OfftakeError, match=words):
        params.load(path)


@pytest.mark.parametrize("text", ["[" * 100_000, "{", "[]", '{"schema_version": true}', '{"schema_version": 2}'])
def test_a_file_that_is_no_parameter_file_is_refused_in_words(tmp_path, text):
    path = tmp_path / "mine.json"
    path.write_text(text)
    with pytest.raises(OfftakeError, match=r"mine\.json"):
        params.load(path)


def test_a_file_without_the_section_that_is_asked_is_refused(tmp_path, call):
    path = tmp_path / "mine.json"
    path.write_text('{"schema_version": 1}')
    code, _, said = call(
        "best", "--model", "Llama 3.1 70B", "--chip", "H100", "--chips", "8", "--serve", "--params", path
    )
    assert code == 2
    assert "no parameters of serving" in " ".join(said.split())


def test_too_many_rows_are_a_table_to_fit(tmp_path, call):
    many = table(tmp_path / "s.csv", [{**SERVED, "concurrency": str(i + 1)} for i in range(own.MOST_ROWS + 1)])
    code, _, said = call("calibrate", many, "--kind", "inference", "--out", tmp_path / "mine.json")
    assert code == 2
    assert "one to fit" in " ".join(said.split())


@pytest.mark.parametrize("name", [".", "", "folder", "s.csv", "missing/mine.json"])
def test_nothing_else_is_written_over(tmp_path, call, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    served = table(tmp_path / "s.csv", [SERVED])
    before = served.read_bytes()
    code, _, _ = call("calibrate", "s.csv", "--kind", "inference", "--out", name)
    assert code == 2
    assert served.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["folder", "s.csv"]


def test_a_row_with_an_unreadable_cell_or_no_load_tells_nothing(tmp_path, call):
    rows = [SERVED, {**SERVED, "concurrency": "one"}, {**SERVED, "concurrency": "", "isl": "900"}]
    code, said, _ = call(
        "calibrate", table(tmp_path / "s.csv", rows), "--kind", "inference", "--out", tmp_path / "m.json", "--json"
    )
    found = json.loads(said)
    assert (code, found["rows_told"]) == (0, 1)
    assert "concurrency" in found["left_out"][0]
    assert "load is not given" in found["left_out"][1]


def test_what_is_measured_again_counts_once(tmp_path, call):
    again = [SERVED, {**SERVED, "tpot_ms": "44"}, {**SERVED, "tpot_ms": "36"}]
    call("calibrate", table(tmp_path / "s.csv", again), "--kind", "inference", "--out", tmp_path / "m.json")
    assert len(params.load(tmp_path / "m.json")["serving"].own.rows) == 1


# truth: publishers that no term was fitted to


@pytest.mark.parametrize(
    ("kind", "least_gain"),
    [("serving", 0.25), ("training", 0.2)],
)
def test_two_rows_of_a_run_bring_its_others_much_closer(kind, least_gain):
    """On rows of quality "test", whose publishers taught no term: every run of four rows or more, two of them told, the rest predicted."""
    section = replace(params.shipped()[kind], own=None)
    name = "inference_published.csv" if kind == "serving" else "training_published.csv"
    rows = [
        r
        for r in (read_serving if kind == "serving" else read_training)(Path(str(PUBLISHED / name)))
        if r.quality == "test" and r.case is not None
    ]
    score = score_serving if kind == "serving" else score_training
    runs = defaultdict(list)
    for row in calibrate.calibrate(rows, section, score).section.own.rows:
        runs[row.like].append(row.log_ratio)
    before, after, inside = [], [], []
    for like, logs in runs.items():
        if len(logs) < 4:
            continue
        found = told(owned((like, logs[0]), (like, logs[-1])), like)
        for v in logs[1:-1]:
            before.append(abs(math.exp(-v) - 1.0))
            after.append(abs(math.exp(found.log_time - v) - 1.0))
            inside.append(abs(v - found.log_time) <= 1.2816 * found.sd)
    assert len(before) > 50
    assert np.mean(after) < (1.0 - least_gain) * np.mean(before)
    assert 0.7 < np.mean(inside) < 0.95
