"""The examples in the documentation are run: Python sessions by doctest, commands in a folder of their own.

A command stands after `$ ` in a `console` block and must end with exit code 0, or with N where `# exit N` follows it.
The commands of a page run in order in one folder that holds `first-site.yaml`, unless the page begins with `offtake init`, and every
`yaml` or `text` block of the page whose first line is `# NAME.yaml` or `# NAME.csv`. A `yaml` block must be YAML.
"""

from __future__ import annotations

import doctest
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(page for page in (ROOT / "docs").rglob("*.md") if "generated" not in page.parts)])
FENCE = re.compile(r"^(?P<fence>`{3,})(?P<language>[a-z]+)\n(?P<body>.*?)^(?P=fence)$", re.MULTILINE | re.DOTALL)


def _blocks(page, language):
    return [match["body"] for match in FENCE.finditer(page.read_text("utf-8")) if match["language"] == language]


def _pages(language):
    return [pytest.param(page, id=page.relative_to(ROOT).as_posix()) for page in PAGES if _blocks(page, language)]


def _commands(page):
    lines = [line for block in _blocks(page, "console") for line in block.splitlines() if line.startswith("$ offtake ")]
    return [
        (shlex.split(line[2:], comments=True), int((re.findall(r"# exit (\d)", line) or ["0"])[0])) for line in lines
    ]


def _prepare(page, folder, *, scenario):
    """Write the files that a page's examples read."""
    if scenario:
        shutil.copy(ROOT / "examples" / "first-site.yaml", folder)
    for body in _blocks(page, "yaml"):
        if named := re.match(r"# (\S+\.yaml)\n", body):
            (folder / named[1]).write_text(body, "utf-8")
    for body in _blocks(page, "text"):
        if named := re.match(r"# (\S+\.csv)\n", body):
            (folder / named[1]).write_text(body, "utf-8")


def _run(arguments, folder):
    quiet = {**os.environ, "NO_COLOR": "1", "COLUMNS": "120"}
    command = [sys.executable, "-m", *arguments]
    return subprocess.run(command, cwd=folder, env=quiet, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("page", _pages("console"))
def test_commands_run(page, tmp_path):
    commands = _commands(page)
    _prepare(page, tmp_path, scenario=["offtake", "init"] not in [command for command, _ in commands])
    for arguments, expected in commands:
        done = _run(arguments, tmp_path)
        assert done.returncode == expected, f"{shlex.join(arguments)}\n{done.stdout}\n{done.stderr}"


@pytest.mark.parametrize("page", _pages("pycon"))
def test_python_sessions_say_the_truth(page, tmp_path, monkeypatch):
    _prepare(page, tmp_path, scenario=True)
    monkeypatch.chdir(tmp_path)
    text = "\n".join(_blocks(page, "pycon"))
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    runner = doctest.DocTestRunner(optionflags=flags)
    runner.run(doctest.DocTestParser().get_doctest(text, {}, page.name, str(page), 0))
    assert runner.summarize(verbose=False).failed == 0


@pytest.mark.parametrize("page", _pages("yaml"))
def test_yaml_is_yaml(page):
    for body in _blocks(page, "yaml"):
        assert YAML(typ="safe", pure=True).load(body)


def test_links_between_pages_lead_somewhere():
    links = [
        (page, target)
        for page in PAGES
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text("utf-8"))
        if "://" not in target and "generated" not in target
    ]
    assert len(links) > 10
    assert [
        f"{page.relative_to(ROOT)}: {target}" for page, target in links if not (page.parent / target).exists()
    ] == []
