"""`offtake perf fit`: fit the parameters from published tables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from offtake.cli.options import Json

if TYPE_CHECKING:
    from offtake.perf.fit import Tables
    from offtake.perf.params import Section

__all__ = ["fit"]

_PERCENT = 100.0


def fit(
    *,
    data: Path,
    out: Path | None = None,
    cv: Annotated[bool, Parameter(negative="")] = False,
    json: Json = False,
) -> int:
    """Fit the efficiency parameters from a folder of published tables.

    Parameters
    ----------
    data : Path
        Folder with training_published.csv, inference_published.csv and inference_silicon.csv (any of them).
    out : Path
        File to write. Without it nothing is written.
    cv : bool
        Also fit with each chip, then each source, left out, and print the errors of what was left out (many minutes).
    """
    from offtake.cli.failure import SCHEMA_VERSION
    from offtake.cli.output import print_json
    from offtake.cli.terminal import ProgressDisplay, print_lines
    from offtake.perf import fit as fitting

    with ProgressDisplay() as shown:
        tables = fitting.read_tables(data)
        sections = fitting.fitted(tables, shown)
        errors = _held_out(tables, sections, shown) if cv else {}
    if out is not None:
        fitting.write(out, sections, errors)
    if json:
        rows = {kind: {k: v for k, v in s.rows.items() if k != "keys"} for kind, s in sections.items()}
        print_json({"schema_version": SCHEMA_VERSION, "written": str(out or ""), "rows": rows, "left_out": errors})
        return 0
    for kind, section in sections.items():
        count = sum(map(len, section.effects.values()))
        print_lines(
            f"{kind}: {section.rows.get('count', 0)} rows fitted, {count} numbers, rows {section.rows.get('hash', '')}"
        )
    _show(errors)
    print_lines(f"Written: {out}" if out else "Nothing written; name a file with --out.")
    return 0


def _held_out(tables: Tables, sections: dict[str, Section], shown: Any) -> dict[str, Any]:  # noqa: ANN401  (a progress callback)
    """Return errors by chip and by source left out, by section of the file."""
    from offtake.perf import fit as fitting

    found: dict[str, Any] = {"training": {}, "serving": {}}
    for by in ("chip", "source"):
        held = fitting.cross_validated(tables, sections, by, shown)
        for kind, metrics in (("training", ("step_time",)), ("serving", ("tpot", "throughput", "ttft"))):
            some = [h for h in held if h.metric in metrics]
            if some:
                found[kind][f"by_{by}_left_out"] = fitting.summary(some)
                worst = sorted(some, key=lambda h: -abs(h.predicted / h.measured - 1.0))[:10]
                found[kind][f"worst_{by}_left_out"] = [
                    {
                        "metric": h.metric,
                        "row": h.words,
                        "left_out": h.group,
                        "error": round(h.predicted / h.measured - 1.0, 3),
                    }
                    for h in worst
                ]
    return found


def _show(errors: dict[str, Any]) -> None:
    """Print the errors of what was left out."""
    from offtake.cli.terminal import print_lines, print_table
    from offtake.tables import Column, Table

    columns = (
        Column("group", title="", kind="text"), Column("count", kind="int"), Column("mape", "frac", title="mean error"),
        Column("median_ape", "frac", title="median"), Column("coverage80", "frac", title="inside 80 %"),
    )  # fmt: skip
    for kind, by in errors.items():
        for name, metrics in by.items():
            if name.startswith("worst"):
                print_lines(
                    f"Worst rows, {name[6:].replace('_', ' ')}",
                    *(f"  {w['error']:+.0%} {w['metric']} {w['row']} (without {w['left_out']})" for w in metrics),
                )
                continue
            for metric, found in metrics.items():
                rows: list[tuple[Any, ...]] = [("all", *_four(found))]
                rows += [
                    (f"  {group}", *_four(one))
                    for part in ("by_class", "by_group")
                    for group, one in found[part].items()
                ]
                print_table(Table("errors", columns, rows, title=f"{kind}: {metric}, {name.replace('_', ' ')}"))


def _four(found: dict[str, Any]) -> tuple[Any, ...]:
    return (int(found["count"]), found["mape"], found["median_ape"], found["coverage80"])
