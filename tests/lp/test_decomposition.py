"""Long solves by cuts: stopped, continued, started from a plan, on sparse trees drawn at random."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offtake.errors import SolverError
from offtake.lp.decomposition import Progress, decompose
from offtake.lp.solution import Status
from offtake.lp.sparse import Coordinates
from offtake.lp.stagewise import StageTree


def drawn(seed: int, *, leaves: int = 5, wide: int = 8, stages: int = 2) -> StageTree:
    """Draw a sparse tree: build eight things within sparse limits, then use them for demands that may be missed at a price."""
    rng = np.random.default_rng(seed)
    tree = StageTree(maximise=True)

    def sparse(rows: int, columns: int) -> Coordinates:
        row, col = np.nonzero(rng.random((rows, columns)) < 0.3)
        return Coordinates((rows, columns), row, col, rng.uniform(0.2, 2.0, len(row)))

    def add(parent: int | None, probability: float) -> int:
        # Columns: built (wide), used (wide), missed (wide). Rows: limits on building, use within what was built before, demand.
        limits = sparse(3, wide).placed(0, 0, (3 + 2 * wide, 3 * wide))
        k = np.arange(wide)
        own = limits.with_entries(
            [*3 + k, *3 + wide + k, *3 + wide + k], [*wide + k, *wide + k, *2 * wide + k], np.ones(3 * wide)
        )
        back = None if parent is None else Coordinates((3 + 2 * wide, 3 * wide), 3 + k, k, -rng.uniform(0.7, 1.3, wide))
        demand = np.zeros(wide) if parent is None else rng.uniform(0.0, 6.0, wide)
        return tree.add(
            parent=parent,
            probability=probability,
            cost=np.concatenate((-rng.uniform(0.5, 2.0, wide), rng.uniform(2.0, 6.0, wide), np.full(wide, -3.0))),
            high=np.concatenate((np.full(wide, 9.0), np.full(2 * wide, np.inf))),
            own=own,
            link=back,
            lower=np.concatenate((np.full(3 + wide, -np.inf), demand)),
            upper=np.concatenate((np.full(3, 12.0), np.zeros(wide), demand)),
        )

    layer = [add(None, 1.0)]
    for _ in range(stages - 1):
        layer = [add(parent, 1.0 / leaves) for parent in layer for _ in range(leaves)]
    return tree


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([(2, 1), (3, 1), (3, 2)]), st.sampled_from([None, (0.8, 0.4)]))
def test_both_ways_agree_on_sparse_trees(seed: int, shape: tuple[int, int], risk: tuple[float, float] | None) -> None:
    tree = drawn(seed, leaves=3, stages=shape[0])
    tree = tree if risk is None else tree.with_cvar(level=risk[0], weight=risk[1])
    whole, cut = tree.solve(), decompose(tree, stages=shape[1])
    assert cut.objective == pytest.approx(whole.objective, rel=1e-7, abs=1e-7)
    assert cut.status is Status.OPTIMAL
    # What is returned is a plan of that value.
    value = sum(n.probability * float(n.cost @ x) for n, x in zip(tree.nodes, cut.x, strict=True))
    assert value == pytest.approx(cut.objective, rel=1e-7, abs=1e-6)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.randoms())
def test_duplicated_and_permuted_paths_change_nothing(seed: int, rng) -> None:
    tree, twice = drawn(seed, leaves=4), StageTree(maximise=True)
    root, leaves = tree.nodes[0], tree.nodes[1:] * 2
    rng.shuffle(leaves)
    twice.add(cost=root.cost, high=root.high, own=root.own, lower=root.lower, upper=root.upper)
    for n in leaves:
        twice.add(
            parent=0, probability=1 / 8, cost=n.cost, high=n.high, own=n.own, link=n.link, lower=n.lower, upper=n.upper
        )
    assert decompose(twice).objective == pytest.approx(decompose(tree).objective, rel=1e-8, abs=1e-8)


class Stop(Exception):  # noqa: N818 - an outage, not a mistake
    """The power goes."""


def stopping(after: int, seen: list[Progress] | None = None):
    """Return a listener that ends the run from outside at a round."""

    def hear(news: Progress) -> None:
        if seen is not None:
            seen.append(news)
        if news.iteration >= after:
            raise Stop

    return hear


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_continued_solve_is_the_one_that_never_stopped(tmp_path: Path, seed: int) -> None:
    tree = drawn(seed, leaves=6, wide=12).with_cvar(level=0.8, weight=0.3)
    straight: list[Progress] = []
    never = decompose(tree, checkpoint=tmp_path / "a", every=3, progress=straight.append)
    assert never.iterations > 10
    assert not (tmp_path / "a").exists()
    parts: list[Progress] = []
    for cut_at in (4, 8):
        with pytest.raises(Stop):
            decompose(tree, checkpoint=tmp_path / "b", every=3, progress=stopping(cut_at, parts))
    last = decompose(tree, checkpoint=tmp_path / "b", every=3, progress=parts.append)
    assert (last.objective, last.bound, last.iterations) == (never.objective, never.bound, never.iterations)
    assert [x.tobytes() for x in last.x] == [x.tobytes() for x in never.x]
    # Every round of the continued run is that round of the other.
    course = {p.iteration: (p.best, p.bound, p.cuts) for p in straight}
    assert all(course[p.iteration] == (p.best, p.bound, p.cuts) for p in parts)
    assert last.objective == pytest.approx(tree.solve().objective, rel=1e-7)


def test_a_checkpoint_of_something_else_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "state"
    with pytest.raises(Stop):
        decompose(drawn(1), checkpoint=file, every=2, progress=stopping(5))
    with pytest.raises(SolverError, match="belongs to another program or other settings"):
        decompose(drawn(2), checkpoint=file, every=2)
    with pytest.raises(SolverError, match="belongs to another program or other settings"):
        decompose(drawn(1), checkpoint=file, every=2, groups=1)
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(SolverError, match="cannot be read as a checkpoint"):
        decompose(drawn(1), checkpoint=file, every=2)
    file.write_text("nothing of the kind")
    with pytest.raises(SolverError, match="cannot be read as a checkpoint"):
        decompose(drawn(1), checkpoint=file, every=2)


def test_stopped_early_it_returns_its_best_plan_with_a_bound(tmp_path: Path) -> None:
    tree = drawn(5, leaves=6, wide=12)
    best = tree.solve().objective
    event = threading.Event()

    def hear(news: Progress) -> None:
        if news.iteration == 6:
            event.set()

    found = decompose(tree, interrupt=event, progress=hear, checkpoint=tmp_path / "state", every=2)
    assert found.status is Status.INTERRUPTED
    assert found.iterations == 6
    assert found.objective <= best * (1 + 1e-9) <= found.bound * (1 + 2e-9)
    assert found.gap > 1e-6
    value = sum(n.probability * float(n.cost @ x) for n, x in zip(tree.nodes, found.x, strict=True))
    assert value == pytest.approx(found.objective)
    assert (tmp_path / "state").exists()
    assert decompose(tree, checkpoint=tmp_path / "state", every=2).objective == pytest.approx(best, rel=1e-7)


def test_ctrl_c_returns_the_best_plan_so_far() -> None:
    tree = drawn(5, leaves=6, wide=12)

    raised = []

    def once(news: Progress) -> None:
        if news.iteration == 6 and not raised:
            raised.append(news)
            raise KeyboardInterrupt

    found = decompose(tree, progress=once)
    assert found.status is Status.INTERRUPTED
    assert np.isfinite(found.bound)


def test_a_time_limit_is_kept_and_before_any_plan_it_says_so() -> None:
    tree = drawn(5, leaves=6, wide=12)
    with pytest.raises(SolverError, match="time_limit before a plan was found, after 0 rounds"):
        decompose(tree, time_limit=0.0)
    with pytest.raises(SolverError, match="no convergence in 3 rounds"):
        decompose(tree, iterations=3)


def test_a_start_at_the_optimum_saves_rounds_and_one_that_does_not_fit_is_refused() -> None:
    tree = drawn(7, leaves=6, wide=12)
    cold = decompose(tree)
    warm = decompose(tree, start=tree.solve().x[0])
    assert warm.objective == pytest.approx(cold.objective, rel=1e-8)
    with pytest.raises(ValueError, match="a start of 3 columns does not fit the master's 36"):
        decompose(tree, start=np.zeros(3))


def test_the_gap_that_progress_tells() -> None:
    assert Progress(iteration=1, best=-200.0, bound=-190.0, cuts=0).gap == pytest.approx(0.05)
    assert Progress(iteration=1, best=np.inf, bound=-190.0, cuts=0).gap == np.inf
