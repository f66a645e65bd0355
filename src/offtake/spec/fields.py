"""Types of fields: unit-typed quantities, series, dates, counts and references.

A field is ``phase_mw: Mw`` with ``Mw = Annotated[float, Unit("MW")]``; its key in the file is its name without the
unit suffix, and its docstring is its description in the schema. A text that names something else is ``chip: ChipId``:
the reference is checked wherever the model is used.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict

from offtake.errors import UnitError
from offtake.spec.described import field_texts
from offtake.spec.quantity import Unit
from offtake.spec.scalars import failure, parse_count, parse_day, parse_flag, parse_id, parse_text, unit_problem
from offtake.spec.series import Series
from offtake.units import key_of

if TYPE_CHECKING:
    from pydantic import GetJsonSchemaHandler
    from pydantic_core import CoreSchema

__all__ = [
    "AnyChip",
    "AtLeastOne",
    "Bytes",
    "BytesAboveZero",
    "BytesPerSecond",
    "CatalogChip",
    "CatalogModel",
    "CatalogSite",
    "ChannelId",
    "ChipHours",
    "ChipId",
    "Chips",
    "ChipsAboveZero",
    "ChipsPerYear",
    "ChipsPerYearSeries",
    "ChipsSeries",
    "ClassId",
    "ClauseId",
    "Count",
    "Day",
    "Days",
    "DemandId",
    "Flag",
    "Flop",
    "FlopPerSecond",
    "FlopPerSecondPerChip",
    "FlopPerSecondSeries",
    "Frac",
    "FracAboveZero",
    "FracPerYear",
    "FracSeries",
    "GramPerKwh",
    "GramPerKwhSeries",
    "GroupId",
    "Id",
    "Model",
    "ModelId",
    "Months",
    "Mw",
    "MwAboveZero",
    "MwPerMonth",
    "MwSeries",
    "MwStepSeries",
    "Mwh",
    "PlainAboveZero",
    "Ratio",
    "RatioSeries",
    "Ref",
    "RegionId",
    "Seconds",
    "SecondsPerToken",
    "SignedUsd",
    "SiteId",
    "Text",
    "TokPerSecondPerChip",
    "Tokens",
    "TokensPerDay",
    "TokensPerDaySeries",
    "TokensPerSecond",
    "TrainingId",
    "Unit",
    "Usd",
    "UsdPerChip",
    "UsdPerChipHour",
    "UsdPerChipHourSeries",
    "UsdPerChipSeries",
    "UsdPerChipYear",
    "UsdPerMtok",
    "UsdPerMtokSeries",
    "UsdPerMw",
    "UsdPerMwSeries",
    "UsdPerMwYear",
    "UsdPerMwYearSeries",
    "UsdPerMwh",
    "UsdPerMwhSeries",
    "UsdPerYear",
    "UsdPerYearSeries",
    "UsdPerZflop",
    "UsdSeries",
    "WattsPerChip",
    "Years",
    "YearsAboveZero",
]


class Model(BaseModel):
    """Base of every part of a scenario: frozen, closed, keyed in the file by field names without their unit."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=key_of,
        validate_by_alias=True,
        validate_by_name=True,
        allow_inf_nan=False,
    )

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Describe fields by the text below them."""
        found = handler(core)
        properties = handler.resolve_ref_schema(found).get("properties", {})
        for name, text in field_texts(cls).items():
            key = cls.model_fields[name].alias or name if name in cls.model_fields else name
            if key in properties:
                properties[key].setdefault("description", text)
        return found


def _raising(parse: Callable[[Any], Any]) -> BeforeValidator:
    def validate(raw: object) -> Any:  # noqa: ANN401
        try:
            return parse(raw)
        except UnitError as error:
            raise failure(unit_problem(error)) from None

    return BeforeValidator(validate)


@dataclass(frozen=True, slots=True)
class Ref:
    """Annotation of a text that names something else: an id in a section of the scenario, or an entry of a catalogue table."""

    to: str


Day = Annotated[date, _raising(parse_day)]
Count = Annotated[int, _raising(parse_count)]
Flag = Annotated[bool, _raising(parse_flag)]
Text = Annotated[str, _raising(parse_text)]
Id = Annotated[str, _raising(parse_id)]

SiteId = Annotated[Text, Ref("sites")]
ChipId = Annotated[Text, Ref("chips")]
ModelId = Annotated[Text, Ref("models")]
RegionId = Annotated[Text, Ref("regions")]
ClassId = Annotated[Text, Ref("classes")]
DemandId = Annotated[Text, Ref("demand")]
ChannelId = Annotated[Text, Ref("channels")]
TrainingId = Annotated[Text, Ref("training")]
GroupId = Annotated[Text, Ref("groups")]
ClauseId = Annotated[Text, Ref("contract.clauses")]
CatalogChip = Annotated[Text, Ref("catalog.chips")]
CatalogModel = Annotated[Text, Ref("catalog.models")]
CatalogSite = Annotated[Text, Ref("catalog.sites")]
AnyChip = Annotated[Text, Ref("chips|catalog.chips")]

Ratio = Annotated[float, Unit("")]
PlainAboveZero = Annotated[float, Unit("", above=0.0, at_most=1e16)]
AtLeastOne = Annotated[float, Unit("", at_least=1.0)]
Frac = Annotated[float, Unit("%", at_most=1.0)]
FracAboveZero = Annotated[float, Unit("%", above=0.0, at_most=1.0)]
FracPerYear = Annotated[float, Unit("%/y", at_most=10.0)]
Mw = Annotated[float, Unit("MW")]
MwAboveZero = Annotated[float, Unit("MW", above=0.0)]
Mwh = Annotated[float, Unit("MWh")]
MwPerMonth = Annotated[float, Unit("MW/month", above=0.0)]
WattsPerChip = Annotated[float, Unit("W/chip", above=0.0)]
Usd = Annotated[float, Unit("USD")]
SignedUsd = Annotated[float, Unit("USD", at_least=None)]
UsdPerYear = Annotated[float, Unit("USD/y")]
UsdPerChip = Annotated[float, Unit("USD/chip")]
UsdPerChipHour = Annotated[float, Unit("USD/chip-h")]
UsdPerChipYear = Annotated[float, Unit("USD/chip-y")]
UsdPerMwh = Annotated[float, Unit("USD/MWh")]
UsdPerMtok = Annotated[float, Unit("USD/Mtok")]
UsdPerMw = Annotated[float, Unit("USD/MW")]
UsdPerMwYear = Annotated[float, Unit("USD/MW-y")]
UsdPerZflop = Annotated[float, Unit("USD/ZFLOP")]
Tokens = Annotated[float, Unit("tok", above=0.0)]
TokensPerSecond = Annotated[float, Unit("tok/s")]
TokensPerDay = Annotated[float, Unit("tok/d")]
TokPerSecondPerChip = Annotated[float, Unit("tok/s/chip")]
Chips = Annotated[float, Unit("chip")]
ChipsAboveZero = Annotated[float, Unit("chip", above=0.0)]
ChipHours = Annotated[float, Unit("chip-h")]
ChipsPerYear = Annotated[float, Unit("chip/y")]
Flop = Annotated[float, Unit("FLOP")]
FlopPerSecond = Annotated[float, Unit("FLOP/s")]
FlopPerSecondPerChip = Annotated[float, Unit("FLOP/s/chip", above=0.0)]
Bytes = Annotated[float, Unit("B")]
BytesAboveZero = Annotated[float, Unit("B", above=0.0)]
BytesPerSecond = Annotated[float, Unit("B/s", above=0.0)]
Months = Annotated[float, Unit("month")]
Days = Annotated[float, Unit("d")]
Years = Annotated[float, Unit("y")]
YearsAboveZero = Annotated[float, Unit("y", above=0.0)]
Seconds = Annotated[float, Unit("s", above=0.0)]
SecondsPerToken = Annotated[float, Unit("s/tok", above=0.0)]
GramPerKwh = Annotated[float, Unit("g/kWh")]

RatioSeries = Annotated[Series, Unit("", above=0.0)]
FracSeries = Annotated[Series, Unit("%", at_most=1.0)]
MwSeries = Annotated[Series, Unit("MW")]
MwStepSeries = Annotated[Series, Unit("MW", interpolation="step")]
UsdSeries = Annotated[Series, Unit("USD")]
UsdPerYearSeries = Annotated[Series, Unit("USD/y")]
UsdPerChipSeries = Annotated[Series, Unit("USD/chip")]
UsdPerChipHourSeries = Annotated[Series, Unit("USD/chip-h")]
UsdPerMwhSeries = Annotated[Series, Unit("USD/MWh")]
UsdPerMtokSeries = Annotated[Series, Unit("USD/Mtok")]
UsdPerMwSeries = Annotated[Series, Unit("USD/MW")]
UsdPerMwYearSeries = Annotated[Series, Unit("USD/MW-y")]
TokensPerDaySeries = Annotated[Series, Unit("tok/d")]
ChipsSeries = Annotated[Series, Unit("chip")]
ChipsPerYearSeries = Annotated[Series, Unit("chip/y")]
FlopPerSecondSeries = Annotated[Series, Unit("FLOP/s")]
GramPerKwhSeries = Annotated[Series, Unit("g/kWh")]
