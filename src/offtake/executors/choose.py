"""From the word on the command line to the executor."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from offtake.diagnostics import did_you_mean
from offtake.errors import OfftakeError
from offtake.executors.processes import INSIDE, Processes
from offtake.executors.serial import Serial

if TYPE_CHECKING:
    from offtake.executors.base import Executor

__all__ = ["executor_of"]

_KINDS = ("serial", "processes", "ray")
_HOW = "serial, processes, processes:N, ray or ray:ADDRESS"
_MOST = 1024


def executor_of(text: str | None) -> Executor:
    """Return the executor that a word names; None is processes, as many as there are cores.

    Inside a worker None is serial: workers do not start workers.

    Parameters
    ----------
    text : str or None    "serial", "processes", "processes:N", "ray" (started here) or "ray:ADDRESS" (a running cluster)

    Raises
    ------
    OfftakeError    no such executor, no such number of workers, Ray is not installed, or its address does not answer within ten seconds

    Examples
    --------
    >>> executor_of("serial").name
    'serial'
    >>> executor_of("processes:3").workers
    3
    >>> executor_of("proceses")
    Traceback (most recent call last):
        ...
    offtake.errors.OfftakeError: there is no executor 'proceses': did you mean `processes`?
    """
    if text is None:
        return Serial() if os.environ.get(INSIDE) else Processes()
    kind, colon, more = text.strip().partition(":")
    if kind == "serial" and not colon:
        return Serial()
    if kind == "processes":
        return Processes(_count(text, more) if colon else None)
    if kind == "ray" and (more or not colon):
        from offtake.executors.cluster import Ray

        return Ray(more or None)
    hint = did_you_mean(kind, _KINDS) if kind not in _KINDS else ""
    msg = f"there is no executor {text[:80]!r}: {hint or f'write {_HOW}'}"
    raise OfftakeError(msg)


def _count(text: str, more: str) -> int:
    if more.isascii() and more.isdigit() and 1 <= int(more[:6]) <= _MOST:
        return int(more)
    msg = (
        f"--executor {text[:80]}: the number of worker processes is a whole number from 1 to {_MOST}, as in processes:4"
    )
    raise OfftakeError(msg)
