"""Entries are found as sources print them."""

from __future__ import annotations

import pytest

from offtake import catalog
from offtake.catalog.load import canonical, close, find, rows
from offtake.errors import OfftakeError


@pytest.mark.parametrize(
    ("kind", "written", "name"),
    [
        ("chips", "trainium2", "Trainium2"),
        ("chips", "TRAINIUM 3", "Trainium3 (Gen2 UltraServer)"),
        ("chips", "NVIDIA H100 SXM5 80GB", "H100 SXM"),
        ("chips", "Ironwood", "TPU7x (v7 Ironwood)"),
        ("models", "llama-3.1-405b", "Llama 3.1 405B"),
        ("models", "deepseek_v3", "DeepSeek-V3"),
        ("sites", "new carlisle", "Anthropic-Amazon New Carlisle"),
    ],
)
def test_case_spaces_and_aliases(kind, written, name):
    assert canonical(kind, written) == name


def test_an_unknown_name_says_what_is_close():
    with pytest.raises(OfftakeError, match=r"no chip 'Trainum2'.*did you mean Trainium2"):
        canonical("chips", "Trainum2")
    with pytest.raises(OfftakeError, match="offtake catalog models"):
        canonical("models", "§")
    assert close("sites", "New Carlyle")[0] == "Anthropic-Amazon New Carlisle"


def test_every_alias_points_to_an_entry_and_shadows_none():
    for row in rows("aliases"):
        known = catalog.names(row["kind"])
        assert row["name"] in known, dict(row)
        assert find(row["kind"], row["alias"]) == row["name"], dict(row)


def test_every_derived_row_points_to_an_entry():
    for table, column, kind in (
        ("chips_derived", "chip", "chips"),
        ("models_derived", "model", "models"),
        ("sites_derived", "site", "sites"),
    ):
        for row in rows(table):
            assert row[column] in catalog.names(kind), dict(row)


def test_references_hold_names_and_aliases():
    assert {"H100 SXM", "H100", "GB200"} <= set(catalog.references("chips"))
