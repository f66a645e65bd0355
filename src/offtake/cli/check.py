"""`offtake check`: every mistake of a scenario at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from offtake.cli.options import Cases, Json, Sets

if TYPE_CHECKING:
    from offtake.diagnostics import Diagnostic
    from offtake.spec.overlay import Changes

__all__ = ["check"]


def check(scenario: Path, /, *, case: Cases = (), set_: Sets = (), json: Json = False) -> int:
    """Find every mistake of a scenario at once: units, keys, dates, references, the catalogue and the contract.

    Exit code 0: nothing found; 1: warnings only; 2: mistakes.

    Parameters
    ----------
    scenario : Path
        The scenario file.
    """
    from offtake.spec.reader import refuse_unreadable

    refuse_unreadable(scenario)
    from offtake import api
    from offtake.cli.failure import FINDINGS, OK, SCHEMA_VERSION, USAGE
    from offtake.cli.options import changes, readable
    from offtake.cli.output import print_json
    from offtake.cli.terminal import print_diagnostics, print_lines

    texts = changes(set_)
    found = api.check(scenario, overlays=(*(Path(c) for c in case), *texts))
    broken = any(d.severity == "error" for d in found)
    if json:
        print_json(
            {"schema_version": SCHEMA_VERSION, "status": _status(found), "diagnostics": [asdict(d) for d in found]}
        )
    elif not found:
        print_lines(f"{scenario}: no mistakes")
        _headline(scenario, (*(Path(c) for c in case), *texts))
        print_lines(f"Next: offtake plan {scenario}")
    else:
        sources = {d.file: readable(Path(d.file)) for d in found} | {t.name: t.text for t in texts}
        print_diagnostics(found, sources)
        after = f"offtake explain {found[0].code}" if broken else f"offtake plan {scenario}"
        print_lines("", f"{_counted(found)}. Next: {after}", error=True)
    return USAGE if broken else FINDINGS if found else OK


def _headline(scenario: Path, overlays: Sequence[Path | Changes]) -> None:
    """Show what the contract's headline is made of: firm, contingent, optional and cancellable amounts by layer."""
    from offtake import api
    from offtake.api.firm import own_deal
    from offtake.cli.terminal import print_lines, print_table
    from offtake.report.headline import OWN_TITLE, deal_table

    loaded = api.load(scenario, overlays=overlays)
    names = {p: getattr(loaded.scenario.parties, p).name for p in ("offtaker", "provider")}
    table = deal_table(own_deal(loaded), names, title=OWN_TITLE)
    if len(table):
        print_lines("")
        print_table(table)
        print_lines("")


def _status(found: Sequence[Diagnostic]) -> str:
    if any(d.severity == "error" for d in found):
        return "refused"
    return "findings" if found else "ok"


def _counted(found: Sequence[Diagnostic]) -> str:
    """Count by severity, in words."""
    from offtake.report.words import joined, plural

    numbers = {word: sum(d.severity == word for d in found) for word in ("error", "warning", "info")}
    return joined([plural(n, "mistake" if word == "error" else word) for word, n in numbers.items() if n])
