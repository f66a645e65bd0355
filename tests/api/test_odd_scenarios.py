"""Odd scenarios through the whole of `offtake.plan`: a located message, or a plan; never anything else."""

from __future__ import annotations

from pathlib import Path

import pytest

import offtake
from offtake.errors import ScenarioError

FIRST = Path(__file__).parents[2] / "examples" / "first-site.yaml"


def mistakes(folder, *changes):
    """Return what is wrong with the tutorial after textual changes, each of which must apply once."""
    text = FIRST.read_text("utf-8")
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    file = folder / "odd.yaml"
    file.write_text(text, "utf-8")
    found = offtake.check(file)
    with pytest.raises(ScenarioError) as caught:
        offtake.plan(file)
    assert caught.value.diagnostics == found  # `check` and `plan` say the same
    return found


def line_of(words):
    """Return the line of the tutorial on which words first stand."""
    text = FIRST.read_text("utf-8")
    return text[: text.index(words)].count("\n") + 1


def test_a_class_that_no_chip_serves(tmp_path):
    (found,) = mistakes(tmp_path, ("tpot: 40 ms/tok", "tpot: 0.04 ms/tok"))
    assert (found.code, found.path, found.file) == ("E504", "classes.chat.tpot", str(tmp_path / "odd.yaml"))
    assert (found.line, found.column) == (line_of("tpot: 40"), 11)
    assert "cannot be met" in found.message


def test_a_chip_of_unknown_speed(tmp_path):
    (found,) = mistakes(tmp_path, ("    from: Trainium2\n", ""))
    assert (found.code, found.path) == ("E505", "chips.trainium2")
    assert found.line == line_of("id: trainium2")
    assert "bf16_flop_per_s" in found.message


def test_a_value_missing_from_file_and_catalogue_has_a_place(tmp_path):
    step = "    interconnected: {2026-07-01: 60 MW, 2027-07-01: 125 MW}        # facility MW; the second step is the utility's promise\n"
    text = FIRST.read_text("utf-8")
    cases = text[text.index("cases:\n") :]
    (found,) = mistakes(tmp_path, (step, ""), (cases, ""))
    assert (found.code, found.path) == ("E505", "sites.indiana.interconnected")
    assert found.line == line_of("id: indiana")


def test_more_floors_than_intervals(tmp_path):
    floors = ", ".join(["1 M USD"] * 9)
    clause = f"    - {{kind: spend_commitment, id: spend, interval: year, floors: [{floors}]}}\n"
    (found,) = mistakes(tmp_path, ("    - kind: take_or_pay\n", clause + "    - kind: take_or_pay\n"))
    assert (found.code, found.path) == ("E504", "contract.clauses.spend")
    assert "9 floors" in found.message


def test_no_further_world_is_made_once_asked_to_stop(monkeypatch):
    from threading import Event

    from offtake.api import prepare

    made, stop = [], Event()
    world_of = prepare.world_of
    monkeypatch.setattr(prepare, "world_of", lambda scenario: made.append(stop.is_set()) or world_of(scenario))

    def heard(event):
        if event.stage == "case weak-demand":
            stop.set()

    answer = offtake.plan(FIRST, progress=heard, interrupt=stop)
    assert answer.status == "interrupted"
    assert not any(made)
    assert [c.id for c in answer.story.cases][:2] == ["base", "late-step"]


def test_demand_has_at_least_one_step(tmp_path):
    steps = "steps: [{share: 60 %, price_factor: 1.1}, {share: 40 %, price_factor: 0.85}]"
    (found,) = mistakes(tmp_path, (steps, "steps: []"))
    assert (found.code, found.path) == ("E210", "demand.chat-us.steps")
