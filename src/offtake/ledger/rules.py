"""Every rule of the books in words, with its standard and what was chosen.

The rules follow US GAAP (ASC), with the paragraph of IFRS beside it where there is one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from offtake.tables import Column, Table

if TYPE_CHECKING:
    from offtake.ledger.policies import Policies

__all__ = ["NO_OPINION", "printed"]

NO_OPINION = "These rules are a reading of the standards for planning; they are not an accounting opinion."

_RULES: tuple[tuple[str, str, str], ...] = (
    (
        "Revenue",
        "Service is earned evenly by day over its interval, capacity as it is made available.",
        "ASC 606-10-25-31; IFRS 15.35(a)",
    ),
    (
        "Receivables",
        "What is earned and due with time alone, whether the bill is written or not.",
        "ASC 606-10-45-4; IFRS 15.108",
    ),
    (
        "Contract assets",
        (
            "A true-up is earned over its interval and owed once the interval has ended short; until then it is conditional on more"
            " than time. No other clause makes one: prices that rise with a ramp are billed as capacity is delivered (ASC "
            "606-10-55-18), unless fixed fees are levelled."
        ),
        "ASC 606-10-45-3; IFRS 15.107",
    ),
    (
        "Shortfalls, for who owes them",
        "Accrued as the provider earns them, or when they are owed.",
        "ASC 450-20-25-2; IAS 37.14",
    ),
    (
        "Contract liabilities",
        "What is paid ahead: prepayments until credits draw them down, and service paid before it is delivered.",
        "ASC 606-10-45-2; IFRS 15.106",
    ),
    (
        "Prepayments",
        "Held for more than a year, they bear interest in both books; service that they pay for counts with that interest.",
        "ASC 606-10-32-15 to 32-18; IFRS 15.60 to 63",
    ),
    (
        "Equity given to a customer",
        "An asset at the value given, which reduces revenue as service is delivered; the customer's cost falls alike. No cash.",
        "ASC 606-10-32-25 to 32-27, 705-20-25; IFRS 15.70",
    ),
    (
        "Equity bought from a customer",
        "An investment at fair value; what is paid above it reduces revenue as service is delivered.",
        "ASC 606-10-32-26; IFRS 15.71",
    ),
    (
        "Stakes",
        "Each states how it is held. Changes in value and shares of profit stand below operating profit and are never cash.",
        "ASC 321-10-35-1, 323-10-35-4; IFRS 9.5.7.1, IAS 28.10",
    ),
    (
        "Leases",
        (
            "A tranche that is a lease leaves the backlog. The lessee shows a right of use and a liability for firm payments; an "
            "operating lease costs and earns evenly, a finance lease is amortised and bears interest, at one rate in both books and"
            " without a selling profit."
        ),
        "ASC 842-20-25 and 35, 842-30-25; IFRS 16.22 to 38, 16.67 to 90",
    ),
    (
        "Cost of compute",
        "Inference is cost of revenue, training and research are research and development, by chip-hours.",
        "ASC 730-10-25-1; IAS 38.54",
    ),
    (
        "Interest in the cash statement",
        "Interest and loan fees stand in financing, so that cash from operating is before all finance. US GAAP: operating.",
        "IAS 7.33; differs from ASC 230-10-45-17",
    ),
    (
        "Sales through others",
        "The principal shows sales gross; an agent shows its share.",
        "ASC 606-10-55-36 to 55-40; IFRS 15.B34 to B38",
    ),
    (
        "Sites and chips",
        "Under construction until in service, then straight line by day over their life.",
        "ASC 360-10-35-4; IAS 16.55",
    ),
    (
        "Credit losses",
        "An allowance on receivables, contract assets and leases at each period's end.",
        "ASC 326-20-30-1; IFRS 9.5.5.15",
    ),
    (
        "Tax",
        (
            "A view, never posted: chips over five years and sites over 39 by MACRS, changes in value when they are sold, losses "
            "forward within their limit. Differences from the books times the rate are deferred tax; losses that are never used "
            "are in none."
        ),
        "ASC 740-10-25-20; IAS 12.15; IRC 168, 172(a)(2)",
    ),
    (
        "Backlog",
        "Firm amounts of the contract not yet earned, by when they will be; neither variable amounts nor leases.",
        "ASC 606-10-50-13; IFRS 15.120",
    ),
    (
        "Purchase obligations",
        "The same amounts from the offtaker's side, by calendar year.",
        "ASC 440-10-50-4",
    ),
)
"""Name, text and standard of every rule."""


def printed(policies: Policies) -> Table:
    """Print every rule with its standard and what was chosen.

    Examples
    --------
    >>> from offtake.ledger.policies import Policies
    >>> rules = printed(Policies(financing_component=False))
    >>> rules.where(rule="Prepayments")["chosen"].tolist()
    ['no interest']
    """
    columns = (
        Column("rule", "", "Rule"),
        Column("text", "", "How it is kept"),
        Column("standard", "", "Standard"),
        Column("chosen", "", "Chosen"),
    )
    chosen = _choices(policies)
    rows = [(rule, text, standard, chosen.get(rule, "")) for rule, text, standard in _RULES]
    return Table("policies", columns, rows, "How the books are kept", NO_OPINION)


def _choices(p: Policies) -> Mapping[str, str]:
    """Say what was chosen, by rule."""
    bonus = ", ".join(f"{n} {t.bonus_frac:.0%}" for n, t in p.tax.items() if t.bonus_frac)
    return {
        "Revenue": "by day",
        "Contract assets": "fixed fees levelled by tranche" if p.level_fees else "fees as billed",
        "Shortfalls, for who owes them": "as earned" if p.shortfall_cost == "as_earned" else "when owed",
        "Prepayments": f"{p.prepayment_rate_frac_per_y:.2%} a year" if p.financing_component else "no interest",
        "Equity given to a customer": "in proportion to service",
        "Equity bought from a customer": "at the value stated for the day of purchase",
        "Stakes": "fair value unless the stake says otherwise",
        "Leases": f"{p.lease_rate_frac_per_y:.2%} a year",
        "Cost of compute": ", ".join(p.compute_use) or "not split",
        "Sales through others": "principal: "
        + (", ".join(f"{r.channel}: {r.reseller}" for r in p.resold) or "the maker, in every channel"),
        "Credit losses": f"{p.credit_loss_frac:.2%}",
        "Tax": f"bonus depreciation: {bonus}" if bonus else "no bonus depreciation",
    }
