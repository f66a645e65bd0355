"""`offtake catalog`: what public sources say."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from offtake.cli.options import Json
from offtake.errors import OfftakeError

__all__ = ["catalog"]


def catalog(kind: str = "", /, *, sources: Annotated[bool, Parameter(negative="")] = False, json: Json = False) -> int:
    """List a part of the catalogue: chips, models, sites, power, prices, demand, deals, macro and more.

    Parameters
    ----------
    kind : str
        The part to list; without it, the parts are named.
    sources : bool
        Show where every value was read, when, and how reliable it is.
    """
    from offtake.catalog.listings import KINDS, listing
    from offtake.cli.failure import SCHEMA_VERSION
    from offtake.cli.output import print_json
    from offtake.cli.terminal import print_lines, print_table
    from offtake.diagnostics import did_you_mean

    if kind and kind not in KINDS:
        msg = f"the catalogue has no part {kind[:60]!r}: {did_you_mean(kind, KINDS)}"
        raise OfftakeError(msg)
    if not kind:
        if json:
            print_json({"schema_version": SCHEMA_VERSION, "kinds": KINDS})
        else:
            print_lines("The catalogue has", *(f"  {name}" for name in KINDS), "Next: offtake catalog chips")
        return 0
    table = listing(kind, sources=sources)
    if json:
        columns = [{"name": c.name, "unit": c.unit} for c in table.columns]
        print_json({"schema_version": SCHEMA_VERSION, "kind": kind, "columns": columns, "rows": table.rows()})
        return 0
    print_table(table)
    if kind in ("chips", "models", "sites"):
        print_lines("A scenario takes an entry with `from: NAME` and may override its values.")
    print_lines("Next: offtake plan SCENARIO" if sources else f"Next: offtake catalog {kind} --sources")
    return 0
