"""What a user's own measurements tell about what they have not measured.

Publishers differ from what is predicted of them by a quarter, nearly all of it alike in all that one of them ran: their settings, their
software's release, how a chip's library took a model. So a few measurements of one's own tell more than any term. A row tells of another
question by how much the two have in common; the logarithm of measured over predicted time is taken as a sum of independent normal parts,
one for each thing that rows can share, and one of the row alone. What a question shares with the rows is then told by the rule of normal
variables (kriging; Rasmussen and Williams 2006, "Gaussian Processes for Machine Learning", section 2.2), and so is how much of its doubt
is left.

The parts' sizes, `PARTS` and `ALONE`, are round numbers near those of greatest likelihood for rows of both kinds whose publisher was left
out of the fit; the same serve training and serving. Where rows contradict each other by more than such parts allow, doubt grows as much.
How much closer predictions come is measured in `benchmarks/perf_accuracy.py`.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from offtake.errors import OfftakeError
from offtake.perf.cases import ServingCase
from offtake.perf.serving_rows import engine_family

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from offtake.perf.cases import TrainingCase, TunedBy

    Floats = NDArray[np.float64]

__all__ = [
    "ALONE",
    "MOST_RATIO",
    "MOST_ROWS",
    "PARTS",
    "Like",
    "Own",
    "OwnRow",
    "Told",
    "as_run",
    "like_of",
    "one_left_out",
    "own_of",
    "parse",
    "told",
    "told_in_words",
]

PARTS: Mapping[str, float] = MappingProxyType(
    {
        "publisher": 0.05, "family": 0.10, "chip": 0.05, "engine": 0.05, "release": 0.15, "shape": 0.15, "experts": 0.15, "run": 0.10,
    }
)  # fmt: skip
"""Standard deviation of log time of what rows share that share a publisher (all of one file do), a family of chips, a chip, an engine, its
release, the shape of a model, experts or none, and chip, release and shape at once. Assumed, near maximum likelihood."""
ALONE = 0.15
"""Standard deviation of log time of a row alone: loads and layouts that the terms miss, and runs that do not repeat. Assumed likewise."""
MOST_RATIO = 10.0
"""Measured over predicted time, or the other way, from which a row is another unit and no slower software."""
MOST_ROWS = 2000
"""Rows in one file: more would be a table to fit, and the matrix of their likeness too large."""

_VERSION = re.compile(r"(\d+)\.(\d+)")
_SHARED = ("family", "chip", "engine", "release", "shape", "experts")
_FIELDS = ("chip", "family", "vendor", "engine", "release", "model", "shape")

_Case = TypeVar("_Case", "TrainingCase", "ServingCase")


@dataclass(frozen=True, slots=True, kw_only=True)
class Like:
    """What rows may have in common; `vendor` and `model` are for people and for what a question leaves open."""

    chip: str
    family: str
    vendor: str
    engine: str
    release: str
    model: str
    shape: str
    experts: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnRow:
    """One measurement: what ran, and the logarithm of its measured over its predicted time.

    Attributes
    ----------
    software : str, year : float [y]   as the row prints them
    key : str                          name of the row
    """

    like: Like
    log_ratio: float
    software: str = ""
    year: float = 0.0
    key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Own:
    """A user's measurements, and who tunes their runs. Two are equal where they are the same object, so that what they tell can be kept."""

    rows: tuple[OwnRow, ...]
    tuned_by: TunedBy

    def document(self) -> dict[str, Any]:
        """Return it as the parameter file holds it."""
        rows = [
            {
                **{name: getattr(r.like, name) for name in _FIELDS}, "experts": r.like.experts, "log_ratio": round(r.log_ratio, 6),
                "software": r.software, "year": r.year, "key": r.key,
            }
            for r in self.rows
        ]  # fmt: skip
        return {"tuned_by": self.tuned_by, "rows": rows}


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What own rows tell of a question.

    Attributes
    ----------
    log_time : float   expected logarithm of true over predicted time
    sd : float         its standard deviation, that of a single run; infinite where there are no rows
    """

    log_time: float = 0.0
    sd: float = math.inf

    @property
    def factor(self) -> float:
        """By what predicted times are multiplied."""
        return math.exp(self.log_time)


_NOTHING = Told()


def like_of(case: TrainingCase | ServingCase) -> Like:
    """Return what a case has in common with others."""
    chip, model = case.chip, case.model
    engine = engine_family(case.engine) if isinstance(case, ServingCase) else case.engine
    version = _VERSION.search(case.engine)
    release = f"{engine} {version[0] if version else int(case.year) or ''}".strip()
    shape = f"{model.layers} x {model.hidden}, {model.heads} heads, {model.ffn} wide, {model.top_k} of {model.experts}"
    return Like(
        chip=chip.name, family=chip.family or chip.name, vendor=chip.vendor, engine=engine, release=release, model=model.name,
        shape=shape, experts=model.is_moe,
    )  # fmt: skip


def own_of(cases: Sequence[TrainingCase | ServingCase]) -> Own:
    """Return who tunes most cases, without rows yet."""
    return Own(rows=(), tuned_by=Counter(c.tuned_by for c in cases).most_common(1)[0][0])


def as_run(own: Own | None, case: _Case, *, otherwise: str = "") -> _Case:
    """Return a case as its asker runs things: who tunes it, and software that it leaves open, as in most rows on its chip.

    Without a row on the chip those of its vendor count. A question about another vendor's chip stays as it is, of software `otherwise`
    where it names none.
    """
    for near, here in (("chip", case.chip.name), ("vendor", case.chip.vendor)):
        some = [(r.software, r.year) for r in own.rows if getattr(r.like, near) == here] if own is not None else []
        if own is not None and some:
            software, year = Counter(some).most_common(1)[0][0]
            if case.engine:
                return replace(case, tuned_by=own.tuned_by)
            return replace(case, engine=software, year=case.year or year, tuned_by=own.tuned_by)
    return case if case.engine or not otherwise else replace(case, engine=otherwise)


def told(own: Own | None, like: Like) -> Told:
    """Return what measurements tell of a question.

    Examples
    --------
    One row that took twice as long as predicted, asked about itself, about another model on the same chip, and about another chip:

    >>> row = Like(chip="H100 SXM", family="hopper", vendor="NVIDIA", engine="vllm", release="vllm 0.9", model="Llama 3.1 8B",
    ...            shape="32 x 4096", experts=False)
    >>> own = Own(rows=(OwnRow(like=row, log_ratio=math.log(2.0)),), tuned_by="user")
    >>> asked = (row, replace(row, shape="64 x 5120"), replace(row, chip="A100-80 SXM", family="ampere"))
    >>> [round(told(own, one).factor, 2) for one in asked]
    [1.75, 1.45, 1.53]
    >>> round(told(own, row).sd, 3), told(None, row).sd
    (0.408, inf)
    """
    return _NOTHING if own is None or not own.rows else _told(own, like)


@lru_cache(maxsize=4096)
def _told(own: Own, like: Like) -> Told:
    solved = _solved(own)
    shared = _likeness(solved.codes, solved.code_of(like))
    after = max(sum(sd**2 for sd in PARTS.values()) - float(shared @ solved.inverse @ shared), 0.0)
    return Told(log_time=float(shared @ solved.weights), sd=math.sqrt((after + ALONE**2) * solved.misfit))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Solved:
    """Rows put together, those alike in everything as one: what their mean tells is all that they tell.

    Attributes
    ----------
    known : mapping of (field, name) to number
    codes : int64[field, run]     names as numbers
    inverse : float64[run, run]   of the covariance of the means
    weights : float64[run]        what multiplies likeness to them
    misfit : float                by how much the rows differ more than their covariance allows (variance, at least 1)
    """

    known: Mapping[tuple[str, object], int]
    codes: NDArray[np.int64]
    inverse: Floats
    weights: Floats
    misfit: float

    def code_of(self, like: Like) -> NDArray[np.int64]:
        """Return a question's names as numbers, -1 where no row has them: int64[field, 1]."""
        return np.array([[self.known.get((name, getattr(like, name)), -1)] for name in _SHARED], dtype=np.int64)


