"""What may happen: uncertain quantities with their processes, when decisions are taken, and what risk is worth.

Kinds of processes and of risk measures come from the registry (``process.KIND``, ``risk.KIND``): this module names none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    Field,
    SerializeAsAny,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from offtake.dates import add_months
from offtake.errors import OfftakeError, UnitError
from offtake.spec.fields import Count, Id, Model, Ref, Text
from offtake.spec.quantity import Unit
from offtake.spec.scalars import Problem, failure, parse_day, parse_text, shown
from offtake.units import parse_quantity

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from offtake.dates import Grid

    Float = NDArray[np.float64]
    Int = NDArray[np.int64]

__all__ = [
    "TARGETS", "Correlation", "Decide", "Evaluate", "Innovation", "Measure", "Outlook", "Process", "Stage",
    "Uncertain", "stage_start", "target_shape",
]  # fmt: skip

Measure = Literal["factor", "months"]

TARGETS: Mapping[str, Measure] = MappingProxyType(
    {
        "demand.*.volume": "factor",
        "demand.*.price": "factor",
        "classes.*.algorithmic_gain": "factor",
        "chips.*.price": "factor",
        "chips.*.supply": "factor",
        "chips.*.delay": "months",
        "chips.*.life": "factor",
        "sites.*.interconnected": "months",
        "sites.*.lead_time": "months",
        "sites.*.power_price": "factor",
        "sites.*.shell_cost": "factor",
        "outside_supply.*.price": "factor",
        "outside_supply.*.cap": "factor",
        "resale.*.price": "factor",
        "parties.*.facility.rate": "factor",
        "parties.*.other_costs": "factor",
    }
)
"""What can be uncertain, with `*` for the id (of `resale` the chip, of `parties` the party), and how an effect is measured."""

UncertainId = Annotated[Text, Ref("outlook.uncertain")]

Rate = Annotated[float, Unit("", at_least=-1.0, at_most=1.0)]


def target_shape(target: str) -> str:
    """Return a target with `*` in the place of its id.

    Examples
    --------
    >>> target_shape("demand.chat-us.volume"), target_shape("parties.provider.facility.rate")
    ('demand.*.volume', 'parties.*.facility.rate')
    """
    section, _, rest = target.partition(".")
    return ".".join((section, "*", rest.partition(".")[2]))


def _stage_text(raw: object) -> str:
    """Read when a stage begins: ``now``, ``2y``, ``18 months``, or a date."""
    text = parse_text(raw).strip()
    problem = Problem("E204", f"{shown(text)} is no stage", "write `now`, a time from now like `2y`, or a date")
    if _DATE.fullmatch(text):
        parse_day(text)
    if text == "now" or _DATE.fullmatch(text):
        return text
    try:
        months = parse_quantity(text, "month")
    except UnitError:
        raise failure(problem) from None
    if months <= 0 or months != int(months):
        raise failure(problem)
    return text


_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)

StageText = Annotated[str, BeforeValidator(_stage_text)]


def stage_start(text: str, start: date) -> date:
    """Return the first day of a stage.

    Examples
    --------
    >>> stage_start("2y", date(2026, 7, 1))
    datetime.date(2028, 7, 1)
    """
    if text == "now":
        return start
    if _DATE.fullmatch(text):
        return parse_day(text)
    return add_months(start, round(parse_quantity(text, "month")))


@dataclass(frozen=True, slots=True)
class Stage:
    """A time at which decisions are taken.

    Parameters
    ----------
    name : str      as written: "now", "2y"
    period : int    first period that it decides about
    """

    name: str
    period: int


@dataclass(frozen=True, slots=True)
class Innovation:
    """One standard normal number that a process reads.

    Parameters
    ----------
    slot : str     of two correlated quantities, the innovations of the same slot are correlated: "once", "once.2", "3", "3.2" (the second
                   of period 3); each slot stands once in a process
    known : int    first period at whose start it is known, at least 1
    """

    slot: str
    known: int


class Process(Model):
    """Base of the terms of every process.

    A process adds `kind`, its fields, `innovations` and `effect`; see docs/explanation/uncertainty.md.
    """

    kind: ClassVar[str] = ""

    @model_validator(mode="before")
    @classmethod
    def _drop_kind(cls, raw: Any) -> Any:  # noqa: ANN401  (pydantic's protocol)
        """Accept the key that chose this class."""
        if isinstance(raw, Mapping) and raw.get("kind") == cls.kind:
            return {k: v for k, v in raw.items() if k != "kind"}
        return raw

    @model_serializer(mode="wrap")
    def _with_kind(self, terms: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Write the kind beside the terms: without it two processes may look alike."""
        return {"kind": self.kind, **terms(self)}

    @property
    def measure(self) -> Measure:
        """How its effect is measured."""
        return "factor"

    def innovations(self, grid: Grid) -> Sequence[Innovation]:
        """Return the innovations that it reads on a grid, in order."""
        raise NotImplementedError

    def effect(self, z: Float, grid: Grid) -> Float:
        """Return what it does.

        Parameters
        ----------
        z : float64[path, dimension]    its innovations
        grid : Grid                     the periods

        Returns
        -------
        float64[path, period]           means over each period of the factor, or months (constant over the periods)
        """
        raise NotImplementedError

    def problems(self, grid: Grid) -> Sequence[Problem]:  # noqa: ARG002
        """Return what is wrong with the terms on a grid: dates that have passed."""
        return ()

    def dimensions(self, grid: Grid) -> Int:
        """First period at whose start each innovation is known : int64[dimension]."""
        import numpy as np

        return np.array([i.known for i in self.innovations(grid)], dtype=np.int64)


