"""`offtake outlook`: what may happen, before anything is planned; and its sub-commands, fetched when they are used."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from offtake.cli.options import Cases, Json, Sets

if TYPE_CHECKING:
    from offtake.api.outlook import Prospects
    from offtake.spec.overlay import Changes

__all__ = ["outlook"]

_COMMANDS = {
    "fit": "Fit processes to the history of demand and prices.",
}

outlook = App(name="outlook", help="Show what may happen: uncertain quantities, sampled.", help_format="markdown")
for _place, (_name, _words) in enumerate(_COMMANDS.items()):
    outlook.command(f"offtake.cli.outlook_{_name}:{_name}", name=_name, help=_words, sort_key=_place)


@outlook.default
def show(
    scenario: Path,
    /,
    *,
    paths: int | None = None,
    seed: int | None = None,
    case: Cases = (),
    set_: Sets = (),
    out: Annotated[Path | None, Parameter(name=["--out", "--svg", "-o"])] = None,
    json: Json = False,
) -> int:
    """Show what may happen: each uncertain quantity with its spread at three dates, correlations, stages, the tree of paths.

    Parameters
    ----------
    scenario : Path
        The scenario file, with a section `outlook:`.
    paths : int
        Futures that the plan is made for, in place of the scenario's number.
    seed : int
        Seed of all random numbers, in place of the scenario's.
    out : Path
        A folder for the pictures: each quantity as SVG, with its figures as CSV.
    """
    from offtake.spec.reader import refuse_unreadable

    refuse_unreadable(scenario)
    from offtake.api.outlook import outlook as look
    from offtake.cli.options import changes
    from offtake.cli.output import print_json
    from offtake.cli.terminal import print_lines

    overlays: tuple[Path | Changes, ...] = (*(Path(c) for c in case), *changes(set_))
    found = look(scenario, overlays=overlays, paths=paths, seed=seed)
    files = _save(found, out) if out is not None else []
    if json:
        print_json({**found.document, "files": files})
    else:
        _print(found, out, files)
        given = " ".join(
            str(word) for word in (scenario, *(f"--case {c}" for c in case), *(f"--set '{s}'" for s in set_))
        )
        print_lines(f"Next: offtake plan {given}" if files else f"Next: offtake outlook {given} --out pictures")
    return 0


def _save(found: Prospects, folder: Path) -> list[str]:
    """Write the pictures and their tables; return the names of the files."""
    from offtake.api.outlook_views import pictures
    from offtake.cli.output import write_file

    names = []
    for ident, (markup, table) in pictures(found).items():
        for ending, content in (("svg", markup + "\n"), ("csv", table.to_csv().replace("\r\n", "\n"))):
            write_file(folder / f"{ident}.{ending}", content)
            names.append(f"{ident}.{ending}")
    return names


def _print(found: Prospects, folder: Path | None, files: list[str]) -> None:
    from offtake.api.outlook_views import correlation_table, quantity_table, spread_table, stage_table
    from offtake.cli.terminal import print_lines, print_table
    from offtake.tables import significant

    print_table(quantity_table(found))
    print_lines("")
    print_table(spread_table(found))
    if found.correlations:
        print_lines("")
        print_table(correlation_table(found))
    print_lines("")
    print_table(stage_table(found))
    parts = [(f"{significant(100 * weight)} % on " + _tail(level)) for weight, level in found.risk.parts()]
    print_lines("", f"risk: {', '.join(parts)} · seed {found.outlook.seed} · {found.outlook.method}")
    if files:
        print_lines(f"{len(files)} files in {folder}")


def _tail(level: float) -> str:
    from offtake.tables import significant

    if level == 0.0:
        return "the mean"
    return "the worst path" if level == 1.0 else f"the worst {significant(100 * (1 - level))} %"
