"""Shortages on toys whose unlimited plan is known by hand (see test_toys)."""

from __future__ import annotations

from plan_toys import EXACT, chip, site, solved, toy

from offtake.plan.shortages import shortages


def test_a_maker_of_chips_gives_less_than_is_needed():
    # Without a limit 20,000 chips are ordered in year 1; at 4,000 a year, 16,000 are missing then.
    found = solved(toy(chips=[chip(supply="4000 chip/y")]))
    messages = [f.message for f in shortages(found, EXACT)]
    assert messages == [f"needs 20,000 c chips in {found.built.problem.grid.labels[0]}; supply gives 4,000"]


def test_a_grid_gives_less_than_is_needed():
    # Ten phases of one MW could stand; the connection is for 4 MW of them, and all ten would pay.
    place = site(energised="0 MW", interconnected="4 MW", phase="1 MW", ramp="100 MW/month", shell_cost="1 M USD/MW")
    found = solved(toy(sites=[place]))
    first = shortages(found, EXACT)[0]
    assert first.code == "F105"
    assert first.message.startswith("needs 10 MW at s in ")
    assert first.message.endswith("; interconnection gives 4")


def test_nothing_is_missing_where_nothing_binds():
    assert shortages(solved(toy()), EXACT) == []
