"""Where the log goes. The library only writes to loggers; this is the one place that gives them somewhere to go."""

from __future__ import annotations

import logging
from pathlib import Path

from offtake.errors import OfftakeError

__all__ = ["log_to"]


def log_to(*, verbose: int = 0, quiet: bool = False, file: Path | None = None) -> None:
    """Send the log to standard error, and all of it to a file where one is named.

    Parameters
    ----------
    verbose : int      0: warnings, 1: what is done, 2: everything
    quiet : bool       errors only
    file : Path        takes everything from level INFO on, DEBUG with `verbose` of 2

    Raises
    ------
    OfftakeError    the file cannot be written
    """
    level = logging.ERROR if quiet else (logging.WARNING, logging.INFO, logging.DEBUG)[min(verbose, 2)]
    shown = logging.StreamHandler()
    shown.setLevel(level)
    shown.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    handlers: list[logging.Handler] = [shown]
    if file is not None:
        try:
            written = logging.FileHandler(file, mode="w", encoding="utf-8")
        except (OSError, ValueError) as error:
            msg = f"--log-file {file} cannot be written: {getattr(error, 'strerror', None) or error}"
            raise OfftakeError(msg) from error
        written.setLevel(logging.DEBUG if verbose > 1 else logging.INFO)
        written.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        handlers.append(written)
    ours = logging.getLogger("offtake")
    ours.handlers[:] = handlers
    ours.setLevel(min(handler.level for handler in handlers))
    ours.propagate = False
