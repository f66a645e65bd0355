"""Checks of meaning: dates that cannot be, sums that do not add up, values that only another one allows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import date
from typing import TYPE_CHECKING

from pydantic import ValidationError

from offtake.dates import add_months
from offtake.errors import UnitError
from offtake.spec.locate import at_key, at_node
from offtake.spec.scalars import parse_day
from offtake.spec.scenario import GridSpec
from offtake.spec.tree import Mapping, Scalar, child, items_of, plain
from offtake.units import parse_quantity

if TYPE_CHECKING:
    from offtake.diagnostics import Diagnostic

__all__ = ["check_meaning"]

Steps = tuple[str | int, ...]

_SHARES = 1e-9  # shares are written in percent: their sum is exact but for rounding


def check_meaning(root: Mapping) -> list[Diagnostic]:
    """Report what is well written and cannot be meant."""
    view = _View(root)
    checks: tuple[Callable[[_View], Iterator[Diagnostic]], ...] = (
        _grid, _contract, _training, _chips, _facilities, _outside, _weights, _shares, _opening,
    )  # fmt: skip
    return [d for check in checks for d in check(view)]


class _View:
    """A tree with its dates and quantities, as far as they can be read."""

    def __init__(self, root: Mapping) -> None:
        self.root = root
        self.start = self.day("valuation_date")
        self.end: date | None = None
        if self.start is not None:
            grid = child(root, "grid")
            with suppress(ValidationError, OverflowError, ValueError):
                spec = (
                    GridSpec.model_validate(plain(grid))
                    if grid is not None
                    else GridSpec(quarters=8, half_years=6, years=5)
                )
                self.end = spec.edges(self.start)[-1]

    def day(self, *steps: str | int) -> date | None:
        """Return a date, None if there is none or it is broken (that is said elsewhere)."""
        node = child(self.root, *steps)
        if isinstance(node, Scalar):
            with suppress(UnitError):
                return parse_day(node.text)
        return None

    def quantity(self, unit: str, *steps: str | int) -> float | None:
        """Return a quantity, plain or annotated."""
        node = child(self.root, *steps)
        node = child(node, "value") if isinstance(node, Mapping) else node
        if isinstance(node, Scalar):
            with suppress(UnitError):
                return parse_quantity(node.text, unit)
        return None

    def word(self, *steps: str | int) -> str:
        """Return a text, "" if there is none."""
        node = child(self.root, *steps)
        return node.text if isinstance(node, Scalar) else ""

    def at(self, steps: Steps, code: str, message: str, hint: str) -> Diagnostic:
        return at_node(self.root, steps, code, message, hint)

    def warn(self, steps: Steps, message: str, hint: str) -> Diagnostic:
        return at_node(self.root, steps, "E502", message, hint, severity="warning")

    def items(self, *steps: str | int) -> Iterator[Steps]:
        """Yield the steps of each item of a list."""
        yield from ((*steps, k) for k, _ in items_of(child(self.root, *steps)))


def _grid(v: _View) -> Iterator[Diagnostic]:
    first = v.day("grid", "dates", 0)
    if first is not None and v.start is not None and first != v.start:
        yield v.at(
            ("grid", "dates", 0),
            "E501",
            f"the grid begins {first}, the valuation date is {v.start}",
            f"write {v.start} first",
        )


def _contract(v: _View) -> Iterator[Diagnostic]:
    start, end = v.day("contract", "start"), v.day("contract", "end")
    if start is not None and end is not None and end <= start:
        yield v.at(
            ("contract", "end"),
            "E501",
            f"the contract ends {end}, not after its start {start}",
            "`end` is the day after the term",
        )
        return
    if end is not None and v.start is not None and end <= v.start:
        yield v.at(
            ("contract", "end"),
            "E502",
            f"the contract ends {end}, before the valuation date {v.start}",
            "leave the contract out",
        )
    if start is not None and v.end is not None and start >= v.end:
        yield v.at(
            ("contract", "start"),
            "E502",
            f"the contract starts {start}, the plan ends {v.end}",
            "lengthen the grid, or start it sooner",
        )


def _training(v: _View) -> Iterator[Diagnostic]:
    for run in v.items("training"):
        earliest, latest = v.day(*run, "earliest"), v.day(*run, "latest")
        months = v.quantity("month", *run, "min_duration")
        if earliest is not None and latest is not None and latest <= earliest:
            yield v.at(
                (*run, "latest"),
                "E501",
                f"`latest` {latest} does not lie after `earliest` {earliest}",
                "change one of the dates",
            )
        elif (
            earliest is not None
            and latest is not None
            and months is not None
            and months < 1200
            and _later(earliest, months) > latest
        ):
            hint = "move `latest`, or shorten `min_duration`"
            yield v.at(
                (*run, "latest"), "E501", f"a run of {months:g} months from {earliest} is not done by {latest}", hint
            )
        if latest is not None and v.start is not None and latest <= v.start:
            yield v.at(
                (*run, "latest"),
                "E502",
                f"`latest` {latest} does not lie after the valuation date {v.start}",
                "leave the run out: it is past",
            )
        if earliest is not None and v.end is not None and earliest >= v.end:
            yield v.at(
                (*run, "earliest"),
                "E502",
                f"`earliest` {earliest} lies behind the end of the plan {v.end}",
                "lengthen the grid, or leave it out",
            )


def _later(day: date, months: float) -> date:
    return add_months(day, int(months))


def _chips(v: _View) -> Iterator[Diagnostic]:
    for chip in v.items("chips"):
        available, last = v.day(*chip, "available_from"), v.day(*chip, "last_order")
        if available is not None and v.end is not None and available >= v.end:
            yield v.warn(
                (*chip, "available_from"),
                f"the first delivery {available} lies behind the end of the plan {v.end}",
                "it is never used",
            )
        lead = v.quantity("month", *chip, "lead_time")
        if (
            available is not None
            and last is not None
            and lead is not None
            and lead < 1200
            and add_months(last, int(lead) + 1) < available
        ):
            yield v.at(
                (*chip, "last_order"),
                "E501",
                f"an order of {last} arrives before the first delivery {available}",
                "change one of the dates",
            )
        for lot in v.items(*chip, "opening"):
            since = v.day(*lot, "in_service")
            if since is not None and v.start is not None and since > v.start:
                hint = "chips that come later are ordered by the plan"
                yield v.at(
                    (*lot, "in_service"), "E502", f"in service {since}, after the valuation date {v.start}", hint
                )


def _facilities(v: _View) -> Iterator[Diagnostic]:
    for party in ("offtaker", "provider"):
        at = ("parties", party, "facility")
        since, until = v.day(*at, "available_from"), v.day(*at, "maturity")
        begin = max((d for d in (since, v.start) if d is not None), default=None)
        if until is not None and begin is not None and until <= begin:
            yield v.at(
                (*at, "maturity"), "E501", f"the facility matures {until}, not after {begin}", "change one of the dates"
            )
        kind, balance, limit = (
            v.word(*at, "kind"),
            v.quantity("USD", *at, "opening_balance"),
            v.quantity("USD", *at, "limit"),
        )
        if kind and balance is not None and limit is not None and balance > limit:
            yield v.at(
                (*at, "opening_balance"),
                "E504",
                "the opening balance is above the limit",
                "raise `limit` or lower the balance",
            )


def _outside(v: _View) -> Iterator[Diagnostic]:
    for supply in v.items("outside_supply"):
        since = v.day(*supply, "from")
        if since is not None and v.end is not None and since >= v.end:
            yield v.warn((*supply, "from"), f"it begins {since}, the plan ends {v.end}", "it is never used")


def _weights(v: _View) -> Iterator[Diagnostic]:
    weighted = v.word("objective", "maximise") == "weighted"
    weights = child(v.root, "objective", "weights")
    if weighted and weights is None:
        hint = "add `weights: {offtaker: 0.5, provider: 0.5}`"
        yield v.at(("objective", "maximise"), "E503", "a weighted objective needs weights", hint)
    if not weighted and weights is not None:
        hint = "write `maximise: weighted`, or leave the weights out"
        yield at_key(v.root, ("objective", "weights"), "E503", "weights have no effect here", hint)
    parts = [v.quantity("%", "objective", "weights", p) for p in ("offtaker", "provider")]
    if weighted and None not in parts and sum(p or 0.0 for p in parts) <= 0:
        yield v.at(("objective", "weights"), "E504", "both weights are zero", "give one of them a weight")


def _shares(v: _View) -> Iterator[Diagnostic]:
    for entry in v.items("demand"):
        shares = [v.quantity("%", *step, "share") for step in v.items(*entry, "steps")]
        known = [s for s in shares if s is not None]
        if known and len(known) == len(shares) and abs(sum(known) - 1) > _SHARES:
            yield at_key(
                v.root,
                (*entry, "steps"),
                "E504",
                f"the shares add up to {sum(known):.4g}, not 1",
                "the steps divide the whole volume",
            )


def _opening(v: _View) -> Iterator[Diagnostic]:
    """Report opening chips at a site that does not allow them."""
    allowed = {}
    for site in v.items("sites"):
        chips = child(v.root, *site, "chips")
        if chips is not None:
            allowed[v.word(*site, "id")] = [n.text for _, n in items_of(chips) if isinstance(n, Scalar)]
    for chip in v.items("chips"):
        name = v.word(*chip, "id")
        for lot in v.items(*chip, "opening"):
            where = v.word(*lot, "site")
            if name and where in allowed and name not in allowed[where]:
                yield v.at(
                    (*lot, "site"),
                    "E504",
                    f"site `{where[:60]}` does not allow chip `{name[:60]}`",
                    f"add `{name[:60]}` to its `chips`",
                )
