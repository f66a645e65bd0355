"""Types of fields: unit-typed quantities, series, dates, counts and references.

A field is ``phase_mw: Mw`` with ``Mw = Annotated[float, Unit("MW")]``. From the file it takes text with a unit, or
the annotated form ``{value, low, high, source, assumption}``; from Python it takes a float in the canonical unit.
The same unit on `Series` takes dated points. Text stays text until a field wants something else (YAML 1.2: no
guessing), so ``signed: yes`` is a word and ``version: 1.10`` is not 1.1.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from offtake.errors import UnitError
from offtake.spec.series import Interpolation, Series
from offtake.units import format_quantity, key_of, parse_quantity

__all__ = [
    "ANNOTATION_KEYS",
    "CHANGE_KEYS",
    "SERIES_KEYS",
    "AnyChip",
    "AtLeastOne",
    "Bytes",
    "CatalogChip",
    "CatalogModel",
    "CatalogSite",
    "ChannelId",
    "ChipHours",
    "ChipId",
    "Chips",
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
    "MwPerMonth",
    "MwSeries",
    "MwStepSeries",
    "Mwh",
    "PlainAboveZero",
    "Problem",
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
]  # fmt: skip

ANNOTATION_KEYS = ("value", "low", "high", "source", "assumption")
"""Keys of an annotated quantity."""

SERIES_KEYS = ("points", "interpolation", "low", "high", "source", "assumption")
"""Keys of an annotated series (beside a single `value`)."""

CHANGE_KEYS = ("of", "times", "later", "hold_from")
"""Keys that an overlay adds around a value: to scale it, to move a series later, to hold a series from a date on."""

_MOST_DIGITS = 18


class Model(BaseModel):
    """Base of every part of a scenario: frozen, closed, keyed in the file by field names without their unit."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=key_of,
        validate_by_alias=True,
        validate_by_name=True,
        allow_inf_nan=False,
        use_attribute_docstrings=True,
    )


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake inside a value: where below it, and what to say."""

    code: str
    message: str
    hint: str = ""
    at: tuple[str | int, ...] = ()
    on_key: bool = False


def failure(*problems: Problem) -> PydanticCustomError:
    """Wrap mistakes so that one validator can report several, each at its own place."""
    return PydanticCustomError(
        "offtake", "{text}", {"text": "; ".join(p.message for p in problems), "problems": problems}
    )


def _unit_problem(error: UnitError, at: tuple[str | int, ...] = ()) -> Problem:
    return Problem(error.code, error.message, error.hint, at)


@dataclass(frozen=True, slots=True)
class Unit:
    """Annotation of a float or `Series` field: its canonical unit and its bounds.

    Parameters
    ----------
    unit : str             as in `offtake.units.SUFFIXES`, "" for a plain number
    at_least : float       in canonical unit; None for no bound
    at_most : float        in canonical unit; None for no bound
    above : float          strict lower bound; None for none
    interpolation : str    how a series without `interpolation` reads between its points
    """

    unit: str
    at_least: float | None = 0.0
    at_most: float | None = None
    above: float | None = None
    interpolation: Interpolation = "linear"

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:  # noqa: ANN401
        """Validate by `Unit.series` or `Unit.number`, by the annotated type."""
        wanted = Series in (source, *get_args(source))
        return core_schema.no_info_plain_validator_function(self.series if wanted else self.number)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Describe the field for editors: text with a unit, carried as ``x-unit``."""
        from offtake.spec.schema import quantity_schema

        function: Any = schema.get("function", {})
        return quantity_schema(self, series=function.get("function") == self.series)

    def number(self, raw: object) -> float:
        """Read one value: text with a unit, an annotated mapping, or a float from Python."""
        problems: list[Problem] = []
        value = self._number(raw, problems, ())
        if problems:
            raise failure(*problems)
        return value

    def _number(self, raw: object, problems: list[Problem], at: tuple[str | int, ...]) -> float:
        if isinstance(raw, Mapping):
            if "of" in raw:
                odd = [k for k in ("later", "hold_from") if k in raw]
                said, hint = "only a series takes `{}`, this is one value", "give it a new value"
                problems += [Problem("E203", said.format(k), hint, (*at, k)) for k in odd]
                return self._bounded(
                    self._number(raw["of"], problems, (*at, "of")) * _factor(raw, problems, at), problems, at
                )
            return self._annotated(raw, problems, at)
        return self.scalar(raw, problems, at)

    def _annotated(self, raw: Mapping[str, Any], problems: list[Problem], at: tuple[str | int, ...]) -> float:
        _only(raw, ANNOTATION_KEYS, problems, at)
        _texts(raw, problems, at)
        if "value" not in raw:
            problems.append(Problem("E202", "`value` is missing", f"add `value: {format_quantity(1, self.unit)}`", at))
            return 0.0
        before = len(problems)
        value = self.scalar(raw["value"], problems, (*at, "value"))
        low = self.scalar(raw["low"], problems, (*at, "low")) if "low" in raw else None
        high = self.scalar(raw["high"], problems, (*at, "high")) if "high" in raw else None
        if len(problems) == before:
            _ordered(value, low, high, problems, at)
        return value

    def scalar(self, raw: object, problems: list[Problem], at: tuple[str | int, ...]) -> float:
        """Read one number and check its bounds."""
        try:
            value = self._parse(raw)
        except UnitError as error:
            problems.append(_unit_problem(error, at))
            return 0.0
        bound = self._bound(value)
        if bound:
            problems.append(Problem("E306", f"{_shown(raw)} is out of range, expected {bound}", "", at))
        return value

    def _bounded(self, value: float, problems: list[Problem], at: tuple[str | int, ...]) -> float:
        bound = self._bound(value)
        if bound and not problems:
            problems.append(
                Problem("E306", f"{format_quantity(value, self.unit)} is out of range, expected {bound}", "", at)
            )
        return value

    def _parse(self, raw: object) -> float:
        if isinstance(raw, str):
            return parse_quantity(raw, self.unit)
        if isinstance(raw, int | float) and not isinstance(raw, bool):
            if not math.isfinite(raw):
                raise UnitError("E305", f"{raw} is not a finite number")
            return float(raw)
        raise UnitError(
            "E203", f"expected one value, got {_kind(raw)}", f"write it like `{format_quantity(1, self.unit)}`"
        )

    def _bound(self, value: float) -> str:
        if self.above is not None and value <= self.above:
            return f"more than {format_quantity(self.above, self.unit)}"
        if self.at_least is not None and value < self.at_least:
            return f"at least {format_quantity(self.at_least, self.unit)}"
        if self.at_most is not None and value > self.at_most:
            return f"at most {format_quantity(self.at_most, self.unit)}"
        return ""

    def series(self, raw: object) -> Series:
        """Read a constant, dated points, or either with its annotations."""
        if isinstance(raw, Series):
            return raw
        problems: list[Problem] = []
        result = self._series(raw, problems, ())
        if problems:
            raise failure(*problems)
        return result

    def _series(self, raw: object, problems: list[Problem], at: tuple[str | int, ...]) -> Series:
        if not isinstance(raw, Mapping):
            return Series.constant(self.scalar(raw, problems, at))
        if "of" in raw:
            return self._changed(raw, problems, at)
        if "value" in raw:
            return self._banded(raw, problems, at)
        if "points" not in raw and all(_date_like(k) for k in raw):
            return self._points(raw, self.interpolation, problems, at)
        _only(raw, SERIES_KEYS, problems, at)
        _texts(raw, problems, at)
        if "points" not in raw:
            problems.append(
                Problem(
                    "E202",
                    "`points` is missing",
                    "a series is one value, or dates with values: `{2026-07-01: …, 2030-01-01: …}`",
                    at,
                )
            )
            return Series.constant(0.0)
        how = raw.get("interpolation", self.interpolation)
        if how not in get_args(Interpolation):
            problems.append(
                Problem(
                    "E204",
                    f"{_shown(how)} is no way to interpolate",
                    "write linear, step or geometric",
                    (*at, "interpolation"),
                )
            )
            how = "linear"
        low, high = (self._share(raw, k, problems, at) for k in ("low", "high"))
        _ordered(1.0, low, high, problems, at)
        base = self._points(raw["points"], how, problems, (*at, "points"))
        return Series(base.days, base.values, base.interpolation, low, high)

    def _banded(self, raw: Mapping[str, Any], problems: list[Problem], at: tuple[str | int, ...]) -> Series:
        """Read a constant with its range, written in the unit, as factors."""
        value = self._annotated(raw, problems, at)
        ends = [self._parse(raw[k]) / value if k in raw and not problems and value else None for k in ("low", "high")]
        return Series((date(2000, 1, 1),), (value,), "step", *ends)

    def _share(
        self, raw: Mapping[str, Any], key: str, problems: list[Problem], at: tuple[str | int, ...]
    ) -> float | None:
        return _FACTOR.scalar(raw[key], problems, (*at, key)) if key in raw else None

    def _changed(self, raw: Mapping[str, Any], problems: list[Problem], at: tuple[str | int, ...]) -> Series:
        series = self._series(raw["of"], problems, (*at, "of")).scaled(_factor(raw, problems, at))
        if "later" in raw:
            series = series.later(_LATER.scalar(raw["later"], problems, (*at, "later")))
        if "hold_from" not in raw:
            return series
        try:
            return series.held_from(parse_day(raw["hold_from"]))
        except UnitError as error:
            problems.append(_unit_problem(error, (*at, "hold_from")))
            return series

    def _points(self, raw: object, how: Interpolation, problems: list[Problem], at: tuple[str | int, ...]) -> Series:
        if not isinstance(raw, Mapping) or not raw:
            problems.append(
                Problem(
                    "E308",
                    f"expected dates with values, got {_kind(raw)}",
                    "write `{2026-07-01: …, 2030-01-01: …}`",
                    at,
                )
            )
            return Series.constant(0.0)
        before = len(problems)
        days: list[date] = []
        values: list[float] = []
        for key, item in raw.items():
            try:
                days.append(parse_day(key))
            except UnitError as error:
                problems.append(Problem(error.code, error.message, error.hint, (*at, key), on_key=True))
                continue
            values.append(self.scalar(item, problems, (*at, key)))
            if len(days) > 1 and days[-1] <= days[-2]:
                problems.append(
                    Problem(
                        "E308",
                        f"{key} does not lie after {days[-2]}",
                        "write the points in order of date",
                        (*at, key),
                        on_key=True,
                    )
                )
        if len(problems) > before:
            return Series.constant(0.0)
        if how == "geometric" and min(values) <= 0:
            problems.append(
                Problem("E308", "geometric interpolation needs values above zero", "write `interpolation: linear`", at)
            )
            return Series.constant(0.0)
        return Series(tuple(days), tuple(values), how)


