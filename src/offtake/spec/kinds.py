"""Parts of the file whose `kind` decides what else they hold: clauses, processes, risk measures.

Their models come from the registry, so that this package names none of them.
"""

from __future__ import annotations

from collections.abc import Mapping as Dict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from offtake.diagnostics import did_you_mean
from offtake.spec.locate import at_node, from_validation, is_null
from offtake.spec.outlook import Process
from offtake.spec.tree import Mapping, Node, Scalar, child, items_of, plain

if TYPE_CHECKING:
    from pydantic import BaseModel

    from offtake.diagnostics import Diagnostic

__all__ = ["CLAUSE", "PROCESS", "RISK", "Said", "put_outlook", "terms_of"]

Steps = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Said:
    """How messages name a part: its noun with article and without, and what it is made of."""

    one: str
    noun: str
    made_of: str


CLAUSE = Said("a clause", "clause", "a `kind`, an `id` and its terms")
PROCESS = Said("a process", "process", "a `kind` and its terms")
RISK = Said("a risk measure", "risk measure", "a `kind` and its terms")


def terms_of(
    root: Mapping, steps: Steps, node: Node, kinds: Dict[str, type[BaseModel]], said: Said
) -> tuple[BaseModel | None, list[Diagnostic]]:
    """Validate one part by its kind; return its model, if it could be built, and every mistake."""
    if not isinstance(node, Mapping):
        return None, [at_node(root, steps, "E203", "expected a mapping", f"{said.one} has {said.made_of}")]
    kind = node.entries["kind"].node if "kind" in node.entries else None
    if is_null(kind):
        return None, []
    at = (*steps, "kind")
    if not isinstance(kind, Scalar):
        return None, [at_node(root, at, "E209", f"{said.one} says its `kind`", f"one of {', '.join(sorted(kinds))}")]
    if kind.text not in kinds:
        near = did_you_mean(kind.text, sorted(kinds))
        return None, [at_node(root, at, "E209", f"there is no kind of {said.noun} `{kind.text[:60]}`", near)]
    model = kinds[kind.text]
    data = {
        key: plain(entry.node) for key, entry in node.entries.items() if key != "kind" or "kind" in model.model_fields
    }
    try:
        return model.model_validate(data, by_alias=True, by_name=False), []
    except ValidationError as error:
        return None, from_validation(error, model, root, steps)


def put_outlook(data: dict[str, Any], root: Mapping) -> list[Diagnostic]:
    """Put validated terms in the place of every process and of the risk measure.

    Where they cannot be built, something stands in: what is wrong with them is said here, once.
    """
    from offtake.registry import components

    found: list[Diagnostic] = []
    for k, item in items_of(child(root, "outlook", "uncertain")):
        node = child(item, "process")
        if node is not None and not is_null(node):
            steps: Steps = ("outlook", "uncertain", k, "process")
            built, mistakes = terms_of(root, steps, node, components("process"), PROCESS)
            data["outlook"]["uncertain"][k]["process"] = built if built is not None else Process()
            found += mistakes
    risk = child(root, "outlook", "risk")
    if risk is not None and not is_null(risk):
        data["outlook"]["risk"], mistakes = terms_of(root, ("outlook", "risk"), risk, components("risk"), RISK)
        found += mistakes
    return found
