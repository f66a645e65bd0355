"""Turn pydantic's errors into located diagnostics with help."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from offtake.diagnostics import Diagnostic, Severity, did_you_mean
from offtake.spec.fields import Unit
from offtake.spec.shape import Slot, model_at, slot_at, slots
from offtake.spec.tree import Listing, Mapping, Node, Place, Scalar, child, deepest, id_of, items_of, segments
from offtake.units import SUFFIXES, example_of, suffix_of

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError

    from offtake.spec.scalars import Problem

__all__ = ["at_key", "at_node", "at_path", "from_validation", "is_null"]

Steps = tuple[str | int, ...]

_MOST = 400  # twice what is shown: a file with more has one cause, and looking for the nearest key takes its time
_SHAPES = {
    "model_type": "a mapping", "model_attributes_type": "a mapping", "dict_type": "a mapping",
    "tuple_type": "a list", "list_type": "a list", "string_type": "text",
}  # fmt: skip


def at_node(
    root: Node, steps: Steps, code: str, message: str, hint: str = "", *, severity: Severity = "error"
) -> Diagnostic:
    """Make a diagnostic at a value, or at the deepest node on the way to it."""
    node, _ = deepest(root, steps)
    return _at(node.place, segments(root, steps), code, message, hint, severity=severity)


def at_key(
    root: Node, steps: Steps, code: str, message: str, hint: str = "", *, severity: Severity = "error"
) -> Diagnostic:
    """Make a diagnostic at a key."""
    parent = child(root, *steps[:-1])
    if isinstance(parent, Mapping) and isinstance(steps[-1], str) and steps[-1] in parent.entries:
        return _at(parent.entries[steps[-1]].key_place, segments(root, steps), code, message, hint, severity=severity)
    return at_node(root, steps, code, message, hint, severity=severity)


def at_path(root: Node, path: str, code: str, message: str, hint: str = "") -> Diagnostic:
    """Make a diagnostic at a dotted path with list items named by their id, or at the deepest node on the way to it.

    Examples
    --------
    >>> from offtake.spec.reader import read_text
    >>> tree = read_text("chips: [{id: a}, {id: b, life: 5 y}]").root
    >>> found = at_path(tree, "chips.b.price", "E505", "is left out")
    >>> found.path, found.column
    ('chips.b.price', 18)
    """
    node: Node | None = root
    steps: list[str | int] = []
    for part in path.split("."):
        step: str | int | None = part if isinstance(node, Mapping) else None
        if isinstance(node, Listing):
            step = next((k for k, item in items_of(node) if id_of(item) == part), None)
        node = child(node, step) if node is not None and step is not None else None
        if node is None or step is None:
            break
        steps.append(step)
    return replace(at_node(root, tuple(steps), code, message, hint), path=path)


def _at(place: Place, path: str, code: str, message: str, hint: str, *, severity: Severity = "error") -> Diagnostic:
    return Diagnostic(
        code=code, message=message, severity=severity, path=path, file=place.file, line=place.line, column=place.column,
        length=place.length, hint=hint,
    )  # fmt: skip


def is_null(node: Node | None) -> bool:
    """Whether a value is missing: the reader has said so already."""
    return isinstance(node, Scalar) and not node.quoted and node.text in ("", "~", "null", "Null", "NULL")


def from_validation(error: ValidationError, model: type[BaseModel], root: Node, prefix: Steps = ()) -> list[Diagnostic]:
    """Return a diagnostic for each mistake that pydantic found.

    Parameters
    ----------
    error : ValidationError
    model : type[BaseModel]    what was validated
    root : Node                the whole tree
    prefix : Steps             where in the tree the validated part stands
    """
    items = error.errors(include_url=False)[:_MOST]
    typos = _typos(items, model)
    found: list[Diagnostic] = []
    for item in items:
        loc = tuple(s for s in item["loc"] if s != "[key]")
        if is_null(child(root, *prefix, *loc)):
            continue
        if item["type"] == "missing" and (loc[:-1], loc[-1]) in typos:
            continue
        found += _translate(item, loc, model, root, prefix)
    return found


def _typos(items: Sequence[Any], model: type[BaseModel]) -> set[tuple[Steps, str | int]]:
    """Pair each missing key with an unknown one beside it that looks like it: one mistake, said once."""
    unknown = [i["loc"] for i in items if i["type"] == "extra_forbidden"]
    pairs: set[tuple[Steps, str | int]] = set()
    for loc in unknown:
        near = _nearest(str(loc[-1]), model_at(model, loc[:-1]))
        pairs |= {(loc[:-1], near)} if near else set()
    return pairs


def _nearest(key: str, model: type[BaseModel] | None) -> str:
    hint = did_you_mean(key, list(slots(model))) if model is not None else ""
    return hint.split("`")[1] if hint.startswith("did you mean") else ""


def _translate(item: Any, loc: Steps, model: type[BaseModel], root: Node, prefix: Steps) -> list[Diagnostic]:  # noqa: ANN401
    """Translate one error by its type."""
    steps = (*prefix, *loc)
    kind, context = item["type"], item.get("ctx", {})
    if kind == "offtake":
        problems: tuple[Problem, ...] = context["problems"]
        return [_problem(p, root, steps) for p in problems if not is_null(child(root, *steps, *p.at))]
    if kind == "extra_forbidden":
        return [_unknown_key(loc, model, root, steps)]
    slot = slot_at(model, loc)
    if kind == "missing":
        parent = child(root, *steps[:-1]) or root
        return [_at(parent.place, segments(root, steps), "E202", f"`{steps[-1]}` is missing", _how(slot))]
    if kind in _SHAPES:
        return [_wrong_shape(_SHAPES[kind], root, steps)]
    return [at_node(root, steps, *_said(kind, item, context, slot))]


def _said(kind: str, item: Any, context: dict[str, Any], slot: Slot | None) -> tuple[str, str, str]:  # noqa: ANN401
    """Return code, message and hint of an error about a value."""
    if kind == "literal_error" and slot is not None:
        return "E204", f"{_got(item)} is not one of the words known here", did_you_mean(str(item["input"]), slot.words)
    if kind in ("too_short", "too_long"):
        return "E210", f"the list has {context.get('actual_length', 0)} items", _length(context)
    if kind in ("greater_than_equal", "less_than_equal"):
        bound = f"at least {context['ge']}" if "ge" in context else f"at most {context['le']}"
        return "E306", f"{_got(item)} is out of range, expected {bound}", ""
    if kind == "value_error":  # a check of a model's own
        return "E504", str(context.get("error", item["msg"])), ""
    return "E203", f"{item['msg']}, got {_got(item)}", _how(slot)


def _problem(problem: Problem, root: Node, steps: Steps) -> Diagnostic:
    place = at_key if problem.on_key else at_node
    return place(root, (*steps, *problem.at), problem.code, problem.message, problem.hint)


def _unknown_key(loc: Steps, model: type[BaseModel], root: Node, steps: Steps) -> Diagnostic:
    key = str(loc[-1])
    parent = model_at(model, loc[:-1])
    known = list(slots(parent)) if parent is not None else []
    suffix = suffix_of(key)
    stem = key.removesuffix(f"_{suffix}") if suffix else ""
    hint = (
        f"the unit goes with the value: `{stem}: {example_of(SUFFIXES[suffix])}`"
        if stem in known
        else did_you_mean(key, known)
    )
    shown = key if len(key) <= 60 else key[:57] + "…"
    return at_key(root, steps, "E201", f"unknown key `{shown}`", hint)


def _wrong_shape(wanted: str, root: Node, steps: Steps) -> Diagnostic:
    node = child(root, *steps)
    got = "a mapping" if isinstance(node, Mapping) else "a list" if isinstance(node, Listing) else "text"
    hint = {
        "a list": "begin each item with `- `, or write `[a, b]`",
        "a mapping": "write keys with values below it, indented",
        "text": "put the text in quotation marks",
    }[wanted]
    return at_node(root, steps, "E203", f"expected {wanted}, got {got}", hint)


def _how(slot: Slot | None) -> str:
    """Say how a value of a field is written."""
    if slot is None:
        return ""
    if slot.words:
        return f"add `{slot.key}: {slot.words[0]}` (one of {', '.join(slot.words)})"
    if isinstance(slot.unit, Unit) and slot.container == "one":
        return f"add it, for example `{slot.key}: {example_of(slot.unit.unit)}`"
    if slot.container == "list":
        return f"add `{slot.key}:` with a list below it"
    return f"add `{slot.key}:` with its keys below it" if slot.model is not None else f"add `{slot.key}: …`"


def _got(item: Any) -> str:  # noqa: ANN401
    text = str(item.get("input", ""))
    return f"`{text if len(text) <= 40 else text[:37] + '…'}`"


def _length(context: dict[str, Any]) -> str:
    return f"at least {context['min_length']} is needed" if "min_length" in context else "leave some out"
