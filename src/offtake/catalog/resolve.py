"""From what the scenario names to plain numbers: an entry of the catalogue, overridden by what the file says.

A value that the file gives is kept. A value left out is taken from the entry named by `from`, or for a site from the medians and
the prices of its place, and gets a provenance of origin "catalog". What neither gives is a diagnostic; all are raised together.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from offtake.catalog import chips, models, sites
from offtake.catalog.load import close
from offtake.catalog.sheet import chip_of_sheet
from offtake.catalog.types import Chip, Transformer
from offtake.diagnostics import Diagnostic
from offtake.errors import OfftakeError, ScenarioError
from offtake.provenance import Provenance
from offtake.spec.locate import at_path
from offtake.spec.series import Series
from offtake.units import key_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from offtake.catalog.facts import Fact
    from offtake.catalog.load import Entry, Kind
    from offtake.spec.chips import Chip as SpecChip
    from offtake.spec.scenario import Scenario
    from offtake.spec.sites import Site as SpecSite
    from offtake.spec.tree import Node

__all__ = ["Resolved", "ResolvedChip", "ResolvedSite", "resolve"]

UNKNOWN_ENTRY, MISSING_VALUE = "E404", "E505"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedChip:
    """One chip generation of the scenario with every gap filled.

    `chip` has the specification and the power used in the plan; `entry` is the catalogue's name, "" without one. Money as `Series`.
    """

    id: str
    name: str
    entry: str
    chip: Chip
    spec: SpecChip
    it_w_per_chip: float
    idle_frac: float
    price_usd_per_chip: Series
    server_cost_usd_per_chip: Series
    price_terminal_usd_per_chip: Series | None
    list_rent_usd_per_chip_h: Series | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedSite:
    """One site of the scenario with every gap filled."""

    id: str
    name: str
    entry: str
    spec: SpecSite
    state: str
    grid_operator: str
    interconnected_mw: Series
    announced_mw: Series | None
    pue: float
    peak_ratio: float
    shell_cost_usd_per_mw: Series
    running_cost_usd_per_mw_y: Series
    power_price_usd_per_mwh: Series
    shell_life_y: float
    carbon_g_per_kwh: Series | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """A scenario's chips, models and sites as numbers.

    Attributes
    ----------
    chips : mapping of id → ResolvedChip          the alliance's own
    hardware : mapping of name → Chip             those, and the chips that `outside_supply` names in the catalogue
    models : mapping of id → Transformer
    sites : mapping of id → ResolvedSite
    provenance : mapping of dotted path → Provenance   of what the catalogue filled
    """

    chips: Mapping[str, ResolvedChip]
    hardware: Mapping[str, Chip]
    models: Mapping[str, Transformer]
    sites: Mapping[str, ResolvedSite]
    provenance: Mapping[str, Provenance]


def resolve(loaded: Scenario | Any) -> Resolved:  # noqa: ANN401  (spec's Loaded, which holds a scenario and where its values stand)
    """Resolve a scenario, or a loaded one (then diagnostics carry file and line).

    Raises
    ------
    ScenarioError
        Unknown entries and values that neither the file nor the catalogue gives: all of them.
    """
    scenario: Scenario = getattr(loaded, "scenario", loaded)
    work = _Work(scenario, getattr(loaded, "tree", None))
    own = {c.id: work.chip(c) for c in scenario.chips}
    served = {m.id: work.model(m) for m in scenario.models}
    places = {s.id: work.site(s) for s in scenario.sites}
    hardware = {i: c.chip for i, c in own.items() if c is not None}
    for supply in scenario.outside_supply:
        if supply.chip not in own:
            entry = work.entry("chips", supply.chip, f"outside_supply.{supply.id}.chip")
            if entry is not None:
                hardware[supply.chip] = chips.chip_of(entry)
    if work.found:
        raise ScenarioError(tuple(work.found), getattr(loaded, "sources", None) or {})
    return Resolved(
        chips=MappingProxyType({i: c for i, c in own.items() if c is not None}), hardware=MappingProxyType(hardware),
        models=MappingProxyType({i: m for i, m in served.items() if m is not None}),
        sites=MappingProxyType({i: s for i, s in places.items() if s is not None}),
        provenance=MappingProxyType(work.provenance),
    )  # fmt: skip


class _Work:
    """One resolution: what was found and filled so far."""

    def __init__(self, scenario: Scenario, tree: Node | None) -> None:
        self.scenario = scenario
        self.tree = tree
        self.found: list[Diagnostic] = []
        self.provenance: dict[str, Provenance] = {}

    def refuse(self, code: str, path: str, message: str, hint: str = "") -> None:
        """Note a mistake at a path, or at what holds it."""
        if self.tree is None:
            self.found.append(Diagnostic(code=code, path=path, message=message, hint=hint))
        else:
            self.found.append(at_path(self.tree, path, code, message, hint))

    def entry(self, kind: Kind, name: str, path: str) -> Entry | None:
        """Look up an entry; None and a diagnostic where there is none."""
        get: Callable[[str], Entry] = {"chips": chips.chip, "models": models.model, "sites": sites.site}[kind]
        try:
            return get(name)
        except OfftakeError as error:
            near = close(kind, name)
            self.refuse(
                UNKNOWN_ENTRY,
                path,
                str(error).partition(";")[0],
                f"did you mean {' or '.join(near)}?" if near else f"`offtake catalog {kind}` lists them",
            )
            return None

    def number(self, path: str, given: float | None, fact: Fact | None) -> float:
        """Return the file's value, else the fact's, else note what is missing."""
        if given is not None:
            return given
        if fact is None:
            self.refuse(
                MISSING_VALUE, path, "is left out, and the catalogue has no value for it", "write it, with its source"
            )
            return float("nan")
        self.provenance[path] = _provenance(fact, "quantity")
        return fact.number

    def series(self, path: str, given: Series | None, fact: Fact | None, *, needed: bool = True) -> Series | None:
        """Return the file's series, else a constant from the fact, else note what is missing."""
        if given is not None:
            return given
        if fact is None:
            if needed:
                self.refuse(
                    MISSING_VALUE,
                    path,
                    "is left out, and the catalogue has no value for it",
                    "write it, with its source",
                )
            return None
        self.provenance[path] = _provenance(fact, "series")
        value = fact.number
        low, high = (fact.low / value if fact.low else None), (fact.high / value if fact.high else None)
        flat = Series.constant(value)
        return Series(flat.days, flat.values, flat.interpolation, low, high)

    def needed(self, path: str, given: Series | None, fact: Fact | None) -> Series:
        """As `series`, for what a plan cannot do without."""
        return self.series(path, given, fact) or Series.constant(float("nan"))

    def chip(self, spec: SpecChip) -> ResolvedChip | None:
        """Resolve one chip generation."""
        path = f"chips.{spec.id}"
        entry = self.entry("chips", spec.from_, f"{path}.from") if spec.from_ else None
        if spec.from_ and entry is None:
            return None
        facts: Mapping[str, Fact] = entry.facts if entry else {}
        watts = self.number(
            f"{path}.{key_of('it_power_w_per_chip')}", spec.it_power_w_per_chip, facts.get("it_w_per_chip")
        )
        return ResolvedChip(
            id=spec.id, name=spec.label, entry=entry.name if entry else "", spec=spec,
            chip=self.figures(spec, entry, watts),
            it_w_per_chip=watts, idle_frac=spec.idle_power_frac,
            price_usd_per_chip=self.needed(f"{path}.price", spec.price_usd_per_chip, facts.get("price_usd_per_chip")),
            server_cost_usd_per_chip=spec.server_cost_usd_per_chip, price_terminal_usd_per_chip=spec.price_terminal_usd_per_chip,
            list_rent_usd_per_chip_h=self.series(
                f"{path}.list_rent", spec.list_rent_usd_per_chip_h, facts.get("rent_usd_per_chip_h"), needed=False
            ),
        )  # fmt: skip

    def figures(self, spec: SpecChip, entry: Entry | None, watts: float) -> Chip:
        """Return a chip's figures: of its data sheet, else of its entry, else none but power."""
        idle = spec.idle_power_frac
        if spec.sheet is not None:
            return chip_of_sheet(spec.sheet, spec.id, it_w_per_chip=watts, idle_frac=idle)
        if entry is not None:
            return chips.chip_of(entry, {"it_w_per_chip": watts, "idle_frac": idle})
        return Chip(name=spec.id, it_w_per_chip=watts, idle_frac=idle)

    def model(self, spec: Any) -> Transformer | None:  # noqa: ANN401  (spec.chips.ServedModel, with or without sizes)
        """Resolve one served model; stated sizes scale the entry's."""
        entry = self.entry("models", spec.from_, f"models.{spec.id}.from")
        if entry is None:
            return None
        shape = models.transformer_of(entry)
        active = getattr(spec, "active_params", None)
        return shape if active is None else shape.with_active(float(active))

    def site(self, spec: SpecSite) -> ResolvedSite | None:
        """Resolve one site."""
        path = f"sites.{spec.id}"
        entry = self.entry("sites", spec.from_, f"{path}.from") if spec.from_ else None
        if spec.from_ and entry is None:
            return None
        facts = entry.facts if entry else sites.generic(spec.state or "", spec.grid_operator or "")

        def of(field: str) -> Fact | None:
            return facts.get(field)

        announced = spec.announced_mw
        if announced is None and entry is not None:
            announced = self.series(f"{path}.announced", None, of("planned_peak_facility_mw"), needed=False)
        return ResolvedSite(
            id=spec.id, name=spec.label, entry=entry.name if entry else "", spec=spec,
            state=spec.state or (entry.text("state") if entry else ""),
            grid_operator=spec.grid_operator or (entry.text("grid_operator") if entry else ""),
            interconnected_mw=self.interconnection(spec, path, entry), announced_mw=announced,
            pue=self.number(f"{path}.pue", spec.pue, of("pue")),
            peak_ratio=self.number(f"{path}.peak_ratio", spec.peak_ratio, of("peak_ratio")),
            shell_cost_usd_per_mw=self.needed(f"{path}.shell_cost", spec.shell_cost_usd_per_mw, of("shell_cost_usd_per_mw")),
            running_cost_usd_per_mw_y=self.needed(f"{path}.running_cost", spec.running_cost_usd_per_mw_y, of("running_cost_usd_per_mw_y")),
            power_price_usd_per_mwh=self.needed(f"{path}.power_price", spec.power_price_usd_per_mwh, of("power_price_usd_per_mwh")),
            shell_life_y=self.number(f"{path}.shell_life", spec.shell_life_y, of("shell_life_y")),
            carbon_g_per_kwh=self.series(f"{path}.carbon", spec.carbon_g_per_kwh, of("carbon_g_per_kwh"), needed=False),
        )  # fmt: skip

    def interconnection(self, spec: SpecSite, path: str, entry: Entry | None) -> Series:
        """Return the right to draw: the file's, else the entry's dated facility power, projections included."""
        if spec.interconnected_mw is not None:
            return spec.interconnected_mw
        dated = (
            [(r["date"], float(r["facility_mw"]), r["source"]) for r in sites.timeline(entry.name) if r["facility_mw"]]
            if entry
            else []
        )
        points = {date.fromisoformat(d): mw for d, mw, _ in dated if len(d) == 10}
        if not points:
            self.refuse(
                MISSING_VALUE,
                f"{path}.interconnected",
                "is left out, and the catalogue has no dated power",
                "write the dated steps",
            )
            return Series.constant(float("nan"))
        last = max(points)
        self.provenance[f"{path}.interconnected"] = Provenance(
            origin="catalog",
            file="catalog: sites_timeline",
            unit="MW",
            kind="series",
            text=f"{len(points)} dated steps to {points[last]:g} MW on {last}",
            source=dated[0][2],
            assumption="facility power that the site runs or is projected to run, read as the right to draw",
        )
        days = tuple(sorted(points))
        return Series(days, tuple(points[d] for d in days), "step")


def _provenance(fact: Fact, kind: Any) -> Provenance:  # noqa: ANN401  (one of Provenance.kind)
    """Say where a filled value came from; the range of a series is factors on it."""
    scale = fact.number if kind == "series" else 1.0
    chosen = fact.reliability in {"assumption", "derived", "low"}
    return Provenance(
        origin="catalog",
        file="catalog",
        text=f"{fact.number:.6g} {fact.unit}".strip(),
        source=f"{fact.source} [{fact.date}]",
        assumption=f"{fact.reliability}: {fact.note}" if chosen else "",
        unit=fact.unit,
        kind=kind,
        low=None if fact.low is None else fact.low / scale,
        high=None if fact.high is None else fact.high / scale,
    )
