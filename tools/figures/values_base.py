"""Figures of the base case: money, power, what is served, the deal, what binds."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
from tools.figures.answer import CAMPUSES, NONE

if TYPE_CHECKING:
    from tools.figures.answer import Float, Reader

__all__ = ["base_values", "ramp"]

Values = dict[str, float | str]

_YEARS = range(2026, 2037)
_WHOLE_YEARS = range(2027, 2036)
_FLAT = range(2033, 2036)
"""Whole years "from 2033 on", when power is used up."""

_STANDS_STILL = 1.0
"""Rise below which a site does not count as growing [MW a month]."""

_SITES = {"new-carlisle": "New Carlisle", "madison": "Madison", "ridgeland": "Ridgeland"}


def base_values(base: Reader) -> Values:
    """Compute the figures of the base case."""
    return {
        **_worth(base),
        **_revenue(base),
        **_payments(base),
        **_power(base),
        **ramp(base),
        **_training(base),
        **_served(base),
        **_limits(base),
    }


def _worth(base: Reader) -> Values:
    """Say what the parties and both together are worth, and what the developer needs."""
    return {
        "joint": base.bn("objective_usd"),
        "gain": base.bn("value_against_no_alliance_usd"),
        "developer": base.bn("parties.offtaker.npv_usd"),
        "developer_alone": base.bn("no_alliance.offtaker.npv_usd"),
        "cloud_alone": base.bn("no_alliance.provider.npv_usd"),
        "cloud_gain": base.bn("parties.provider.against_no_alliance_usd"),
        "works": base.bn("parties.provider.infrastructure.npv_usd"),
        "works_at_book": base.bn("parties.provider.infrastructure.npv_at_book_usd"),
        "funding_need": base.bn("parties.offtaker.peak_funding_need_usd"),
        "funding_month": (base.at("parties.offtaker.peak_funding_date") or NONE)[:7],
        "breakeven_month": (base.at("parties.offtaker.breakeven_date") or NONE)[:7],
        **_profits(base),
    }


def _profits(base: Reader) -> Values:
    """Name the first year of a profit, and the year from which it lasts."""
    profit = {year: base.line("offtaker", "Profit before tax", year) for year in _YEARS}
    first = next((year for year in _YEARS if profit[year] > 0), NONE)
    last_loss = max((year for year in _YEARS if profit[year] <= 0), default=_YEARS[0] - 1)
    return {"profit_first": first, "profit_lasting": last_loss + 1}


def _revenue(base: Reader) -> Values:
    """Say what is sold, in all and per MW-year of all chips as they stand, in hours of no availability too."""
    sold = {year: base.line("offtaker", "Token revenue", year) for year in _YEARS}
    mw = base.standing_mw()
    found: Values = {f"revenue_{year}": sold[year] / 1e9 for year in _WHOLE_YEARS}
    found["revenue_2026"] = 2 * sold[2026] / 1e9  # a half-year, told as a rate
    found["revenue_flat"] = float(np.mean([sold[year] for year in _FLAT])) / 1e9
    for year in _WHOLE_YEARS:
        found[f"revenue_per_mw_{year}"] = sold[year] / base.mean(mw, year) / 1e6
    return found


def _payments(base: Reader) -> Values:
    """Say what goes to clouds, and what of the spend on compute goes into research and runs."""
    money = [_to_clouds(base, year) / base.mean(base.standing_mw(), year) / 1e6 for year in _WHOLE_YEARS]
    share = -sum(base.line("offtaker", "Revenue share, incurred", year) for year in _YEARS) / 1e9
    spend = base.bn("parties.offtaker.planned_spend_usd")
    flows = base.facts["tables"]["money_flows"]
    later = [100 * _researched(base, year) for year in (*_FLAT, 2036)]
    return {
        "contract_per_mw": base.at("plausibility.contract_usd_per_mw_y") / 1e6,
        "clouds_per_mw_low": min(money),
        "clouds_per_mw_high": max(money),
        "spend": spend,
        "channel_share": share,
        "channel_share_frac": 100 * share / sum(base.line("offtaker", "Token revenue", y) / 1e9 for y in _YEARS),
        "paid_to_cloud": spend + share,
        "facility_drawn": sum(
            row["amount_usd"] for row in flows if row["account"] == "loan_draw" and row["payee"] == "offtaker"
        )
        / 1e9,
        **{f"research_spend_{year}": 100 * _researched(base, year) for year in (2026, 2027, 2030)},
        "research_spend_low": min(later),
        "research_spend_high": max(later),
        "funded_firm": 100 * base.at("circularity.funded_share.firm"),
        "funded_contingent": 100 * base.at("circularity.funded_share.contingent"),
        "returned_year": _returned(base),
    }


_RENTS = ("of the compute: Compute rent, incurred", "of the compute: Outside compute rent, incurred")


def _to_clouds(base: Reader, year: int) -> float:
    """Sum rents and the share of profit that clouds are paid in a year [USD]."""
    return -sum(base.line("offtaker", line, year) for line in (*_RENTS, "Revenue share, incurred"))


def _researched(base: Reader, year: int) -> float:
    """Return the share of a year's spend on compute that is research and training."""
    serve, train, research = (
        base.line("offtaker", f"Compute for {use}", year) for use in ("inference", "training", "research")
    )
    return (train + research) / (serve + train + research)


