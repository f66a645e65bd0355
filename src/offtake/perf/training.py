"""Training: useful model operations per second of a chip, by a stated share of the peak (MFU).

"Useful" counts 6 operations per active weight and token; recomputation, attention and failures do not count. Failures and
restarts are `goodput`, outside this module.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from offtake.errors import OfftakeError
from offtake.perf import memory, watts
from offtake.perf.types import need

if TYPE_CHECKING:
    from offtake.perf.types import Chip, Precision, Transformer

__all__ = ["TrainingEstimate", "estimate", "flop_of_run", "mfu"]

# Useful share of the dense peak of the same precision at 1,024 chips: medians of public NVIDIA training rows (tests/perf):
# dense bf16 A100 0.41-0.43, H100 0.37; dense fp8 H100 0.35, GB200 0.38; experts fp8 H100 and B200 0.11, B300 and GB200 0.14,
# DeepSeek-V3 0.17 (6 x 37e9 x 14.8e12 over 2.664 M H800-hours); experts bf16 H100 and B200 0.16, GB200 0.18-0.27.
_MFU: Mapping[tuple[str, str], float] = MappingProxyType({
    ("dense", "bf16"): 0.40, ("dense", "fp8"): 0.34, ("moe", "bf16"): 0.17, ("moe", "fp8"): 0.14,
})  # fmt: skip
# Llama 3.1 405B reports 43 % of the peak on 8,192 chips and 41 % on 16,384: about 3 % of itself per doubling.
_LOSS_PER_DOUBLING = 0.03
# Median of a vendor's dense bf16 rows over 0.40. Google: TPU v4 and v5e 0.56, v5p 0.66, v6e 0.38. AWS: eight Trainium1 rows, 0.28;
# nothing is published of Trainium2 to 4. Others: no row, assumed.
_VENDOR: Mapping[str, float] = MappingProxyType({"NVIDIA": 1.0, "Google": 1.3, "AWS": 0.7})
_OTHER_VENDOR = 0.8
# NVIDIA rows of 7 B and more: 80 % within 0.72-1.36 (tests/perf/test_accuracy.py); wider where no row is published.
LOW_FACTOR, HIGH_FACTOR = 0.7, 1.35
UNSURE_LOW, UNSURE_HIGH = 0.55, 1.6
_MEASURED_VENDORS = ("", "NVIDIA", "Google")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingEstimate:
    """Training rate of one chip. `low` and `high` are factors on the rate.

    Attributes
    ----------
    flop_per_s_per_chip : float [flop/s]   useful model operations
    mfu : float                            the same over the dense peak of `precision`
    tok_per_s_per_chip : float [tok/s]     trained tokens: flop_per_s / (6 · active_params)
    min_chips : int [chip]                 states fit in half of the memory
    memory_bytes_per_chip : float [bytes]  weights, gradients, optimizer states
    it_w_per_chip : float [W/chip]
    """

    chip: str
    model: str
    precision: str
    chips: int
    flop_per_s_per_chip: float
    mfu: float
    tok_per_s_per_chip: float
    min_chips: int
    memory_bytes_per_chip: float
    it_w_per_chip: float
    low: float
    high: float
    notes: tuple[str, ...]


def mfu(chip: Chip, model: Transformer, *, chips: int, precision: Precision) -> float:
    """Return the useful share of the dense peak: base by kind and precision × vendor, less 3 % of itself per doubling above 1,024 chips.

    Examples
    --------
    >>> from offtake.perf.types import Chip, Transformer
    >>> round(mfu(Chip(name="c"), Transformer(name="m"), chips=1024, precision="bf16"), 3)
    0.4
    """
    base = _MFU["moe" if model.is_moe else "dense", "fp8" if precision == "fp4" else precision]
    doublings = max(0.0, math.log2(max(chips, 1) / 1024.0))
    vendor = _VENDOR.get(chip.vendor, _OTHER_VENDOR) if chip.vendor else 1.0
    return float(base * vendor * (1.0 - _LOSS_PER_DOUBLING) ** doublings)


@lru_cache(maxsize=4096)
def estimate(
    chip: Chip, model: Transformer, *, chips: int = 16_384, precision: Precision | None = None
) -> TrainingEstimate:
    """Estimate the training rate of one chip among `chips`.

    Without a precision, the one with the higher useful rate is taken.

    Raises
    ------
    OfftakeError
        A figure of the chip or model is missing (named), or the states do not fit on `chips`.
    """
    active = need(model.active_params, model.name, "active_params")
    choices: tuple[Precision, ...] = ("bf16", "fp8") if precision is None else (precision,)
    rates = {
        p: mfu(chip, model, chips=chips, precision=p) * chip.flop_per_s(p)
        for p in choices
        if precision is not None or (chip.bf16_flop_per_s if p == "bf16" else chip.fp8_flop_per_s) is not None
    }
    if not rates:
        need(None, chip.name, "bf16_flop_per_s or fp8_flop_per_s")
    best = max(rates, key=lambda p: rates[p])
    states = memory.training_state_bytes(model)
    room = 0.5 * need(chip.hbm_bytes, chip.name, "hbm_bytes")
    least = math.ceil(states / room)
    if chips < least:
        raise OfftakeError(
            f"{model.name} on {chips} {chip.name}: training states of {states / 1e12:.3g} TB need at least {least} chips"
        )
    rate = rates[best]
    sure = chip.vendor in _MEASURED_VENDORS
    return TrainingEstimate(
        chip=chip.name,
        model=model.name,
        precision=best,
        chips=chips,
        flop_per_s_per_chip=rate,
        mfu=rate / chip.flop_per_s(best),
        tok_per_s_per_chip=rate / (6.0 * active),
        min_chips=least,
        memory_bytes_per_chip=states / chips,
        it_w_per_chip=watts.it_w_per_chip(chip),
        low=LOW_FACTOR if sure else UNSURE_LOW,
        high=HIGH_FACTOR if sure else UNSURE_HIGH,
        notes=(
            f"{best}: {rate / chip.flop_per_s(best):.0%} of the dense peak at {chips:,} chips",
            "goodput not included",
        ),
    )


def flop_of_run(active_params: float, tokens: float) -> float:
    """Return the useful operations of a training run: 6 · active weights · tokens [flop].

    Examples
    --------
    >>> f"{flop_of_run(405e9, 15.6e12):.3g}"    # Llama 3.1 405B: 3.8e25
    '3.79e+25'
    """
    return 6.0 * active_params * tokens
