"""From a file to what can be planned: load, resolve against the catalogue, check."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from offtake.api.doubts import mistakes
from offtake.catalog.load import references
from offtake.catalog.resolve import Resolved, resolve
from offtake.errors import OfftakeError, ScenarioError
from offtake.plan.inputs import Inputs, inputs_of
from offtake.plan.speeds import speed_origins
from offtake.spec.load import Loaded
from offtake.spec.load import load as load_file
from offtake.spec.series import Series
from offtake.spec.vary import value_at, vary

if TYPE_CHECKING:
    from offtake.diagnostics import Diagnostic
    from offtake.risk.assumption import Assumption
    from offtake.spec.overlay import Changes
    from offtake.spec.scenario import Scenario


Ends = tuple[float, float]
Members = dict[str, Ends]
"""Path of a value to its low and its high end; factors for a series."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A loaded scenario, ready to be planned."""

    loaded: Loaded
    resolved: Resolved
    inputs: Inputs
    warnings: tuple[Diagnostic, ...] = ()


def load(path: str | Path, *, overlays: Iterable[str | Path | Changes] = ()) -> Loaded:
    """Load a scenario file.

    Parameters
    ----------
    path : str or Path
    overlays : iterable of paths     overlay files, applied in order

    Raises
    ------
    ScenarioError    with every mistake, each at its file, line and column
    """
    return load_file(path, overlays=overlays, catalog_names=references)


def check(path: str | Path, *, overlays: Iterable[str | Path | Changes] = ()) -> tuple[Diagnostic, ...]:
    """Return all that is wrong or doubtful in a scenario file; empty if nothing is."""
    try:
        loaded = load(path, overlays=overlays)
        world = prepare(loaded)
    except ScenarioError as error:
        return tuple(error.diagnostics)
    return (*loaded.warnings, *world.warnings)


def prepare(loaded: Loaded) -> World:
    """Resolve a loaded scenario against the catalogue.

    Raises
    ------
    ScenarioError    what no file's grammar shows: entries and values that are missing, classes that nothing serves
    """
    resolved = resolve(loaded)
    inputs = inputs_of(loaded.scenario, resolved)
    found = mistakes(inputs, loaded.tree)
    if any(d.severity == "error" for d in found):
        raise ScenarioError(found, loaded.sources)
    origins = MappingProxyType({**resolved.provenance, **speed_origins(inputs)})
    return World(loaded=loaded, resolved=replace(resolved, provenance=origins), inputs=inputs, warnings=tuple(found))


def world_of(scenario: Scenario) -> Inputs:
    """Resolve a varied scenario."""
    return inputs_of(scenario, resolve(scenario))


def assumptions(
    loaded: Loaded, *, stopped: Callable[[], bool] = lambda: False
) -> tuple[list[Assumption], dict[str, float]]:
    """Return every value with a stated range as an assumption that can be varied, and its base value (1 for a series).

    Once `stopped` says so, no further world is made: screening a hundred of them takes seconds, and who asks to stop waits for none.
    """
    from offtake.risk.assumption import Assumption

    def world(changes: Mapping[str, float]) -> Inputs:
        if stopped():
            msg = "asked to stop"
            raise OfftakeError(msg)
        varied = loaded.scenario
        for path, value in changes.items():
            varied = vary(varied, path, value)
        return world_of(varied)

    found: list[Assumption] = []
    base: dict[str, float] = {}
    for name, members in _together(loaded).items():
        low, high = (sum(ends) / len(members) for ends in zip(*members.values(), strict=True))
        value = value_at(loaded.scenario, next(iter(members)))
        base[name] = 1.0 if isinstance(value, Series) else float(value)

        def at(end: float, members: Members = members, middle: float = base[name], ends: Ends = (low, high)) -> Inputs:
            return world(_moved(members, end, middle, ends))

        found.append(Assumption(path=name, low=low, high=high, world=at))
    return found, base


TOGETHER = ("demand", "sites", "outside_supply", "resale")
"""Parts of a scenario whose entries rise and fall together: a price of tokens is one assumption, not one for every entry."""


def _together(loaded: Loaded) -> dict[str, Members]:
    """Group values with a stated range: series of one field of a part move together, everything else alone."""
    groups: dict[str, Members] = {}
    for path, origin in loaded.provenance.items():
        if origin.low is None or origin.high is None or path.startswith(("contract.clauses", "contract.amendments")):
            continue
        part, *rest = path.split(".")
        name = f"{part}.*.{rest[-1]}" if part in TOGETHER and len(rest) > 1 and origin.kind == "series" else path
        groups.setdefault(name, {})[path] = (origin.low, origin.high)
    return {next(iter(m)) if len(m) == 1 else name: m for name, m in groups.items()}


def _moved(members: Members, end: float, middle: float, ends: Ends) -> dict[str, float]:
    """Move every member as far towards its own end as the group is moved towards its mean end."""
    if len(members) == 1:
        return dict.fromkeys(members, end)
    low, high = ends
    way = (end - middle) / ((low if end < middle else high) - middle) if end != middle else 0.0
    return {path: middle + way * (own[0] if end < middle else own[1]) - way * middle for path, own in members.items()}