_FACTOR = Unit("", at_most=1e6)
_LATER = Unit("month", at_most=600.0)


def _factor(raw: Mapping[str, Any], problems: list[Problem], at: tuple[str | int, ...]) -> float:
    return _FACTOR.scalar(raw["times"], problems, (*at, "times")) if "times" in raw else 1.0


def _only(raw: Mapping[str, Any], known: Sequence[str], problems: list[Problem], at: tuple[str | int, ...]) -> None:
    from offtake.diagnostics import did_you_mean

    problems += [
        Problem("E201", f"unknown key {_shown(k)}", did_you_mean(k, known), (*at, k), on_key=True)
        for k in raw
        if k not in known
    ]


def _texts(raw: Mapping[str, Any], problems: list[Problem], at: tuple[str | int, ...]) -> None:
    odd = [k for k in ("source", "assumption") if not isinstance(raw.get(k, ""), str)]
    hint = "put the text in quotation marks"
    problems += [Problem("E203", f"expected text, got {_kind(raw[k])}", hint, (*at, k)) for k in odd]


def _ordered(
    value: float, low: float | None, high: float | None, problems: list[Problem], at: tuple[str | int, ...]
) -> None:
    if low is not None and low > value:
        problems.append(
            Problem(
                "E307",
                "`low` lies above the value",
                "low ≤ value ≤ high; of a series, low and high are factors around 1",
                (*at, "low"),
            )
        )
    if high is not None and high < value:
        problems.append(
            Problem(
                "E307",
                "`high` lies below the value",
                "low ≤ value ≤ high; of a series, low and high are factors around 1",
                (*at, "high"),
            )
        )


