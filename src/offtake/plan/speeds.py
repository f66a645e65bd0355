"""Where the speeds of a plan come from: what was measured and stated, or which estimate stands in for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from offtake.errors import OfftakeError
from offtake.perf.capacity import LatencyError, serving_capacity, training_capacity
from offtake.plan.compile_demand import latency_class
from offtake.plan.compile_supply import REFERENCE_CHIPS, chip_ids, trained_model
from offtake.provenance import Provenance

if TYPE_CHECKING:
    from collections.abc import Mapping

    from offtake.perf.params import Section
    from offtake.plan.inputs import Inputs
    from offtake.spec.scenario import Scenario

__all__ = ["Speed", "estimated_speeds", "speed_origins"]

_SOURCE = "performance model fitted to public measurements (`offtake perf`, perf/data/efficiency.json)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """An estimated speed: tokens/s of a chip in a class, or useful training FLOP/s of one; nought where no plan keeps the class's times.

    Attributes
    ----------
    value, low, high : float [unit]   low and high hold the middle 80 %
    """

    value: float
    low: float
    high: float
    unit: str
    words: str


def estimated_speeds(inputs: Inputs, fitted: Mapping[str, Section] | None = None) -> dict[str, Speed]:
    """Return every speed that the scenario does not state, under the path where a measurement would be written.

    Parameters
    ----------
    fitted : mapping of "serving" and "training" to parameters; those that come with the package where left out
    """
    base, sections = inputs.base, fitted or {}
    found: dict[str, Speed] = {}
    measured = {c.id: c.overrides for c in base.chips if c.overrides}
    trained = trained_model(base)
    for chip in chip_ids(base):
        stated = measured.get(chip)
        for kind in base.classes:
            if stated is not None and kind.id in stated.tokens_tok_per_s_per_chip:
                continue
            try:
                served = serving_capacity(
                    inputs.chips[chip], inputs.models[kind.model], latency_class(kind), sections.get("serving")
                )
            except LatencyError as error:
                found[f"{_place(base, chip)}.tokens.{kind.id}"] = Speed(
                    value=0.0, low=0.0, high=0.0, unit="tok/s/chip", words=str(error)
                )
                continue
            except OfftakeError:
                continue  # refused where the scenario is checked
            within = served.interval
            found[f"{_place(base, chip)}.tokens.{kind.id}"] = Speed(
                value=served.output_tok_per_s_per_chip,
                low=within.low,
                high=within.high,
                unit="tok/s/chip",
                words=served.words,
            )
        if (
            trained is None
            or (stated is not None and stated.train_flop_per_s_per_chip)
            or not (base.training or base.research)
        ):
            continue
        try:
            run = training_capacity(
                inputs.chips[chip], inputs.models[trained], chips=REFERENCE_CHIPS, fitted=sections.get("training")
            )
        except OfftakeError:
            continue
        found[f"{_place(base, chip)}.train"] = Speed(
            value=run.flop_per_s_per_chip,
            low=run.interval.low,
            high=run.interval.high,
            unit="FLOP/s/chip",
            words=run.words,
        )
    return found


def speed_origins(inputs: Inputs) -> dict[str, Provenance]:
    """Return the origin of every estimated speed, under the path where a measurement would be written."""
    return {
        place: _origin(one.value, one.unit, (one.low, one.high), one.words)
        for place, one in estimated_speeds(inputs).items()
        if one.value > 0.0
    }


def _place(base: Scenario, chip: str) -> str:
    """Return the path under which a measurement of this chip would stand; an offer's chip has none of its own."""
    if any(c.id == chip for c in base.chips):
        return f"chips.{chip}.overrides"
    return f"outside_supply.{next(o.id for o in base.outside_supply if o.chip == chip)}.estimates"


def _origin(value: float, unit: str, ends: tuple[float, float], words: str) -> Provenance:
    """Say that a value was estimated, with its interval."""
    return Provenance(
        origin="catalog", file="performance model", text=f"{value:.4g} {unit}", source=_SOURCE, assumption=words, unit=unit,
        kind="quantity", low=ends[0], high=ends[1],
    )  # fmt: skip
