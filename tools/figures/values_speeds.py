"""Figures of what a megawatt of each chip does, and what that is worth at the start."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tools.figures.answer import Reader

__all__ = ["speed_values"]

Values = dict[str, float | str]

_YEAR_S = 365 * 86_400.0
_W_PER_MW = 1e6
_DEAREST = "h100"
"""The chip whose rent the price of research is set by; the other chips' costs are told as a range."""


def speed_values(base: Reader) -> Values:
    """Compute tokens and useful training FLOP a second of a megawatt, what they earn, and what research costs."""
    chips, start = base.facts["chips"], base.facts["anniversaries"][0]
    price = {kind: row["usd_per_d"] / row["tok_per_d"] for kind, row in start["classes"].items()}
    found: Values = {}
    for name, chip in chips.items():
        per_mw = _W_PER_MW / chip["it_w"]
        useful = chip["flop_per_s"] * per_mw
        found[f"train_{name}"] = useful / 1e18
        found[f"worth_research_{name}"] = (
            useful * chip["goodput_frac"] * _YEAR_S / 1e21 * start["research_usd_per_zflop"] / 1e6
        )
        for kind, rate in chip["tok_per_s"].items():
            found[f"tok_{kind}_{name}"] = rate * per_mw
            found[f"worth_{kind}_{name}"] = rate * per_mw * _YEAR_S * price[kind] / 1e6
    return {**found, **_research_costs(base)}


def _research_costs(base: Reader) -> Values:
    """Say what research costs on rented chips [USD/ZFLOP]; of the dearest chip on its last step, at the first and the highest rent."""
    chips, rents = base.facts["chips"], base.facts["rents_usd_per_chip_h"]
    cost = {name: [rent * _hours_per_zflop(chips[name]) for rent in all_] for name, all_ in rents.items()}
    others = [c for name, costs in cost.items() if name != _DEAREST for c in costs]
    found: Values = {f"research_cost_low_{name}": min(costs) for name, costs in cost.items()}
    top = max(cost[_DEAREST])
    return {
        **found,
        "research_cost_low": min(others),
        "research_cost_high": max(others),
        "research_cost_dearest": top,
        "research_cost_dearest_first": cost[_DEAREST][cost[_DEAREST].index(top) - 1],
        "research_cost_first_tpu7x": cost["tpu7x"][0],
        "research_cost_high_tpu7x": max(cost["tpu7x"]),
    }


def _hours_per_zflop(chip: dict[str, Any]) -> float:
    """Hours of one chip that a ZFLOP of useful research takes."""
    return float(1e21 / (chip["flop_per_s"] * chip["goodput_frac"] * 3600.0))
