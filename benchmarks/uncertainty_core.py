"""The core reference problem: two stages, one party, six uncertain quantities, written with the engine's own blocks.

An AI lab orders 8 types of chips for 6 sites, energises the sites, signs 4 types of contracts for outside compute and draws debt, all now.
On each path it then splits its chips between training and serving, uses the contracts, serves 4 segments of demand and raises what cash it
lacks.  A path moves demand, prices, power prices, chip prices, the delay of chips (0 to 3 quarters) and of the grid (0 to 6).  Recourse is
complete: demand and training targets may be missed at a price and emergency cash has no end.  Maximised: 0.7 x mean + 0.3 x mean of the
worst tenth of the paths' values.

Axes ``[path, period, site, chip]``; GW, perf-GW (1 GW of the first chip), USD bn, years.  Numbers are round and invented: the problem
measures a solver, not a market.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from offtake.lp.model import Model
from offtake.lp.tails import risk_adjusted

if TYPE_CHECKING:
    from offtake.lp.affine import Affine

SITES, CHIPS, CONTRACTS, SEGMENTS = 6, 8, 4, 4
LIFE_Q = 20
PARTS = ((0.7, 0.0), (0.3, 0.9))
DISCOUNT = 0.10
EQUITY_PREMIUM, EMERGENCY_PREMIUM, DEBT_RATE = 0.25, 1.5, 0.08
UNSERVED, MISS = 1.0, 6.0  # USD bn per perf-GW-year
DECAY = 0.45  # of training stock, a year
AMORTISED = 0.1  # of debt, a year
OPENING, EQUITY = 6.0, 6.0  # USD bn; a year
HEAD_START, UNLOCKED, TARGET = (
    0.6,
    2.5,
    0.4,
)  # perf-GW-year, served per unit of training stock, perf-GW-year at the start
CHIP_FALL, PRICE_FALL, FEE_FALL = 0.94, 0.85, 0.88  # a year
REMAINING = 0.15  # of a chip's price, worth at the end

LAUNCH_Q = np.array([0, 0, 4, 8, 12, 16, 20, 26])
PERF = np.array([1.0, 1.2, 1.5, 1.9, 2.5, 3.1, 4.0, 5.0])  # perf-GW per GW
CHIP_PRICE = np.array([22.0, 26.0, 30.0, 32.0, 34.0, 36.0, 38.0, 40.0])  # USD bn per GW at launch
SUPPLY = np.array([0.8, 0.6, 0.9, 1.0, 1.1, 1.2, 1.3, 1.4])  # GW a year
SITE_CAP = np.array([1.2, 0.9, 1.6, 2.0, 0.7, 1.4])  # GW
SITE_RATE = np.array([0.5, 0.4, 0.6, 0.8, 0.3, 0.5])  # GW a year
SHELL = np.array([9.0, 10.5, 8.5, 11.0, 12.0, 9.5])  # USD bn per GW
POWER = np.array([0.45, 0.52, 0.40, 0.60, 0.38, 0.50])  # USD bn per GW-year
TERM_Q = np.array([40, 12, 4, 1])  # ten years take-or-pay, three years, one year, on demand
PAID = np.array([1.0, 0.9, 0.7, 0.0])  # share of the fee that is owed whatever is used
FEE = np.array([11.0, 12.5, 14.0, 17.0])  # USD bn per perf-GW-year, before the fall of prices
SIGNED_RATE = np.array([0.4, 0.6, 0.8, 1.2])  # perf-GW a year
START = np.array([0.5, 0.4, 0.3, 0.2])  # perf-GW demanded
GROWTH = np.array([0.45, 0.55, 0.38, 0.50])  # a year, halving every five years
PRICE = np.array([26.0, 21.0, 17.0, 13.0])  # USD bn per perf-GW-year
NEED = np.array([1.0, 0.8, 0.5, 0.3])  # training stock per unit served


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Periods by the quarter at which each ends."""

    end_q: np.ndarray

    @property
    def periods(self) -> int:
        """Number of periods."""
        return len(self.end_q)

    @property
    def start_q(self) -> np.ndarray:
        """Quarter at which each period starts."""
        return np.concatenate(([0], self.end_q[:-1]))

    @property
    def years(self) -> np.ndarray:
        """Length of each period."""
        return (self.end_q - self.start_q) / 4.0

    @property
    def mid_y(self) -> np.ndarray:
        """Middle of each period in years."""
        return (self.end_q + self.start_q) / 8.0

    @property
    def discount(self) -> np.ndarray:
        """Discount factor at the middle of each period."""
        return (1.0 + DISCOUNT) ** -self.mid_y

    def read(self, shift_q: np.ndarray) -> np.ndarray:
        """Return the weights that read a stock `shift_q` quarters before each period's end; float64[*shift, period, period].

        The stock is 0 at quarter 0 and linear within a period: exact on quarters, within a period elsewhere.
        """
        at = self.end_q - np.asarray(shift_q)[..., None]
        high = np.searchsorted(self.end_q, at, side="left")
        share = (at - self.start_q[high]) / (self.end_q - self.start_q)[high]
        out = np.zeros((*at.shape, self.periods + 1))
        np.put_along_axis(out, high[..., None] + 1, np.maximum(share, 0.0)[..., None], -1)
        np.put_along_axis(out, high[..., None], np.where(at > 0, 1.0 - share, 0.0)[..., None], -1)
        return out[..., 1:]


