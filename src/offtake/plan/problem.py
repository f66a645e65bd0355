"""The problem in frozen arrays: everything the plan needs to know, compiled once, free of files and solvers.

Arrays are float64 in natural units (MW, chip, chip-h, token, flop, USD).  Axis order is ``[path, period, ...]``; quantities that no
future changes lack the path axis.  Weights of stocks are ``[path, item, period, order period]`` and act on cumulative decisions at
period ends (see `offtake.dates.Grid`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from offtake.dates import Grid, Intervals
    from offtake.spec.scenario import Scenario

Float = NDArray[np.float64]
Int = NDArray[np.int64]
Bool = NDArray[np.bool_]

Party = Literal["offtaker", "provider"]
PARTIES: tuple[Party, Party] = ("offtaker", "provider")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sites:
    """Where chips can run.  Facility MW unless the name says IT.

    Attributes
    ----------
    ids, regions, groups, operators : tuple[str, ...]  [site]
    energised_mw : float64[site]                       at the valuation date
    interconnected_mw : float64[path, period, site]    mean right to draw
    phase_mw : float64[site]
    max_phases : float64[site]
    planned_mw : float64[site]                         most that the scenario connects, also where a future does not
    starts_cap : float64[period, site]                 phases that may be begun in the period (ramp, horizon)
    energised_weights : float64[path, site, period, period]   mean phases energised per cumulative start
    spend_weights : float64[path, site, period, period]       share of a phase's cost paid in the period
    needs_opening : bool[site]; open_cost_usd : float64[site]
    peak_ratio, pue : float64[site]
    shell_usd_per_mw : float64[path, period, site]     per IT MW
    running_usd_per_mw_y : float64[path, period, site] per IT MW energised, energy excluded
    power_usd_per_mwh : float64[path, period, site]
    shell_life_days : float64[site]
    in_service : tuple of tuple of date                [site][start period]
    left_frac : float64[period, site]                  part of the life that a phase begun in the period has left at the horizon
    """

    ids: tuple[str, ...]
    regions: tuple[str, ...]
    groups: tuple[str, ...]
    operators: tuple[str, ...]
    energised_mw: Float
    interconnected_mw: Float
    phase_mw: Float
    max_phases: Float
    planned_mw: Float
    starts_cap: Float
    energised_weights: Float
    spend_weights: Float
    needs_opening: Bool
    open_cost_usd: Float
    peak_ratio: Float
    pue: Float
    shell_usd_per_mw: Float
    running_usd_per_mw_y: Float
    power_usd_per_mwh: Float
    shell_life_days: Float
    in_service: tuple[tuple[date, ...], ...]
    left_frac: Float


@dataclass(frozen=True, slots=True, kw_only=True)
class Chips:
    """Chip generations, owned by the provider or rented from outside.

    Attributes
    ----------
    ids : tuple[str, ...]  [chip]
    it_w_per_chip, idle_frac, availability_frac, goodput_frac : float64[chip]
    cost_usd_per_chip : float64[path, period, chip]    chip, server, network and installation, paid on delivery
    running_usd_per_chip_y : float64[chip]
    supply_chip : float64[path, period, chip]          deliverable to this alliance in the period
    withheld_chip : float64[path, period, chip]        chips that a maker may have promised and does not make in this path
    order_open : bool[period, chip]                    orders can be placed and delivered within the horizon
    in_service_weights : float64[path, chip, period, period]  mean chips in service per cumulative order
    arrived_weights : float64[path, chip, period, period]     mean chips that have arrived per cumulative order, retired or not
    delivery_weights : float64[path, chip, period, period]    chips delivered in the period per cumulative order
    planned_weights : float64[chip, period, period]           the same as the scenario plans it, in no future late
    late_days : float64[path, chip]                           how much later than planned a chip comes in this path
    lives_days : float64[path, chip]                          useful life in this path
    life_days : float64[chip]                                 the same as the scenario states it
    left_usd_per_chip : float64[path, period, chip]    value left at the horizon of a chip delivered in the period
    list_rent_usd_per_chip_h : float64[path, period, chip]
    flop_per_s : float64[chip]                         useful training rate
    lot_chip : float64[chip]
    """

    ids: tuple[str, ...]
    it_w_per_chip: Float
    idle_frac: Float
    availability_frac: Float
    goodput_frac: Float
    cost_usd_per_chip: Float
    running_usd_per_chip_y: Float
    supply_chip: Float
    withheld_chip: Float
    order_open: Bool
    in_service_weights: Float
    arrived_weights: Float
    delivery_weights: Float
    planned_weights: Float
    late_days: Float
    lives_days: Float
    life_days: Float
    left_usd_per_chip: Float
    list_rent_usd_per_chip_h: Float
    flop_per_s: Float
    lot_chip: Float


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleets:
    """The pairs of a site and a chip that may stand there.

    Attributes
    ----------
    site, chip : int64[fleet]
    opening_chip : float64[period, fleet]         mean of the opening stock still in service
    opening_left_usd : float64[fleet]             value of the opening stock at the horizon
    """

    site: Int
    chip: Int
    opening_chip: Float
    opening_left_usd: Float


@dataclass(frozen=True, slots=True, kw_only=True)
class Offers:
    """Outside supply: price steps of chip-hours from other clouds.

    Attributes
    ----------
    ids, providers, regions : tuple[str, ...]     [offer]
    chip : int64[offer] ; trains : bool[offer]
    step_offer : int64[step]                      the offer of each price step
    step_labels : tuple[str, ...]                 [step]
    cap_chip : float64[path, period, step]
    price_usd_per_chip_h : float64[path, period, step]
    """

    ids: tuple[str, ...]
    providers: tuple[str, ...]
    regions: tuple[str, ...]
    chip: Int
    trains: Bool
    step_offer: Int
    step_labels: tuple[str, ...]
    cap_chip: Float
    price_usd_per_chip_h: Float


@dataclass(frozen=True, slots=True, kw_only=True)
class Resale:
    """What spare capacity fetches outside: price steps by chip : [path, period, step]."""

    chip: Int
    step_labels: tuple[str, ...]
    cap_chip: Float
    price_usd_per_chip_h: Float


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What chip-hours are for."""

    kind: Literal["serve", "research", "train", "resale"]
    label: str
    class_id: str = ""
    channel: str = ""
    run: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignments:
    """The allowed pairs of a pool and a use; a pool is a fleet, then an outside offer, in one row.

    Attributes
    ----------
    pools : tuple[str, ...]                       fleets first, then offers
    pool_chip : int64[pool] ; pool_region, pool_group : tuple[str, ...] ; fleets : int (pools below this number are fleets)
    uses : tuple[Use, ...]
    pool, use : int64[assignment]
    """

    pools: tuple[str, ...]
    pool_chip: Int
    pool_region: tuple[str, ...]
    pool_group: tuple[str, ...]
    fleets: int
    uses: tuple[Use, ...]
    pool: Int
    use: Int

    @property
    def labels(self) -> tuple[str, ...]:
        """Name of each assignment: ``pool:use``."""
        return tuple(f"{self.pools[p]}:{self.uses[u].label}" for p, u in zip(self.pool, self.use, strict=True))

    @property
    def of_provider(self) -> Bool:
        """Which assignments are of the provider's fleets : bool[assignment]."""
        provided: Bool = self.pool < self.fleets
        return provided

    def by_kind(self, kind: str) -> Bool:
        """Which assignments have a use of this kind : bool[assignment]."""
        return np.array([self.uses[u].kind == kind for u in self.use], dtype=bool)


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """Output tokens by demand step.

    Attributes
    ----------
    ids : tuple[str, ...]                         [step] label
    entries : tuple[str, ...]                     [step] the demand entry
    classes, regions, channels, needs : tuple[str, ...]   [step] ("" = no run needed)
    resident : bool[step]
    volume_tok : float64[path, period, step]      in the period
    price_usd_per_mtok : float64[path, period, step]
    """

    ids: tuple[str, ...]
    entries: tuple[str, ...]
    classes: tuple[str, ...]
    regions: tuple[str, ...]
    channels: tuple[str, ...]
    needs: tuple[str, ...]
    resident: Bool
    volume_tok: Float
    price_usd_per_mtok: Float


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """Training runs.

    Attributes
    ----------
    ids : tuple[str, ...] ; flop : float64[run]
    rate_cap_flop : float64[period, run]          most that the window and the minimum duration let a period do
    penalty_usd : float64[run]                    objective-only, if not complete by its latest date
    value_usd : float64[run]                      objective-only, once, when complete
    after : int64[run]                            run that must be complete before this one begins, or -1
    latest_period : int64[run]                    last period in which completion counts as in time
    """

    ids: tuple[str, ...]
    flop: Float
    rate_cap_flop: Float
    penalty_usd: Float
    value_usd: Float
    latest_period: Int
    after: Int


