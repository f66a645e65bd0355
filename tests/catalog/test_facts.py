"""Every value of the catalogue says where it came from."""

from __future__ import annotations

import re

import pytest

from offtake import catalog
from offtake.catalog.facts import date_in, sourced
from offtake.catalog.load import rows
from offtake.catalog.sites import generic, power_fact

ISO = re.compile(r"\d{4}(-\d{2}(-\d{2})?)?")


@pytest.mark.parametrize(("kind", "get"), [("chips", catalog.chip), ("models", catalog.model), ("sites", catalog.site)])
def test_every_value_has_source_date_and_grade(kind, get):
    for name in catalog.names(kind):
        entry = get(name)
        assert entry.facts, name
        for field, fact in entry.facts.items():
            where = (name, field)
            assert fact.source.strip(), where
            assert ISO.fullmatch(fact.date), (where, fact.date)
            assert fact.reliability in {"high", "medium", "low", "derived", "assumption"}, where
            if fact.reliability == "assumption":
                assert fact.note, where  # an assumption has its reason
            if fact.low is not None and fact.high is not None:
                assert fact.low <= fact.number <= fact.high, where


@pytest.mark.parametrize(
    ("table", "columns"),
    [
        ("power_sites", ("source",)), ("prices", ("source", "date")), ("demand", ("source", "date")), ("macro", ("source", "date")),
        ("sites_snapshot", ("source",)), ("sites_timeline", ("source", "date")), ("sites_chips", ("source", "date")),
        ("gpu_clusters_top150", ("source",)), ("deals", ("source_1", "date")), ("deals_second", ("source", "date")),
        ("chips_derived", ("source", "date", "reason", "unit")), ("models_derived", ("source", "date", "reason")),
        ("sites_derived", ("source", "date", "reason")),
    ],
)  # fmt: skip
def test_every_row_of_every_table_has_its_source(table, columns):
    assert rows(table)
    for row in rows(table):
        for column in columns:
            assert row[column].strip(), (table, dict(row))


def test_a_number_without_a_source_is_refused():
    with pytest.raises(ValueError, match="no source"):
        sourced(1.0, "W/chip", " ", reliability="high")


def test_the_date_of_a_source_is_the_most_precise_one_it_prints():
    assert date_in("report 2025, revised (2026-07-06)") == "2026-07-06"
    assert date_in("https://example.org/2026/03/page") == "2026-11-22"  # part of an address is no date


def test_power_per_chip_is_all_in_at_server_or_rack():
    # DGX H100 10.2 kW / 8; DGX B200 14.3 kW / 8; NVL72 120 kW / 72; New Carlisle 910 MW / 1,040,000 and 398 MW / 457,000
    watts = {name: catalog.chip(name).number("it_w_per_chip") for name in ("H100", "B200", "GB200", "Trainium2")}
    assert watts["H100"] == 10_200 / 8
    assert watts["B200"] == pytest.approx(14_300 / 8, abs=1)
    assert watts["GB200"] == pytest.approx(120_000 / 72, abs=1)
    assert 398e6 / 457_000 <= watts["Trainium2"] <= 910e6 / 1_040_000


def test_announced_ratios_of_trainium4_are_marked_and_follow_trainium3():
    three, four = catalog.chip("Trainium3"), catalog.chip("Trainium4")
    assert four.number("fp8_flop_per_s") == pytest.approx(3 * three.number("fp8_flop_per_s"))
    assert four.number("hbm_bytes_per_s") == pytest.approx(4 * three.number("hbm_bytes_per_s"))
    for field in ("bf16_flop_per_s", "fp8_flop_per_s", "hbm_bytes", "hbm_bytes_per_s", "it_w_per_chip"):
        fact = four.facts[field]
        assert fact.reliability in {"derived", "assumption"}
        assert fact.note
        assert fact.low is not None
        assert fact.high is not None


def test_links_are_stored_in_one_direction():
    assert catalog.chip("H100").number("scaleup_bytes_per_s") == 450e9  # 900 GB/s over both
    assert catalog.chip("TPU v4").number("scaleup_bytes_per_s") == 270e9  # printed one-way
    trainium3 = catalog.chip("Trainium3").facts["scaleup_bytes_per_s"]
    assert (trainium3.low, trainium3.high) == (352e9, 1280e9)  # 704 GB/s by link sum against 2560 GB/s


def test_an_index_gives_the_latest_rent_with_the_band_of_the_year():
    rent = catalog.chip("H100").facts["rent_usd_per_chip_h"]
    assert rent.value == 2.88
    assert rent.low <= 1.77
    assert rent.date == "2026-08-21"


def test_a_site_without_an_entry_gets_medians_and_the_prices_of_its_place():
    facts = generic("Texas", "ERCOT")
    assert facts["power_price_usd_per_mwh"].value == 66.0
    assert facts["carbon_g_per_kwh"].value == 363.0
    assert facts["peak_ratio"].reliability == "assumption"
    assert "power_price_usd_per_mwh" not in generic("", "")


def test_the_low_grade_contradicting_pue_is_not_taken():
    assert power_fact("PUE", "AWS", metric="fleet PUE").value == 1.15
    assert power_fact("PUE", "AWS", metric="fleet PUE (contradicting page)") is None


def test_nothing_names_how_it_was_collected():
    for table in ("chips", "models", "prices", "power_sites", "deals", "deals_second", "demand", "macro"):
        for row in rows(table):
            assert "find_string" not in " ".join(row.values())