QUARTERS = Grid(end_q=np.arange(1, 41))
COARSE = Grid(end_q=np.concatenate((np.arange(1, 5), np.arange(6, 17, 2), np.arange(20, 41, 4))))


@dataclass(frozen=True, slots=True, kw_only=True)
class Draws:
    """What happens on each path; factors multiply the central value."""

    demand: np.ndarray  # [path, period, segment]
    price: np.ndarray  # [path, period, segment]
    power: np.ndarray  # [path, period, site]
    chip: np.ndarray  # [path, period]
    chip_delay_q: np.ndarray  # int [path, chip]
    grid_delay_q: np.ndarray  # int [path, site]

    def __len__(self) -> int:
        """Count the paths."""
        return len(self.demand)

    def only(self, paths: slice | np.ndarray) -> Draws:
        """Return some of the paths."""
        return Draws(**{name: getattr(self, name)[paths] for name in self.__slots__})

    def mean(self) -> Draws:
        """Return one path of mean factors and whole mean delays."""
        parts = {name: getattr(self, name).mean(axis=0, keepdims=True) for name in self.__slots__}
        delays = {name: np.rint(parts[name]).astype(np.int64) for name in ("chip_delay_q", "grid_delay_q")}
        return Draws(**(parts | delays))


def draw(grid: Grid, paths: int, seed: int = 1, *, first: int = 0) -> Draws:
    """Draw paths `first`, `first` + 1, …: each has a stream of its own, so that any number of fresh ones can follow."""
    found = [_one(np.random.default_rng([seed, number])) for number in range(first, first + paths)]
    middle = np.clip(np.rint(grid.mid_y * 4.0 - 0.5).astype(np.int64), 0, 39)
    return Draws(
        demand=np.stack([f[0] for f in found])[:, middle],
        price=np.stack([f[1] for f in found])[:, middle],
        power=np.stack([f[2] for f in found])[:, middle],
        chip=np.stack([f[3] for f in found])[:, middle],
        chip_delay_q=np.stack([f[4] for f in found]),
        grid_delay_q=np.stack([f[5] for f in found]),
    )


