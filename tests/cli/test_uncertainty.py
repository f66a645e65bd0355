"""The options of a plan under uncertainty: each overrides the outlook, each bad value is located and ends in exit code 2."""

from __future__ import annotations

import json

import pytest

from offtake import api
from offtake.cli.uncertainty import Overrides
from offtake.errors import OfftakeError, ScenarioError

NOTHING = {"paths": None, "seed": None, "risk": None, "stages": None, "grid": None}
OUTLOOK = """
title: What may happen
changes:
  outlook:
    paths: 2
    drawn: 16
    seed: 3
    stages: [now, 1y]
    risk: {kind: mix, of: [{weight: 50 %, level: 0 %}, {weight: 50 %, level: 80 %}]}
    evaluate: {paths: 4}
    uncertain:
      - {id: demand, of: [demand.*.volume], process: {kind: trend, growth: 15 %/y}, assumption: a test}
"""


@pytest.fixture(scope="module")
def uncertain(examples, tmp_path_factory):
    """Return a function that loads the tutorial scenario with an outlook under options."""
    folder = tmp_path_factory.mktemp("outlook")
    (folder / "uncertain.yaml").write_text(OUTLOOK, "utf-8")

    def load(**options):
        overlays = [folder / "uncertain.yaml"]
        scenario = api.load(examples / "first-site.yaml", overlays=overlays).scenario
        more = Overrides(**{**NOTHING, **options}).overlays(scenario)
        return api.load(examples / "first-site.yaml", overlays=[*overlays, *more])

    return load


def test_each_option_stands_in_place_of_the_file(uncertain):
    found = uncertain(paths=5, seed=9, risk="cvar:0.95:0.25", stages="now,2y,3y").scenario.outlook
    assert (found.paths, found.seed, found.stages) == (5, 9, ("now", "2y", "3y"))
    assert found.risk.parts() == ((0.75, 0.0), (0.25, 0.95))
    assert found.drawn == 16, "what no option names stays"


@pytest.mark.parametrize(
    ("risk", "parts"),
    [("expectation", ((1.0, 0.0),)), ("worst_case:0.2", ((0.8, 0.0), (0.2, 1.0))), ("cvar:0.9:1", ((1.0, 0.9),))],
)
def test_a_risk_measure_replaces_one_of_another_kind_whole(uncertain, risk, parts):
    assert uncertain(risk=risk).scenario.outlook.risk.parts() == parts


@pytest.mark.parametrize(("grid", "count"), [("quarters", 20), ("default", 14)])
def test_a_grid_keeps_the_horizon(uncertain, grid, count):
    before, after = uncertain().scenario, uncertain(grid=grid).scenario
    assert after.horizon_end == before.horizon_end
    assert len(after.edges) == count + 1
    months = [12 * (b.year - a.year) + b.month - a.month for a, b in zip(after.edges, after.edges[1:], strict=False)]
    assert months == sorted(months)


def test_options_without_an_outlook(examples):
    scenario = api.load(examples / "first-site.yaml").scenario
    for options in ({"paths": 1}, {"seed": 4}):
        assert Overrides(**{**NOTHING, **options}).overlays(scenario) == ()
    for options in ({"paths": 2}, {"risk": "expectation"}, {"stages": "now,2y"}):
        with pytest.raises(OfftakeError, match="nothing is uncertain in this scenario"):
            Overrides(**{**NOTHING, **options}).overlays(scenario)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"paths": 0}, "--paths wants a count of futures from 1 up"),
        ({"seed": -1}, "--seed wants a whole number from 0 up"),
        ({"grid": "quarter"}, "did you mean `quarters`"),
        ({"risk": "cvr:0.9:0.3"}, "did you mean `cvar`"),
        ({"risk": "cvar:0.9"}, "cvar:LEVEL:WEIGHT"),
        ({"risk": "cvar:90:30"}, "outside 0 to 1"),
        ({"stages": "now,,2y"}, "such as now,2y,5y"),
    ],
)
def test_bad_values_say_what_is_wanted(options, words):
    with pytest.raises(OfftakeError, match=words.replace("(", r"\(")):
        Overrides(**{**NOTHING, **options})


@pytest.mark.parametrize(
    ("options", "place", "words"),
    [
        ({"stages": "now,2x"}, ("--stages", 1, 25), "`2x` is no stage"),
        ({"stages": "1y,2y"}, ("--stages", 1, 18), "the first stage is `now`"),
        ({"stages": "now,50y"}, ("--stages", 1, 25), "the plan ends"),
        ({"paths": 500}, ("--paths", 1, 16), "cannot be chosen of 16 drawn"),
    ],
)
def test_values_that_the_scenario_contradicts_are_located_at_the_option(uncertain, options, place, words):
    with pytest.raises(ScenarioError) as caught:
        uncertain(**options)
    first = caught.value.diagnostics[0]
    assert (first.file, first.line, first.column) == place
    assert words in first.message


def test_the_command_plans_tells_and_explains(here, capsys):
    from offtake.cli.app import main

    def call(*arguments):
        with pytest.raises(SystemExit) as end:
            main(arguments)
        return end.value.code, *capsys.readouterr()

    (here / "uncertain.yaml").write_text(OUTLOOK, "utf-8")
    whole = ("plan", "first-site.yaml", "--case", "uncertain.yaml", "--no-cases", "-q", "-o", "run")
    code, out, err = call(*whole, "--paths", "3", "--executor", "serial")
    assert code == 0, err
    assert "Planned for 3 paths (seed 3, stages now, 1y)" in out
    assert "On 4 fresh paths the plan is worth" in out
    assert "Replications and the widest assumptions are left out: --full" in out
    page = (here / "run/report.html").read_text("utf-8")
    assert "never knowing" not in page
    assert "an upper value between two stages" in page
    answer = json.loads((here / "run/result.json").read_text("utf-8"))
    assert (answer["paths"], answer["foresight"], answer["value"]["evaluator"]) == (3, "multistage", "rolling")
    assert sum(answer["risk"]["stressed_probabilities"]) == pytest.approx(1.0)
    assert answer["evpi_usd"] >= -1.0
    code, out, err = call("explain", "run", "evpi_usd")
    assert code == 0, err
    assert "formula: what knowing the path before deciding anything would add" in out
    code, _, err = call(*whole, "--executor", "ryx")
    assert code == 2
    assert "did you mean `ray`" in " ".join(err.split())
    code, _, err = call(*whole, "--paths", "1", "--executor", "ray:127.0.0.1:1")
    assert code == 2  # also where one path leaves nothing to share out
    assert "--executor processes" in " ".join(err.split())
    code, out, err = call(*whole, "--paths", "1", "--json")
    assert code == 0, err
    alone = json.loads(out)
    assert alone["foresight"] == "perfect"
    assert "paths" not in alone
