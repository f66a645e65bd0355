"""What a correct file becomes: values, defaults, provenance, variation and schema."""

from __future__ import annotations

import json
from datetime import date
from typing import Annotated, get_args

import pytest
from pydantic import BaseModel, ValidationError

from offtake.errors import ScenarioError
from offtake.spec.described import field_texts
from offtake.spec.fields import Model
from offtake.spec.load import load
from offtake.spec.scenario import GridSpec, Scenario
from offtake.spec.schema import json_schema
from offtake.spec.series import Series
from offtake.spec.shape import slots
from offtake.spec.sites import Site
from offtake.spec.vary import value_at, vary, with_value
from offtake.units import key_of, suffix_of, unit_of

FORCED_KEYS = {"input_tok": "input_tokens", "output_tok": "output_tokens", "terminal_margin_y": "terminal_margin_years"}
RENAMED = {"format_version": "offtake", "from_date": "from", **FORCED_KEYS}


def models(top: type[BaseModel] = Scenario) -> set[type[BaseModel]]:
    found = {top}
    for slot in slots(top).values():
        if slot.model is not None and slot.model is not BaseModel:
            found |= models(slot.model)
    return found


def test_values_and_defaults(text, read):
    s = read(text).scenario
    indiana, ohio = s.sites
    assert (indiana.phase_mw, indiana.ramp_mw_per_month, indiana.lead_time_months, indiana.pue) == (
        20.0,
        10.0,
        9.0,
        1.15,
    )
    assert (indiana.group, ohio.group, ohio.label) == ("indiana", "indiana", "ohio")
    assert indiana.interconnected_mw == Series((date(2026, 7, 1), date(2027, 7, 1)), (60.0, 125.0), "step")
    assert list(s.groups) == ["indiana"]
    assert s.chips[0].opening[0].book_value_usd == 473e6
    assert s.chips[0].overrides.tokens_tok_per_s_per_chip == {"chat": 900.0}
    assert s.chips[1].price_usd_per_chip is None
    assert (s.parties.provider.cash_usd, s.parties.provider.emergency_rate_frac_per_y) == (1.2e9, 0.3)
    assert (
        s.classes[0].tpot_s_per_tok,
        s.classes[0].input_tok,
        s.classes[0].algorithmic_gain.at(date(2030, 1, 1)),
    ) == (0.04, 3000.0, 1.0)
    assert s.training[0].flop == 1e26
    assert s.training[1].chips is None
    assert s.contract.signed == "yes"
    assert [c.kind for c in s.contract.clauses] == ["rent", "minimum"]
    assert s.contract.clauses[0].prices_usd_per_chip_h["tr2"].at(date(2030, 1, 1)) == 1.05
    assert s.edges == tuple(date(2026 + (m + 6) // 12, (m + 6) % 12 + 1, 1) for m in (0, 3, 6, 9, 12, 24))
    assert s.horizon_end == date(2028, 7, 1)
    assert Scenario.model_fields["grid"].default.edges(date(2026, 7, 1))[-1] == date(2036, 7, 1)


def test_models_are_frozen_and_closed(text, read):
    s = read(text).scenario
    with pytest.raises(ValidationError):
        s.sites[0].phase_mw = 3.0
    assert all(m.model_config["frozen"] and m.model_config["extra"] == "forbid" for m in models())


def test_python_takes_names_and_canonical_numbers():
    g = GridSpec(quarters=2)
    assert g.edges(date(2026, 1, 31)) == (date(2026, 1, 31), date(2026, 4, 30), date(2026, 7, 31))
    with pytest.raises(ValidationError, match="no period"):
        GridSpec()


def test_provenance(text, read):
    p = read(text).provenance
    cash = p["parties.provider.cash"]
    assert (cash.file, cash.line, cash.column, cash.text, cash.assumption) == (
        "toy.yaml",
        13,
        19,
        "1.2 bn USD",
        "equity",
    )
    assert (cash.low, cash.high, cash.unit, cash.kind, cash.origin) == (1e9, 2e9, "USD", "quantity", "file")
    assert (p["demand.chat-us.volume"].low, p["demand.chat-us.volume"].high, p["demand.chat-us.volume"].kind) == (
        0.5,
        1.5,
        "series",
    )
    assert p["sites.ohio.delay"].where == "default, untouched"
    assert p["sites.ohio.delay"].text == "0 month"
    assert text.splitlines()[p["contract.clauses.floor.rate"].line - 1] == "      rate: 9 M USD/MW-year"
    assert p["contract.clauses.rent.prices.tr2"].text == "1.05 USD/chip-h"
    assert p["demand.chat-us.steps.1.price_factor"].text == "0.85"
    assert "chips.tr3.price" not in p  # the catalogue gives it


def test_every_value_has_a_provenance_and_can_be_read_by_its_path(text, read):
    found = read(text)
    for path in found.provenance:
        value_at(found.scenario, path)


def test_vary(text, read):
    found = read(text)
    assert vary(found, "sites.ohio.phase", 70.0).sites[1].phase_mw == 70.0
    assert vary(found, "demand.chat-us.volume", 0.5).demand[0].volume_tok_per_d.values == (0.5e12, 1e12)
    assert vary(found.scenario, "contract.clauses.floor.rate", 1e6).contract.clauses[1].rate_usd_per_mw_y == 1e6
    assert vary(found, "contract.clauses.rent.prices.tr2", 2.0).contract.clauses[0].prices_usd_per_chip_h[
        "tr2"
    ].values == (2.1,)
    assert vary(found, "parties.provider.facility.rate", 0.05).parties.provider.facility.rate_frac_per_y == 0.05
    assert vary(found, "demand.chat-us.steps.0.price_factor", 2.0).demand[0].steps[0].price_factor == 2.0
    assert vary(found, "sites.ohio.delay", 12.0).sites[0] is found.scenario.sites[0]  # what is not on the way is shared
    low = found.provenance["parties.provider.cash"].low
    assert vary(found, "parties.provider.cash", low).parties.provider.cash_usd == 1e9


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("sites.ohi.phase", 1.0, "did you mean `ohio`"),
        ("sites.ohio.phas", 1.0, "did you mean `phase`"),
        ("sites.ohio.phase.x", 1.0, "nothing stands below"),
        ("sites.ohio.phase", -1.0, "out of range"),
        ("title", 1.0, "no quantity"),
        ("sites", 1.0, "no quantity"),
        ("", 1.0, "there is no"),
    ],
)
def test_vary_refuses(text, read, path, value, said):
    with pytest.raises(ScenarioError) as caught:
        vary(read(text), path, value)
    assert said in caught.value.render()


