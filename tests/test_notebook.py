"""The example notebooks are stored as they run: executed again, they say the same."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "examples").glob("*.ipynb"))


@pytest.fixture(scope="module")
def tool():
    """Load tools/notebook.py."""
    spec = importlib.util.spec_from_file_location("notebook", ROOT / "tools" / "notebook.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_tool_stores_what_a_cell_prints_and_its_last_value(tool, tmp_path):
    cells = [
        {
            "cell_type": "code",
            "source": ["print('GW')\n", "x = 5\n", "x * 1000"],
            "outputs": [],
            "execution_count": None,
        }
    ]
    path = tmp_path / "n.ipynb"
    path.write_text(json.dumps({"cells": cells}), "utf-8")
    printed, value = tool.execute(path)["cells"][0]["outputs"]
    assert printed["text"] == ["GW\n"]
    assert value["data"] == {"text/plain": ["5000"]}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_is_stored_as_it_runs(tool, path):
    assert tool.execute(path) == json.loads(path.read_text("utf-8")), "run `make notebooks`"
