"""Chart of accounts, and the rule by which each flow account is posted in the books of payer and payee.

Two lines of maths: a flow of amount ``a`` posts ``Dr payer_account a, Cr cash a`` in the payer's books and ``Dr cash a, Cr
payee_account a`` in the payee's.  Where service and payment differ in time, `receivable`/`payable` (billed after service) or
`prepaid`/`contract_liability` (paid ahead) stand in between; each of these pairs mirrors on every date.

Accounts come in four sorts: claims with a mirror (`MIRRORS`), the three accounts of an operating lease, which mirror together
(`OPERATING_LEASE`), balances in one of the books only (`ONE_SIDED`), and what a party has by itself (cash, sites, chips, equity).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from offtake.deal.flows import Account

__all__ = [
    "BOOK_ACCOUNTS",
    "CAPITAL",
    "CODE",
    "CONDITIONAL",
    "FINANCING",
    "MIRRORS",
    "ONE_SIDED",
    "OPERATING_LEASE",
    "PROFIT_PAIRS",
    "RULES",
    "TITLES",
    "Activity",
    "BookAccount",
    "Kind",
    "Rule",
    "accounts_of",
]


class Kind(StrEnum):
    """Side of the accounting equation that an account belongs to."""

    ASSET = "asset"
    LIABILITY = "liability"
    EQUITY = "equity"
    INCOME = "income"
    EXPENSE = "expense"


class Activity(StrEnum):
    """Section of the cash flow statement."""

    OPERATING = "operating"
    INVESTING = "investing"
    FINANCING = "financing"


@dataclass(frozen=True, slots=True, kw_only=True)
class BookAccount:
    """One account of a party's books.

    Parameters
    ----------
    name : str      identifier; income and expense accounts are named after the flow account that they come from
    kind : Kind     a contra account (accumulated depreciation) is an asset with a credit balance
    title : str     for people
    """

    name: str
    kind: Kind
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """How one flow account is posted.

    Parameters
    ----------
    payer : str             account debited in the payer's books
    payee : str             account credited in the payee's books
    activity : Activity     where the cash appears in the payer's cash flow statement
    received_as : Activity  and in the payee's
    accrues : bool          recognised evenly by day over the flow's interval; otherwise on the payment date
    """

    payer: str
    payee: str
    activity: Activity = Activity.OPERATING
    received_as: Activity = Activity.OPERATING
    accrues: bool = False


TITLES: Mapping[Account, str] = MappingProxyType(
    {
        Account.ENERGY: "Energy",
        Account.SITE_RUNNING: "Site running cost",
        Account.CHIP_RUNNING: "Chip running cost",
        Account.RENT: "Compute rent",
        Account.TAKE_OR_PAY: "Take-or-pay",
        Account.TRUE_UP: "True-up",
        Account.REVENUE_SHARE: "Revenue share",
        Account.TOKEN_REVENUE: "Token revenue",
        Account.RESALE_REVENUE: "Resale of spare capacity",
        Account.OUTSIDE_RENT: "Outside compute rent",
        Account.OTHER_REVENUE: "Other revenue",
        Account.OTHER_COST: "Other costs",
        Account.INTEREST: "Interest",
        Account.LOAN_FEE: "Loan fees",
        Account.CAPEX_SITE: "Sites",
        Account.CAPEX_CHIPS: "Chips",
        Account.PREPAYMENT: "Prepayments",
        Account.CREDIT: "Credits",
        Account.EQUITY: "Equity",
        Account.LOAN_DRAW: "Loans drawn",
        Account.LOAN_REPAY: "Loans repaid",
        Account.EMERGENCY_DRAW: "Emergency loans drawn",
        Account.EMERGENCY_REPAY: "Emergency loans repaid",
        Account.RESERVATION: "Capacity reservations",
        Account.DELAY_CREDIT: "Credits for late delivery",
        Account.TERMINATION: "Termination payments",
        Account.OPTION_FEE: "Option fees",
        Account.BREAKAGE: "Expired prepayments",
        Account.BACKSTOP: "Backstop on unsold capacity",
        Account.GUARANTEE_FEE: "Guarantee fees",
        Account.GUARANTEE_CALL: "Guarantees called",
        Account.RESIDUAL_GUARANTEE: "Residual value guarantees",
        Account.CUSTOMER_EQUITY: "Equity given to a customer",
    }
)
"""What people call each flow account."""

CAPITAL: Mapping[Account, str] = MappingProxyType({Account.CAPEX_SITE: "sites", Account.CAPEX_CHIPS: "chips"})
"""Flow accounts that buy assets, with the stem of their asset accounts."""

_BALANCE_ONLY = frozenset(
    {
        *(Account.PREPAYMENT, Account.CREDIT, Account.EQUITY, Account.CUSTOMER_EQUITY),
        *(Account.LOAN_DRAW, Account.LOAN_REPAY, Account.EMERGENCY_DRAW, Account.EMERGENCY_REPAY),
    }
)
"""Flow accounts that move claims and never profit."""

CONDITIONAL = frozenset({Account.TRUE_UP})
"""Earned over an interval, but owed only once the interval has ended short: a contract asset until then (ASC 606-10-45-3)."""

_CLAIMS = (
    ("receivable", Kind.ASSET, "Receivables"),
    ("prepaid", Kind.ASSET, "Prepaid expenses"),
    ("loans_given", Kind.ASSET, "Loans given"),
    ("emergency_loans_given", Kind.ASSET, "Emergency loans given"),
    ("investment", Kind.ASSET, "Investments at entry price"),
    ("contract_asset", Kind.ASSET, "Contract assets (earned, not yet owed)"),
    ("prepaid_interest", Kind.ASSET, "Prepaid expenses: interest accreted"),
    ("deferred_customer_equity", Kind.ASSET, "Equity given to customers, deferred"),
    ("net_investment", Kind.ASSET, "Net investment in finance leases"),
    ("finance_lease_right", Kind.ASSET, "Right of use, finance leases"),
)
_OWED = (
    ("payable", Kind.LIABILITY, "Payables"),
    ("contract_liability", Kind.LIABILITY, "Contract liabilities (paid ahead)"),
    ("debt", Kind.LIABILITY, "Debt"),
    ("emergency_debt", Kind.LIABILITY, "Emergency debt"),
    ("paid_in_capital", Kind.EQUITY, "Paid-in capital"),
    ("accrued_cost", Kind.LIABILITY, "Accrued costs (not yet owed)"),
    ("contract_liability_interest", Kind.LIABILITY, "Contract liabilities: interest accreted"),
    ("deferred_supplier_equity", Kind.LIABILITY, "Equity received from suppliers, deferred"),
    ("finance_lease_liability", Kind.LIABILITY, "Finance lease liabilities"),
    ("leased_out", Kind.ASSET, "Capacity given in finance leases (taken off assets)"),
)

MIRRORS: tuple[tuple[str, str], ...] = tuple((a[0], b[0]) for a, b in zip(_CLAIMS, _OWED, strict=True))
"""Claim and its mirror in the other party's books: their sum over both books is zero on every date."""

