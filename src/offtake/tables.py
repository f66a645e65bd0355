"""One table model for every view: terminal, HTML, CSV, and columns of arrays for storage.

A `Table` is named columns of equal length, each a read-only numpy array with a unit. It holds exact values; only the
views round: three significant digits of the column's largest value, one power of a thousand for the whole column, so
that numbers align.
"""

from __future__ import annotations

import csv
import datetime as dt
import html
import io
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Column", "Kind", "Table", "View", "clean", "escape", "scale_of", "significant"]

Kind = Literal["auto", "float", "int", "bool", "text", "date"]
"""What a column holds. `auto` is settled when the table is made."""

MINUS = "\N{MINUS SIGN}"
NOTHING = "\N{EN DASH}"
"""Shown where a value is missing (NaN, NaT, empty)."""

SCALES: tuple[tuple[float, str], ...] = ((1e12, "T"), (1e9, "bn"), (1e6, "M"), (1e3, "k"))
SCALED_UNITS = frozenset({"USD", "tok", "chip", "chip-h", "USD/MW-year", "Mtok"})


_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
"""Characters that a terminal or a page could obey: C0 and C1 controls, line and direction marks, lone surrogates."""


def clean(value: object) -> str:
    r"""Replace every character that a terminal or a page could obey; tabs and line ends stay.

    Examples
    --------
    >>> clean("red: \x1b[31m"), clean("two\nlines")
    ('red: �[31m', 'two\nlines')
    """
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", str(value))


def escape(value: object) -> str:
    r"""Make any text safe inside markup and attributes.

    Examples
    --------
    >>> escape('<script>"x" & \x00')
    '&lt;script&gt;&quot;x&quot; &amp; �'
    """
    return html.escape(clean(value))


def significant(value: float, digits: int = 3) -> str:
    """Write a number with so many significant digits, thousands separated, a true minus sign.

    Parameters
    ----------
    value : float       NaN gives an en dash, infinity gives ∞
    digits : int        significant digits; digits left of the point are always all shown, the last of them rounded

    Examples
    --------
    >>> significant(1234.5), significant(0.012345), significant(-7.0)
    ('1,230', '0.0123', '−7')
    """
    if math.isnan(value):
        return NOTHING
    if math.isinf(value):
        return "∞" if value > 0 else f"{MINUS}∞"
    if value == 0:
        return "0"
    exponent = math.floor(math.log10(abs(value)))
    rounded = round(value, digits - 1 - exponent)
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(rounded))))
    text = f"{abs(rounded):,.{decimals}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return f"{MINUS}{text}" if rounded < 0 else text


def scale_of(largest: float, unit: str) -> tuple[float, str]:
    """Choose one power of a thousand for values up to `largest` in `unit`, with the unit to show.

    Examples
    --------
    >>> scale_of(4.2e9, "USD"), scale_of(0.3, "frac"), scale_of(4200.0, "MW")
    ((1000000000.0, 'bn USD'), (0.01, '%'), (1.0, 'MW'))
    """
    if unit == "frac":
        return 0.01, "%"
    if unit == "frac/y":
        return 0.01, "%/year"
    if unit in SCALED_UNITS:
        for factor, prefix in SCALES:
            if largest >= factor:
                return factor, f"{prefix} {unit}"
    return 1.0, unit


