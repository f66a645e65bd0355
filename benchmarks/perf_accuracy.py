"""How near the predictions are: the tables by class, and a constant share of the peak per chip for comparison.

The tables are those that the parameters were fitted on, so these figures flatter; the errors with whole chips and whole sources left out
stand in the parameter file and are printed first. Skipped where the tables are not beside the checkout (`../shared`, OFFTAKE_SHARED).
"""

from __future__ import annotations

import os
from collections import defaultdict
from dataclasses import replace
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import numpy as np

from offtake.errors import OfftakeError
from offtake.perf import params
from offtake.perf.calibrate import calibrate
from offtake.perf.own import ALONE, PARTS, Like, OwnRow, told
from offtake.perf.score import document, score_serving, score_training
from offtake.perf.tables_serving import read_serving
from offtake.perf.tables_training import TrainingRow, read_training

DATA = Path(os.environ.get("OFFTAKE_SHARED", Path(__file__).resolve().parents[2] / "shared")) / "data" / "perf"


def line(name: str, found: dict[str, Any]) -> None:
    """Print one line of errors."""
    for metric, figures in found.items():
        print(
            f"  {name}, {metric}: mean {figures['mape']:.1%}, median {figures['median_ape']:.1%}, inside {figures['coverage80']:.0%}"
        )


def left_out() -> None:
    """Print the errors of whole chips and sources left out, as the shipped file has them."""
    sections = params.shipped()
    print("left out of the fit")
    for by in ("chip", "source"):
        trained = sections["training"].errors[f"by_{by}_left_out"]["step_time"]
        line(f"training by {by}", {"step_time": trained})
        for kind, figures in trained["by_class"].items():
            line(f"  {kind}", {"step_time": figures})
        line(f"serving by {by}", sections["serving"].errors[f"by_{by}"]["all"])


def constant_share(rows: list[TrainingRow]) -> float:
    """Return the mean error of the simplest predictor: each chip's median share of its peak, over the chip's other rows."""
    shares: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for row in rows:
        if row.case is not None and row.step_s and row.case.model.active_params:
            ideal = (
                6.0
                * row.case.model.active_params
                * row.case.tok_per_step
                / (row.case.chips * row.case.chip.flop_per_s("bf16"))
            )
            shares[row.chip].append((ideal, row.step_s))
    errors = []
    for pairs in shares.values():
        ratio = np.array([measured / ideal for ideal, measured in pairs])
        for i in range(len(ratio)):
            others = np.delete(ratio, i)
            if others.size:
                errors.append(abs(float(np.median(others)) / ratio[i] - 1.0))
    return float(np.mean(errors))


def tables() -> None:
    """Print the errors on the tables, in the fit."""
    rows = read_training(DATA / "training_published.csv")
    found = document(score_training(rows))
    print(f"training_published: {found['rows_scored']} rows, {found['rows_refused']} refused")
    for kind, group in found["by_class"].items():
        line(kind, group["metrics"])
    print(f"  a constant share of the peak per chip instead: mean {constant_share(rows):.1%}")
    print("  calculon on nine rows of H100, as published here: 16.5 %")
    for name in ("inference_published", "inference_silicon"):
        found = document(score_serving(read_serving(DATA / f"{name}.csv")))
        print(
            f"{name}: {found['rows_scored']} rows, {found['rows_refused']} refused, {found['rows_in_fit']} in the fit"
        )
        line("all", found["metrics"])
        line("not in the fit", found["metrics_not_in_fit"])
    print(
        "  aiconfigurator on its own sample, as published here: time per token mean 24.5 %, median 18.9 %; first token 61.6 % and 50.2 %"
    )


def further() -> None:
    """Print the errors on the tables that come with the package, and how many of their rows the shipped parameters have seen."""
    folder = files("offtake.perf") / "data" / "published"
    with as_file(folder) as path:
        trained = document(score_training(read_training(path / "training_published.csv")))
        served = document(score_serving(read_serving(path / "inference_published.csv")))
    for name, found in (("training", trained), ("serving", served)):
        print(f"further publishers, {name}: {found['rows_scored']} rows, {found['rows_in_fit']} in the fit")
        line("all", found["metrics"])
        line("not in the fit", found["metrics_not_in_fit"])


def own_rows() -> None:
    """Print what a user's own rows are worth: publishers that no term has seen, some rows of a run told, the others of it predicted.

    Every run of four rows or more of quality "test"; which rows are told is drawn anew ten times.
    """
    folder = files("offtake.perf") / "data" / "published"
    with as_file(folder) as path:
        tables = {
            "training": (score_training, read_training(path / "training_published.csv")),
            "serving": (score_serving, read_serving(path / "inference_published.csv")),
        }
    for kind, (score, rows) in tables.items():
        unseen = [row for row in rows if row.quality == "test" and row.case is not None]
        publishers: dict[str, list[Any]] = defaultdict(list)
        for row in unseen:
            publishers[row.source.split()[0]].append(row)
        runs = []
        for own in publishers.values():
            try:
                found = calibrate(own, params.shipped()[kind], score).section.own
            except OfftakeError:  # none of a publisher's rows can be predicted
                continue
            alike: dict[Like, list[OwnRow]] = defaultdict(list)
            for row in found.rows if found else ():
                alike[row.like].append(row)
            runs += [(found, like, some) for like, some in alike.items() if len(some) >= 4]
        for count in (0, 1, 2, 3):
            print(f"own rows, {kind}, {count} of a run told: {told_by(runs, count)}")


def told_by(runs: list[tuple[Any, Like, list[OwnRow]]], count: int) -> str:
    """Return the errors of the rest of each run with so many of its rows told."""
    rng, off, inside = np.random.default_rng(0), [], []
    for own, like, rows in runs:
        for _ in range(10):
            order = rng.permutation(len(rows))
            found = told(replace(own, rows=tuple(rows[i] for i in order[:count])), like)
            sd = min(found.sd, float(np.sqrt(sum(sd**2 for sd in PARTS.values()) + ALONE**2)))
            for i in order[count:]:
                error = rows[i].log_ratio - found.log_time
                off.append(abs(np.exp(-error) - 1.0))
                inside.append(abs(error) < 1.2816 * sd)
    return f"mean {np.mean(off):.1%}, median {np.median(off):.1%}, inside {np.mean(inside):.0%} ({len(runs)} runs)"


if __name__ == "__main__":
    left_out()
    further()
    own_rows()
    if (DATA / "training_published.csv").is_file():
        tables()
    else:
        print(f"tables: skipped, {DATA} has none")
