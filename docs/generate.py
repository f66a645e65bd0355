"""Write the reference pages from the code: commands, error codes, glossary, units, scenario fields, Python interface, examples.

They lie in `docs/reference/generated`, which is not kept in the repository. `python docs/generate.py` writes them alone.
"""

from __future__ import annotations

import importlib
import inspect
import json
import os
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import offtake

HERE = Path(__file__).parent
OUT = HERE / "reference" / "generated"
SECTIONS = ("Parameters", "Returns", "Yields", "Raises", "Examples", "References", "Notes", "See Also", "Attributes")


def main() -> None:
    """Write all pages; a page that has not changed keeps its time, so that the builder skips it."""
    pages = {
        "commands.md": commands(),
        "errors.md": errors(),
        "glossary.md": glossary(),
        "units.md": units(),
        "scenario.md": scenario(),
        "notebook.md": notebook(HERE.parent / "examples" / "first-site.ipynb"),
        **dict(interface()),
    }
    pages["index.md"] = "# Python interface\n\n" + _toctree(name[:-3] for name in pages if name.startswith("api."))
    OUT.mkdir(parents=True, exist_ok=True)
    for stale in {path.name for path in OUT.glob("*.md")} - set(pages):
        (OUT / stale).unlink()
    for name, text in pages.items():
        path = OUT / name
        if not path.is_file() or path.read_text("utf-8") != text:
            path.write_text(text, "utf-8")


# Commands --------------------------------------------------------------------------------------------------------


def commands() -> str:
    """Show what every command says about itself."""
    from offtake.cli.app import app

    parts = ["# Commands", _fence(_help(), "text")]
    for name in sorted(name for name in app if not name.startswith("-")):
        parts += [f"## offtake {name}", _fence(_help(name), "text")]
    return "\n\n".join(parts) + "\n"


def _help(*command: str) -> str:
    plain = {**os.environ, "COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb"}
    done = subprocess.run(
        [sys.executable, "-m", "offtake", *command, "--help"], env=plain, capture_output=True, text=True, check=True
    )
    return "\n".join(line.rstrip() for line in done.stdout.strip().splitlines())


# Tables that the code holds ----------------------------------------------------------------------------------------


def errors() -> str:
    """Explain every code, as `offtake explain CODE` does."""
    from offtake.errors import CODES

    parts = ["# Error codes", "`offtake explain CODE` prints the same."]
    for code, entry in sorted(CODES.items()):
        parts += [f"({code.lower()})=\n## {code}: {entry.title}", entry.explanation]
    return "\n\n".join(parts) + "\n"


def glossary() -> str:
    """Define every word, and name the words it replaces."""
    from offtake.glossary import GLOSSARY

    rows = [
        (f"`{term.name}`", term.meaning, ", ".join(word.replace("_", " ") for word in term.instead_of))
        for term in GLOSSARY
    ]
    return "# Glossary\n\nOne word for one thing. The last column lists words that are not used for it.\n\n" + _table(
        ("word", "meaning", "not"), rows
    )


def units() -> str:
    """List each unit that a field can have, with the suffix it gives to names in code and in results."""
    from offtake.units import SUFFIXES

    rows = [(f"`_{suffix}`", f"`{unit}`") for suffix, unit in SUFFIXES.items()]
    return (
        "# Units\n\nA name in code, in a table or in the JSON answer ends in its unit. In the scenario file the key has no "
        "suffix and the value has its unit: `phase: 100 MW` is the field `phase_mw`.\n\n"
        + _table(("suffix", "unit"), rows)
    )


def scenario() -> str:
    """List every field of the scenario file from its JSON Schema."""
    from offtake.spec.schema import json_schema

    schema = json_schema()
    parts = [
        "# The scenario file",
        "`offtake schema` prints the JSON Schema that this page is written from; editors complete and check with it.",
        _properties(schema),
    ]
    for name, model in sorted(schema.get("$defs", {}).items()):
        if "properties" in model:
            parts += [f"## {name}", str(model.get("description", "")).split("\n\n")[0], _properties(model)]
        elif "enum" in model:
            parts += [f"## {name}", str(model.get("description", "")).split("\n\n")[0], f"One of {_type(model)}."]
    return "\n\n".join(part for part in parts if part) + "\n"


def _properties(model: dict[str, Any]) -> str:
    required = set(model.get("required", ()))
    rows = []
    for key, field in model.get("properties", {}).items():
        default = (
            "required"
            if key in required
            else f"`{json.dumps(field['default'], ensure_ascii=False)}`"
            if "default" in field
            else ""
        )
        rows.append((f"`{key}`", _type(field), default, str(field.get("description", "")).replace("\n", " ")))
    return _table(("key", "value", "default", "meaning"), rows)


