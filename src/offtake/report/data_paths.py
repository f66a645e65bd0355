"""The tables of a plan under uncertainty that no mean can replace: paths, stages, how often limits bind, fresh paths."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from offtake.report.columns import TableSpec, date, number, share, text, usd
from offtake.tables import Column

__all__ = ["PATH_TABLES"]

_PATH = Column("path", "", "Path", "int")

_SERIES = (
    text("series", "Of"),  # accepted_power | served_tokens | offtaker_cash | provider_cash
    text("unit", "Unit"),
    text("period", "Period"),
    date("start", "From"),
    date("end", "To"),
)

PATH_TABLES: Mapping[str, TableSpec] = MappingProxyType(
    {
        "paths": TableSpec(
            "One path: how probable it is, under the risk measure too, what happens in it, what it is worth.",
            (
                _PATH,
                share("probability_frac", "Probability"),
                share("stressed_frac", "Under the risk measure"),
                text("what", "What happens, farthest from central first"),
                usd("objective_usd", "Objective"),
                usd("value_against_no_alliance_usd", "Against no alliance"),
                usd("offtaker_npv_usd", "Offtaker NPV"),
                usd("provider_npv_usd", "Provider NPV"),
                usd("offtaker_against_no_alliance_usd", "Offtaker against no alliance"),
                usd("provider_against_no_alliance_usd", "Provider against no alliance"),
                number("peak_facility_mw", "MW", "Peak, facility"),
                usd("offtaker_emergency_loan_usd", "Offtaker’s emergency loan at its largest"),
                usd("provider_emergency_loan_usd", "Provider’s emergency loan at its largest"),
                usd("offtaker_funding_need_usd", "Offtaker’s largest need of funds"),
                usd("offtaker_planned_spend_usd", "Planned spend under the contract"),
                share("offtaker_irr_frac", "Offtaker’s IRR"),
                share("provider_infrastructure_irr_frac", "IRR of the provider’s infrastructure"),
            ),
        ),
        "path_series": TableSpec(
            "One path in one period: accepted facility power and output tokens served a year, means of the grid's periods; cumulative cash"
            " of a party before equity and loans, at the end of each year.",
            (*_SERIES[:2], _PATH, *_SERIES[2:], number("value", "", "Value")),
        ),
        "fans": TableSpec(
            "The same over the paths: what a tenth, a quarter, half of the probability lies below, and the mean.",
            (
                *_SERIES,
                *(number(f"p{level}", "", "Median" if level == 50 else f"{level} %") for level in (10, 25, 50, 75, 90)),
                number("mean", "", "Mean"),
            ),
        ),
        "dots": TableSpec(
            "A distribution over paths as equally likely values, of fewer than 20 paths each path’s own:"
            " each party's value against no alliance, and the objective on fresh paths.",
            (text("what", "Of"), share("share_frac", "Share of the paths below"), usd("value_usd", "Value")),
        ),
        "binding": TableSpec(
            "One limit in one period: in which share of the paths it binds, and its price over the paths.",
            (
                text("limit", "Limit"),
                text("kind", "Kind"),
                text("period", "Period"),
                date("start", "From"),
                date("end", "To"),
                share("share_frac", "Paths in which it binds"),
                number("price", "", "Expected price"),
                number("price_low", "", "Lowest"),
                number("price_high", "", "Highest"),
                text("unit", "Unit"),
            ),
        ),
        "stage_decisions": TableSpec(
            "What is decided between one stage and the next, in one node: paths that cannot be told apart yet share it.",
            (
                text("stage", "Stage"),
                date("start", "From"),
                Column("node", "", "Node", "int"),  # number of its first path
                share("probability_frac", "Probability"),
                text("paths", "Paths"),
                text("seen", "What has been seen by then"),
                text("what", "What is decided"),
                number("begun_mw", "MW", "Power begun, facility"),
                number("ordered_chips", "chip", "Chips ordered"),
            ),
        ),
        "effects": TableSpec(
            "One uncertain quantity on one path in one period: a factor on the scenario's value, or months later.",
            (
                _PATH,
                text("quantity", "Quantity"),
                text("measure", "Measure"),  # factor | months
                text("period", "Period"),
                number("effect", "", "Effect"),
                number("central", "", "On the central path"),
            ),
        ),
        "fresh_values": TableSpec(
            "Objective of the plan on one fresh path, by the named evaluator.",
            (_PATH, text("evaluator", "Evaluator"), usd("objective_usd", "Objective")),
        ),
    }
)
