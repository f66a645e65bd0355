"""`offtake perf fit`: fit the parameters from published tables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from offtake.cli.options import Json
from offtake.errors import OfftakeError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from offtake.perf.fit import Tables
    from offtake.progress import Progress

__all__ = ["fit"]

_PERCENT = 100.0


def fit(
    *,
    data: Annotated[list[Path], Parameter(negative="")],
    out: Path | None = None,
    cv: Annotated[bool, Parameter(negative="")] = False,
    json: Json = False,
) -> int:
    """Fit the efficiency parameters from folders of published tables.

    Parameters
    ----------
    data : list of Path
        Folder, or several by naming the option again, with training_published.csv, inference_published.csv, inference_silicon.csv or some
        of them.
    out : Path
        File to write. Without it nothing is written.
    cv : bool
        Also fit training with each chip, then each source, left out (serving does so anyway), and print the errors of what was left out.
    """
    from offtake.cli.failure import SCHEMA_VERSION
    from offtake.cli.output import print_json
    from offtake.cli.terminal import ProgressDisplay, print_lines
    from offtake.perf import fit as fitting

    with ProgressDisplay() as shown:
        tables = fitting.read_tables(*data)
        sections = fitting.fitted(tables, shown)
        errors = _held_out(tables, shown) if cv and tables.training else {}
    if not sections:
        msg = f"{', '.join(map(str, data))}: the tables have no rows, so there is nothing to fit"
        raise OfftakeError(msg)
    if out is not None:
        fitting.write(out, sections, {"training": errors})
    serving = sections["serving"].errors if "serving" in sections else {}
    if json:
        rows = {kind: {k: v for k, v in s.rows.items() if k != "keys"} for kind, s in sections.items()}
        print_json(
            {
                "schema_version": SCHEMA_VERSION,
                "written": str(out or ""),
                "rows": rows,
                "training_left_out": errors,
                "serving_left_out": dict(serving),
            }
        )
        return 0
    for kind, section in sections.items():
        count = sum(map(len, section.effects.values()))
        print_lines(
            f"{kind}: {section.rows.get('count', 0)} rows fitted, {count} numbers, rows {section.rows.get('hash', '')}"
        )
    if cv:
        _show(errors, serving)
    print_lines(f"Written: {out}" if out else "Nothing written; name a file with --out.")
    return 0


def _held_out(tables: Tables, shown: Progress) -> dict[str, Any]:
    """Return the errors of training rows with their chip, and with their source, left out."""
    from offtake.perf import fit as fitting

    found: dict[str, Any] = {}
    for by in ("chip", "source"):
        held = fitting.cross_validated(tables, by, shown)
        found[f"by_{by}_left_out"] = fitting.summary(held)
        worst = sorted(held, key=lambda h: -abs(h.predicted / h.measured - 1.0))[:10]
        found[f"worst_{by}_left_out"] = [
            {"metric": h.metric, "row": h.words, "left_out": h.group, "error": round(h.predicted / h.measured - 1.0, 3)}
            for h in worst
        ]
    return found


def _show(training: dict[str, Any], serving: Mapping[str, Any]) -> None:
    """Print the errors of what was left out."""
    from offtake.cli.terminal import print_lines

    for name, metrics in training.items():
        if name.startswith("worst"):
            worst = (f"  {w['error']:+.0%} {w['row']} (without {w['left_out']})" for w in metrics)
            print_lines(f"Worst training rows, {name[6:].replace('_', ' ')}", *worst)
            continue
        for metric, found in metrics.items():
            rows = [("all", *_four(found))]
            rows += [
                (f"  {group}", *_four(one)) for part in ("by_class", "by_group") for group, one in found[part].items()
            ]
            _table(f"training: {metric}, {name.replace('_', ' ')}", rows)
    for by in ("by_chip", "by_source"):
        groups: Mapping[str, Any] = serving.get(by, {})
        for metric in ("tpot", "throughput", "ttft"):
            rows = [
                (group if group == "all" else f"  {group}", *_four(found[metric]))
                for group, found in groups.items()
                if metric in found
            ]
            if rows:
                _table(
                    f"serving: {metric}, {by.replace('_', ' ')} left out", sorted(rows, key=lambda row: row[0] != "all")
                )


def _table(title: str, rows: list[tuple[Any, ...]]) -> None:
    from offtake.cli.terminal import print_table
    from offtake.tables import Column, Table

    columns = (
        Column("group", title="", kind="text"), Column("count", kind="int"), Column("mape", "frac", title="mean error"),
        Column("median_ape", "frac", title="median"), Column("coverage80", "frac", title="inside 80 %"),
    )  # fmt: skip
    print_table(Table("errors", columns, rows, title=title))


def _four(found: dict[str, Any]) -> tuple[Any, ...]:
    return (int(found["count"]), found["mape"], found["median_ape"], found["coverage80"])
