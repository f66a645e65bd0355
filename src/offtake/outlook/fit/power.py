"""Power prices by zone: hourly prices reduced to what a plan's periods see, and the law of their means.

A plan sees means over quarters to years, so the fit is on months. Each month's mean price splits exactly in two:

    mean = body + excess,   body = mean over hours of min(price, cap),   cap = 4 × the larger of the month's and the year's median.

The body is ordinary prices; its logarithm reverts to a mean with a half-life of months. The excess is scarcity: hours far above the cap, in
some months only. A month whose excess is above 5 % of its body is a spike; its size is excess over body. Spikes come as a Poisson process,
their sizes are exponential, as in the process `spikes`. One spike larger than all others together is no draw from that law: it is set apart
as a storm, so rare that only its Poisson interval is known. With fewer than three spikes there is nothing to fit, and the body is the mean.

Hours and days within a month do not matter beyond that: their noise is in the means, and nothing is extrapolated from the hourly scale.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from offtake.outlook.fit.laws import Estimate, exponential_mean, rate, spread_of
from offtake.outlook.fit.reversion import Reversion, reversion

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    Float = NDArray[np.float64]
    Bool = NDArray[np.bool_]

__all__ = ["FILE", "MOST_HALF_LIFE", "Months", "ZoneFit", "fit_zone", "read_months"]

FILE = "grid_price_hourly_22zones_2020_2024.parquet"
CAP = 4.0
SPIKE = 0.05
MOST_HALF_LIFE = 24.0
"""Longest half-life believed [month]: an assumption. Five years cannot tell a longer one from no return at all; its interval says so."""

_COPIED = 0.5
_REPEATED = 0.5
_HOURS_OF_A_MONTH = 600
_FEWEST_SPIKES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Months:
    """Monthly parts of one zone's hourly prices.

    Attributes
    ----------
    zone : str
    month : int64[month]            months since 1970-01
    body, excess : float64[month] [USD/MWh]
    spread_usd_per_mwh : float      standard deviation of the hourly price
    doubt : str                     why the zone's series should not be trusted as a market price; "" if nothing was found
    """

    zone: str
    month: NDArray[np.int64]
    body: Float
    excess: Float
    spread_usd_per_mwh: float
    doubt: str = ""

    @property
    def mean(self) -> Float:
        """Mean price : float64[month] [USD/MWh]."""
        return self.body + self.excess

    @property
    def share(self) -> Float:
        """Excess over body : float64[month]."""
        return self.excess / self.body

    def between(self, first: int, last: int) -> Months:
        """Keep the months of the years `first` to `last`."""
        kept = (self.month >= 12 * (first - 1970)) & (self.month < 12 * (last + 1 - 1970))
        return Months(
            zone=self.zone, month=self.month[kept], body=self.body[kept], excess=self.excess[kept],
            spread_usd_per_mwh=self.spread_usd_per_mwh, doubt=self.doubt,
        )  # fmt: skip

    def quarters(self) -> tuple[NDArray[np.int64], Float]:
        """Return the whole quarters (since 1970) and their mean prices [USD/MWh], months weighted alike."""
        quarter, count = np.unique(self.month // 3, return_counts=True)
        whole = quarter[count == 3]
        return whole, np.array([self.mean[self.month // 3 == q].mean() for q in whole])


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneFit:
    """The law of one zone's monthly prices.

    Attributes
    ----------
    zone : str
    body : Reversion               of the log of the body [log of USD/MWh], by month
    spread : Estimate              long-run standard deviation of the log of the body; its interval has that of the half-life in it
    spikes_per_y : Estimate        months with a spike, a year; None with fewer than three spikes
    size : Estimate                mean size of a spike, as a share of a month's price; None with them
    storm : float                  size of the spike set apart; 0 where there is none
    storms_per_y : Estimate        of such; None where there is none
    quarter_spread : float         standard deviation of the log of quarterly means, as seen (not fitted)
    first, last : int              months since 1970-01
    doubt : str
    """

    zone: str
    body: Reversion
    spread: Estimate
    quarter_spread: float
    first: int
    last: int
    spikes_per_y: Estimate | None = None
    size: Estimate | None = None
    storm: float = 0.0
    storms_per_y: Estimate | None = None
    doubt: str = ""


def read_months(path: Path) -> dict[str, Months]:
    """Read hourly prices and reduce each zone to months; one zone at a time, so that memory stays small.

    Raises
    ------
    OfftakeError    no such file, or not of that form: columns zone, utc, price_usd_mwh
    """
    from offtake.runs.store import read_columns

    zones = sorted(str(z) for z in read_columns(path, "DISTINCT zone")["zone"])
    found = {}
    for zone in zones:
        named = "zone = '" + zone.replace("'", "''") + "'"
        hours = read_columns(path, "epoch(utc) AS at_s, price_usd_mwh::DOUBLE AS price", where=named, order="at_s")
        found[zone] = months_of(zone, hours["at_s"], hours["price"])
    return found


def months_of(zone: str, at_s: Float, price: Float) -> Months:
    """Reduce hourly prices to months.

    Parameters
    ----------
    at_s : float64[hour] [s]              since 1970, in order
    price : float64[hour] [USD/MWh]
    """
    good = np.isfinite(price)
    at_s, price = np.asarray(at_s)[good], np.asarray(price)[good]
    stamp = at_s.astype("datetime64[s]")
    month = stamp.astype("datetime64[M]").astype(np.int64)
    years = stamp.astype("datetime64[Y]").astype(np.int64)
    copied = _copied_years(at_s, price, years)
    kept: Bool = ~np.isin(years, copied)
    doubt = f"{', '.join(str(1970 + y) for y in copied)} repeats the year before and is left out" if len(copied) else ""
    if float(np.mean(price[1:] == price[:-1])) > _REPEATED:
        doubt = "; ".join(
            filter(None, (doubt, "most hours repeat the hour before: a tariff or a filled series, no market"))
        )
    names, count = np.unique(month[kept], return_counts=True)
    names = _longest_run(names[count >= _HOURS_OF_A_MONTH])
    body, excess = np.empty(len(names)), np.empty(len(names))
    of_year = {y: float(np.median(price[years == y])) for y in np.unique(years)}
    for k, name in enumerate(names):
        hours = price[month == name]
        cap = CAP * max(float(np.median(hours)), of_year[name // 12])
        body[k] = max(
            float(np.minimum(hours, cap).mean()), 0.01 * of_year[name // 12]
        )  # a month of negative prices has no logarithm
        excess[k] = np.maximum(hours - cap, 0.0).mean()
    return Months(zone=zone, month=names, body=body, excess=excess, spread_usd_per_mwh=float(price.std()), doubt=doubt)


def fit_zone(months: Months, *, longest: float = MOST_HALF_LIFE) -> ZoneFit:
    """Fit one zone.

    Parameters
    ----------
    months : Months    without gaps
    longest : float    longest half-life believed [month]
    """
    spikes = np.sort(months.share[months.share > SPIKE])
    spiky = len(spikes) >= _FEWEST_SPIKES
    body = reversion(np.log(months.body if spiky else months.mean), longest=longest)
    most = min(body.rho_high, 0.5 ** (1.0 / longest))
    years = len(months.month) / 12.0
    storm = float(spikes[-1]) if spiky and spikes[-1] > spikes[:-1].sum() else 0.0
    usual = spikes[:-1] if storm else spikes
    _, quarterly = months.quarters()
    return ZoneFit(
        zone=months.zone, body=body,
        spread=Estimate(body.spread, _long(body.sigma_low, min(body.rho_low, most)), _long(body.sigma_high, most)),
        quarter_spread=spread_of(np.log(quarterly)).value, first=int(months.month[0]), last=int(months.month[-1]),
        spikes_per_y=rate(len(usual), years) if spiky else None, size=exponential_mean(usual.tolist()) if spiky else None,
        storm=storm, storms_per_y=rate(1, years) if storm else None, doubt=months.doubt,
    )  # fmt: skip


def _long(sigma: float, rho: float) -> float:
    return sigma / math.sqrt(1.0 - rho**2)


def _copied_years(at_s: Float, price: Float, years: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the years (since 1970) most of whose hours have the price of the same hour a year before: filled in, not read."""
    found = []
    for year in np.unique(years)[1:]:
        mine = years == year
        at = np.searchsorted(at_s, at_s[mine] - 365 * 86400.0)
        at_leap = np.searchsorted(at_s, at_s[mine] - 366 * 86400.0)
        same = max(float(np.mean(price[before] == price[mine])) for before in (at, at_leap))
        if same > _COPIED:
            found.append(year)
    return np.array(found, dtype=np.int64)


def _longest_run(months: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the longest run of months without a gap."""
    breaks = np.flatnonzero(np.diff(months) != 1) + 1
    return max(np.split(months, breaks), key=len)
