"""A chip as its data sheet prints it: what performance is computed from where the catalogue has no entry."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from offtake.errors import ScenarioError
from offtake.spec.fields import (
    BytesAboveZero,
    BytesPerSecond,
    ChipsAboveZero,
    Count,
    FlopPerSecond,
    Model,
    Text,
    WattsPerChip,
)
from offtake.spec.locate import from_validation
from offtake.spec.reader import read_file
from offtake.spec.tree import plain

__all__ = ["ChipSheet", "SheetFile", "read_sheet"]


class ChipSheet(Model):
    """Figures of one chip: dense peaks, memory, links. What is left out is not known, and asked for where it is needed."""

    bf16_flop_per_s: FlopPerSecond
    """Dense bf16 or fp16 peak, without sparsity."""
    fp8_flop_per_s: FlopPerSecond | None = None
    """Dense fp8 peak."""
    fp4_flop_per_s: FlopPerSecond | None = None
    """Dense fp4 peak."""
    int8_flop_per_s: FlopPerSecond | None = None
    """Dense int8 peak."""
    memory_bytes: BytesAboveZero
    """Memory of the chip."""
    memory_rate_bytes_per_s: BytesPerSecond
    """Bandwidth of its memory."""
    link_bytes_per_s: BytesPerSecond | None = None
    """Scale-up links, all of one chip, one direction (half of what is printed for both)."""
    linked_chip: ChipsAboveZero = 1.0
    """Chips that the scale-up fabric joins."""
    topology: Literal["", "switch", "mesh", "torus", "ring"] = ""
    """How it joins them."""
    torus_axes: Count = 0
    """Axes of a torus."""
    network_bytes_per_s: BytesPerSecond | None = None
    """Network card, one direction, per chip."""
    package_w_per_chip: WattsPerChip | None = None
    """Power of the chip package at its limit."""
    vendor: Text = ""
    """Who makes it: efficiency falls back to what was measured of this vendor."""
    like: Text = ""
    """Design family whose measured efficiency it takes over: hopper, blackwell, cdna3, tpu5p, neuron3, …"""
    year: Count = 0
    """Year of first delivery."""
    cores: Count = 0
    """Cores with matrix units."""
    tile: Count = 0
    """Side of the output square that one core makes at a time."""


class SheetFile(ChipSheet):
    """A data sheet in a file of its own."""

    name: Text
    """Name of the chip."""
    it_power_w_per_chip: WattsPerChip | None = Field(default=None)
    """All-in IT power of one running chip with its share of host and network."""
    source: Text = ""
    """Where the figures were read."""


def read_sheet(path: str | Path) -> SheetFile:
    """Read a data sheet.

    Raises
    ------
    ScenarioError    with every mistake of the file, at its line
    """
    document = read_file(path)
    found = list(document.diagnostics)
    if document.root is not None and not found:
        try:
            return SheetFile.model_validate(plain(document.root), by_alias=True, by_name=False)
        except ValidationError as error:
            found = from_validation(error, SheetFile, document.root)
    raise ScenarioError(tuple(found), {document.file: document.text})