def _type(field: dict[str, Any]) -> str:
    if "x-unit" in field:
        return f"quantity, {field['x-unit'] or 'plain number'}"
    if "$ref" in field:
        name = field["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})" if "_" not in name else name
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    if "items" in field:
        return f"list of {_type(field['items'])}"
    several = [_type(part) for part in (*field.get("anyOf", ()), *field.get("oneOf", ())) if part.get("type") != "null"]
    return " or ".join(dict.fromkeys(several)) or str(field.get("const", field.get("format", field.get("type", ""))))


# Python interface ------------------------------------------------------------------------------------------------


def interface() -> Iterator[tuple[str, str]]:
    """Write one page for each public module that has public names of its own."""
    names = ["offtake", *(found.name for found in pkgutil.walk_packages(offtake.__path__, "offtake."))]
    for name in sorted(names):
        if "__main__" in name or any(part.startswith("_") for part in name.split(".")):
            continue
        module = importlib.import_module(name)
        parts = [f"# {name}", prose(inspect.getdoc(module) or "")]
        for label, item in _public(module):
            kind = "class " if inspect.isclass(item) else ""
            parts += [
                f"## {label}",
                _fence(f"{kind}{label}{_signature(item)}", "python"),
                docstring(inspect.getdoc(item) or ""),
            ]
        yield f"api.{name}.md", "\n\n".join(part for part in parts if part) + "\n"


def _public(module: Any) -> list[tuple[str, Any]]:  # noqa: ANN401  (any module)
    names = getattr(module, "__all__", None) or [name for name in vars(module) if not name.startswith("_")]
    items = [(name, getattr(module, name)) for name in sorted(names) if name != "__version__"]
    own = {module.__name__} if module is not offtake else {item.__module__ for _, item in items}
    return [
        (name, item)
        for name, item in items
        if (inspect.isclass(item) or inspect.isfunction(item)) and item.__module__ in own
    ]


def _methods(item: Any) -> str:  # noqa: ANN401  (any class or function)
    """List what a class itself does, one line each."""
    own = [(name, member) for name, member in vars(item).items() if not name.startswith("_") and inspect.isclass(item)]
    rows = []
    for name, member in own:
        function = getattr(member, "fget", None) or getattr(member, "func", None) or getattr(member, "__func__", member)
        if inspect.isfunction(function):
            call = "" if function is not member and not isinstance(member, classmethod | staticmethod) else "()"
            rows.append((f"`{name}{call}`", prose((inspect.getdoc(function) or "").partition("\n")[0])))
    return _table(("does", ""), rows) if rows else ""


def _signature(item: Any) -> str:  # noqa: ANN401  (any class or function)
    try:
        text = str(inspect.signature(item))
    except (TypeError, ValueError):
        return ""
    return re.sub(r" at 0x[0-9a-f]+", "", text.replace("'", ""))


def docstring(text: str) -> str:
    """Turn a docstring with underlined sections into Markdown."""
    parts: list[str] = []
    for title, body in _sections(text):
        if title:
            parts.append(f"**{title}**")
        if title == "Examples":
            parts.append(_fence(body, "pycon"))
        elif title in ("Parameters", "Returns", "Yields", "Raises", "Attributes"):
            parts.append(_fence(body, "text"))
        elif body:
            parts.append(prose(body))
    return "\n\n".join(parts)


def _sections(text: str) -> Iterator[tuple[str, str]]:
    lines, title, body = text.splitlines(), "", list[str]()
    for number, line in enumerate(lines):
        following = lines[number + 1] if number + 1 < len(lines) else ""
        if line in SECTIONS and set(following) == {"-"}:
            yield title, "\n".join(body).strip("\n")
            title, body = line, []
        elif not (set(line) == {"-"} and body == [] and title):
            body.append(line)
    yield title, "\n".join(body).strip("\n")


def prose(text: str) -> str:
    """Turn the little reStructuredText that docstrings use into Markdown; an underlined section ends it."""
    if any(title for title, _ in _sections(text)):
        return docstring(text)
    blocks = []
    for block in re.split(r"\n{2,}", text.replace("``", "`")):
        if block.strip() == "::":
            continue
        indented = all(line.startswith("    ") for line in block.splitlines() if line)
        plain = (
            re.sub(r"(?<!\\)([<>*])", r"\\\1", block)
            if "`" not in block and not block.startswith(("|", "-"))
            else block
        )
        blocks.append(_fence(inspect.cleandoc(block), "text") if indented and block else plain.removesuffix("::"))
    return "\n\n".join(blocks)


# The notebook ----------------------------------------------------------------------------------------------------


def notebook(path: Path) -> str:
    """Show an executed notebook: its text as it is, its code and what the code answered."""
    if not path.is_file():
        return "# In a notebook\n\nThe example notebook is not part of this checkout.\n"
    parts = []
    for cell in json.loads(path.read_text("utf-8"))["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            parts.append(source)
            continue
        parts.append(_fence(source, "python"))
        parts += [_fence(text, "text") for text in map(_plain, cell["outputs"]) if text]
    return "\n\n".join(parts) + "\n"


def _plain(output: dict[str, Any]) -> str:
    return "".join(output.get("text") or output.get("data", {}).get("text/plain", "")).rstrip()


# Markdown --------------------------------------------------------------------------------------------------------


def _fence(text: str, language: str) -> str:
    return f"````{language}\n{text}\n````"


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = list(head)
    lines = [head, ["---"] * len(head), *[[str(cell).replace("|", "\\|") for cell in row] for row in rows]]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _toctree(pages: Iterable[str]) -> str:
    return "```{toctree}\n:maxdepth: 1\n\n" + "\n".join(pages) + "\n```\n"


if __name__ == "__main__":
    main()
