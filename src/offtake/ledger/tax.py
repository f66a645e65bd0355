"""Tax as a view: what would be owed on book profit, with losses carried forward.

``used = min(losses, max(profit, 0))``, ``tax = rate × (max(profit, 0) − used)`` rounded to a cent, per reporting period.  Losses
carry forward without limit of time or share; there is no carry-back and no refund.  Book depreciation stands in for tax depreciation
until deferred tax is built.  Nothing here is posted: the plan is before tax.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from offtake.ledger.statements import Line

__all__ = ["TaxTerms", "TaxView", "tax_lines", "tax_of"]

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxTerms:
    """Tax position of one party.

    Parameters
    ----------
    rate_frac : float [frac]            of profit; 0.21 is the federal rate of the United States
    losses_forward : Decimal [USD]      unused losses on the opening date
    """

    rate_frac: float = 0.0
    losses_forward: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxView:
    """Tax by period.

    Parameters
    ----------
    profit, losses_before, losses_used, losses_after, taxable, tax : int64[period] [cent]
    """

    profit: Ints
    losses_before: Ints
    losses_used: Ints
    losses_after: Ints
    taxable: Ints
    tax: Ints


def tax_of(profit: Ints, terms: TaxTerms) -> TaxView:
    """Compute tax on a row of profits.

    Parameters
    ----------
    profit : int64[period] [cent]   before tax
    terms : TaxTerms

    Examples
    --------
    A loss of 100 shelters all of the next year's 60 and 40 of the 90 after it:

    >>> tax_of(np.array([-10000, 6000, 9000]), TaxTerms(rate_frac=0.2)).tax.tolist()
    [0, 0, 1000]
    """
    rate = Fraction(str(terms.rate_frac))
    losses = round(terms.losses_forward * 100)
    rows = []
    for earned in profit.tolist():
        used = min(losses, max(earned, 0))
        taxable = max(earned, 0) - used
        after = losses - used + max(-earned, 0)
        rows.append((earned, losses, used, after, taxable, round(taxable * rate)))
        losses = after
    columns = np.array(rows, dtype=np.int64).reshape(-1, 6).T
    names = ("profit", "losses_before", "losses_used", "losses_after", "taxable", "tax")
    return TaxView(**dict(zip(names, columns, strict=True)))


def tax_lines(view: TaxView) -> tuple[Line, ...]:
    """Show a tax view as statement lines."""
    return (
        Line(name="profit_before_tax", title="Profit before tax", level="line", cents=view.profit),
        Line(name="losses_before", title="Losses brought forward", level="line", cents=view.losses_before),
        Line(name="losses_used", title="Losses used", level="line", cents=-view.losses_used),
        Line(name="losses_after", title="Losses carried forward", level="line", cents=view.losses_after),
        Line(name="taxable", title="Taxable profit", level="subtotal", cents=view.taxable),
        Line(name="tax", title="Tax (a view, not paid in the plan)", level="total", cents=-view.tax),
    )
