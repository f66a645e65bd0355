"""One solve in a worker thread, watched by the thread that asked for it.

HiGHS releases the interpreter's lock while it works, so the waiting thread can notice Ctrl-C, an interrupt event and a time
limit, pass them on, and deliver progress in its own thread: callbacks may draw, and may raise.
"""

from __future__ import annotations

import contextlib
import math
import threading
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from offtake.lp.solution import SolveEvent, Status, relative_gap

if TYPE_CHECKING:
    from offtake.lp.solution import SolveCallback
    from offtake.lp.sparse import Floats

_TICK_S = 0.05
_HEARTBEAT_S = 0.5
_NOTHING_YET = SolveEvent(bound=math.nan, incumbent=math.nan, gap=math.nan, nodes=0, seconds=0.0)
_IMPROVED, _BRANCHING = 4, 6  # HighsCallbackType: kCallbackMipImprovingSolution, kCallbackMipInterrupt


@dataclass(slots=True, kw_only=True)
class Run:
    """One run of HiGHS: what was asked for, and what has been heard from it.

    HiGHS holds this object as its listener, so it must not hold HiGHS: the collector would not see the circle.

    Parameters
    ----------
    time_limit : float [s] or None
    callback : called with a SolveEvent in the waiting thread
    interrupt : threading.Event or None
    """

    time_limit: float | None
    callback: SolveCallback | None
    interrupt: threading.Event | None
    began: float = field(default_factory=time.monotonic)
    stop_status: Status | None = None
    incumbent: Floats | None = None
    event: SolveEvent | None = None
    _stop: threading.Event = field(default_factory=threading.Event)
    _stopped_at: float = math.inf
    _shown: SolveEvent | None = None
    _shown_at: float = 0.0
    _errors: list[BaseException] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """Wall-clock time since the run began."""
        return time.monotonic() - self.began

    @property
    def stop_is_near(self) -> bool:
        """Whether a stop is asked for already or its time comes within a second."""
        asked = self.interrupt is not None and self.interrupt.is_set()
        return asked or (self.time_limit is not None and self.time_limit - self.seconds < 1.0)

    def again(self) -> Run:
        """Return a run that goes on under the same limits, counting time from the first."""
        return Run(
            time_limit=self.time_limit,
            callback=self.callback,
            interrupt=self.interrupt,
            began=self.began,
        )

    def wait(self, highs: Any, grace_s: float) -> bool:  # noqa: ANN401 - highspy is untyped
        """Run HiGHS and wait for it; False if it was asked to stop and did not within `grace_s`.

        A first Ctrl-C asks HiGHS to stop, a second one is raised. An error raised by the callback stops HiGHS and is
        raised here.
        """
        done = threading.Event()
        # Not a daemon: the interpreter must not end under a running HiGHS, and one that was asked to stop will.
        threading.Thread(target=self._work, args=(highs, done), name="highs").start()
        failure: Exception | None = None
        ended = False
        while not ended and time.monotonic() - self._stopped_at < grace_s:
            try:
                ended = done.wait(_TICK_S)
                self._look(deliver=failure is None)
            except KeyboardInterrupt:
                if self._stop.is_set():
                    raise
                self._ask(Status.INTERRUPTED)
            except Exception as error:  # noqa: BLE001 - raised below, once HiGHS has stopped
                failure = error
                self._ask(Status.INTERRUPTED)
        if failure is not None:
            raise failure
        if self._errors:
            raise self._errors[0]
        return ended

    def _work(self, highs: Any, done: threading.Event) -> None:  # noqa: ANN401
        """Run HiGHS to its end, in the worker thread."""
        try:
            highs.run()
        except BaseException as error:  # noqa: BLE001 - carried to the waiting thread
            self._errors.append(error)
        finally:
            with contextlib.suppress(Exception):
                type(highs).resetGlobalScheduler(False)  # noqa: FBT003 - a C++ argument without a name
            done.set()

    def _look(self, *, deliver: bool) -> None:
        """Look at the clock and the interrupt, and pass progress on."""
        if self.interrupt is not None and self.interrupt.is_set():
            self._ask(Status.INTERRUPTED)
        if self.time_limit is not None and self.seconds > self.time_limit:
            self._ask(Status.TIME_LIMIT)
        if deliver and self.callback is not None:
            news = self.event is not self._shown
            if news or self.seconds - self._shown_at > _HEARTBEAT_S:
                self._shown, self._shown_at = self.event, self.seconds
                self.callback(replace(self.event or _NOTHING_YET, seconds=self.seconds))

    def _ask(self, status: Status) -> None:
        """Ask HiGHS to stop; the first reason counts."""
        if not self._stop.is_set():
            self.stop_status = status
            self._stopped_at = time.monotonic()
            self._stop.set()

    def heard(self, kind: int, message: str, out: Any, reply: Any, data: Any) -> None:  # noqa: ARG002, ANN401
        """Receive a call from HiGHS, in its thread: note progress, answer whether to stop."""
        if int(kind) == _IMPROVED:
            self.incumbent = np.array(out.mip_solution, dtype=np.float64)
        if int(kind) in (_IMPROVED, _BRANCHING):
            bound, incumbent = finite(out.mip_dual_bound), finite(out.mip_primal_bound)
            self.event = SolveEvent(
                bound=bound,
                incumbent=incumbent,
                gap=relative_gap(bound, incumbent),
                nodes=max(int(out.mip_node_count), 0),
                seconds=self.seconds,
            )
        if self._stop.is_set() and int(kind) != _IMPROVED:
            reply.user_interrupt = True


def finite(value: float) -> float:
    """Return the value, or NaN where the solver says infinity for "not known"."""
    return float(value) if math.isfinite(value) else math.nan
