"""When serving software came out, for rows that print a version and no date.

Year and month of the first release of each minor version, by the projects' release pages; a row is measured in the months after it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["RELEASED", "released"]

RELEASED: Mapping[str, Mapping[tuple[int, int], float]] = MappingProxyType(
    {
        # first version of a span, and the year from which it counts: [y]
        "vllm": {(0, 1): 2023.5, (0, 3): 2024.0, (0, 7): 2025.0, (0, 14): 2026.0},
        "sglang": {(0, 1): 2024.0, (0, 4): 2025.0, (0, 5): 2025.6},
        "trtllm": {(0, 5): 2023.8, (0, 8): 2024.1, (0, 17): 2025.1, (1, 0): 2025.5, (1, 2): 2026.0},
    }
)

_VERSION = re.compile(r"(\d+)\.(\d+)")


def released(engine: str, text: str) -> float:
    """Return the year of the version that a text prints for an engine's family, 0 where it prints none that is known [y].

    Examples
    --------
    >>> released("vllm", "vllm 0.12.0"), released("trtllm", "trtllm 1.0.0rc3"), released("vllm", "vllm"), released("jax", "jax 0.4.1")
    (2025.0, 2025.5, 0.0, 0.0)
    """
    found = _VERSION.search(text)
    if found is None:
        return 0.0
    version = (int(found[1]), int(found[2]))
    spans = [year for first, year in RELEASED.get(engine, {}).items() if first <= version]
    return spans[-1] if spans else 0.0