def test_with_value_takes_text(text, read):
    s = read(text).scenario
    assert s.with_value("sites.ohio.phase", "0.1 GW").sites[1].phase_mw == 100.0
    assert with_value(s, "demand.chat-us.price", Series.constant(3.0)).demand[0].price_usd_per_mtok.values == (3.0,)
    assert s.with_value("contract", None).contract is None
    with pytest.raises(ScenarioError, match="expected power"):
        s.with_value("sites.ohio.phase", "1 MWh")


def test_suffix_is_the_unit_of_the_annotation():
    for model in models():
        for slot in slots(model).values():
            unit = slot.unit.unit if slot.unit else ""
            wanted = "FLOP" if slot.name == "flop" else unit_of(slot.name)
            assert unit == wanted, f"{model.__name__}.{slot.name}"
            assert slot.key == RENAMED.get(slot.name, key_of(slot.name))


def test_every_field_is_described():
    for model in models():
        assert model.__doc__
        for name in model.model_fields:
            assert field_texts(model).get(name), f"{model.__name__}.{name}"


def test_the_schema_says_what_is_said_below_a_field():
    definitions = json_schema()["$defs"]
    assert definitions["Site"]["properties"]["phase"]["description"] == field_texts(Site)["phase_mw"]
    said = [p for d in definitions.values() for p in d.get("properties", {}).values() if isinstance(p, dict)]
    assert sum("description" in p for p in said) > 0.9 * len(said)


def test_no_key_ends_in_a_unit():
    for model in models():
        for key in slots(model):
            assert not suffix_of(key) or key in FORCED_KEYS.values(), f"{model.__name__}: {key}"


def test_annotated_fields_of_other_packages_are_read():
    from offtake.spec.fields import ChipId, Mw

    class Terms(Model):
        parts_mw: Annotated[tuple[Mw, ...], "many"] = ()
        by_chip_mw: dict[ChipId, Mw] | None = None

    found = slots(Terms)
    assert (found["parts"].container, found["parts"].unit.unit) == ("list", "MW")
    assert (found["by_chip"].container, found["by_chip"].key_ref.to) == ("dict", "chips")
    assert Terms(parts=("5 GW",)).parts_mw == (5000.0,)
    assert get_args(Mw)[0] is float


def test_schema_carries_units_and_closes_objects():
    schema = json_schema({})
    site = schema["$defs"]["Site"]
    assert site["additionalProperties"] is False
    assert (site["properties"]["ramp"]["x-unit"], site["properties"]["ramp"]["examples"]) == (
        "MW/month",
        ["45 MW/month"],
    )
    assert site["properties"]["delay"]["default"] == "0 month"
    assert schema["$defs"]["Chip"]["properties"]["server_cost"]["default"] == "0 USD/chip"
    assert '"null"' not in json.dumps(schema)
    assert schema["properties"]["valuation_date"]["format"] == "date"


def test_schema_has_every_kind_of_clause():
    class Rent(Model):
        """Rent."""

        id: str

    schema = json_schema({"rent": Rent})
    assert schema["$defs"]["Contract"]["properties"]["clauses"]["items"] == {"oneOf": [{"$ref": "#/$defs/clause.rent"}]}
    assert schema["$defs"]["clause.rent"]["required"] == ["kind", "id"]
    assert schema["$defs"]["clause.rent"]["properties"]["kind"]["const"] == "rent"


def test_examples_load(examples):
    """Every example is a whole scenario; its clauses are checked where they are installed."""
    from offtake.registry import components

    if not components("clause"):
        pytest.skip("no kinds of clauses are installed")
    for path in sorted(examples.glob("*.yaml")):
        found = load(path)
        assert found.scenario.sites
        assert all(case.scenario.name for case in found.cases.values())
