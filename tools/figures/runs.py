"""Solve each variant once, and keep what the figures need of it in a work folder, so that an interrupted run goes on."""

from __future__ import annotations

import hashlib
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools.figures.facts import facts_of
from tools.figures.variants import SCENARIO, VARIANTS, Variant

import offtake
from offtake.runs.manifest import versions
from offtake.spec.overlay import Changes

if TYPE_CHECKING:
    from offtake.spec.load import Loaded

__all__ = ["ROOT", "facts_of_all", "overlays_of"]

ROOT = Path(__file__).resolve().parents[2]

_APART = ("cli", "report")
"""Packages that only show an answer: a change there solves nothing again."""


def facts_of_all(work: Path) -> dict[str, dict[str, Any]]:
    """Read every variant's facts from the work folder, and solve those that it lacks, one after the other."""
    work.mkdir(parents=True, exist_ok=True)
    state = _program()
    return {variant.name: _kept(variant, work, state) for variant in VARIANTS}


def _program() -> str:
    """Digest of the code, the data and the libraries that an answer is made by; what only shows one does not count."""
    digest = hashlib.sha256(Path(__file__).with_name("facts.py").read_bytes() + repr(versions()).encode())
    code = ROOT / "src" / "offtake"
    for file in sorted(f for f in code.rglob("*") if f.suffix in {".py", ".json", ".csv"}):
        place = file.relative_to(code)
        if place.parts[0] not in _APART:
            digest.update(place.as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def _key(variant: Variant, loaded: Loaded, state: str) -> str:
    """Digest of all that an answer hangs on: the program and the values of the scenario, not its comments and reasons."""
    worlds = [loaded.scenario, *(case.scenario for case in loaded.cases.values() if variant.cases)]
    values = "\n".join(world.model_dump_json() for world in worlds)
    return hashlib.sha256(f"{state}\n{variant.cases}\n{values}".encode()).hexdigest()


def _kept(variant: Variant, work: Path, state: str) -> dict[str, Any]:
    """Read a variant's facts, or solve it and keep them."""
    overlays = [Changes(variant.name, text) for text in overlays_of(variant)]
    loaded = offtake.load(ROOT / SCENARIO, overlays=overlays)
    key = _key(variant, loaded, state)
    file = work / f"{variant.name}.json"
    if file.exists():
        kept: dict[str, Any] = json.loads(file.read_text("utf-8"))
        if kept["key"] == key:
            return kept
    began = time.monotonic()
    kept = {"key": key, **facts_of(offtake.plan(loaded, cases=variant.cases, journal=work / "journal" / key[:16]))}
    part = file.with_suffix(".part")
    part.write_text(json.dumps(kept), "utf-8")
    part.replace(file)
    print(f"{variant.name}: solved in {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    return kept


def overlays_of(variant: Variant) -> list[str]:
    """Return the texts laid over the example, in order."""
    texts = [] if variant.futures else ["outlook.paths: 1\n"]
    if variant.file:
        _, _, changes = ((ROOT / SCENARIO).parent / variant.file).read_text("utf-8").partition("\nchanges:\n")
        lines = [line.strip() for line in changes.splitlines() if line.strip()]
        texts.append("".join(f"{line}\n" for line in lines if not line.startswith(variant.but)))
    if variant.changes:
        texts.append("".join(f"{path}: {value}\n" for path, value in variant.changes))
    return texts
