"""The command `offtake`: its commands, each fetched when it is first used, and how a run of it ends.

Exit codes: 0 ok · 1 findings · 2 usage or bad input · 3 infeasible or not solved to the asked gap · 4 internal · 130 stopped.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from cyclopts import App, CycloptsError, Parameter

from offtake.cli.output import listening, make_writable

__all__ = ["app", "main"]

STOPPED = 130
"""Shells give 128 + the number of the signal; SIGINT is 2."""

_HELP = """Plan an AI compute alliance: what to build, buy, commit and charge, when; what binds; who gains.

Start with `offtake init`, then `offtake plan first-site.yaml`."""

_COMMANDS = {
    "init": "Write a first scenario to start from.",
    "check": "Find every mistake of a scenario at once.",
    "outlook": "Show what may happen: uncertain quantities, sampled.",
    "plan": "Solve a scenario: what to build, buy, commit and charge.",
    "report": "Write the report of a run: one HTML file.",
    "compare": "Show the inputs and results of two runs side by side.",
    "explain": "Say where a number came from, or what a code or a word means.",
    "catalog": "List chips, models, sites, prices, deals with their sources.",
    "perf": "Estimate how fast a chip serves and trains a model.",
    "schema": "Print the JSON Schema of the scenario file, or of the answer.",
}


def _version() -> str:
    from importlib.metadata import version

    return version("offtake")


def _default(value: object) -> str | None:
    """Show a default that says something: not that a flag is off or a list empty."""
    return None if isinstance(value, bool) or not value else str(value)


def _app() -> App:
    """Name the commands without importing them: `offtake --help` stays fast."""
    made = App(
        name="offtake",
        help=_HELP,
        version=_version,
        help_format="markdown",
        default_parameter=Parameter(show_default=_default),
        suppress_keyboard_interrupt=False,  # `main` ends the process at once
    )
    for place, (name, words) in enumerate(_COMMANDS.items()):
        made.command(f"offtake.cli.{name}:{name}", name=name, help=words, sort_key=place)
    return made


app = _app()


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run one command and end the process with its exit code."""
    make_writable()
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        with listening():
            code = _run(given)
    except KeyboardInterrupt:
        sys.stderr.write("\nstopped; nothing was saved\n")
        sys.stderr.flush()
        os._exit(STOPPED)  # a solver that was asked to stop may still hold its thread: do not wait for it
    sys.exit(code)


def _run(arguments: list[str]) -> int:
    """Run one command; say in words, or with `--json` in a document, why it failed."""
    code = 0
    try:
        with listening():
            result = app(arguments, print_error=False, exit_on_error=False, result_action="return_value")
            code = result if isinstance(result, int) else 0
    except CycloptsError as error:
        from offtake.cli.failure import misused

        code = misused(error, json="--json" in arguments)
    except Exception as error:  # noqa: BLE001  (every error ends in words and an exit code)
        from offtake.cli.failure import failed

        code = failed(error, json="--json" in arguments)
    return code
