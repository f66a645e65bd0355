"""Many independent pieces of work: side by side in threads, in processes of this machine, or on a Ray cluster.

A plan under uncertainty asks for hundreds of answers that do not know of each other: fresh paths, replications, sensitivity grids.  An
`Executor` works them off: `work(context, item)` for every item, results in order of the items.

**The same bytes, whoever works.**  Every item, context and result passes through `pickle`, also where everything happens in this process,
so that the work sees the same memory layout everywhere; and every worker has one thread for linear algebra, because the last digits of a
product depend on the number of threads.  What is left is up to the work: its result is a function of context and item alone.

A worker that dies costs a retry of the item that it held (`MOST_TRIES` in all).  A `Journal` keeps finished items on disk, so that a job
that was stopped goes on where it was.
"""

from __future__ import annotations

from offtake.executors.base import Executor, Stopped
from offtake.executors.choose import executor_of
from offtake.executors.jobs import MOST_TRIES
from offtake.executors.journal import Journal
from offtake.executors.processes import Processes, cores
from offtake.executors.serial import Serial
from offtake.executors.threads import side_by_side, together

__all__ = [
    "MOST_TRIES",
    "Executor",
    "Journal",
    "Processes",
    "Serial",
    "Stopped",
    "cores",
    "executor_of",
    "side_by_side",
    "together",
]
