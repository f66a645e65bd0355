"""One `map` in the making: what is left, what came, what went wrong, in whichever order workers answer."""

from __future__ import annotations

import contextlib
import pickle
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from offtake.errors import OfftakeError
from offtake.executors.base import Stopped
from offtake.executors.tasks import Reply, answer, error_of, item_bytes, load, one_thread, task_of
from offtake.progress import Progress, ProgressEvent

if TYPE_CHECKING:
    from offtake.executors.journal import Journal

__all__ = ["MOST_TRIES", "Job"]

MOST_TRIES = 3
"""So often an item is given out before the workers that it took down are held against it."""

_EVERY_S = 0.2  # between two reports of progress


class Job:
    """Give out items in order, take replies in any order, and keep the error of the first item that failed.

    The error is that of the first item in the list whoever works and however fast: items before it are finished first, later ones are not
    begun.

    Parameters
    ----------
    work, items, context, progress, stage, journal, interrupt    those of `Executor.map`
    """

    def __init__(
        self,
        work: Callable[[Any, Any], Any],
        items: Sequence[Any],
        *,
        context: object,
        progress: Progress,
        stage: str,
        journal: Journal | None,
        interrupt: threading.Event | None,
    ) -> None:
        self.task = task_of(work, context)
        self.interrupt = interrupt
        self._items = items
        self._progress = progress
        self._stage = stage
        self._journal = journal
        self._began = time.monotonic()
        self._told = -1.0
        self._results: dict[int, Any] = {}
        self._tries: dict[int, int] = {}
        self._errors: dict[int, Exception] = {}
        self._lock = threading.Lock()
        self._keys: list[str] = []
        if journal is not None:
            self._keys = journal.keys(work, context, items)
            self._results = journal.found(self._keys)
        self._left = deque(number for number in range(len(items)) if number not in self._results)
        self._packed = {number: item_bytes(items[number]) for number in self._left}
        self._tell()

    @property
    def left(self) -> int:
        """Items that nobody has taken."""
        return len(self._left)

    @property
    def limit(self) -> int:
        """The first item that failed: neither it nor what follows is of use any more."""
        return min(self._errors, default=len(self._items))

    def take(self) -> tuple[int, bytes] | None:
        """Give out the next item, or None where there is none (left)."""
        with self._lock:
            if not self._left or self._left[0] >= self.limit or self.asked_to_stop:
                return None
            number = self._left.popleft()
            self._tries[number] = self._tries.get(number, 0) + 1
        return number, self._packed[number]

    @property
    def asked_to_stop(self) -> bool:
        """The caller has set the interrupt event."""
        return self.interrupt is not None and self.interrupt.is_set()

    def answered(self, number: int, reply: Reply) -> None:
        """Take a worker's reply; called in one thread only."""
        if not reply.good:
            error = error_of(reply)
            error.add_note(f"while working on {self._name(number)}")
            self.failed(number, error)
            return
        result = pickle.loads(reply.content)  # noqa: S301 - from our own worker
        if self._journal is not None:
            self._journal.keep(self._keys[number], result)
        self._results[number] = result
        self._tell()

    def failed(self, number: int, error: Exception) -> None:
        """Note that an item has no result."""
        with self._lock:
            self._errors[number] = error

    def lost(self, number: int, how: str) -> None:
        """Give an item out again whose worker died, unless that has happened too often."""
        with self._lock:
            if number >= self.limit:
                return
            if self._tries[number] < MOST_TRIES:
                self._left.appendleft(number)
                return
            self._errors[number] = OfftakeError(
                f"{self._name(number)} ended its worker {MOST_TRIES} times; the last one {how}"
            )

    def work_here(self) -> None:
        """Do all that is left in this process."""
        if not self._left:
            return
        with one_thread(), self.stoppable():
            work, context = load(self.task)
            while (taken := self.take()) is not None:
                self.answered(taken[0], answer(work, context, taken[1]))

    @contextlib.contextmanager
    def stoppable(self) -> Iterator[None]:
        """Turn Ctrl-C and the interrupt event into `Stopped`, which holds what is finished."""
        try:
            yield
        except KeyboardInterrupt as error:
            raise Stopped(dict(self._results)) from error
        if self.asked_to_stop and len(self._results) < self.limit:
            raise Stopped(dict(self._results))

    def results(self) -> list[Any]:
        """Return the results in order of the items, or raise the error of the first that failed."""
        if self._errors:
            raise self._errors[self.limit]
        self._progress(self._event(done=True))
        return [self._results[number] for number in range(len(self._items))]

    def _name(self, number: int) -> str:
        item = self._items[number]
        shown = f" ({item!r})" if isinstance(item, str | int | float) and len(repr(item)) <= 60 else ""
        return f"item {number + 1} of {len(self._items)} {self._stage}{shown}"

    def _event(self, *, done: bool = False) -> ProgressEvent:
        count, of = len(self._results), len(self._items)
        return ProgressEvent(
            stage=self._stage,
            message=f"{count} of {of}",
            fraction=count / of if of else 1.0,
            seconds=time.monotonic() - self._began,
            done=done,
        )

    def _tell(self) -> None:
        now = time.monotonic()
        if now - self._told >= _EVERY_S:
            self._told = now
            self._progress(self._event())
