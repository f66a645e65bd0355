"""The Makefile and its environment: old Pythons refused, half-made environments rebuilt, locks that name no host.

What needs a package index is not run here; `.ci/run` in a fresh clone is the test of that.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import stat
import subprocess
import sys
import tomllib
import venv
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).resolve().parents[1]
LOCKS = ("requirements.lock", "requirements-dev.lock", "requirements-build.lock")


@pytest.fixture
def environment(tmp_path, monkeypatch):
    """Load tools/environment.py with a project of its own, in a folder with a space in its name."""
    spec = importlib.util.spec_from_file_location("environment", ROOT / "tools" / "environment.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    project = tmp_path / "a project"
    project.mkdir()
    for name in (*LOCKS, "pyproject.toml"):
        (project / name).write_text("", "utf-8")
    monkeypatch.setattr(module, "ROOT", project)
    monkeypatch.setattr(module, "VENV", project / ".venv")
    monkeypatch.setattr(module, "VENV_PYTHON", project / ".venv/bin/python")
    monkeypatch.setattr(module, "BUILD", project / ".venv/build-backend")
    monkeypatch.setattr(module, "BUSY", project / ".venv/.installing")
    return module


def _make(*arguments, **environment):
    if shutil.which("make") is None:
        pytest.skip("there is no make here")
    return subprocess.run(
        ["make", "--no-print-directory", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def _executable(path, text):
    path.write_text(text, "utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


# The Makefile ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", ["demo", "test", "lint"])
def test_an_old_python_is_named_and_refused(tmp_path, target):
    pretend = "import sys; sys.version_info = (3, 9, 2); sys.version = '3.9.2 (default)'; exec(sys.argv[1])"
    old = _executable(tmp_path / "python3.9", f'#!/bin/sh\nexec "{sys.executable}" -c "{pretend}" "$2"\n')
    done = _make(target, f"PYTHON={old}")
    assert done.returncode != 0
    assert f"offtake needs Python 3.11 or newer; {old} is 3.9.2" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_missing_python_is_named():
    done = _make("demo", "PYTHON=python9.99")
    assert done.returncode != 0
    assert "there is no python9.99 here" in done.stderr


def test_python_may_come_from_the_environment():
    done = _make("python", PYTHON=sys.executable)
    assert (done.returncode, done.stderr) == (0, "")


def test_make_alone_lists_the_targets():
    assert "make demo" in _make().stdout


# The environment -------------------------------------------------------------------------------------------------


def test_no_environment_is_no_fault(environment):
    assert environment._fault() is None


def test_a_sound_environment_is_kept(environment):
    venv.create(environment.VENV, with_pip=False)
    assert environment._fault() is None


def test_an_interrupted_installation_is_a_fault(environment):
    venv.create(environment.VENV, with_pip=False)
    environment.BUSY.touch()
    assert "interrupted" in environment._fault()


@pytest.mark.parametrize("missing", ["pyvenv.cfg", "bin/python", "bin"])
def test_a_half_made_environment_is_a_fault(environment, missing):
    venv.create(environment.VENV, with_pip=False)
    path = environment.VENV / missing
    shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    assert "half-made" in environment._fault()


def test_a_moved_environment_is_a_fault(environment):
    venv.create(environment.VENV, with_pip=False)
    environment._stamp("run-time").write_text("/elsewhere\n0\n", "utf-8")
    assert "moved" in environment._fault()


def test_a_faulty_environment_is_made_again_and_the_next_call_does_nothing(environment, monkeypatch, capsys):
    calls = []
    environment.VENV.mkdir()  # half-made: an empty folder
    monkeypatch.setattr(environment, "_install", lambda _pip, level: calls.append(level))
    monkeypatch.setattr(environment, "_create", lambda: venv.create(environment.VENV, with_pip=False))
    monkeypatch.setattr(environment, "_installer", lambda: ["pip"])
    assert environment.main("run-time") == 0
    assert "half-made" in capsys.readouterr().err
    monkeypatch.setattr(environment, "_answers", lambda _code: True)
    environment._stamp("run-time").write_text(environment._state("run-time"), "utf-8")
    assert environment.main("run-time") == 0
    assert calls == ["run-time"]


def test_the_wider_environment_serves_the_narrower_wish_but_not_the_reverse(environment, monkeypatch):
    venv.create(environment.VENV, with_pip=False)
    monkeypatch.setattr(environment, "_answers", lambda _code: True)
    environment._stamp("run-time").write_text(environment._state("run-time"), "utf-8")
    assert environment._is_current("run-time")
    assert not environment._is_current("developer")
    environment._stamp("run-time").unlink()
    environment._stamp("developer").write_text(environment._state("developer"), "utf-8")
    assert environment._is_current("run-time")
    assert environment._is_current("developer")


def test_a_changed_lock_is_installed_again(environment, monkeypatch):
    venv.create(environment.VENV, with_pip=False)
    monkeypatch.setattr(environment, "_answers", lambda _code: True)
    environment._stamp("run-time").write_text(environment._state("run-time"), "utf-8")
    (environment.ROOT / "requirements.lock").write_text("# changed\n", "utf-8")
    assert not environment._is_current("run-time")


@pytest.mark.parametrize(
    ("inside", "outside", "uv", "found"),
    [
        (True, True, True, "-m pip install"),
        (False, True, True, "--python"),
        (False, False, True, "uv pip install"),
        (False, False, False, None),
    ],
)
def test_pip_inside_then_pip_outside_then_uv(environment, monkeypatch, *, inside, outside, uv, found):
    monkeypatch.setattr(environment, "_answers", lambda _code: inside)
    monkeypatch.setattr(
        environment.subprocess, "run", lambda *_a, **_k: SimpleNamespace(returncode=0 if outside else 1)
    )
    monkeypatch.setattr(environment.shutil, "which", lambda name: name if uv and name == "uv" else None)
    installer = environment._installer()
    assert (found is None and installer is None) or found in " ".join(map(str, installer))


def test_without_any_installer_the_one_command_is_printed(environment, monkeypatch, capsys):
    monkeypatch.setattr(environment, "_create", environment.VENV.mkdir)
    monkeypatch.setattr(environment, "_installer", lambda: None)
    monkeypatch.setattr(environment.shutil, "which", lambda name: "/usr/bin/apt-get" if name == "apt-get" else None)
    assert environment.main("run-time") == 1
    assert re.search(r"^  (sudo )?apt-get install -y python3\S*-venv$", capsys.readouterr().err, re.MULTILINE)
    assert not environment.VENV.exists(), "nothing half-made is left behind"


def test_run_time_packages_come_from_the_run_time_lock_only(environment, monkeypatch):
    commands = []
    environment.VENV.mkdir()
    monkeypatch.setattr(environment.subprocess, "run", lambda line, **_k: commands.append(" ".join(map(str, line))))
    environment._install(["pip", "install"], "run-time")
    assert [bool("requirements-dev" in command) for command in commands] == [False] * 3
    assert all("--require-hashes" in command for command in commands[:2])
    assert "--no-deps" in commands[2]
    assert not environment.BUSY.exists()


# The locks -------------------------------------------------------------------------------------------------------


def _pins(name):
    text = (ROOT / name).read_text("utf-8")
    return dict(re.findall(r"^([a-z0-9.-]+)==(\S+)", text, re.MULTILINE))


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_names_no_host_and_hashes_every_package(name):
    text = (ROOT / name).read_text("utf-8")
    assert not re.search(r"://|^\s*-(i|f|-index|-extra|-find|-trusted)", text, re.MULTILINE)
    blocks = re.split(r"\n(?=\S)", "\n".join(line for line in text.splitlines() if not line.startswith("#")))
    assert len(blocks) == len(_pins(name))
    assert [block.split()[0] for block in blocks if "--hash=sha256:" not in block] == []


def test_the_developers_versions_are_the_users():
    developer = _pins("requirements-dev.lock")
    assert _pins("requirements.lock").items() <= developer.items()


def test_every_dependency_is_locked():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]

    def names(lines):
        return {re.split(r"[><=~!\[ ]", line)[0].lower().replace(".", "-") for line in lines}

    assert names(project["dependencies"]) <= set(_pins("requirements.lock"))
    assert names(project["optional-dependencies"]["dev"]) <= set(_pins("requirements-dev.lock"))
    assert not {"pytest", "ruff", "pandas", "ray"} & set(_pins("requirements.lock"))