@dataclass(frozen=True, slots=True)
class Column:
    """Name, unit and title of one column.

    Parameters
    ----------
    name : str     carries the unit as suffix where there is one: `npv_usd`, `accepted_facility_mw`
    unit : str     as shown to people: "USD", "MW", "frac" (shown in percent), "tok", "chip", "" (no unit)
    title : str    heading; by default the name in words
    kind : Kind    what it holds; `auto` looks at the values
    """

    name: str
    unit: str = ""
    title: str = ""
    kind: Kind = "auto"

    @property
    def heading(self) -> str:
        """Give the title, or the name in words.

        Examples
        --------
        >>> Column("peak_funding").heading
        'Peak funding'
        """
        return clean(self.title or self.name.replace("_", " ").capitalize())

    @property
    def numeric(self) -> bool:
        """Say whether the column holds numbers that align right."""
        return self.kind in {"float", "int"}


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One column as text for people: heading with its unit, cells, alignment."""

    heading: str
    unit: str
    cells: tuple[str, ...]
    right: bool


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Named columns of equal length with units.

    Parameters
    ----------
    name : str                      identifier; the file name of a stored table
    columns : sequence of Column
    data : mapping or rows          a mapping name → values, or rows: mappings by name or sequences in column order
    title : str                     for people
    note : str                      basis, method, what is not in it

    Raises
    ------
    ValueError    where columns and data do not match in names or length

    Examples
    --------
    >>> t = Table("sites", (Column("site"), Column("energised_mw", "MW")), [("abilene", 206.0), ("madison", 284.0)])
    >>> t["energised_mw"].sum().item(), len(t)
    (490.0, 2)
    >>> print(t.to_text())
    Site     Energised mw [MW]
    abilene                206
    madison                284
    """

    name: str
    columns: Sequence[Column]
    data: Mapping[str, Any] | Iterable[Any] = field(repr=False)
    title: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        names = [c.name for c in self.columns]
        if len(set(names)) != len(names):
            msg = f"table {self.name}: a column name occurs twice in {names}"
            raise ValueError(msg)
        given = self.data if isinstance(self.data, Mapping) else _by_column(self.name, names, self.data)
        if set(given) != set(names):
            odd = sorted(set(given) ^ set(names))
            msg = f"table {self.name}: columns and data differ in {odd}"
            raise ValueError(msg)
        columns, arrays = [], {}
        for column in self.columns:
            settled, array = _settle(self.name, column, given[column.name])
            columns.append(settled)
            arrays[column.name] = array
        if len({a.size for a in arrays.values()}) > 1:
            sizes = {n: a.size for n, a in arrays.items()}
            msg = f"table {self.name}: columns differ in length: {sizes}"
            raise ValueError(msg)
        object.__setattr__(self, "columns", tuple(columns))
        object.__setattr__(self, "data", arrays)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Give the columns by name, in order: float64, int64, bool, object (text) or datetime64[D]; read-only."""
        return dict(self.data)  # a mapping since __post_init__

    def __getitem__(self, name: str) -> NDArray[Any]:
        """Give one column's values."""
        return self.arrays()[name]

    def __contains__(self, name: str) -> bool:
        """Say whether there is a column of that name."""
        return name in self.arrays()

    def __len__(self) -> int:
        """Count the rows."""
        return int(next(iter(self.arrays().values())).size) if self.columns else 0

    def __eq__(self, other: object) -> bool:
        """Compare name, columns and every value; a missing value equals a missing one."""
        if not isinstance(other, Table):
            return NotImplemented
        return (self.name, self.columns) == (other.name, other.columns) and all(
            np.array_equal(a, other[n], equal_nan=a.dtype.kind in "fM") for n, a in self.arrays().items()
        )

    __hash__ = None  # type: ignore[assignment]  # arrays have no hash

    def rows(self) -> list[dict[str, Any]]:
        """Give the rows as plain Python values; a missing number or date is None."""
        lists = {n: [_plain(v) for v in a.tolist()] for n, a in self.arrays().items()}
        return [dict(zip(lists, values, strict=True)) for values in zip(*lists.values(), strict=True)]

    def where(self, **equal: object) -> Self:
        """Keep the rows whose columns equal the given values.

        Examples
        --------
        >>> t = Table("t", (Column("party"), Column("x")), [("offtaker", 1), ("provider", 2)])
        >>> t.where(party="provider")["x"].tolist()
        [2]
        """
        keep = np.ones(len(self), dtype=bool)
        for name, value in equal.items():
            keep &= np.asarray(self[name] == value, dtype=bool)
        return self.take(np.flatnonzero(keep))

    def take(self, order: NDArray[np.intp]) -> Self:
        """Keep the rows at these positions, in this order."""
        return type(self)(
            self.name, self.columns, {n: a[order] for n, a in self.arrays().items()}, self.title, self.note
        )

    def select(self, *names: str) -> Self:
        """Keep these columns, in this order."""
        by_name = {c.name: c for c in self.columns}
        return type(self)(
            self.name, tuple(by_name[n] for n in names), {n: self[n] for n in names}, self.title, self.note
        )

    def view(self, digits: int = 3) -> tuple[View, ...]:
        """Write every column for people: scaled, rounded, aligned."""
        return tuple(_view(c, self[c.name], digits) for c in self.columns)

    def to_text(self, digits: int = 3) -> str:
        """Write a plain monospaced table."""
        views = self.view(digits)
        heads = [f"{v.heading} [{v.unit}]" if v.unit else v.heading for v in views]
        widths = [
            max(len(h), *(len(c) for c in v.cells), 0) if v.cells else len(h) for h, v in zip(heads, views, strict=True)
        ]
        lines = [heads, *([v.cells[i] for v in views] for i in range(len(self)))]
        return "\n".join(
            "  ".join(
                c.rjust(w) if v.right else c.ljust(w) for c, w, v in zip(line, widths, views, strict=True)
            ).rstrip()
            for line in lines
        )

    def to_html(self, digits: int = 3) -> str:
        """Write an HTML table; every text is escaped."""
        views = self.view(digits)
        caption = f"<caption>{escape(self.title)}</caption>" if self.title else ""
        head = "".join(
            f'<th scope="col"{_right(v)}>{escape(v.heading)}'
            + (f' <span class="unit">{escape(v.unit)}</span>' if v.unit else "")
            + "</th>"
            for v in views
        )
        body = "".join(
            "<tr>" + "".join(f"<td{_right(v)}>{escape(v.cells[i])}</td>" for v in views) + "</tr>\n"
            for i in range(len(self))
        )
        note = f'<p class="note">{escape(self.note)}</p>' if self.note else ""
        return f"<table>{caption}<thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table>{note}"

    def _repr_html_(self) -> str:
        """Show the table in a notebook."""
        return self.to_html()

    def to_csv(self) -> str:
        r"""Write exact values, one header line, missing values empty.

        Examples
        --------
        >>> Table("t", (Column("site"), Column("it_power_mw", "MW")), [("a", 0.1), ("b", None)]).to_csv()
        'site,it_power_mw\r\na,0.1\r\nb,\r\n'
        """
        out = io.StringIO()
        writer = csv.writer(out)
        writer.writerow([c.name for c in self.columns])
        writer.writerows(["" if v is None else v for v in row.values()] for row in self.rows())
        return out.getvalue()


