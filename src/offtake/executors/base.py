"""What every executor offers, and the one way in which a job is stopped."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar

from offtake.progress import Progress, ignore

if TYPE_CHECKING:
    from offtake.executors.journal import Journal

__all__ = ["Executor", "Held", "Stopped"]

Context = TypeVar("Context")
Item = TypeVar("Item")
Result = TypeVar("Result")


class Stopped(KeyboardInterrupt):
    """Say that a job was stopped by Ctrl-C or by its interrupt event.

    Parameters
    ----------
    results : dict[int, Any]    what was finished, by the item's place in the list
    """

    def __init__(self, results: dict[int, Any]) -> None:
        self.results = results
        super().__init__(f"stopped with {len(results)} items finished")


class Executor(Protocol):
    """Work off many items; close it, or use it as a context manager, so that its workers end.

    Attributes
    ----------
    name : str       as it is written on the command line: "serial", "processes:2", "ray:10.0.0.7:6379"
    workers : int    pieces of work that are done at once
    """

    @property
    def name(self) -> str:
        """As it is written on the command line."""

    @property
    def workers(self) -> int:
        """Pieces of work that are done at once."""

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
        """Return `work(context, item)` of every item, in order of the items.

        Parameters
        ----------
        work : Callable            a function of a module, found there by its name; its result depends on context and item alone
        items : Sequence           what differs between the pieces; small
        context : Any              what they share; pickled once and sent to each worker once
        progress : Progress        told the share of items finished
        stage : str                what the items are, in the plural, for progress and messages: "fresh paths"
        journal : Journal or None  keeps each result as it comes; results found there are not worked out again
        interrupt : Event or None  once set, the job stops as after Ctrl-C

        Raises
        ------
        Stopped          Ctrl-C or `interrupt`; it holds the results so far
        OfftakeError     an item took its worker down three times; the item is named
        Exception        what the work raised for the first item that failed, with a note that names the item
        """

    def warm(self, *modules: str, items: int | None = None) -> None:
        """Let workers start and import modules while the caller does something else; where there is nothing to start, nothing happens.

        Parameters
        ----------
        modules : str           what the work stands in and imports
        items : int or None     how many items are to come at most: no more workers are started
        """

    def close(self) -> None:
        """End all workers; it may be called twice."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Held:
    """Close at the end of a `with` block; have nothing to warm and nothing to end."""

    def warm(self, *modules: str, items: int | None = None) -> None:
        """Do nothing."""

    def close(self) -> None:
        """End all workers."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
