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
