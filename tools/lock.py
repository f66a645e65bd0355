"""Write the three hashed locks anew: `make lock` (needs uv; it alone resolves for every platform at once).

A lock names packages, versions and the hashes of all their files, and no host: any index that serves the same files will do.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OPTIONS = (
    "--universal",
    "--python-version=3.11",
    "--fork-strategy=fewest",
    "--generate-hashes",
    "--no-emit-index-url",
    "--no-emit-find-links",
    "--no-header",
    "--no-annotate",
)
TITLES = {
    "requirements.lock": "What offtake needs to run",
    "requirements-dev.lock": "What offtake needs to run, to be tested and to be documented",
    "requirements-build.lock": "What builds the package",
}


def main() -> None:
    """Resolve the three sets, the second within the versions of the first."""
    uv = shutil.which("uv")
    if uv is None:
        sys.exit("`make lock` needs uv on the path (pip install uv); everything else does without it.")
    _compile(uv, "requirements.lock", "pyproject.toml")
    _compile(uv, "requirements-dev.lock", "pyproject.toml", "--extra=dev", "--constraint=requirements.lock")
    _compile(uv, "requirements-build.lock", "-", "--constraint=requirements-dev.lock", given="hatchling\neditables\n")


def _compile(uv: str, lock: str, source: str, *options: str, given: str | None = None) -> None:
    command = [uv, "pip", "compile", "--quiet", source, *OPTIONS, *options]
    text = subprocess.run(command, cwd=ROOT, input=given, stdout=subprocess.PIPE, text=True, check=True).stdout
    head = f"# {TITLES[lock]}, with the hashes of every platform's files. Written by `make lock`.\n"
    (ROOT / lock).write_text(head + text, "utf-8")


if __name__ == "__main__":
    main()
