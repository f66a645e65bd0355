"""Terms of power prices by zone, from the fit of months: what `spikes` and `mean_reversion` read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from offtake.outlook.fit.continuous import half_life_y, long_run_spread
from offtake.outlook.fit.laws import Estimate
from offtake.outlook.fit.power import MOST_HALF_LIFE
from offtake.outlook.fit.terms import Fitted, Term, term, waiting

if TYPE_CHECKING:
    from collections.abc import Iterable

    from offtake.outlook.fit.power import ZoneFit

__all__ = ["key_of", "zone_terms"]

MONTH_D = 30.4375
SOURCE = (
    "HewlettPackard/sustain-cluster@293fbd15:data/electricity_prices (MIT; market operators), 2020-2024, as "
    "grid_price_hourly_22zones_2020_2024.parquet"
)


def key_of(zone: str) -> str:
    """Return the key of a zone.

    Examples
    --------
    >>> key_of("US-TEX-ERCO")
    'us-tex-erco'
    """
    return zone.casefold()


def zone_terms(fits: Iterable[ZoneFit]) -> tuple[Fitted, ...]:
    """Return the terms of each zone, and of each storm set apart."""
    found = []
    for fit in fits:
        found.append(_usual(fit))
        if fit.storms_per_y is not None:
            found.append(_storm(fit))
    return tuple(found)


def _usual(fit: ZoneFit) -> Fitted:
    body = fit.body
    most = 0.5 ** (1.0 / MOST_HALF_LIFE)
    capped = body.rho >= most - 1e-9
    half_life = Estimate(half_life_y(body.rho), half_life_y(body.rho_low), half_life_y(body.rho_high))
    spread = long_run_spread(body.rho, body.sigma)
    ends = (fit.spread.low / fit.spread.value, fit.spread.high / fit.spread.value)
    terms = {
        "spread": term(Estimate(spread, spread * ends[0], spread * ends[1]), "%", times=100.0),
        "half_life": term(half_life, "y"),
    }
    if fit.size is not None and fit.spikes_per_y is not None:
        terms |= {"every": waiting(fit.spikes_per_y), "height": term(fit.size), "lasts": Term(MONTH_D, "d")}
    notes = [f"quarterly means in these years: spread {100 * fit.quarter_spread:.0f} %", fit.doubt]
    if capped:
        notes.append(
            f"half-life not identified (a random walk fits as well): {MOST_HALF_LIFE:.0f} months are an assumption, "
            "and the spread follows from it"
        )
    if fit.storm:
        notes.append(
            f"one month of {1 + fit.storm:.0f} times the ordinary price is set apart as {key_of(fit.zone)}-storm"
        )
    return Fitted(
        key=key_of(fit.zone), kind="spikes" if fit.size is not None else "mean_reversion",
        quantity=f"wholesale power price, {fit.zone}",
        terms=terms, grade="weak" if fit.doubt or capped else "fitted", source=SOURCE,
        data_from=_month(fit.first), data_to=_month(fit.last),
        points=body.points, fit_error=f"innovation of a month {100 * body.sigma:.0f} %", note="; ".join(filter(None, notes)),
    )  # fmt: skip


def _storm(fit: ZoneFit) -> Fitted:
    once = fit.storms_per_y
    assert once is not None  # noqa: S101  (an invariant of the fit)
    return Fitted(
        key=f"{key_of(fit.zone)}-storm", kind="spikes", quantity=f"a month of scarcity in {fit.zone}", grade="weak", source=SOURCE,
        terms={
            "spread": Term(0.0, "%"), "half_life": Term(1.0, "y"),
            "every": waiting(once),
            "height": term(fit.storm), "lasts": Term(MONTH_D, "d"),
        },
        data_from=_month(fit.first), data_to=_month(fit.last), points=1, fit_error="one event: only its Poisson interval is known",
        note="beside the zone's own process, as a second quantity; market rules may have changed since: check the price cap",
    )  # fmt: skip


def _month(since_1970: int) -> str:
    return f"{1970 + since_1970 // 12}-{since_1970 % 12 + 1:02d}"
