"""Options of a plan under uncertainty: their grammar, and the overlays that they lay over the scenario's `outlook` and `grid`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from offtake.errors import OfftakeError

if TYPE_CHECKING:
    from offtake.spec.overlay import Changes
    from offtake.spec.scenario import Scenario

__all__ = ["Overrides"]

_GRIDS = ("default", "quarters")
_MONTHS = {"quarters": 3, "half_years": 6, "years": 12}
_DEFAULT = {"quarters": 8, "half_years": 6}
"""The default grid: so many periods at the start, years after them."""


class Overrides:
    """What the command line says in place of the scenario's `outlook` and `grid`; None where it says nothing.

    Parameters
    ----------
    paths, seed : int or None
    risk : str or None      ``expectation``, ``worst_case:WEIGHT``, ``cvar:LEVEL:WEIGHT``
    stages : str or None    ``now,2y,5y``
    grid : str or None      ``default`` or ``quarters``
    """

    def __init__(
        self, *, paths: int | None, seed: int | None, risk: str | None, stages: str | None, grid: str | None
    ) -> None:
        self.paths, self.seed, self.risk, self.stages, self.grid = paths, seed, risk, stages, grid
        self._check()

    def __bool__(self) -> bool:
        """Say whether anything is overridden."""
        return any(v is not None for v in (self.paths, self.seed, self.risk, self.stages, self.grid))

    def _check(self) -> None:
        """Check what needs no scenario.

        Raises
        ------
        OfftakeError    that names the option, what it wants and what it got
        """
        from offtake.diagnostics import did_you_mean
        from offtake.outlook.measures import read_risk

        if self.paths is not None and self.paths < 1:
            msg = f"--paths wants a count of futures from 1 up, such as 8; 1 plans the scenario as it is written; got {self.paths}"
            raise OfftakeError(msg)
        if self.seed is not None and self.seed < 0:
            msg = f"--seed wants a whole number from 0 up; got {self.seed}"
            raise OfftakeError(msg)
        if self.grid is not None and self.grid not in _GRIDS:
            msg = f"--grid wants default or quarters; got {self.grid[:40]!r}: {did_you_mean(self.grid, _GRIDS)}"
            raise OfftakeError(msg)
        if self.risk is not None:
            try:
                read_risk(self.risk)
            except OfftakeError as error:
                kind = self.risk.partition(":")[0]
                hint = "" if kind in _RISKS else f": {did_you_mean(kind, list(_RISKS))}"
                msg = f"--risk: {error}{hint}"
                raise OfftakeError(msg) from None
        if self.stages is not None and not all(part.strip() for part in self.stages.split(",")):
            msg = f"--stages wants times from now with commas between them, such as now,2y,5y; got {self.stages[:60]!r}"
            raise OfftakeError(msg)

    def overlays(self, scenario: Scenario) -> tuple[Changes, ...]:
        """Return the overlays for a scenario, each named after its option, so that mistakes are shown there.

        Raises
        ------
        OfftakeError    an option needs an outlook and the scenario has none; a horizon that is no whole number of quarters
        """
        if self.paths is not None and self.paths > 1 and not (scenario.outlook and scenario.outlook.uncertain):
            raise OfftakeError(f"--paths {self.paths}: {_NOTHING}")
        texts: list[tuple[str, str]] = []
        if self.grid is not None:
            texts.append(("--grid", _grid_text(self.grid, scenario)))
        if scenario.outlook is None:
            for option, given in (("--risk", self.risk), ("--stages", self.stages)):
                if given is not None:
                    raise OfftakeError(f"{option} {given}: {_NOTHING}")
            return _changes(texts)
        if self.paths is not None:
            texts.append(("--paths", f"outlook.paths: {self.paths}"))
        if self.seed is not None:
            texts.append(("--seed", f"outlook.seed: {self.seed}"))
        if self.stages is not None:
            stages = ", ".join(f'"{_quoted(part)}"' for part in self.stages.split(","))
            texts.append(("--stages", f"outlook.stages: [{stages}]"))
        if self.risk is not None:
            texts.append(("--risk", f"outlook.risk: {_risk_text(self.risk)}"))
        return _changes(texts)


_NOTHING = (
    "nothing is uncertain in this scenario; state what is in its section `outlook:` (`offtake schema` lists the keys)"
)

_RISKS = {"expectation": (), "worst_case": ("weight",), "cvar": ("level", "weight")}
"""Kinds of risk measures that the command line can write, and what their numbers are."""


def _changes(texts: list[tuple[str, str]]) -> tuple[Changes, ...]:
    from offtake.spec.overlay import Changes

    return tuple(Changes(option, f"{text}\n") for option, text in texts)


def _quoted(part: str) -> str:
    """Write a text within double quotes."""
    return "".join(c for c in part.strip() if c.isprintable()).replace("\\", "\\\\").replace('"', '\\"')


def _risk_text(text: str) -> str:
    r"""Write a risk measure as the scenario has it.

    Examples
    --------
    >>> _risk_text("cvar:0.9:0.3"), _risk_text("expectation")
    ('{kind: cvar, level: 90 %, weight: 30 %}', '{kind: expectation}')
    """
    kind, *numbers = text.strip().split(":")
    shares = [f", {name}: {100 * float(n):.12g} %" for name, n in zip(_RISKS[kind], numbers, strict=False)]
    return f"{{kind: {kind}{''.join(shares)}}}"


def _grid_text(name: str, scenario: Scenario) -> str:
    """Write a grid over the scenario's own horizon: all in quarters, or quarters first, then half-years, then years."""
    from offtake.dates import add_months

    start, end = scenario.valuation_date, scenario.horizon_end
    months = 12 * (end.year - start.year) + end.month - start.month
    if months % 3 or add_months(start, months) != end:
        msg = f"--grid {name}: the horizon from {start} to {end} is no whole number of quarters; write the grid in the scenario"
        raise OfftakeError(msg)
    counts = dict.fromkeys(_MONTHS, 0)
    if name == "quarters":
        counts["quarters"] = months // 3
    else:
        left = months
        for kind, most in (*_DEFAULT.items(), ("years", months)):
            counts[kind] = min(most, left // _MONTHS[kind])
            left -= counts[kind] * _MONTHS[kind]
        if left:  # what is left of the last year stands at the start, where periods are short
            counts["quarters"] += left // 3
    return "grid: {" + ", ".join(f"{kind}: {count}" for kind, count in counts.items()) + "}"
