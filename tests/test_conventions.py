"""What the whole code base keeps to and no linter knows: exports, units in names, imports, words, layers."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path
from typing import Any, get_args

import pytest

import offtake
from offtake.glossary import GLOSSARY
from offtake.units import SUFFIXES, unit_of

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "offtake"
MODULES = sorted(SOURCE.rglob("*.py"))
TREES = {path: ast.parse(path.read_text("utf-8")) for path in MODULES}

# Import budget: `import offtake` loads none of these; each is fetched by the first function that needs it.
HEAVY = {
    "scipy",
    "numba",
    "pandas",
    "xarray",
    "duckdb",
    "pyarrow",
    "highspy",
    "fastapi",
    "ray",
    "polars",
    "rich",
    "cyclopts",
}

# Packages that one module only imports, so that a replacement or an untyped corner stays one file wide.
SOLE_IMPORTER = {
    "cyclopts": "cli",
    "duckdb": "runs/store.py",
    "highspy": "lp/highs.py",
    "pyxirr": "ledger/returns.py",
    "ray": "executors/cluster.py",
    "rich": "cli",
    "ruamel": "spec/reader.py",
    "threadpoolctl": "executors/tasks.py",
}


def _id(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


def _dotted(path: Path) -> str:
    return ".".join(("offtake", *path.relative_to(SOURCE).with_suffix("").parts)).removesuffix(".__init__")


# Exports ---------------------------------------------------------------------------------------------------------


def test_exports_are_sorted_and_few():
    names = list(offtake._EXPORTS)
    assert names == sorted(names)
    assert len(offtake.__all__) <= 40


@pytest.mark.parametrize("name", offtake.__all__)
def test_every_export_is_there_and_listed(name):
    assert getattr(offtake, name) is not None
    assert name in dir(offtake)


def test_type_checkers_see_the_exports():
    (block,) = (node for node in TREES[SOURCE / "__init__.py"].body if isinstance(node, ast.If))
    seen = {
        alias.asname: node.module for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    assert seen == offtake._EXPORTS


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'megawatt'"):
        _ = offtake.megawatt


@pytest.mark.parametrize("name", ["plan", "report"])
def test_a_function_keeps_its_name_against_the_package_of_the_same_name(name):
    code = f"import offtake.{name}, offtake, types; assert callable(offtake.{name}), offtake.{name}"
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def test_public_names_of_a_module_exist():
    missing = []
    for path, tree in TREES.items():
        assignments = [node for node in tree.body if isinstance(node, ast.Assign)]
        lists = [node.value for node in assignments if getattr(node.targets[0], "id", "") == "__all__"]
        names = [item.value for value in lists for item in getattr(value, "elts", ()) if isinstance(item, ast.Constant)]
        module = import_module(_dotted(path))
        missing += [f"{_id(path)}: {name}" for name in names if not hasattr(module, name)]
    assert missing == []


# Units -----------------------------------------------------------------------------------------------------------


def _spec_models() -> list[type]:
    """Import every module of `spec` and the clauses, and return all models they define."""
    from pydantic import BaseModel

    for folder in ("spec", "deal", "outlook"):
        for path in sorted((SOURCE / folder).rglob("*.py")):
            import_module(_dotted(path))
    found, queue = [], [BaseModel]
    while queue:
        for model in queue.pop().__subclasses__():
            queue.append(model)
            if model.__module__.startswith("offtake."):
                found.append(model)
    return sorted(set(found), key=lambda model: (model.__module__, model.__qualname__))


def _annotated_units(annotation: Any, metadata: tuple[Any, ...] = ()) -> set[str]:
    from offtake.spec.fields import Unit

    units = {item.unit for item in metadata if isinstance(item, Unit)}
    for part in get_args(annotation):
        units |= {part.unit} if isinstance(part, Unit) else _annotated_units(part)
    return units


def test_the_unit_in_a_fields_name_is_the_unit_it_is_read_in():
    models = _spec_models()
    assert len(models) > 10, "the walk over the models finds them"
    wrong, seen = [], 0
    for model in models:
        for name, field in model.model_fields.items():
            for unit in _annotated_units(field.annotation, tuple(field.metadata)):
                seen += bool(unit)
                if unit != (unit_of(name) or SUFFIXES.get(name, "")):  # `flop` is its own suffix
                    wrong.append(f"{model.__name__}.{name}: the name says {unit_of(name)!r}, the annotation {unit!r}")
    assert wrong == []
    assert seen > 30, "the walk over the fields finds units"


def test_every_model_is_frozen_and_refuses_unknown_keys():
    lax = [
        m.__name__
        for m in _spec_models()
        if not (m.model_config.get("frozen") and m.model_config.get("extra") == "forbid")
    ]
    assert lax == []


# Imports ---------------------------------------------------------------------------------------------------------


def test_importing_offtake_stays_within_its_budget():
    code = "import offtake, sys; print(*{name.partition('.')[0] for name in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert HEAVY & set(loaded) == set()


def _imports(tree: ast.Module) -> set[str]:
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.add((node.module or "").partition(".")[0])
    return found


@pytest.mark.parametrize("package", sorted(SOLE_IMPORTER))
def test_a_package_is_imported_in_its_one_place_only(package):
    users = [_id(path) for path, tree in TREES.items() if package in _imports(tree)]
    assert [user for user in users if not user.startswith(SOLE_IMPORTER[package])] == []


def test_nothing_is_imported_that_the_package_does_not_depend_on():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    lines = [*project["dependencies"], *project["optional-dependencies"]["ray"]]
    named = {re.split(r"[><=~!\[ ]", line)[0].lower() for line in lines}
    assumed = {"pydantic_core": "pydantic", "ruamel": "ruamel.yaml"}
    allowed = set(sys.stdlib_module_names) | {"offtake"}
    foreign = {name for tree in TREES.values() for name in _imports(tree)} - allowed
    assert {name for name in foreign if assumed.get(name, name) not in named} == set()


def test_layers_are_kept():
    tool = Path(sys.executable).with_name("lint-imports")
    if not tool.exists():
        pytest.skip("import-linter is not installed beside this Python")
    done = subprocess.run([tool, "--no-cache", "--no-logo"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


# Words -----------------------------------------------------------------------------------------------------------


def _identifiers(tree: ast.Module) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
    return found


@pytest.mark.parametrize("path", MODULES, ids=_id)
def test_one_thing_has_one_word(path):
    """No identifier uses a word that the glossary replaces by another, but within a term that is in the glossary itself."""
    terms = [term.name for term in GLOSSARY if any(w in term.name for t in GLOSSARY for w in t.instead_of)]
    instead = {word: term.name for term in GLOSSARY for word in term.instead_of}
    wrong = []
    for name in sorted(_identifiers(TREES[path])):
        words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
        for term in terms:
            words = words.replace(term, "")
        wrong += [
            f"{name}: say {good}, not {word}"
            for word, good in instead.items()
            if re.search(rf"(?<![a-z]){re.escape(word)}s?(?![a-z])", words)
        ]
    assert wrong == []


def test_power_says_whether_it_is_of_chips_or_of_the_facility():
    bare = re.compile(r"(?<![a-z_])power_mw\b")
    assert [_id(path) for path in MODULES if bare.search(path.read_text("utf-8"))] == []


def _tracked() -> list[Path]:
    done = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / line for line in done.stdout.splitlines() if (ROOT / line).is_file()]


def test_no_file_names_a_machine_or_a_package_host():
    """Nothing depends on where it was written: no home folders, no absolute checkouts, no index of packages."""
    places = rb"/root/|/home/[a-z]+/|/Users/[A-Za-z]+/|(?<![\w.])/work/|/tmp/\w|shared/notes"
    hosts = rb"pypi\.org|pythonhosted|registry\.npmjs"
    private = re.compile(places + rb"|" + hosts)
    here = Path(__file__).resolve()
    found = []
    for path in _tracked():
        if path.resolve() != here:
            found += [
                f"{path.relative_to(ROOT)}: {match.group().decode()}" for match in private.finditer(path.read_bytes())
            ]
    assert found == []


# The picture of the house ------------------------------------------------------------------------------------------


def test_the_picture_of_the_house_shows_every_package():
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    picture = (ROOT / "docs" / "house.svg").read_text("utf-8")
    packages = {path.parent.name for path in SOURCE.glob("*/__init__.py")} | {"api"}
    assert {name for name in packages if f">{name}<" not in picture} == set()
    assert {name for name in packages if f"`{name}`" not in page} == set()


def test_every_dependency_has_its_reason():
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    lines = [*project["dependencies"], *project["optional-dependencies"]["ray"]]
    names = [re.split(r"[><=~!\[ ]", line)[0] for line in lines]
    assert [name for name in names if f"| {name} |" not in page] == []
