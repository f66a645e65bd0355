"""The program of a worker process: read packed items from standard input, write replies to standard output.

It is started as a file, by `processes.Worker`, and imports nothing of Offtake before it has been told where that is.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import pickle
import queue
import signal
import struct
import sys
import threading
from typing import IO

__all__ = ["HEAD", "read_frame", "write_frame"]

HEAD = struct.Struct(">cQ")
"""Of each message: its kind, and the number of bytes that follow."""


def read_frame(stream: IO[bytes]) -> tuple[bytes, bytes] | None:
    """Read one message: its kind and content; None at the end of the stream, also in mid-message.

    Examples
    --------
    >>> import io
    >>> read_frame(io.BytesIO(HEAD.pack(b"I", 2) + b"ab")), read_frame(io.BytesIO(b""))
    ((b'I', b'ab'), None)
    """
    head = stream.read(HEAD.size)
    if len(head) < HEAD.size:
        return None
    kind, size = HEAD.unpack(head)
    content = stream.read(size)
    return None if len(content) < size else (kind, content)


def write_frame(stream: IO[bytes], kind: bytes, content: bytes) -> None:
    """Write one message."""
    stream.write(HEAD.pack(kind, len(content)))
    stream.write(content)
    stream.flush()


def main() -> None:
    """Answer until the other side is gone, and then end at once, whatever is being worked on."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that started us decides
    source, sink = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)  # what the work prints must not stand between replies
    frames: queue.SimpleQueue[tuple[bytes, bytes]] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(source, frames), daemon=True).start()
    kind, content = frames.get()
    sys.path[:] = pickle.loads(content)  # noqa: S301 - from the process that started us

    from offtake.executors.tasks import Task, answer, failure, load

    work, context, broken = None, None, None
    while True:
        kind, content = frames.get()
        if kind == b"M":
            for module in pickle.loads(content):  # noqa: S301
                with contextlib.suppress(Exception):  # the work itself will say what it lacks
                    importlib.import_module(module)
            continue
        if kind == b"T":
            work, context, broken = None, None, None  # the old context goes before the new one comes
            try:
                module, function, packed = pickle.loads(content)  # noqa: S301
                work, context = load(Task(module=module, function=function, context=packed, key=""))
            except Exception as error:  # noqa: BLE001 - told with the first item
                broken = failure(error)
            continue
        reply = answer(work, context, content) if work is not None else broken
        if reply is not None:
            write_frame(sink, b"R" if reply.good else b"E", reply.content)


def _listen(source: IO[bytes], frames: queue.SimpleQueue[tuple[bytes, bytes]]) -> None:
    """Pass messages on; when they end, so does this process: nobody waits for its answer."""
    while (frame := read_frame(source)) is not None:
        frames.put(frame)
    os._exit(0)


if __name__ == "__main__":
    main()
