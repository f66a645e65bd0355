"""Every block of "write your contract" can be pasted: each loads and resolves inside the tutorial's scenario."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from offtake.api.prepare import load, prepare
from offtake.catalog.load import references
from offtake.deal.contract import Contract
from offtake.registry import components
from offtake.spec.load import loads
from offtake.spec.tree import plain

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "how-to" / "write-your-contract.md").read_text("utf-8")
BLOCKS = re.findall(r"^```yaml ?(\w*)\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)


def parsed(text: str) -> Any:
    return YAML(typ="base").load(io.StringIO(text))  # every scalar as it is written


CLAUSES = {clause["id"]: clause for word, text in BLOCKS if not word for clause in parsed(text)}


def scenario(*clauses: dict[str, Any], **contract: Any) -> str:
    tree = plain(load(ROOT / "examples" / "first-site.yaml").tree)
    del tree["cases"]
    base = {k: CLAUSES[k] for k in ("rent", "minimum")}
    tree["contract"] = {
        **tree["contract"],
        **contract,
        "clauses": list({**base, **{c["id"]: c for c in clauses}}.values()),
    }
    return json.dumps(tree)


def ready(text: str) -> Contract:
    loaded = loads(text, catalog_names=references)
    prepare(loaded)
    return Contract.of(loaded.scenario.contract)


@pytest.mark.parametrize("name", CLAUSES)
def test_every_clause_can_be_pasted(name: str) -> None:
    assert name in [c.id for c in ready(scenario(CLAUSES[name])).clauses]


def test_every_kind_of_clause_is_there_once() -> None:
    kinds = [clause["kind"] for clause in CLAUSES.values()]
    assert sorted(kinds) == sorted(components("clause"))


def test_the_frame_and_the_amendment_can_be_pasted() -> None:
    words = {word: parsed(text) for word, text in BLOCKS if word}
    assert set(words) == {"contract", "amendments"}
    contract = ready(scenario(**words["contract"], amendments=words["amendments"]))
    assert len(contract.versions) == 2
    assert contract.versions[1].end.year == 2032


def test_every_kind_has_its_page() -> None:
    for kind in components("clause"):
        assert f"reference/clauses/{kind}.md" in PAGE, kind
