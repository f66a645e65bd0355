"""`offtake perf calibrate`: a parameter file that knows the user's own measurements."""

from __future__ import annotations

from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Literal

from offtake.cli.options import Json
from offtake.errors import OfftakeError

if TYPE_CHECKING:
    from offtake.perf.calibrate import Calibrated, Missed
    from offtake.perf.own import Like

__all__ = ["calibrate"]

_MOST_SHOWN = 20


def calibrate(
    table: Path,
    /,
    *,
    kind: Literal["training", "inference"],
    out: Path,
    params: Path | None = None,
    json: Json = False,
) -> int:
    """Learn from a few measurements of your own, and write a parameter file for --params of the other commands.

    Parameters
    ----------
    table : Path
        A CSV table of what you measured: one row a measurement. Columns: docs, performance.
    kind : str
        What the rows measure: training or inference.
    out : Path
        File to write. Other measurements of the same kind in it are replaced by the table's.
    params : Path
        A parameter file to add to, in place of the one that comes with the program.
    """
    from offtake.cli.failure import SCHEMA_VERSION
    from offtake.cli.output import print_json
    from offtake.files import writable
    from offtake.perf import calibrate as calibrating
    from offtake.perf import fit as fitting
    from offtake.perf import params as parameters
    from offtake.perf.score import score_serving, score_training
    from offtake.perf.tables_serving import read_serving
    from offtake.perf.tables_training import read_training

    writable(out, beside=[table])
    sections = dict(parameters.load(params) if params is not None else parameters.shipped())
    name = "training" if kind == "training" else "serving"
    if name not in sections:
        msg = f"{params}: has no parameters of {name} to add to"
        raise OfftakeError(msg)
    if kind == "training":
        found = calibrating.calibrate(read_training(table), sections[name], score_training)
    else:
        found = calibrating.calibrate(read_serving(table), sections[name], score_serving)
    fitting.write(out, {**sections, name: found.section})
    if json:
        print_json({
            "schema_version": SCHEMA_VERSION, "written": str(out), "rows_told": len(found.rows), "left_out": list(found.left_out),
            "error_before": found.before, "error_told_by_the_others": found.after if len(found.rows) > 1 else None,
            "rows": [
                {
                    "row": r.line, "chip": r.like.chip, "software": r.software, "model": r.like.model,
                    "measured_over_predicted_time": r.ratio, "as_the_others_tell": r.told,
                }
                for r in found.rows
            ],
        })  # fmt: skip
        return 0
    _show(found, out)
    return 0


def _show(found: Calibrated, out: Path) -> None:
    """Print runs, what was left out, and how much closer the rows tell each other."""
    from offtake.cli.terminal import print_lines, print_table
    from offtake.perf.own import told
    from offtake.tables import Column, Table, significant

    runs: dict[Like, list[Missed]] = {}
    for row in found.rows:
        runs.setdefault(row.like, []).append(row)
    columns = (
        Column("chip", kind="text"), Column("software", kind="text"), Column("model", kind="text"), Column("rows", kind="int"),
        Column("measured", title="measured over predicted time", kind="text"), Column("taken", title="taken of it", kind="text"),
    )  # fmt: skip
    cells = [
        (
            like.chip, rows[0].software or "not named", like.model, len(rows), significant(median(row.ratio for row in rows)),
            significant(told(found.section.own, like).factor),
        )
        for like, rows in runs.items()
    ]  # fmt: skip
    print_table(Table("runs", columns, cells, title="Your runs"))
    more = len(found.left_out) - _MOST_SHOWN
    print_lines(
        *(f"! left out: {reason}" for reason in found.left_out[:_MOST_SHOWN]),
        *([f"! and {more} more"] if more > 0 else []),
    )
    count, closer = len(found.rows), f"mean error {found.before:.0%}"
    if count > 1:
        closer += f"; each told by the others {found.after:.0%}"
        if found.after > found.before:
            closer += ". They contradict each other: predictions come no closer, look for what differs"
    print_lines(
        f"{count} row{'s' if count > 1 else ''}, {closer}.",
        "Of a difference that a run may have by chance only a part is taken; more rows of it take more.",
        f"Written: {out}. Next: offtake perf best ... --params {out}",
    )
