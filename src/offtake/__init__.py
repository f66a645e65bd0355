"""Offtake: plan, stress and track AI compute alliances, from megawatts to tokens to dollars.

The names below are all that a notebook needs. Each is fetched when it is first used (PEP 562), so that
``import offtake`` stays cheap and loads no solver, database or terminal package.

Examples
--------
>>> import offtake
>>> "plan" in dir(offtake)
True
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # what editors and type checkers see; at run time `__getattr__` fetches the same names
    from offtake.api import check as check
    from offtake.api import compare as compare
    from offtake.api import explain as explain
    from offtake.api import load as load
    from offtake.api import plan as plan
    from offtake.api import report as report
    from offtake.api import save as save
    from offtake.diagnostics import Diagnostic as Diagnostic
    from offtake.errors import InfeasibleError as InfeasibleError
    from offtake.errors import LedgerImbalance as LedgerImbalance
    from offtake.errors import OfftakeError as OfftakeError
    from offtake.errors import ScenarioError as ScenarioError
    from offtake.errors import SolverError as SolverError
    from offtake.errors import UnitError as UnitError

# Exported name → the module that defines it; sorted, and at most 40 (tests/test_conventions.py).
_EXPORTS = {
    "Diagnostic": "offtake.diagnostics",
    "InfeasibleError": "offtake.errors",
    "LedgerImbalance": "offtake.errors",
    "OfftakeError": "offtake.errors",
    "ScenarioError": "offtake.errors",
    "SolverError": "offtake.errors",
    "UnitError": "offtake.errors",
    "check": "offtake.api",
    "compare": "offtake.api",
    "explain": "offtake.api",
    "load": "offtake.api",
    "plan": "offtake.api",
    "report": "offtake.api",
    "save": "offtake.api",
}

__all__ = ["__version__", *_EXPORTS]  # noqa: PLE0604 (every key is a string)


def __getattr__(name: str) -> object:
    """Fetch an exported name from the module that defines it."""
    if name == "__version__":
        from importlib.metadata import version

        return version("offtake")
    if name not in _EXPORTS:
        raise AttributeError(f"module 'offtake' has no attribute {name!r}")
    value: object = getattr(import_module(_EXPORTS[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


class _Package(ModuleType):
    """The package itself, on which an exported function keeps its name against the sub-package of the same name.

    Importing ``offtake.plan.solve`` would else bind the package ``plan`` over the function ``plan``.
    """

    def __setattr__(self, name: str, value: object) -> None:
        if not (name in _EXPORTS and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
