"""The type of every argument of a term: a number, or an array that broadcasts with the others."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Array", "Real"]

Array = npt.NDArray[np.float64]
Real = float | npt.NDArray[Any]
"""A float, or an array of float64."""
