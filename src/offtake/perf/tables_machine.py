"""What a row of a training table says of its machine: how many chips, in which units a layout counts them, limits that remarks state."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from offtake.perf.tables_software import told

if TYPE_CHECKING:
    from offtake.catalog.types import Chip, Precision, Transformer

__all__ = ["as_noted", "chips_that_train", "computed_at", "in_chips"]


_SERVER = 8
"""Chips of the largest server; more are a rack."""
_BUS = 100e9
"""More than a PCIe bus gives one chip [bytes/s]: chips of a server have links of their own."""
_SLOWEST, _FASTEST = 0.1e9, 50e9
"""Network of one chip that a remark may state; four times the second at most where the catalogue has none [bytes/s]."""


def chips_that_train(chip: Chip, model: Transformer, *, product: int) -> int:
    """Return the fewest chips, a power of two of the printed layout and a server at least, that hold 16 bytes a weight twice over.

    Adam's states with mixed precision take 16 bytes a weight; as much again is left to activations.
    """
    chips = max(product, min(chip.scaleup_domain, 8))
    while 32.0 * (model.params or 0.0) > chips * (chip.hbm_bytes or math.inf):
        chips *= 2
    return chips


def as_noted(chip: Chip, notes: str, assumed: list[str]) -> Chip:
    """Return the chip with the power limit [W], memory [TB/s], network [Gb/s] and chips a server that a remark states of the machine.

    Examples
    --------
    >>> from offtake.catalog.types import Chip
    >>> as_noted(Chip(name="c", tdp_w_per_chip=700.0), "with HBM2e at 2.4 TB/s and a 500 W limit", []).tdp_w_per_chip
    500.0
    """
    limit = re.search(r"\b(\d{2,4}) ?W (?:power )?limit\b", notes)
    rate = re.search(r"\bHBM\w* at (\d{1,2}(?:\.\d{1,3})?) ?TB/s", notes)
    if limit and chip.tdp_w_per_chip and 0.3 * chip.tdp_w_per_chip < float(limit[1]) < chip.tdp_w_per_chip:
        chip = replace(chip, tdp_w_per_chip=float(limit[1]))
        assumed.append(f"power limit of {limit[1]} W as noted")
    if rate and chip.hbm_bytes_per_s and 0.3 < float(rate[1]) * 1e12 / chip.hbm_bytes_per_s < 3.0:
        chip = replace(chip, hbm_bytes_per_s=float(rate[1]) * 1e12)
        assumed.append(f"memory at {rate[1]} TB/s as noted")
    server = told(r"(?<![\d.])\b([24]) (?:GPUs|chips) (?:a|per) (?:server|node)\b(?! of)", notes)
    linked = chip.vendor == "NVIDIA" and (chip.scaleup_bytes_per_s or 0.0) > _BUS
    if server and linked and int(server[1]) < chip.scaleup_domain <= _SERVER:
        # servers of four have no switch: each pair of chips is joined by a third of the links
        chip = replace(chip, scaleup_domain=int(server[1]), topology="mesh")
        assumed.append(f"{server[1]} chips a server, joined in pairs, as noted")
    network = _network_gb_per_s(notes, chip.scaleup_domain)
    if network and _SLOWEST < network * 1e9 < 4.0 * (chip.scaleout_bytes_per_s or _FASTEST):
        chip = replace(chip, scaleout_bytes_per_s=network * 1e9)
        assumed.append(f"network of {8.0 * network:g} Gb/s a chip as noted")
    return chip


def _network_gb_per_s(notes: str, domain: int) -> float | None:
    """Return the network of one chip [GB/s] that a remark states of a chip or of a server.

    Examples
    --------
    >>> _network_gb_per_s("4 x 100 Gb RoCE a server of 8", 8), _network_gb_per_s("400 Gb/s a GPU", 8), _network_gb_per_s("", 8)
    (6.25, 50.0, None)
    """
    found = told(
        r"(?<![\d.])(?<!NVLink )\b(?:(\d{1,2}) ?x ?)?(\d{2,4}) ?Gb(?:it)?(?:/s|ps)?(?: (?!memory|HBM|VRAM)[A-Za-z]{2,12})? (?:a|per) "
        r"(?:(GPU|chip)|(?:server|node|host)(?: of (\d{1,2}))?)\b",
        notes,
        re.NOFLAG,
    )
    if not found:
        return None
    chips = 1 if found[3] else int(found[4] or domain)
    return int(found[1] or 1) * int(found[2]) / 8.0 / max(chips, 1)


def in_chips(sizes: dict[str, int | None], chips: int, product: int, assumed: list[str]) -> None:
    """Turn sizes that count cores of a chip into chips."""
    tp = sizes["tp"] or 1
    per_chip = product // chips if product and product % chips == 0 else 0
    bare = tp * (sizes["pp"] or 1) * (sizes["cp"] or 1)
    if not product and bare > chips:  # a layout that is printed without its replicas, and is larger than the machine
        per_chip = next((n for n in (2, 4, 8) if tp % n == 0 and bare // n <= chips), 0)
    if per_chip not in {2, 4, 8} and product < chips and tp in {8, 16, 32, 64}:
        per_chip = 2  # a printed layout that does not fill the machine: tp of a server of 16 chips
    if per_chip in {2, 4, 8}:
        if tp % per_chip == 0:
            sizes["tp"] = tp // per_chip
        elif sizes["dp"] and sizes["dp"] % per_chip == 0:
            sizes["dp"] //= per_chip
        assumed.append(f"sizes count {per_chip} cores a chip")
    if product and product < chips:
        sizes["dp"] = None


def computed_at(chip: Chip, precision: Precision, recipe: str, assumed: list[str]) -> Precision:
    """Return the precision at which a chip trains what a row prints: the next wider one where it has no unit for that.

    Eight-bit integers are another thing than fp8: they are computed as such where the row says so.

    Examples
    --------
    >>> from offtake.catalog.types import Chip
    >>> a100, v5e = Chip(name="A100", int8_flop_per_s=624e12), Chip(name="v5e", int8_flop_per_s=394e12)
    >>> computed_at(a100, "fp8", "cs", []), computed_at(v5e, "fp8", "int8", []), computed_at(a100, "fp4", "nv", [])
    ('bf16', 'fp8', 'bf16')
    """
    wider = precision
    if wider == "fp4" and chip.fp4_flop_per_s is None:
        wider = "fp8"
    if wider == "fp8" and chip.fp8_flop_per_s is None and not (recipe == "int8" and chip.int8_flop_per_s):
        wider = "bf16"
    if wider != precision:
        assumed.append(f"{chip.name} has no unit for {precision}: {wider} is taken")
    return wider
