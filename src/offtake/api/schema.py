"""JSON Schema of the `--json` document: what every consumer may rely on. Keys beyond it may come and go with a version."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from offtake.api.document import SCHEMA_VERSION

__all__ = ["result_schema"]

_TEXT: Mapping[str, Any] = {"type": "string"}
_DATE: Mapping[str, Any] = {"type": "string", "format": "date"}
_LIKE_NUMBER = ["number", "null"]

# The unit that the end of a key says; in the schema it stands as `x-unit`, as in that of the scenario.
_UNITS = (
    ("_usd", "USD"),
    ("_mw", "MW"),
    ("_gw", "GW"),
    ("_frac", "1"),
    ("_frac_per_y", "1/y"),
    ("_usd_per_mw_y", "USD/MW-year"),
)


def result_schema() -> dict[str, Any]:
    """Return the JSON Schema of the document that `offtake plan --json` prints and a run directory holds.

    A number without meaning is null, and `reasons` maps its dotted path to a sentence.

    Examples
    --------
    >>> schema = result_schema()
    >>> schema["properties"]["objective_usd"], "gap" in schema["required"]
    ({'type': 'number', 'x-unit': 'USD'}, True)
    """
    party = _party()
    properties: dict[str, Any] = {
        "schema_version": {"const": SCHEMA_VERSION, "description": "changes when a key changes its meaning"},
        "status": {"enum": ["optimal", "gap_reached", "short", "interrupted", "time_limit"]},
        "foresight": {"enum": ["perfect", "two-stage", "rolling", "multistage"]},
        **_numbers("objective_usd", "value_against_no_alliance_usd", "discount_rate_frac_per_y"),
        **_numbers(
            "peak_it_power_mw",
            "peak_facility_power_mw",
            "peak_contract_it_power_mw",
            "peak_contract_facility_power_mw",
        ),
        **_numbers("gap", null=True),
        "penalties_usd": _map(_number("x_usd")),
        "valuation_date": _DATE,
        "horizon": _DATE,
        "parties": _object({"offtaker": {"allOf": [party, _offtaker()]}, "provider": {"allOf": [party, _provider()]}}),
        "no_alliance": _object(dict.fromkeys(("offtaker", "provider"), _object(_numbers("npv_usd")))),
        "energised_mw": _map(_map(_number("x_mw")), "facility power by site and period"),
        "chips": _map(_object(dict.fromkeys(("ordered", "in_service", "accepted"), _map({"type": "number"})))),
        "tokens": _object(dict.fromkeys(("served", "unserved"), _map({"type": "number", "x-unit": "tok"}, "by class"))),
        "commitments": _list(
            _object({"clause": _TEXT, **_numbers("committed_usd", "paid_usd", "shortfall_usd", "true_up_usd")})
        ),
        "bottlenecks": _list(_bottleneck()),
        "circularity": _object(dict.fromkeys(("returned_share", "funded_share"), _object(_numbers("firm", "contingent", null=True)))),
        "cases": _list(_object({"case": _TEXT, "title": _TEXT, "status": _TEXT, "method": _TEXT})),
        "findings": _list(_object({"severity": _TEXT, "code": _TEXT, "message": _TEXT})),
        "certificate": {"type": "object"},
        "reasons": _map(_TEXT, "dotted path of a null → why it has no meaning"),
        "timings": {"type": "object", "description": "seconds; the only part outside every hash"},
    }  # fmt: skip
    whole = _object(properties)
    whole["properties"] |= _of_paths()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Offtake answer", **whole}


def _of_paths() -> dict[str, Any]:
    """Describe what only a plan under uncertainty has.

    Every number of the answer is then a mean over paths, `peak_*` the largest, `min_cash*` the smallest.
    """
    chance = {**_number("x_frac"), "minimum": 0, "maximum": 1.000001}
    tail = _numbers("mean_usd", "cvar_usd")
    against = _numbers("against_no_alliance_mean_usd", "against_no_alliance_cvar_usd")
    value = {
        **_numbers("in_sample_usd"),
        **_numbers("out_of_sample_mean_usd", "out_of_sample_risk_adjusted_usd", "out_of_sample_cvar_usd", null=True),
        **_numbers("gap_estimate_usd", "gap_limit95_usd", null=True),
        "out_of_sample_ci95_usd": {"type": ["array", "null"], "items": _number("x_usd")},
        **{key: {"type": "integer"} for key in ("out_of_sample_paths", "out_of_sample_failed")},
        "evaluator": {"enum": ["rolling", "recourse", None]},
    }
    risk = {
        "measure": _TEXT,
        **_numbers("level_frac", "weight_frac", null=True),
        "parts": _list(_object(_numbers("weight_frac", "level_frac"))),
        **_numbers("risk_adjusted_usd", "tail_level_frac"),
        "stressed_probabilities": _list(chance),
        "objective": _object(tail),
        "parties": _object(dict.fromkeys(("offtaker", "provider"), _object({**tail, **against}))),
    }
    worth = (
        "objective_usd",
        "value_against_no_alliance_usd",
        "offtaker_npv_usd",
        "provider_npv_usd",
        "peak_facility_power_mw",
        "peak_contract_facility_power_mw",
        "offtaker_emergency_loan_usd",
        "provider_emergency_loan_usd",
        "offtaker_funding_need_usd",
        "offtaker_planned_spend_usd",
    )
    path = {
        "path": {"type": "integer"},
        "probability_frac": chance,
        "stressed_frac": chance,
        "what": _TEXT,
        **_numbers(*worth),
        **_numbers("offtaker_irr", "provider_infrastructure_irr", null=True),
    }
    node = {"node": {"type": "integer"}, "probability_frac": chance, "paths": _list({"type": "integer"})}
    return {
        "paths": {"type": "integer", "description": "absent where there is one path"},
        "stages": _list(_TEXT),
        "value": _object(value),
        **_numbers("evpi_usd", "vss_usd", null=True),
        "waiting_value_usd": _map(_number("x_usd", null=True), "by stage"),
        "worth": _object(_numbers("wait_and_see_usd", "tree_usd", "mean_plan_usd", null=True)),
        "risk": _object(risk),
        "by_path": _list(_object(path)),
        "tree": _list(_object({"stage": _TEXT, "from": _DATE, "nodes": _list(_object(node))})),
        "partly_defined": _map(
            _object({"share_frac": chance, "reason": _TEXT}), "dotted path of what some paths lack or tell otherwise"
        ),
    }


def _bottleneck() -> dict[str, Any]:
    texts = dict.fromkeys(("limit", "period", "unit"), _TEXT)
    return _object({**texts, "binding": {"type": "boolean"}, **_numbers("price", "relief_usd", null=True)})


def _party() -> dict[str, Any]:
    keys = ("npv_usd", "npv_own_rate_usd", "npv_without_terminal_usd", "against_no_alliance_usd", "min_cash_usd")
    loans = {
        "emergency_loan_usd": {
            **_number("x_usd"),
            "description": "largest balance; over paths the mean of their largest balances",
        },
        "peak_emergency_loan_usd": {
            **_number("x_usd"),
            "description": "largest balance; over paths that of the path where it is largest",
        },
    }
    return _object({"name": _TEXT, **_numbers(*keys), **loans})


def _offtaker() -> dict[str, Any]:
    return _object(
        {
            **_numbers("funding_need_usd", "peak_funding_need_usd", "planned_spend_usd"),
            **_numbers("firm_commitment_usd", "irr", null=True),
            "breakeven_date": {"type": ["string", "null"], "format": "date"},
        }
    )


def _provider() -> dict[str, Any]:
    works = _object({**_numbers("npv_usd"), **_numbers("irr", null=True)})
    return _object({"infrastructure": works, "equity_stake": {"type": "object"}})


def _number(name: str, *, null: bool = False) -> dict[str, Any]:
    """Describe a number, with the unit that its key carries."""
    unit = next((u for ending, u in sorted(_UNITS, key=lambda pair: -len(pair[0])) if name.endswith(ending)), None)
    return {"type": _LIKE_NUMBER if null else "number", **({"x-unit": unit} if unit else {})}


def _numbers(*names: str, null: bool = False) -> dict[str, Any]:
    return {name: _number(name, null=null) for name in names}


def _object(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Describe a mapping whose keys are all there; others may be too."""
    return {"type": "object", "required": list(properties), "properties": dict(properties)}


def _map(values: Mapping[str, Any], description: str = "") -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": dict(values),
        **({"description": description} if description else {}),
    }


def _list(items: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": dict(items)}
