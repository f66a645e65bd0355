"""What may happen, for people: tables of the uncertain quantities, and a picture of each with the table of its figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from offtake.outlook.quantiles import FAN_LEVELS, dot_levels, quantiles
from offtake.report.svg.dots import Mark, dots, dots_table
from offtake.report.svg.draw import Drawing
from offtake.report.svg.fan import Fan, fan, fan_table
from offtake.tables import Column, Table, significant

if TYPE_CHECKING:
    from datetime import date

    import numpy as np
    from numpy.typing import NDArray

    from offtake.api.outlook import Prospects, Quantity

__all__ = ["correlation_table", "pictures", "quantity_table", "spread_table", "stage_table"]

_SAMPLES = 5
"""Sample paths in a fan."""

_FONT = 'font-family="system-ui, Segoe UI, Roboto, Helvetica Neue, Arial, DejaVu Sans, sans-serif"'
"""Of a picture that stands alone; on the page of the report the page says it."""


def quantity_table(shown: Prospects) -> Table:
    """List the quantities: process, what they move, and why."""
    columns = (
        Column("quantity", kind="text"),
        Column("process", kind="text"),
        Column("moves", kind="text"),
        Column("why", title="Source, or what is assumed", kind="text"),
    )
    rows = [(q.id, q.kind, ", ".join(q.of), q.source or q.assumption) for q in shown.quantities]
    return Table("uncertain", columns, rows, title=f"{shown.name}: what may happen")


def spread_table(shown: Prospects) -> Table:
    """List what 10, 50 and 90 % of the futures lie below, and the central path: at three dates where the quantity varies over time."""
    words = ("quantity", "when", "p10", "p50", "p90", "central", "unit")
    titles = {"p10": "10 %", "p50": "50 %", "p90": "90 %"}
    columns = [Column(name, title=titles.get(name, ""), kind="text") for name in words]
    levels = [FAN_LEVELS.index(level) for level in (0.1, 0.5, 0.9)]
    rows = []
    for q in shown.quantities:
        for t in shown.shown_periods if q.varies else shown.shown_periods[-1:]:
            figures = [significant(float(v)) for v in (*q.levels[levels, t], q.central[t])]
            when = shown.grid.labels[t] if q.varies else "any"
            rows.append((q.id, when, *figures, q.unit))
    drawn = f"{len(shown.futures):,} futures: what 10, 50 and 90 % of them lie below, and the central path"
    return Table("spread", columns, rows, title=drawn)


def correlation_table(shown: Prospects) -> Table:
    """List the stated correlations beside those of the drawn effects."""
    columns = (
        Column("quantity", kind="text"),
        Column("and", kind="text"),
        Column("stated", title="Stated, of innovations"),
        Column("drawn", title="Drawn, of effects"),
    )
    note = "Innovations of the same kind go together: drawn once with once, of a period with the same period. Others stay independent."
    return Table(
        "correlations", columns, shown.correlations, title="Correlations; all others are independent", note=note
    )


def stage_table(shown: Prospects) -> Table:
    """List the stages of the paths that the plan is made for."""
    columns = (
        Column("stage", kind="text"),
        Column("from", kind="date"),
        Column("nodes", kind="int", title="Nodes told apart"),
        Column("likeliest", "frac", title="Likeliest node"),
    )
    rows = []
    for name, t in zip(shown.tree.stages, shown.tree.starts, strict=True):
        groups = shown.tree.groups(name)
        rows.append(
            (name, shown.grid.starts[t], len(groups), max(float(shown.kept.probability[g].sum()) for g in groups))
        )
    return Table(
        "stages",
        columns,
        rows,
        title=f"{len(shown.kept)} paths stand for them",
        note="Paths that are told apart at a stage decide apart from then on.",
    )


def pictures(shown: Prospects) -> dict[str, tuple[str, Table]]:
    """Draw each quantity: a fan where it varies over time, dots where it does not; with the table of its figures.

    Returns
    -------
    dict of id → (markup of an SVG that stands alone, Table)
    """
    drawn = {}
    for q in shown.quantities:
        markup, table = _fan(shown, q) if q.varies else _dots(shown, q)
        drawn[q.id] = (markup.replace("<svg ", f"<svg {_FONT} ", 1), table)
    return drawn


def _fan(shown: Prospects, q: Quantity) -> tuple[str, Table]:
    p10, p25, p50, p75, p90 = (_floats(row) for row in q.levels)
    edges = [*shown.grid.starts, shown.grid.end]
    stated = 0.0 if q.measure == "months" else 1.0
    one = Fan(
        periods=shown.grid.labels,
        edges_y=tuple(_year(day) for day in edges),
        p10=p10, p25=p25, p50=p50, p75=p75, p90=p90,
        samples=tuple(_floats(path) for path in q.effect[:_SAMPLES]),
        paths=len(q.effect),
        stated=(stated,) * len(shown.grid),
    )  # fmt: skip
    words = (
        f"In {shown.grid.labels[-1]} the middle 80 % of the futures lie between {significant(p10[-1])} and {significant(p90[-1])} "
        f"{q.unit}, the median at {significant(p50[-1])}."
    )
    drawing = Drawing(f"fan-{q.id}", 720.0, 360.0, _title(q), words)
    return fan(drawing, one, unit=q.unit), fan_table(one, q.id, unit=q.unit, title=_title(q))


def _dots(shown: Prospects, q: Quantity) -> tuple[str, Table]:
    values = _floats(quantiles(q.effect[:, 0], shown.futures.probability, dot_levels()))
    stated = 0.0 if q.measure == "months" else 1.0
    below = sum(value < stated for value in values)
    words = f"Twenty equally likely values from {significant(values[0])} to {significant(values[-1])} {q.unit}; {below} below as stated."
    drawing = Drawing(f"dots-{q.id}", 720.0, 240.0, _title(q), words)
    mark = Mark(value=stated, name="as stated")
    return dots(drawing, values, unit=q.unit, mark=mark), dots_table(values, q.id, unit=q.unit, title=_title(q))


def _title(q: Quantity) -> str:
    return f"{q.id}: {', '.join(q.of)}"


def _floats(values: NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(values.tolist())


def _year(day: date) -> float:
    """Return a date as a calendar year with its fraction."""
    first, after = day.replace(month=1, day=1), day.replace(year=day.year + 1, month=1, day=1)
    return day.year + (day - first).days / (after - first).days
