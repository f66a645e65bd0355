"""`offtake catalog`: what public sources say."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from offtake.cli.options import Json
from offtake.errors import OfftakeError

__all__ = ["catalog"]


def catalog(
    kind: str = "",
    entry: str = "",
    /,
    *,
    sources: Annotated[bool, Parameter(negative="")] = False,
    json: Json = False,
) -> int:
    """List a part of the catalogue: chips, models, sites, power, prices, demand, deals, macro and more.

    Parameters
    ----------
    kind : str
        The part to list; without it, the parts are named.
    entry : str
        One deal in full: `offtake catalog deals spacex-anth-2026`.
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
    if kind == "deals":
        return _deals(entry, sources=sources, json=json)
    if entry:
        msg = f"only deals are shown one by one: offtake catalog {kind}"
        raise OfftakeError(msg)
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


def _deals(entry: str, *, sources: bool, json: bool) -> int:
    """Show headline against firm: all deals, or one in full."""
    from offtake.catalog.deal_tables import amounts_table, deal_document, headline_table
    from offtake.catalog.deals import deal, deals
    from offtake.cli.failure import SCHEMA_VERSION
    from offtake.cli.output import print_json
    from offtake.cli.terminal import print_lines, print_table

    found = (deal(entry),) if entry else deals()
    if json:
        print_json({"schema_version": SCHEMA_VERSION, "kind": "deals", "rows": [deal_document(d) for d in found]})
        return 0
    print_table(headline_table(found, sources=sources))
    if not entry:
        print_lines("Next: offtake catalog deals DEAL, or --sources")
        return 0
    print_lines("")
    print_table(amounts_table(found[0]))
    print_lines("", "As reported:", *(f"  {n.replace('_', ' ')}: {v}" for n, v in found[0].row.items() if v), "")
    print_lines("Next: offtake catalog deals")
    return 0
