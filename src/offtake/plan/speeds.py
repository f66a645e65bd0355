"""Where the speeds of a plan come from: what was measured and stated, or which estimate stands in for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from offtake.errors import OfftakeError
from offtake.perf.capacity import serving_capacity, training_capacity
from offtake.plan.compile_demand import latency_class
from offtake.plan.compile_supply import REFERENCE_CHIPS, chip_ids, trained_model
from offtake.provenance import Provenance

if TYPE_CHECKING:
    from offtake.plan.inputs import Inputs
    from offtake.spec.scenario import Scenario

__all__ = ["speed_origins"]

_SOURCE = "performance model fitted to public measurements (`offtake perf`, perf/data/efficiency.json)"


def speed_origins(inputs: Inputs) -> dict[str, Provenance]:
    """Return the origin of every estimated speed, under the path where a measurement would be written."""
    base = inputs.base
    found: dict[str, Provenance] = {}
    measured = {c.id: c.overrides for c in base.chips if c.overrides}
    trained = trained_model(base)
    for chip in chip_ids(base):
        stated = measured.get(chip)
        for kind in base.classes:
            if stated is not None and kind.id in stated.tokens_tok_per_s_per_chip:
                continue
            try:
                served = serving_capacity(inputs.chips[chip], inputs.models[kind.model], latency_class(kind))
            except OfftakeError:
                continue  # cannot serve, or is refused where the scenario is checked
            rate, within = served.output_tok_per_s_per_chip, served.interval
            found[f"{_place(base, chip)}.tokens.{kind.id}"] = _origin(
                rate, "tok/s/chip", (within.low, within.high), served.words
            )
        if (
            trained is None
            or (stated is not None and stated.train_flop_per_s_per_chip)
            or not (base.training or base.research)
        ):
            continue
        try:
            run = training_capacity(inputs.chips[chip], inputs.models[trained], chips=REFERENCE_CHIPS)
        except OfftakeError:
            continue
        ends = (run.interval.low, run.interval.high)
        found[f"{_place(base, chip)}.train"] = _origin(run.flop_per_s_per_chip, "FLOP/s/chip", ends, run.words)
    return found


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
