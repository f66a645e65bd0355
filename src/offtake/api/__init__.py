"""What the command line does, as functions: the only place that chains the packages.

Examples
--------
>>> import offtake
>>> callable(offtake.plan)
True
"""

from __future__ import annotations

from offtake.api.actions import compare, explain, plan, report, save
from offtake.api.answer import Answer
from offtake.api.outlook import outlook
from offtake.api.prepare import check, load

__all__ = ["Answer", "check", "compare", "explain", "load", "outlook", "plan", "report", "save"]
