"""Load a scenario: read, apply overlays, validate, check references, collect provenance; every mistake at once.

``load(path) -> Loaded``. Kinds of clauses come from the registry and names of catalogue entries from the caller, so
that this package names neither.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from collections.abc import Mapping as Dict
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from offtake.errors import ScenarioError
from offtake.spec.amended import clause_nodes, written_out
from offtake.spec.kinds import CLAUSE, put_outlook, terms_of
from offtake.spec.like import filled_in
from offtake.spec.locate import from_validation
from offtake.spec.origins import collect
from offtake.spec.outlook_checks import check_outlook
from offtake.spec.overlay import Changes, Overlaid, Sources, named_cases, overlay_file
from offtake.spec.reader import Document, read_file, read_text
from offtake.spec.scenario import Scenario
from offtake.spec.tree import Mapping, plain
from offtake.spec.validate import check_meaning, check_references

if TYPE_CHECKING:
    from offtake.diagnostics import Diagnostic
    from offtake.provenance import Provenance

__all__ = ["CatalogNames", "ClauseKinds", "Loaded", "load", "loads"]

CatalogNames = Callable[[str], Collection[str]]
"""Kind of a catalogue table ("chips", "models", "sites") → the names of its entries."""

ClauseKinds = Dict[str, type[BaseModel]]
"""Kind of a clause → the model of its terms."""

Steps = tuple[str | int, ...]

_MOST_DIAGNOSTICS = 200  # a file with more has one cause; the rest is noise


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A scenario with where everything in it came from.

    Parameters
    ----------
    scenario : Scenario
    provenance : Mapping[str, Provenance]    dotted path (file keys, list items by id) → origin, untouched defaults included
    sources : Mapping[str, str]              file name → text, of the scenario and its overlays
    tree : Mapping                           the node tree after overlays
    cases : Mapping[str, Loaded]             the named cases by id, each a whole scenario
    warnings : tuple[Diagnostic, ...]        findings that do not stop the work
    file : str                               the scenario file as named
    """

    scenario: Scenario
    provenance: Dict[str, Provenance]
    sources: Dict[str, str]
    tree: Mapping
    cases: Dict[str, Loaded] = field(default_factory=dict)
    warnings: tuple[Diagnostic, ...] = ()
    file: str = ""

    def __repr__(self) -> str:
        """Headline only."""
        return (
            f"<Loaded {self.scenario.name!r} from {self.file}: {len(self.provenance)} values, {len(self.cases)} cases>"
        )


@dataclass(frozen=True, slots=True)
class _Names:
    """What the caller knows and this package must not."""

    kinds: ClauseKinds
    catalog: CatalogNames | None


def load(
    path: str | Path,
    *,
    overlays: Iterable[str | Path | Changes] = (),
    catalog_names: CatalogNames | None = None,
    clause_kinds: ClauseKinds | None = None,
) -> Loaded:
    """Load a scenario file.

    Parameters
    ----------
    path : str or Path
    overlays : iterable of paths      overlay files named by the user, or changes as text, applied in order
    catalog_names : CatalogNames      for checking `from`; not checked if left out
    clause_kinds : ClauseKinds        the registry's if left out

    Raises
    ------
    ScenarioError    with every mistake of the file, its overlays and its cases
    """
    document = read_file(path)
    return _load(document, Path(path), tuple(overlays), _names(catalog_names, clause_kinds))


def loads(
    text: str,
    *,
    name: str = "<text>",
    folder: str | Path = ".",
    catalog_names: CatalogNames | None = None,
    clause_kinds: ClauseKinds | None = None,
) -> Loaded:
    """Load a scenario from text; case files are looked for in `folder`.

    Examples
    --------
    >>> try:
    ...     loads("sites: [")
    ... except ScenarioError as error:
    ...     print(error.diagnostics[0].where, error.diagnostics[0].code)
    <text>:1:9 E108
    """
    return _load(read_text(text, name=name), Path(folder) / "-", (), _names(catalog_names, clause_kinds))


