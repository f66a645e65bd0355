"""Ctrl-C: the first asks for the best plan so far, the second ends at once."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from types import FrameType

__all__ = ["first_stops"]

_WORDS = b"\nstopping: the best plan so far is being kept; Ctrl-C again ends at once\n"


@contextlib.contextmanager
def first_stops() -> Iterator[threading.Event]:
    """Yield an event that the first Ctrl-C sets; a later one raises KeyboardInterrupt."""
    event = threading.Event()

    def heard(_number: int, _frame: FrameType | None) -> None:
        if event.is_set():
            raise KeyboardInterrupt
        event.set()
        with contextlib.suppress(OSError):
            os.write(2, _WORDS)  # a handler must not enter the stream that it may have interrupted

    before = signal.getsignal(signal.SIGINT)
    if before is not signal.default_int_handler or threading.current_thread() is not threading.main_thread():
        yield event  # ignored by who started us (nohup), or somebody else listens already
        return
    signal.signal(signal.SIGINT, heard)
    try:
        yield event
    finally:
        signal.signal(signal.SIGINT, before)
