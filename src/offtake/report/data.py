"""What a report shows: the `--json` document, the facts of its header and named tables. The report computes nothing.

`ReportData` is plain and frozen, so a report can be made from a finished plan, from a run directory or from made-up
figures alike. `TABLES` names every table and every column; `report_table` makes one of them from rows.

Conventions of all tables
-------------------------
* Money is nominal US dollars, not discounted unless the column says NPV. A figure without meaning is None (NaN).
* Years are calendar years from the valuation date to the end of the grid; the first and the last may be part years.
* `party` is "offtaker", "provider" or a third party's identifier; names for people come from `ReportData.party_names`.
* Of a plan under uncertainty every number is the mean over its paths, weighted by probability; a row that a path lacks counts as zero.
  Tables of paths, or with a column `path`, hold what no mean can say.
* Megawatts carry their basis in the column: `facility_mw` (grid side) or `it_mw`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from offtake.report.columns import PARTY, YEAR, TableSpec, date, number, share, text, usd, yes
from offtake.report.data_paths import PATH_TABLES
from offtake.tables import Column, Table

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["TABLES", "ReportData", "TableSpec", "report_table"]


def _facility_mw(word: str) -> Column:
    return number(f"{word}_facility_mw", "MW", word.capitalize())


TABLES: Mapping[str, TableSpec] = MappingProxyType(
    {
        # ---- page 1 -------------------------------------------------------------------------------------------
        "power_by_year": TableSpec(
            "One year. Facility MW at the end of the year (announced to accepted), mean of its last period (used). Announced and"
            " contracted: as sites of the scenario or of the catalogue state it, whatever the plan builds. Demand:"
            " facility MW that serving every demand step, training and research would need with the plan's chips.",
            (
                YEAR,
                *(
                    _facility_mw(w)
                    for w in ("announced", "contracted", "interconnected", "energised", "accepted", "used", "demand")
                ),
            ),
        ),
        "bottlenecks": TableSpec(
            "One limit in one period of the grid; all periods of each limit shown, also where it does not bind.",
            (
                text("limit", "Limit"),  # domain words: "interconnection at new-carlisle"
                text("kind", "Kind"),  # one of KINDS
                text("period", "Period"),  # "2027-Q3"
                date("start", "From"),
                date("end", "To"),
                number("price", "", "Price"),  # of one more unit for a year; None where nothing could be had then
                text("unit", "Unit"),  # "USD/MW-year"
                yes("binding", "Binds"),
            ),
        ),
        "reliefs": TableSpec(
            "One of the largest limits: what a re-solve with one whole real step more is worth.",
            (
                text("limit", "Limit"),  # as in `bottlenecks`
                text("step", "Step"),  # "one phase of 100 MW more", "one month sooner"
                usd("relief_usd", "Worth"),
            ),
        ),
        "limits": TableSpec(
            "One limit in words, by the names of sites, chips and clouds.",
            (text("limit", "Limit"), text("words", "In words")),  # limit: as in `bottlenecks`, `binding` and `reliefs`
        ),
        "cash_by_year": TableSpec(
            "One party in one year. Funding = equity and loans, received less repaid; before funding = everything else,"
            " interest included. The gap is what the party had to find beyond its own cash: equity, loans, emergency.",
            (
                PARTY,
                YEAR,
                usd("before_funding_usd", "Before funding"),
                usd("cumulative_before_funding_usd", "Cumulative before funding"),
                usd("funding_usd", "Equity and loans, net"),
                usd("funding_gap_usd", "Funding gap"),  # ≥ 0
                usd("closing_cash_usd", "Cash at year end"),
            ),
        ),
        "commitments_by_year": TableSpec(
            "One commitment in one interval that ends in the year (several are added up).",
            (
                text("commitment", "Commitment"),
                YEAR,
                usd("floor_usd", "Floor"),
                usd("planned_usd", "Planned"),  # what counts towards the floor
                usd("true_up_usd", "True-up"),
                usd("low_usd", "Low case"),  # planned spend in the low case
                usd("low_true_up_usd", "True-up in the low case"),
            ),
        ),
        "headline_to_firm": TableSpec(
            "One step from an announced headline to what is firm; steps of one layer are shown together, layers never"
            " added. Roles: total (the headline), less (taken off, amount > 0), result (what is left).",
            (
                text("layer", "Layer"),
                text("step", "Step"),
                text("role", "Role"),
                text("firmness", "Firmness"),  # firm | contingent | optional | cancellable | "" for a mixture
                usd("amount_usd", "Amount"),
            ),
        ),
        "headline_against_firm": TableSpec(
            "What one party promises another in one layer, by firmness: the scenario's contract first, then public deals nearest in"
            " size. Undiscounted; `stated` is what the sources do not let us classify. Never added up over rows or columns.",
            (
                text("deal", "Deal"),
                yes("own", "Own contract"),
                text("layer", "Layer"),
                text("payer", "Payer"),
                text("payee", "Payee"),
                usd("firm_usd", "Firm"),
                usd("contingent_usd", "Contingent"),
                usd("optional_usd", "Optional"),
                usd("cancellable_usd", "Cancellable"),
                usd("stated_usd", "Not classified"),
                share("money_in_firm_frac", "Money in over spend, firm"),
                share("money_in_frac", "Money in over spend, with contingent"),
                number("usd_per_mw_y", "USD/MW-year", "Per MW-year"),
                text("firm_until", "Firm until"),
                text("reliability", "Reliability"),
                text("remark", "Item by item"),
            ),
        ),
        "relief_changes": TableSpec(
            "What a spend commitment owes in one interval with relief for late delivery and without it, for the same quantities.",
            (
                text("commitment", "Commitment"),
                text("scope", "Of"),  # interval | term | extension | capacity
                date("start", "From"),
                date("end", "To"),
                usd("with_relief_usd", "Owed with relief"),
                usd("without_relief_usd", "Owed without"),
            ),
        ),
        "deliveries": TableSpec(
            "What one tranche that may be late was to deliver in one interval, at its price, what it did, and what is credited.",
            (
                text("clause", "Clause"),
                text("tranche", "Tranche"),
                date("start", "From"),
                date("end", "To"),
                usd("scheduled_usd", "Scheduled"),
                usd("delivered_usd", "Delivered"),
                usd("credit_usd", "Credit"),
            ),
        ),
        "concessions": TableSpec(
            "What one party gets by the new terms of one clause under one amendment, less what it gives; rows without a clause are"
            " the party's sum. The same quantities are settled under both versions.",
            (
                Column("number", "", "Amendment", "int"),
                date("since", "From"),
                text("why", "Why"),
                text("clause", "Clause"),
                PARTY,
                usd("usd", "Gets, less gives"),
                usd("discounted_usd", "Discounted"),
            ),
        ),
        "circularity": TableSpec(
            "One date (year ends): both shares, firm and contingent, from the valuation date.",
            (
                date("date", "Date"),
                text("firmness", "Firmness"),  # firm | contingent
                usd("invested_usd", "Invested"),
                usd("paid_back_usd", "Paid to the investor"),
                share("returned_share_frac", "Returned share"),
                share("funded_share_frac", "Funded share, pro rata"),
                share("funded_share_fifo_frac", "Funded share, first in first out"),
            ),
        ),
        "tornado": TableSpec(
            "One assumption at its low and its high end; the value is the joint value against no alliance.",
            (
                text("assumption", "Assumption"),  # in words
                text("path", "Path"),  # dotted path in the scenario
                text("low", "Low"),  # with its unit, "20 MW/month"
                text("base", "Base"),
                text("high", "High"),
                usd("value_low_usd", "Value at low"),
                usd("value_high_usd", "Value at high"),
                text("switching_value", "Switches at"),  # with its unit; "" where it does not switch within the range
                # power begun, or of chips ordered, in the first two years
                number("decision_low_mw", "MW", "Decision moved at low"),
                number("decision_high_mw", "MW", "Decision moved at high"),
                text("decision_switch", "Another decision at"),  # nearest to the base; "" where both ends have the same
                number("decision_rank", "", "Rank by decision"),  # 1: moves the decision farthest
            ),
        ),
        "cases": TableSpec(
            "One case; the first row is the base case.",
            (
                text("case", "Case"),
                text("title", "What changes"),
                number("accepted_2030_gw", "GW", "Accepted in 2030"),  # facility GW at the end of 2030
                usd("provider_infrastructure_npv_usd", "Provider infrastructure NPV"),
                share("provider_infrastructure_irr_frac", "IRR"),
                usd("offtaker_npv_usd", "Offtaker NPV"),
                usd("peak_funding_usd", "Peak funding"),
                usd("true_up_usd", "True-up"),
                share("unserved_frac", "Unserved"),  # of output tokens wanted
                number("cost_usd_per_mw_y", "USD/MW-year", "Contract per MW-year"),  # IT MW
                number("revenue_usd_per_mw_y", "USD/MW-year", "Revenue per MW-year"),  # IT MW
                share("dependence_frac", "Dependence"),  # of the offtaker's chip-hours, from the provider
                usd("offtaker_against_no_alliance_usd", "Offtaker against no alliance"),
                usd("provider_against_no_alliance_usd", "Provider against no alliance"),
                usd("value_against_no_alliance_usd", "Joint value against no alliance"),
                text("status", "Status"),
                text("method", "Method"),  # "MILP", "LP at the base plan's yes/no choices"
            ),
        ),
        # ---- flows --------------------------------------------------------------------------------------------
        "money_flows": TableSpec(
            "Money from one party to another on one account, total over the horizon, settled.",
            (
                text("payer", "Payer"),
                text("payee", "Payee"),
                text("account", "Account"),
                text("layer", "Layer"),
                usd("amount_usd", "Amount"),
            ),
        ),
        "power_flows": TableSpec(
            "One stretch of the way of power: grid operator → site → chip → use (class, training, research, resale,"
            " idle). IT MW-years over the horizon; what enters a middle node leaves it.",
            (
                text("source", "From"),
                text("target", "To"),
                Column("stage", "", "Stage", "int"),  # 0: from the operator, 1: from the site, 2: from the chip
                number("it_mw_y", "MW-year", "IT power"),
            ),
        ),
        "uses": TableSpec(
            "What came out of one use at the right of the power flows.",
            (text("use", "Use"), text("made", "Made")),  # made: "41,000 T tok", "3 of 3 runs"
        ),
        # ---- parties ------------------------------------------------------------------------------------------
        "statements": TableSpec(
            "One line of one statement of one party in one year, in statement order. Statements: profit_and_loss,"
            " cash_flow, balance_sheet, tax. Party may be `combined` (with eliminations).",
            (
                PARTY,
                text("statement"),
                text("line", "Line"),
                Column("level", "", "Level", "int"),  # 0 total, 1 subtotal, 2 line, 3 told but not added
                YEAR,
                usd("amount_usd", "Amount"),
            ),
        ),
        "third_parties": TableSpec(
            "One line of the balance sheet of a third party at the end of one year, in statement order.",
            (PARTY, text("line", "Line"), Column("level", "", "Level", "int"), YEAR, usd("amount_usd", "Amount")),
        ),
        "revenue_identity": TableSpec(
            "One line of the way from what one party bills to its revenue, in one year.",
            (PARTY, text("line", "Line"), Column("level", "", "Level", "int"), YEAR, usd("amount_usd", "Amount")),
        ),
        "reconciliation": TableSpec(
            "One balance that does not mirror between the two parties at the end of one year, the sums by cause and their total.",
            (
                text("cause", "Cause"),
                PARTY,
                text("line", "Line"),
                Column("level", "", "Level", "int"),
                YEAR,
                usd("amount_usd", "Amount"),
            ),
        ),
        "backlog": TableSpec(
            "Firm service of the contract not yet earned, on one date, by when it will be.",
            (
                date("date", "On"),
                usd("met_usd", "Earned so far"),
                usd("band_0_usd", "≤ 12 months"),
                usd("band_1_usd", "13 to 24 months"),
                usd("band_2_usd", "25 to 60 months"),
                usd("band_3_usd", "> 60 months"),
                usd("remaining_usd", "Remaining"),
                usd("firm_usd", "Firm in all"),
                share("provider_share_frac", "Of the provider's backlog"),  # None where no total is stated
                text("provider_source", "Source of the total"),
            ),
        ),
        "purchase_obligations": TableSpec(
            "What the offtaker must take or pay under one clause in one year, use or not.",
            (text("clause", "Clause"), YEAR, usd("amount_usd", "Amount")),
        ),
        "policies": TableSpec(
            "One rule by which the books are kept.",
            (
                text("rule", "Rule"),
                text("text", "How it is kept"),
                text("standard", "Standard"),
                text("chosen", "Chosen"),
            ),
        ),
        "returns": TableSpec(
            "One figure of one party that has no place on page 1: payback, DSCR, equity stake, terminal value by item.",
            (PARTY, text("item", "Item"), text("value", "Value"), text("note", "Note")),
        ),
        # ---- physical -----------------------------------------------------------------------------------------
        "sites": TableSpec(
            "One site in one year, at its end.",
            (
                text("site", "Site"),
                text("grid_operator", "Grid operator"),
                text("region", "Region"),
                YEAR,
                number("interconnected_facility_mw", "MW", "Interconnected"),
                number("energised_facility_mw", "MW", "Energised"),
                number("accepted_it_mw", "MW", "Accepted, IT"),
            ),
        ),
        "phases": TableSpec(
            "One block of power that the plan adds at a site.",
            (
                text("site", "Site"),
                text("phase", "Phase"),
                date("ordered", "Ordered"),
                date("energised", "First power"),
                date("accepted", "Accepted"),
                number("facility_mw", "MW", "Facility power"),
            ),
        ),
        "chips": TableSpec(
            "One chip generation in one year.",
            (
                text("chip", "Chip"),
                YEAR,
                number("ordered_chips", "chip", "Ordered"),  # within the year
                number("in_service_chips", "chip", "In service"),  # at its end
                number("it_mw", "MW", "IT power"),
            ),
        ),
        "tokens": TableSpec(
            "Output tokens of one class through one channel in one year.",
            (
                text("class", "Class"),
                text("channel", "Channel"),
                YEAR,
                number("served_tok", "tok", "Served"),
                number("unserved_tok", "tok", "Unserved"),
                usd("revenue_usd", "Revenue"),
            ),
        ),
        "training": TableSpec(
            "One training run.",
            (
                text("run", "Run"),
                text("status", "Status"),  # done | not done
                date("start", "Start"),
                date("end", "End"),
                text("where", "Where"),
                number("flop", "FLOP", "Compute"),
            ),
        ),
        "compute_share": TableSpec(
            "Share of the offtaker's chip-hours in one year, by provider or by chip. Shares of a dimension add up to 1.",
            (
                text("dimension", "By"),  # provider | chip
                text("name", "Name"),
                YEAR,
                number("chip_h", "chip-h", "Chip-hours"),
                share("share_frac", "Share"),
            ),
        ),
        "grid_power": TableSpec(
            "Energised facility MW under one grid operator at the end of one year.",
            (text("grid_operator", "Grid operator"), YEAR, number("facility_mw", "MW", "Energised")),
        ),
        # ---- trust --------------------------------------------------------------------------------------------
        "findings": TableSpec(
            "One finding or shortage in domain words.",
            (text("severity", "Severity"), text("code", "Code"), text("message", "Finding"), text("help", "Help")),
        ),
        "assumptions": TableSpec(
            "One value of the scenario.",
            (
                text("path", "Assumption"),
                text("value", "Value"),  # as written, with its unit
                text("low", "Low"),
                text("high", "High"),
                text("origin", "Origin"),  # file | catalog | default | overlay
                text("source", "Source"),  # citation, or file:line
                text("reason", "Why"),
                yes("untouched_default", "Untouched default"),
            ),
        ),
        # ---- several paths ------------------------------------------------------------------------------------
        **PATH_TABLES,
    }
)

KINDS = ("power", "interconnection", "construction", "chips", "cash", "commitment", "demand", "outside", "other")
"""What a limit is about, in legend order; a kind outside this list is shown as `other`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportData:
    """Everything a report shows.

    Parameters
    ----------
    scenario : str                 name of the scenario
    title : str                    its title for people
    run_id : str                   short, without times or host
    offtaker, provider : str       the parties' names
    objective : str                in words: "joint value", "the offtaker's value, the provider at no less than …"
    document : mapping             the `--json` document, whole; what is absent is not shown
    tables : mapping               by the names of `TABLES`; a table may be absent
    missing : mapping              table name → sentence why it is absent or empty
    undetermined : tuple of str    what the objective did not determine, and how ties were broken
    asides : tuple of str          what the headline figures leave out
    party_names : mapping          identifier → name, for third parties
    version : str                  of Offtake

    Raises
    ------
    ValueError    where a table is unknown or lacks a column

    Examples
    --------
    >>> data = ReportData(scenario="first-site", title="One site", run_id="7f3a", offtaker="developer", provider="cloud")
    >>> data.party("provider"), data.party("chip_vendor")
    ('cloud', 'chip vendor')
    """

    scenario: str
    title: str
    run_id: str
    offtaker: str
    provider: str
    objective: str = "joint value"
    document: Mapping[str, Any] = field(default_factory=dict)
    tables: Mapping[str, Table] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)
    undetermined: tuple[str, ...] = ()
    asides: tuple[str, ...] = ()
    party_names: Mapping[str, str] = field(default_factory=dict)
    version: str = ""

    def __post_init__(self) -> None:
        for name, table in self.tables.items():
            if name not in TABLES:
                msg = f"the report knows no table {name!r}; it knows {', '.join(TABLES)}"
                raise ValueError(msg)
            lacking = [c.name for c in TABLES[name].columns if c.name not in table]
            if lacking:
                msg = f"table {name!r} lacks {', '.join(lacking)}"
                raise ValueError(msg)
        object.__setattr__(self, "tables", MappingProxyType(dict(self.tables)))

    def table(self, name: str) -> Table:
        """Give a table, empty where there is none."""
        return self.tables[name] if name in self.tables else report_table(name, ())

    def fact(self, path: str) -> Any:  # noqa: ANN401
        """Read the document at a dotted path; None where there is nothing.

        Examples
        --------
        >>> data = ReportData(scenario="s", title="", run_id="", offtaker="a", provider="b", document={"a": {"b": 1}})
        >>> data.fact("a.b"), data.fact("a.c.d")
        (1, None)
        """
        value: Any = self.document
        for key in path.split("."):
            if not isinstance(value, Mapping) or key not in value:
                return None
            value = value[key]
        return value

    def reason(self, path: str) -> str:
        """Say why a figure of the document has no meaning; empty where nothing is said."""
        return str((self.fact("reasons") or {}).get(path, ""))

    def party(self, identifier: str) -> str:
        """Give the name of a party for people."""
        names = {"offtaker": self.offtaker, "provider": self.provider, **self.party_names}
        return names.get(identifier, identifier.replace("_", " "))

    def limit(self, name: str) -> str:
        """Say a limit in words; its name where no words are given."""
        return next((str(r["words"]) for r in self.table("limits").rows() if r["limit"] == name), name)

    def the(self, identifier: str) -> str:
        """Give the name of a party within a sentence: with an article where it is a common noun.

        Examples
        --------
        >>> data = ReportData(scenario="s", title="", run_id="", offtaker="developer", provider="Amazon")
        >>> data.the("offtaker"), data.the("provider")
        ('the developer', 'Amazon')
        """
        name = self.party(identifier)
        return f"the {name}" if name[:1].islower() else name


def report_table(name: str, rows: Iterable[Any], *, title: str = "", note: str = "") -> Table:
    """Make a table of the report from rows: mappings by column name, or sequences in column order.

    Raises
    ------
    KeyError      where the report knows no such table
    ValueError    where a row does not fit the columns

    Examples
    --------
    >>> t = report_table("grid_power", [("PJM", 2027, 910.0)])
    >>> t["facility_mw"].tolist()
    [910.0]
    """
    return Table(name, TABLES[name].columns, rows, title, note)
