"""The whole way of a plan under uncertainty: from a scenario with an outlook to its answer."""

from __future__ import annotations

import math
import threading

import pytest

from offtake import api
from offtake.report.page import render
from offtake.runs.compare import flatten

OUTLOOK = """
title: What may happen
changes:
  outlook:
    paths: 2
    drawn: 8
    stages: [now, 1y]
    risk: {kind: cvar, level: 90 %, weight: 30 %}
    evaluate: {paths: 4, replications: 2}
    uncertain:
      - {id: demand, of: [demand.*.volume], process: {kind: trend, growth: 20 %/y}, assumption: a test}
"""


@pytest.fixture(scope="module")
def loaded(examples, tmp_path_factory):
    overlay = tmp_path_factory.mktemp("outlook") / "uncertain.yaml"
    overlay.write_text(OUTLOOK, "utf-8")
    return api.load(examples / "first-site.yaml", overlays=[overlay])


@pytest.fixture(scope="module")
def full(loaded):
    return api.plan(loaded, full=True, executor="serial")


def test_nothing_that_was_asked_for_is_missing(full):
    found = full.document
    assert found["paths"] == 2
    assert found["foresight"] == full.manifest.foresight == "multistage"
    assert math.isfinite(found["value"]["gap_estimate_usd"])
    assert found["value"]["gap_estimate_usd"] <= found["value"]["gap_limit95_usd"]
    low, high = found["value"]["out_of_sample_ci95_usd"]
    assert low <= found["value"]["out_of_sample_mean_usd"] <= high
    assert found["sensitivity"]
    assert found["reliefs"]
    assert [c["foresight"] for c in found["cases"]] == ["multistage", *["perfect"] * (len(found["cases"]) - 1)]
    assert found["certificate"]["paths"] == 2
    assert found["value"]["in_sample_usd"] == pytest.approx(found["objective_usd"], rel=1e-9)


def test_knowing_hedging_and_waiting_are_never_worth_less_than_nothing(full):
    found, least = full.document, -1e-6 * abs(full.document["objective_usd"])
    for worth in (found["evpi_usd"], found["vss_usd"], *found["waiting_value_usd"].values()):
        assert worth >= least


def test_the_paths_of_a_node_decide_alike(full):
    rows = full.tables["stage_decisions"].rows()
    assert rows[0]["paths"] == "0, 1"
    assert " to " not in rows[0]["what"], "a range would be two decisions"


def test_the_report_is_whole(full):
    page = render(full.report_data)
    assert "what other decisions now could add" in page
    assert "no assumption was varied" not in page
    assert page.count('class="number">U') == 5


def test_the_executor_changes_no_bit(loaded):
    found = [api.plan(loaded, cases=False, executor=executor).document for executor in ("serial", "processes:2")]
    one, other = ({k: v for k, v in d.items() if k != "timings"} for d in found)
    assert flatten(one) == flatten(other)


def test_a_stop_keeps_the_plan_and_says_so(loaded):
    interrupt = threading.Event()

    def stop(event):
        if event.stage == "fresh paths":
            interrupt.set()

    answer = api.plan(loaded, executor="serial", progress=stop, interrupt=interrupt)
    assert answer.status == "interrupted"
    assert answer.document["value"]["out_of_sample_mean_usd"] is None
    assert "stopped" in answer.document["reasons"]["value.out_of_sample_mean_usd"]
    assert answer.document["parties"]["provider"]["npv_usd"] > 0
    assert "known in sample only" in render(answer.report_data)


def test_one_path_of_a_scenario_with_an_outlook_is_the_scenario_as_written(loaded, examples):
    from dataclasses import replace

    outlook = loaded.scenario.outlook.model_copy(update={"paths": 1})
    alone = api.plan(replace(loaded, scenario=loaded.scenario.model_copy(update={"outlook": outlook})), cases=False)
    plain = api.plan(examples / "first-site.yaml", cases=False)
    apart = {"run_id", "timings"}
    assert {k: v for k, v in alone.document.items() if k not in apart} == {
        k: v for k, v in plain.document.items() if k not in apart
    }
