"""One piece of work as bytes: what every worker does, wherever it runs.

Messages are pickles between a process and the workers that it started itself; nothing from a file or from a stranger is read this way.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import os
import pickle
import threading
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

__all__ = ["ONE_THREAD", "Reply", "Task", "answer", "error_of", "load", "one_thread", "task_of"]

ONE_THREAD = dict.fromkeys(
    (
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "MKL_NUM_THREADS",
        "BLIS_NUM_THREADS",
        "VECLIB_MAXIMUM_THREADS",
        "NUMEXPR_NUM_THREADS",
    ),
    "1",
)
"""What libraries of linear algebra read when they are loaded.  HiGHS is told by `lp.highs`: one thread is its default there."""

_PROTOCOL = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """The work and its context, packed once for all workers.

    Parameters
    ----------
    module, function : str    where the work is found
    context : bytes           a pickle
    key : str                 of the three; workers that have it already are not sent it again
    """

    module: str
    function: str
    context: bytes
    key: str


@dataclass(frozen=True, slots=True)
class Reply:
    """What became of one item: a pickled result, or a packed error."""

    good: bool
    content: bytes


def task_of(work: Callable[[Any, Any], Any], context: object) -> Task:
    """Pack the work and its context.

    Raises
    ------
    TypeError    the work cannot be found in a module by its name, or the context cannot be pickled

    Examples
    --------
    >>> import operator
    >>> task_of(operator.mul, 3).function
    'mul'
    >>> task_of(lambda context, item: item, 3)
    Traceback (most recent call last):
        ...
    TypeError: <lambda> of offtake.executors.tasks cannot be sent to a worker: it must be a function of an importable module
    """
    module, function = getattr(work, "__module__", "") or "", getattr(work, "__qualname__", "")
    if module == "__main__" or _found(module, function) is not work:
        name = f"{function or repr(work)} of {module or 'no module'}"
        msg = f"{name} cannot be sent to a worker: it must be a function of an importable module"
        raise TypeError(msg)
    packed = _pickled(context, "the context")
    digest = hashlib.blake2b(f"{module}:{function}\0".encode(), digest_size=16)
    digest.update(packed)
    return Task(module=module, function=function, context=packed, key=digest.hexdigest())


def _found(module: str, function: str) -> Any:  # noqa: ANN401
    try:
        found: Any = importlib.import_module(module)
        for part in function.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError, ValueError):
        return None
    return found


def _pickled(value: object, what: str) -> bytes:
    try:
        return pickle.dumps(value, protocol=_PROTOCOL)
    except (pickle.PicklingError, TypeError, AttributeError, RecursionError) as error:
        msg = f"{what} cannot be pickled: {error}"
        raise TypeError(msg) from error


def load(task: Task) -> tuple[Callable[[Any, Any], Any], Any]:
    """Return the work and a context of the worker's own."""
    work = importlib.import_module(task.module)
    for part in task.function.split("."):
        work = getattr(work, part)
    return work, pickle.loads(task.context)  # type: ignore[return-value]  # noqa: S301 - packed by our own process


def item_bytes(item: object) -> bytes:
    """Pack one item."""
    return _pickled(item, "an item")


def answer(work: Callable[[Any, Any], Any], context: object, item: bytes) -> Reply:
    """Do the work for one packed item; what it raises becomes part of the reply."""
    try:
        result = work(context, pickle.loads(item))  # noqa: S301 - packed by our own process
        return Reply(good=True, content=_pickled(result, "the result"))
    except Exception as error:  # noqa: BLE001 - carried to the process that asked
        return failure(error)


def failure(error: Exception) -> Reply:
    """Pack an error without calling its constructor again: many take other arguments than they keep."""
    error_type, state = type(error), error.__dict__
    words = "".join(traceback.format_exception(error))
    try:
        content = pickle.dumps((error_type, error.args, state, words), protocol=_PROTOCOL)
        error_of(Reply(good=False, content=content))
    except Exception:  # noqa: BLE001 - an error that cannot travel is told in words
        told = f"{error_type.__qualname__}: {error}"
        content = pickle.dumps((RuntimeError, (told,), {}, words), protocol=_PROTOCOL)
    return Reply(good=False, content=content)


class InWorker(Exception):  # noqa: N818 - the cause of an error, never raised
    """Show where in a worker an error was raised."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}"


def error_of(reply: Reply) -> Exception:
    """Unpack what the work raised; its cause shows the lines in the worker."""
    error_type, arguments, state, words = pickle.loads(reply.content)  # noqa: S301 - from our own worker
    error: Exception = error_type.__new__(error_type, *arguments)
    error.args = arguments
    error.__dict__.update(state)
    error.__cause__ = InWorker(words)
    return error


# One thread -----------------------------------------------------------------------------------------------------------

_LOCK = threading.Lock()
_inside: dict[str, Any] = {"count": 0}


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Hold linear algebra in this process to one thread: the last digits of a product depend on how many there are.

    A dot product of 20,000 numbers, a product of matrices and a Cholesky factor all differ in the last bit between one thread and two
    (OpenBLAS 0.3, measured).  Libraries that are loaded already are told by `threadpoolctl`, later ones read the environment.
    """
    with _LOCK:
        _inside["count"] += 1
        if _inside["count"] == 1:
            import numpy as np  # noqa: F401 - its library must be there to be told
            from threadpoolctl import threadpool_limits

            _inside["environment"] = {name: os.environ.get(name) for name in ONE_THREAD}
            os.environ.update(ONE_THREAD)
            _inside["limits"] = threadpool_limits(limits=1, user_api="blas")
    try:
        yield
    finally:
        with _LOCK:
            _inside["count"] -= 1
            if _inside["count"] == 0:
                _inside.pop("limits").restore_original_limits()
                for name, value in _inside.pop("environment").items():
                    if value is None:
                        os.environ.pop(name, None)
                    else:
                        os.environ[name] = value
