"""Do independent pieces of work side by side, in order of their items.

Threads are enough here: the solver releases the interpreter's lock while it works.  Each piece is deterministic by itself, so the answer
does not depend on how many run at once.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
Other = TypeVar("Other")


def side_by_side(work: Callable[[Item], Result], items: Iterable[Item], *, workers: int | None = None) -> list[Result]:
    """Apply `work` to every item and return the results in order; the first error is raised when its turn comes.

    Parameters
    ----------
    workers : int or None     threads at once; the machine's cores, at most four, if None

    Examples
    --------
    >>> side_by_side(lambda x: x * x, [1, 2, 3])
    [1, 4, 9]
    """
    count = workers or min(4, os.cpu_count() or 1)
    with ThreadPoolExecutor(max_workers=count) as pool:
        return list(pool.map(work, items))


def together(one: Callable[[], Result], other: Callable[[], Other]) -> tuple[Result, Other]:
    """Do two different pieces of work at once and return both results.

    Worth it where one waits for the solver while the other computes in Python.

    Examples
    --------
    >>> together(lambda: 1, lambda: "two")
    (1, 'two')
    """
    with ThreadPoolExecutor(max_workers=1) as pool:
        later = pool.submit(other)
        return one(), later.result()
