"""The speeds that a plan estimates, as an overlay that states them: by a parameter file, where one knows the user's own measurements."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from offtake.api.prepare import load
from offtake.catalog.resolve import resolve
from offtake.plan.inputs import inputs_of
from offtake.plan.speeds import estimated_speeds

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from offtake.perf.params import Section
    from offtake.plan.speeds import Speed
    from offtake.spec.overlay import Changes

__all__ = ["overlay_of", "speeds"]


def speeds(
    path: Path, fitted: Mapping[str, Section] | None = None, *, overlays: Iterable[str | Path | Changes] = ()
) -> dict[str, Speed]:
    """Return the speeds that a scenario leaves to be estimated, by path; of its own chips, since an offer's cannot be stated.

    Raises
    ------
    ScenarioError    with every mistake of the file
    """
    loaded = load(path, overlays=overlays)
    found = estimated_speeds(inputs_of(loaded.scenario, resolve(loaded)), fitted)
    return {place: one for place, one in found.items() if place.startswith("chips.")}


def overlay_of(found: Mapping[str, Speed], title: str) -> str:
    """Return an overlay that states speeds, with their ends and where they are from.

    Examples
    --------
    >>> from offtake.plan.speeds import Speed
    >>> one = Speed(value=310.5, low=200.0, high=400.0, unit="tok/s/chip", words="64 chips")
    >>> print(overlay_of({"chips.h100.overrides.tokens.chat": one}, "Mine"))
    title: "Mine"
    changes:
      chips.h100.overrides.tokens.chat: {value: 310.5 tok/s/chip, low: 200.0 tok/s/chip, high: 400.0 tok/s/chip, assumption: "64 chips"}
    <BLANKLINE>
    """
    lines = [f"title: {json.dumps(title)}", "changes:"]
    for place, one in found.items():
        ends = {"low": one.low, "high": one.high} if one.low < one.value < one.high else {}
        figures = ", ".join(f"{name}: {value!r} {one.unit}" for name, value in {"value": one.value, **ends}.items())
        lines.append(f"  {place}: {{{figures}, assumption: {json.dumps(one.words, ensure_ascii=False)}}}")
    return "\n".join(lines) + "\n"
