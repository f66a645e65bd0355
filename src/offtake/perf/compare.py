"""Compare chips over models: tokens/s of a chip, of a watt, of a dollar, of a megawatt of facility, with intervals.

A megawatt of facility feeds 1 MW / PUE of IT power; energy counts what a chip draws under the load, a dollar a chip-hour of list rent. The
tokens of a megawatt are what the plan runs on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from offtake.catalog import chips as catalog_chips
from offtake.catalog import models as catalog_models
from offtake.catalog.load import names
from offtake.errors import OfftakeError
from offtake.perf.answers import Interval
from offtake.perf.capacity import training_capacity
from offtake.perf.names import chip_named, model_named
from offtake.perf.sweep import sweep

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from offtake.perf.params import Section
    from offtake.perf.types import Chip, LatencyClass, Transformer

__all__ = ["Compared", "comparable", "compare"]

PUE = 1.2
"""Facility power over IT power, where the caller states none: the median of the catalogue's sites is near 1.2."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One chip with one model.

    Attributes
    ----------
    tok_per_s_per_chip : float [tok/s] and `interval`   output tokens of serving, trained tokens of training
    tok_per_j : float [tok/J]                           of IT energy under the load (tok/s of a watt)
    tok_per_usd : float or None [tok/USD]               at the list rent of a chip-hour; None where none is published
    tok_per_s_per_mw : float [tok/s per MW]             of facility power, chips at their all-in power; and `mw_interval`
    refusal : str                                       why there is no estimate
    """

    chip: str
    model: str
    tok_per_s_per_chip: float = 0.0
    interval: Interval | None = None
    it_w_per_chip: float = 0.0
    tok_per_j: float = 0.0
    tok_per_usd: float | None = None
    tok_per_s_per_mw: float = 0.0
    mw_interval: Interval | None = None
    words: str = ""
    refusal: str = ""


def comparable() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the chips and models of the catalogue that have what an estimate needs.

    Examples
    --------
    >>> chips, models = comparable()
    >>> "H100 SXM" in chips, "DeepSeek-V3" in models, "GPT-4" in models
    (True, True, False)
    """
    have = []
    for name in names("chips"):
        chip = catalog_chips.chip_of(catalog_chips.chip(name))
        peak = chip.bf16_flop_per_s or chip.fp8_flop_per_s
        if peak and chip.hbm_bytes and chip.hbm_bytes_per_s and chip.it_w_per_chip:
            have.append(name)
    shaped = [n for n in names("models") if catalog_models.model(n).number("layers")]
    return tuple(have), tuple(shaped)


def compare(
    chips: Sequence[str | Chip],
    models: Sequence[str],
    latency: LatencyClass | None,
    *,
    training_chips: int = 1024,
    pue: float = PUE,
    fitted: Mapping[str, Section] | None = None,
) -> list[Compared]:
    """Compare chips over models: serving under a latency class, or training where it is None.

    Serving is compared with prompts and decoding on shared chips, 64 to a deployment: the same terms for every chip.

    Parameters
    ----------
    chips : names, or chips of a data sheet
    training_chips : int [chip]   that train together
    pue : float                   facility power over IT power
    fitted : mapping of "training" and "serving" to parameters; those that come with the package where left out
    """
    if latency is None and training_chips < 1:
        raise OfftakeError(f"at least one chip must train, got {training_chips}")
    known = [chip_named(one).chip if isinstance(one, str) else one for one in chips]
    rents = {chip.name: _rent(chip.name) for chip in known}
    found, sections = [], fitted or {}
    for name in models:
        model = model_named(name)
        if latency is None:
            found += [
                _trained(chip, model, training_chips, (pue, rents[chip.name]), sections.get("training"))
                for chip in known
            ]
            continue
        for chip, one in zip(known, sweep(known, model, latency, sections.get("serving")), strict=True):
            if one.refusal:
                found.append(Compared(chip=chip.name, model=model.name, refusal=one.refusal))
                continue
            rates = (one.tok_per_s_per_chip, one.interval)
            found.append(_row(chip, model, rates, one.it_w_per_chip, (pue, rents[chip.name], one.words)))
    return found


def _trained(
    chip: Chip, model: Transformer, chips: int, prices: tuple[float, float | None], fitted: Section | None
) -> Compared:
    """Compare one chip training one model."""
    try:
        found = training_capacity(chip, model, chips=chips, fitted=fitted)
    except OfftakeError as error:
        return Compared(chip=chip.name, model=model.name, refusal=str(error))
    rates = (found.prediction.tok_per_s_per_chip, found.prediction.tok_per_s_per_chip_interval)
    return _row(chip, model, rates, found.it_w_per_chip, (*prices, found.words))


def _row(
    chip: Chip, model: Transformer, rates: tuple[float, Interval], watts: float, about: tuple[float, float | None, str]
) -> Compared:
    """Return tokens of a chip as those of a watt, a dollar and a megawatt."""
    (rate, within), (pue, rent, words) = rates, about
    per_mw = 1e6 / (pue * (chip.it_w_per_chip or watts))
    return Compared(
        chip=chip.name, model=model.name, tok_per_s_per_chip=rate, interval=within, it_w_per_chip=watts, tok_per_j=rate / watts,
        tok_per_usd=None if rent is None else rate * 3600.0 / rent, tok_per_s_per_mw=rate * per_mw,
        mw_interval=Interval(low=within.low * per_mw, high=within.high * per_mw), words=words,
    )  # fmt: skip


def _rent(name: str) -> float | None:
    """Return the list rent of a chip-hour [USD], None where the catalogue has none (or not the chip)."""
    try:
        return catalog_chips.chip(name).number("rent_usd_per_chip_h")
    except OfftakeError:
        return None
