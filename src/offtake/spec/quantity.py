"""Quantities of the file: one value or a series, with its unit, its range, its source, and the changes of an overlay.

`Unit` is the annotation that reads them. From the file it takes text with a unit, or the annotated form
``{value, low, high, source, assumption}``; from Python it takes a float in the canonical unit. On `Series` it takes dated points too.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, get_args

from pydantic_core import CoreSchema, core_schema

from offtake.diagnostics import did_you_mean
from offtake.errors import UnitError
from offtake.spec.scalars import Problem, failure, kind_of, parse_day, shown, unit_problem
from offtake.spec.series import Interpolation, Series
from offtake.units import format_quantity, parse_quantity

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler

__all__ = ["ANNOTATION_KEYS", "CHANGE_KEYS", "SERIES_KEYS", "Unit"]

ANNOTATION_KEYS = ("value", "low", "high", "source", "assumption")
"""Keys of an annotated quantity."""

SERIES_KEYS = ("points", "interpolation", "low", "high", "source", "assumption")
"""Keys of an annotated series (beside a single `value`)."""

CHANGE_KEYS = ("of", "times", "later", "hold_from")
"""Keys that an overlay adds around a value: to scale it, to move a series later, to hold a series from a date on."""


_MOST = MappingProxyType(
    {
        "": 1e12, "%/y": 10.0, "MW": 1e7, "MWh": 1e12, "MW/month": 1e7, "W/chip": 1e9, "USD": 1e15, "USD/y": 1e15, "USD/chip": 1e9,
        "USD/chip-h": 1e6, "USD/chip-y": 1e9, "USD/MWh": 1e9, "USD/Mtok": 1e6, "USD/MW": 1e12, "USD/MW-y": 1e12, "USD/ZFLOP": 1e9,
        "chip": 1e12, "chip-h": 1e15, "chip/y": 1e12, "tok": 1e9, "tok/s": 1e18, "tok/d": 1e21, "tok/s/chip": 1e12, "FLOP": 1e33,
        "FLOP/s": 1e27, "FLOP/s/chip": 1e21, "month": 12_000.0, "d": 36_500.0, "y": 1000.0, "s": 1e9, "s/tok": 1e6,
    }
)  # fmt: skip
"""Largest value by unit: far beyond anything thinkable, and small enough that the solver's doubles keep their digits."""


@dataclass(frozen=True, slots=True)
class Unit:
    """Annotation of a float or `Series` field: its canonical unit and its bounds.

    Parameters
    ----------
    unit : str             as in `offtake.units.SUFFIXES`, "" for a plain number
    at_least : float       in canonical unit; None for no bound
    at_most : float        in canonical unit; None for no bound but what is thinkable in that unit
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
            problems.append(unit_problem(error, at))
            return 0.0
        bound = self._bound(value)
        if bound:
            problems.append(Problem("E306", f"{shown(raw)} is out of range, expected {bound}", "", at))
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
            "E203", f"expected one value, got {kind_of(raw)}", f"write it like `{format_quantity(1, self.unit)}`"
        )

    def _bound(self, value: float) -> str:
        if self.above is not None and value <= self.above:
            return f"more than {format_quantity(self.above, self.unit)}"
        if self.at_least is not None and value < self.at_least:
            return f"at least {format_quantity(self.at_least, self.unit)}"
        if self.at_most is not None:
            return f"at most {format_quantity(self.at_most, self.unit)}" if value > self.at_most else ""
        most = _MOST.get(self.unit, math.inf)
        return f"at most {most:g} {self.unit}".rstrip() if abs(value) > most else ""

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
                    f"{shown(how)} is no way to interpolate",
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
            problems.append(unit_problem(error, (*at, "hold_from")))
            return series

    def _points(self, raw: object, how: Interpolation, problems: list[Problem], at: tuple[str | int, ...]) -> Series:
        if not isinstance(raw, Mapping) or not raw:
            problems.append(
                Problem(
                    "E308",
                    f"expected dates with values, got {kind_of(raw)}",
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
    problems += [
        Problem("E201", f"unknown key {shown(k)}", did_you_mean(k, known), (*at, k), on_key=True)
        for k in raw
        if k not in known
    ]


def _texts(raw: Mapping[str, Any], problems: list[Problem], at: tuple[str | int, ...]) -> None:
    odd = [k for k in ("source", "assumption") if not isinstance(raw.get(k, ""), str)]
    hint = "put the text in quotation marks"
    problems += [Problem("E203", f"expected text, got {kind_of(raw[k])}", hint, (*at, k)) for k in odd]


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


def _date_like(key: str) -> bool:
    return bool(key[:1].isdigit())
