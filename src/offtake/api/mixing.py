"""Several paths' documents and tables told as one: means weighted by probability, the largest of a peak, and what words come to.

A number is the mean over the paths, where its name begins with `peak_` the largest and with `min_cash` the smallest; a row that a path
lacks counts as zero there. A number that has no meaning in some paths (a rate of return without a root, say) is the mean over the others,
and says in which share of the probability it has one. A date is the weighted median of those that there are; words are those of the most
probable kind. Sums are rounded once, so that the order of the paths changes no bit.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from offtake.tables import Table

if TYPE_CHECKING:
    from offtake.plan.findings import Finding
    from offtake.plan.problem import Float

__all__ = [
    "LEAST",
    "PEAK",
    "Mixed",
    "expected",
    "mean_table",
    "middle",
    "mixed_document",
    "mixed_findings",
    "worst_certificate",
]

PEAK = "peak_"
"""Numbers whose name begins so are the largest over the paths, not the mean."""
LEAST = "min_cash"
"""Numbers whose name begins so are the smallest over the paths: a mean of least cash would hide the path that runs out of it."""

_ROWS: Mapping[str, tuple[str, ...]] = {
    "training": ("run",),
    "commitments": ("clause", "kind", "scope"),
    "intervals": ("start", "end"),
    "amendments": ("number",),
    "clauses": ("clause", "party"),
    "cases": ("case",),
}
"""What names a row of a list of the document; other lists are told by position."""

_DATE = re.compile(r"\d{4}-\d\d-\d\d")


class _Absent:
    """A row or a key that a path does not have."""


_ABSENT = _Absent()


@dataclass(frozen=True, slots=True)
class Mixed:
    """A document over paths.

    Attributes
    ----------
    document : dict
    partly : dict      dotted path → {share_frac, reason}: numbers and dates that some paths lack, and words that differ
    """

    document: dict[str, Any]
    partly: dict[str, dict[str, Any]] = field(default_factory=dict)


def expected(values: Sequence[float], weights: Sequence[float]) -> float:
    """Weighted mean over what is finite; equal values are returned as they are, NaN where nothing is.

    Examples
    --------
    >>> expected([1.0, 4.0, math.nan], [0.5, 0.25, 0.25])
    2.0
    >>> expected([0.1, 0.1, 0.1], [1 / 3, 1 / 3, 1 / 3])
    0.1
    """
    kept = [(v, w) for v, w in zip(values, weights, strict=True) if math.isfinite(v) and w > 0]
    if not kept:
        return math.nan
    if all(v == kept[0][0] for v, _ in kept):
        return kept[0][0]
    return math.fsum(v * w for v, w in kept) / math.fsum(w for _, w in kept)


def middle(values: Sequence[str], weights: Sequence[float]) -> str:
    """Weighted median of dates: the first by which half of the probability is reached.

    Examples
    --------
    >>> middle(["2031-01-01", "2030-01-01", "2033-01-01"], [0.2, 0.4, 0.4])
    '2031-01-01'
    """
    half, sofar = 0.5 * math.fsum(weights), 0.0
    for value, weight in sorted(zip(values, weights, strict=True)):
        sofar += weight
        if sofar >= half * (1 - 1e-12):
            return value
    return max(values)


def mixed_document(documents: Sequence[Mapping[str, Any]], probability: Float, *, leave: frozenset[str]) -> Mixed:
    """Mix the documents of several paths.

    Parameters
    ----------
    documents : sequence of mappings    one for each path
    probability : float64[path]         sums to 1
    leave : frozenset of str            keys of the whole that are told in another way; they are left out

    Examples
    --------
    >>> paths = [{"npv_usd": 10.0, "peak_it_power_mw": 5.0}, {"npv_usd": 20.0, "peak_it_power_mw": 3.0}]
    >>> mixed_document(paths, np.array([0.75, 0.25]), leave=frozenset()).document
    {'npv_usd': 12.5, 'peak_it_power_mw': 5.0}
    """
    mixing = _Mixing([float(p) for p in probability], [d.get("reasons", {}) for d in documents])
    kept = [{k: v for k, v in d.items() if k not in leave} for d in documents]
    return Mixed(mixing.mapping(kept, ""), mixing.partly)


@dataclass(slots=True)
class _Mixing:
    """One pass over documents of the same shape."""

    weights: list[float]
    reasons: Sequence[Mapping[str, str]]
    partly: dict[str, dict[str, Any]] = field(default_factory=dict)

    def value(self, values: Sequence[Any], path: str, name: str) -> Any:  # noqa: ANN401
        """Mix one value of each path."""
        given = [v for v in values if v is not None and v is not _ABSENT]
        if not given:
            return None
        if isinstance(given[0], Mapping):
            return self.mapping([v if isinstance(v, Mapping) else {} for v in values], path)
        if isinstance(given[0], list):
            return self.rows([v if isinstance(v, list) else [] for v in values], path, name)
        if isinstance(given[0], str):
            return self.words(values, path)
        if isinstance(given[0], bool):
            return all(v is True for v in values)
        return self.number(values, path, name)

    def mapping(self, values: Sequence[Mapping[str, Any]], path: str) -> dict[str, Any]:
        """Mix key by key, in the order in which they first come."""
        found: dict[str, Any] = {}
        for key in dict.fromkeys(k for v in values for k in v):
            below = f"{path}.{key}" if path else key
            own = [v.get(key, _ABSENT) for v in values]
            found[key] = self.value(own, below, key)
            if any(isinstance(v, bool) for v in own):
                found[f"{key}_share_frac"] = self.share(v is True for v in own)
        return found

    def rows(self, values: Sequence[Sequence[Any]], path: str, name: str) -> list[Any]:
        """Mix rows of the same name; numbers in a list one by one, if each path has as many."""
        if not any(isinstance(row, Mapping) for rows in values for row in rows):
            if len({len(v) for v in values}) > 1:
                self.note(path, [True] * len(values), "the paths differ in how many there are")
                return []
            return [self.value(own, path, name) for own in zip(*values, strict=True)]
        by_key = [dict(zip(_named(rows, _ROWS.get(name, ())), rows, strict=True)) for rows in values]
        return [
            self.mapping([own.get(key, {}) for own in by_key], f"{path}.{k}")
            for k, key in enumerate(_in_order([list(own) for own in by_key]))
        ]

    def number(self, values: Sequence[Any], path: str, name: str) -> float | int:
        """Mix numbers: a missing row is zero, a null has no meaning and is left out."""
        known = [v is not None for v in values]
        plain = [0.0 if v is _ABSENT else math.nan if v is None else v for v in values]
        if not all(known):
            self.note(path, known, self.reason(path, known))
        if name.startswith(PEAK):
            return max(v for v in plain if not math.isnan(v))
        if name.startswith(LEAST):
            return min(v for v in plain if not math.isnan(v))
        return expected(plain, self.weights)

    def words(self, values: Sequence[Any], path: str) -> str:
        """Mix words: the same in all, the median of dates, or what is most probable."""
        known = [isinstance(v, str) for v in values]
        given = [(v, w) for v, w in zip(values, self.weights, strict=True) if isinstance(v, str)]
        if any(v is None for v in values):
            self.note(path, known, self.reason(path, known))
        if len({v for v, _ in given}) == 1:
            return str(given[0][0])
        if all(_DATE.fullmatch(v) for v, _ in given):
            return middle([v for v, _ in given], [w for _, w in given])
        chances: dict[str, float] = {}
        for v, w in given:
            chances[v] = chances.get(v, 0.0) + w
        likeliest = max(sorted(chances), key=lambda v: chances[v])
        self.note(path, [v == likeliest for v in values], "it differs between paths")
        return likeliest

    def share(self, holds: Any) -> float:  # noqa: ANN401  (an iterable of bool)
        """Probability of the paths in which something holds."""
        told = [bool(h) for h in holds]
        return 1.0 if all(told) else math.fsum(w for w, h in zip(self.weights, told, strict=True) if h)

    def note(self, path: str, holds: Sequence[bool], reason: str) -> None:
        """Remember that a value stands for a part of the paths."""
        self.partly[path] = {"share_frac": self.share(holds), "reason": reason}

    def reason(self, path: str, known: Sequence[bool]) -> str:
        """Say why the first path without a value has none."""
        said = (r.get(path) for r, k in zip(self.reasons, known, strict=True) if not k)
        return next((r for r in said if r), "it has no meaning there")


def _named(rows: Sequence[Mapping[str, Any]], keys: Sequence[str]) -> list[tuple[Any, ...]]:
    """Name rows by their keys and how often the same came before; by position where there are no keys."""
    if not keys:
        return [(k,) for k in range(len(rows))]
    return _numbered([tuple(row.get(key) for key in keys) for row in rows])


def _numbered(keys: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Tell the same key apart by how often it came before."""
    seen: dict[tuple[Any, ...], int] = {}
    found = []
    for key in keys:
        seen[key] = seen.get(key, -1) + 1
        found.append((*key, seen[key]))
    return found


