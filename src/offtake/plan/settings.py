"""How to solve: gap, relaxation, limits, threads, seed."""

from __future__ import annotations

import threading
from dataclasses import dataclass

GAP = 0.005
"""Default relative gap at which an integer solve stops."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How to solve.

    Attributes
    ----------
    gap : float [frac] ; relax : bool (the linear program) ; time_limit_s : float or None (None: stop on the gap, never on time)
    interrupt : Event set to stop early ; threads, seed : int
    """

    gap: float = GAP
    relax: bool = False
    time_limit_s: float | None = None
    interrupt: threading.Event | None = None
    threads: int = 1
    seed: int = 0
