"""`offtake perf rates`: the speeds that a plan of a scenario would estimate, as an overlay that states them."""

from __future__ import annotations

from pathlib import Path

from offtake.cli.options import Cases, Json, Sets

__all__ = ["rates"]


def rates(
    scenario: Path,
    /,
    *,
    case: Cases = (),
    set_: Sets = (),
    params: Path | None = None,
    out: Path | None = None,
    json: Json = False,
) -> int:
    """Estimate the speeds of a scenario's chips, by your own measurements if --params knows them, for `offtake plan --case`.

    Parameters
    ----------
    scenario : Path
        The scenario file.
    params : Path
        A parameter file of `offtake perf calibrate` or `fit`, in place of the one that comes with the program.
    out : Path
        Overlay to write: plan with `--case` and its name. Without it nothing is written.
    """
    from dataclasses import asdict

    from offtake.api import rates as rated
    from offtake.cli.failure import SCHEMA_VERSION
    from offtake.cli.options import changes
    from offtake.cli.output import print_json
    from offtake.cli.perf_chip import sections_given
    from offtake.cli.terminal import print_lines, print_table
    from offtake.files import writable, write_whole
    from offtake.spec.reader import refuse_unreadable
    from offtake.tables import Column, Table, significant

    refuse_unreadable(scenario)
    fitted = sections_given(params, "serving", "training")
    if out is not None:
        writable(out, beside=[scenario, *map(Path, case), *([params] if params is not None else [])])
    found = rated.speeds(scenario, fitted, overlays=(*(Path(c) for c in case), *changes(set_)))
    told = {kind: len(section.own.rows) for kind, section in fitted.items() if section.own}
    by = " and ".join(f"{count} of {kind}" for kind, count in sorted(told.items()))
    title = f"Speeds by own measurements ({by}) and the terms" if told else "Speeds by the terms"
    if out is not None and found:
        write_whole(out, rated.overlay_of(found, title))
    if json:
        speeds = {place: asdict(one) for place, one in found.items()}
        print_json(
            {
                "schema_version": SCHEMA_VERSION,
                "title": title,
                "written": str(out or "") if found else "",
                "speeds": speeds,
            }
        )
        return 0
    if not found:
        print_lines("The scenario states every speed of its chips already: nothing to estimate, nothing written.")
        return 0
    columns = (
        Column("speed", kind="text"), Column("value", kind="text"), Column("low", title="80 %: from", kind="text"),
        Column("high", title="to", kind="text"), Column("unit", kind="text"),
    )  # fmt: skip
    cells = [
        (
            place.removeprefix("chips.").replace(".overrides", ""),
            *map(significant, (one.value, one.low, one.high)),
            one.unit,
        )
        for place, one in found.items()
    ]
    print_table(Table("rates", columns, cells, title=title))
    print_lines(
        *(f"! {place}: {one.words}" for place, one in found.items() if not one.value),
        f"Written: {out}. Next: offtake plan {scenario} --case {out}"
        if out
        else "Nothing written; name a file with --out.",
    )
    return 0
