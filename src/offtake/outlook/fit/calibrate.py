"""The whole calibration: every history fitted, every check on data held back; the same data give the same bytes."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from offtake.errors import OfftakeError
from offtake.outlook.fit import delays, demand, power, power_held, prices, zones
from offtake.outlook.fit.held import coverage, worst
from offtake.outlook.fit.shipped import shipped
from offtake.progress import Progress, ProgressEvent, ignore

if TYPE_CHECKING:
    from pathlib import Path

    from offtake.outlook.fit.held import Coverage, Held
    from offtake.outlook.fit.terms import Fitted
    from offtake.outlook.fit.trends import Pool

__all__ = ["Calibration", "Check", "calibrate", "checks_written"]

SPLITS = (((2020, 2022), (2023, 2024)), ((2020, 2021), (2022, 2023)), ((2020, 2023), (2024, 2024)))
"""Years fitted and years held back of power prices; the first is the one that the tests hold to its rate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check on data held back.

    Attributes
    ----------
    quantity, split : str      what, and what was fitted and held back
    found : Coverage
    worst : tuple of (member, share inside)
    held : tuple of Held       every prediction
    """

    quantity: str
    split: str
    found: Coverage
    worst: tuple[tuple[str, float], ...]
    held: tuple[Held, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """What was fitted and how it did.

    Attributes
    ----------
    fitted : tuple of Fitted    power by zone last
    checks : tuple of Check
    pool : Pool                 growth of demand over companies, logarithms a year
    power_fitted : bool         False: the power terms are those that ship
    """

    fitted: tuple[Fitted, ...]
    checks: tuple[Check, ...]
    pool: Pool
    power_fitted: bool


def calibrate(traces: Path | None = None, progress: Progress = ignore) -> Calibration:
    """Fit everything.

    Parameters
    ----------
    traces : Path      folder with the hourly power prices; without it the power terms are those that ship

    Raises
    ------
    OfftakeError    the folder lacks the file, or the file is not of its form
    """
    progress(ProgressEvent(stage="fit", message="demand, prices, delays, events: the catalogue"))
    histories = demand.histories()
    fits = demand.growths(histories)
    terms = [*demand.demand_terms(fits), *prices.price_terms(), *delays.delay_terms(), *delays.event_terms()]
    checks = [
        _check(
            "demand", "fit the first part of each history, predict a year (capital: three)", demand.held_back(histories)
        ),
        _check("gpu-rental", "fit to 2026-05-01, predict to 2026-08-21", prices.held_back()),
    ]
    if traces is None:
        terms += [one for one in shipped() if one.source == zones.SOURCE]
    else:
        file = traces / power.FILE
        if not file.is_file():
            raise OfftakeError(f"{traces}: no {power.FILE} there; leave --traces out to fit without power prices")
        progress(ProgressEvent(stage="fit", message=f"power prices by zone: {power.FILE}"))
        months = power.read_months(file)
        terms += zones.zone_terms(power.fit_zone(one) for one in months.values())
        for fitted, held in SPLITS:
            found = power_held.held_back(months.values(), fitted=fitted, held=held)
            checks.append(
                _check(
                    "power-price", f"fit {fitted[0]}-{fitted[1]}, predict the quarters of {held[0]}-{held[1]}", found
                )
            )
    return Calibration(
        fitted=tuple(terms), checks=tuple(checks), pool=demand.pooled_growth(fits), power_fitted=traces is not None
    )


def checks_written(checks: tuple[Check, ...]) -> str:
    """Write the checks as a table in CSV."""
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(("quantity", "split", "predictions", "members", "inside", "low", "high", "below", "above", "worst"))
    for one in checks:
        c = one.found
        shares = (f"{v:.3f}" for v in (c.inside.value, c.inside.low, c.inside.high))
        said = "; ".join(f"{name} {share:.2f}" for name, share in one.worst)
        rows.writerow((one.quantity, one.split, c.count, c.members, *shares, c.below, c.above, said))
    return out.getvalue()


def _check(quantity: str, split: str, held: tuple[Held, ...]) -> Check:
    return Check(quantity=quantity, split=split, found=coverage(held), worst=worst(held), held=held)