def _by_column(name: str, names: list[str], rows: Iterable[Any]) -> dict[str, list[Any]]:
    """Turn rows into columns."""
    columns: dict[str, list[Any]] = {n: [] for n in names}
    for i, row in enumerate(rows):
        if isinstance(row, Mapping):
            if set(row) != set(names):
                msg = f"table {name}: row {i} differs from the columns in {sorted(set(row) ^ set(names))}"
                raise ValueError(msg)
            values: Sequence[Any] = [row[n] for n in names]
        else:
            values = tuple(row)
        if len(values) != len(names):
            msg = f"table {name}: row {i} has {len(values)} values for {len(names)} columns"
            raise ValueError(msg)
        for n, v in zip(names, values, strict=True):
            columns[n].append(v)
    return columns


def _settle(table: str, column: Column, values: Any) -> tuple[Column, NDArray[Any]]:  # noqa: ANN401
    """Bring values to the column's kind, as a read-only array of one axis."""
    items = values.tolist() if isinstance(values, np.ndarray) and values.dtype.kind not in "fiubM" else values
    kind = column.kind if column.kind != "auto" else _kind_of(column, items)
    try:
        array = _array(kind, items)
    except (TypeError, ValueError) as error:
        msg = f"table {table}, column {column.name}: not {kind}: {error}"
        raise ValueError(msg) from error
    if array.ndim != 1:
        msg = f"table {table}, column {column.name}: has {array.ndim} axes, wanted one"
        raise ValueError(msg)
    array.flags.writeable = False
    return Column(column.name, column.unit, column.title, kind), array


