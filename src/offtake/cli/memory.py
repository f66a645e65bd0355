"""Give freed memory back to the system, where the C library is glibc.

A plan solves hundreds of programs in short-lived threads, each with a HiGHS of its own.  glibc gives every thread its own heap and raises
the size from which a block is returned whole, so that what is freed stays with the process: on the alliance's one
path, 574 MB in 80 s where two heaps and fixed limits take 412 MB in 84 s, and one heap 400 MB in 90 s because its lock is waited for
(2026-11, glibc 2.36, 2 cores, one run each).  Only the program `offtake` does this: a library
leaves the settings of its host alone.
"""

from __future__ import annotations

import contextlib

__all__ = ["return_freed_memory"]

_SETTINGS = {
    -8: 2,  # M_ARENA_MAX: heaps for all threads
    -3: 512 * 1024,  # M_MMAP_THRESHOLD [byte]: from this size on a block is returned as soon as it is freed
    -1: 8 * 1024 * 1024,  # M_TRIM_THRESHOLD [byte]: so much may lie free at the heap's end
}
"""Parameters of mallopt(3), by their numbers in <malloc.h>."""


def return_freed_memory() -> bool:
    """Set glibc's allocator up, before threads are started; say whether it was, which elsewhere it is not."""
    import ctypes

    with contextlib.suppress(
        AttributeError, OSError, TypeError
    ):  # elsewhere there is no such function, or no such library
        mallopt = ctypes.CDLL(None).mallopt
        return [mallopt(name, value) for name, value in _SETTINGS.items()] == [1] * len(_SETTINGS)
    return False
