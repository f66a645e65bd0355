"""The terminal: tables, diagnostics and progress for people. The only module that imports rich.

Answers go to standard output, everything else to standard error, so that `--json` and pipes stay clean. Colour and moving
lines appear on a terminal only; `NO_COLOR` is honoured by rich.
"""

from __future__ import annotations

import math
import sys
import textwrap
import time
from typing import TYPE_CHECKING, Self, TextIO, TypeGuard

from offtake.tables import clean, significant

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

    from rich.console import Console
    from rich.live import Live

    from offtake.diagnostics import Diagnostic
    from offtake.progress import ProgressEvent
    from offtake.tables import Table

__all__ = ["ProgressDisplay", "print_diagnostics", "print_lines", "print_table"]

_EVERY_S = 5.0
"""Where nothing can move, at most one line of one stage in so many seconds."""

_MOST_DIAGNOSTICS = 25
"""Shown on a terminal: who mends the first ones has mended most of the others."""


def _console(file: TextIO) -> Console:
    """Open a console that wraps nothing, guesses no colours and reads no markup in data."""
    from rich.console import Console

    return Console(file=file, highlight=False, markup=False, emoji=False, soft_wrap=True)


def print_lines(*lines: str, error: bool = False) -> None:
    """Write plain lines: to standard output, or to standard error."""
    print_to = sys.stderr if error else sys.stdout
    _console(print_to).print("\n".join(lines))


def print_table(table: Table, *, digits: int = 3, file: TextIO | None = None) -> None:
    """Write a table: ruled on a terminal, plain columns elsewhere.

    Parameters
    ----------
    table : Table
    digits : int             significant digits of each column's largest value
    file : TextIO | None     standard output by default
    """
    file = file or sys.stdout
    if not file.isatty():
        head = f"{clean(table.title)}\n" if table.title else ""
        note = f"{clean(table.note)}\n" if table.note else ""
        file.write(f"{head}{table.to_text(digits)}\n{note}")
        return
    from rich import box
    from rich.table import Table as RichTable
    from rich.text import Text

    title = Text(clean(table.title), style="bold") if table.title else None
    drawn = RichTable(box=box.SIMPLE_HEAD, title=title, title_justify="left", pad_edge=False)
    views = table.view(digits)
    for view in views:
        heading = Text(textwrap.fill(view.heading, 12) if view.right else view.heading)
        if view.unit:
            heading.append(f"\n{view.unit}", style="dim")
        drawn.add_column(
            heading,
            justify="right" if view.right else "left",
            no_wrap=view.right or _short(view.cells),
            overflow="fold",
        )
    for i in range(len(table)):
        drawn.add_row(*(Text(v.cells[i], style="red" if v.right and v.cells[i].startswith("−") else "") for v in views))
    console = _console(file)
    console.soft_wrap = False
    console.print(drawn)
    if table.note:
        console.print(Text(clean(table.note), style="dim"))


def _short(cells: Sequence[str]) -> bool:
    """Say whether a column of text should not be broken."""
    return max(map(len, cells), default=0) <= 24


def print_diagnostics(
    diagnostics: Sequence[Diagnostic], sources: Mapping[str, str] | None = None, *, file: TextIO | None = None
) -> None:
    """Write diagnostics with source lines and carets to standard error; codes in colour on a terminal."""
    from rich.text import Text

    from offtake.diagnostics import render

    words = Text(clean(render(diagnostics[:_MOST_DIAGNOSTICS], sources)))
    if (rest := len(diagnostics) - _MOST_DIAGNOSTICS) > 0:
        words.append(f"\n\nand {rest} more; --json shows all of them")
    words.highlight_regex(r"(?m)^\S+:\d+:\d+", "bold")
    words.highlight_regex(r"(?m)(?<=:\d )[A-Z]\d{3}\b", "bold red")
    words.highlight_regex(r"\^+", "red")
    words.highlight_regex(r"(?m)^\s*help:.*$", "cyan")
    _console(file or sys.stderr).print(words)


class ProgressDisplay:
    r"""Show progress on standard error while a block runs; the object is the callback.

    On a terminal one line moves: stage, best plan, bound, gap, seconds. Elsewhere a line is written when a stage begins
    or ends, and at most every few seconds between.

    Parameters
    ----------
    file : TextIO | None     standard error by default
    quiet : bool             show nothing

    Examples
    --------
    >>> import io
    >>> from offtake.progress import ProgressEvent
    >>> out = io.StringIO()
    >>> with ProgressDisplay(file=out) as show:
    ...     show(ProgressEvent(stage="base case", incumbent=4.1e9, bound=4.2e9, gap=0.024, seconds=2.0, done=True))
    >>> out.getvalue()
    'base case: best $4.1 bn · bound $4.2 bn · gap 2.4 % · 2.0 s · done\n'
    """

    def __init__(self, *, file: TextIO | None = None, quiet: bool = False) -> None:
        self._file = file or sys.stderr
        self._quiet = quiet
        self._live: Live | None = None
        self._written: dict[str, float] = {}

    def __enter__(self) -> Self:
        """Start the moving line, on a terminal."""
        if not self._quiet and self._file.isatty():
            from rich.live import Live

            self._live = Live(console=_console(self._file), refresh_per_second=8, transient=True)
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop the moving line."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def __call__(self, event: ProgressEvent) -> None:
        """Show one event."""
        if self._quiet:
            return
        words = describe(event)
        if self._live is None:
            self._write(event, words)
        elif event.done:
            self._live.console.print(words)
        else:
            from rich.spinner import Spinner
            from rich.text import Text

            self._live.update(Spinner("dots", text=Text(words)))

    def _write(self, event: ProgressEvent, words: str) -> None:
        """Write a line where nothing can move."""
        now = time.monotonic()
        if event.done or now - self._written.get(event.stage, -_EVERY_S) >= _EVERY_S:
            self._written[event.stage] = now
            self._file.write(words + "\n")
            self._file.flush()


def describe(event: ProgressEvent) -> str:
    """Write an event as one line.

    Examples
    --------
    >>> from offtake.progress import ProgressEvent
    >>> describe(ProgressEvent(stage="cases", message="low", fraction=0.25))
    'cases: low · 25 %'
    """
    parts = [event.message] if event.message else []
    if event.fraction is not None:
        parts.append(f"{significant(100 * event.fraction)} %")
    if _known(event.incumbent):
        parts.append(f"best {_usd(event.incumbent)}")
    if _known(event.bound):
        parts.append(f"bound {_usd(event.bound)}")
    if _known(event.gap):
        parts.append(f"gap {significant(100 * event.gap, 2)} %")
    if event.seconds is not None:
        parts.append(f"{event.seconds:.1f} s")
    if event.done:
        parts.append("done")
    return clean(f"{event.stage}: {' · '.join(parts)}" if parts else event.stage)


def _known(value: float | None) -> TypeGuard[float]:
    """Say whether a figure is known yet."""
    return value is not None and math.isfinite(value)


def _usd(value: float) -> str:
    """Write money short."""
    from offtake.report.words import usd

    return usd(value)
