"""Small programs shared by the tests of solver, prices and certificate."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from offtake.lp.model import Model

if TYPE_CHECKING:
    from offtake.lp.build import LpArrays


def chips(power_mw: float = 50.0, *, integer: bool = False) -> Model:
    """Two chips on one site: a uses 1 MW a lot and earns 3 (at most 20 lots), b uses 2 MW and earns 5 (at most 40)."""
    m = Model()
    lots = m.columns("lots", axes=(("chip", ("a", "b")),), upper=[20.0, 40.0], integer=integer, unit="lot")
    m.rows("power", (lots * [1.0, 2.0]).sum(), upper=power_mw, unit="MW")
    m.set_objective((lots * [3.0, 5.0]).sum())
    return m


def random_arrays(seed: int, *, integer: bool = False, columns: int = 12, rows: int = 8) -> LpArrays:
    """Draw a feasible, bounded program with every kind of limit; coefficients are whole numbers."""
    rng = np.random.default_rng(seed)
    m = Model()
    axis = ("j", [f"c{k}" for k in range(columns)])
    lower = rng.integers(-3, 1, columns).astype(float)
    x = m.columns("x", axes=(axis,), lower=lower, upper=lower + rng.integers(1, 9, columns), integer=integer)
    matrix = rng.integers(-4, 6, (rows, columns)) * (rng.random((rows, columns)) < 0.6)
    inside = lower + (1.0 if integer else rng.random(columns))
    level = matrix @ inside
    kind = rng.integers(0, 3, rows)
    low = np.where(kind == 0, -np.inf, level - rng.integers(0, 5, rows))
    high = np.where(kind == 1, np.inf, level + rng.integers(0, 5, rows))
    labels = ("i", [f"r{k}" for k in range(rows)])
    m.rows("r", x.apply(matrix.astype(float), 0), lower=low, upper=high, axes=(labels,))
    m.set_objective((x * rng.integers(-9, 10, columns)).sum() + 4.0, maximise=bool(rng.integers(0, 2)))
    return m.build()


def hard(seed: int = 0, columns: int = 600, rows: int = 400) -> Model:
    """Build a multi-dimensional knapsack that no solver closes to 1e-9 in seconds."""
    rng = np.random.default_rng(seed)
    matrix = rng.random((rows, columns)) * (rng.random((rows, columns)) < 0.2)
    m = Model()
    x = m.columns("x", axes=(("j", [str(k) for k in range(columns)]),), upper=10.0, integer=True)
    m.rows("r", x.apply(matrix, 0), upper=matrix.sum(1) * 2.3, axes=(("i", [str(k) for k in range(rows)]),))
    m.set_objective((x * rng.random(columns)).sum() * 10.0)
    return m
