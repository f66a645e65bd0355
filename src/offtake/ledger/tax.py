"""Tax as a view: what would be owed, now and later, with losses carried forward.

``taxable before losses = book profit − changes in value + book depreciation − tax depreciation``; losses shelter at most a stated share of
it (IRC 172(a)(2) allows 80 %; no carry-back, no refund); ``tax = rate × rest``, rounded to a cent, per reporting period.  Deferred tax is
the rate times what the books and the tax return do not share: depreciation, changes in value not yet sold, and losses that a later
period of the books uses; the others would need a valuation allowance (ASC 740-10-25-20, 30-5(e)).
Everything else is taxed as it is booked, opening assets among it: their tax basis is their book value.

Nothing here is posted: the plan is before tax.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from offtake.ledger.statements import Line

__all__ = ["TaxTerms", "TaxView", "Timing", "tax_lines", "tax_of"]

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxTerms:
    """Tax position of one party.

    Parameters
    ----------
    rate_frac : float [frac]            of profit; 0.21 is the federal rate of the United States
    losses_forward : Decimal [USD]      unused losses on the opening date
    loss_limit_frac : float [frac]      of a period's taxable profit that losses may shelter
    bonus_frac : float [frac]           of the cost of chips, deducted in their first year (IRC 168(k))
    """

    rate_frac: float = 0.0
    losses_forward: Decimal = Decimal(0)
    loss_limit_frac: float = 1.0
    bonus_frac: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """What the books and the tax return do not share, by period.

    Parameters
    ----------
    book_depreciation, tax_depreciation : int64[period] [cent]   of what was bought, both positive
    marks : int64[period] [cent]                                 changes in value in the profit
    """

    book_depreciation: Ints
    tax_depreciation: Ints
    marks: Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxView:
    """Tax by period.

    Parameters
    ----------
    profit, losses_before, losses_used, losses_after, taxable, tax : int64[period] [cent]
    timing : Timing
    deferred_depreciation, deferred_marks : int64[period] [cent]   liability at each period's end; an asset is negative
    deferred_losses : int64[period] [cent]                         asset at each period's end, for losses that are used later
    deferred : int64[period] [cent]                                charge of the period
    """

    profit: Ints
    losses_before: Ints
    losses_used: Ints
    losses_after: Ints
    taxable: Ints
    tax: Ints
    timing: Timing = field(repr=False)
    deferred_depreciation: Ints
    deferred_marks: Ints
    deferred_losses: Ints
    deferred: Ints


def tax_of(profit: Ints, terms: TaxTerms, timing: Timing | None = None) -> TaxView:
    """Compute tax on a row of profits.

    Parameters
    ----------
    profit : int64[period] [cent]   before tax, changes in value included
    terms : TaxTerms
    timing : Timing | None          nothing differs by default

    Examples
    --------
    A loss of 100 shelters all of the next year's 60 and 40 of the 90 after it:

    >>> view = tax_of(np.array([-10000, 6000, 9000]), TaxTerms(rate_frac=0.2))
    >>> view.tax.tolist(), view.deferred_losses.tolist(), view.deferred.tolist()
    ([0, 0, 1000], [2000, 800, 0], [-2000, 1200, 800])
    """
    none = np.zeros_like(profit)
    timing = timing or Timing(book_depreciation=none, tax_depreciation=none, marks=none)
    rate, limit = Fraction(str(terms.rate_frac)), Fraction(str(terms.loss_limit_frac))
    before = profit - timing.marks + timing.book_depreciation - timing.tax_depreciation
    losses = opening = round(terms.losses_forward * 100)
    rows = []
    for earned in before.tolist():
        used = min(losses, int(max(earned, 0) * limit))
        taxable = max(earned, 0) - used
        after = losses - used + max(-earned, 0)
        rows.append((losses, used, after, taxable, round(taxable * rate)))
        losses = after
    columns = np.array(rows, dtype=np.int64).reshape(-1, 5).T
    names = ("losses_before", "losses_used", "losses_after", "taxable", "tax")
    found = dict(zip(names, columns, strict=True))
    worn = _at_rate(np.cumsum(timing.tax_depreciation - timing.book_depreciation), rate)
    # Losses that no later period uses are worth nothing: they would need a valuation allowance (ASC 740-10-30-5(e)).
    later = int(found["losses_used"].sum()) - np.cumsum(found["losses_used"])
    marks, kept = _at_rate(np.cumsum(timing.marks), rate), _at_rate(np.minimum(found["losses_after"], later), rate)
    known = round(min(opening, int(found["losses_used"].sum())) * rate)
    owed = worn + marks - kept
    return TaxView(
        profit=profit,
        timing=timing,
        deferred_depreciation=worn,
        deferred_marks=marks,
        deferred_losses=kept,
        deferred=np.diff(owed, prepend=-known),
        **found,
    )


def _at_rate(balance: Ints, rate: Fraction) -> Ints:
    return np.array([round(b * rate) for b in balance.tolist()], dtype=np.int64)


def tax_lines(view: TaxView) -> tuple[Line, ...]:
    """Show a tax view as statement lines."""
    timing = view.timing
    charge = view.tax + view.deferred
    rows = (
        ("profit_before_tax", "Profit before tax", "line", view.profit),
        ("without_marks", "Changes in value, taxed when sold", "line", -timing.marks),
        ("book_depreciation", "Depreciation in the books", "line", timing.book_depreciation),
        ("tax_depreciation", "Depreciation by MACRS", "line", -timing.tax_depreciation),
        ("losses_used", "Losses used", "line", -view.losses_used),
        ("taxable", "Taxable profit", "subtotal", view.taxable),
        ("tax", "Current tax (a view, not paid in the plan)", "subtotal", -view.tax),
        ("deferred_tax", "Deferred tax", "line", -view.deferred),
        ("tax_charge", "Tax, current and deferred", "subtotal", -charge),
        ("profit_after_tax", "Profit after tax", "total", view.profit - charge),
        ("losses_before", "Losses brought forward", "memo", view.losses_before),
        ("losses_after", "Losses carried forward", "memo", view.losses_after),
        ("deferred_depreciation", "Deferred tax at period end: depreciation", "memo", -view.deferred_depreciation),
        ("deferred_marks", "Deferred tax at period end: changes in value", "memo", -view.deferred_marks),
        ("deferred_losses", "Deferred tax at period end: losses carried forward", "memo", view.deferred_losses),
        (
            "deferred_net",
            "Net deferred tax at period end (asset; a liability is negative)",
            "memo",
            view.deferred_losses - view.deferred_depreciation - view.deferred_marks,
        ),
    )
    return tuple(Line(name=n, title=t, level=v, cents=c) for n, t, v, c in rows)
