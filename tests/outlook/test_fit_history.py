"""Demand, prices, delays and events from the catalogue: what is fitted, what it is fitted to, and what it predicts."""

from __future__ import annotations

import csv
import io
import json
import math
from datetime import date

import pytest

from offtake.catalog.load import rows
from offtake.cli.app import main
from offtake.errors import OfftakeError
from offtake.outlook.fit import delays, demand, prices
from offtake.outlook.fit.calibrate import calibrate
from offtake.outlook.fit.held import coverage
from offtake.outlook.fit.history import Series, day_of, never_falls, series
from offtake.outlook.fit.shipped import fitted, fitted_nodes, shipped
from offtake.outlook.fit.terms import COLUMNS, read_rows, written
from offtake.outlook.fit.zones import SOURCE
from offtake.spec.tree import plain


@pytest.fixture(scope="module")
def fits():
    return demand.growths(demand.histories())


# What it is fitted to --------------------------------------------------------------------------------------------


def test_figures_of_products_and_calendar_years_are_left_out():
    """OpenAI's 2023 figures of $0.7 bn beside $2 bn, Anthropic's $1 bn of October 2025 beside $7 bn: other things than the run-rate."""
    found = {one.name: one for one in demand.histories()}
    openai, anthropic = found["openai-revenue"], found["anthropic-revenue"]
    assert 0.7 not in openai.values[4:]
    assert openai.days[0] == date(2023, 3, 1)
    assert anthropic.values[anthropic.days.index(date(2025, 10, 21))] == 7.0
    assert date(2025, 10, 15) not in anthropic.days
    assert openai.left_out > 0
    assert anthropic.left_out > 0


def test_a_series_that_never_falls_keeps_all():
    one = Series(
        name="x",
        days=tuple(date(2020 + k, 1, 1) for k in range(5)),
        values=(1.0, 2.0, 4.0, 8.0, 16.0),
        unit="",
        source="",
    )
    assert never_falls(one, least=0.0).values == one.values


def test_projections_are_no_history():
    assert max(day for one in demand.histories() for day in one.days) <= date(2026, 8, 31)
    tracked = next(one for one in demand.histories() if one.name == "tracked-sites")
    assert len(tracked.values) < len(
        series("site_stock_timeline", "Epoch AI data centers, tracked IT power", name="all").values
    )


def test_every_event_is_a_fact_of_the_catalogue():
    facts = {(r["theme"], r["date"], r["fact"]) for r in rows("macro")}
    assert {(r["theme"], r["date"], r["fact"]) for r in prices.package_rows("events")} <= facts
    # the other dated facts of these themes are a figure of the first rule, and a charge that one company took
    left = {f for f in facts if f[0] in ("export_control", "tariff")} - {
        (r["theme"], r["date"], r["fact"]) for r in prices.package_rows("events")
    }
    assert {f[2] for f in left} == {"interconnect cap in the first rule", "NVIDIA H20 charge after licence requirement"}


def test_every_token_tier_is_a_list_price_of_the_catalogue():
    listed = {(r["vendor"], r["item"]) for r in rows("prices") if r["kind"] == "token"}
    tiers = prices.package_rows("token_tiers")
    assert {(r["vendor"], r["item"]) for r in tiers} <= listed
    assert all(len(pairs) > 1 and pairs[-1][0] > pairs[0][0] for pairs in prices.token_tiers().values())


def test_a_price_that_changed_under_one_name_is_read_at_each_date():
    # GPT-5.6 Luna: 1 / 6 until 2026-07-30, then 0.2 / 1.2; three parts of input weigh one of output
    found = prices.token_tiers()["openai mini"]
    assert [round(math.exp(v), 3) for _, v in found[-2:]] == [2.25, 0.45]


