"""What was fitted: terms of a process with intervals, the data behind them, and how far to trust them; as a table in a file.

One row of the table is one term. Numbers keep three significant digits: no fit here knows more.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast, get_args

from offtake.errors import OfftakeError
from offtake.outlook.fit.laws import Estimate

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["COLUMNS", "Fitted", "Grade", "Term", "read_rows", "term", "waiting", "written"]

Grade = Literal["fitted", "weak", "assumption"]
"""fitted: enough data, checked on data held back; weak: little or doubtful data; assumption: chosen, with its reason."""

COLUMNS = (
    "key", "kind", "term", "value", "low", "high", "unit", "grade", "quantity", "data_from", "data_to", "points", "fit_error", "source",
    "note",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Term:
    """One term of a process.

    Attributes
    ----------
    value : float or str     in `unit`; text for a law in the form of the scenario file
    low, high : float        80 % interval; None where it has none
    unit : str               as a scenario file writes it: "%", "y", "d", "month", "%/y"; "" for plain numbers and text
    """

    value: float | str
    unit: str = ""
    low: float | None = None
    high: float | None = None

    @property
    def written(self) -> str:
        """The value as a scenario file writes it."""
        return _with_unit(self.value, self.unit)

    @property
    def ends(self) -> tuple[str, str] | None:
        """Both ends of the interval as a scenario file writes them."""
        if self.low is None or self.high is None:
            return None
        return _with_unit(self.low, self.unit), _with_unit(self.high, self.unit)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """One process with its terms.

    Attributes
    ----------
    key : str                  what a scenario names after `like`
    kind : str                 kind of process
    quantity : str             in words
    terms : Mapping[str, Term]
    grade : Grade
    data_from, data_to : str   window of the data, ISO; "" for an assumption
    points : int
    fit_error : str            standard error or what is left, in words
    source : str               with its date
    note : str                 reason of an assumption; where not to trust it
    line : int                 of the first term in the file that it was read from; 0 where it was not
    """

    key: str
    kind: str
    quantity: str
    terms: Mapping[str, Term]
    grade: Grade
    source: str
    data_from: str = ""
    data_to: str = ""
    points: int = 0
    fit_error: str = ""
    note: str = ""
    line: int = 0


def term(estimate: Estimate | float, unit: str = "", *, times: float = 1.0) -> Term:
    """Return an estimate as a term: `times` converts it to the unit.

    Examples
    --------
    >>> term(Estimate(0.4567, 0.3, 0.7), "%", times=100.0)
    Term(value=45.7, unit='%', low=30.0, high=70.0)
    """
    if isinstance(estimate, Estimate):
        return Term(
            _rounded(estimate.value * times), unit, _rounded(estimate.low * times), _rounded(estimate.high * times)
        )
    return Term(_rounded(estimate * times), unit)


def waiting(rate_per_y: Estimate) -> Term:
    """Return the mean time between events of a yearly rate, as a term.

    Examples
    --------
    >>> waiting(Estimate(2.0, 1.0, 4.0))
    Term(value=0.5, unit='y', low=0.25, high=1.0)
    """
    value, low, high = (_rounded(1.0 / v) for v in (rate_per_y.value, rate_per_y.high, rate_per_y.low))
    return Term(value, "y", low, high)


def written(fitted: Iterable[Fitted]) -> str:
    """Write terms as a table in CSV: equal fits give equal bytes."""
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(COLUMNS)
    for one in fitted:
        for name, each in one.terms.items():
            rows.writerow(
                (
                    one.key, one.kind, name, _number(each.value), _number(each.low), _number(each.high), each.unit, one.grade, one.quantity,
                    one.data_from, one.data_to, one.points, one.fit_error, one.source, one.note,
                )
            )  # fmt: skip
    return out.getvalue()


def read_rows(text: str, *, file: str) -> tuple[Fitted, ...]:
    """Read the table that `written` writes.

    Raises
    ------
    OfftakeError    not such a table; names file and line
    """
    rows = csv.DictReader(io.StringIO(text))
    if tuple(rows.fieldnames or ()) != COLUMNS:
        raise OfftakeError(f"{file}:1: no table of fitted terms; its columns are {', '.join(COLUMNS)}")
    found: dict[tuple[str, str], Fitted] = {}
    for row in rows:
        line = rows.line_num
        try:
            each = Term(_read(row["value"]), row["unit"], _end(row["low"]), _end(row["high"]))
            grade = _grade(row["grade"])
            points = int(row["points"])
        except (TypeError, ValueError) as error:
            raise OfftakeError(f"{file}:{line}: a row that cannot be read: {error}") from None
        name = (row["key"], row["kind"])
        known = found.get(name)
        found[name] = Fitted(
            key=row["key"], kind=row["kind"], quantity=row["quantity"], terms={**(known.terms if known else {}), row["term"]: each},
            grade=grade, source=row["source"], data_from=row["data_from"], data_to=row["data_to"],
            points=points, fit_error=row["fit_error"], note=row["note"], line=known.line if known else line,
        )  # fmt: skip
    return tuple(found.values())


def _grade(text: str) -> Grade:
    for grade in get_args(Grade):
        if text == grade:
            return cast("Grade", grade)
    raise ValueError(f"{text!r} is no grade; there are {', '.join(get_args(Grade))}")


def _rounded(value: float) -> float:
    return float(f"{value:.3g}")


def _number(value: float | str | None) -> str:
    return (
        ""
        if value is None
        else value
        if isinstance(value, str)
        else f"{value:.3g}"
        if abs(value) < 1e3
        else f"{value:.0f}"
    )


def _with_unit(value: float | str, unit: str) -> str:
    return f"{_number(value)} {unit}".rstrip()


def _read(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _end(text: str) -> float | None:
    return float(text) if text else None
