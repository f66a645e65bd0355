"""Limits in words: their names hold identifiers of the scenario; a planner knows the site, the chip and the cloud by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from offtake.plan.problem import PARTIES

if TYPE_CHECKING:
    from offtake.plan.problem import Party, Problem
    from offtake.spec.scenario import Scenario

__all__ = ["limit_words"]


class Limit(Protocol):
    """What a name is made of: `offtake.plan.bottlenecks.Bottleneck` is one, and `offtake.plan.relief.Relief`."""

    @property
    def limit(self) -> str:
        """Its name."""

    @property
    def block(self) -> str:
        """The block of the problem that it is a row or a bound of."""

    @property
    def item(self) -> str:
        """The identifier within the block."""


def limit_words(problem: Problem, found: Iterable[Limit]) -> list[dict[str, Any]]:
    """Write each limit once in words, demand by class too: rows of the report's table `limits`."""
    scenario = problem.scenario
    class_of = dict(zip(problem.demand.ids, problem.demand.classes, strict=True))
    rows: dict[str, str] = {}
    for one in found:
        if one.limit in rows:
            continue
        rows[one.limit] = _words(one, scenario)
        if one.block == "tokens":
            whole = f"demand for {class_of[one.item]}"
            rows.setdefault(whole, whole)
    return [{"limit": limit, "words": words} for limit, words in rows.items()]


def _words(one: Limit, scenario: Scenario) -> str:
    """Say a limit in words; as it is named where the name says enough."""
    told = _BY_BLOCK.get(one.block)
    return (told(scenario, one.item) if told else "") or one.limit


def _named(entries: Iterable[Any], identifier: str) -> str:
    """Give an entry's name for people, its identifier where it has none."""
    return next((e.name for e in entries if e.id == identifier and e.name), identifier)


def _chip(scenario: Scenario, identifier: str) -> str:
    """Give a chip's name, else its catalogue entry without what stands in brackets, else the identifier.

    Examples
    --------
    >>> class Empty:
    ...     chips = ()
    >>> _chip(Empty(), "TPU7x (v7 Ironwood)")
    'TPU7x'
    """
    own = next((c for c in scenario.chips if c.id == identifier), None)
    known = identifier if own is None else own.name or own.from_ or identifier
    return str(known).partition(" (")[0]


def _step(label: str, steps: int) -> str:
    """Say which price step a label such as `google-us/1` names, where there are several."""
    number = label.rpartition("/")[2]
    return f", price step {number} of {steps}" if steps > 1 else ""


def _outside(scenario: Scenario, label: str) -> str:
    offer = next((o for o in scenario.outside_supply if o.id == label.rpartition("/")[0]), None)
    if offer is None:
        return ""
    chip = _chip(scenario, offer.chip)
    return f"outside supply of {chip} by {offer.provider} in {offer.region}{_step(label, len(offer.steps))}"


def _demand(scenario: Scenario, label: str) -> str:
    entry = next((d for d in scenario.demand if d.id == (label.rpartition("/")[0] or label)), None)
    if entry is None:
        return ""
    return f"demand for {entry.class_} in {entry.region}, {entry.channel}{_step(label, len(entry.steps))}"


def _of_party(what: str, party: Party, scenario: Scenario, _: str) -> str:
    """Say something of a party, by its name within a sentence: with an article where it is a common noun."""
    name = scenario.parties.offtaker.name if party == "offtaker" else scenario.parties.provider.name
    return f"{what} of {f'the {name}' if name[:1].islower() else name}"


_BY_BLOCK: Mapping[str, Callable[[Scenario, str], str]] = {
    "interconnection": lambda scenario, site: f"grid connection of {_named(scenario.sites, site)}",
    "power": lambda scenario, site: f"power that stands at {_named(scenario.sites, site)}",
    "phases": lambda scenario, site: f"building pace at {_named(scenario.sites, site)}",
    "chip_supply": lambda scenario, chip: f"supply of {_chip(scenario, chip)}",
    "training_rate": lambda _, run: f"shortest duration of training run {run}",
    "tokens": _demand,
    "rented": _outside,
    **{f"facility_{party}": partial(_of_party, "credit line", party) for party in PARTIES},
    **{f"cash_{party}": partial(_of_party, "least cash", party) for party in PARTIES},
}
"""How a limit of each block is said, from its identifier; the others say enough by their names."""
