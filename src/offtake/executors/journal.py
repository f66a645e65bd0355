"""Finished items of a job on disk, one file each, so that a job that was stopped or killed goes on where it was.

A file is two lines of text: what it is, and the result as plain values (`executors.plain`).  Reading one runs nothing; a file that is
damaged, foreign or of other code is worked out again and written over.  The digest in it finds damage, not malice: whoever may write to the
folder may change results.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import math
import os
import re
import stat
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from offtake.errors import OfftakeError
from offtake.executors.digests import code_digest, digest
from offtake.executors.plain import read_plain, write_plain

__all__ = ["Journal"]

_FORMAT = 1
_SYNC_EVERY_S = 0.1  # a sync takes some 4 ms here; a result that a power cut tears is worked out again
_MOST_BYTES = 1 << 30  # a result is kilobytes; more is not ours
_NAME = re.compile(r"[0-9a-f]{32}\.json")
_log = logging.getLogger(__name__)


class Journal:
    """Keep results in a folder by what they were worked out from.

    The key of an item is a digest of the work's name and code, the context, the item, and the versions of Offtake, numpy and HiGHS.  One
    folder may serve several jobs, also one after the other.

    Parameters
    ----------
    directory : str or PathLike    made where it is not there

    Raises
    ------
    OfftakeError    the folder cannot be made

    Examples
    --------
    >>> import operator, tempfile
    >>> from offtake.executors import Serial
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     done = Serial().map(operator.mul, [1, 2], context=10, journal=Journal(folder))
    ...     len(list(Path(folder).iterdir())), Serial().map(operator.mul, [1, 2, 3], context=10, journal=Journal(folder))
    (2, [10, 20, 30])
    """

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        self.directory = Path(directory)
        self._broken = False
        self._synced_at = -math.inf
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
        except (OSError, ValueError) as error:
            msg = f"no journal can be kept in {self.directory}: {getattr(error, 'strerror', None) or error}"
            raise OfftakeError(msg) from error

    def keys(self, work: Callable[[Any, Any], Any], context: object, items: Sequence[object]) -> list[str]:
        """Return the key of every item."""
        base = digest((_FORMAT, code_digest(), work, _source(work), context))
        return [hashlib.blake2b(base + digest(item), digest_size=16).hexdigest() for item in items]

    def found(self, keys: Sequence[str]) -> dict[int, Any]:
        """Return the results that are there, by the item's place in the list."""
        results = {}
        for number, key in enumerate(keys):
            with contextlib.suppress(OSError, ValueError):
                results[number] = self._read(key)
        return results

    def keep(self, key: str, result: object) -> None:
        """Write one result; a disk that does not take it is told once, and the job goes on without.

        Raises
        ------
        TypeError    the result holds more than plain values and arrays
        """
        line = write_plain(result)
        if self._broken:
            return
        head = json.dumps({"journal": _FORMAT, "key": key, "digest": _seal(key, line)})
        try:
            self._write(key, f"{head}\n{line}\n".encode("ascii"))
        except OSError as error:
            self._broken = True
            reason = error.strerror or error
            _log.warning("the journal in %s is not kept any longer (%s); the job goes on", self.directory, reason)

    def clear(self) -> None:
        """Remove the results, and the folder if nothing else is in it."""
        with contextlib.suppress(OSError):
            for path in self.directory.iterdir():
                if _NAME.fullmatch(path.name):
                    path.unlink()
            self.directory.rmdir()

    def _read(self, key: str) -> Any:  # noqa: ANN401 - whatever was kept
        # Without O_NONBLOCK a pipe in the place of a file would hold us for ever; a link may lead anywhere.
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
        with os.fdopen(os.open(self._path(key), flags), "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode) or status.st_size > _MOST_BYTES:
                raise ValueError
            head, line, *rest = file.read().decode("ascii").split("\n")
        if rest != [""] or head != json.dumps({"journal": _FORMAT, "key": key, "digest": _seal(key, line)}):
            raise ValueError
        return read_plain(line)

    def _write(self, key: str, content: bytes) -> None:
        """Write beside the place and rename: whoever reads finds all of it or nothing."""
        handle, name = tempfile.mkstemp(prefix=f".{key}-", suffix=".part", dir=self.directory)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                if time.monotonic() - self._synced_at > _SYNC_EVERY_S:
                    os.fsync(file.fileno())
                    self._synced_at = time.monotonic()
            Path(name).replace(self._path(key))
        except BaseException:
            with contextlib.suppress(OSError):
                Path(name).unlink()
            raise

    def _path(self, key: str) -> Path:
        return self.directory / f"{key}.json"


def _seal(key: str, line: str) -> str:
    return hashlib.blake2b(f"{key}\n{line}".encode("ascii"), digest_size=16).hexdigest()


def _source(work: Callable[[Any, Any], Any]) -> bytes:
    """Return the text of the module that the work stands in; Offtake's own is part of `code_digest`."""
    file = getattr(sys.modules.get(getattr(work, "__module__", None) or ""), "__file__", None)
    try:
        return Path(file).read_bytes() if file and file.endswith(".py") else b""
    except OSError:
        return b""
