"""Ray: started here for this job, or a cluster that runs already.

Ray is an extra (`pip install "offtake[ray]"`) and is imported only here, when somebody asks for it.  Items are Ray tasks of one core each;
the context lies once in Ray's object store and each worker unpacks it once.  On a cluster every machine needs the same Offtake, which is
checked; digits are the same to the byte where the machines' processors are of one kind, because BLAS picks its code by the processor.

A cluster can run code here and there: name only one that you trust.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import importlib.util
import logging
import os
import re
import secrets
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from offtake.errors import OfftakeError
from offtake.executors.base import Held
from offtake.executors.digests import code_digest
from offtake.executors.jobs import Job
from offtake.executors.processes import INSIDE, cores
from offtake.executors.tasks import Reply, Task, answer, failure, load, one_thread
from offtake.progress import Progress, ignore

if TYPE_CHECKING:
    from offtake.executors.journal import Journal

__all__ = ["Ray"]

Context = TypeVar("Context")
Item = TypeVar("Item")
Result = TypeVar("Result")

_FALLBACK = "use --executor processes, which needs only this machine"
_ADDRESS = re.compile(r"auto|(\[[0-9a-fA-F:]+\]|[A-Za-z0-9._-]+):[0-9]{1,5}")
_ANSWER_S = 6.5  # for a cluster to answer; ten seconds are promised, of which loading the scenario takes some
_CONNECT_S = 3.0  # for its machine to take a connection
_TICK_S = 0.2
_AHEAD = 2  # items given out for each core, so that none waits for us
_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # or a warning about a later default
    "RAY_DISABLE_IMPORT_WARNING": "1",
}
_PROBE = """
import sys
import ray
ray.init(sys.argv[1], log_to_driver=False, configure_logging=False, logging_level="error")
print("answered", flush=True)
"""


class Ray(Held):
    """Do the work on a Ray cluster.

    Parameters
    ----------
    address : str or None    "HOST:PORT" of a cluster that runs, or "auto" for one that this machine is part of; None starts one here,
        for this object only, by the first `map` of more than one item

    Raises
    ------
    OfftakeError    Ray is not installed; the address is none; it does not answer within ten seconds, or with another version
    """

    def __init__(self, address: str | None = None) -> None:
        if importlib.util.find_spec("ray") is None:
            msg = f'Ray is not installed: pip install "offtake[ray]"; or {_FALLBACK}'
            raise OfftakeError(msg)
        self.name = f"ray:{address}" if address else "ray"
        self.workers = cores()
        self._address = address
        self._ours: contextlib.ExitStack | None = None
        self._lock = threading.Lock()
        if address is not None:
            _must_answer(address)
            self._start()

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
        """Return `work(context, item)` of every item, in order; see `Executor.map`.  One item is done here."""
        job = Job(work, items, context=context, progress=progress, stage=stage, journal=journal, interrupt=interrupt)
        if job.left <= 1:
            job.work_here()
        else:
            with self._lock, job.stoppable():
                self._share(job)
        return job.results()

    def close(self) -> None:
        """Leave the cluster; end it where it was started for this object."""
        if self._ours is not None:
            self._ours.close()
            self._ours = None

    def _start(self) -> None:
        """Connect, unless that is done."""
        if self._ours is not None:
            return
        with contextlib.ExitStack() as stack:
            stack.enter_context(_environment(local=self._address is None))
            import ray

            quiet: dict[str, Any] = {"log_to_driver": False, "configure_logging": False, "logging_level": "error"}
            if not ray.is_initialized():  # else somebody in this process has one, who will close it
                if self._address is None:
                    folder = tempfile.TemporaryDirectory(prefix="ray", ignore_cleanup_errors=True)
                    quiet |= {"address": "local", "num_cpus": self.workers, "include_dashboard": False}
                    quiet |= {"_temp_dir": stack.enter_context(folder), "_node_ip_address": "127.0.0.1"}
                else:
                    quiet |= {"address": self._address}
                stack.enter_context(_silence())
                try:
                    ray.init(**quiet)
                except Exception as error:
                    msg = f"Ray cannot be started: {_first_line(str(error))}; {_FALLBACK}"
                    raise OfftakeError(msg) from error
                stack.callback(ray.shutdown)
            self.workers = max(1, int(ray.cluster_resources().get("CPU", 1)))
            self._ours = stack.pop_all()

    def _share(self, job: Job) -> None:
        """Keep every core of the cluster busy, and take replies as they come."""
        self._start()
        import ray
        from ray.exceptions import RayError, RayTaskError

        task = job.task
        # A cluster's machines have their own places for modules; workers of this machine look where we do.
        path, code = (sys.path, b"") if self._address is None else ([], code_digest())
        held = ray.put((path, task.module, task.function, task.context))
        there = ray.remote(num_cpus=1, max_retries=0)(_answer_there)
        running: dict[Any, int] = {}
        try:
            while True:
                while len(running) < _AHEAD * self.workers and (taken := job.take()) is not None:
                    # In a list: Ray then passes the reference, and the worker fetches what it refers to once.
                    running[there.remote([held], code, taken[1])] = taken[0]
                if job.asked_to_stop:
                    raise KeyboardInterrupt
                if not running:
                    return
                for done in ray.wait(list(running), timeout=_TICK_S)[0]:
                    number = running.pop(done)
                    try:
                        job.answered(number, Reply(*ray.get(done)))
                    except RayTaskError as error:
                        msg = f"the workers of {self.name} cannot run Offtake: {_first_line(str(error.cause))}"
                        raise OfftakeError(msg) from error
                    except RayError as error:
                        job.lost(number, f"ended with {type(error).__name__}")
                for late in [ref for ref, number in running.items() if number > job.limit]:
                    ray.cancel(late, force=True)
                    del running[late]
        finally:
            for ref in running:
                ray.cancel(ref, force=True)


def _answer_there(held: list[Any], code: bytes, item: bytes) -> tuple[bool, bytes]:
    """Do one item, in a worker of the cluster."""
    with one_thread():
        try:
            work, context = _held(held[0], code)
        except Exception as error:  # noqa: BLE001 - carried to the process that asked
            reply = failure(error)
        else:
            reply = answer(work, context, item)
    return reply.good, reply.content


@functools.lru_cache(maxsize=1)
def _held(reference: Any, code: bytes) -> tuple[Callable[[Any, Any], Any], Any]:  # noqa: ANN401
    """Fetch and unpack the context once in each worker; the next one takes its place."""
    import platform

    import ray

    if code and code != code_digest():
        msg = f"Offtake, numpy or HiGHS on {platform.node()} is of another version than here; install the same on every machine"
        raise OfftakeError(msg)
    os.environ[INSIDE] = "1"
    path, module, function, context = ray.get(reference)
    sys.path.extend(place for place in path if place not in sys.path)
    return load(Task(module=module, function=function, context=context, key=""))


def _must_answer(address: str) -> None:
    """Ask an address from a process of its own: Ray's own waiting lasts up to a minute and may end the process that waits."""
    if not _ADDRESS.fullmatch(address):
        msg = f"--executor ray:{address[:80]}: an address is written HOST:PORT, as in ray:10.0.0.7:6379; or {_FALLBACK}"
        raise OfftakeError(msg)
    program = [sys.executable, "-P", "-c", _PROBE, address]
    try:
        if address != "auto":
            host, port = address.rsplit(":", 1)
            socket.create_connection((host.strip("[]"), int(port)), timeout=_CONNECT_S).close()
        done = subprocess.run(  # noqa: S603 - our own program
            program,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_ANSWER_S,
            check=False,
            env={**os.environ, **_QUIET},
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        reason = f"no answer in {_ANSWER_S:g} s; this machine must be one of the cluster's"
    except (OSError, OverflowError) as error:  # nobody listens, no such machine, or no such port
        reason = _first_line(str(error))
    else:
        if "answered" in done.stdout.split():
            return
        lines = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
        reason = _first_line(lines[-1].rpartition("Error: ")[2])
    msg = f"the Ray cluster at {address} does not answer ({reason}); start it, correct the address, or {_FALLBACK}"
    raise OfftakeError(msg)


def _first_line(text: str) -> str:
    return (text.strip().splitlines() or ["no reason given"])[0][:300]


@functools.cache
def _token() -> str:
    """Draw a token: one for all of this process, because Ray reads it once."""
    return secrets.token_hex(32)


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Keep Ray from printing how workers died: we say it where it matters, and standard output belongs to the answer."""
    module = importlib.import_module("ray._private.worker")
    before = getattr(module, "_worker_logs_enabled", True)
    module._worker_logs_enabled = False  # type: ignore[attr-defined]  # noqa: SLF001 - no public switch reaches it (Ray 2.60)
    try:
        yield
    finally:
        module._worker_logs_enabled = before  # type: ignore[attr-defined]  # noqa: SLF001


@contextlib.contextmanager
def _environment(*, local: bool) -> Iterator[None]:
    """Set what Ray reads from the environment, and set it back.

    A local Ray asks for a token, so that other users of the machine cannot send it work; without one in the environment it would leave a
    file in the home folder. A cluster has its own ways, and its users what they need for it.
    """
    wanted = dict(_QUIET)
    if local and "RAY_AUTH_TOKEN" not in os.environ:
        wanted["RAY_AUTH_TOKEN"] = _token()
    before = {name: os.environ.get(name) for name in (*wanted, "RAY_AUTH_MODE")}
    os.environ.update(wanted)
    import ray  # noqa: F401 - it gives its logger a level

    logger = logging.getLogger("ray")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
