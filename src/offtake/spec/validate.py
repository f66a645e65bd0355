"""Checks across the file: ids, references, cycles, dates and sums, all at once and without needing a valid model.

They read the node tree, so that a wrong unit in one place does not hide a wrong reference in another.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from collections.abc import Mapping as Dict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import BaseModel

from offtake.diagnostics import Diagnostic, did_you_mean
from offtake.spec.locate import at_key, at_node, is_null
from offtake.spec.meaning import check_meaning
from offtake.spec.scenario import Scenario
from offtake.spec.shape import slots
from offtake.spec.tree import Listing, Mapping, Node, Scalar, child, id_of, items_of

if TYPE_CHECKING:
    from offtake.spec.fields import Ref
    from offtake.spec.load import CatalogNames

__all__ = ["check_meaning", "check_references"]

Steps = tuple[str | int, ...]

_SECTIONS: tuple[Steps, ...] = (
    ("sites",), ("chips",), ("models",), ("classes",), ("channels",), ("demand",), ("training",), ("outside_supply",), ("cases",),
    ("contract", "clauses"), ("outlook", "uncertain"),
)  # fmt: skip

_SINGULAR = {
    "sites": "site", "chips": "chip", "models": "model", "regions": "region", "classes": "class", "demand": "demand", "channels": "channel",
    "training": "training run", "groups": "group of sites", "contract.clauses": "clause",
    "outlook.uncertain": "uncertain quantity", "catalog.chips": "chip in the catalogue",
    "catalog.models": "model in the catalogue", "catalog.sites": "site in the catalogue",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Use:
    """One text that names something."""

    steps: Steps
    ref: Ref
    text: str
    on_key: bool = False


def check_references(
    root: Mapping, kinds: Dict[str, type[BaseModel]], catalog: CatalogNames | None
) -> list[Diagnostic]:
    """Report ids that stand twice, names that nothing bears, and runs that wait for themselves.

    Parameters
    ----------
    root : Mapping             the tree
    kinds : Mapping            kind of clause → its terms
    catalog : CatalogNames     names of catalogue entries by table; None leaves them unchecked
    """
    targets = _targets(root, catalog)
    found = [d for section in _SECTIONS for d in _duplicates(root, section)]
    for use in _uses(Scenario, root, (), kinds):
        found += _unknown(use, targets, root)
    return found + _cycles(root)


def _duplicates(root: Mapping, section: Steps) -> Iterator[Diagnostic]:
    seen: dict[str, int] = {}
    for k, item in items_of(child(root, *section)):
        name, node = id_of(item), child(item, "id")
        if name in seen and name and node is not None:
            yield at_node(
                root,
                (*section, k, "id"),
                "E402",
                f"the id `{name[:60]}` stands twice",
                f"the first is in line {seen[name]}; choose another",
            )
        elif node is not None:
            seen[name] = node.place.line


def _targets(root: Mapping, catalog: CatalogNames | None) -> dict[str, Collection[str]]:
    """Return what can be referred to: section → ids."""
    targets: dict[str, Collection[str]] = {
        ".".join(str(s) for s in section): [n for _, item in items_of(child(root, *section)) if (n := id_of(item))]
        for section in _SECTIONS
    }
    added = [
        n
        for _, item in items_of(child(root, "contract", "amendments"))
        for _, c in items_of(child(item, "add"))
        if (n := id_of(c))
    ]
    targets["contract.clauses"] = [*targets["contract.clauses"], *added]
    targets = {name: ids for name, ids in targets.items() if _readable(root, name)}
    if _readable(root, "regions"):
        targets["regions"] = [n.text for _, n in items_of(child(root, "regions")) if isinstance(n, Scalar)]
    groups = [(child(item, "group"), id_of(item)) for _, item in items_of(child(root, "sites"))]
    targets["groups"] = list(dict.fromkeys(g.text if isinstance(g, Scalar) else name for g, name in groups))
    if catalog is not None:
        targets |= {f"catalog.{table}": list(catalog(table)) for table in ("chips", "models", "sites")}
    return targets


def _readable(root: Mapping, section: str) -> bool:
    """Whether a section is a list or left out: of any other shape, which is said elsewhere, the ids are not known."""
    node = child(root, *section.split("."))
    return node is None or isinstance(node, Listing)


def _uses(model: type[BaseModel], node: Node | None, steps: Steps, kinds: Dict[str, type[BaseModel]]) -> Iterator[_Use]:
    """Yield every text below a node that names something, by the annotations of its model."""
    if not isinstance(node, Mapping):
        return
    for key, slot in slots(model).items():
        value = child(node, key)
        here = (*steps, key)
        parts: list[tuple[Steps, Node]] = []
        if slot.container == "one" and value is not None:
            parts = [(here, value)]
        elif slot.container == "list":
            parts = [((*here, k), item) for k, item in items_of(value)]
        elif slot.container == "dict" and isinstance(value, Mapping):
            parts = [((*here, k), e.node) for k, e in value.entries.items()]
            if slot.key_ref is not None:
                yield from (_Use((*here, k), slot.key_ref, k, on_key=True) for k in value.entries)
        for at, part in parts:
            if slot.ref is not None and isinstance(part, Scalar) and not is_null(part):
                yield _Use(at, slot.ref, part.text)
            below = _terms(part, kinds) if slot.model is BaseModel else slot.model
            if below is not None:
                yield from _uses(below, part, at, kinds)


def _terms(node: Node, kinds: Dict[str, type[BaseModel]]) -> type[BaseModel] | None:
    kind = child(node, "kind")
    return kinds.get(kind.text) if isinstance(kind, Scalar) else None


def _unknown(use: _Use, targets: Dict[str, Collection[str]], root: Mapping) -> list[Diagnostic]:
    wanted = use.ref.to.split("|")
    if any(w not in targets for w in wanted):  # the catalogue is not at hand
        return []
    if any(use.text in targets[w] for w in wanted):
        return []
    code = "E404" if all(w.startswith("catalog.") for w in wanted) else "E401"
    known = [name for w in wanted for name in targets[w]]
    singular = _SINGULAR.get(wanted[0], wanted[0])
    hint = did_you_mean(use.text, known) if known else f"add it under `{wanted[0]}:`"
    place = at_key if use.on_key else at_node
    return [place(root, use.steps, code, f"there is no {singular} `{use.text[:60]}`", hint)]


def _cycles(root: Mapping) -> list[Diagnostic]:
    """Report training runs that wait for themselves, once per cycle."""
    needs = {}
    places = {}
    for k, item in items_of(child(root, "training")):
        need = child(item, "needs")
        if isinstance(need, Scalar) and id_of(item):
            needs[id_of(item)] = need.text
            places[id_of(item)] = ("training", k, "needs")
    found = []
    done: set[str] = set()
    for start in needs:
        path = [start]
        while path[-1] in needs and needs[path[-1]] not in path:
            path.append(needs[path[-1]])
        if path[-1] in needs:
            cycle = path[path.index(needs[path[-1]]) :]
            if not done & set(cycle):
                shown = " → ".join(name[:60] for name in [*cycle, cycle[0]][:12])
                found.append(
                    at_node(
                        root,
                        places[cycle[-1]],
                        "E403",
                        f"a training run waits for itself: {shown}",
                        "take one `needs` out",
                    )
                )
            done |= set(cycle)
    return found