@lru_cache(maxsize=8)
def _solved(own: Own) -> _Solved:
    runs: dict[tuple[object, ...], list[float]] = defaultdict(list)
    for row in own.rows:
        runs[tuple(getattr(row.like, name) for name in _SHARED)].append(row.log_ratio)
    known, codes = _coded(runs)
    means = np.array([np.mean(logs) for logs in runs.values()])
    noise = np.array([ALONE**2 / len(logs) for logs in runs.values()])
    covariance = np.array([_likeness(codes, codes[:, [i]]) for i in range(len(runs))]) + np.diag(noise)
    inverse = np.asarray(np.linalg.inv(covariance), dtype=np.float64)
    # r' K^-1 r of all rows: of the means, and of what rows of one run differ by
    within = sum(float(np.sum((np.array(logs) - mean) ** 2)) for logs, mean in zip(runs.values(), means, strict=True))
    misfit = (float(means @ inverse @ means) + within / ALONE**2) / len(own.rows)
    return _Solved(known=known, codes=codes, inverse=inverse, weights=inverse @ means, misfit=max(1.0, misfit))


def _coded(runs: Iterable[tuple[object, ...]]) -> tuple[dict[tuple[str, object], int], NDArray[np.int64]]:
    """Return names as numbers: (of each, of each run: int64[field, run])."""
    known: dict[tuple[str, object], int] = {}
    rows = [[known.setdefault(pair, len(known)) for pair in zip(_SHARED, run, strict=True)] for run in runs]
    return known, np.array(rows, dtype=np.int64).T


