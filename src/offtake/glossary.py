"""The words of Offtake: one word for one thing, and the words that it replaces.

This table is the authority. The glossary page of the documentation is written from it, and a test refuses an identifier
that uses a replaced word.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["GLOSSARY", "Term"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One word of the domain.

    Parameters
    ----------
    name : str                       as written in code, in files and on screens
    meaning : str                    one or two sentences, Markdown
    instead_of : tuple[str, ...]     words, as they would stand in an identifier, that are not used for it
    """

    name: str
    meaning: str
    instead_of: tuple[str, ...] = ()


def _term(name: str, meaning: str, *instead_of: str) -> Term:
    return Term(name=name, meaning=meaning, instead_of=instead_of)


GLOSSARY: tuple[Term, ...] = (
    _term("accepted", "Of power or chips: handed over and taken into use; billing starts."),
    _term("alliance", "The two parties, what they build and what they promise each other."),
    _term("announced", "Of power: named in public; nothing is owed yet."),
    _term("capacity", "Chips that are both energised and accepted."),
    _term("carry_forward", "Offtake above the commitment of one interval that counts towards a later one."),
    _term(
        "case", "A named overlay of a scenario: a few values changed, the rest as it is.", "variant", "sensitivity_run"
    ),
    _term("central", "Of a path: the one on which every innovation is its median."),
    _term(
        "chip",
        "One accelerator as it is ordered, priced and powered. “Accelerator” is for prose only.",
        "accelerator",
        "gpu",
    ),
    _term("clause", "One rule of a contract: its terms, and what is owed by them."),
    _term("commitment", "What must be taken or paid."),
    _term("contract", "Clauses agreed between parties for a time."),
    _term("contracted", "Of power: promised by the utility or the site's owner."),
    _term(
        "copula",
        "How innovations of two uncertain quantities go together: normal numbers with a stated correlation, whatever laws read them.",
    ),
    _term(
        "curtailable",
        "Of power: may be cut by the grid for some hours. Its opposite is `uninterruptible`.",
        "interruptible",
    ),
    _term(
        "customer_equity",
        "Shares that a party gives to whom it sells to: it reduces revenue as service is delivered. The standards' own word.",
    ),
    _term("delivery", "What was handed over."),
    _term("effect", "What an uncertain quantity does to its targets on a path: a factor, or months later."),
    _term("energised", "Of power: switched on at the site, facility MW."),
    _term("facility_power_mw", "Power at the fence: IT power × `peak_ratio` at the peak."),
    _term("firm", "Of money: owed whatever happens. Never said of power."),
    _term(
        "firmness",
        "How sure an amount is: `firm`, `contingent`, `optional` or `cancellable`; these are never added together.",
    ),
    _term("flow", "One dated payment between two parties, in exact decimals; all that the books know."),
    _term("guarantor", "A third party that answers for another's debt."),
    _term(
        "innovation",
        "One standard normal number that a path is made of; 0 is the median. It becomes known in a stated period.",
    ),
    _term("interconnected", "Of power: there is a right to draw it from the grid, from a date."),
    _term("it_power_mw", "Power drawn by chips and the servers around them, without cooling and losses."),
    _term(
        "layer",
        "Which deal an amount belongs to: cloud, chip, site, equity, debt or market. Two layers may pay for the same watts.",
    ),
    _term("lender", "A third party that lends."),
    _term("make_up", "Paid for and not taken; may be taken later."),
    _term(
        "no_alliance",
        "The same demand met from outside supply only: each headline is a difference from it.",
    ),
    _term("node", "Paths that nothing known tells apart at a stage: they share its decisions."),
    _term("offtake", "What was taken."),
    _term("offtaker", "The party that takes the compute: the model developer.", "customer", "buyer", "tenant"),
    _term("outlook", "What may happen: uncertain quantities with their processes, and the paths drawn from them."),
    _term("outside_supply", "Chip-hours from other clouds, by price step, date and cap."),
    _term("path", "One sampled future. Never called a scenario."),
    _term(
        "peak_ratio",
        "Facility power ÷ IT power at the design peak; it sizes the connection. Yearly energy goes by `pue`.",
    ),
    _term(
        "period",
        "A half-open interval `[start, end)` of the grid: a quarter, half-year or year.",
        "timestep",
        "time_step",
        "snapshot",
    ),
    _term("prepayment", "Money paid ahead of delivery and used up by later bills."),
    _term("process", "How an uncertain quantity may go: a law of its effect over time, read off innovations."),
    _term(
        "provider",
        "The party that builds and runs the compute: the cloud.",
        "seller",
        "supplier",
        "hyperscaler",
        "partner",
    ),
    _term("pue", "Facility energy ÷ IT energy over a year; it sizes the energy bill."),
    _term("relief", "Undelivered capacity reduces what is owed."),
    _term(
        "relief_value",
        "What one more whole real step of a limit is worth: one phase, one month sooner, one lot of chips.",
    ),
    _term("reservation", "Capacity held for somebody; no price is promised."),
    _term(
        "risk_measure",
        "How much worse paths count: the plan's value is the mean under the stressed probabilities that it implies.",
    ),
    _term("scenario", "One file of assumptions."),
    _term("shortfall", "Commitment less offtake, where positive."),
    _term(
        "site",
        "A place with one grid connection, made of halls.",
        "datacenter",
        "datacentre",
        "data_center",
        "data_centre",
        "campus",
    ),
    _term(
        "spend_commitment",
        "Money to be spent on any eligible service within an interval. Differs from `take_or_pay`.",
        "minimum_spend",
    ),
    _term(
        "spread",
        "Standard deviation of the logarithm of a factor: 10 % is, two times in three, within a tenth of the median.",
    ),
    _term("stage", "A time at which decisions are taken."),
    _term(
        "stressed_probability",
        "The probability of a path that the risk measure implies: under these the plain mean is the risk-adjusted value.",
    ),
    _term("take_or_pay", "Owed for capacity that was made available, taken or not.", "takeorpay"),
    _term(
        "target",
        "What an uncertain quantity moves, as a path in the scenario: `demand.chat-us.volume`, `chips.*.delay`.",
    ),
    _term("tranche", "A dated slice of a contract with its own volume, price and ramp."),
    _term("true_up", "The invoice for a shortfall.", "trueup"),
    _term("used", "Of power: drawn by chips that work."),
    _term("vintage", "The chips put in service in one period; they age and depreciate together.", "cohort"),
)
