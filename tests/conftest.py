"""Fixtures and settings shared by all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parents[1]

# Derandomised: a failure is the same on every machine and in every run. HYPOTHESIS_PROFILE=search looks further.
settings.register_profile("ci", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("search", max_examples=2000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


@pytest.fixture(scope="session")
def root() -> Path:
    """Return the folder of this checkout."""
    return ROOT


@pytest.fixture(scope="session")
def examples(root: Path) -> Path:
    """Return the folder of example scenarios."""
    return root / "examples"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of published samples beside the checkout; skip the test where there is none."""
    shared = Path(os.environ.get("OFFTAKE_SHARED", ROOT.parent / "shared"))
    if not (shared / "data").is_dir():
        pytest.skip(f"needs the published samples in {shared.name}/data beside the checkout, or OFFTAKE_SHARED")
    return shared / "data"


@pytest.fixture(scope="session")
def mistakes():
    """Return a function that lists where a value breaks a JSON Schema, by path."""
    return _mistakes


def _mistakes(value, schema, path="$"):
    """Check the little of JSON Schema that the schema of the answer uses."""
    names = {"number": (int, float), "string": str, "object": dict, "array": list, "boolean": bool, "null": type(None)}
    names |= {"integer": int}
    types = schema.get("type", [])
    types = [types] if isinstance(types, str) else types
    if types and not any(isinstance(value, names[t]) for t in types):
        yield f"{path}: {value!r} is not {types}"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{path}: {value!r} is none of {schema['enum']}"
    for part in schema.get("allOf", ()):
        yield from _mistakes(value, part, path)
    if isinstance(value, dict):
        yield from (f"{path}: {key} is missing" for key in schema.get("required", ()) if key not in value)
        for key, inner in value.items():
            yield from _mistakes(
                inner, schema.get("properties", {}).get(key, schema.get("additionalProperties", {})), f"{path}.{key}"
            )
    if isinstance(value, list):
        for place, inner in enumerate(value):
            yield from _mistakes(inner, schema.get("items", {}), f"{path}[{place}]")