@dataclass(frozen=True, slots=True, kw_only=True)
class Finance:
    """One party's money: opening cash, floor, facility, emergency loan, other flows.

    Attributes
    ----------
    cash_usd, min_cash_usd : float
    other_revenue_usd, other_costs_usd : float64[path, period]
    limit_usd : float64[path, period]             facility limit (0 = none)
    opening_balance_usd : float ; may_draw : bool[period] ; due_by : bool[period] (nothing may be owed at its end)
    rate_frac_per_y : float64[path]               of the facility
    fee_frac_per_y, emergency_frac_per_y, own_rate_frac_per_y : float
    terminal_margin_years : float
    """

    name: str
    cash_usd: float
    min_cash_usd: float
    other_revenue_usd: Float
    other_costs_usd: Float
    limit_usd: Float
    opening_balance_usd: float
    may_draw: Bool
    due_by: Bool
    rate_frac_per_y: Float
    fee_frac_per_y: float
    emergency_frac_per_y: float
    own_rate_frac_per_y: float
    terminal_margin_years: float
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """What is maximised: each party's weight, the one discount rate, floors on the others, objective-only penalties.

    `told` are the weights of the objective as it is told, where a floor's price has been added to those that are maximised.
    """

    name: str
    weights: Mapping[Party, float]
    rate_frac_per_y: float
    floors_usd: Mapping[Party, float]
    unserved_usd_per_mtok: float
    research_usd_per_zflop: float
    site_value_frac: float
    opening_sites_usd: float
    told: Mapping[Party, float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ties:
    """Which decisions are one decision: the path whose columns a path shares, because nothing known then tells the two apart.

    Attributes
    ----------
    signing, sites : int64[path]          signing the contract, opening sites
    rights : int64[path, period]          options of the contract exercised
    phases, orders : int64[path, period]  phases begun, chips ordered
    """

    signing: Int
    sites: Int
    rights: Int
    phases: Int
    orders: Int

    @classmethod
    def alone(cls, paths: int, periods: int) -> Ties:
        """Let every path decide for itself."""
        each = np.arange(paths)
        both = np.broadcast_to(each[:, None], (paths, periods))
        return cls(signing=each, sites=each, rights=both, phases=both, orders=both)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One compiled planning problem.

    Attributes
    ----------
    grid : Grid ; paths : tuple[str, ...]
    probability : float64[path]                   sums to 1
    ties : Ties                                   decisions that paths share
    tails : tuple of (weight, level)              what is made of the paths' values: a mix of means of the worst 1 - level of them
    integer_periods : int                         phases are whole in the first so many periods (the first eight quarters)
    tok_per_chip_h : float64[path, period, class, chip]   output tokens of an hour of one chip under load, 0 = cannot serve
    research_flop : float64[path, period]         useful research compute wanted
    signed : True, False or None                  None = the plan decides
    contract_share : float64[period]              part of the period in which the contract is in force
    ceiling_it_mw : float or None                 most IT power accepted under the contract, used or idle
    pay : Intervals                               the quarters, cut at period edges, over which money is spread and dated
    scenario : Scenario                           the base path's scenario, for contract terms and provenance
    """

    name: str
    grid: Grid
    paths: tuple[str, ...]
    probability: Float
    ties: Ties
    tails: tuple[tuple[float, float], ...] = ((1.0, 0.0),)
    integer_periods: int
    sites: Sites
    chips: Chips
    fleets: Fleets
    offers: Offers
    resale: Resale
    classes: tuple[str, ...]
    channels: tuple[str, ...]
    regions: tuple[str, ...]
    work: Assignments
    tok_per_chip_h: Float
    demand: Demand
    runs: Runs
    research_flop: Float
    finance: Mapping[Party, Finance]
    goal: Goal
    signed: bool | None
    contract_share: Float
    ceiling_it_mw: float | None
    pay: Intervals
    scenario: Scenario