def _kind(raw: object) -> str:
    if isinstance(raw, Mapping):
        return "a mapping"
    if isinstance(raw, list | tuple):
        return "a list"
    return "text" if isinstance(raw, str) else f"{type(raw).__name__}"


def _shown(raw: object) -> str:
    text = str(raw)
    return f"`{text if len(text) <= 40 else text[:37] + '…'}`"


_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def _date_like(key: str) -> bool:
    return bool(key[:1].isdigit())


def parse_day(raw: object) -> date:
    """Read a date ``2027-04-01``.

    Raises
    ------
    UnitError    E207 if it is not one

    Examples
    --------
    >>> parse_day("2027-02-30")
    Traceback (most recent call last):
    offtake.errors.UnitError: `2027-02-30` is not a date of the calendar (write year-month-day, for example `2027-04-01`)
    """
    hint = "write year-month-day, for example `2027-04-01`"
    if isinstance(raw, date):
        return raw
    if not isinstance(raw, str):
        raise UnitError("E207", f"expected a date, got {_kind(raw)}", hint)
    if not _DATE.fullmatch(raw.strip()):
        raise UnitError("E207", f"{_shown(raw)} is not a date", hint)
    try:
        day = date.fromisoformat(raw.strip())
    except ValueError:
        raise UnitError("E207", f"{_shown(raw)} is not a date of the calendar", hint) from None
    if not 1990 <= day.year <= 2200:
        raise UnitError("E207", f"{_shown(raw)} is not a sensible date", "years run from 1990 to 2200")
    return day


