"""Announced and contracted power is what the scenario states, whatever the plan energises."""

from __future__ import annotations

import math
from datetime import date

import numpy as np

from offtake import api
from offtake.api.views import _stated
from offtake.cli.options import changes
from offtake.report import charts
from offtake.report.sentences import gigawatts
from offtake.spec.series import Series


def test_stated_power_is_added_up_over_the_sites_that_state_any():
    steps = Series((date(2026, 7, 1), date(2028, 1, 1)), (40.0, 60.0), "step")
    assert _stated([steps, None, Series.constant(5.0)], date(2027, 12, 31)) == 45.0
    assert _stated([steps, None], date(2028, 6, 1)) == 60.0
    assert math.isnan(_stated([None, None], date(2028, 1, 1)))


def test_what_the_plan_builds_beyond_it_was_announced_by_nobody(root):
    stated = changes(("sites.indiana.announced=40 MW", "sites.indiana.contracted=35 MW"))
    answer = api.plan(root / "examples" / "first-site.yaml", overlays=stated, relax=True, cases=False)
    table = answer.tables["power_by_year"]
    assert (table["energised_facility_mw"] > 50.0).any(), "the plan goes beyond what is stated"
    assert np.all(table["announced_facility_mw"] == 40.0)
    assert np.all(table["contracted_facility_mw"] == 35.0)
    assert "; 40 MW is announced; " in gigawatts(answer.report_data)


def test_without_a_statement_there_is_no_line(root):
    answer = api.plan(root / "examples" / "first-site.yaml", relax=True, cases=False)
    assert np.isnan(answer.tables["power_by_year"]["announced_facility_mw"]).all()
    drawn = charts.power_chart(answer.report_data)
    assert "energised" in drawn
    assert "announced" not in drawn
    assert "contracted" not in drawn