def test_every_delay_of_a_site_stands_in_the_timeline():
    known = {(r["site"], r["date"]) for r in rows("sites_timeline")}
    for row in prices.package_rows("delays"):
        if row["what"] == "site":
            name, day = (
                row["source"].removeprefix("sites_timeline.csv, ").split(" (Epoch")[0].split(" and ")[0].rsplit(" ", 1)
            )
            assert (name, day) in known, row


def test_dates_as_the_catalogue_writes_them():
    assert day_of("2026-04-05..2026-08-21") is None
    assert day_of("2025-2026") is None
    assert day_of("2024-Q4") == date(2024, 11, 15)


# What is found ---------------------------------------------------------------------------------------------------


def test_growth_of_demand_by_two_points_agrees(fits):
    """OpenAI from $0.2 bn (2023-03) to $33 bn (2026-05): ln 165 / 3.25 = 1.57 a year."""
    assert fits["openai-revenue"].plain.growth == pytest.approx(math.log(33.0 / 0.2) / 3.25, abs=0.1)
    assert fits["hyperscaler-capex"].plain.growth == pytest.approx(math.log(197.0 / 7.0) / 14.0, abs=0.02)


def test_that_growth_declines_cannot_be_told_from_companies(fits):
    openai, anthropic = fits["openai-revenue"].declining, fits["anthropic-revenue"].declining
    assert openai.decline > 0.0 > anthropic.decline  # one slows, the other does not


def test_rents_have_no_trend_that_can_be_told_from_none():
    note = fitted("gpu-rental", "mean_reversion").note
    assert "no trend" in note
    low, high = (float(x) for x in note.split("(")[1].split(")")[0].split(" to "))
    assert low < 0.0 < high


def test_list_prices_rose_and_fell():
    found = [pairs[-1][1] - pairs[0][1] for pairs in prices.token_tiers().values()]
    assert sum(change > 0.05 for change in found) >= 3
    assert sum(change < -0.05 for change in found) >= 3


def test_rates_of_rules_by_hand():
    """Seven changes after the first in 3.87 years: one in 0.55 years."""
    every = fitted("export-rules", "jumps").terms["every"]
    assert every.value == pytest.approx((date(2026, 8, 22) - date(2022, 10, 7)).days / 365.25 / 7, rel=0.01)
    once = fitted("export-rules", "event").terms["probability"]
    assert once.value == pytest.approx(100 * (1 - math.exp(-5 / 3.87)), rel=0.01)


def test_what_has_no_data_says_that_it_is_an_assumption():
    chosen = {one.key for one in shipped() if one.grade == "assumption"}
    assert {"chip-delivery", "vendor-failure", "useful-life"} <= chosen
    for one in shipped():
        assert one.source
        assert one.grade != "fitted" or (one.points >= 10 and one.data_from)
        assert one.grade == "fitted" or one.note


def test_every_interval_holds_its_value():
    for one in shipped():
        for name, term in one.terms.items():
            if term.low is not None:
                assert term.low <= term.value <= term.high, (one.key, name)


# History held back -----------------------------------------------------------------------------------------------


def test_demand_held_back_falls_inside_as_often_as_stated():
    held = demand.held_back(demand.histories())
    found = coverage(held)
    # predictions overlap: the 268 are worth some forty of their own
    assert 0.7 < found.inside.value < 0.92
    assert found.members == 6


def test_the_rise_of_rents_in_2026_was_inside():
    found = coverage(prices.held_back())
    assert found.count == 16
    assert found.inside.value > 0.7


# The table and the command ---------------------------------------------------------------------------------------


def test_the_table_reads_back_as_it_was_written():
    assert read_rows(written(shipped()), file="x") == shipped()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("a,b,c", "x:1: no table of fitted terms"),
        (",".join(COLUMNS) + "\nk,trend,growth,1,,,%/y,sure,q,,,1,,s,", "x:2: .*'sure' is no grade"),
        (",".join(COLUMNS) + "\nk,trend,growth,1,low,,%/y,weak,q,,,1,,s,", "x:2: a row that cannot be read"),
    ],
)
def test_a_table_that_is_none_says_where(line, words):
    with pytest.raises(OfftakeError, match=words):
        read_rows(line, file="x")