def _returned(base: Reader) -> int | str:
    """Return the first year at whose end firm money in has all come back."""
    rows = [row for row in base.facts["tables"]["circularity"] if row["firmness"] == "firm"]
    back = [date.fromisoformat(row["date"]).year for row in rows if row["returned_share_frac"] >= 1.0]
    return min(back, default=NONE)


def _power(base: Reader) -> Values:
    """Say how much power there is and what it is at; who supplies it is told by the hours worked, as chip-hours are."""
    own, work = base.at_work_mw(lambda row: row["by"] == "own"), base.at_work_mw()
    stands, research = base.standing_mw(), base.standing_mw(lambda row: row["kind"] == "research")
    made = base.standing_mw(lambda row: row["kind"] in {"research", "train"})
    cloud = base.at("parties.provider.name")
    return {
        "peak_it_mw": base.at("peak_contract_it_power_mw"),
        "peak_gw": base.at("peak_contract_facility_power_mw") / 1e3,
        "dependence": 100 * base.at("plausibility.dependence_frac"),
        "dependence_2026": 100 * base.share(cloud, 2026),
        "dependence_flat": 100 * float(np.mean([base.share(cloud, year) for year in _FLAT])),
        "dependence_power_2026": 100 * base.mean(own, 2026) / base.mean(work, 2026),
        "dependence_power_2035": 100 * base.mean(own, 2035) / base.mean(work, 2035),
        "others_gw_2035": base.mean(work - own, 2035) / 1e3,
        "work_gw_2035": base.mean(work, 2035) / 1e3,
        "research_gw_2027": base.mean(research, 2027) / 1e3,
        "stands_gw_2027": base.mean(stands, 2027) / 1e3,
        "research_power_2035": 100 * base.mean(research, 2035) / base.mean(stands, 2035),
        **{f"made_power_{y}": 100 * base.mean(made, y) / base.mean(stands, y) for y in (2027, 2030, 2035)},
    }


def ramp(base: Reader) -> Values:
    """Find the steepest rise of energised facility power at one site and over all, from middle to middle of periods [MW a month]."""
    rises = {site: _rises(base, np.array(list(by.values()))) for site, by in base.at("energised_mw").items()}
    site = max(rises, key=lambda name: rises[name].max())
    total = np.sum(list(rises.values()), axis=0)
    year = [start.year for _, start, _ in base.periods[1:]]
    return {
        "ramp_site_mw": float(rises[site].max()),
        "ramp_site": _SITES.get(site, site),
        "ramp_site_year": year[int(rises[site].argmax())],
        "ramp_all_mw": float(total.max()),
        "ramp_all_year": year[int(total.argmax())],
        "ramp_all_sites": sum(bool(by[int(total.argmax())] > _STANDS_STILL) for by in rises.values()),
    }


