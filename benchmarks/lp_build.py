"""Build one program of 11,500 columns and hand it to the solver, here and with linopy, in one run."""

from __future__ import annotations

import contextlib
import os
import statistics
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from offtake.lp.highs import Solver
from offtake.lp.model import Model

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

RUNS = 5
BUDGET_S = 0.15
PERIODS, SITES, CHIPS, CLASSES = 40, 6, 8, 5
PERIOD = ("period", [str(k) for k in range(PERIODS)])
SITE = ("site", [str(k) for k in range(SITES)])
CHIP = ("chip", [str(k) for k in range(CHIPS)])
CLASS = ("class", [str(k) for k in range(CLASSES)])


def numbers() -> dict[str, np.ndarray]:
    """Draw coefficients: a stock of 20 periods' life, watts, prices."""
    rng = np.random.default_rng(1)
    life = np.tri(PERIODS) - np.tri(PERIODS, k=-20)
    return {
        "stock": life,
        "mw": rng.uniform(0.5, 2.0, CHIPS),
        "value": rng.uniform(1.0, 9.0, (PERIODS, 1, CHIPS, CLASSES)),
        "price": rng.uniform(5.0, 20.0, (PERIODS, 1, CHIPS)),
        "demand": rng.uniform(50.0, 300.0, (PERIODS, CLASSES)),
    }


def direct() -> Model:
    """Write the program as named blocks."""
    n = numbers()
    m = Model()
    orders = m.columns("orders", axes=(PERIOD, SITE, CHIP), upper=30.0, unit="lot")
    hours = m.columns("hours", axes=(PERIOD, SITE, CHIP, CLASS), unit="lot-y")
    m.rows("stock", hours.sum(3) - orders.apply(n["stock"], 0), upper=0.0, axes=(PERIOD, SITE, CHIP))
    m.rows("power", (hours.sum(3) * n["mw"]).sum(2), upper=120.0, axes=(PERIOD, SITE), unit="MW")
    m.rows("demand", hours.sum((1, 2)), upper=n["demand"], axes=(PERIOD, CLASS))
    later = ("period", PERIOD[1][1:])
    m.rows("ramp", hours[1:] - hours[:-1], upper=15.0, axes=(later, SITE, CHIP, CLASS))
    m.set_objective((hours * n["value"]).sum() - (orders * n["price"]).sum())
    return m


def by_linopy() -> Any:  # noqa: ANN401 - a linopy model
    """Write the same program with linopy."""
    import linopy
    import xarray as xr

    n = numbers()
    m = linopy.Model()
    coords = {name: (name, labels) for name, labels in (PERIOD, SITE, CHIP, CLASS)}

    def index(*names: str) -> list[Any]:
        return [xr.DataArray(coords[k][1], dims=[k], name=k).to_index() for k in names]

    orders = m.add_variables(0, 30.0, index("period", "site", "chip"), name="orders")
    hours = m.add_variables(0, coords=index("period", "site", "chip", "class"), name="hours")
    made = orders.rename(period="made")
    stock = xr.DataArray(n["stock"], coords={"period": PERIOD[1], "made": PERIOD[1]}, dims=["period", "made"])
    mw = xr.DataArray(n["mw"], coords={"chip": CHIP[1]}, dims=["chip"])
    value = xr.DataArray(
        n["value"][:, 0],
        coords={"period": PERIOD[1], "chip": CHIP[1], "class": CLASS[1]},
        dims=["period", "chip", "class"],
    )
    price = xr.DataArray(n["price"][:, 0], coords={"period": PERIOD[1], "chip": CHIP[1]}, dims=["period", "chip"])
    demand = xr.DataArray(n["demand"], coords={"period": PERIOD[1], "class": CLASS[1]}, dims=["period", "class"])
    m.add_constraints(hours.sum("class") - (made * stock).sum("made") <= 0, name="stock")
    m.add_constraints((hours * mw).sum(["chip", "class"]) <= 120.0, name="power")
    m.add_constraints(hours.sum(["site", "chip"]) <= demand, name="demand")
    before = hours.shift(period=1).isel(period=slice(1, None))
    m.add_constraints(hours.isel(period=slice(1, None)) - before <= 15.0, name="ramp")
    m.add_objective((hours * value).sum() - (orders * price).sum(), sense="max")
    return m


def seconds(deed: Callable[[], object]) -> float:
    """Return the median time of some calls after a first one."""
    deed()
    times = []
    for _ in range(RUNS):
        start = time.perf_counter()
        deed()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def main() -> None:
    """Print size, both times and their ratio, after checking that both optima agree."""
    arrays = direct().build()
    print(f"{arrays!r}")
    building = seconds(lambda: direct().build())
    handing = seconds(lambda: Solver(arrays))
    print(f"here: build {building:.3f} s + hand over {handing:.3f} s of {BUDGET_S:.2f} s")
    try:
        other = by_linopy()
    except ModuleNotFoundError as missing:
        print(f"linopy is not installed ({missing}); no ratio")
        return
    with quiet():
        theirs = seconds(lambda: by_linopy().to_highspy())
        highs = other.to_highspy()
        highs.setOptionValue("output_flag", False)  # noqa: FBT003 - a C++ argument without a name
        highs.run()
    ours, optimum = Solver(arrays).solve().objective, abs(highs.getInfo().objective_function_value)
    print(f"linopy: build and hand over {theirs:.3f} s; ratio {theirs / (building + handing):.0f}")
    print(f"optimum here {ours:.9g}, by linopy {optimum:.9g}, relative difference {abs(ours - optimum) / optimum:.1e}")


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep the solver's banner, which is written below Python, off standard output."""
    sys.stdout.flush()
    kept = os.dup(1)
    with Path(os.devnull).open("w", encoding="utf-8") as nothing:
        os.dup2(nothing.fileno(), 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


if __name__ == "__main__":
    main()
