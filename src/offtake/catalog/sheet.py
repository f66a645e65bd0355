"""From a data sheet that the user wrote down to a chip's plain numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from offtake.catalog.chips import IT_OVER_TDP
from offtake.catalog.types import Chip
from offtake.spec import sheet as spec_sheet

if TYPE_CHECKING:
    from pathlib import Path

    from offtake.spec.sheet import ChipSheet

__all__ = ["chip_of_sheet", "read_sheet"]


def chip_of_sheet(sheet: ChipSheet, name: str, *, it_w_per_chip: float | None = None, idle_frac: float = 0.35) -> Chip:
    """Return the chip of a data sheet; without an all-in power, the package's by the usual ratio."""
    watts = it_w_per_chip
    if watts is None and sheet.package_w_per_chip is not None:
        watts = sheet.package_w_per_chip * IT_OVER_TDP[0]
    return Chip(
        name=name, vendor=sheet.vendor, bf16_flop_per_s=sheet.bf16_flop_per_s, fp8_flop_per_s=sheet.fp8_flop_per_s,
        fp4_flop_per_s=sheet.fp4_flop_per_s, int8_flop_per_s=sheet.int8_flop_per_s, hbm_bytes=sheet.memory_bytes,
        hbm_bytes_per_s=sheet.memory_rate_bytes_per_s, scaleup_bytes_per_s=sheet.link_bytes_per_s, scaleup_domain=int(sheet.linked_chip),
        scaleout_bytes_per_s=sheet.network_bytes_per_s, it_w_per_chip=watts, tdp_w_per_chip=sheet.package_w_per_chip, idle_frac=idle_frac,
        year=sheet.year, family=sheet.like, cores=sheet.cores, tile=sheet.tile, topology=sheet.topology, torus_axes=sheet.torus_axes,
    )  # fmt: skip


def read_sheet(path: str | Path) -> Chip:
    """Return the chip of a data sheet in a file.

    Raises
    ------
    ScenarioError    with every mistake of the file, at its line
    """
    sheet = spec_sheet.read_sheet(path)
    return chip_of_sheet(sheet, sheet.name, it_w_per_chip=sheet.it_power_w_per_chip)
