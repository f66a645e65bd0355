"""Parts that add up, whatever the worlds."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offtake.risk.shapley import rounded, shapley

CAUSES = ("price", "volume", "timing", "terms")
TABLES = st.lists(st.integers(-(10**14), 10**14), min_size=16, max_size=16)


def world(table: list[int]):
    def figures(from_b: frozenset[str]) -> dict[str, int]:
        return {"value": table[sum(1 << k for k, c in enumerate(CAUSES) if c in from_b)]}

    return figures


@given(TABLES)
def test_parts_add_up_to_the_difference(table):
    parts = shapley(CAUSES, world(table))["value"]
    assert sum(parts.values()) == table[15] - table[0]


@given(TABLES)
def test_the_other_way_round_gives_the_opposite_parts(table):
    there = shapley(CAUSES, world(table))["value"]
    back = shapley(CAUSES, world(table[::-1]))["value"]  # the complement of every set of causes
    assert back == {cause: -part for cause, part in there.items()}


def test_a_cause_that_changes_nothing_gets_nothing_and_a_product_is_shared_as_by_hand():
    def revenue(from_b: frozenset[str]) -> dict[str, int]:
        return {"revenue": (5 if "price" in from_b else 3) * (20 if "volume" in from_b else 10)}

    # price first 2 x 10, price last 2 x 20: mean 30; volume first 10 x 3, volume last 10 x 5: mean 40
    assert shapley(("price", "volume", "terms"), revenue) == {"revenue": {"price": 30, "volume": 40, "terms": 0}}


@given(st.dictionaries(st.sampled_from("abcdef"), st.fractions(-1000, 1000), min_size=1))
def test_rounding_keeps_the_total_and_the_sign(parts):
    total = round(sum(parts.values()))
    short = total - sum(parts.values())
    first = next(iter(parts))
    exact = {**parts, first: parts[first] + short}
    found = rounded(exact, total)
    assert sum(found.values()) == total
    assert all(abs(found[n] - exact[n]) < 1 for n in exact)
    assert rounded({n: -v for n, v in exact.items()}, -total) == {n: -v for n, v in found.items()}


def test_no_causes_no_parts():
    assert shapley((), lambda _: {"value": 7}) == {"value": {}}
    assert rounded({}, 0) == {}
    assert rounded({"a": Fraction(0)}, 0) == {"a": 0}


@pytest.mark.parametrize("count", [1, 5])
def test_every_world_is_asked_for_once(count):
    asked: list[frozenset[str]] = []

    def figures(from_b: frozenset[str]) -> dict[str, int]:
        asked.append(from_b)
        return {"x": len(from_b)}

    parts = shapley([str(k) for k in range(count)], figures)["x"]
    assert len(asked) == len(set(asked)) == 2**count
    assert set(parts.values()) == {1}