def _names(catalog: CatalogNames | None, kinds: ClauseKinds | None) -> _Names:
    if kinds is None:
        from offtake.registry import components

        kinds = components("clause")
    return _Names(kinds, catalog)


def _load(document: Document, path: Path, overlays: tuple[str | Path | Changes, ...], names: _Names) -> Loaded:
    sources = Sources(path)
    sources.texts[document.file] = document.text
    found = list(document.diagnostics)
    if document.root is None:
        raise _failure(found, sources.texts)
    root = document.root
    for each in overlays:
        laid = overlay_file(root, each, sources)
        root, found = laid.root, found + list(laid.diagnostics)
    base, diagnostics = _build(root, document.file, names, sources)
    found += diagnostics
    cases: dict[str, Loaded] = {}
    for name, laid in named_cases(root, sources).items():
        built, diagnostics = _case(laid, document.file, names, sources)
        found += diagnostics
        if built is not None:
            cases[name] = built
    if base is None or any(d.severity == "error" for d in found):
        raise _failure(found, sources.texts)
    warnings = tuple(_ordered(found, document.file))
    return Loaded(
        scenario=base.scenario, provenance=base.provenance, sources=MappingProxyType(sources.texts), tree=root,
        cases=MappingProxyType(cases), warnings=warnings, file=document.file,
    )  # fmt: skip


def _case(laid: Overlaid, file: str, names: _Names, sources: Sources) -> tuple[Loaded | None, list[Diagnostic]]:
    built, diagnostics = _build(laid.root, file, names, sources)
    return built, [*laid.diagnostics, *diagnostics]


def _failure(found: list[Diagnostic], texts: Dict[str, str]) -> ScenarioError:
    first = next(iter(texts), "")
    return ScenarioError(_ordered(found, first)[:_MOST_DIAGNOSTICS], texts)


def _ordered(found: list[Diagnostic], first: str) -> list[Diagnostic]:
    """Sort by file (the scenario first) and place; say the same thing once."""
    once = {(d.code, d.file, d.line, d.column, d.message): d for d in reversed(found)}  # cases repeat what the base has
    return sorted(once.values(), key=lambda d: (d.file != first, d.file, d.line, d.column, d.code, d.path))


def _build(root: Mapping, file: str, names: _Names, sources: Sources) -> tuple[Loaded | None, list[Diagnostic]]:
    """Validate one tree; return what was built, if it could be, and every mistake."""
    root, found = written_out(root)
    root, mistakes = filled_in(root)
    found += mistakes
    data = plain(root)
    found += _put_clauses(data, root, names.kinds)
    found += put_outlook(data, root)
    scenario: Scenario | None = None
    try:
        scenario = Scenario.model_validate(data, by_alias=True, by_name=False)
    except ValidationError as error:
        found += from_validation(error, Scenario, root)
    found += check_references(root, names.kinds, names.catalog)
    found += check_meaning(root)
    found += check_outlook(root, data)
    if scenario is None or any(d.severity == "error" for d in found):
        return None, found
    provenance = MappingProxyType(collect(scenario, root))
    warnings = tuple(d for d in found if d.severity != "error")
    return Loaded(
        scenario=scenario, provenance=provenance, sources=sources.texts, tree=root, warnings=warnings, file=file
    ), found


def _put_clauses(data: dict[str, Any], root: Mapping, kinds: ClauseKinds) -> list[Diagnostic]:
    """Put validated terms in the place of every clause; lists that are no lists are left for the contract to refuse."""
    found: list[Diagnostic] = []
    terms: dict[Steps, dict[str | int, BaseModel]] = {}
    for steps, node in clause_nodes(root):
        model, mistakes = terms_of(root, steps, node, kinds, CLAUSE)
        found += mistakes
        terms.setdefault(steps[:-1], {})
        if model is not None:
            terms[steps[:-1]][steps[-1]] = model
    for steps, models in terms.items():
        holder: Any = data
        for step in steps[:-1]:
            holder = holder[step]
        holder[steps[-1]] = models if steps[-1] == "changes" else list(models.values())
    return found