def test_terms_that_ship_are_those_that_the_catalogue_gives():
    found = calibrate()
    assert not found.power_fitted
    assert written(found.fitted) == written(shipped())


def test_an_unknown_key_says_what_is_close():
    with pytest.raises(OfftakeError, match="did you mean gpu-rental"):
        fitted("gpu-rent", "mean_reversion")
    with pytest.raises(OfftakeError, match="`kind: jumps` and `kind: event`, not for 'trend'"):
        fitted("export-rules", "trend")


def test_terms_as_a_scenario_would_write_them():
    found = plain(fitted_nodes("hyperscaler-capex", "trend"))
    assert found["growth"]["value"].endswith("%/y")
    assert {"low", "high", "source"} <= set(found["growth"])
    assert [part["by"] for part in plain(fitted_nodes("chip-delivery", "delay"))["law"]] == [
        "0 months",
        "3 months",
        "6 months",
        "9 months",
    ]


@pytest.fixture
def call(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        with pytest.raises(SystemExit) as end:
            main(["outlook", "fit", *arguments])
        said = capsys.readouterr()
        return end.value.code, said.out, said.err

    return run


def test_the_command_says_terms_checks_and_where_power_came_from(call):
    code, out, _ = call()
    assert code == 0
    for words in ("gpu-rental", "80 % interval", "History held back", "anthropic-revenue", "--traces"):
        assert words in out


def test_the_document_has_every_term(call):
    code, out, _ = call("--json")
    found = json.loads(out)
    assert code == 0
    assert len(found["fitted"]) == len(shipped())
    assert {one["quantity"] for one in found["held_back"]} == {"demand", "gpu-rental"}
    assert found["growth_of_demand"]["companies"] == 4


def test_the_command_writes_where_it_is_told(call, tmp_path):
    code, _, _ = call("--out", "new/terms.csv")
    assert code == 0
    assert read_rows((tmp_path / "new" / "terms.csv").read_text("utf-8"), file="x") == shipped()
    checks = list(csv.DictReader(io.StringIO((tmp_path / "new" / "terms.held.csv").read_text("utf-8"))))
    assert [row["quantity"] for row in checks] == ["demand", "gpu-rental"]


def test_a_folder_without_prices_ends_with_code_2(call, tmp_path):
    code, _, err = call("--traces", str(tmp_path))
    assert code == 2
    assert "leave --traces out" in err


def test_the_page_says_what_ships(root):
    """Every figure of the page's tables is the one that ships, and the rates are those that were counted."""
    page = (root / "docs" / "explanation" / "calibration.md").read_text("utf-8")
    lines = [line for line in page.splitlines() if line.startswith("|")]
    said = 0
    for one in shipped():
        found = [line for line in lines if f"`{one.key}` | `{one.kind}` |" in line]
        assert found or one.source == SOURCE, one.key
        for name, term in one.terms.items():
            for line in found:
                if not isinstance(term.value, str) and name != "lasts":
                    ends = f" ({term.ends[0].split()[0]} to {term.ends[1].split()[0]})" if term.ends else ""
                    assert f"{name.replace('_', ' ')} {term.written}{ends}" in line, (one.key, name)
                    said += 1
    assert said > 60
    from importlib import resources

    text = resources.files("offtake.outlook").joinpath("data", "fitted.held.csv").read_text(encoding="utf-8")
    for row in csv.DictReader(io.StringIO(text)):
        counts = f"{100 * float(row['inside']):.0f} % | {row['below']} | {row['above']} |"
        assert any(f"| {row['predictions']} " in line and counts in line for line in lines), row


def test_hourly_prices_are_credited():
    assert "MIT" in SOURCE
    assert all("Epoch" in one.source for one in (delays.delay_terms()[0], delays.delay_terms()[1]))