def _likeness(codes: NDArray[np.int64], asked: NDArray[np.int64]) -> Floats:
    """Return the covariance of the log time of a question with that of runs: float64[run]."""
    same = dict(zip(_SHARED, codes == asked, strict=True))
    run = same["chip"] & same["release"] & same["shape"]
    found = PARTS["publisher"] ** 2 + PARTS["run"] ** 2 * run
    return np.asarray(found + sum(PARTS[name] ** 2 * alike for name, alike in same.items()), dtype=np.float64)


def told_in_words(own: Own | None, case: TrainingCase | ServingCase) -> tuple[str, ...]:
    """Say what measurements tell of a case, and whose software it was taken to run."""
    if own is None or not own.rows:
        return ()
    found = told(own, like_of(case))
    count = f"{len(own.rows)} own measurement" + ("s" if len(own.rows) > 1 else "")
    software = f" ({case.engine}{f' of {int(case.year)}' if case.year else ''})" if case.engine else ""
    return (f"{count}{software}: {found.factor:.3g} times the time predicted without them",)


def one_left_out(own: Own) -> tuple[float, ...]:
    """Return what all other rows tell of each: log time, in the order of the rows (same book, equation 5.12).

    Examples
    --------
    >>> like = Like(chip="c", family="f", vendor="v", engine="e", release="e 1", model="m", shape="s", experts=False)
    >>> first, second = (OwnRow(like=like, log_ratio=v) for v in (0.5, 0.3))
    >>> both, one = (Own(rows=rows, tuned_by="user") for rows in ((first, second), (second,)))
    >>> round(one_left_out(both)[0], 9) == round(told(one, like).log_time, 9)
    True
    """
    if not own.rows:
        return ()
    # each row as a run of its own
    alone = [tuple(getattr(row.like, name) for name in _SHARED) for row in own.rows]
    _, codes = _coded(alone)
    logs = np.array([row.log_ratio for row in own.rows])
    covariance = np.array([_likeness(codes, codes[:, [i]]) for i in range(len(logs))]) + ALONE**2 * np.eye(len(logs))
    inverse = np.linalg.inv(covariance)
    return tuple(float(v) for v in logs - inverse @ logs / np.diag(inverse))


def parse(part: object, where: str) -> Own | None:
    """Read a user's measurements from a parameter file.

    Raises
    ------
    OfftakeError
        They are not as `Own.document` writes them (the entry is named).
    """
    if part is None:
        return None
    at = f"{where}: own"
    if not isinstance(part, dict) or not isinstance(part.get("rows"), list):
        raise OfftakeError(f"{at}: holds no list of rows; offtake perf calibrate writes it")
    tuned_by = part.get("tuned_by", "vendor")
    if tuned_by not in ("vendor", "user", "nobody"):  # a list of them, since what a file holds may have no hash
        raise OfftakeError(f"{at}.tuned_by: is vendor, user or nobody, not {str(tuned_by)[:40]!r}")
    if len(part["rows"]) > MOST_ROWS:
        raise OfftakeError(_too_many(at, len(part["rows"])))
    rows = []
    for n, row in enumerate(part["rows"]):
        try:
            like = Like(**{name: _text(row[name]) for name in _FIELDS}, experts=bool(row["experts"]))
            rows.append(
                OwnRow(
                    like=like, log_ratio=_finite(row["log_ratio"]), software=_text(row.get("software", "")),
                    year=_finite(row.get("year", 0.0), most=1e4), key=_text(row.get("key", "")),
                )
            )  # fmt: skip
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise OfftakeError(f"{at}.rows[{n}]: cannot be read: {error}") from error
    return Own(rows=tuple(rows), tuned_by=tuned_by)


def _too_many(where: str, rows: int) -> str:
    return f"{where}: {rows} rows, at most {MOST_ROWS}; a table as large as that is one to fit"


def _finite(value: object, most: float = math.log(MOST_RATIO) + 1e-6) -> float:
    number = float(value)  # type: ignore[arg-type]
    if not abs(number) <= most:
        raise ValueError(f"{number:g} is beyond {most:.3g}")
    return number


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{str(value)[:40]!r} is no text")
    return value[:200]
