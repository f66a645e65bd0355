"""The scenario file as frozen models, with every mistake located and reported at once.

`load` reads a file; `Loaded` holds the scenario, where each value came from, and the text of the files.
"""

from __future__ import annotations

from importlib import import_module

_EXPORTS = {
    "Loaded": "offtake.spec.load",
    "Scenario": "offtake.spec.scenario",
    "Series": "offtake.spec.series",
    "json_schema": "offtake.spec.schema",
    "load": "offtake.spec.load",
    "vary": "offtake.spec.vary",
}

__all__ = sorted(_EXPORTS)  # noqa: PLE0605  (every key is a string)


def __getattr__(name: str) -> object:
    """Fetch an exported name from its module: the ground under `import offtake` stays light."""
    if name not in _EXPORTS:
        raise AttributeError(f"module 'offtake.spec' has no attribute {name!r}")
    value: object = getattr(import_module(_EXPORTS[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)
