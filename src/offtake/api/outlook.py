"""What may happen, before anything is planned: the futures of a scenario, how uncertain they are, and the tree that the plan will use."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from offtake.api.document import SCHEMA_VERSION
from offtake.api.prepare import load
from offtake.dates import Grid
from offtake.errors import OfftakeError
from offtake.outlook.drawing import drawn
from offtake.outlook.measures import Expectation
from offtake.outlook.quantiles import FAN_LEVELS, quantiles
from offtake.outlook.reduction import additive
from offtake.outlook.sampling import central, sample
from offtake.outlook.tree import tree

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from offtake.outlook.futures import Futures
    from offtake.outlook.measures import RiskMeasure
    from offtake.outlook.tree import Tree
    from offtake.spec.load import Loaded
    from offtake.spec.outlook import Outlook
    from offtake.spec.overlay import Changes

    Float = NDArray[np.float64]

__all__ = ["Prospects", "Quantity", "outlook"]


SHOWN = 512
"""Futures from which quantiles are read, where fewer are drawn for the plan."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """One uncertain quantity over the drawn futures.

    Parameters
    ----------
    id, kind : str                   its name, and the kind of its process
    of : tuple of str                what it moves
    measure : str                    "factor" on the scenario's value, or "months" later
    effect : float64[path, period]
    central : float64[period]        where every innovation is its median
    levels : float64[level, period]  quantiles at `FAN_LEVELS`
    mean : float64[period]
    varies : bool                    over time: a fan shows it; else dots do
    source, assumption : str         why
    """

    id: str
    kind: str
    of: tuple[str, ...]
    measure: str
    effect: Float
    central: Float
    levels: Float
    mean: Float
    varies: bool
    source: str
    assumption: str

    @property
    def unit(self) -> str:
        """Say what its numbers are."""
        return "months later" if self.measure == "months" else "× the scenario's value"


@dataclass(frozen=True)
class Prospects:
    """The futures of a scenario.

    Parameters
    ----------
    name : str            of the scenario
    outlook : Outlook     with what was overridden
    grid : Grid
    futures : Futures     a large sample of what may happen
    kept : Futures        the ones that the plan is made for
    tree : Tree           of the kept ones
    """

    name: str
    outlook: Outlook
    grid: Grid
    futures: Futures
    kept: Futures
    tree: Tree

    @cached_property
    def quantities(self) -> tuple[Quantity, ...]:
        """Return the uncertain quantities in the order of the file."""
        middle, chance = central(self.outlook, self.grid), self.futures.probability
        found = []
        for k, u in enumerate(self.outlook.uncertain):
            effect = self.futures.effect[:, k]
            found.append(
                Quantity(
                    id=u.id,
                    kind=u.process.kind,
                    of=u.of,
                    measure=self.futures.measures[k],
                    effect=effect,
                    central=middle.effect[0, k],
                    levels=quantiles(effect, chance, FAN_LEVELS),
                    mean=chance @ effect,
                    varies=bool((effect != effect[:, :1]).any()),
                    source=u.source or "",
                    assumption=u.assumption or "",
                )
            )
        return tuple(found)

    @cached_property
    def shown_periods(self) -> tuple[int, ...]:
        """Return up to three periods to show in a table: a year from now, halfway, the last."""
        days = self.grid.edges_days
        marks = (365.0, days[-1] / 2, days[-1] - 1e-6)
        return tuple(dict.fromkeys(int(np.searchsorted(days, min(m, marks[-1]), side="right")) - 1 for m in marks))

    @property
    def risk(self) -> RiskMeasure:
        """Return the risk measure; the expectation where the scenario states none."""
        stated: Any = self.outlook.risk
        return stated if stated is not None else Expectation()

    @cached_property
    def correlations(self) -> tuple[tuple[str, str, float, float], ...]:
        """Return the stated correlations: both ids, as stated, and of the drawn effects (logarithms of factors), mean over time."""
        logs = additive(self.futures) @ self.grid.days / self.grid.days.sum()
        place = {name: k for k, name in enumerate(self.futures.quantities)}
        chance = self.futures.probability
        found = []
        for c in self.outlook.correlations:
            a, b = c.between
            found.append((a, b, c.value, _correlation(logs[:, place[a]], logs[:, place[b]], chance)))
        return tuple(found)

    @cached_property
    def document(self) -> dict[str, Any]:
        """Return all of it as plain values, for JSON."""
        stages = [
            {"name": name, "period": self.grid.labels[t], "date": self.grid.starts[t].isoformat(), "nodes": len(self.tree.groups(name))}
            for name, t in zip(self.tree.stages, self.tree.starts, strict=True)
        ]  # fmt: skip
        return {
            "schema_version": SCHEMA_VERSION,
            "scenario": self.name,
            "seed": self.outlook.seed,
            "method": self.outlook.method,
            "drawn": len(self.futures),
            "paths": len(self.kept),
            "path_probability": self.kept.probability.tolist(),
            "stages": stages,
            "node": self.tree.node.tolist(),
            "decide": self.outlook.decide.model_dump(),
            "risk": [{"weight": weight, "level": level} for weight, level in self.risk.parts()],
            "periods": list(self.grid.labels),
            "quantities": [_as_document(q) for q in self.quantities],
            "correlations": [
                {"between": [a, b], "value": value, "of_drawn_effects": None if np.isnan(seen) else seen}
                for a, b, value, seen in self.correlations
            ],
        }


def outlook(
    scenario: str | Path | Loaded,
    *,
    overlays: Iterable[str | Path | Changes] = (),
    paths: int | None = None,
    seed: int | None = None,
) -> Prospects:
    """Show what may happen in a scenario.

    Parameters
    ----------
    scenario : str, Path or Loaded    a file, or what `load` returned
    overlays : iterable of paths      overlay files, where a file is given
    paths : int                       futures that the plan is made for, in place of the scenario's number
    seed : int                        in place of the scenario's

    Raises
    ------
    ScenarioError     the file has mistakes
    OfftakeError      it states no uncertain quantity, or fewer than one path is asked for
    """
    loaded = load(scenario, overlays=overlays) if isinstance(scenario, str | Path) else scenario
    stated = loaded.scenario.outlook
    if stated is None or not stated.uncertain:
        msg = (
            f"{loaded.scenario.name}: the scenario states nothing as uncertain. Add a section `outlook:` with `uncertain:`, as in "
            "docs/how-to/state-what-is-uncertain.md"
        )
        raise OfftakeError(msg)
    if paths is not None and paths < 1:
        msg = f"a plan is made for at least one path, not {paths}"
        raise OfftakeError(msg)
    if seed is not None and seed < 0:
        msg = f"a seed is 0 or more, not {seed}"
        raise OfftakeError(msg)
    count = stated.paths if paths is None else paths
    given = {
        "paths": count,
        "drawn": None if stated.drawn is None else max(stated.drawn, count),
        "seed": stated.seed if seed is None else seed,
    }
    used = stated.model_copy(update=given)
    edges = loaded.scenario.edges
    grid = Grid(edges[:-1], edges[1:])
    shown = sample(used, grid, paths=used.drawn or max(used.paths, SHOWN), seed=used.seed)
    kept = drawn(used, grid, seed=used.seed)
    grown = tree(used, grid, kept, used.stages_on(grid))
    return Prospects(loaded.scenario.name, used, grid, shown, kept, grown)


def _as_document(q: Quantity) -> dict[str, Any]:
    shares = {f"p{round(100 * level)}": row.tolist() for level, row in zip(FAN_LEVELS, q.levels, strict=True)}
    return {
        "id": q.id, "kind": q.kind, "of": list(q.of), "measure": q.measure, "source": q.source or None,
        "assumption": q.assumption or None, "central": q.central.tolist(), "mean": q.mean.tolist(), **shares,
    }  # fmt: skip


def _correlation(a: Float, b: Float, chance: Float) -> float:
    """Return the correlation of two weighted samples; NaN where one of them does not vary."""
    a, b = a - chance @ a, b - chance @ b
    scale = np.sqrt((chance @ a**2) * (chance @ b**2))
    return float(chance @ (a * b) / scale) if scale > 0.0 else float("nan")