def parse_count(raw: object) -> int:
    """Read a whole number."""
    if isinstance(raw, int) and not isinstance(raw, bool):
        return raw
    text = raw.strip().replace("_", "") if isinstance(raw, str) else ""
    if not re.fullmatch(r"[+-]?\d+", text, re.ASCII):
        raise UnitError(
            "E206",
            f"expected a whole number, got {_shown(raw) if isinstance(raw, str) else _kind(raw)}",
            "write it like `8`",
        )
    if len(text) > _MOST_DIGITS:
        raise UnitError("E206", f"{_shown(raw)} is out of any sensible range", "write it like `8`")
    return int(text)


def parse_flag(raw: object) -> bool:
    """Read true or false."""
    if isinstance(raw, bool):
        return raw
    if isinstance(raw, str) and raw.strip() in ("true", "True", "TRUE"):
        return True
    if isinstance(raw, str) and raw.strip() in ("false", "False", "FALSE"):
        return False
    raise UnitError(
        "E205",
        f"expected true or false, got {_shown(raw) if isinstance(raw, str) else _kind(raw)}",
        "write `true` or `false`",
    )


def parse_text(raw: object) -> str:
    """Read text."""
    if isinstance(raw, str):
        if raw.strip():
            return raw
        raise UnitError("E211", "expected text, got nothing", "write some text, or leave the key out")
    raise UnitError(
        "E203",
        f"expected text, got {_kind(raw)}",
        "put the text in quotation marks if it holds `: ` or begins with `[` or `{`",
    )


def parse_id(raw: object) -> str:
    """Read an id: it stands in dotted paths, so it holds no dot and no space."""
    text = parse_text(raw)
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]{0,63}", text):
        raise UnitError(
            "E208",
            f"{_shown(text)} cannot be an id",
            "begin with a letter; then letters, digits, `-` and `_`, at most 64 in all",
        )
    return text


def _raising(parse: Callable[[Any], Any]) -> BeforeValidator:
    def validate(raw: object) -> Any:  # noqa: ANN401
        try:
            return parse(raw)
        except UnitError as error:
            raise failure(_unit_problem(error)) from None

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
PlainAboveZero = Annotated[float, Unit("", above=0.0)]
AtLeastOne = Annotated[float, Unit("", at_least=1.0)]
Frac = Annotated[float, Unit("%", at_most=1.0)]
FracPerYear = Annotated[float, Unit("%/y", at_most=10.0)]
Mw = Annotated[float, Unit("MW")]
Mwh = Annotated[float, Unit("MWh")]
MwPerMonth = Annotated[float, Unit("MW/month")]
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
Tokens = Annotated[float, Unit("tok")]
TokensPerSecond = Annotated[float, Unit("tok/s")]
TokensPerDay = Annotated[float, Unit("tok/d")]
TokPerSecondPerChip = Annotated[float, Unit("tok/s/chip", above=0.0)]
Chips = Annotated[float, Unit("chip")]
ChipHours = Annotated[float, Unit("chip-h")]
ChipsPerYear = Annotated[float, Unit("chip/y")]
Flop = Annotated[float, Unit("FLOP")]
FlopPerSecond = Annotated[float, Unit("FLOP/s")]
FlopPerSecondPerChip = Annotated[float, Unit("FLOP/s/chip", above=0.0)]
Bytes = Annotated[float, Unit("B")]
Months = Annotated[float, Unit("month")]
Days = Annotated[float, Unit("d")]
Years = Annotated[float, Unit("y")]
Seconds = Annotated[float, Unit("s")]
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
