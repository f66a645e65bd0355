"""Every example on a clause's page can be pasted into a scenario, and every clause has a page."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from offtake.registry import components

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "reference" / "clauses"
PAGES = sorted(p for p in FOLDER.glob("*.md") if p.stem in components("clause"))


def plain(node):
    """Dates as the text they were, as the scenario's reader gives them."""
    if isinstance(node, dict):
        return {plain(k): plain(v) for k, v in node.items()}
    if isinstance(node, list):
        return [plain(v) for v in node]
    return str(node) if isinstance(node, dt.date | int | float) and not isinstance(node, bool) else node


def examples(page):
    """Indented blocks of a page that are lists of clauses."""
    for block in re.findall(r"(?:^(?:    .*|)\n)+", page.read_text("utf-8"), flags=re.MULTILINE):
        text = "".join(line.removeprefix("    ") for line in block.splitlines(keepends=True))
        if text.strip().startswith("- "):
            yield from plain(YAML(typ="safe").load(text))


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_examples_are_valid_terms(page):
    found = list(examples(page))
    assert page.stem in {e["kind"] for e in found}
    for example in found:
        kind = example["kind"]
        components("clause")[kind].model_validate(example)


@pytest.mark.parametrize("kind", sorted(components("clause")))
def test_every_clause_has_a_page_in_the_index(kind):
    assert (FOLDER / f"{kind}.md").exists(), f"add docs/reference/clauses/{kind}.md"
    assert f"\n{kind}\n" in (FOLDER / "index.md").read_text("utf-8")