_OPERATING_LEASE = (
    ("accrued_rent", Kind.ASSET, "Operating leases: rent earned less received"),
    ("operating_lease_right", Kind.ASSET, "Right of use, operating leases"),
    ("operating_lease_liability", Kind.LIABILITY, "Operating lease liabilities"),
)
OPERATING_LEASE = tuple(a[0] for a in _OPERATING_LEASE)
"""Three accounts of an operating lease: the lessee's two and the lessor's one come to zero together, on every date."""

_ONE_SIDED = (
    ("levelled_asset", Kind.ASSET, "Contract assets (fixed fees levelled)"),
    ("stake_marks", Kind.ASSET, "Investments: change in value"),
    ("allowance", Kind.ASSET, "Allowance for credit losses"),
    ("levelled_liability", Kind.LIABILITY, "Contract liabilities (fixed fees levelled)"),
    ("shortfall_reversed", Kind.LIABILITY, "Accrued costs: shortfalls not yet owed"),
)
ONE_SIDED = tuple(a[0] for a in _ONE_SIDED)
"""Balances that stand in one of the books only: the reconciliation lists them."""

PROFIT_PAIRS: tuple[tuple[str, str], ...] = (
    ("income.time_value", "expense.time_value"),
    ("income.prepaid_interest", "expense.prepaid_interest"),
    ("income.equity_to_customers", "expense.equity_from_suppliers"),
    ("income.lease", "expense.lease"),
    ("income.lease_interest", "expense.lease_interest"),
    ("expense.depreciation_leased_out", "expense.lease_amortisation"),
)
"""Charges that no flow account names, and their mirrors."""

_PROFIT = (
    ("income.time_value", Kind.INCOME, "Service paid ahead: time value"),
    ("income.equity_to_customers", Kind.INCOME, "Equity given to customers, spread over service"),
    ("income.lease", Kind.INCOME, "Lease income, level"),
    ("income.levelled", Kind.INCOME, "Fixed fees levelled"),
    ("income.resold", Kind.INCOME, "Sold on for others, gross"),
    ("income.share_netted", Kind.INCOME, "Share of resellers, netted"),
    ("expense.time_value", Kind.EXPENSE, "Service paid ahead: time value, incurred"),
    ("expense.equity_from_suppliers", Kind.EXPENSE, "Equity received from suppliers, spread over service"),
    ("expense.lease", Kind.EXPENSE, "Operating lease cost, level"),
    ("expense.lease_amortisation", Kind.EXPENSE, "Amortisation of rights of use"),
    ("expense.depreciation_leased_out", Kind.EXPENSE, "Depreciation borne by lessees"),
    ("expense.resold", Kind.EXPENSE, "Bought to sell on"),
    ("expense.share_netted", Kind.EXPENSE, "Share of resellers, netted in revenue"),
    ("expense.shortfall_timing", Kind.EXPENSE, "Shortfalls accrued before they are owed"),
    ("expense.credit_loss", Kind.EXPENSE, "Expected credit losses"),
    ("income.prepaid_interest", Kind.INCOME, "Interest on prepayments made"),
    ("income.lease_interest", Kind.INCOME, "Interest on finance leases given"),
    ("expense.prepaid_interest", Kind.EXPENSE, "Interest on prepayments received"),
    ("expense.lease_interest", Kind.EXPENSE, "Interest on finance leases taken"),
    ("income.stake_marks", Kind.INCOME, "Change in value of stakes"),
    ("income.equity_method", Kind.INCOME, "Share of profit of stakes (equity method)"),
)
"""Income and expense accounts that no flow account names."""


