"""What a plan under uncertainty decides now, and what at each later stage in each node of its tree.

A decision is taken at the stage that its period belongs to, unless all paths share it: then it is fixed now, whatever `decide` calls it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from offtake.api.mixing import expected
from offtake.api.several import what_happens
from offtake.tables import significant

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from offtake.api.story import Hedge
    from offtake.plan.problem import Float, Int

    Bool = NDArray[np.bool_]

__all__ = ["stage_decisions"]

_LEAST_MW = 0.1
_LEAST_CHIPS = 1.0
"""What is smaller is the solver's rounding."""

_KNOWN = -1
"""In place of a stage's number: decided knowing the path, as `decide: {phases: path}` asks for."""


def stage_decisions(hedge: Hedge) -> list[dict[str, Any]]:
    """List what each node decides between its stage and the next, the first row what is fixed now."""
    tree, problem = hedge.hedged.tree, hedge.hedged.problem
    phases, orders = (_stages(rep, tree.starts) for rep in (problem.ties.phases, problem.ties.orders))
    rows = []
    for k, stage in enumerate(tree.stages):
        told = what_happens(hedge, upto=tree.starts[k]) if k else None
        for paths in tree.groups(stage):
            head = {
                "stage": stage,
                "start": problem.grid.starts[tree.starts[k]],
                "seen": "" if told is None else told.of(paths),
            }
            rows.append({**head, **_of(hedge, paths), **_decided(hedge, paths, phases == k, orders == k, signs=k == 0)})
    known = _decided(hedge, np.arange(len(tree)), phases == _KNOWN, orders == _KNOWN, signs=False)
    if known["begun_mw"] > _LEAST_MW or known["ordered_chips"] > _LEAST_CHIPS:
        head = {"stage": "path", "start": problem.grid.starts[0], "seen": "the whole path"}
        rows.append({**head, **_of(hedge, np.arange(len(tree))), **known})
    return rows


def _stages(rep: Int, starts: tuple[int, ...]) -> NDArray[np.intp]:
    """Return the stage at which the decision of each period is taken : int[period]."""
    stage = np.searchsorted(starts, np.arange(rep.shape[1]), side="right") - 1
    shared = (rep == rep[:1]).all(axis=0)
    return np.where(shared, 0, np.where(stage == 0, _KNOWN, stage))


def _of(hedge: Hedge, paths: Int) -> dict[str, Any]:
    """Name a node."""
    return {
        "node": int(paths[0]),
        "probability_frac": float(hedge.probability[paths].sum()),
        "paths": ", ".join(str(p) for p in paths.tolist()),
    }


def _decided(hedge: Hedge, paths: Int, phases: Bool, orders: Bool, *, signs: bool) -> dict[str, Any]:
    """Sum up what the paths of a node decide about some periods; a range where they differ."""
    problem = hedge.hedged.problem
    plans = [hedge.paths[p].base.alliance for p in paths]
    begun = np.array([(p.decisions.starts[0, phases] * problem.sites.phase_mw).sum(axis=0) for p in plans])
    ordered = [p.decisions.orders_chip[0][orders].sum(axis=0) for p in plans]
    chips = np.array([[o[problem.fleets.chip == c].sum() for c in range(len(problem.chips.ids))] for o in ordered])
    words = []
    if signs:
        words.append("sign the contract" if all(p.decisions.signed.all() for p in plans) else "do not sign")
    sites = [
        f"{_range(own)} MW at {site}"
        for site, own in zip(problem.sites.ids, begun.T, strict=True)
        if own.max() > _LEAST_MW
    ]
    words += [f"begin {', '.join(sites)}"] if sites else []
    kinds = [
        f"{_range(own / 1e3)} k {chip}"
        for chip, own in zip(problem.chips.ids, chips.T, strict=True)
        if own.max() > _LEAST_CHIPS
    ]
    words += [f"order {', '.join(kinds)}"] if kinds else []
    weights = (hedge.probability[paths] / hedge.probability[paths].sum()).tolist()
    return {
        "what": "; ".join(words) or "nothing new",
        "begun_mw": expected(begun.sum(axis=1).tolist(), weights),
        "ordered_chips": expected(chips.sum(axis=1).tolist(), weights),
    }


def _range(values: Float) -> str:
    low, high = float(values.min()), float(values.max())
    if high - low <= 0.005 * abs(high):
        return significant(float(values.mean()))
    return f"{significant(low, 2)} to {significant(high, 2)}"
