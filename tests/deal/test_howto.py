"""The code of docs/how-to/add-a-clause.md runs as it stands there."""

from __future__ import annotations

import re


def test_the_example_clause_works(root):
    text = (root / "docs" / "how-to" / "add-a-clause.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    assert len(blocks) == 3
    space: dict[str, object] = {"__name__": "add_a_clause"}
    for block in blocks:
        exec(compile(block, "add-a-clause.md", "exec"), space)
