"""`offtake outlook fit`: fit processes to the history of demand and prices."""

from __future__ import annotations

from pathlib import Path

from offtake.cli.options import Json

__all__ = ["fit"]


def fit(*, traces: Path | None = None, out: Path | None = None, json: Json = False) -> int:
    """Fit processes to the catalogue's history of demand and prices, and to hourly power prices where they are at hand.

    Parameters
    ----------
    traces : Path
        Folder with grid_price_hourly_22zones_2020_2024.parquet. Without it the power terms are those that ship.
    out : Path
        File to write the terms to, as CSV; the checks on history held back are written beside it. Without it nothing is written.
    """
    from offtake.api import outlook_fit as fitting
    from offtake.cli.output import print_json, write_file
    from offtake.cli.terminal import ProgressDisplay, print_lines, print_table

    with ProgressDisplay() as shown:
        found = fitting.fit(traces, progress=shown)
    files = fitting.files(found, out) if out is not None else {}
    for path, text in files.items():
        write_file(path, text)
    if json:
        print_json({**fitting.document(found), "written": [str(path) for path in files]})
        return 0
    print_table(fitting.term_table(found))
    print_lines("")
    print_table(fitting.check_table(found))
    print_lines("")
    print_table(fitting.worst_table(found))
    if not found.power_fitted:
        print_lines("", "Power prices: the terms that ship; fit them with --traces FOLDER.")
    print_lines(*(f"Written: {path}" for path in files))
    print_lines("", "Next: name terms in a scenario, `process: {kind: spikes, like: us-tex-erco}`.")
    return 0
