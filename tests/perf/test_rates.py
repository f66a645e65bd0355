"""Speeds as an overlay: stated as estimated they change no plan, by own measurements they move it."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from offtake.api import prepare
from offtake.api.rates import overlay_of, speeds
from offtake.cli.app import main
from offtake.perf import params
from offtake.perf.fit import write
from offtake.perf.names import chip_named, model_named
from offtake.perf.own import Like, Own, OwnRow
from offtake.plan.compile_demand import serving_rates
from offtake.plan.compile_supply import training_rates

EXAMPLES = Path(__file__).parents[2] / "examples"


def sections(log_time: float) -> dict[str, params.Section]:
    """Parameters of a user whose Trainium2 runs take exp(log_time) times as long as predicted, by many rows that agree."""
    chip, model = chip_named("Trainium2").chip, model_named("Llama 3.1 70B")
    like = Like(
        chip=chip.name, family=chip.family, vendor=chip.vendor, engine="neuronx", release="neuronx 0.5", model=model.name, shape="s",
        experts=False,
    )  # fmt: skip
    rows = tuple(OwnRow(like=like, log_ratio=log_time, software="vllm-neuron 0.5", year=2026.0) for _ in range(3))
    own = Own(rows=rows, tuned_by="user")
    return {kind: replace(section, own=own) for kind, section in params.shipped().items()}


def rates(path: Path, *overlays: Path):
    inputs = prepare.prepare(prepare.load(path, overlays=overlays)).inputs
    return serving_rates(inputs), training_rates(inputs, [c.id for c in inputs.base.chips])


@pytest.mark.parametrize("name", ["first-site.yaml", "neocloud-300mw.yaml"])
def test_stated_as_estimated_they_are_the_same_to_the_last_bit(name, tmp_path):
    path = EXAMPLES / name
    stated = tmp_path / "as-estimated.yaml"
    stated.write_text(overlay_of(speeds(path), "as estimated"), "utf-8")
    for before, after in zip(rates(path), rates(path, stated), strict=True):
        assert np.array_equal(before, after)
    assert not speeds(path, overlays=[stated])  # nothing is left to estimate


def test_own_measurements_move_the_plans_speeds(tmp_path):
    path = EXAMPLES / "first-site.yaml"
    level, slow = (speeds(path, sections(v)) for v in (0.0, math.log(1.5)))
    assert level.keys() == slow.keys()
    for place, one in level.items():
        assert slow[place].value < one.value
        assert one.low <= one.value <= one.high
    stated = tmp_path / "slow.yaml"
    stated.write_text(overlay_of(slow, "slow"), "utf-8")
    tokens, _ = rates(path, stated)
    assert {one.value for place, one in slow.items() if ".tokens." in place} <= set(tokens.ravel())


def test_a_class_that_no_plan_keeps_is_stated_as_nought(tmp_path):
    path = EXAMPLES / "first-site.yaml"
    found = speeds(path, sections(math.log(1e3)))
    chat = found["chips.trainium2.overrides.tokens.chat"]
    assert chat.value == 0.0
    assert "cannot be met" in chat.words
    stated = tmp_path / "slow.yaml"
    stated.write_text(overlay_of(found, "slow"), "utf-8")
    tokens, _ = rates(path, stated)
    assert 0.0 in tokens


def test_the_command_writes_it_and_says_what_next(tmp_path, capsys):
    mine, out = tmp_path / "mine.json", tmp_path / "own.yaml"
    write(mine, sections(0.2))
    scenario = tmp_path / "site.yaml"
    scenario.write_text((EXAMPLES / "first-site.yaml").read_text("utf-8"), "utf-8")
    with pytest.raises(SystemExit) as end:
        main(["perf", "rates", str(scenario), "--params", str(mine), "--out", str(out), "--json"])
    found = json.loads(capsys.readouterr().out)
    assert end.value.code == 0
    assert found["title"] == "Speeds by own measurements (3 of serving and 3 of training) and the terms"
    assert out.read_text("utf-8") == overlay_of(speeds(scenario, params.load(mine)), found["title"])
    for arguments in (
        ["perf", "rates", str(scenario), "--out", str(scenario)],
        ["perf", "rates", str(scenario), "--params", str(mine), "--out", str(mine)],
        ["perf", "rates", str(scenario), "--case", str(out), "--out", str(out)],
        ["perf", "rates", str(tmp_path / "none.yaml")],
        ["perf", "rates", str(scenario), "--params", str(scenario)],
    ):
        with pytest.raises(SystemExit) as end:
            main(arguments)
        assert end.value.code == 2
    assert "first-site" in scenario.read_text("utf-8")
    assert params.load(mine)


def test_where_all_is_stated_nothing_is_written(tmp_path, capsys):
    path, stated = EXAMPLES / "first-site.yaml", tmp_path / "stated.yaml"
    stated.write_text(overlay_of(speeds(path), "stated"), "utf-8")
    with pytest.raises(SystemExit) as end:
        main(["perf", "rates", str(path), "--case", str(stated), "--out", str(tmp_path / "again.yaml")])
    assert end.value.code == 0
    assert "states every speed" in capsys.readouterr().out
    assert not (tmp_path / "again.yaml").exists()


def test_a_class_that_nothing_serves_is_found_by_check_whether_computed_or_stated(tmp_path):
    path, tight, stated = EXAMPLES / "first-site.yaml", tmp_path / "tight.yaml", tmp_path / "nought.yaml"
    tight.write_text("title: tight\nchanges: {classes.*.tpot: 2 ms/tok}\n", "utf-8")
    found = speeds(path)
    tokens = {place: replace(one, value=0.0, low=0.0, high=0.0) for place, one in found.items() if ".tokens." in place}
    stated.write_text(overlay_of(tokens, "nought"), "utf-8")
    assert "E504" not in {d.code for d in prepare.check(path)}
    for overlays in ([tight], [tight, stated]):
        assert "E504" in {d.code for d in prepare.check(path, overlays=overlays)}
