"""What is owed: `Due` over either reader's vectors, and `Flow`, the one currency between packages.

A due is written once over the algebra and read twice: as rows of the plan's problem and, exactly, as settled flows.  Capex, energy,
rent, interest and equity all have this form; only the ledger books them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from offtake.dates import Intervals

X = TypeVar("X")


class Account(StrEnum):
    """Why money moves; the ledger maps each to the accounts of payer and payee."""

    CAPEX_SITE = "capex_site"
    CAPEX_CHIPS = "capex_chips"
    ENERGY = "energy"
    SITE_RUNNING = "site_running"
    CHIP_RUNNING = "chip_running"
    RENT = "rent"
    TAKE_OR_PAY = "take_or_pay"
    TRUE_UP = "true_up"
    PREPAYMENT = "prepayment"
    CREDIT = "credit"
    REVENUE_SHARE = "revenue_share"
    TOKEN_REVENUE = "token_revenue"  # noqa: S105  (tokens that are sold)
    RESALE_REVENUE = "resale_revenue"
    OUTSIDE_RENT = "outside_rent"
    OTHER_REVENUE = "other_revenue"
    OTHER_COST = "other_cost"
    EQUITY = "equity"
    LOAN_DRAW = "loan_draw"
    LOAN_REPAY = "loan_repay"
    INTEREST = "interest"
    LOAN_FEE = "loan_fee"
    EMERGENCY_DRAW = "emergency_draw"
    EMERGENCY_REPAY = "emergency_repay"
    RESERVATION = "reservation"
    DELAY_CREDIT = "delay_credit"
    TERMINATION = "termination"
    OPTION_FEE = "option_fee"
    BREAKAGE = "breakage"
    BACKSTOP = "backstop"
    GUARANTEE_FEE = "guarantee_fee"
    GUARANTEE_CALL = "guarantee_call"
    RESIDUAL_GUARANTEE = "residual_guarantee"
    CUSTOMER_EQUITY = "customer_equity"


class Firmness(StrEnum):
    """How sure an amount is; amounts of different firmness are never added together."""

    FIRM = "firm"
    CONTINGENT = "contingent"
    OPTIONAL = "optional"
    CANCELLABLE = "cancellable"


class Layer(StrEnum):
    """Which deal an amount belongs to; layers may be the same watts and are never added together."""

    CLOUD = "cloud"
    CHIP = "chip"
    SITE = "site"
    EQUITY = "equity"
    DEBT = "debt"
    MARKET = "market"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """What a payment buys: depreciated straight-line from `in_service` over `life_days`."""

    kind: str
    name: str
    in_service: dt.date
    life_days: float


class Use(StrEnum):
    """How the books class a tranche of capacity; leases leave the backlog and enter the lessee's balance sheet."""

    SERVICE = "service"
    OPERATING_LEASE = "operating_lease"
    FINANCE_LEASE = "finance_lease"


@dataclass(frozen=True, slots=True, kw_only=True)
class Due(Generic[X]):
    """One row of payments over intervals, in the algebra's vectors.

    Parameters
    ----------
    payer, payee : str
        Parties.  A negative amount flows the other way.
    amount : X
        Over [path, interval] [USD].
    on : Intervals
        The intervals of `amount`.
    when : tuple[date, ...]
        Payment date of each interval.
    account, layer, firmness
        See the enumerations.
    cause : str
        Dotted path of the clause or entry that says so (``contract.compute-floor``).
    assets : tuple[Asset, ...] | None
        One per interval, for capital expenditure.
    facts : mapping
        Further data of a clause for views (a stake's valuation path, say).
    in_kind : bool
        No money moves: a value given for another due in kind of the same day and parties (shares for a discount, a note for shares).
        Dues in kind of two parties cancel on every date.
    tranche : str
        Dated slice of capacity that is paid for, or "".
    use : Use
        How the books class that slice.
    firm_until : date | None
        Intervals that begin on this day or later are cancellable: by then the payer can have ended the contract.
    """

    payer: str
    payee: str
    amount: X
    on: Intervals
    when: tuple[dt.date, ...]
    account: Account
    layer: Layer
    firmness: Firmness
    cause: str
    assets: tuple[Asset, ...] | None = None
    facts: Mapping[str, object] = field(default_factory=dict)
    in_kind: bool = False
    tranche: str = ""
    use: Use = Use.SERVICE
    firm_until: dt.date | None = None

    def firmness_of(self, k: int) -> Firmness:
        """Return how sure the amount of an interval is."""
        late = self.firm_until is not None and self.on.starts[k] >= self.firm_until
        return Firmness.CANCELLABLE if late and self.firmness is Firmness.FIRM else self.firmness


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """One settled payment in whole cents; see `Due` for its fields."""

    date: dt.date
    payer: str
    payee: str
    amount: Decimal
    currency: str
    account: Account
    layer: Layer
    firmness: Firmness
    cause: str
    interval: tuple[dt.date, dt.date]
    asset: Asset | None = None
    in_kind: bool = False
    tranche: str = ""
    use: Use = Use.SERVICE
