"""Files that a user named: written whole or left as they were."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from offtake.errors import OfftakeError

__all__ = ["writable", "write_whole"]


def write_whole(path: Path, text: str) -> None:
    """Write a text file whole, or leave it as it was: also where the disk is full or the program is stopped.

    A link stays one, and what is no file (a terminal, a pipe) is written to.

    Raises
    ------
    OfftakeError
        It cannot be written.
    """
    writable(path)
    target = path.resolve()
    part: Path | None = None
    try:
        if target.exists() and not target.is_file():
            target.write_text(text, encoding="utf-8", newline="\n")
            return
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", newline="\n", dir=target.parent, prefix=".offtake-", delete=False
        ) as file:
            part = Path(file.name)
            file.write(text)
        part.chmod(target.stat().st_mode & 0o777 if target.exists() else 0o666 & ~_umask())
        part.replace(target)
    except (OSError, ValueError) as error:
        raise OfftakeError(f"{path}: cannot be written: {getattr(error, 'strerror', None) or error}") from error
    finally:
        if part is not None:
            part.unlink(missing_ok=True)


def writable(path: Path, *, beside: Iterable[Path] = ()) -> None:
    """Refuse a name under which no file can be written, before the work; `beside`: what is read and must not be written over.

    Raises
    ------
    OfftakeError
        It is a folder or a file that is read, or its folder is missing.
    """
    try:
        if not path.name or path.is_dir():
            raise OfftakeError(f"{str(path)!r}: cannot be written: it is a folder; name a file")
        if not path.resolve().parent.is_dir():
            raise OfftakeError(f"{path}: cannot be written: there is no folder {path.resolve().parent}")
        if path.exists() and any(one.exists() and path.samefile(one) for one in beside):
            raise OfftakeError(f"{path}: cannot be written: it is what is read; name another file")
    except (OSError, ValueError) as error:
        raise OfftakeError(f"{path}: cannot be written: {getattr(error, 'strerror', None) or error}") from error


def _umask() -> int:
    """Return what new files may not be."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
