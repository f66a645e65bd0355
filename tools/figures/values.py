"""Compute every figure by name, in the unit in which its page states it: bn USD, M USD, per cent, GW.

The names are the slots of `passages.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tools.figures.answer import NONE, Reader
from tools.figures.values_base import base_values
from tools.figures.values_futures import futures_values
from tools.figures.values_speeds import speed_values
from tools.figures.variants import RESEARCH_PRICES

__all__ = ["Value", "values_of"]

Value = float | str


def values_of(facts: Mapping[str, Mapping[str, Any]]) -> dict[str, Value]:
    """Compute all figures from the facts of all variants."""
    base = Reader(facts["base"])
    variants = {name: Reader(kept) for name, kept in facts.items() if name != "futures"}
    return {
        "solved_on": str(facts["base"]["solved_on"]),
        **base_values(base),
        **speed_values(base),
        **_case_values(base),
        **_variant_values(variants),
        **_research_values(variants),
        **futures_values(facts["futures"]),
    }


def _case_values(base: Reader) -> dict[str, Value]:
    """Say what the named cases are worth."""
    found: dict[str, Value] = {"gw_2030": base.case("base")["accepted_2030_gw"]}
    for name in ("low", "high", "late-power", "falter"):
        row, key = base.case(name), name.replace("-", "_")
        found[f"gain_{key}"] = row["value_against_no_alliance_usd"] / 1e9
        found[f"gw_2030_{key}"] = row["accepted_2030_gw"]
        found[f"developer_{key}"] = row["offtaker_npv_usd"] / 1e9
        found[f"developer_gain_{key}"] = row["offtaker_against_no_alliance_usd"] / 1e9
        found[f"cloud_gain_{key}"] = row["provider_against_no_alliance_usd"] / 1e9
    found["true_up"] = sum(row["true_up_usd"] for row in base.at("cases")) / 1e9
    widest = sorted(base.at("sensitivity"), key=lambda swing: -abs(swing["value_high_usd"] - swing["value_low_usd"]))
    found["tornado"] = ", ".join(swing["path"] for swing in widest)
    found["cost_of_late_power"] = base.bn("value_against_no_alliance_usd") - float(found["gain_late_power"])
    return found


def _variant_values(variants: Mapping[str, Reader]) -> dict[str, Value]:
    """Say what the example is worth with other costs, prices, speeds and volumes."""
    found: dict[str, Value] = {}
    for name, run in variants.items():
        key = name.replace("-", "_")
        found[f"gain_{key}"] = run.bn("value_against_no_alliance_usd")
        found[f"developer_{key}"] = run.bn("parties.offtaker.npv_usd")
        irr = run.at("parties.provider.infrastructure.irr")
        found[f"return_{key}"] = NONE if irr is None else 100 * irr
        for kind in ("agentic", "assistant"):
            found[f"unserved_{kind}_{key}"] = 100 * run.unserved(kind)
    gain, cheap = variants["base"].bn("value_against_no_alliance_usd"), variants["tokens-70"]
    return {
        **found,
        "cost_of_power": gain - float(found["gain_power_140"]),
        "cost_of_life": gain - float(found["gain_life_3"]),
        "loan_tokens_70": cheap.bn("parties.offtaker.peak_emergency_loan_usd"),
        "loss_alone_tokens_70": -cheap.bn("no_alliance.offtaker.npv_usd"),
        "status_tokens_70": str(cheap.at("status")),
    }


def _research_values(variants: Mapping[str, Reader]) -> dict[str, Value]:
    """Say what the alliance is worth at other prices of research that is not done; the other columns are any variant's."""
    found: dict[str, Value] = {}
    for name in ("base", *(f"research-{price}" for price in RESEARCH_PRICES)):
        key, run = name.replace("-", "_"), variants[name]
        found[f"counted_gain_{key}"] = run.bn("objective_against_no_alliance_usd")
        found[f"developer_alone_{key}"] = run.bn("no_alliance.offtaker.npv_usd")
    return found
