"""Points of serving: what the rows of tables measured, and which of them a fit reads.

One row per configuration, its newest date; rows of doubtful quality, and rows that do not say what they ran (chips, drafting of separate
pools), are scored and not fitted.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from offtake.perf.serving_doubt import MOST_OF_PEAK, implied_share
from offtake.perf.serving_intervals import regime_of
from offtake.perf.serving_rows import names_of
from offtake.perf.tables import publisher_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from offtake.perf.cases import ServingCase
    from offtake.perf.tables_serving import ServingRow

__all__ = ["METRICS", "ServingPoint", "choose", "points_of", "run_of"]

METRICS = ("tpot", "throughput", "ttft")
MOST_OF_A_KIND = 24
"""Rows of one publisher, chip, engine, model and kind of load that the fit reads."""
_COPY = 0.03  # log of times per token


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingPoint:
    """One measured row: the case, and what was measured (None where the row does not print it).

    Attributes
    ----------
    tpot_s, ttft_s : float or None [s]
    tok_per_s_per_chip : float or None [tok/s]   output tokens
    per_decode_chip : bool                       the throughput is divided by the chips that decode
    median : bool                                the time to first token is a median, not a mean
    source, key : str                            who published it; its name in the parameter file
    good : bool                                  quality "ok": what the terms are learned from
    test : bool                                  quality "test": scored, and not fitted but for how much longer users take
    """

    case: ServingCase
    tpot_s: float | None = None
    ttft_s: float | None = None
    tok_per_s_per_chip: float | None = None
    per_decode_chip: bool = False
    median: bool = False
    source: str = ""
    key: str = ""
    good: bool = True
    test: bool = False

    def measured(self, metric: str) -> float | None:
        """Return what was measured of a metric."""
        values = {"tpot": self.tpot_s, "throughput": self.tok_per_s_per_chip, "ttft": self.ttft_s}
        return values[metric]


def points_of(rows: Iterable[ServingRow]) -> list[ServingPoint]:
    """Return the points of a table's rows; a rate of input and output together is cut to its output."""
    points = []
    for row in rows:
        case = row.case
        if case is None:
            continue
        rate = row.throughput
        if rate and row.basis == "total":
            rate *= case.output_tok / (case.input_tok + case.output_tok)
        points.append(
            ServingPoint(
                case=case,
                tpot_s=row.tpot_s,
                ttft_s=row.ttft_s,
                tok_per_s_per_chip=rate,
                per_decode_chip=row.basis == "decode chip",
                median=row.median,
                source=publisher_of(row.source),
                key=row.key,
                good=row.quality.lower() in {"", "ok"},
                test=row.quality.lower().startswith("test"),
            )
        )
    return points


def choose(points: Iterable[ServingPoint], *, most_of_a_kind: int = MOST_OF_A_KIND) -> list[ServingPoint]:
    """Return the points to fit: good, complete, one per configuration (the newest), thinned where a kind is over-represented.

    A kind is one publisher's rows of a chip, engine, model and regime. A row that does not say whether it drafts is left out where
    another source shows that its model is served both ways.
    """
    points = [p for p in points if p.good]
    drafted = {p.case.model.name for p in points if p.case.speculation not in {None, "none"}}
    families = {p.case.model.family for p in points if p.case.model.name in drafted} - {""}
    newest: dict[str, ServingPoint] = {}
    for point in points:
        case = point.case
        unsaid = case.speculation is None and (case.model.name in drafted or case.model.family in families)
        unsaid = unsaid or (case.disaggregated and (case.speculation is None or case.decode is None))
        if unsaid or case.chips <= 0 or not case.input_tok or implied_share(point) > MOST_OF_PEAK:
            continue
        key = _configuration(case)
        if key not in newest or case.year >= newest[key].case.year:
            newest[key] = point
    kinds: dict[tuple[str, ...], list[ServingPoint]] = defaultdict(list)
    for _, point in sorted(_once(newest).items()):
        case = point.case
        names = names_of(case)
        kinds[point.source, case.chip.name, names["engine"], case.model.name, regime_of(case)].append(point)
    chosen: list[ServingPoint] = []
    for _, group in sorted(kinds.items()):
        step = max(1.0, len(group) / most_of_a_kind)
        chosen += [group[int(i * step)] for i in range(min(len(group), most_of_a_kind))]
    return chosen


def _once(points: Mapping[str, ServingPoint]) -> dict[str, ServingPoint]:
    """Return the points without copies: a load measured once on a small layout and printed for larger ones of the same attention shards.

    Sources that derive chips from parallel sizes count those again that share chips: times within 3 % betray it.
    """
    of: dict[tuple[object, ...], list[tuple[int, str]]] = defaultdict(list)
    for key, point in points.items():
        case = point.case
        load = (case.tp, case.input_tok, case.output_tok, case.concurrency)
        if point.tpot_s and case.concurrency and not case.disaggregated:
            of[point.source, case.chip.name, case.model.name, names_of(case)["engine"], *load].append((case.chips, key))
    copies: set[str] = set()
    for group in of.values():
        for chips, key in group:
            own = points[key].tpot_s or 0.0
            copies.update(
                other
                for more, other in group
                if more > chips and abs(math.log((points[other].tpot_s or own) / own)) < _COPY
            )
    return {key: point for key, point in points.items() if key not in copies}


def _configuration(case: ServingCase) -> str:
    """Return what makes two rows the same configuration: all that is asked but the version of the software."""
    bare = replace(case, year=0.0, key="", source="")
    names = names_of(case)
    return f"{bare.chip.name}|{bare.model.name}|{names['engine']}|" + repr(
        [getattr(bare, f) for f in bare.__dataclass_fields__ if f not in {"chip", "model", "engine"}]
    )


def run_of(point: ServingPoint) -> str:
    """Return what rows share that were measured in one go."""
    case = point.case
    return f"{point.source}/{case.chip.name}/{case.engine}/{case.model.name}"
