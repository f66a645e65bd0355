"""What an inference row prints of its layout and weights, as its engine means it: sizes in chips, precision of weights left unsaid."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from offtake.errors import OfftakeError
from offtake.perf.serving_layout import groups_that_hold

if TYPE_CHECKING:
    from collections.abc import Mapping

    from offtake.catalog.types import Chip, Precision, Transformer

__all__ = ["as_loaded", "in_chips"]

_NARROW_RELEASES: tuple[tuple[str, Precision], ...] = (
    (r"DeepSeek-(?:V3|R1)|Kimi K2(?!\.5)|MiniMax-M2|MiMo-V2", "fp8"),
    (r"gpt-oss|Kimi K2\.5", "fp4"),
)
"""Models whose published weights are narrower than 16 bits, by their cards."""
_CORES: Mapping[str, tuple[int, ...]] = MappingProxyType(
    {"neuron2": (2,), "neuron3": (2, 4, 8), "neuron4": (2, 4, 8), "neuron5": (2, 4, 8), "tpu7": (2,)}
)
"""Devices that programs see of a chip: NeuronCores, from Trainium2 on joined in twos or not; the two TensorCores of TPU v7."""
_HELD = 0.97  # of the memory on the data sheet: weights that left less ran narrower
_WIDTHS: tuple[Precision, ...] = ("bf16", "fp8", "fp4")


def in_chips(
    sizes: Mapping[str, int | None], chips: int, chip: Chip, assumed: list[str], *, apart: bool = False
) -> dict[str, int | None]:
    """Return parallel sizes in chips, attention groups beside tensor groups; where pools are apart, of the one that is printed.

    Parameters
    ----------
    sizes : mapping of "tp", "dp", "pp" (and others, as they are) to what the row prints
    chips : int [chip]   of the row
    assumed : list       gets a sentence for each reading

    Raises
    ------
    OfftakeError
        They fill more chips than there are.

    Examples
    --------
    >>> from offtake.perf.names import chip_named
    >>> in_chips({"tp": 8, "dp": 4, "pp": None}, 8, chip_named("H200").chip, [])
    {'tp': 2, 'dp': 4, 'pp': None}
    >>> in_chips({"tp": 64, "dp": None, "pp": None}, 16, chip_named("Trainium2").chip, [])
    {'tp': 16, 'dp': None, 'pp': None}
    """
    found = dict(sizes)
    _count_chips(found, chips, chip, assumed)
    if not apart:
        _share_chips(found, chips, assumed)
        filled = math.prod(found[name] or 1 for name in ("tp", "dp", "pp"))
        if filled > chips:
            raise OfftakeError(f"the layout (tp, dp, pp) fills {filled} chips, and {chips} are given (n_chips)")
    return found


def _count_chips(sizes: dict[str, int | None], chips: int, chip: Chip, assumed: list[str]) -> None:
    """Read parallel sizes that count the cores of a chip, where programs see each core as a device of its own."""
    cores, left = divmod(math.prod(sizes[name] or 1 for name in ("tp", "dp", "pp")), chips)
    if left or cores not in _CORES.get(chip.family, ()):
        return
    counted = next((name for name in ("tp", "dp") if (sizes[name] or 1) % cores == 0), None)
    if counted is not None:
        assumed.append(f"{counted} counts {cores} cores a chip")
        sizes[counted] = (sizes[counted] or 1) // cores


def _share_chips(sizes: dict[str, int | None], chips: int, assumed: list[str]) -> None:
    """Read attention groups that share the chips of the tensor group, as flags of SGLang and TensorRT-LLM count: tp 8, dp 8 on 8 chips."""
    tp, dp, pp = (sizes[name] or 1 for name in ("tp", "dp", "pp"))
    if dp > 1 and tp * pp <= chips < tp * dp * pp and tp % dp == 0:
        assumed.append(f"tp {tp} and dp {dp} on {chips} chips: {dp} attention groups of {tp // dp} chips share them")
        sizes["tp"] = tp // dp


def as_loaded(chip: Chip, model: Transformer, chips: int | None, assumed: list[str]) -> Precision:
    """Return the precision that weights of unsaid precision had: as released, or the widest narrower one that the chips which ran hold."""
    released = _released(model)
    usable = replace(chip, hbm_bytes=_HELD * (chip.hbm_bytes or math.inf))
    narrower = _WIDTHS[_WIDTHS.index(released) :]
    found = next((p for p in narrower if not chips or groups_that_hold(usable, model, chips, p) == 1), released)
    why = "as they were released" if found == released else f"since {chips} chips do not hold wider ones"
    assumed.append(f"weights not printed: {found}, {why}")
    return found


def _released(model: Transformer) -> Precision:
    """Return the precision in which a model's weights were published: what an engine loads where nobody says otherwise."""
    return next((narrow for names, narrow in _NARROW_RELEASES if re.match(names, model.name)), "bf16")
