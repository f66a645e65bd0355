"""Headline against firm: the classification of the public deals."""

from __future__ import annotations

import json
import math

import pytest

from offtake.catalog.deal_tables import amounts_table, deal_document, headline_table
from offtake.catalog.deals import FIRMNESS, amounts, comparable, deal, deals, layer_rows
from offtake.catalog.load import rows
from offtake.deal.flows import Firmness, Layer
from offtake.errors import OfftakeError


def test_every_deal_is_split_and_every_amount_has_a_source_a_reliability_and_a_reason():
    assert {r["deal_id"] for r in rows("deals_firmness")} == {r["deal_id"] for r in rows("deals")}
    for row in rows("deals_firmness"):
        assert row["source"], row
        assert row["reliability"], row
        assert row["note"], row
        assert row["layer"] in set(Layer), row
        assert row["firmness"] in {*Firmness, "lapsed", ""}, row
        assert row["usd_bn"] == "" or float(row["usd_bn"]) > 0, row
        assert row["payer"] != row["payee"], row


def test_what_the_sources_do_not_say_is_not_classified_and_says_why():
    for row in rows("deals_firmness"):
        if not row["firmness"]:
            assert any(word in row["note"] for word in ("not ", "no ", "neither", "undisclosed", "one newspaper")), row


def test_equity_agrees_with_the_reported_columns():
    later = {
        "amzn-anth-2023": 2.75,
        "msft-oai-2025": 13.8,
        "crwv-oai-2025": 0.35,
        "amd-oai-2025": 96.0,
        "nvda-oai-loi-2025": 30.0,
    }
    aside = {
        "meta-blueowl-2025": 3.0,
        "sbenergy-oai-2026": 0.5,
        "nvda-oai-loi-2025": -100.0,
    }  # paid out; the other half; lapsed
    for one in deals():
        reported = sum(float(one.row[c] or 0) for c in ("equity_firm_usd_bn", "equity_contingent_usd_bn"))
        ours = math.fsum(a.usd_bn or 0 for a in one.amounts if a.layer == "equity" and a.firmness in FIRMNESS)
        extra = 0.0 if one.id == "amzn-anth-2023" else later.get(one.id, 0.0)
        assert one.id == "stargate-jv-2025" or ours == pytest.approx(reported + extra + aside.get(one.id, 0.0)), one.id


def test_spending_agrees_with_the_reported_headline():
    for one in deals():
        if one.spend_usd_bn is None:
            continue
        ours = math.fsum(
            a.usd_bn or 0
            for a in one.amounts
            if a.layer not in ("equity", "debt", "market") and not a.within and a.item not in ("hardware", "guarantee")
        )
        options = {"nbis-msft-2025": 2.0, "wulf-fluid-goog-2025": 5.0}.get(one.id, 0.0)
        whole = {"xai-valor-2025": 0.0}.get(one.id, one.spend_usd_bn + options)  # equity and debt of the vehicle
        assert ours == pytest.approx(whole), one.id


def test_a_notice_period_bounds_what_is_firm():
    exit_in_90_days = deal("spacex-anth-2026")
    (row,) = layer_rows([exit_in_90_days])
    assert row.by_firmness["firm"] == 3 * 1.25
    assert row.by_firmness["firm"] + row.by_firmness["cancellable"] == 40.0
    assert row.firm_horizon == "90 days' notice"


def test_a_letter_of_intent_that_died_is_not_money():
    dead = [a for a in amounts("nvda-oai-loi-2025") if a.usd_bn == 100]
    assert [a.firmness for a in dead] == ["lapsed"]
    assert deal("nvda-oai-loi-2025").money_in("firm", "contingent") == 30.0
    assert deal("nvda-oai-loi-2025").money_in_over_spend("firm") is None  # no spend is reported


def test_layers_payers_and_firmness_are_never_added():
    for row in layer_rows(deals()):
        assert len({a.layer for a in row.amounts}) == len({a.payer for a in row.amounts}) == 1
        for firmness in FIRMNESS:
            mine = [a.usd_bn for a in row.amounts if a.firmness == firmness and a.usd_bn is not None and not a.within]
            assert row.by_firmness[firmness] == (pytest.approx(sum(mine)) if mine else None)
    (prepaid,) = [r for r in layer_rows([deal("iren-msft-2025")]) if r.layer == "cloud"]
    assert prepaid.by_firmness["firm"] == 9.7  # the prepayment is part of it


def test_dollars_per_megawatt_year_are_for_bought_capacity_only():
    assert deal("goog-anth-2026-05-spend").usd_per_mw_y == pytest.approx(8.0e6)
    assert deal("orcl-oai-2025").usd_per_mw_y == pytest.approx(13.33e6, rel=1e-3)
    assert deal("stargate-jv-2025").usd_per_mw_y is None  # a programme, nobody's purchase
    assert deal("meta-blueowl-2025").money_in_over_spend("firm") is None  # what is built is no spend of the customer


def test_comparable_deals_are_near_in_size():
    assert [d.id for d in comparable(12.0)] == ["iren-msft-2025", "nbis-msft-2025"]
    assert comparable(12.0, most=0) == ()


def test_the_tables_hold_every_deal_and_the_document_is_plain():
    table = headline_table(deals(), sources=True)
    assert set(table["deal"]) == {r["deal_id"] for r in rows("deals")}
    assert all(text not in {"", "–"} for text in (*table["source"], *table["reliability"]))
    assert "never add" in table.note
    assert len(amounts_table(deal("crwv-oai-2025"))) == 4
    for one in deals():
        json.dumps(deal_document(one), allow_nan=False)


def test_an_unknown_deal_names_the_nearest():
    with pytest.raises(OfftakeError, match="did you mean `spacex-anth-2026`"):
        deal("spacex-anth-2025")
