"""What compiling starts from: a resolved scenario and the performance of its chips and models.

A resolved scenario has no gaps: what the file left out has been filled from the catalogue.  `Inputs` holds one for each path, all of
the same shape; only numbers differ.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from offtake.dates import Grid

if TYPE_CHECKING:
    from offtake.catalog.resolve import Resolved
    from offtake.perf.types import Chip, Transformer
    from offtake.plan.problem import Float
    from offtake.spec.scenario import Scenario
    from offtake.spec.series import Series


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """Resolved scenarios by path, and what their chips and models are.

    Parameters
    ----------
    paths : mapping of path name to Scenario
    chips : mapping of chip id (or catalogue entry of an offer) to perf.Chip
    models : mapping of model id to perf.Transformer
    """

    paths: Mapping[str, Scenario]
    chips: Mapping[str, Chip]
    models: Mapping[str, Transformer]

    @property
    def base(self) -> Scenario:
        """The first path's scenario: identifiers and all that no future changes."""
        return next(iter(self.paths.values()))

    @property
    def grid(self) -> Grid:
        """The periods of the plan."""
        edges = self.base.edges
        return Grid(tuple(edges[:-1]), tuple(edges[1:]))

    def stack(self, read: Callable[[Scenario], Float | Sequence[Sequence[float]]]) -> Float:
        """Read an array from every path's scenario, paths first."""
        return np.stack([np.asarray(read(scenario), dtype=np.float64) for scenario in self.paths.values()])


def inputs_of(scenario: Scenario, resolved: Resolved) -> Inputs:
    """Put a scenario and what the catalogue filled together, as the only path."""
    filled = {
        "chips": tuple(
            c.model_copy(
                update={
                    "price_usd_per_chip": resolved.chips[c.id].price_usd_per_chip,
                    "server_cost_usd_per_chip": resolved.chips[c.id].server_cost_usd_per_chip,
                    "it_power_w_per_chip": resolved.chips[c.id].it_w_per_chip,
                    "idle_power_frac": resolved.chips[c.id].idle_frac,
                    "price_terminal_usd_per_chip": resolved.chips[c.id].price_terminal_usd_per_chip,
                    "list_rent_usd_per_chip_h": resolved.chips[c.id].list_rent_usd_per_chip_h,
                }
            )
            for c in scenario.chips
        ),
        "sites": tuple(
            s.model_copy(update={f: getattr(resolved.sites[s.id], f) for f in _SITE_FIELDS}) for s in scenario.sites
        ),
    }
    return Inputs(paths={"base": scenario.model_copy(update=filled)}, chips=resolved.hardware, models=resolved.models)


_SITE_FIELDS = (
    "grid_operator",
    "state",
    "interconnected_mw",
    "announced_mw",
    "pue",
    "peak_ratio",
    "shell_cost_usd_per_mw",
    "running_cost_usd_per_mw_y",
    "power_price_usd_per_mwh",
    "shell_life_y",
    "carbon_g_per_kwh",
)


def period_means(series: Series | None, grid: Grid, default: float = 0.0) -> Float:
    """Mean of a series over each period : float64[period]."""
    if series is None:
        return np.full(len(grid), default)
    return _means(series, grid)


@lru_cache(maxsize=4096)
def _means(series: Series, grid: Grid) -> Float:
    """Remember means: worlds that differ in one value share nearly all of their series."""
    means = np.array([series.mean(a, b) for a, b in zip(grid.starts, grid.ends, strict=True)])
    means.setflags(write=False)
    return means


def table(columns: Sequence[Float], periods: int) -> Float:
    """Stand columns [period] side by side : float64[period, column], also when there are none."""
    return np.stack(columns, axis=1) if columns else np.zeros((periods, 0))
