"""Progress as one callback: whoever works calls it, whoever shows decides how.

Library code never prints. A long step receives an optional `Progress` and calls it with events; the command line draws
them on standard error, a notebook may ignore them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Progress", "ProgressEvent", "ignore"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgressEvent:
    """Say how far a long step has come.

    Parameters
    ----------
    stage : str                   what is being done: "compile", "base case", "no alliance", "case low", "report"
    message : str                 one line for people; may be empty
    bound : float | None [USD]    no plan can be better than this
    incumbent : float | None [USD]  the best plan found so far
    gap : float | None [frac]     |bound − incumbent| ÷ max(|incumbent|, 1); the solver's gap, not forecast accuracy
    seconds : float | None [s]    time since the stage began
    fraction : float | None [frac]  share of a countable stage that is done; None where it cannot be counted
    done : bool                   the stage is over

    Examples
    --------
    >>> ProgressEvent(stage="base case", gap=0.004).gap
    0.004
    """

    stage: str
    message: str = ""
    bound: float | None = None
    incumbent: float | None = None
    gap: float | None = None
    seconds: float | None = None
    fraction: float | None = None
    done: bool = False


Progress = Callable[[ProgressEvent], None]


def ignore(event: ProgressEvent) -> None:
    """Do nothing with an event: the default of every `progress` argument.

    Examples
    --------
    >>> ignore(ProgressEvent(stage="compile"))
    """
