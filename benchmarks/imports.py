"""Time `import offtake` and `offtake --help` as whole processes, less the bare interpreter's own start."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

RUNS = 7


def seconds(*arguments: str) -> float:
    """Return the median wall-clock time of a Python process with these arguments [s]."""
    times = []
    for _ in range(RUNS):
        start = time.perf_counter()
        subprocess.run([sys.executable, *arguments], capture_output=True, check=True)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def main() -> None:
    """Print both times against their budgets."""
    bare = seconds("-c", "pass")
    for name, budget, arguments in (
        ("import offtake", 0.150, ("-c", "import offtake")),
        ("offtake --help", 0.300, ("-m", "offtake", "--help")),
    ):
        taken = seconds(*arguments) - bare
        print(
            f"{name}: {1000 * taken:.0f} ms of {1000 * budget:.0f} ms (the bare interpreter takes {1000 * bare:.0f} ms more)"
        )


if __name__ == "__main__":
    main()
