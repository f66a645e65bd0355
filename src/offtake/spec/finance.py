"""Parties, their money, the objective and the end of the horizon."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from offtake.spec.fields import (
    Day,
    Frac,
    FracPerYear,
    Model,
    Ratio,
    SignedUsd,
    Text,
    Usd,
    UsdPerMtok,
    UsdPerYearSeries,
    UsdSeries,
    Years,
    YearsAboveZero,
)

__all__ = ["Facility", "Objective", "OpeningBook", "Parties", "Party", "Terminal", "Weights"]


class Weights(Model):
    """Weights of the two parties' values in a weighted objective."""

    offtaker: Ratio
    """Weight of the offtaker's value."""
    provider: Ratio
    """Weight of the provider's value."""


class Objective(Model):
    """What the plan maximises."""

    maximise: Literal["joint", "offtaker", "provider", "weighted"] = "joint"
    """Sum of both values, one party's value with the other held at its floor, or a stated weighting."""
    weights: Weights | None = None
    """Only with `maximise: weighted`."""
    discount_rate_frac_per_y: FracPerYear
    """The one rate of the objective, for all parties."""
    others_at_least_usd: SignedUsd = 0.0
    """Hurdle of the other party above its value without the alliance."""
    unserved_penalty_usd_per_mtok: UsdPerMtok = 0.0
    """Objective-only penalty on demand that is not served."""


class Facility(Model):
    """One loan facility of a party."""

    kind: Literal["revolver", "term_loan"]
    """A revolver is drawn and repaid at will; a term loan is drawn, then repaid by its maturity."""
    limit_usd: UsdSeries
    """Largest balance, by date."""
    rate_frac_per_y: FracPerYear
    """Interest on the balance."""
    fee_frac_per_y: FracPerYear = 0.0
    """Fee on what is not drawn."""
    available_from: Day | None = None
    """First day of a draw; the valuation date if left out."""
    maturity: Day | None = None
    """Day by which all is repaid; behind the horizon if left out."""
    opening_balance_usd: Usd = 0.0
    """Balance at the valuation date."""


class OpeningBook(Model):
    """Plain opening balances for the books, beside cash, debt and chips."""

    site_assets_usd: Usd = 0.0
    """Book value of sites."""
    site_life_y: YearsAboveZero = 20.0
    """Remaining life of those sites."""
    equity_usd: SignedUsd | None = None
    """Stated equity; the balancing figure if left out."""


class Party(Model):
    """One of the two parties."""

    name: Text
    """Name in tables and reports."""
    discount_rate_frac_per_y: FracPerYear
    """Its own rate."""
    cash_usd: Usd
    """Cash at the valuation date."""
    min_cash_usd: Usd = 0.0
    """Cash never to fall below, but by the emergency loan."""
    other_revenue_usd_per_y: UsdPerYearSeries | None = None
    """Revenue outside this plan."""
    other_costs_usd_per_y: UsdPerYearSeries | None = None
    """Costs outside this plan."""
    facility: Facility | None = None
    """Its one loan facility."""
    emergency_rate_frac_per_y: FracPerYear = 0.30
    """Interest of the emergency loan, high on purpose."""
    tax_rate_frac: Frac = 0.0
    """Tax on profit, a view of the ledger."""
    losses_forward_usd: Usd = 0.0
    """Losses of earlier years that lower the tax."""
    terminal_margin_y: Annotated[Years, Field(alias="terminal_margin_years")] = 0.0
    """The offtaker's terminal value: the last year's margin times this."""
    opening_book: OpeningBook | None = None
    """Further opening balances."""


class Parties(Model):
    """The two parties of the alliance."""

    offtaker: Party
    """Develops models, buys compute, sells tokens."""
    provider: Party
    """Builds sites, buys chips, sells compute."""


class Terminal(Model):
    """What is left at the end of the horizon."""

    site_value_frac: Frac = 1.0
    """Share of the unexpired shell cost that counts."""
    chip_value_frac: Frac = 1.0
    """Share of the replacement value of the chips' remaining life that counts."""