def _chart() -> tuple[BookAccount, ...]:
    """Build the chart in the order in which statements show it."""
    rows = [
        ("cash", Kind.ASSET, "Cash"),
        ("in_kind", Kind.ASSET, "Values given in kind"),
        *_CLAIMS,
        *(a for a in (*_OPERATING_LEASE, *_ONE_SIDED) if a[1] is Kind.ASSET),
        *(a for a in _OWED if a[1] is Kind.ASSET),
    ]
    for stem, title in (("sites", "Sites"), ("chips", "Chips")):
        rows += [
            (f"{stem}_under_construction", Kind.ASSET, f"{title} under construction"),
            (f"{stem}_in_service", Kind.ASSET, f"{title} in service, at cost"),
            (f"{stem}_depreciation", Kind.ASSET, f"{title}: accumulated depreciation"),
        ]
    rows += [a for a in (*_OWED, *_OPERATING_LEASE, *_ONE_SIDED) if a[1] is not Kind.ASSET]
    rows += [("opening_equity", Kind.EQUITY, "Opening equity")]
    earned = {a: t for a, t in TITLES.items() if a not in _BALANCE_ONLY}
    rows += [(f"income.{a}", Kind.INCOME, f"{t} sold" if a in CAPITAL else t) for a, t in earned.items()]
    rows += [(f"expense.{a}", Kind.EXPENSE, f"{t}, incurred") for a, t in earned.items() if a not in CAPITAL]
    rows += [(f"expense.depreciation_{s}", Kind.EXPENSE, f"Depreciation of {s}") for s in CAPITAL.values()]
    rows += _PROFIT
    return tuple(BookAccount(name=n, kind=k, title=t) for n, k, t in rows)


BOOK_ACCOUNTS = _chart()
CODE: Mapping[str, int] = MappingProxyType({a.name: k for k, a in enumerate(BOOK_ACCOUNTS)})
"""Account name → its code in the posting arrays."""


def _rules() -> dict[Account, Rule]:
    """Give every flow account its rule; service accrues by day, money for assets and finance moves on its date."""
    rules = {a: Rule(payer=f"expense.{a}", payee=f"income.{a}", accrues=True) for a in TITLES if a not in CAPITAL}
    for account, stem in CAPITAL.items():
        rules[account] = Rule(
            payer=f"{stem}_under_construction", payee=f"income.{account}", activity=Activity.INVESTING
        )
    rules[Account.PREPAYMENT] = Rule(payer="prepaid", payee="contract_liability")
    # Shares given to a customer: deferred by the issuer (ASC 606-10-32-25), and by the customer as a discount to come (ASC 705-20-25).
    rules[Account.CUSTOMER_EQUITY] = Rule(payer="deferred_customer_equity", payee="deferred_supplier_equity")
    # A credit is money back against a prepayment: it draws down the payer's contract liability.
    rules[Account.CREDIT] = Rule(payer="contract_liability", payee="prepaid")
    for account in (Account.INTEREST, Account.LOAN_FEE):
        rules[account] = Rule(
            payer=f"expense.{account}",
            payee=f"income.{account}",
            activity=Activity.FINANCING,
            received_as=Activity.FINANCING,
            accrues=True,
        )
    for account, payer, payee in (
        (Account.EQUITY, "investment", "paid_in_capital"),
        (Account.LOAN_DRAW, "loans_given", "debt"),
        (Account.LOAN_REPAY, "debt", "loans_given"),
        (Account.EMERGENCY_DRAW, "emergency_loans_given", "emergency_debt"),
        (Account.EMERGENCY_REPAY, "emergency_debt", "emergency_loans_given"),
    ):
        rules[account] = Rule(payer=payer, payee=payee, activity=Activity.FINANCING, received_as=Activity.FINANCING)
    return rules


RULES: Mapping[Account, Rule] = MappingProxyType(_rules())
"""The posting rule of every flow account."""

FINANCING = frozenset(a for a, r in RULES.items() if r.activity is Activity.FINANCING)
"""Flow accounts that are sources and costs of finance: what "before financing" and "unlevered" leave out."""


def accounts_of(*kinds: Kind) -> tuple[int, ...]:
    """Give the codes of all accounts of these kinds, in statement order.

    Examples
    --------
    >>> [BOOK_ACCOUNTS[k].name for k in accounts_of(Kind.EQUITY)]
    ['paid_in_capital', 'opening_equity']
    """
    return tuple(k for k, a in enumerate(BOOK_ACCOUNTS) if a.kind in kinds)
