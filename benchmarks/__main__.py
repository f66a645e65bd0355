"""Run every benchmark of this folder: `python -m benchmarks`."""

from __future__ import annotations

import runpy
from pathlib import Path

for path in sorted(Path(__file__).parent.glob("[a-z]*.py")):
    print(f"## {path.stem}", flush=True)
    runpy.run_module(f"benchmarks.{path.stem}", run_name="__main__")