def _one(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """One path on 40 quarters: walks around an uncertain trend for demand and prices, mean reversion for power."""
    year = np.arange(40)[:, None] / 4.0
    common, growth = rng.normal(0.0, 0.05), rng.normal(0.0, 0.06, SEGMENTS)
    walk = np.cumsum(rng.normal(0.0, 0.05, (40, SEGMENTS)), axis=0)
    demand = np.exp((common + growth) * year + walk - 0.02)
    price = np.exp(
        rng.normal(0.0, 0.04) * year + np.cumsum(rng.normal(0.0, 0.03, (40, SEGMENTS)), axis=0) - 0.3 * common * year
    )
    level, power = np.zeros(SITES), np.zeros((40, SITES))
    for t in range(40):
        level = 0.8 * level + rng.normal(0.0, 0.12, SITES)
        power[t] = np.exp(level)
    chip = np.exp(rng.normal(0.0, 0.02) * year[:, 0] + np.cumsum(rng.normal(0.0, 0.02, 40)))
    return demand, price, power, chip, rng.integers(0, 4, CHIPS), rng.integers(0, 7, SITES)


def _axis(name: str, count: int) -> tuple[str, list[str]]:
    return name, [str(k) for k in range(count)]


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstStage:
    """What is decided now, shared by all paths."""

    stock: Affine  # [period, site, chip] GW
    power: Affine  # [period, site] GW
    active: Affine  # [period, contract] perf-GW
    spend: Affine  # [period] USD bn for chips at the central price
    building: Affine  # [period] USD bn for sites
    borrow: Affine  # [period] USD bn
    debt: Affine  # [period] USD bn


def first_stage(m: Model, grid: Grid) -> FirstStage:
    """Write orders, sites, contracts and debt."""
    years, ends, starts = grid.years, grid.end_q[:, None], grid.start_q[:, None]
    period, site, chip = _axis("period", grid.periods), _axis("site", SITES), _axis("chip", CHIPS)
    contract = _axis("contract", CONTRACTS)
    sold = np.minimum(np.clip(ends - LAUNCH_Q, 0, None) / 4.0, years[:, None])  # years on sale within the period
    buy = m.columns("buy", axes=(period, site, chip), upper=(sold * SUPPLY)[:, None, :], unit="GW")
    stock = m.columns("stock", axes=(period, site, chip), unit="GW")
    gone = grid.read(np.array(LIFE_Q)) @ np.tri(grid.periods)  # of all orders, what has served its life
    leaving = gone - np.vstack((np.zeros(grid.periods), gone[:-1]))
    grown = stock - _before(stock) - buy + buy.apply(leaving, 0)
    m.rows("stock", grown, lower=0.0, upper=0.0, axes=(period, site, chip), unit="GW")
    m.rows("supply", buy.sum(1), upper=sold * SUPPLY, axes=(period, chip), unit="GW")
    energise = m.columns("energise", axes=(period, site), upper=years[:, None] * SITE_RATE, unit="GW")
    power = m.columns("power", axes=(period, site), upper=SITE_CAP, unit="GW")
    m.rows("power", power - _before(power) - energise, lower=0.0, upper=0.0, axes=(period, site), unit="GW")
    sign = m.columns("sign", axes=(period, contract), upper=years[:, None] * SIGNED_RATE, unit="perf-GW")
    active = m.columns("active", axes=(period, contract), unit="perf-GW")
    runs = (starts >= starts.T) & (starts < starts.T + TERM_Q[:, None, None])
    under_way = sign.apply(runs.astype(np.float64), 0, over=1)
    m.rows("active", active - under_way, lower=0.0, upper=0.0, axes=(period, contract), unit="perf-GW")
    borrow = m.columns("borrow", axes=(period,), upper=6.0 * years, unit="USD bn")
    debt = m.columns("debt", axes=(period,), upper=30.0, unit="USD bn")
    kept = _before(debt) * (1.0 - AMORTISED * years)
    m.rows("debt", debt - kept - borrow, lower=0.0, upper=0.0, axes=(period,), unit="USD bn")
    asked = CHIP_PRICE * CHIP_FALL ** np.maximum(grid.mid_y[:, None] - LAUNCH_Q / 4.0, 0.0)
    spend = m.columns("spend", axes=(period,), unit="USD bn")
    m.rows("spend", spend - (buy.sum(1) * asked).sum(1), lower=0.0, upper=0.0, axes=(period,), unit="USD bn")
    building = (energise * SHELL).sum(1)
    return FirstStage(stock=stock, power=power, active=active, spend=spend, building=building, borrow=borrow, debt=debt)


def core(
    grid: Grid, draws: Draws, *, parts: tuple[tuple[float, float], ...] = PARTS, held: FirstStage | None = None
) -> Model:
    """Write the whole program: the first stage once or, if it is held, as numbers, the rest for each path, and the risk-adjusted value."""
    m = Model()
    now = held or first_stage(m, grid)
    compute, used, running = _compute(m, grid, draws, now)
    sales, lost = _sales(m, grid, draws, compute)
    value = _money(m, grid, draws, now, (used, running, sales, lost))
    m.set_objective(risk_adjusted(m, value, np.full(len(draws), 1.0 / len(draws)), parts, unit="USD bn"))
    return m


def _compute(m: Model, grid: Grid, draws: Draws, now: FirstStage) -> tuple[tuple[Affine, Affine], Affine, Affine]:
    """Split chips between training and serving, within what has come and is powered; use the contracts."""
    size = (len(draws), grid.periods)
    path, period = _axis("path", size[0]), _axis("period", size[1])
    axes = (path, period, _axis("site", SITES), _axis("chip", CHIPS))
    train = m.columns("run_training", axes=axes, unit="GW")
    serve = m.columns("run_serving", axes=axes, unit="GW")
    come = now.stock.broadcast_to((size[0], *now.stock.shape)).apply(grid.read(draws.chip_delay_q), 1, over=(0, 3))
    m.rows("chips", train + serve - come, upper=0.0, axes=axes, unit="GW")
    powered = now.power.broadcast_to((size[0], *now.power.shape)).apply(grid.read(draws.grid_delay_q), 1, over=(0, 2))
    m.rows("powered", (train + serve).sum(3) - powered, upper=0.0, axes=axes[:3], unit="GW")
    used = m.columns("used", axes=(path, period, _axis("contract", CONTRACTS)), unit="perf-GW")
    m.rows("contracts", used - now.active, upper=0.0, axes=(path, period, _axis("contract", CONTRACTS)), unit="perf-GW")
    return ((train * PERF).sum((2, 3)), (serve * PERF).sum((2, 3)) + used.sum(2)), used, (train + serve).sum(3)


def _sales(m: Model, grid: Grid, draws: Draws, compute: tuple[Affine, Affine]) -> tuple[Affine, Affine]:
    """Serve demand as far as compute and the trained models allow; return sales and what is lost by misses, a period."""
    path, period, segment = _axis("path", len(draws)), _axis("period", grid.periods), _axis("segment", SEGMENTS)
    y = grid.mid_y[:, None]
    demand = START * np.exp(GROWTH * 5.0 / np.log(2.0) * (1.0 - 2.0 ** (-y / 5.0))) * draws.demand
    sold = m.columns("sold", axes=(path, period, segment), unit="perf-GW")
    unserved = m.columns("unserved", axes=(path, period, segment), unit="perf-GW")
    m.rows("demand", sold + unserved, lower=demand, upper=demand, axes=(path, period, segment), unit="perf-GW")
    m.rows("serving", sold.sum(2) - compute[1], upper=0.0, axes=(path, period), unit="perf-GW")
    stock = m.columns("training_stock", axes=(path, period), unit="perf-GW-year")
    left = np.exp(-DECAY * grid.years)
    gained = (1.0 - left) / DECAY
    head = HEAD_START * np.eye(1, grid.periods) * left
    kept = _before(stock, 1) * left
    m.rows(
        "training",
        stock - kept - compute[0] * gained,
        lower=head,
        upper=head,
        axes=(path, period),
        unit="perf-GW-year",
    )
    m.rows("quality", (sold * NEED).sum(2) - stock * UNLOCKED, upper=0.0, axes=(path, period), unit="perf-GW")
    miss = m.columns("miss", axes=(path, period), unit="perf-GW-year")
    m.rows("target", stock + miss, lower=TARGET * np.exp(0.35 * grid.mid_y), axes=(path, period), unit="perf-GW-year")
    return sold, unserved.sum(2) * UNSERVED + miss * MISS


def _money(m: Model, grid: Grid, draws: Draws, now: FirstStage, flows: tuple[Affine, Affine, Affine, Affine]) -> Affine:
    """Add up cash by period and raise what is lacking; return each path's value."""
    used, running, sold, lost = flows
    path, period, years, y = _axis("path", len(draws)), _axis("period", grid.periods), grid.years, grid.mid_y[:, None]
    price = PRICE * PRICE_FALL**y * draws.price
    fee = FEE * FEE_FALL**y * years[:, None]
    income = (sold * price).sum(2) - lost - (running * (POWER * draws.power)).sum(2)
    fees = (now.active * (fee * PAID)).sum(1) + (used * (fee * (1.0 - PAID))).sum(2)
    service = _before(now.debt) * ((DEBT_RATE + AMORTISED) * years)
    money = income * years - fees - now.spend * draws.chip - now.building + now.borrow - service
    free = {"axes": (path, period), "unit": "USD bn"}
    net = m.columns("net", lower=-np.inf, **free)
    m.rows("net", net - money, lower=0.0, upper=0.0, **free)
    cash, equity = m.columns("cash", **free), m.columns("equity", upper=EQUITY * years, **free)
    emergency = m.columns("emergency", **free)
    opening = OPENING * np.eye(1, grid.periods)
    m.rows("balance", cash - _before(cash, 1) - net - equity - emergency, lower=opening, upper=opening, **free)
    raised = (equity * EQUITY_PREMIUM + emergency * EMERGENCY_PREMIUM) * grid.discount
    kept = (now.stock[-1] * (CHIP_PRICE * REMAINING)).sum() + (now.power[-1] * SHELL * 0.6).sum() - now.debt[-1]
    end = (1.0 + DISCOUNT) ** (-grid.end_q[-1] / 4.0)
    return (net * grid.discount - raised).sum(1) + kept * end


def _before(block: Affine, axis: int = 0) -> Affine:
    """Return the same a period earlier, 0 before the first."""
    length = block.shape[axis]
    return block.apply(np.eye(length, k=-1), axis)


def main() -> None:
    """Print sizes."""
    for name, grid, paths in (("16 periods", COARSE, 50), ("40 quarters", QUARTERS, 10), ("40 quarters", QUARTERS, 50)):
        m = core(grid, draw(grid, paths))
        first = sum(b.count for b in m.column_blocks if "path" not in [a.name for a in b.axes])
        print(
            f"{name} x {paths} paths: {m.build()!r}; first stage {first}, {(m.column_blocks.count - first) / paths:g} a path"
        )


if __name__ == "__main__":
    main()