def _rises(base: Reader, mw: Float) -> Float:
    """Return the rise into each period after the first, over that period's months [MW a month]."""
    months = [12 * (end.year - start.year) + end.month - start.month for _, start, end in base.periods]
    return np.diff(mw) / np.array(months[1:], dtype=np.float64)


def _training(base: Reader) -> Values:
    """Say when runs are done and what power they take; of the last, the power of the years that it takes [GW-year]."""
    places = dict.fromkeys(row["where"] for row in base.facts["tables"]["training"])
    found: Values = {"trained_at": ", ".join(places)}
    for number, run in enumerate(base.at("training"), 1):
        found[f"run_{number}"] = run["period"] if run["done"] else "never"
        found[f"run_{number}_gwy"] = _gw_years(base, run["run"])
    for year in (2026, 2027, 2028, 2030, 2033, 2036):
        found[f"research_gw_july_{year}"] = _research_gw(base, year)
    return found


def _gw_years(base: Reader, run: str) -> float:
    """Sum the power of a run's chips over time [GW-year]."""
    return float(base.standing_mw(lambda row: row["what"] == run) @ base.days) / 365.0 / 1e3


def _research_gw(base: Reader, year: int) -> float:
    """Power that the research wanted on 1 July takes, at the rate of the period that begins then, or of the last [GW]."""
    period = next(
        (t for t, (_, start, _) in enumerate(base.periods) if start == date(year, 7, 1)), len(base.periods) - 1
    )
    _, start, end = base.periods[period]
    days = [date.fromisoformat(a["day"]).toordinal() for a in base.facts["anniversaries"]]
    wanted = [a["research_flop_per_s"] for a in base.facts["anniversaries"]]  # linear in between
    middle = np.interp((start.toordinal() + end.toordinal()) / 2, days, wanted)
    mw = base.needed_mw(lambda row: row["kind"] == "research")[period]
    return float(mw * np.interp(date(year, 7, 1).toordinal(), days, wanted) / middle) / 1e3


def _served(base: Reader) -> Values:
    """Say what is wanted and not served [%]."""
    years = {f"unserved_assistant_{year}": 100 * base.unserved("assistant", year) for year in (2026, 2029, 2035)}
    return {
        **years,
        "unserved_assistant": 100 * base.unserved("assistant"),
        "unserved_agentic": 100 * base.unserved("agentic"),
        "unserved_all": 100 * base.unserved(),
    }


def _limits(base: Reader) -> Values:
    """Say since when power binds."""
    links = {site: base.binding(f"interconnection at {site}") for site in CAMPUSES}
    pace = [day.year for site in CAMPUSES for day in base.binding(f"building pace at {site}")]
    ceiling = min(base.binding("capacity ceiling of the contract"), default=None)
    labels = {start: label for label, start, _ in base.periods}
    return {
        "madison_from": labels[min(links["madison"])] if links["madison"] else NONE,
        "links_from": max(min(days).year for days in links.values()) if all(links.values()) else NONE,
        "pace_from": min(pace, default=NONE),
        "pace_to": max(pace, default=NONE),
        "ceiling_half": NONE if ceiling is None else "first" if ceiling.month <= 6 else "second",
        "ceiling_year": NONE if ceiling is None else ceiling.year,
        **_missing(base),
    }


def _missing(base: Reader) -> Values:
    """Say how many Trainium4 are wanted where most are missing, as the finding tells it."""
    told = re.compile(r"needs ([\d,]+) trainium4 chips in (\S+); supply gives ([\d,]+)")
    found = next((found for f in base.at("findings") if (found := told.search(f["message"]))), None)
    if found is None:
        return dict.fromkeys(("trainium4_wanted", "trainium4_in", "trainium4_given"), NONE)
    wanted, period, given = found.groups()
    return {
        "trainium4_wanted": float(wanted.replace(",", "")),
        "trainium4_in": period,
        "trainium4_given": float(given.replace(",", "")),
    }
