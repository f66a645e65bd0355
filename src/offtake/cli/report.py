"""`offtake report`: the report of a run as one HTML file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from offtake.errors import OfftakeError

__all__ = ["report"]


def report(
    run: Path, /, *, out: Annotated[Path | None, Parameter(name=["--out", "-o"], allow_leading_hyphen=True)] = None
) -> int:
    """Write the report of a run: one HTML file, no scripts, no network.

    Parameters
    ----------
    run : Path
        A run directory.
    out : Path
        The file to write, `-` for standard output; `RUN.html` beside the run directory if left out.
    """
    from offtake import api
    from offtake.cli.output import write_file
    from offtake.cli.terminal import print_lines

    page = api.report(run)
    if not page:
        msg = f"{run} holds no report: it was planned with --no-report; plan it again"
        raise OfftakeError(msg)
    if out == Path("-"):
        sys.stdout.write(page)
        return 0
    target = out if out is not None else run.absolute().with_name(run.absolute().name + ".html")
    write_file(target, page)
    print_lines(f"wrote {target}", f"Next: open {target}")
    return 0
