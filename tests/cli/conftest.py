"""Commands run as a user runs them, in a folder of their own; and one planned run that tests share."""

from __future__ import annotations

import logging
import os
import subprocess
import sys

import pytest

QUICK = ("--no-cases", "--quiet")


def run(*arguments, folder, code=None, **more):
    """Run the command line, or Python code that calls it, in a folder."""
    start = ["-c", code] if code else ["-m", "offtake"]
    environment = {**os.environ, "COLUMNS": "120", "TERM": "xterm-256color"}
    return subprocess.run(
        [sys.executable, "-W", "error", *start, *arguments],
        cwd=folder, env=environment, capture_output=True, text=True, encoding="utf-8", check=False, **more,
    )  # fmt: skip


@pytest.fixture
def offtake(tmp_path):
    """Return a function that runs a command in an empty folder."""

    def call(*arguments, **more):
        return run(*arguments, folder=tmp_path, **more)

    return call


@pytest.fixture(scope="session")
def planned(tmp_path_factory):
    """Return a folder with the tutorial scenario and its run, and what the command said."""
    folder = tmp_path_factory.mktemp("planned")
    assert run("init", folder=folder).returncode == 0
    return folder, run("plan", "first-site.yaml", folder=folder)


@pytest.fixture
def within(planned, monkeypatch, capsys):
    """Return a function that runs a command in this process, in the folder of the planned run: code, output, errors."""
    from offtake.cli.app import main

    monkeypatch.chdir(planned[0])

    def call(*arguments):
        with pytest.raises(SystemExit) as end:
            main(arguments)
        return end.value.code, *capsys.readouterr()

    return call


@pytest.fixture
def here(tmp_path, monkeypatch):
    """Work in an empty folder with the tutorial scenario; leave the log as it was."""
    from offtake.cli.init import init

    monkeypatch.chdir(tmp_path)
    init()
    ours = logging.getLogger("offtake")
    before = list(ours.handlers), ours.level, ours.propagate
    yield tmp_path
    ours.handlers[:], ours.level, ours.propagate = before
