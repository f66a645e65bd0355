"""The inputs of a number for people: by what they belong to, the largest contributors first, the rest counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from offtake.tables import significant

if TYPE_CHECKING:
    from offtake.tables import Table

__all__ = ["FEW", "grouped_inputs", "input_line"]

FEW = 5
"""So many lines of inputs a reader takes in; fewer inputs than that are told one by one."""

_SIZED = {"sites": ("site", "accepted_it_mw"), "chips": ("chip", "it_mw")}
"""Parts of the scenario whose entries differ in size, and the columns of their table that say so: IT power by year [MW]."""
_LISTS = ("clauses", "amendments", "uncertain")
"""Lists within a part: their entries are what a reader knows, not the list."""


def input_line(path: str, entry: Mapping[str, Any]) -> str:
    """Write one input with where it stands and why."""
    because = entry["source"] or entry["assumption"] or entry["origin"]
    return f"{path} = {entry['text']}  [{entry['where']}] {because}"


def grouped_inputs(
    provenance: Mapping[str, Mapping[str, Any]], chosen: Sequence[str], tables: Mapping[str, Table], *, most: int = FEW
) -> list[str]:
    """Write inputs in few lines: a site, chip, clause or party each, the largest of every part in turn, then a line that counts the rest.

    Parameters
    ----------
    provenance : mapping     path → the entry of `provenance.json`
    chosen : paths           in the order of the file
    tables : mapping         of the run: `sites` and `chips` say how large each is in the year of the most power
    most : int               lines before the one that counts the rest

    Examples
    --------
    >>> entry = {"text": "1 MW", "where": "a.yaml:1:1", "source": "a map", "assumption": "", "origin": "file"}
    >>> paths = ["sites.ohio.phase", "sites.ohio.ramp", "contract.capacity_ceiling"]
    >>> grouped_inputs(dict.fromkeys(paths, entry), paths, {}, most=1)
    ['inputs, 3:', '  sites.ohio: 2 inputs from [a.yaml:1:1]', '  and 1 more input of 1 other: contract.capacity_ceiling']
    """
    groups: dict[str, list[str]] = {}
    for path in chosen:
        groups.setdefault(_group(path), []).append(path)
    sizes, year = _sizes(tables)
    ordered = _in_turn(list(groups), sizes)
    head = f"inputs, {len(chosen)}{', the largest first' if any(name in sizes for name in groups) else ''}:"
    lines = [_told(name, groups[name], provenance, sizes.get(name), year) for name in ordered[:most]]
    rest = ordered[most:]
    if rest:
        count = sum(len(groups[name]) for name in rest)
        named = ", ".join(rest[:2]) + (", …" if len(rest) > 2 else "")
        inputs, others = f"input{'s'[: count > 1]}", f"other{'s'[: len(rest) > 1]}"
        lines.append(f"and {count} more {inputs} of {len(rest)} {others}: {named}")
    return [head, *(f"  {line}" for line in lines)]


def _group(path: str) -> str:
    """Name what an input belongs to: the entry of a list of the scenario."""
    part, *below = path.split(".")
    deep = 2 if below and below[0] in _LISTS else 1
    return ".".join((part, *below[:deep]))


def _sizes(tables: Mapping[str, Table]) -> tuple[dict[str, float], int]:
    """Give the IT power of each site and chip in the year in which the sites have most [MW], and that year; nothing without tables."""
    sites = tables["sites"].rows() if "sites" in tables else []
    whole: dict[int, float] = {}
    for row in sites:
        whole[row["year"]] = whole.get(row["year"], 0.0) + (row["accepted_it_mw"] or 0.0)
    if not whole:
        return {}, 0
    year = max(whole, key=lambda y: (whole[y], -y))
    sizes = {
        f"{part}.{row[name]}": float(row[column] or 0.0)
        for part, (name, column) in _SIZED.items()
        if part in tables
        for row in tables[part].rows()
        if row["year"] == year
    }
    return sizes, year


def _in_turn(names: Sequence[str], sizes: Mapping[str, float]) -> list[str]:
    """Put the largest of every part first, then the next of each: one part does not crowd out the others."""
    by_part: dict[str, list[str]] = {}
    for name in sorted(names, key=lambda n: -sizes.get(n, 0.0)):
        by_part.setdefault(name.partition(".")[0], []).append(name)
    parts = sorted(by_part.values(), key=lambda own: names.index(own[0]))
    turns = max((len(own) for own in parts), default=0)
    return [own[k] for k in range(turns) for own in parts if k < len(own)]


def _told(
    name: str, paths: Sequence[str], provenance: Mapping[str, Mapping[str, Any]], size: float | None, year: int
) -> str:
    """Write one group; a single input in full."""
    if len(paths) == 1:
        return input_line(paths[0], provenance[paths[0]])
    written = [provenance[p]["where"] for p in paths if provenance[p]["origin"] != "default"]
    first = f" from [{written[0]}]" if written else ", all default, untouched"
    much = "" if size is None else f" ({significant(size)} MW of IT in {year})"
    return f"{name}{much}: {len(paths)} inputs{first}"
