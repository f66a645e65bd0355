"""What a scenario leaves out is filled, with where it came from; what it writes is kept."""

from __future__ import annotations

import dataclasses
from datetime import date

import pytest

from offtake.catalog.resolve import resolve
from offtake.errors import ScenarioError
from offtake.spec.load import loads
from offtake.spec.series import Series

TEXT = """
offtake: 1
name: small
title: A small scenario
valuation_date: 2026-07-01
currency: USD
objective: {maximise: joint, discount_rate: 10 %/y}
parties:
  offtaker: {name: Lab, discount_rate: 12 %/y, cash: 1 bn USD}
  provider: {name: Cloud, discount_rate: 9 %/y, cash: 1 bn USD}
regions: [us]
sites:
  - id: indiana
    region: us
    state: IN
    grid_operator: PJM
    interconnected: {2026-07-01: 60 MW, 2027-07-01: 125 MW}
    phase: 20 MW
    lead_time: 9 months
    ramp: 10 MW/month
    pue: 1.15
    peak_ratio: 1.2
    shell_cost: 14 M USD/MW
    running_cost: 0.5 M USD/MW-year
    power_price: 85 USD/MWh
    shell_life: 20 years
    chips: [trainium2]
chips:
  - id: trainium2
    from: Trainium2
    price: 8000 USD/chip
    it_power: 873 W/chip
    list_rent: 1.30 USD/chip-h
    lead_time: 6 months
    available_from: 2026-07-01
    supply: 60000 chip/y
    life: 5 years
    availability: 95 %
    goodput: 92 %
models:
  - {id: large, from: DeepSeek-V3}
"""


@pytest.fixture(scope="module")
def loaded():
    return loads(TEXT, name="small.yaml")


def _with(loaded, section, **changes):
    """The scenario with the first entry of a section changed, not validated again."""
    entries = getattr(loaded.scenario, section)
    changed = (entries[0].model_copy(update=changes), *entries[1:])
    return dataclasses.replace(loaded, scenario=loaded.scenario.model_copy(update={section: changed}))


def test_what_the_file_writes_is_kept(loaded):
    found = resolve(loaded)
    site, chip = found.sites["indiana"], found.chips["trainium2"]
    assert (site.pue, site.peak_ratio) == (1.15, 1.2)
    assert site.power_price_usd_per_mwh is loaded.scenario.sites[0].power_price_usd_per_mwh
    assert chip.price_usd_per_chip is loaded.scenario.chips[0].price_usd_per_chip
    assert chip.chip.name == chip.entry == "Trainium2"
    assert chip.chip.it_w_per_chip == 873.0
    assert found.models["large"].active_params == 37e9
    # the file leaves only the carbon of the grid to the catalogue
    assert set(found.provenance) == {"sites.indiana.carbon"}
    assert found.provenance["sites.indiana.carbon"].origin == "catalog"


def test_a_value_left_out_comes_from_the_entry_with_its_range(loaded):
    found = resolve(
        _with(loaded, "chips", it_power_w_per_chip=None, list_rent_usd_per_chip_h=None, price_usd_per_chip=None)
    )
    chip = found.chips["trainium2"]
    assert chip.it_w_per_chip == 873.0
    assert chip.price_usd_per_chip.at(date(2030, 1, 1)) == 4000.0
    power = found.provenance["chips.trainium2.it_power"]
    assert (power.origin, power.low, power.high, power.unit) == ("catalog", 750.0, 1000.0, "W/chip")
    assert "Epoch" in power.source or "epoch" in power.source
    assert power.assumption.startswith("derived")
    rent = found.provenance["chips.trainium2.list_rent"]
    assert rent.low * 3.425 == pytest.approx(3.1)  # of a series, factors on it


def test_the_power_of_the_file_is_the_power_of_the_chip(loaded):
    found = resolve(_with(loaded, "chips", it_power_w_per_chip=900.0, idle_power_frac=0.2))
    assert found.chips["trainium2"].chip.it_w_per_chip == 900.0
    assert found.chips["trainium2"].chip.idle_frac == 0.2
    assert "chips.trainium2.it_power" not in found.provenance


def test_a_site_of_the_catalogue_brings_its_dated_power_and_owner(loaded):
    gone = dict.fromkeys(
        ("interconnected_mw", "pue", "peak_ratio", "shell_cost_usd_per_mw", "running_cost_usd_per_mw_y", "power_price_usd_per_mwh",
         "shell_life_y", "state", "grid_operator")
    )  # fmt: skip
    found = resolve(_with(loaded, "sites", from_="New Carlisle", **gone))
    site = found.sites["indiana"]
    assert site.entry == "Anthropic-Amazon New Carlisle"
    assert (site.state, site.grid_operator, site.pue, site.peak_ratio) == ("Indiana", "PJM", 1.15, 1.2)
    assert site.interconnected_mw.interpolation == "step"
    assert site.interconnected_mw.at(date(2030, 1, 1)) == 2310.0  # planned peak of the facility
    assert site.announced_mw.at(date(2026, 7, 1)) == 2310.0
    assert "projected" in found.provenance["sites.indiana.interconnected"].assumption
    for key in ("pue", "shell_cost", "power_price", "shell_life"):
        assert found.provenance[f"sites.indiana.{key}"].source


def test_a_site_without_an_entry_takes_the_prices_of_its_state(loaded):
    found = resolve(
        _with(loaded, "sites", power_price_usd_per_mwh=None, peak_ratio=None, state="TX", grid_operator="ERCOT")
    )
    assert found.sites["indiana"].power_price_usd_per_mwh.at(date(2027, 1, 1)) == 66.0
    assert found.sites["indiana"].peak_ratio == 1.3
    assert found.sites["indiana"].carbon_g_per_kwh.values == (363.0,)


def test_all_that_is_missing_is_reported_at_once_with_its_place(loaded):
    broken = _with(loaded, "chips", from_="Trainum2")
    broken = _with(
        broken, "sites", power_price_usd_per_mwh=None, interconnected_mw=None, state=None, grid_operator=None
    )
    broken = _with(broken, "models", from_="DeepSik-V3")
    with pytest.raises(ScenarioError) as caught:
        resolve(broken)
    found = {d.path: d for d in caught.value.diagnostics}
    assert set(found) == {
        "chips.trainium2.from",
        "models.large.from",
        "sites.indiana.power_price",
        "sites.indiana.interconnected",
    }
    assert "Trainium2" in found["chips.trainium2.from"].hint
    assert found["chips.trainium2.from"].code == "E404"
    assert found["sites.indiana.power_price"].code == "E505"
    assert all(d.line > 0 and d.file.endswith("small.yaml") for d in found.values())


def test_a_bare_scenario_resolves_too(loaded):
    assert resolve(loaded.scenario).sites["indiana"].pue == 1.15


def test_outside_chips_of_the_catalogue_are_hardware(loaded):
    from offtake.spec.demand import OutsideStep, OutsideSupply

    flat = Series.constant
    supply = OutsideSupply(
        id="other", provider="Other", chip="h100", region="us",
        steps=(OutsideStep(cap_chip=flat(1e4), price_usd_per_chip_h=flat(3.0)),),
    )  # fmt: skip
    found = resolve(loaded.scenario.model_copy(update={"outside_supply": (supply,)}))
    assert found.hardware["h100"].name == "H100 SXM"
    assert "h100" not in found.chips
