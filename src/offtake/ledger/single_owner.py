"""Cash flow of one owner of one project, after tax, year by year: operations, debt sized by its cover, reserves, tax, returns.

Year 0 builds, years 1 to n run.  With cash available for debt service ``c_t = EBITDA_t`` and a cover ratio ``d`` in every year of the
debt's term, its service is ``c_t / d`` and the debt is what that pays for: ``D = Σ service_t / (1 + i)^t``.  Then for the owner

``before tax_t = EBITDA_t − service_t − Δ reserve_t``,
``after tax_t = before tax_t − tax rate · (EBITDA_t − interest_t − tax depreciation_t)``,

where a loss of a year earns its tax back (the owner has other profit) or is carried forward, as stated.  A reserve of some months of
service is funded in the year before and released at the end; it earns nothing.  A view in floats: the books stay in cents.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from offtake.dates import DAYS_PER_YEAR
from offtake.errors import OfftakeError
from offtake.ledger.returns import Irr, xirr
from offtake.tables import Column, Table

__all__ = ["Project", "SingleOwner", "sculpted", "single_owner"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """What one owner builds and runs.

    Parameters
    ----------
    cost_usd : float [USD]                      paid in year 0
    revenue_usd, operating_cost_usd : sequence  of years 1 to n [USD]
    tax_depreciation_frac : sequence            share of the cost deducted in years 1, 2, … (`offtake.ledger.macrs.rates`)
    tax_rate_frac : float [frac]
    losses : "used" or "carried"                a year's tax loss is worth its tax at once, or shelters later profit
    interest_rate_frac_per_y : float            of the debt
    cover : float                               debt service cover ratio that sizes the debt; 0 for no debt
    term_y : int [y]                            of the debt, from year 1
    reserve_months : float [month]              of the next year's debt service, held in cash
    salvage_usd : float [USD]                   received at the end of year n, taxed in full
    discount_rate_frac_per_y : float            of the owner
    """

    cost_usd: float
    revenue_usd: Sequence[float]
    operating_cost_usd: Sequence[float]
    tax_depreciation_frac: Sequence[float]
    tax_rate_frac: float = 0.0
    losses: str = "used"
    interest_rate_frac_per_y: float = 0.0
    cover: float = 0.0
    term_y: int = 0
    reserve_months: float = 0.0
    salvage_usd: float = 0.0
    discount_rate_frac_per_y: float = 0.0

    def __post_init__(self) -> None:
        if len(self.revenue_usd) != len(self.operating_cost_usd) or not self.revenue_usd:
            raise OfftakeError("a project needs revenue and operating cost for the same years, at least one")
        if self.term_y > len(self.revenue_usd):
            raise OfftakeError(f"debt of {self.term_y} years outlives the project of {len(self.revenue_usd)}")
        if self.losses not in ("used", "carried"):
            raise OfftakeError(f"losses are used or carried, not {self.losses!r}")
        if self.cover < 0 or (self.cover > 0 and not self.term_y):
            raise OfftakeError("debt needs a cover ratio above zero and a term")


@dataclass(frozen=True, slots=True, kw_only=True)
class SingleOwner:
    """The table of a project, arrays over [year], year 0 first [USD].

    Parameters
    ----------
    lines : tuple[(name, title, float64[year]), ...]    in the order of the table
    debt_usd : float
    npv_usd, npv_before_tax_usd : float                 of the owner's cash, at its rate
    irr, irr_before_tax : Irr
    lowest_cover : float | None                         EBITDA over debt service, lowest of the term
    """

    lines: tuple[tuple[str, str, Floats], ...]
    debt_usd: float
    npv_usd: float
    npv_before_tax_usd: float
    irr: Irr
    irr_before_tax: Irr
    lowest_cover: float | None

    def line(self, name: str) -> Floats:
        """Give one line : float64[year] [USD]."""
        return next(values for found, _, values in self.lines if found == name)

    def table(self) -> Table:
        """Show the table: a row a line, a column a year."""
        years = len(self.lines[0][2])
        columns = [
            Column("line"),
            Column("title"),
            *(Column(f"y{k}_usd", "USD", f"Year {k}", "float") for k in range(years)),
        ]
        return Table(
            "single_owner", columns, [(n, t, *v.tolist()) for n, t, v in self.lines], "Cash flow of a single owner"
        )


def sculpted(available_usd: Sequence[float], *, rate_frac_per_y: float, cover: float) -> tuple[float, Floats, Floats]:
    """Size debt such that the cash available covers its service by the same ratio every year.

    Returns
    -------
    debt [USD], interest : float64[year] [USD], principal : float64[year] [USD]

    Examples
    --------
    130 a year at a cover of 1.3 pays 100 a year: worth 173.55 at 10 %.

    >>> debt, interest, principal = sculpted([130.0, 130.0], rate_frac_per_y=0.10, cover=1.3)
    >>> round(debt, 2), interest.round(2).tolist(), principal.round(2).tolist()
    (173.55, [17.36, 9.09], [82.64, 90.91])
    """
    service = np.maximum(np.asarray(available_usd, dtype=np.float64), 0.0) / cover
    factors = (1.0 + rate_frac_per_y) ** -np.arange(1.0, service.size + 1.0)
    balance = debt = float(service @ factors)
    interest = np.zeros(service.size)
    for k, due in enumerate(service):
        interest[k] = balance * rate_frac_per_y
        balance += interest[k] - due
    return debt, interest, service - interest


def single_owner(project: Project) -> SingleOwner:
    """Compute the whole after-tax table of one owner.

    Examples
    --------
    Without debt and tax, 100 that bring 60 twice return 13.07 %:

    >>> plain = Project(
    ...     cost_usd=100.0, revenue_usd=[70.0, 70.0], operating_cost_usd=[10.0, 10.0], tax_depreciation_frac=[0.5, 0.5],
    ...     discount_rate_frac_per_y=0.10,
    ... )
    >>> found = single_owner(plain)
    >>> round(found.npv_usd, 4), round(found.irr.value, 4)
    (4.1322, 0.1307)
    """
    years = len(project.revenue_usd)
    revenue, costs = _years(project.revenue_usd, years), _years(project.operating_cost_usd, years)
    ebitda = revenue - costs
    debt, interest, principal = 0.0, np.zeros(years + 1), np.zeros(years + 1)
    if project.cover:
        term = slice(1, project.term_y + 1)
        debt, interest[term], principal[term] = sculpted(
            ebitda[term].tolist(), rate_frac_per_y=project.interest_rate_frac_per_y, cover=project.cover
        )
    service = interest + principal
    held = np.append(service[1:], 0.0) * project.reserve_months / 12.0
    reserve = -np.diff(held, prepend=0.0)
    invested, drawn, salvage = np.zeros((3, years + 1))
    invested[0], drawn[0], salvage[-1] = -project.cost_usd, debt, project.salvage_usd
    before = ebitda + salvage + invested + drawn - service + reserve
    worn = project.cost_usd * _years(project.tax_depreciation_frac[:years], years)
    taxable = ebitda + salvage - interest - worn
    tax = project.tax_rate_frac * (taxable if project.losses == "used" else _sheltered(taxable))
    after = before - tax
    covers = [e / s for e, s in zip(ebitda.tolist(), service.tolist(), strict=True) if s > 0]
    rate = project.discount_rate_frac_per_y
    lines = (
        ("revenue", "Revenue", revenue),
        ("operating_cost", "Operating cost", -costs),
        ("ebitda", "EBITDA", ebitda),
        ("investment", "Cost of the project", invested),
        ("debt_drawn", "Debt drawn", drawn),
        ("interest", "Interest", -interest),
        ("principal", "Principal", -principal),
        ("reserve", "Debt service reserve, funded and released", reserve),
        ("salvage", "Salvage", salvage),
        ("cash_before_tax", "Cash before tax", before),
        ("tax_depreciation", "Tax depreciation", -worn),
        ("taxable", "Taxable income", taxable),
        ("tax", "Tax", -tax),
        ("cash_after_tax", "Cash after tax", after),
    )
    return SingleOwner(
        lines=lines,
        debt_usd=debt,
        npv_usd=_npv(after, rate),
        npv_before_tax_usd=_npv(before, rate),
        irr=_return(after),
        irr_before_tax=_return(before),
        lowest_cover=min(covers, default=None),
    )


def _years(values: Sequence[float], years: int) -> Floats:
    """Put values of years 1, 2, … behind a year 0."""
    found = np.zeros(years + 1)
    found[1 : len(values) + 1] = values
    return found


def _sheltered(taxable: Floats) -> Floats:
    """Taxable income after losses carried forward : float64[year] [USD]."""
    left, found = 0.0, []
    for earned in taxable.tolist():
        used = min(left, max(earned, 0.0))
        found.append(max(earned, 0.0) - used)
        left += max(-earned, 0.0) - used
    return np.array(found)


def _npv(cash: Floats, rate: float) -> float:
    return float(cash @ (1.0 + rate) ** -np.arange(float(cash.size)))


def _return(cash: Floats) -> Irr:
    """Find the rate of return of yearly cash."""
    return xirr(date(2001, 1, 1).toordinal() + np.arange(cash.size, dtype=np.int64) * int(DAYS_PER_YEAR), cash)
