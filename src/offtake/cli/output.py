"""Writing answers: one JSON document, and readers that leave early or streams that cannot be written."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

from offtake.errors import OfftakeError
from offtake.files import write_whole

__all__ = ["listening", "make_writable", "print_json", "write_file"]


def make_writable() -> None:
    """Give every standard stream somewhere to go, and let none fail on a character that it cannot show."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:  # closed by the caller: a file opened later would take its number and receive our words
            os.open(os.devnull, os.O_RDWR)
    sys.stdout = sys.stdout or _nowhere()
    sys.stderr = sys.stderr or _nowhere()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError):
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]


def _nowhere() -> TextIO:
    return Path(os.devnull).open("w", encoding="utf-8")


@contextlib.contextmanager
def listening() -> Iterator[None]:
    """Write an answer: a reader that has left (`| head`) ends the writing and nothing else.

    Raises
    ------
    OfftakeError    standard output cannot be written: a full disk, say
    """
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        _silence()
    except SystemExit as end:  # rich ends the process where its reader has left
        if not isinstance(end.__context__, BrokenPipeError):
            raise
        _silence()
    except OSError as error:
        if error.filename is not None:  # of a file, not of a stream
            raise
        _silence()
        msg = f"standard output cannot be written: {error.strerror}"
        raise OfftakeError(msg) from error


def _silence() -> None:
    """Send the rest of the output nowhere; the interpreter flushes it once more at its end."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def print_json(document: Mapping[str, Any]) -> None:
    """Write one JSON document and nothing else to standard output, in UTF-8."""
    from offtake.runs.manifest import dump_json

    text = dump_json(document)
    with contextlib.suppress(AttributeError):
        sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    sys.stdout.write(text)
    sys.stdout.flush()


def write_file(path: Path, text: str) -> None:
    """Write a text file that the user named, whole or not at all, and the folders above it.

    Raises
    ------
    OfftakeError    it cannot be written
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        msg = f"{path}: cannot be written: {getattr(error, 'strerror', None) or error}"
        raise OfftakeError(msg) from error
    write_whole(path, text)
