"""Quantities: exact conversion, the closed table, and refusals that say how to write it."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offtake.errors import UnitError
from offtake.units import SUFFIXES, example_of, format_quantity, key_of, parse_quantity, parse_unit, suffix_of, unit_of


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("500 MW", "MW", 500.0),
        ("5 GW", "MW", 5000.0),
        ("1 GWh", "MWh", 1000.0),
        ("12 %", "%", 0.12),
        ("12%", "%", 0.12),
        ("0.12", "%", 0.12),
        ("12 %/y", "%/y", 0.12),
        ("1 %/month", "%/y", 0.12),
        ("0.1/y", "%/y", 0.1),
        ("26 months", "month", 26.0),
        ("2 years", "month", 24.0),
        ("18 months", "y", 1.5),
        ("90 days", "d", 90.0),
        ("2 weeks", "d", 14.0),
        ("40 ms/tok", "s/tok", 0.04),
        ("5 bn USD", "USD", 5e9),
        ("5e9 USD", "USD", 5e9),
        ("5bn USD", "USD", 5e9),
        ("8_000 USD/chip", "USD/chip", 8000.0),
        ("2.10 USD/chip-h", "USD/chip-h", 2.1),
        ("2.10 USD/h/chip", "USD/chip-h", 2.1),
        ("14 M USD/MW", "USD/MW", 14e6),
        ("14 USD/W", "USD/MW", 14e6),
        ("0.5 M USD/MW-year", "USD/MW-y", 0.5e6),
        ("8.5 USD/kWh", "USD/MWh", 8500.0),
        ("1.5 USD/Mtok", "USD/Mtok", 1.5),
        ("1.5e-6 USD/tok", "USD/Mtok", 1.5),
        ("18 T tok/d", "tok/d", 18e12),
        ("18 Ttok/d", "tok/d", 18e12),
        ("1.2 M chip", "chip", 1.2e6),
        ("1000 chips/month", "chip/y", 12000.0),
        ("2 EFLOP/s", "FLOP/s", 2e18),
        ("3e26 FLOP", "FLOP", 3e26),
        ("96 GB", "B", 96e9),
        ("1 GiB", "B", 2.0**30),
        ("350 g/kWh", "g/kWh", 350.0),
        ("0.35 t/MWh", "g/kWh", 350.0),
        ("1.15", "", 1.15),
        ("250 bn", "", 250e9),
        ("-3 USD", "USD", -3.0),
        (".5", "", 0.5),
    ],
)  # fmt: skip
def test_reads(text, unit, value):
    assert parse_quantity(text, unit) == value  # exactly: one rounding


@pytest.mark.parametrize(
    ("text", "unit", "code", "said"),
    [
        ("500", "MW", "E301", "`500 MW`"),
        ("5 bn", "USD", "E301", "`5 bn USD`"),
        ("500 MWh", "MW", "E303", "MWh is energy"),
        ("500 MW", "MWh", "E303", "MW is power"),
        ("10 %", "%/y", "E303", "`10 %/y`"),
        ("10 %/y", "%", "E303", "leave `/y` away"),
        ("2 USD/chip", "USD/chip-h", "E303", "chip and hour"),
        ("2 USD", "chip", "E303", "expected chips"),
        ("5 mw", "MW", "E302", "did you mean `MW`"),
        ("5 Megawatt", "MW", "E302", "no unit 'Megawatt'"),
        ("5 USDD", "USD", "E302", "did you mean `USD`"),
        ("5 EUR", "USD", "E302", "amounts are in USD"),
        ("5 TFLOPS", "FLOP/s", "E302", "`TFLOP/s`"),
        ("5 tokens", "tok", "E302", "`tok`"),
        ("5 MW//y", "MW", "E302", "cannot be read"),
        ("$5", "USD", "E304", "`5 USD`"),
        ("", "MW", "E304", "number"),
        ("five MW", "MW", "E304", "`500 MW`"),
        ("1,000 MW", "MW", "E304", "comma"),
        ("1 000 MW", "MW", "E304", "one number"),
        ("5 - 9 MW", "MW", "E304", "low"),
        ("5-9 MW", "MW", "E304", "low"),
        ("1" * 200, "MW", "E304", "too long"),
        ("nan", "", "E305", "finite"),
        (".inf MW", "MW", "E305", "finite"),
        ("-Infinity", "", "E305", "finite"),
        ("1e400", "", "E305", "range"),
        ("1e99999999999999", "", "E305", "range"),
    ],
)  # fmt: skip
def test_refuses(text, unit, code, said):
    with pytest.raises(UnitError) as caught:
        parse_quantity(text, unit)
    assert caught.value.code == code
    assert said in str(caught.value)


def test_energy_is_power_times_time():
    assert parse_unit("MW-h").dimension == parse_unit("MWh").dimension
    assert parse_unit("MW-h").scale == parse_unit("MWh").scale


def test_every_suffix_has_a_unit_and_an_example_that_it_reads():
    for suffix, unit in SUFFIXES.items():
        assert suffix_of(f"x_{suffix}") == suffix
        assert key_of(f"x_{suffix}") == "x"
        assert unit_of(f"x_{suffix}") == unit
        assert math.isfinite(parse_quantity(example_of(unit), unit))


def test_suffix_is_the_longest():
    assert suffix_of("price_usd_per_mw_y") == "usd_per_mw_y"
    assert suffix_of("value_frac_per_y") == "frac_per_y"
    assert key_of("peak_ratio") == "peak_ratio"
    assert key_of("from_") == "from"
    assert key_of("usd") == "usd"  # a name needs more than a unit


@given(st.floats(min_value=1e-3, max_value=1e15), st.sampled_from(sorted(set(SUFFIXES.values()))))
def test_what_is_written_can_be_read(value, unit):
    text = format_quantity(value, unit, digits=15).replace(",", "")
    assert parse_quantity(text, unit) == pytest.approx(value, rel=1e-9, abs=1e-8)


@given(st.text(max_size=30), st.sampled_from(sorted(set(SUFFIXES.values()))))
def test_any_text_is_read_or_refused(text, unit):
    try:
        value, code = parse_quantity(text, unit), ""
    except UnitError as error:
        value, code = 0.0, error.code
    assert math.isfinite(value)
    assert code in {"", "E301", "E302", "E303", "E304", "E305"}


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.0, "USD", "0 USD"),
        (0.5, "", "0.5"),
        (1.05, "USD/chip-h", "1.05 USD/chip-h"),
        (0.123456, "%", "12.3 %"),
        (1.8e13, "tok/d", "18 T tok/d"),
        (-2.5e6, "USD", "-2.5 M USD"),
        (4e-5, "s", "4e-05 s"),
        (873.0, "W/chip", "873 W/chip"),
        (float("inf"), "MW", "inf"),
    ],
)
def test_writes(value, unit, text):
    assert format_quantity(value, unit) == text
