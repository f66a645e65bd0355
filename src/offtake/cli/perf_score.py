"""`offtake perf score`: predictions beside a table of measurements."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from offtake.cli.options import Json

if TYPE_CHECKING:
    from offtake.perf.score import Report, ScoredRow
    from offtake.tables import Table

__all__ = ["score"]

_TITLES = {"step_time": "step", "tpot": "per token", "throughput": "tok/s per chip", "ttft": "first token"}
_SCALE = {"step_time": (1.0, "s"), "tpot": (1e3, "ms"), "throughput": (1.0, ""), "ttft": (1.0, "s")}


def score(
    table: Path,
    /,
    *,
    kind: Literal["training", "inference"],
    params: Path | None = None,
    json: Json = False,
) -> int:
    """Predict every row of a table of published measurements, and say how well.

    Parameters
    ----------
    table : Path
        A CSV table: one row a measurement. Columns: docs, performance.
    kind : str
        What the rows measure: training or inference.
    params : Path
        A parameter file written by `offtake perf fit`, in place of the one that comes with the program.
    """
    from offtake.cli.failure import SCHEMA_VERSION
    from offtake.cli.output import print_json
    from offtake.cli.perf_chip import sections_given
    from offtake.perf import params as parameters
    from offtake.perf import score as scoring
    from offtake.perf.tables_serving import read_serving
    from offtake.perf.tables_training import read_training

    needed = "training" if kind == "training" else "serving"
    sections = sections_given(params, needed) if params is not None else parameters.shipped()
    if kind == "training":
        report = scoring.score_training(read_training(table), sections.get("training"))
    else:
        report = scoring.score_serving(read_serving(table), sections.get("serving"))
    document = scoring.document(report)
    if json:
        print_json({"schema_version": SCHEMA_VERSION, "table": str(table), **document})
    else:
        _show(report, document)
    return 0


def _show(report: Report, document: dict[str, Any]) -> None:
    """Print rows, then errors by group, then what was refused, then the sum."""
    from offtake.cli.terminal import print_lines, print_table
    from offtake.tables import significant

    print_table(_rows(report))
    for title, key in (
        ("Errors by chip", "by_chip"),
        ("Errors by source", "by_source"),
        ("Errors by class of model", "by_class"),
    ):
        print_table(_groups(title, document[key], report.names))
    if document["refusals"]:
        print_lines("Refused", *(f"  {count:4d} × {reason}" for reason, count in document["refusals"].items()))
    problems = [p for row in report.rows for p in row.problems]
    print_lines(
        *(f"! {p}" for p in problems[:20]), *([f"! and {len(problems) - 20} more cells"] if len(problems) > 20 else [])
    )
    fitted = f"({document['rows_in_fit']} of them in the fit, marked *)"
    print_lines(
        f"{document['rows_scored']} rows scored {fitted}, {document['rows_refused']} refused, {document['rows_set_aside']} set aside "
        f"as marked doubtful by the table, {document['rows_without_measurement']} without a measurement."
    )
    for name, figures in document["metrics"].items():
        print_lines(
            f"{_TITLES[name]}: mean error {significant(100 * figures['mape'])} %, median {significant(100 * figures['median_ape'])} %, "
            f"{significant(100 * figures['coverage80'])} % of points inside the 80 % interval"
        )
    print_lines("Error: |predicted − measured| ÷ measured.")


def _rows(report: Report) -> Table:
    """Return one line a row: predicted, measured and error of each metric."""
    from offtake.tables import Column, Table, significant

    columns = [Column("row", kind="text"), Column("chip", kind="text"), Column("model", kind="text")]
    for name in report.names:
        columns += [
            Column(name, title=f"{_TITLES[name]} {_SCALE[name][1]}".strip(), kind="text"),
            Column(f"{name}_measured", title="measured", kind="text"),
            Column(f"{name}_error", title="error %", kind="text"),
        ]
    columns.append(Column("note", kind="text"))

    def cells(row: ScoredRow) -> tuple[str, ...]:
        out = [f"{row.line}{'*' if row.fitted else ''}", row.chip[:18], row.model[:24]]
        for name in report.names:
            figure = row.figures.get(name)
            scale = _SCALE[name][0]
            if figure is None:
                out += ["–", "–", "–"]
                continue
            error = figure.error
            measured = "–" if figure.measured is None else significant(scale * figure.measured)
            out += [
                significant(scale * figure.predicted),
                measured,
                "–" if error is None else f"{100 * error:+.0f}{'' if figure.covered else ' !'}",
            ]
        note = row.refusal or ("set aside" if row.aside else "; ".join(row.assumed))
        return (*out, note[:70])

    return Table(
        "rows",
        tuple(columns),
        [cells(row) for row in report.rows],
        title="Predicted beside measured (! outside the 80 % interval)",
    )


def _groups(title: str, groups: dict[str, Any], names: tuple[str, ...]) -> Table:
    """Return one line a group."""
    from offtake.tables import Column, Table

    columns = [Column("group", title="", kind="text"), Column("scored", kind="int"), Column("refused", kind="int")]
    for name in names:
        columns += [
            Column(f"{name}_mape", "frac", title=f"{_TITLES[name]}: mean"),
            Column(f"{name}_median", "frac", title="median"),
            Column(f"{name}_inside", "frac", title="inside 80 %"),
        ]
    nothing = {"mape": float("nan"), "median_ape": float("nan"), "coverage80": float("nan")}
    rows = []
    for group, found in groups.items():
        line: list[Any] = [group[:60], found["rows_scored"], found["rows_refused"]]
        for name in names:
            line += list(found["metrics"].get(name, nothing).values())
        rows.append(tuple(line))
    return Table("groups", tuple(columns), rows, title=title)
