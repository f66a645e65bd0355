"""Worker processes of this machine.

Each is a fresh interpreter, not a copy of this one (`fork`): a copy made while HiGHS, BLAS or a progress display have threads holds their
locks and nobody to release them.  `multiprocessing` would start fresh ones too, but runs the caller's script again in each of them, which a
script or a pipe without `if __name__ == "__main__"` does not survive.

A worker costs its start (about as long as `import offtake.plan`, benchmarks/executors.py); workers stay for the next `map` until `close`.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, TypeVar

from offtake.errors import OfftakeError
from offtake.executors.base import Held
from offtake.executors.jobs import Job
from offtake.executors.tasks import ONE_THREAD, Reply, Task
from offtake.executors.worker import read_frame, write_frame
from offtake.progress import Progress, ignore

if TYPE_CHECKING:
    from offtake.executors.journal import Journal

__all__ = ["INSIDE", "Processes", "Worker", "cores"]

_News = queue.SimpleQueue["tuple[int, Reply] | Exception | None"]  # a reply, a fault of ours, or the end of a thread

Context = TypeVar("Context")
Item = TypeVar("Item")
Result = TypeVar("Result")

INSIDE = "OFFTAKE_WORKER"
"""Set in the environment of a worker: there, `executor_of(None)` works serially."""

_TICK_S = 0.2  # so often a waiting job looks at its interrupt event
_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def cores() -> int:
    """Return the cores that this process may use: those of the machine, less by affinity or by a container's quota.

    Examples
    --------
    >>> cores() >= 1
    True
    """
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with contextlib.suppress(OSError, ValueError):
        quota, period = _QUOTA.read_text("ascii").split()[:2]
        count = min(count, -(-int(quota) // int(period)))  # "max" is no number and sets no limit
    return max(count, 1)


class Lost(Exception):  # noqa: N818 - an event, told to the job
    """Say how a worker ended while it was asked."""


class Worker:
    """One process that answers one item after the other, with one thread for linear algebra.

    Parameters
    ----------
    executable : str    the Python that runs it
    """

    def __init__(self, executable: str) -> None:
        self.number: int | None = None  # of the item in hand
        self._key = ""
        # A group of its own: Ctrl-C in a terminal goes to the process that decides, and not to its workers.
        apart: dict[str, int] = (
            {"process_group": 0}
            if os.name == "posix"
            else {"creationflags": getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)}
        )
        # -P: no file of the current folder is imported by accident.
        program = [executable, "-P", str(Path(__file__).with_name("worker.py"))]
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                program,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={**os.environ, **ONE_THREAD, INSIDE: "1"},
                **apart,  # type: ignore[call-overload]
            )
        except OSError as error:
            msg = f"no worker process can be started ({error.strerror}); use --executor serial"
            raise OfftakeError(msg) from error
        self._sent_path = False

    @property
    def alive(self) -> bool:
        """The process runs."""
        return self._process.poll() is None

    @property
    def pid(self) -> int:
        """The process's number."""
        return int(self._process.pid)

    def ask(self, task: Task, item: bytes) -> Reply:
        """Send an item, before it the task where the worker does not have it, and wait for the reply.

        Raises
        ------
        Lost    the process ended
        """
        to, back = self._process.stdin, self._process.stdout
        if to is None or back is None:  # pragma: no cover - both are pipes
            raise Lost
        try:
            self._send_path(to)
            if task.key != self._key:
                write_frame(to, b"T", pickle.dumps((task.module, task.function, task.context)))
                self._key = task.key
            write_frame(to, b"I", item)
            frame = read_frame(back)
        except (OSError, ValueError):  # the pipe is broken, or closed by `kill`
            frame = None
        if frame is None:
            raise Lost(self._ending())
        return Reply(good=frame[0] == b"R", content=frame[1])

    def prepare(self, modules: tuple[str, ...]) -> None:
        """Let the process import modules, and do not wait for it; if it has ended, the first item will tell."""
        with contextlib.suppress(OSError, ValueError):
            if (to := self._process.stdin) is not None:
                self._send_path(to)
                write_frame(to, b"M", pickle.dumps(modules))

    def _send_path(self, to: IO[bytes]) -> None:
        """Say once where modules are found."""
        if not self._sent_path:
            write_frame(to, b"P", pickle.dumps(sys.path))
            self._sent_path = True

    def _ending(self) -> str:
        """Say how the process ended."""
        try:
            code = self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            return "closed its pipe"
        if code >= 0:
            return f"ended with exit status {code}"
        with contextlib.suppress(ValueError):
            name = signal.Signals(-code).name
            memory = ", which is what a machine without memory left does" if name == "SIGKILL" else ""
            return f"was ended by {name}{memory}"
        return f"was ended by signal {-code}"

    def end(self) -> None:
        """End the process now, and wait until it has."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()


class Processes(Held):
    """Do the work in worker processes of this machine; the default executor.

    They are started by the first `map` of more than one item and stay, so that later maps, also of other work, find them warm.

    Parameters
    ----------
    workers : int or None    the cores that this process may use if None

    Examples
    --------
    >>> import operator
    >>> with Processes(2) as executor:
    ...     executor.map(operator.mul, [1, 2, 3], context=10), executor.map(operator.add, [1, 2, 3], context=10)
    ([10, 20, 30], [11, 12, 13])
    """

    def __init__(self, workers: int | None = None) -> None:
        if not sys.executable:
            msg = "no Python is known to start workers with (sys.executable is empty); use --executor serial"
            raise OfftakeError(msg)
        self.workers = workers or cores()
        self.name = "processes" if workers is None else f"processes:{workers}"
        self._crew: list[Worker] = []
        self._lock = threading.Lock()  # one job at a time
        self._guard = threading.Lock()  # of the crew

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
        """Return `work(context, item)` of every item, in order; see `Executor.map`.  One item alone is done here."""
        job = Job(work, items, context=context, progress=progress, stage=stage, journal=journal, interrupt=interrupt)
        if job.left <= 1:
            job.work_here()
        else:
            with self._lock, job.stoppable():
                self._share(job)
        return job.results()

    def warm(self, *modules: str, items: int | None = None) -> None:
        """Start workers now and let them import; see `Executor.warm`."""
        with self._lock:
            self._fill(self.workers if items is None else min(self.workers, items))
            for worker in self._crew:
                worker.prepare(modules)

    def _fill(self, count: int) -> None:
        """Have so many workers at least."""
        while len(self._crew) < count:
            self._crew.append(Worker(sys.executable))

    def close(self) -> None:
        """End all workers."""
        while self._crew:
            self._crew.pop().end()

    def _share(self, job: Job) -> None:
        """Let a thread for each worker hand items to it, and take the replies here."""
        count = min(self.workers, job.left)
        self._fill(count)
        news: _News = queue.SimpleQueue()
        over = threading.Event()
        threads = [
            threading.Thread(target=self._serve, args=(place, job, news, over), daemon=True) for place in range(count)
        ]
        try:
            for thread in threads:
                thread.start()
            self._gather(job, news, len(threads))
        except BaseException:
            with self._guard:  # from here on no thread gives out an item, and none waits for an answer
                over.set()
                for worker in self._crew:
                    worker.end()
            raise
        finally:
            for thread in threads:
                if thread.ident is not None:
                    thread.join()

    def _gather(self, job: Job, news: _News, running: int) -> None:
        """Take replies until every thread has ended; cut short what is of no use any more."""
        while running:
            if job.asked_to_stop:
                raise KeyboardInterrupt
            with contextlib.suppress(queue.Empty):
                new = news.get(timeout=_TICK_S)
                if new is None:
                    running -= 1
                elif isinstance(new, Exception):
                    raise new
                else:
                    job.answered(*new)
            for worker in self._crew:
                number = worker.number
                if number is not None and number > job.limit:
                    worker.end()

    def _serve(self, place: int, job: Job, news: _News, over: threading.Event) -> None:
        """Give items to one worker, in a thread; another worker takes the place of one that died."""
        try:
            while (taken := job.take()) is not None:
                number, item = taken
                with self._guard:
                    if over.is_set():
                        return
                    if not self._crew[place].alive:
                        self._crew[place].end()
                        self._crew[place] = Worker(sys.executable)
                    worker = self._crew[place]
                    worker.number = number
                try:
                    reply = worker.ask(job.task, item)
                except Lost as lost:
                    worker.end()
                    job.lost(number, str(lost))
                else:
                    worker.number = None
                    news.put((number, reply))
        except Exception as error:  # noqa: BLE001 - raised in the thread that waits
            news.put(error)
        finally:
            news.put(None)
