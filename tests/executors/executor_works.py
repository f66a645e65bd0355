"""Works that the tests give to executors: functions of a module, as workers need them."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import numpy as np

from offtake.errors import InfeasibleError, UnitError


class Noted:
    """A context that leaves a mark each time it is unpacked."""

    def __init__(self, folder):
        self.folder = folder

    def __setstate__(self, state):
        self.__dict__.update(state)
        mark(self.folder, "unpacked")


def job():
    """Make a context for `solves`: its numbers lie apart in memory, so that their sum rounds otherwise than after a copy."""
    return {"seed": 11, "weights": np.random.default_rng(5).normal(size=(700, 80))[:, ::2].T}


def mark(folder, word):
    """Append one word to a file of its own for each process: nothing is lost between processes."""
    with (Path(folder) / f"{word}-{os.getpid()}").open("a") as file:
        file.write(f"{word}\n")


def marks(folder, word):
    """Count the marks of all processes."""
    return sum(len(path.read_text().splitlines()) for path in Path(folder).glob(f"{word}-*"))


def program(rng, columns=30, rows=12):
    """Make a small linear program: as much as possible of some goods from limited means."""
    from offtake.lp.model import Model

    model = Model()
    x = model.columns("x", axes=(("good", tuple(f"g{n}" for n in range(columns))),), upper=rng.uniform(1, 5, columns))
    for row in range(rows):
        model.rows(f"mean{row}", (x * rng.uniform(0.1, 1, columns)).sum(), upper=float(columns) / 4)
    model.set_objective((x * rng.uniform(1, 2, columns)).sum())
    return model.build()


def solves(context, item):
    """Draw from a stream of its own, multiply matrices, solve a linear program."""
    from offtake.lp.highs import Solver

    rng = np.random.default_rng(np.random.SeedSequence(context["seed"], spawn_key=(item,)))
    solution = Solver(program(rng)).solve()
    wide = rng.normal(size=(120, 20_000)) * context["weights"].T[0, 0]
    return {
        "objective": solution.objective,
        "x": solution.x,
        "price": solution.row_price,
        "dot": float(wide[0] @ wide[1]),  # its last digit depends on the number of threads
        "product": (wide @ wide.T)[:3],
        "sum": float(context["weights"].sum()),  # and this one on the memory layout
        "cholesky": np.linalg.cholesky(wide @ wide.T)[-1],
    }


def late_first(context, item):
    """Take longer the earlier the item."""
    time.sleep(context * (5 - item))
    return item


def dies_once(context, item):
    """End the worker at the first try of every third item, in two ways."""
    if item % 3 == 0:
        mark(context, f"tried{item}")
        if marks(context, f"tried{item}") == 1:
            if item % 2:
                os._exit(7)
            os.kill(os.getpid(), signal.SIGKILL)
    return item * item


def dies_on_two(context, item):
    """End the worker whenever the item is 2."""
    if item == 2:
        mark(context, "tried")
        os.kill(os.getpid(), signal.SIGKILL)
    return item


def fails(context, item):
    """Raise for items 1 and 3, the later one sooner; others that follow would take minutes."""
    if item == 1:
        time.sleep(0.5)
        raise UnitError("E302", f"unit {item}", "none")
    if item == 3:
        raise InfeasibleError("no plan", ["power"])
    if item > 3:
        mark(context, "begun")
        time.sleep(120)
    return item


def says_infeasible(context, item):
    """Raise an error that keeps more than its message."""
    raise InfeasibleError(f"item {item} cannot be", ["power", "chips"])


def raises_oddly(context, item):
    """Raise an error that cannot travel."""

    class LocalError(Exception):
        pass

    raise LocalError(f"odd {item}")


def unpicklable(context, item):
    """Return what no pickle takes."""
    return lambda: item


def not_plain(context, item):
    """Return what no journal takes."""
    return {"best": [item, {item}]}


def prints(context, item):
    """Write to both standard streams, also from below Python."""
    sys.stdout.write("printed by the work\n")
    sys.stdout.flush()
    os.write(1, b"written by the work\n")
    return item


def where(context, item):
    """Tell about the worker."""
    from threadpoolctl import threadpool_info

    from offtake.executors import executor_of

    return {
        "pid": os.getpid(),
        "threads": max(info["num_threads"] for info in threadpool_info() if info["user_api"] == "blas"),
        "asked": os.environ.get("OPENBLAS_NUM_THREADS"),
        "default": executor_of(None).name,
        "ctrl_c_ignored": signal.getsignal(signal.SIGINT) == signal.SIG_IGN,
    }


def knows(context, item):
    """Tell whether the worker had imported a module before the first item came."""
    return context in sys.modules


def counts(context, item):
    """Leave a mark, take some time, and return something that a journal keeps."""
    folder, seconds = context
    mark(folder, "done")
    time.sleep(seconds)
    return (item, np.sqrt(np.arange(1.0, 4.0) + item), {"half": item / 2})


def unpacks(context, item):
    """Do nothing with a context that counts its unpackings."""
    time.sleep(0.02)
    return item


def sleeps(context, item):
    """Leave the worker's number and sleep: for whoever looks for orphans."""
    mark(context[0], f"pid{os.getpid()}")
    time.sleep(context[1])
    return item
