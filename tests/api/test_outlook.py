"""What may happen, as the command line and notebooks see it."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from offtake import api
from offtake.api.outlook import outlook
from offtake.api.outlook_views import correlation_table, pictures, quantity_table, spread_table, stage_table
from offtake.errors import OfftakeError
from offtake.outlook.sampling import sample
from offtake.spec.overlay import Changes

UNCERTAIN = """
outlook:
  drawn: 64
  paths: 6
  seed: 7
  stages: [now, 1y, 3y]
  risk: {kind: cvar, level: 80 %, weight: 25 %}
  uncertain:
    - {id: demand, of: [demand.*.volume], process: {kind: trend, growth: 10 %/y}, source: a survey}
    - {id: price, of: [demand.*.price], process: {kind: trend, growth: 20 %/y}, assumption: a guess}
    - {id: delay, of: [sites.*.interconnected], process: {kind: delay, law: *law}}
  correlations:
    - {between: [demand, price], value: -0.6, assumption: a guess}
""".replace("*law", "[{by: 0 months, probability: 70 %}, {by: 9 months, probability: 30 %}]")


@pytest.fixture(scope="module")
def loaded(examples):
    return api.load(examples / "first-site.yaml", overlays=(Changes("uncertain.yaml", UNCERTAIN),))


@pytest.fixture(scope="module")
def shown(loaded):
    return outlook(loaded)


def test_the_futures_are_those_that_the_plan_draws(shown, loaded):
    stated = loaded.scenario.outlook
    drawn = sample(stated, shown.grid, paths=64, seed=7)
    assert (shown.futures.effect == drawn.effect).all()
    assert len(shown.kept) == 6
    assert shown.grid.edges_days[-1] == (loaded.scenario.horizon_end - loaded.scenario.valuation_date).days


def test_every_quantity_is_described(shown):
    demand, price, delay = shown.quantities
    seen = (demand.id, demand.kind, demand.of, demand.measure, demand.source)
    assert seen == (
        "demand",
        "trend",
        ("demand.*.volume",),
        "factor",
        "a survey",
    )
    assert price.assumption == "a guess"
    assert (demand.varies, delay.varies) == (True, False)
    assert delay.measure == "months"
    assert set(np.unique(delay.effect)) == {0.0, 9.0}
    assert delay.mean == pytest.approx(np.full(12, delay.effect[:, 0].mean()))
    # At the horizon growth of one standard deviation is 10 % a year over the middle of the last year, a lognormal law.
    years = (shown.grid.edges_days[-1] - 182.5) / 365
    assert np.log(demand.levels[-1, -1]) == pytest.approx(1.2816 * 0.1 * years, rel=0.15)
    assert demand.central == pytest.approx(1.0)


def test_the_document_is_plain_and_whole(shown):
    document = json.loads(json.dumps(shown.document))
    assert document["paths"] == 6
    assert document["drawn"] == 64
    assert sum(document["path_probability"]) == pytest.approx(1.0)
    assert [s["name"] for s in document["stages"]] == ["now", "1y", "3y"]
    assert [s["nodes"] for s in document["stages"]] == [len({row[k] for row in document["node"]}) for k in range(3)]
    assert document["risk"] == [{"weight": 0.75, "level": 0.0}, {"weight": 0.25, "level": 0.8}]
    for q in document["quantities"]:
        assert all(
            len(q[key]) == len(document["periods"]) for key in ("p10", "p25", "p50", "p75", "p90", "mean", "central")
        )
    (both,) = document["correlations"]
    assert both["value"] == -0.6
    assert both["of_drawn_effects"] == pytest.approx(-0.6, abs=0.2)


def test_paths_and_seed_can_be_overridden(loaded, shown):
    more = outlook(loaded, paths=100, seed=8)
    assert len(more.kept) == len(more.futures) == 100
    assert not np.array_equal(more.futures.effect[:64], shown.futures.effect)
    assert len(outlook(loaded, paths=1).kept) == 1
    again = outlook(loaded)
    assert again.document == shown.document


def test_nothing_uncertain_is_said_so(examples, loaded):
    with pytest.raises(OfftakeError, match="states nothing as uncertain"):
        outlook(examples / "first-site.yaml")
    with pytest.raises(OfftakeError, match="at least one path, not 0"):
        outlook(loaded, paths=0)


def test_the_tables_say_what_is_drawn(shown):
    assert quantity_table(shown)["quantity"].tolist() == ["demand", "price", "delay"]
    assert quantity_table(shown)["why"].tolist()[:2] == ["a survey", "a guess"]
    table = spread_table(shown)
    assert table["when"].tolist() == [shown.grid.labels[t] for t in shown.shown_periods] * 2 + ["any"]
    assert table.rows()[-1] == {
        "quantity": "delay",
        "when": "any",
        "p10": "0",
        "p50": "0",
        "p90": "9",
        "central": "0",
        "unit": "months later",
    }
    ends = [float(table.rows()[2][key]) for key in ("p10", "p50", "p90")]
    assert ends == pytest.approx(shown.quantities[0].levels[[0, 2, 4], -1], rel=6e-3)
    assert correlation_table(shown).rows()[0]["stated"] == -0.6
    stages = stage_table(shown)
    assert stages["nodes"].tolist()[0] == 1
    assert stages["likeliest"][0] == pytest.approx(1.0)
    assert (np.diff(stages["nodes"]) >= 0).all()


def test_each_quantity_has_a_picture_that_stands_alone_and_its_figures(shown):
    drawn = pictures(shown)
    assert list(drawn) == ["demand", "price", "delay"]
    for markup, table in drawn.values():
        root = ET.fromstring(markup)
        assert "sans-serif" in root.get("font-family")
        assert len(table) == (20 if table.name == "delay" else 12)
    fan, table = drawn["demand"]
    assert table["p90"].tolist() == shown.quantities[0].levels[-1].tolist()
    assert "5 sample paths of 64" in fan
    assert drawn["delay"][0].count("<circle") == 20
