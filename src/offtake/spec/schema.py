"""JSON Schema of the scenario file, for editors: every quantity carries its unit as ``x-unit``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from offtake.spec.quantity import ANNOTATION_KEYS, SERIES_KEYS
from offtake.units import example_of, format_quantity

if TYPE_CHECKING:
    from pydantic import BaseModel

    from offtake.spec.fields import Unit

__all__ = ["json_schema", "quantity_schema"]

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema(clause_kinds: Mapping[str, type[BaseModel]] | None = None) -> dict[str, Any]:
    """Return the JSON Schema of a scenario file.

    Parameters
    ----------
    clause_kinds : mapping of kind → terms    the registry's if left out

    Examples
    --------
    >>> schema = json_schema({})
    >>> schema["$defs"]["Site"]["properties"]["phase"]["x-unit"]
    'MW'
    """
    from offtake.spec.scenario import Scenario

    if clause_kinds is None:
        from offtake.registry import components

        clause_kinds = components("clause")
    schema = Scenario.model_json_schema(by_alias=True)
    definitions = schema["$defs"]
    kinds = [_clause(kind, clause_kinds[kind], definitions) for kind in sorted(clause_kinds)]
    amendment = definitions["Amendment"]["properties"]
    for clauses in (definitions["Contract"]["properties"]["clauses"], amendment["add"]):
        clauses["items"] = {"oneOf": kinds} if kinds else {"type": "object"}
        clauses.pop("default", None)
    amendment["changes"]["additionalProperties"] = {"type": "object"}
    _outlook(definitions)
    definitions.pop("BaseModel", None)
    schema = _tidy(schema)
    return {"$schema": DIALECT, "title": "Offtake scenario", **{k: v for k, v in schema.items() if k != "title"}}


def _outlook(definitions: dict[str, Any]) -> None:
    """Put the kinds of processes and of risk measures in their places."""
    from offtake.registry import components

    for holder, key, group in (("Uncertain", "process", "process"), ("Outlook", "risk", "risk")):
        kinds = [_clause(name, terms, definitions, group) for name, terms in components(group).items()]
        place = definitions[holder]["properties"]
        said = {"description": place[key]["description"]}
        place[key] = {**said, **({"oneOf": kinds} if kinds else {"type": "object"})}
    definitions.pop("Process", None)


def _tidy(node: object) -> Any:  # noqa: ANN401
    """Write what the file means: no null (a key is left out instead), defaults with their unit, no generated titles."""
    if isinstance(node, list):
        return [_tidy(item) for item in node]
    if not isinstance(node, dict):
        return node
    tidy = {k: _tidy(v) for k, v in node.items() if not (k == "title" and isinstance(v, str))}
    options = [o for o in tidy.get("anyOf", []) if o != {"type": "null"}]
    if "anyOf" in tidy and len(options) == 1:
        tidy = {**options[0], **{k: v for k, v in tidy.items() if k != "anyOf"}}
    if "default" in tidy:
        default = _default(tidy.pop("default"), tidy.get("x-unit"))
        tidy |= {} if default is None else {"default": default}
    return tidy


def _default(value: object, unit: str | None) -> Any:  # noqa: ANN401
    if isinstance(value, dict) and "values" in value and unit is not None:  # a constant series
        value = value["values"][0]
    if isinstance(value, float) and unit is not None:
        return format_quantity(value, unit) if unit else value
    return value if isinstance(value, str | bool | int) else None


def _clause(kind: str, terms: type[BaseModel], definitions: dict[str, Any], group: str = "clause") -> dict[str, Any]:
    """Put the terms of one kind among the definitions; return the reference to them."""
    own = terms.model_json_schema(by_alias=True, ref_template="#/$defs/{model}")
    definitions |= own.pop("$defs", {})
    own["properties"] = {
        "kind": {"const": kind, "description": own.get("description", "")},
        **own.get("properties", {}),
    }
    if group == "process":  # fitted terms stand for those that are not written
        own["properties"]["like"] = {
            "type": "string",
            "description": "Name of fitted terms: `offtake outlook fit` lists them.",
        }
        own["anyOf"] = [{"required": ["like"]}, {"required": own.get("required", [])}]
        own["required"] = []
    own["required"] = ["kind", *own.get("required", [])]
    definitions[f"{group}.{kind}"] = own
    return {"$ref": f"#/$defs/{group}.{kind}"}


def quantity_schema(unit: Unit, *, series: bool) -> dict[str, Any]:
    """Return the schema of a quantity or series: text with a unit, or the annotated forms."""
    one: dict[str, Any] = {"type": ["string", "number"] if unit.unit in ("", "%") else "string"}
    texts = {"source": {"type": "string"}, "assumption": {"type": "string"}}
    annotated = _closed({k: texts.get(k, one) for k in ANNOTATION_KEYS}, ["value"])
    forms: list[dict[str, Any]] = [one, annotated]
    if series:
        factor = {"type": "number", "exclusiveMinimum": 0}
        points = {
            "type": "object", "minProperties": 1, "additionalProperties": False, "patternProperties": {r"^\d{4}-\d{2}-\d{2}$": one},
        }  # fmt: skip
        how = {"enum": ["linear", "step", "geometric"], "default": unit.interpolation}
        known = {"points": points, "interpolation": how, "low": factor, "high": factor, **texts}
        forms += [points, _closed({k: known[k] for k in SERIES_KEYS}, ["points"])]
    bounds = {"at_least": unit.at_least, "at_most": unit.at_most, "above": unit.above}
    return {
        "anyOf": forms,
        "x-unit": unit.unit,
        "x-bounds": {k: v for k, v in bounds.items() if v is not None},
        "examples": [example_of(unit.unit)],
    }


def _closed(properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "required": required, "properties": properties}
