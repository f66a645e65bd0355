"""What a plan frees goes back to the system."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

# Threads take 60 blocks of 700 kB and free all but the last one: glibc by itself keeps them in the heap of each thread.
FREED = """
import sys, threading
if {asked}:
    from offtake.cli.memory import return_freed_memory
    assert return_freed_memory()
import numpy as np
def resident_mb():
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * 4096 / 1e6
kept = []
def work():
    for _ in range(2):
        blocks = [np.ones(87_500) for _ in range(60)]
        kept.append(np.ones(87_500))
        del blocks
before = resident_mb()
for _ in range(3):
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
print(resident_mb() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc" or sys.platform != "linux", reason="sets glibc's allocator up")
def test_freed_memory_is_returned():
    grown = {}
    for asked in (True, False):
        done = subprocess.run(
            [sys.executable, "-c", FREED.format(asked=asked)], capture_output=True, text=True, check=True
        )
        grown[asked] = float(done.stdout)
    kept = 6 * 0.7
    assert grown[True] < kept + 6.0
    assert grown[False] > grown[True] + 20.0
