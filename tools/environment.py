"""Make or mend `.venv`: `python tools/environment.py run-time|developer`.

Packages come only from the hashed locks; the index is the one that pip is set up to use here. Standard library only.

Three ways to an environment are tried in order: `python -m venv`; where ensurepip is missing (Debian splits it off),
`venv --without-pip` filled from outside by `pip --python`, or by `uv`. Where none works, the one command to type is printed.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
VENV_PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
BUILD = VENV / "build-backend"  # the build backend stands apart from what the project itself imports
BUSY = VENV / ".installing"  # there while packages are being installed; found at the start, it tells of an interruption
LOCKS = {"run-time": "requirements.lock", "developer": "requirements-dev.lock"}


def main(level: str) -> int:
    """Bring `.venv` to `level`; do nothing where it is there already."""
    if _is_current(level):
        return 0
    fault = _fault()
    if fault:
        print(f"Making .venv again: {fault}.", file=sys.stderr)
        shutil.rmtree(VENV)
    if not VENV.exists():
        _create()
    installer = _installer()
    if installer is None:
        shutil.rmtree(VENV)
        print(
            f"No pip for {sys.executable}. Type this, then the same make command again:\n  {_remedy()}", file=sys.stderr
        )
        return 1
    _install(installer, level)
    return 0


def _is_current(level: str) -> bool:
    """Tell whether the stamp of this level, or of the wider one, names today's locks and the package answers."""
    stamps = [_stamp(level), _stamp("developer")]
    if BUSY.exists() or not any(
        path.is_file() and path.read_text("utf-8") == _state(path.suffix[1:]) for path in stamps
    ):
        return False
    return _answers("import numpy, offtake, sys; sys.exit(not sys.prefix)")


def _stamp(level: str) -> Path:
    return VENV / f".made.{level}"


def _state(level: str) -> str:
    """Name the place of the environment and hash all that its packages depend on."""
    digest = hashlib.sha256(str(sys.version_info[:2]).encode())
    for name in (LOCKS[level], "requirements-build.lock", "pyproject.toml"):
        digest.update((ROOT / name).read_bytes())
    return f"{ROOT}\n{digest.hexdigest()}\n"


def _answers(code: str) -> bool:
    if not VENV_PYTHON.exists():
        return False
    return subprocess.run([VENV_PYTHON, "-c", code], capture_output=True, check=False).returncode == 0


def _fault() -> str | None:
    """Say why the present `.venv` cannot be used; None where it can, or where there is none."""
    if not VENV.exists():
        return None
    if BUSY.exists():
        return "an earlier installation was interrupted"
    here = f"import sys; sys.exit(sys.version_info[:2] != {sys.version_info[:2]} or sys.prefix == sys.base_prefix)"
    if not (VENV / "pyvenv.cfg").is_file() or not _answers(here):
        return "it is half-made or of another Python"
    made = [_stamp(level).read_text("utf-8") for level in LOCKS if _stamp(level).is_file()]
    if any(text.splitlines()[:1] != [str(ROOT)] for text in made):
        return "it was moved, and its scripts still name the old place"
    return None


def _create() -> None:
    """Create an environment, with pip where ensurepip is there."""
    if importlib.util.find_spec("ensurepip") is not None:
        made = subprocess.run([sys.executable, "-m", "venv", VENV], capture_output=True, check=False)
        if made.returncode == 0:
            return
        shutil.rmtree(VENV, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", VENV], check=True)


def _installer() -> list[str | Path] | None:
    """Find what can install into `.venv`: its own pip, a pip outside it, or uv."""
    quiet = ["-qq", "--disable-pip-version-check"]  # errors only: a notice about an index is no news
    if _answers("import pip"):
        return [VENV_PYTHON, "-m", "pip", "install", *quiet]
    outside = [sys.executable, "-m", "pip", "--python", VENV_PYTHON]
    if subprocess.run([*outside, "--version"], capture_output=True, check=False).returncode == 0:
        return [*outside, "install", *quiet]
    uv = shutil.which("uv")
    if uv:
        return [uv, "pip", "install", "--quiet", "--python", VENV_PYTHON]
    return None


def _remedy() -> str:
    """Return the one command that brings pip to this machine."""
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    if shutil.which("apt-get"):
        sudo = "" if hasattr(os, "geteuid") and os.geteuid() == 0 else "sudo "
        return f"{sudo}apt-get install -y {'python3' if sys.executable == '/usr/bin/python3' else version}-venv"
    if shutil.which("dnf"):
        return "sudo dnf install -y python3-pip"
    if shutil.which("apk"):
        return "apk add py3-pip"
    return f"{sys.executable} -m ensurepip --user"


def _install(installer: list[str | Path], level: str) -> None:
    """Install the locked packages, then this project in place, built by the locked build backend."""
    print(f"Setting up .venv ({level} packages) ...", file=sys.stderr, flush=True)
    BUSY.touch()
    locked = ["--require-hashes", "--requirement"]
    subprocess.run([*installer, *locked, ROOT / LOCKS[level]], check=True)
    shutil.rmtree(BUILD, ignore_errors=True)
    subprocess.run([*installer, "--target", BUILD, *locked, ROOT / "requirements-build.lock"], check=True)
    backend = {**os.environ, "PYTHONPATH": str(BUILD)}
    project = ["--no-build-isolation", "--no-deps", "--editable", "."]
    subprocess.run([*installer, *project], check=True, cwd=ROOT, env=backend)
    for made in LOCKS if level == "developer" else [level]:
        _stamp(made).write_text(_state(made), "utf-8")
    BUSY.unlink()


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in LOCKS:
        sys.exit(f"usage: {sys.argv[0]} {'|'.join(LOCKS)}")
    try:
        sys.exit(main(sys.argv[1]))
    except subprocess.CalledProcessError as error:
        sys.exit(f"Setting up .venv failed: {' '.join(map(str, error.cmd))}\nThe next `make` starts afresh.")
