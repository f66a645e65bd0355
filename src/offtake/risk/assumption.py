"""One assumption of a scenario that may be otherwise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from offtake.plan.inputs import Inputs


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumption:
    """One varied assumption.

    Attributes
    ----------
    path : str                     dotted path in the scenario
    low, high : Inputs factory     the world at either end
    """

    path: str
    low: float
    high: float
    world: Callable[[float], Inputs]
