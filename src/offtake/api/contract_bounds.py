"""Bounds that no plan under a contract can pass: the power of its ceiling or of all interconnections, and what so much power can cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import TYPE_CHECKING

from offtake.dates import HOURS_PER_DAY, Intervals
from offtake.deal.clauses.chip_price import ChipPrice
from offtake.deal.clauses.take_or_pay import TakeOrPay
from offtake.deal.terms import HOURS_PER_YEAR, Terms, matches, means

if TYPE_CHECKING:
    from offtake.deal.contract import Contract
    from offtake.diagnostics import Severity
    from offtake.spec.scenario import Scenario

__all__ = ["Doubt", "Steps", "World", "usd"]

Steps = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Doubt:
    """One contradiction: which clause, which of its keys, and what is wrong."""

    code: str
    clause: str
    keys: Steps
    message: str
    hint: str = ""
    severity: Severity = "error"


class World:
    """Bounds on power, chips and money under one version of a contract, in force from `since` (the start) to `until` (the end)."""

    def __init__(
        self, base: Scenario, contract: Contract, since: date | None = None, until: date | None = None
    ) -> None:
        self.base, self.contract = base, contract
        self.today = base.valuation_date
        self.since, self.until = since, until
        self.it_w = {c.id: float(c.it_power_w_per_chip or 0.0) for c in base.chips}
        self.ceiling = base.contract.capacity_ceiling_mw if base.contract is not None else None

    def it_mw(self, by: date) -> float:
        """Most IT power that the offtaker can use until a day."""
        sites = 0.0
        for site in self.base.sites:
            series = site.interconnected_mw
            known = (
                [site.energised_mw]
                if series is None
                else [series.at(by), *(v for d, v in zip(series.days, series.values, strict=True) if d < by)]
            )
            sites += max(known) / (site.peak_ratio or 1.0)
        return sites if self.ceiling is None else min(sites, self.ceiling)

    def spend(self, on: Intervals, counts: Sequence[tuple[str, float]]) -> list[float] | None:
        """Most that can be paid in each interval under clauses with a share that counts; None where that is not known."""
        total = [0.0] * len(on)
        for clause in self.contract.clauses:
            share = max((s for which, s in counts if matches(clause, (which,))), default=0.0)
            if not share:
                continue
            rate = self._usd_per_mwh(clause, on)
            if rate is None:
                return None
            for k, end in enumerate(on.ends):
                total[k] += share * rate[k] * self.it_mw(end) * HOURS_PER_DAY * float(on.days[k])
        return total

    def _usd_per_mwh(self, clause: Terms, on: Intervals) -> list[float] | None:
        """Highest price of a MWh of IT power under a clause, by interval."""
        prices: list[list[float]] = []
        if isinstance(clause, ChipPrice):
            for chip in clause.prices_usd_per_chip_h:
                listed = clause.base_price(chip, on, self.contract.start)
                prices.append([float(p) * 1e6 / self.it_w[chip] for p in listed] if self.it_w.get(chip) else [])
        elif isinstance(clause, TakeOrPay):
            for tranche in clause.slices:
                if tranche.rate_usd_per_mw_y is not None:
                    prices.append([float(p) / HOURS_PER_YEAR for p in means(tranche.rate_usd_per_mw_y, on)])
                elif tranche.price_usd_per_chip_h is not None and self.it_w.get(str(tranche.chip)):
                    per = 1e6 / self.it_w[str(tranche.chip)]
                    prices.append([float(p) * per for p in means(tranche.price_usd_per_chip_h, on)])
                else:
                    return None
        else:
            return None
        if not all(prices):
            return None
        return [max(p[k] for p in prices) for k in range(len(on))] if prices else [0.0] * len(on)


def usd(value: float | Fraction) -> str:
    """Money with three digits.

    Examples
    --------
    >>> usd(1_234_000_000), usd(50e6), usd(12.5)
    ('1.23 bn USD', '50 M USD', '12.5 USD')
    """
    size = float(value)
    for scale, name in ((1e9, "bn "), (1e6, "M "), (1e3, "k ")):
        if abs(size) >= scale:
            return f"{size / scale:.3g} {name}USD"
    return f"{size:.3g} USD"
