"""One after the other, in this process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from offtake.executors.base import Held
from offtake.executors.jobs import Job
from offtake.progress import Progress, ignore

if TYPE_CHECKING:
    from offtake.executors.journal import Journal

__all__ = ["Serial"]

Context = TypeVar("Context")
Item = TypeVar("Item")
Result = TypeVar("Result")


class Serial(Held):
    """Do the work here: for debugging, for one core, and inside a worker.

    Examples
    --------
    >>> import operator
    >>> with Serial() as executor:
    ...     executor.map(operator.mul, [1, 2, 3], context=10)
    [10, 20, 30]
    """

    name = "serial"
    workers = 1

    def map(
        self,
        work: Callable[[Context, Item], Result],
        items: Sequence[Item],
        *,
        context: Context,
        progress: Progress = ignore,
        stage: str = "items",
        journal: Journal | None = None,
        interrupt: threading.Event | None = None,
    ) -> list[Result]:
        """Return `work(context, item)` of every item, in order; see `Executor.map`."""
        job = Job(work, items, context=context, progress=progress, stage=stage, journal=journal, interrupt=interrupt)
        job.work_here()
        return job.results()
