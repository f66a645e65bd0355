"""What binds is said by the names of sites, chips and clouds; every limit of a plan has its words."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from offtake import api
from offtake.api.limit_words import limit_words
from offtake.api.prepare import world_of
from offtake.plan.bottlenecks import limit_kinds
from offtake.plan.compile import compile_problem


@dataclass(frozen=True)
class Named:
    limit: str
    block: str
    item: str


@pytest.fixture(scope="module")
def problem(root):
    return compile_problem(world_of(api.load(root / "examples" / "alliance-5gw.yaml", overlays=()).scenario))


WORDS = (
    ("interconnection", "new-carlisle", "grid connection of New Carlisle, Indiana"),
    ("power", "madison", "power that stands at Madison Mega Site, Mississippi"),
    ("phases", "candidate-ohio", "building pace at Candidate site, Ohio (invented)"),
    ("chip_supply", "trainium4", "supply of Trainium4"),
    ("rented", "google-us/2", "outside supply of TPU7x by google in us, price step 2 of 2"),
    ("rented", "azure-us/1", "outside supply of GB200 by azure in us"),
    ("training_rate", "frontier-1", "shortest duration of training run frontier-1"),
    ("tokens", "agentic-us-cloud/1", "demand for agentic in us, cloud, price step 1 of 3"),
    ("facility_offtaker", "", "credit line of the developer"),
    ("facility_provider", "", "credit line of the cloud"),
    ("cash_offtaker", "", "least cash of the developer"),
    ("cash_provider", "", "least cash of the cloud"),
    ("ceiling", "", "as named"),
    ("rented", "nobody/1", "as named"),
)


@pytest.mark.parametrize(("block", "item", "words"), WORDS)
def test_a_limit_is_said_by_the_names_of_the_scenario(problem, block, item, words):
    assert limit_words(problem, [Named("as named", block, item)])[0] == {"limit": "as named", "words": words}


def test_no_kind_of_limit_is_left_without_words(problem):
    told = {block for block, _, _ in WORDS}
    assert {kind.block for kind in limit_kinds(problem)} <= told


def test_each_limit_stands_once_and_demand_by_class_too(problem):
    found = [Named("demand agentic-us-cloud/1", "tokens", "agentic-us-cloud/1")] * 2
    assert [row["limit"] for row in limit_words(problem, found)] == ["demand agentic-us-cloud/1", "demand for agentic"]


def test_every_limit_of_a_run_is_in_the_table(root):
    answer = api.plan(root / "examples" / "first-site.yaml")
    named = set(answer.tables["limits"]["limit"])
    for table in ("bottlenecks", "reliefs"):
        assert set(answer.tables[table]["limit"]) <= named
    assert {b["limit"] for b in answer.document["bottlenecks"]} <= named
