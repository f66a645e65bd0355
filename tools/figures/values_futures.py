"""Figures of the plan for six futures and of its fresh paths."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from offtake.outlook import measures

__all__ = ["drawn_again", "futures_values"]

Values = dict[str, float | str]

_DRAWS = 100_000
"""Samples drawn again from the fresh paths: the bounds then move by less than 1 bn USD."""


def futures_values(facts: Mapping[str, Any]) -> Values:
    """Compute what the plan for six futures is worth, and how sure that is [bn USD]."""
    document = facts["document"]
    value, paths = document["value"], sorted(path["objective_usd"] for path in document["by_path"])
    low, high = value["out_of_sample_ci95_usd"]
    fresh = sorted(facts["fresh_usd"])
    again_low, again_high = drawn_again(facts)
    money = {
        "in_sample": value["in_sample_usd"],
        "in_sample_risk": document["risk"]["risk_adjusted_usd"],
        "alone_risk": measures.value(
            _parts(facts), np.array(facts["without_usd"]), np.array(facts["probability_frac"])
        ),
        "fresh": value["out_of_sample_mean_usd"],
        "fresh_low": low,
        "fresh_high": high,
        "fresh_risk": value["out_of_sample_risk_adjusted_usd"],
        "fresh_worst": fresh[0],
        "fresh_second": fresh[1],
        "path_worst": paths[0],
        "path_best": paths[-1],
        "again_low": again_low,
        "again_high": again_high,
        "vss": document["vss_usd"],
        "evpi": document["evpi_usd"],
        "waiting": document["waiting_value_usd"]["5y"],
        "loan_futures": document["parties"]["offtaker"]["peak_emergency_loan_usd"],
    }
    done = min(min(path.values()) for path in facts["done_frac"])
    return {**{name: usd / 1e9 for name, usd in money.items()}, "runs_done": 100 * done}


def _parts(facts: Mapping[str, Any]) -> tuple[tuple[float, float], ...]:
    return tuple((part["weight_frac"], part["level_frac"]) for part in facts["document"]["risk"]["parts"])


def drawn_again(facts: Mapping[str, Any]) -> tuple[float, float]:
    """Bound the risk-adjusted value two times in three when fresh paths are drawn again from themselves, one by one [USD]."""
    values = np.array(facts["fresh_usd"])
    draws = np.sort(np.random.default_rng(1).choice(values, size=(_DRAWS, len(values))), axis=1)
    chance = np.full(len(values), 1.0 / len(values))
    # The measure is linear in values that stand in order: its weights are what it makes of each of them.
    weights = np.zeros(len(values))
    for weight, level in _parts(facts):
        tail = np.minimum(np.cumsum(chance), 1.0 - level) - np.minimum(np.cumsum(chance) - chance, 1.0 - level)
        weights += weight * tail / (1.0 - level)
    low, high = np.quantile(draws @ weights, (1 / 6, 5 / 6))
    return float(low), float(high)
