"""The headline figures: each with how far it reaches and what it is; page 1 shows them, and the terminal says some of them.

Like the sentences, they pick, compare and count, and compute no result.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from offtake.report import sentences, sentences_answer
from offtake.report.words import percent, plural, power, usd

if TYPE_CHECKING:
    from offtake.report.data import ReportData

__all__ = ["Headline", "commitment", "every", "funding", "loans", "returns"]

_NOTHING = 0.5  # USD: a loan below this is none


@dataclass(frozen=True, slots=True)
class Headline:
    """One figure: as it is written, between what it lies (empty where that is not known), and what it is."""

    amount: str
    reach: str
    words: str


def every(data: ReportData) -> list[Headline]:
    """Give the figures in their order; one that has no meaning in this scenario is left out."""
    found = [_joint(data), _gain(data, "offtaker"), _gain(data, "provider"), _fresh(data), _peak(data)]
    found += [funding(data), commitment(data), returns(data)]
    return [one for one in found if one is not None]


def _joint(data: ReportData) -> Headline:
    words = f"joint value against no alliance{_rate(data)}{_over(data)}"
    return Headline(usd(sentences.value(data)), sentences_answer.joint_span(data), words)


def _gain(data: ReportData, party: str) -> Headline:
    npv, alone = data.fact(f"parties.{party}.npv_usd"), _alone(data, party)
    gain = npv - alone if npv is not None and alone is not None else None
    words = f"for {data.the(party)}, against no alliance{_over(data)}"
    if gain is None:
        words += f": {data.reason(f'no_alliance.{party}.npv_usd') or 'not known'}"
    return Headline(usd(gain), sentences_answer.gain_span(data, party), words)


def _alone(data: ReportData, party: str) -> float | None:
    """Give a party's value without the alliance; the document may hold the figure itself or an object with it."""
    found = data.fact(f"no_alliance.{party}")
    return found.get("npv_usd") if isinstance(found, Mapping) else found


def _fresh(data: ReportData) -> Headline | None:
    value = data.fact("value") or {}
    if value.get("out_of_sample_mean_usd") is None:
        return None
    count = plural(value["out_of_sample_paths"], "fresh path")
    words = f"objective on {count} that the plan was not made for, not against no alliance"
    if value.get("in_sample_usd") is not None:
        words += f"; {usd(value['in_sample_usd'])} on the paths of the plan"
    return Headline(usd(value["out_of_sample_mean_usd"]), sentences_answer.fresh_span(data), words)


def _rate(data: ReportData) -> str:
    """Say how the headline's values are discounted; they are before tax."""
    rate = data.fact("discount_rate_frac_per_y")
    return f", discounted at {percent(float(rate))} a year, before tax" if rate is not None else ", before tax"


def _over(data: ReportData) -> str:
    """Say on what a mean is taken, where there are several paths."""
    return f", mean over the {plural(data.fact('paths'), 'path')} of the plan" if data.fact("paths") else ""


def _average(data: ReportData) -> str:
    """Say in short that a figure is a mean over paths."""
    return ", on average" if data.fact("paths") else ""


def _peak(data: ReportData) -> Headline:
    """Tell the peak power accepted under the contract, and what the provider sells outside beside it."""
    under = data.fact("peak_contract_facility_power_mw") is not None
    shown, whole, it = (
        data.fact(f"peak_{n}_power_mw")
        for n in ("contract_facility" if under else "facility", "facility", "contract_it" if under else "it")
    )
    words = f"peak facility power accepted, {power(it)} of it for IT" if it is not None else "peak facility power"
    if under and power(whole) != power(shown):
        words += f"; {power(whole)} with what {data.the('provider')} sells outside"
    return Headline(power(shown), sentences_answer.peak_span(data), words)


def funding(data: ReportData) -> Headline | None:
    """Tell how deep the offtaker's cash goes before anybody funds it, and what of that is an emergency loan."""
    need = data.fact("parties.offtaker.funding_need_usd")
    if need is None:
        return None
    between = sentences_answer.reach(data, "offtaker_funding_need_usd", "peak_funding_usd", usd)
    words = f"largest funding need of {data.the('offtaker')} before equity, loans and interest{_average(data)}"
    return Headline(usd(need), between, words + loans(data))


def loans(data: ReportData) -> str:
    """Say how large each party's emergency loan gets, over several paths on average and on the worst; nothing where there is none."""
    said = ""
    for party in ("offtaker", "provider"):
        mean, peak = (data.fact(f"parties.{party}.{n}emergency_loan_usd") or 0.0 for n in ("", "peak_"))
        if peak > _NOTHING:
            often = f" on the worst path, {usd(mean)} on average" if data.fact("paths") else ""
            whose = "its" if party == "offtaker" else f"{data.the(party)}’s"
            said += f"; {whose} emergency loan: up to {usd(peak)}{often}"
    return said


def commitment(data: ReportData) -> Headline | None:
    """Set what is firm beside what the plan pays under the contract; nothing where there is neither."""
    firm, planned = (data.fact(f"parties.offtaker.{n}_usd") for n in ("firm_commitment", "planned_spend"))
    if firm is None and not planned:
        return None
    between = sentences_answer.reach(data, "offtaker_planned_spend_usd", "", usd)
    reach = f"{usd(planned)} planned" + (f", {between}" if between else "")
    owed = f"firm: owed by {data.the('offtaker')} whatever happens" if firm is not None else "no amount is firm"
    return Headline(usd(firm), reach, f"{owed}; planned: paid under the contract{_average(data)}")


def returns(data: ReportData) -> Headline | None:
    """Tell the rate of return of the provider's infrastructure, and of the offtaker where its cash has one."""
    at = "parties.provider.infrastructure.irr"
    rate, why = data.fact(at), data.reason(at)
    if rate is None and not why:
        return None
    words = (
        f"rate of return (IRR) of {data.the('provider')}’s infrastructure, after tax{_average(data)}{_where(data, at)}"
    )
    words += f": {why}" if rate is None else ""
    own = "provider_infrastructure_irr_frac"
    return Headline(percent(rate), sentences_answer.reach(data, own, own, percent), words + _of_offtaker(data))


def _of_offtaker(data: ReportData) -> str:
    at = "parties.offtaker.irr"
    rate = data.fact(at)
    if rate is None:
        return f"; {data.the('offtaker')} has none" if data.reason(at) else ""
    if _share(data, at) < _MOST_OF_IT:
        return f"; {data.the('offtaker')} has one on {percent(_share(data, at))} of the probability only"
    between = sentences_answer.reach(data, "offtaker_irr_frac", "", percent)
    return (
        f"; of {data.the('offtaker')} {percent(rate)} before tax{f', {between}' if between else ''}{_where(data, at)}"
    )


_MOST_OF_IT = 0.5
"""A mean over less of the probability than this says nothing of the plan."""


def _share(data: ReportData, at: str) -> float:
    """Give the probability of the paths on which a number is defined."""
    return float((data.fact("partly_defined") or {}).get(at, {}).get("share_frac", 1.0))


def _where(data: ReportData, at: str) -> str:
    """Say on which part of the probability a rate is defined, where that is not all of it."""
    return f", defined on {percent(_share(data, at))} of the probability" if _share(data, at) < 1.0 else ""
