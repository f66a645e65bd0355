"""`offtake compare`: two runs side by side."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from offtake.cli.options import Json

if TYPE_CHECKING:
    from offtake.runs.compare import Comparison
    from offtake.tables import Table

__all__ = ["compare"]

_FIRST = (
    "value_against_no_alliance_usd",
    "objective_usd",
    "peak_contract_it_power_mw",
    "peak_contract_facility_power_mw",
    "peak_it_power_mw",
    "peak_facility_power_mw",
    "parties",
    "tokens",
    "commitments",
    "offtaker_npv_usd",
    "provider_npv_usd",
)
"""Figures that are shown without `--all`."""

_SOLD_TOO = ("peak_it_power_mw", "peak_facility_power_mw")
"""Figures that count what the provider sells outside the contract, and say so."""

_DUST = 1e-5
"""Relative difference below which a figure of two plans is told with `--all` only."""


def compare(
    a: Path,
    b: Path,
    /,
    *,
    all_: Annotated[bool, Parameter(name="--all", negative="")] = False,
    html: Path | None = None,
    json: Json = False,
) -> int:
    """Show what differs between two runs: inputs, then results, then why, as parts that add up to the difference.

    Parameters
    ----------
    a : Path
        A run directory, or one case of it: `runs/base#low`.
    b : Path
        Another.
    all_ : bool
        Every figure that differs, not the headline only.
    html : Path
        Write the comparison with its waterfalls to an HTML file.
    """
    from offtake import api
    from offtake.cli.failure import SCHEMA_VERSION
    from offtake.cli.output import print_json, write_file
    from offtake.cli.terminal import print_lines, print_table

    found = api.compare(a, b)
    if html is not None:
        from offtake.report.difference import render_difference

        write_file(html, render_difference(found, str(a), str(b)))
    if json:
        parts = {"facts": found.facts, "inputs": found.inputs, "results": found.results}
        rows = {n: t.rows() for n, t in parts.items()}
        why = {"causes": None if found.causes is None else found.causes.rows(), "no_causes": found.why}
        print_json({"schema_version": SCHEMA_VERSION, "a": str(a), "b": str(b), **rows, **why})
        return 0
    print_lines(f"a = {a}", f"b = {b}", "")
    if len(found.inputs):
        print_table(_named(found.inputs, "Inputs that differ"))
    else:
        print_lines("The inputs are the same.")
    shown, hidden = _results(found.results, everything=all_)
    if len(shown):
        print_lines("")
        print_table(shown)
    else:
        print_lines("The results are the same." if not hidden else "The headline figures are the same.")
    _causes(found)
    if html is not None:
        print_lines("", f"wrote {html}", f"Next: open {html}")
    elif hidden:
        print_lines("", f"{hidden} more figures differ. Next: offtake compare {a} {b} --all")
    else:
        print_lines("", f"Next: offtake compare {a} {b} --html difference.html")
    return 0


def _causes(found: Comparison) -> None:
    """Show the difference by cause: a row for each cause, a column for each figure."""
    from offtake.cli.terminal import print_lines, print_table
    from offtake.report.difference import by_cause

    if found.causes is None:
        print_lines("", f"No split by cause: {found.why}")
        return
    table = by_cause(found.causes)
    if len(table):
        print_lines("")
        print_table(table)


def _named(table: Table, title: str) -> Table:
    from offtake.tables import Table

    return Table(table.name, table.columns, table.arrays(), title=title)


def _results(table: Table, *, everything: bool) -> tuple[Table, int]:
    """Write the figures that differ, each in its own unit; count those left out."""
    from offtake.tables import Column, Table

    differing = [r for r in table.rows() if r["difference"] != 0.0 and r["a"] != r["b"]]
    first = [
        r for r in differing if everything or (_section(r["path"]) in _FIRST and abs(r["relative"] or 1.0) > _DUST)
    ]
    heads = {"path": "Figure", "a": "a", "b": "b", "step": "b − a", "relative": "Change"}
    columns = tuple(Column(n, "", t, "text") for n, t in heads.items())
    rows = [
        (
            r["path"] + (" (with what is sold outside)" if r["path"] in _SOLD_TOO else ""),
            *(_figure(r["path"], r[k]) for k in ("a", "b", "difference")),
            _figure("relative_frac", r["relative"]),
        )
        for r in first
    ]
    return Table("results", columns, rows, title="Results that differ"), len(differing) - len(first)


def _section(path: str) -> str:
    """Give the first part of a dotted path."""
    return path.partition(".")[0].partition("[")[0]


def _figure(path: str, value: Any) -> str:  # noqa: ANN401  (a number or None)
    """Write one figure with the unit that its name carries."""
    from offtake.report.words import percent, tokens, usd
    from offtake.tables import significant

    if value is None:
        return ""
    if re.search(r"_usd(?![a-z_])", path):  # also a part of an itemised amount: terminal_usd.chips
        return usd(value)
    if path.startswith("tokens."):
        return tokens(value)
    if path.endswith(("_frac", "irr", "gap")):
        return percent(value)
    return significant(value)
