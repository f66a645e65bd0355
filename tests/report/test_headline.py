"""Headline against firm on the report and on the terminal."""

from __future__ import annotations

from datetime import date

from offtake.api.firm import against_firm, own_deal
from offtake.api.prepare import load
from offtake.cli.options import changes
from offtake.deal.contract import Contract
from offtake.report.data import ReportData
from offtake.report.headline import against_firm as section
from offtake.report.headline import deal_table

from .sample import full


def test_the_section_says_what_is_firm_and_shows_public_deals_apart():
    page = section(full())
    assert "owes $36\N{NO-BREAK SPACE}bn firm in the cloud layer, until 2030-12-31" in page
    assert "$22\N{NO-BREAK SPACE}bn optional" in page
    assert page.index("other-2026") > page.index("Public deals of about this size")
    assert "never added up" in page


def test_without_a_contract_it_says_so():
    page = section(ReportData(scenario="s", title="", run_id="", offtaker="a", provider="b"))
    assert "There is no contract" in page


def test_an_empty_class_of_money_takes_no_column():
    table = deal_table(full().table("headline_against_firm").where(own=False), {"Lab": "L"})
    assert [c.name for c in table.columns] == ["deal", "layer", "parties", "stated", "rate"]
    assert table.rows()[0]["parties"] == "L → Cloud"


def test_the_alliance_is_put_beside_deals_of_its_size(root):
    loaded = load(root / "examples" / "alliance-5gw.yaml")
    contract = Contract.of(loaded.scenario.contract)
    rows = against_firm(contract, date(2026, 7, 1), usd_per_mw_y=1e7).rows()
    cloud, equity = (r for r in rows if r["own"])
    assert (cloud["layer"], cloud["firm_usd"], cloud["usd_per_mw_y"]) == ("cloud", 100e9, 1e7)
    assert (equity["firm_usd"], equity["contingent_usd"]) == (5e9, 20e9)  # layers and firmness stay apart
    assert (equity["money_in_firm_frac"], equity["money_in_frac"]) == (0.05, 0.25)
    assert {r["deal"] for r in rows if not r["own"]} == {"amzn-anth-2026-04", "aws-oai-2026"}


def test_an_unsigned_contract_owes_nothing(root):
    loaded = load(root / "examples" / "first-site.yaml", overlays=changes(("contract.signed=no",)))
    assert len(own_deal(loaded)) == 0
    assert len(own_deal(load(root / "examples" / "first-site.yaml"))) == 1