def _kind_of(column: Column, values: Any) -> Kind:  # noqa: ANN401
    """Look at the values to say what a column holds."""
    if isinstance(values, np.ndarray):
        kinds: dict[str, Kind] = {"f": "float", "i": "int", "u": "int", "b": "bool", "M": "date"}
        return kinds[values.dtype.kind]
    present = [v for v in values if v is not None]
    if not present:
        return "float" if column.unit else "text"
    if all(isinstance(v, bool | np.bool_) for v in present):
        return "bool"
    if all(isinstance(v, int | np.integer) for v in present):
        return "int" if len(present) == len(values) else "float"
    if all(isinstance(v, dt.date | np.datetime64) for v in present):
        return "date"
    return "text" if any(isinstance(v, str) for v in present) else "float"


def _array(kind: Kind, values: Any) -> NDArray[Any]:  # noqa: ANN401
    """Make a fresh array of a kind; None becomes NaN, NaT or empty text."""
    if kind == "float":
        source = values if isinstance(values, np.ndarray) else [math.nan if v is None else float(v) for v in values]
        return np.array(source, dtype=np.float64)
    if kind == "int":
        return np.array(values, dtype=np.int64)
    if kind == "bool":
        return np.array(values, dtype=np.bool_)
    if kind == "date":
        dates = values if isinstance(values, np.ndarray) else ["NaT" if v is None else v for v in values]
        return np.array(dates, dtype="datetime64[D]")
    texts = np.empty(len(values), dtype=object)
    texts[:] = ["" if v is None else str(v) for v in values]
    return texts


def _plain(value: Any) -> Any:  # noqa: ANN401
    """Turn NaN into None."""
    return None if isinstance(value, float) and math.isnan(value) else value


def _right(view: View) -> str:
    return ' class="n"' if view.right else ""


def _view(column: Column, values: NDArray[Any], digits: int) -> View:
    """Write one column for people."""
    if column.kind == "float" or (column.kind == "int" and column.unit):
        factor, unit = scale_of(_largest(values), column.unit)
        return View(heading=column.heading, unit=unit, cells=_numbers(values / factor, digits), right=True)
    if column.kind == "int":
        return View(heading=column.heading, unit="", cells=tuple(str(v) for v in values.tolist()), right=True)
    if column.kind == "bool":
        cells = tuple("yes" if v else "no" for v in values.tolist())
    else:
        cells = tuple(NOTHING if v is None or v == "" else " ".join(clean(v).split()) for v in values.tolist())
    return View(heading=column.heading, unit=column.unit, cells=cells, right=False)


def _largest(values: NDArray[Any]) -> float:
    """Find the largest finite size, 0 where there is none."""
    finite = np.abs(values[np.isfinite(values)])
    return float(finite.max()) if finite.size else 0.0


def _numbers(values: NDArray[Any], digits: int) -> tuple[str, ...]:
    """Write numbers with one count of decimals: `digits` significant ones of the largest."""
    largest = _largest(values)
    decimals = 0 if largest == 0 else max(0, digits - 1 - math.floor(math.log10(largest)))
    if np.all(np.round(values[np.isfinite(values)], 9) % 1 == 0):
        decimals = 0
    return tuple(_fixed(v, decimals) for v in values.tolist())


def _fixed(value: float, decimals: int) -> str:
    """Write one number with fixed decimals; a small one that would read 0 says that it is not."""
    if math.isnan(value):
        return NOTHING
    if math.isinf(value):
        return significant(value)
    if value == 0:
        return "0"
    if abs(value) >= 1e15:  # a count of FLOP or bytes; the zeros would hide the number
        return f"{value:.1e}".replace("e+", "e").replace("-", MINUS)
    text = f"{abs(value):,.{decimals}f}"
    sign = MINUS if value < 0 else ""
    if float(text.replace(",", "")) == 0:
        smallest = f"{10.0**-decimals:.{decimals}f}"
        return f">{MINUS}{smallest}" if value < 0 else f"<{smallest}"
    return sign + text