class Uncertain(Model):
    """One uncertain quantity: what it moves, and how."""

    id: Id
    """Short name; its random numbers depend on it, not on its place in the list."""
    of: Annotated[tuple[Text, ...], Field(min_length=1)]
    """What it moves: `demand.chat-us.volume`, or `demand.*.volume` for all of a list; each once, however often it is named."""
    process: SerializeAsAny[Process]
    """How it may go, by `kind`."""
    source: Text | None = None
    """Where the numbers were read."""
    assumption: Text | None = None
    """What is assumed, and why."""


class Correlation(Model):
    """How far two uncertain quantities go together: a Gaussian copula on their innovations."""

    between: Annotated[tuple[UncertainId, ...], Field(min_length=2, max_length=2)]
    """Ids of two uncertain quantities."""
    value: Rate
    """Correlation of their innovations, −1 to 1."""
    source: Text | None = None
    """Where it was read."""
    assumption: Text | None = None
    """What is assumed, and why."""


class Decide(Model):
    """When decisions are taken: `now`, `stages` (at every stage), the name of a stage (one for all until then), `path` (knowing all)."""

    signing: Text = "now"
    """Whether the contract is signed."""
    rights: Text = "stages"
    """Options of the contract exercised: an exit, an extension, a warrant."""
    sites: Text = "now"
    """Which sites are opened."""
    phases: Text = "stages"
    """Phases built at them."""
    orders: Text = "stages"
    """Chips ordered."""


class Evaluate(Model):
    """How a plan is valued on fresh paths."""

    evaluator: Literal["rolling", "recourse"] | None = None
    """`rolling` where there are stages after now, else `recourse`, if absent."""
    paths: Annotated[Count, Field(ge=2, le=100_000)] = 20
    """Fresh paths."""
    replications: Annotated[Count, Field(ge=0, le=1000)] = 0
    """Further plans, each from paths of its own, that estimate the optimality gap."""


class Outlook(Model):
    """What may happen, and how the plan takes it into account."""

    paths: Annotated[Count, Field(ge=1, le=10_000)] = 8
    """Futures that the plan is made for."""
    drawn: Annotated[Count, Field(ge=1, le=10_000)] | None = None
    """Futures drawn, of which they are chosen; as many as `paths` if absent: chosen ones lie nearer the middle than what may happen."""
    seed: Annotated[Count, Field(ge=0)] = 1
    """Of all random numbers."""
    method: Literal["sobol", "latin", "antithetic", "random"] = "sobol"
    """How futures are drawn."""
    stages: Annotated[tuple[StageText, ...], Field(min_length=1, max_length=12)] = ("now",)
    """When decisions are taken: `now`, then times from now or dates, on edges of the grid."""
    decide: Decide = Decide()
    """What is decided now, and what may wait."""
    risk: SerializeAsAny[BaseModel] | None = None
    """The risk measure, by `kind`; the expectation if absent."""
    evaluate: Evaluate = Evaluate()
    """How the plan is valued on fresh paths."""
    uncertain: tuple[Uncertain, ...] = ()
    """Uncertain quantities."""
    correlations: tuple[Correlation, ...] = ()
    """Which of them go together; all others are independent."""

    @model_validator(mode="after")
    def _enough_drawn(self) -> Outlook:
        if self.drawn is not None and self.paths > self.drawn:
            said = f"{self.paths} paths cannot be chosen of {self.drawn} drawn"
            raise failure(
                Problem(
                    "E504", said, f"leave `drawn` out, write `drawn: {4 * self.paths}`, or lower `paths`", ("paths",)
                )
            )
        return self

    @property
    def to_draw(self) -> int:
        """How many futures are drawn."""
        return self.paths if self.drawn is None else self.drawn

    def stages_on(self, grid: Grid) -> tuple[Stage, ...]:
        """Return the stages with the periods that they begin with.

        Raises
        ------
        OfftakeError    a stage does not begin with a period of the grid (a file with such a stage is not loaded)
        """
        found = []
        for name in self.stages:
            start = stage_start(name, grid.start)
            if start not in grid.starts:
                raise OfftakeError(f"stage {name!r} begins {start}, and no period of the grid does")
            found.append(Stage(name, grid.starts.index(start)))
        return tuple(found)
