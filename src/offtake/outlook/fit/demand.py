"""Growth of demand: run-rate revenue, token volumes, capital spent; how uncertain it is, and whether it declines.

The scenario's own series holds the expected growth. What a plan needs is how far demand may leave it, so the terms are spreads.

Capital spent has fifteen years of history: its terms are those of `trend`, `growth` the standard error of the growth seen, `volatility`
what a year adds beside it, `level` the error of a reading. Companies and tokens have three years, all of fast growth. Their error of growth
carried on for ten years would be a factor of thousands, which is no forecast; so their terms are those of `reverting_trend`: a deviation
that has the variance of the fit one year ahead, where the intervals are held to history, and fades with a half-life of three years (an
assumption), around the growth of capital spent.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from offtake.outlook.fit.held import Held
from offtake.outlook.fit.history import Series, never_falls, series
from offtake.outlook.fit.laws import Estimate
from offtake.outlook.fit.terms import Fitted, Term, term
from offtake.outlook.fit.trends import drift, pooled

if TYPE_CHECKING:
    from collections.abc import Iterable

    from offtake.outlook.fit.trends import Drift, Pool

__all__ = ["LEARNED_Y", "Growth", "demand_terms", "growths", "held_back", "histories", "pooled_growth"]

LEARNED_Y = 3.0
"""Years over which it becomes known that growth is not what was planned: an assumption; one or two years of data do not tell."""

FADES_Y = 3.0
"""Half-life of a company's lead or lag: an assumption; three years of data, all of fast growth, do not tell."""

_LONG = "hyperscaler-capex"
_FEWEST = 10

_HELD_YEARS = 1.0
_COMPANIES = ("openai-revenue", "anthropic-revenue", "openrouter-tokens", "google-tokens")


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """One history with its growth, once without and once with a decline."""

    history: Series
    plain: Drift
    declining: Drift | None


def histories() -> tuple[Series, ...]:
    """Return the histories that growth is fitted to."""

    def no_product(row: object) -> bool:
        return "Gemini API" not in str(row)

    def seen(row: object) -> bool:
        return "projection" not in str(row)

    return (
        never_falls(series("revenue_run_rate", "OpenAI", name="openai-revenue"), least=0.1),
        never_falls(series("revenue_run_rate", "Anthropic", name="anthropic-revenue"), least=0.1),
        series("tokens_per_day_openrouter", "OpenRouter", name="openrouter-tokens"),
        series("tokens_per_month", "Google", name="google-tokens", wanted=no_product),
        series("capex", "Big 5 hyperscalers (JPM AM)", name="hyperscaler-capex"),
        series("site_stock_timeline", "Epoch AI data centers, tracked IT power", name="tracked-sites", wanted=seen),
        series("chips_cumulative", "NVIDIA total", name="nvidia-chips"),
    )


def growths(found: Iterable[Series]) -> dict[str, Growth]:
    """Fit growth to each history."""
    fits = {}
    for one in found:
        logs = [math.log(v) for v in one.values]
        bent = drift(one.years, logs, declining=True) if len(logs) > 5 else None
        fits[one.name] = Growth(history=one, plain=drift(one.years, logs), declining=bent)
    return fits


def pooled_growth(fits: dict[str, Growth]) -> Pool:
    """Pool the growth of companies' demand: what they share and how they differ."""
    ones = [fits[name].plain for name in _COMPANIES if name in fits]
    return pooled([one.growth for one in ones], [one.growth_se for one in ones])


def demand_terms(fits: dict[str, Growth]) -> tuple[Fitted, ...]:
    """Return the terms of every history of ten points or more, the longest first."""
    words = {
        "openai-revenue": "run-rate revenue of OpenAI", "anthropic-revenue": "run-rate revenue of Anthropic",
        "openrouter-tokens": "tokens a day through one router", _LONG: "capital spent by five hyperscalers a year",
        "tracked-sites": "IT power of tracked AI sites", "nvidia-chips": "NVIDIA AI chips ever delivered",
    }  # fmt: skip
    long = fits[_LONG].plain
    fast = (name for name, fit in fits.items() if name != _LONG and fit.plain.points >= _FEWEST)
    return (
        _terms(fits[_LONG], words[_LONG], "trend", {
            **_growth(long),
            "volatility": term(_with_ends(long.volatility, long), "%", times=100.0),
            "level": term(_with_ends(long.noise, long), "%", times=100.0),
        }, ""),
        *(
            _terms(fits[name], words[name], "reverting_trend", {
                "spread": term(_with_ends(_faded_spread(fits[name].plain), fits[name].plain), "%", times=100.0),
                "half_life": Term(FADES_Y, "y"), **_growth(long),
            }, f"; the half-life is an assumption, and growth is that of {_LONG}")
            for name in fast
        ),
    )  # fmt: skip


def _growth(long: Drift) -> dict[str, Term]:
    return {"growth": term(_with_ends(long.growth_se, long), "%/y", times=100.0), "learned": Term(LEARNED_Y, "y")}


def _faded_spread(found: Drift) -> float:
    """Return the long-run spread of a fading deviation with the variance of the fit one year ahead."""
    return math.sqrt((found.growth_se**2 + found.volatility**2) / (1.0 - 0.25 ** (1.0 / FADES_Y)))


def _terms(fit: Growth, words: str, kind: str, terms: dict[str, Term], more: str) -> Fitted:
    plain, bent, history = fit.plain, fit.declining, fit.history
    low, high = plain.interval(plain.growth, plain.growth_se)
    said = f"growth itself {plain.growth:.2f} a year in logarithms ({low:.2f} to {high:.2f}); volatility {plain.volatility:.2f}"
    if bent is not None:
        low, high = bent.interval(bent.decline, bent.decline_se)
        said += f"; decline of growth {bent.decline:.2f} a year ({low:.2f} to {high:.2f})"
    return Fitted(
        key=history.name, kind=kind, quantity=words, terms=terms, grade="weak" if more else "fitted", source=history.source,
        data_from=str(history.days[0]), data_to=str(history.days[-1]), points=len(history.values),
        fit_error=f"standard error of growth {plain.growth_se:.2f} a year; reading error {100 * plain.noise:.0f} %", note=said + more,
    )  # fmt: skip


def _with_ends(spread: float, found: Drift) -> Estimate:
    """Return a standard deviation with its χ² interval, all of the series' freedom counted to it."""
    from scipy.stats import chi2

    low, high = (spread * math.sqrt(found.free / float(chi2.ppf(p, found.free))) for p in (0.9, 0.1))
    return Estimate(spread, low, high)


def held_back(found: Iterable[Series]) -> tuple[Held, ...]:
    """Fit the first part of each history (six values, then one more each time), predict what follows within a year.

    Overlapping predictions are not independent; capital spent is yearly and reaches three years ahead.
    """
    held = []
    for one in found:
        logs = [math.log(v) for v in one.values]
        reach = 3.0 if one.name == "hyperscaler-capex" else _HELD_YEARS
        for count in range(6, len(logs)):
            fit = drift(one.years[:count], logs[:count])
            for k in range(count, len(logs)):
                ahead = one.years[k] - one.years[count - 1]
                if 0.0 < ahead <= reach + 0.02:
                    low, middle, high = (math.exp(v) for v in fit.ahead(ahead))
                    held.append(
                        Held(
                            group="demand", member=one.name, at=str(one.days[k]), ahead_y=ahead, low=low, middle=middle, high=high,
                            seen=one.values[k],
                        )
                    )  # fmt: skip
    return tuple(held)
