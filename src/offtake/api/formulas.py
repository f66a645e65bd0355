"""The formulas of the document's numbers, in words: what each family is, the tables that it is drawn from, the inputs that it rests on."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["FORMULAS", "OF_PATHS", "Formula"]


@dataclass(frozen=True, slots=True)
class Formula:
    """How a family of numbers comes about.

    Parameters
    ----------
    paths : str                  regular expression of dotted paths
    words : str                  the formula
    tables : tuple of str        tables of the run that it is drawn from
    parts : tuple of str         parts of the scenario that it rests on
    """

    paths: str
    words: str
    tables: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()


_DISCOUNTED = (
    "settled payments discounted from their dates at (1 + rate)^(-days/365), third-party debt left out, "
    "plus the value at the horizon"
)
_INFRASTRUCTURE = (
    "unlevered, after tax: capital, running cost, energy, rent, minimums, true-ups, shares and resale, and the chips and sites left; "
    "the rate of return (XIRR, actual/365) counts opening assets as bought at book value"
)
_TERMINAL = (
    "chips: remaining life x replacement price; sites: unused shell x its recoverable share; business: last year's margin x stated "
    "years; stake: issue price grown at its rate"
)

FORMULAS = (
    Formula(
        "objective_usd",
        "weighted sum of the parties' NPV less the itemised penalties",
        ("money_flows", "returns"),
        ("objective",),
    ),
    Formula(
        "objective_against_no_alliance_usd",
        "value against no alliance, plus what no alliance leaves undone less what the plan leaves undone, at the penalties' prices",
        ("returns",),
        ("objective", "research"),
    ),
    Formula(
        "value_against_no_alliance_usd",
        "both parties' NPV less their NPV in the no-alliance problem",
        ("returns",),
        ("objective",),
    ),
    Formula(
        r"parties\.\w+\.npv_usd",
        _DISCOUNTED,
        ("money_flows", "returns"),
        ("objective.discount_rate", "parties", "contract"),
    ),
    Formula(
        r"parties\.\w+\.npv_own_rate_usd",
        f"{_DISCOUNTED}; at the party's own rate",
        ("money_flows", "returns"),
        ("parties",),
    ),
    Formula(
        r"parties\.\w+\.npv_without_terminal_usd",
        "settled payments discounted, nothing at the horizon",
        ("money_flows",),
        ("parties",),
    ),
    Formula(r"parties\.\w+\.terminal_usd.*", _TERMINAL, ("returns",), ("terminal", "chips", "parties")),
    Formula(
        r"parties\.\w+\.min_cash_usd",
        "least cash at a period's end, within which it may be lower: opening cash and all payments, loans included",
        ("cash_by_year",),
        ("parties",),
    ),
    Formula(
        r"parties\.provider\.infrastructure\..*",
        _INFRASTRUCTURE,
        ("cash_by_year", "statements"),
        ("sites", "chips", "parties.provider"),
    ),
    Formula(
        r"parties\.provider\.equity_stake.*",
        "equity paid in, at entry price",
        ("money_flows", "headline_to_firm"),
        ("contract",),
    ),
    Formula(
        r"parties\.offtaker\.(peak_funding.*|funding_need_usd)",
        "deepest cumulative cash before equity, loans and their interest, by the day of each settled payment; opening cash not counted. "
        "Over several paths funding_need_usd is the mean of the paths' needs, peak_funding_need_usd the largest of them",
        ("cash_by_year",),
        ("parties.offtaker", "demand"),
    ),
    Formula(
        r"parties\.offtaker\.(breakeven_date|funding_gap_usd.*)",
        "cash before equity, loans and their interest, by date",
        ("cash_by_year",),
        ("parties.offtaker",),
    ),
    Formula(
        r"parties\.offtaker\.irr",
        "rate of return (XIRR, actual/365) on the offtaker's cash before equity, loans and their interest, its business at the horizon "
        "counted and its opening cash not; before tax",
        ("cash_by_year",),
        ("demand", "parties.offtaker", "contract"),
    ),
    Formula(
        r"parties\.offtaker\.firm_commitment_usd",
        "sum of what the offtaker owes the provider whatever happens, from the terms and not discounted: the firm amounts of the "
        "contract's own layer; what lies within another amount is not added",
        ("headline_against_firm", "headline_to_firm"),
        ("contract",),
    ),
    Formula(
        r"parties\.offtaker\.planned_spend_usd",
        "what the plan pays under the contract for use, capacity, minimums and true-ups over the horizon, settled and not discounted",
        ("commitments_by_year", "money_flows"),
        ("contract",),
    ),
    Formula(
        "peak_it_power_mw",
        "largest sum over sites of accepted chips x IT watts",
        ("sites", "chips"),
        ("chips", "sites"),
    ),
    Formula(
        "peak_facility_power_mw",
        "largest sum over sites of accepted chips x IT watts x the site's peak ratio",
        ("sites", "chips"),
        ("chips", "sites"),
    ),
    Formula(
        r"peak_contract_(it|facility)_power_mw",
        "largest sum over sites of accepted chips, less those that the provider sells outside, x IT watts (facility: x the site's peak "
        "ratio); mean of a period, while the contract's ceiling holds at any time",
        ("power_by_year", "sites"),
        ("contract.capacity_ceiling", "chips", "sites"),
    ),
    Formula(
        r"energised_mw\..*",
        "opening power plus phases begun a lead time earlier, as far as the grid lets them draw; mean of the period, facility MW",
        ("phases", "sites"),
        ("sites",),
    ),
    Formula(r"chips\..*", "cumulative orders, shifted by lead time and life", ("chips",), ("chips",)),
    Formula(
        r"tokens\..*",
        "output tokens served, or wanted and not served, over the horizon",
        ("tokens",),
        ("demand", "classes"),
    ),
    Formula(
        r"commitments.*",
        "the clause settled exactly on its own intervals",
        ("commitments_by_year", "relief_changes", "deliveries"),
        ("contract",),
    ),
    Formula(
        r"amendments.*",
        "the plan's quantities settled under the version before the amendment and under the one it made",
        ("concessions",),
        ("contract.amendments", "objective.discount_rate"),
    ),
    Formula(
        r"bottlenecks.*",
        "derivative of the optimum by the limit at this plan's yes/no choices, divided by discount and duration",
        ("bottlenecks", "reliefs"),
    ),
    Formula(r"reliefs.*", "re-solve with one whole step more at the same yes/no choices", ("reliefs",)),
    Formula(
        r"circularity\..*",
        "cumulative from the valuation date; pro rata over the offtaker's cash sources of each year",
        ("circularity",),
        ("contract", "parties.offtaker.cash"),
    ),
    Formula(r"cases.*", "the case planned in full, like the base case", ("cases",), ("cases",)),
    Formula(
        r"sensitivity.*",
        "the assumption at its low and high end, solved at the base plan's yes/no choices; the decision is what is begun and ordered first",
        ("tornado",),
    ),
    Formula(r"penalties_usd.*", "objective only: nobody pays it", (), ("objective", "research", "training")),
    Formula(
        r"parties\.\w+\.against_no_alliance_usd",
        "the party's NPV less its NPV in the no-alliance problem",
        ("returns",),
        ("objective", "outside_supply", "resale"),
    ),
    Formula(
        r"parties\.\w+\.(peak_)?emergency_loan_usd",
        "largest balance of the emergency loan. Over several paths emergency_loan_usd is the mean of the paths' largest balances, "
        "peak_emergency_loan_usd the largest of them",
        ("cash_by_year",),
        ("parties",),
    ),
    Formula(
        r"parties\.\w+\.dscr.*",
        "cash from operations over interest, fees and repayments; a revolver is repaid at will and is no service",
        ("cash_by_year",),
        ("parties",),
    ),
    Formula(r"(parties\.\w+\.own|discount)_rate_frac_per_y", "as the scenario states it", (), ("objective", "parties")),
    Formula(
        r"no_alliance\..*",
        f"{_DISCOUNTED}; the same demand with outside supply only, the provider selling on or not building",
        ("returns",),
        ("outside_supply", "resale", "demand"),
    ),
    Formula(
        r"left_open_usd.*",
        "least and largest value of the offtaker at an equal objective and the plan's integers",
        (),
        ("objective",),
    ),
    Formula(
        r"plausibility\.contract.*",
        "rent, minimums and true-ups over the IT MW-years taken, gross of downtime",
        ("money_flows", "sites"),
        ("contract",),
    ),
    Formula(
        r"plausibility\.revenue.*",
        "token revenue over the IT MW-years of all the offtaker's chips, training and research included",
        ("money_flows", "sites"),
        ("demand",),
    ),
    Formula(
        r"plausibility\.dependence.*",
        "the provider's share of the offtaker's chip-hours",
        ("compute_share",),
        ("contract",),
    ),
    Formula(
        r"plausibility\.unserved.*", "output tokens wanted and not served, over those wanted", ("tokens",), ("demand",)
    ),
    Formula(
        "gap", "the bound on the best objective less the plan's, over the plan's; it says nothing about the forecast"
    ),
    Formula(r"certificate.*", "computed again outside the solver from the same rows and columns"),
    Formula(
        r"training.*",
        "complete at the end of the first period by which its FLOPs are reached",
        ("training",),
        ("training",),
    ),
)
"""The first one that fits a path explains it."""

OF_PATHS = (
    Formula(r"paths|seed", "as the scenario's outlook or the command line states it", (), ("outlook",)),
    Formula(
        r"stages.*|tree.*",
        "at each stage, paths that cannot be told apart by what is known then are one node and share its decisions",
        ("stage_decisions",),
        ("outlook.stages", "outlook.decide"),
    ),
    Formula(
        r"value\.in_sample_usd",
        "mean of the objective over the paths that the plan was made for, each finished and settled to the cent",
        ("paths",),
        ("outlook", "objective"),
    ),
    Formula(
        r"value\.out_of_sample_(risk_adjusted|cvar)_usd",
        "risk_adjusted: the measure `risk.measure`, the weighted sum of `risk.parts`, on the objective of each fresh path, all equally "
        "likely; cvar: mean of the worst of the fresh paths, the rest of the probability above `risk.tail_level_frac`. In sample they are "
        "`risk.risk_adjusted_usd` and `risk.objective.cvar_usd`",
        ("fresh_values",),
        ("outlook.risk", "outlook.evaluate"),
    ),
    Formula(
        r"value\.(out_of_sample.*|evaluator)",
        "objective of the plan on fresh paths, which it has not seen. rolling: signing, sites, phases, orders and options planned again at "
        "each stage on what is then expected, kept until the next stage, the rest settled knowing the path; recourse: decisions taken "
        "now kept, all else taken knowing the path. Both are upper values, rolling between two stages only. The interval "
        "holds the mean over all paths with 95 % confidence (Student's t)",
        ("fresh_values",),
        ("outlook.evaluate",),
    ),
    Formula(
        r"value\.gap_.*",
        "by how much other decisions taken now could be better: for each of several further samples of paths, its own best plan less this "
        "plan's decisions on it; their mean, and its one-sided 95 % limit. It errs on the safe side",
        (),
        ("outlook.evaluate",),
    ),
    Formula(
        "evpi_usd",
        "what knowing the path before deciding anything would add, on these paths and beyond what the stages reveal: "
        "worth.wait_and_see_usd (WS) less worth.tree_usd (RP), risk-adjusted and without whole numbers",
        ("paths",),
        ("outlook",),
    ),
    Formula(
        "vss_usd",
        "what planning for several paths adds: worth.tree_usd (RP) less worth.mean_plan_usd (EEV), the value of the decisions which a plan "
        "for the mean path takes now, the rest decided as the paths unfold; risk-adjusted and without whole numbers",
        ("paths",),
        ("outlook",),
    ),
    Formula(
        r"worth.*",
        "risk-adjusted values of relaxed programs, without whole numbers. wait_and_see (WS): each path planned knowing it; tree (RP): the "
        "plan's own tree; mean_plan (EEV): what is best now on the mean path, the rest decided on the tree",
        ("paths",),
        ("outlook",),
    ),
    Formula(
        r"waiting_value_usd.*",
        "what learning at this stage adds: the plan's risk-adjusted value less that of a plan which there decides knowing no more than at "
        "the stage before",
        ("stage_decisions",),
        ("outlook.stages",),
    ),
    Formula(
        r"risk\..*",
        "CVaR at a level: mean of the worst rest of the probability, on the objective of each path; the risk-adjusted value is the "
        "weighted sum of the parts, and the mean under the stressed probabilities. Each party's own mean and CVaR are told, not optimised",
        ("paths",),
        ("outlook.risk",),
    ),
    Formula(
        r"by_path.*",
        "one path finished as a plan of its own, with the decisions of the tree kept",
        ("paths", "effects"),
        ("outlook",),
    ),
    Formula(
        r"bottlenecks.*\.binding_share_frac",
        "probability of the paths in which the limit binds in this period",
        ("binding",),
    ),
    Formula(
        r"bottlenecks.*",
        "expected price over the paths: on each, the derivative of the optimum by the limit, divided by discount, duration and probability",
        ("binding",),
    ),
    Formula(
        r"partly_defined.*",
        "what some paths lack, or tell in other words, and the probability of those that it stands for",
        ("paths",),
    ),
)
"""What only a plan under uncertainty has, or tells otherwise: the first that fits comes before `FORMULAS`."""
