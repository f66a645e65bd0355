"""Where a decomposition stands, as plain arrays on disk: written whole or not at all, read without running any code.

The file is numpy's ``.npz`` without pickled objects.  It carries the hash of the program it belongs to, so that a file of another program
is refused and not continued.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING
from zipfile import BadZipFile

import numpy as np

from offtake.errors import SolverError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from offtake.lp.sparse import Floats, Ints

__all__ = ["State", "read_state", "write_state"]

_FORMAT = 1


@dataclass(slots=True, kw_only=True)
class State:
    """A decomposition between two rounds; values are to be minimised.

    Parameters
    ----------
    iteration : int                     rounds done
    best, bound, model : float          value of the best plan, what none can beat, what the cuts said of the next point
    radius : float                      half width of the box
    at, trial : float64[column]         the best plan and the next point, of the master's columns
    opened : bool[group]                which groups have a cut
    cuts : int                          made so far
    seconds : float                     spent so far
    start, index, value, upper          the cuts kept, compressed by row, over the master's columns and the groups' after them
    group : int64[cut]                  −1 for a feasibility cut
    idle : int64[cut]                   rounds since it last bound
    """

    iteration: int
    best: float
    bound: float
    model: float
    radius: float
    at: Floats
    trial: Floats
    opened: NDArray[np.bool_]
    cuts: int
    seconds: float
    start: Ints
    index: Ints
    value: Floats
    upper: Floats
    group: Ints
    idle: Ints


def write_state(path: Path, state: State, program: str) -> None:
    """Write a state; the file of before stays until the new one is whole.

    Parameters
    ----------
    program : str     hash of what is being solved, and how
    """
    beside = path.with_name(path.name + ".new")
    arrays = {field.name: np.asarray(getattr(state, field.name)) for field in fields(State)}
    with beside.open("wb") as file:
        np.savez(file, format=np.array(_FORMAT), program=np.array(program), **arrays)  # type: ignore[arg-type]
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def read_state(path: Path, program: str) -> State:
    """Read a state.

    Raises
    ------
    SolverError     not such a file, or one of another program
    """
    try:
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            held = {name: file[name] for name in file.files}
        if int(held.pop("format")) != _FORMAT:
            raise SolverError(f"{path} is of another version of this format: remove it and start again")
        if str(held.pop("program")) != program:
            raise SolverError(f"{path} belongs to another program or other settings: remove it or name another file")
        scalars = {"iteration": int, "cuts": int, "best": float, "bound": float, "model": float, "radius": float}
        plain = {name: kind(held.pop(name)) for name, kind in (scalars | {"seconds": float}).items()}
        return State(**plain, **held)
    except (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile) as error:
        raise SolverError(f"{path} cannot be read as a checkpoint: {error}; remove it and start again") from None