def _in_order(every: Sequence[Sequence[tuple[Any, ...]]]) -> list[tuple[Any, ...]]:
    """Put the keys of all paths in one order: each new one after the one that it follows in its own path."""
    order = list(every[0])
    for keys in every[1:]:
        if keys == order:
            continue
        known = set(order)
        after: dict[tuple[Any, ...] | None, list[tuple[Any, ...]]] = {}
        last: tuple[Any, ...] | None = None
        for key in keys:
            if key in known:
                last = key
            else:
                after.setdefault(last, []).append(key)
        order = [*after.get(None, ()), *(k for known_key in order for k in (known_key, *after.get(known_key, ())))]
    return order


def mean_table(
    tables: Sequence[Table], probability: Float, *, key: Sequence[str] = (), note: Callable[[str], str] = lambda n: n
) -> Table:
    """Mix one table of several paths by its key columns.

    Parameters
    ----------
    tables : sequence of Table       of the same columns, one for each path
    probability : float64[path]
    key : sequence of str            columns that name a row; all that hold no float and no yes or no, if empty
    note : function of the note      what the mixed table says of itself

    Returns
    -------
    Table     means; a row that a path lacks counts as zero, NaN is left out; yes where it is yes in any path; other columns that are no
              key are those of the first path that has the row

    Examples
    --------
    >>> from offtake.tables import Column
    >>> columns = (Column("site"), Column("mw", "MW", "", "float"))
    >>> both = [Table("t", columns, [("a", 10.0)]), Table("t", columns, [("a", 20.0), ("b", 8.0)])]
    >>> mean_table(both, np.array([0.5, 0.5])).rows()
    [{'site': 'a', 'mw': 15.0}, {'site': 'b', 'mw': 4.0}]
    """
    first = tables[0]
    chosen = [c.name for c in first.columns if (c.name in key if key else c.kind not in ("float", "bool"))]
    names = [_numbered([*zip(*(t[n].tolist() for n in chosen), strict=True)] if len(t) else []) for t in tables]
    order = _in_order(names)
    at = [{k: i for i, k in enumerate(own)} for own in names]
    where = [[own.get(k, -1) for k in order] for own in at]
    weights = [float(p) for p in probability]
    data = {c.name: _mixed_column(c.name, c.kind, [t[c.name] for t in tables], where, weights) for c in first.columns}
    return Table(first.name, first.columns, data, first.title, note(first.note))


