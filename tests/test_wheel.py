"""The wheel carries what it needs: built, installed elsewhere, and used from another folder.

The packages that Offtake depends on are taken from this environment; nothing is fetched.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Build the wheel with the backend of this environment."""
    if importlib.util.find_spec("hatchling") is None:
        pytest.skip("needs hatchling")
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (path,) = folder.glob("offtake-*.whl")
    return path


@pytest.fixture(scope="module")
def elsewhere(wheel, tmp_path_factory):
    """Install the wheel into an environment of its own; return a function that runs its command in another folder."""
    if importlib.util.find_spec("pip") is None:
        pytest.skip("needs pip")
    home = tmp_path_factory.mktemp("an environment")
    venv.create(home, with_pip=False)
    scheme = {"base": str(home), "platbase": str(home)}
    packages = Path(sysconfig.get_path("purelib", "venv", scheme))
    packages.joinpath("dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n", "utf-8")
    python = home / "bin" / "python"
    install = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        python,
        "install",
        "--quiet",
        "--no-index",
        "--no-deps",
        "--ignore-installed",
    ]
    subprocess.run([*install, wheel], check=True, capture_output=True)
    folder = tmp_path_factory.mktemp("another folder")

    def run(*arguments):
        clean = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "COV_"))}
        done = subprocess.run([*arguments], cwd=folder, env=clean, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{arguments} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    run.offtake = home / "bin" / "offtake"
    run.python = python
    run.packages = packages
    run.folder = folder
    return run


def test_the_wheel_carries_data_examples_types_and_licences(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    for folder, inside in (("examples", "offtake/examples"), ("src/offtake/catalog/data", "offtake/catalog/data")):
        files = [path for path in (ROOT / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts]
        assert files
        assert {f"{inside}/{path.relative_to(ROOT / folder).as_posix()}" for path in files} <= names
    assert "offtake/py.typed" in names
    assert {Path(name).name for name in names if ".dist-info/licenses/" in name} == {"LICENSE", "NOTICE"}
    assert [name for name in names if not name.startswith(("offtake/", "offtake-"))] == []


def test_the_installed_package_is_the_one_that_runs(elsewhere):
    assert elsewhere(elsewhere.python, "-c", "import offtake; print(offtake.__file__)").startswith(
        str(elsewhere.packages)
    )


def test_init_check_and_plan_from_another_folder(elsewhere):
    elsewhere(elsewhere.offtake, "init")
    assert (elsewhere.folder / "first-site.yaml").is_file()
    elsewhere(elsewhere.offtake, "check", "first-site.yaml")
    answer = json.loads(elsewhere(elsewhere.offtake, "plan", "first-site.yaml", "--json"))
    assert answer["status"] == "optimal"
    assert answer["peak_it_power_mw"] > 0
