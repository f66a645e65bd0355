"""Two runs side by side: which inputs differ, and what came of it.

Both documents are flattened to dotted paths. An element of a list is named by what identifies it (`bottlenecks[interconnection
at madison, 2027-Q3].price`), so that a list with one more element does not shift the rest.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from offtake.tables import Column, Table

if TYPE_CHECKING:
    from offtake.runs.record import RunRecord

__all__ = ["Comparison", "compare", "difference", "flatten"]

IDENTIFYING = (
    "id",
    "case",
    "name",
    "commitment",
    "limit",
    "party",
    "site",
    "chip",
    "class",
    "channel",
    "period",
    "year",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The differences of two runs.

    Parameters
    ----------
    inputs : Table     path, a, b as text: every input that differs
    results : Table    path, a, b, difference, relative: every number of the documents, equal ones too
    facts : Table      what, a, b as text: scenario, run id, versions, seed, and texts of the documents that differ
    causes : Table     the difference in value, cash and power split by cause; None where it cannot be
    why : str          why there is no split
    """

    inputs: Table
    results: Table
    facts: Table
    causes: Table | None = None
    why: str = ""


def flatten(value: Any, path: str = "") -> dict[str, Any]:  # noqa: ANN401
    """Give every leaf of a JSON value under its dotted path.

    Examples
    --------
    >>> flatten({"gap": 0.1, "cases": [{"case": "low", "npv_usd": 1.0}], "x": [1, 2]})
    {'gap': 0.1, 'cases[low].case': 'low', 'cases[low].npv_usd': 1.0, 'x[0]': 1, 'x[1]': 2}
    """
    if isinstance(value, Mapping):
        pairs = [(f"{path}.{k}" if path else str(k), v) for k, v in value.items()]
    elif isinstance(value, Sequence) and not isinstance(value, str):
        pairs = [(f"{path}[{k}]", v) for k, v in zip(_labels(value), value, strict=True)]
    else:
        return {path: value}
    return {leaf: v for sub, child in pairs for leaf, v in flatten(child, sub).items()}


def _labels(items: Sequence[Any]) -> list[str]:
    """Name the elements of a list by their identifying keys where those are unique, else by position."""
    if items and all(isinstance(i, Mapping) for i in items):
        keys = [k for k in IDENTIFYING if all(isinstance(i.get(k), str | int) for i in items)]
        labels = [", ".join(str(i[k]) for k in keys) for i in items]
        if keys and len(set(labels)) == len(labels):
            return labels
    return [str(i) for i in range(len(items))]


def difference(a: Mapping[str, Any], b: Mapping[str, Any], *, name: str = "differences") -> Table:
    """List the leaves that differ, as text, in the order of `a`; what only one side has is empty on the other."""
    left, right = flatten(a), flatten(b)
    paths = [p for p in {**left, **right} if p not in left or p not in right or left[p] != right[p]]
    columns = (Column("path", "", "", "text"), Column("a", "", "", "text"), Column("b", "", "", "text"))
    return Table(name, columns, [(p, _word(left.get(p)), _word(right.get(p))) for p in paths])


def compare(a: RunRecord, b: RunRecord) -> Comparison:
    """Compare the inputs and results of two runs; timings are left out.

    Examples
    --------
    >>> from offtake.runs.manifest import Manifest
    >>> from offtake.runs.record import RunRecord
    >>> m = Manifest(scenario="s", run_id="0", foresight="perfect", seed=0)
    >>> one = RunRecord(manifest=m, document={"objective_usd": 10.0}, scenario={"seed": 1})
    >>> two = RunRecord(manifest=m, document={"objective_usd": 12.0}, scenario={"seed": 2})
    >>> compare(one, two).results["difference"].tolist(), compare(one, two).inputs["b"].tolist()
    ([2.0], ['2'])
    """
    left, right = _document(a), _document(b)
    rows = [
        (p, left.get(p), right.get(p), *_step(left.get(p), right.get(p)))
        for p in {**left, **right}
        if _number(left.get(p)) or _number(right.get(p))
    ]
    numbers = tuple(Column(n, "", "", "float") for n in ("a", "b", "difference"))
    results = Table(
        "results",
        (Column("path", "", "", "text"), *numbers, Column("relative", "frac", "", "float")),
        [(p, *(v if _number(v) else None for v in values)) for p, *values in rows],
    )
    texts = [{p: v for p, v in d.items() if not _number(v)} for d in (left, right)]
    facts = difference({**_facts(a), **texts[0]}, {**_facts(b), **texts[1]}, name="facts")
    return Comparison(inputs=difference(a.scenario, b.scenario, name="inputs"), results=results, facts=facts)


def _document(record: RunRecord) -> dict[str, Any]:
    return flatten({k: v for k, v in record.document.items() if k != "timings"})


def _facts(record: RunRecord) -> dict[str, Any]:
    m = record.manifest
    return {
        "run": {"scenario": m.scenario, "run_id": m.run_id, "seed": m.seed, "foresight": m.foresight},
        "versions": m.versions,
        "options": m.options,
    }


def _number(value: Any) -> bool:  # noqa: ANN401
    return isinstance(value, int | float) and not isinstance(value, bool)


DUST = 1e-9
"""Relative difference below which two solves of one figure are the same: what the solver leaves in the last digits."""


def _step(a: Any, b: Any) -> tuple[float | None, float | None]:  # noqa: ANN401
    """Give b − a, and the same over |a|; None where one side is missing or a is zero; dust is no difference.

    Examples
    --------
    >>> _step(100.0, 101.0), _step(1e9, 1e9 + 0.01), _step(0.0, 1e-12)
    ((1.0, 0.01), (0.0, 0.0), (0.0, None))
    """
    if not (_number(a) and _number(b)):
        return None, None
    step = float(b) - float(a)
    if abs(step) <= DUST * max(abs(a), abs(b), 1e-3):
        step = 0.0
    return step, (step / abs(a) if a and math.isfinite(step) else None)


def _word(value: Any) -> str:  # noqa: ANN401
    return "" if value is None else str(value)