def _mixed_column(
    name: str, kind: str, columns: Sequence[Any], where: Sequence[Sequence[int]], weights: list[float]
) -> Any:  # noqa: ANN401
    """Mix one column; `where` is the place of each row in each path's table, −1 where it has none."""
    lists = [c.tolist() for c in columns]
    cells = [
        *zip(*([own[i] if i >= 0 else _ABSENT for i in at] for own, at in zip(lists, where, strict=True)), strict=True)
    ]
    if kind == "bool":
        return np.array([any(v is True for v in row) for row in cells], dtype=bool)
    if kind != "float":
        return [next(v for v in row if v is not _ABSENT) for row in cells]
    plain = ([0.0 if v is _ABSENT else v for v in row] for row in cells)
    if name.startswith(PEAK):
        return np.array([max((v for v in row if not math.isnan(v)), default=math.nan) for row in plain], dtype=float)
    return np.array([expected(row, weights) for row in plain], dtype=float)


def mixed_findings(each: Sequence[Sequence[Finding]], probability: Float) -> list[Finding]:
    """Tell what the paths could not do: each finding once, with the share of the probability in which it stands.

    Findings about the same are one, told as on the path where most is missing, else on the most probable of its paths; the order is that
    of the paths.

    Examples
    --------
    >>> from offtake.plan.findings import Finding
    >>> def cash(bn):
    ...     return Finding(severity="warning", code="F102", message=f"needs a loan of {bn} bn USD", about="developer", size=bn)
    >>> [f.message for f in mixed_findings([[cash(3)], [], [cash(2)]], np.array([0.2, 0.5, 0.3]))]
    ['in 2 of 3 paths (50 % of the probability), worst in path 0: needs a loan of 3 bn USD']
    """
    found: dict[tuple[str, str, str], list[tuple[int, Finding]]] = {}
    for path, own in enumerate(each):
        for finding in own:
            found.setdefault((finding.severity, finding.code, finding.about or finding.message), []).append(
                (path, finding)
            )
    told = []
    for rows in found.values():
        paths = sorted({path for path, _ in rows})
        path, finding = max(rows, key=lambda row: (row[1].size, probability[row[0]], -row[0]))
        differ = len({f.message for _, f in rows}) > 1
        told_as = f"{'worst' if differ and finding.size else 'as'} in path {path}"
        if len(paths) < len(each):
            share = f"{100 * float(probability[paths].sum()):.2g} %"
            head = f"in {len(paths)} of {len(each)} paths ({share} of the probability), {told_as}: "
        else:
            head = f"in all paths, {told_as}: " if differ else ""
        told.append(replace(finding, message=head + finding.message, short=any(f.short for _, f in rows)))
    return told


def worst_certificate(each: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Put the certificates of all paths together: every violation the largest of any path, sound only where all are."""
    first = each[0]
    found: dict[str, Any] = {"paths": len(each)}
    for key, value in first.items():
        own = [c[key] for c in each]
        if isinstance(value, dict):
            found[key] = worst_certificate(own)
        elif isinstance(value, bool):
            found[key] = all(own)
        elif key == "failures":
            found[key] = [f"path {p}: {words}" for p, failures in enumerate(own) for words in failures]
        elif key in ("objective", "objective_recomputed", "bound", "dual_objective", "model_hash"):
            found[key] = own
        elif key == "money_difference_at":
            found[key] = own[int(np.argmax([c["money_difference_usd"] for c in each]))]
        elif isinstance(value, float | int) and all(isinstance(v, float | int) for v in own):
            found[key] = max(own)
        else:
            found[key] = value if all(v == value for v in own) else own
    return found
