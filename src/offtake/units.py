"""Units at the boundary: a closed table, parsing and printing of quantities, and nothing else.

Inside Offtake a quantity is a plain float in the one canonical unit that its name ends in (``it_power_mw``). At
every boundary it is text with a unit (``500 MW``), checked here: *value in canonical unit = number × magnitude ×
scale(written) / scale(canonical)*, in exact rational arithmetic with one rounding at the end, so that ``8 %`` is
exactly ``0.08`` and ``2 years`` exactly ``24 months``.

A unit is a product of powers of eight dimensions (energy, time, money, chip, token, flop, byte, mass). Power is
energy per time. A percentage is a way to write a fraction. A year is 365.25 days and a month a twelfth of it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from fractions import Fraction
from functools import lru_cache
from types import MappingProxyType

from offtake.errors import UnitError

__all__ = [
    "SUFFIXES",
    "Dimension",
    "ParsedUnit",
    "example_of",
    "format_quantity",
    "key_of",
    "parse_quantity",
    "parse_unit",
    "suffix_of",
    "unit_of",
]

Dimension = tuple[int, int, int, int, int, int, int, int]
"""Exponents of energy [MWh], time [s], money [USD], chip, token, flop, byte, mass [g]."""

_NONE: Dimension = (0, 0, 0, 0, 0, 0, 0, 0)
_ENERGY: Dimension = (1, 0, 0, 0, 0, 0, 0, 0)
_TIME: Dimension = (0, 1, 0, 0, 0, 0, 0, 0)
_POWER: Dimension = (1, -1, 0, 0, 0, 0, 0, 0)
_MONEY: Dimension = (0, 0, 1, 0, 0, 0, 0, 0)
_CHIP: Dimension = (0, 0, 0, 1, 0, 0, 0, 0)
_TOKEN: Dimension = (0, 0, 0, 0, 1, 0, 0, 0)
_FLOP: Dimension = (0, 0, 0, 0, 0, 1, 0, 0)
_BYTE: Dimension = (0, 0, 0, 0, 0, 0, 1, 0)
_MASS: Dimension = (0, 0, 0, 0, 0, 0, 0, 1)

_HOUR = 3600
_DAY = 86400
_YEAR = Fraction("365.25") * _DAY  # the Julian year; months and years convert into one another exactly
_MONTH = _YEAR / 12


def _prefixed(stem: str, dimension: Dimension, scale: Fraction, prefixes: str) -> dict[str, tuple[Fraction, Dimension]]:
    power = {"": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18, "Z": 21, "Y": 24}
    return {p + stem: (scale * 10 ** power[p], dimension) for p in ["", *prefixes]}


def _atoms() -> Mapping[str, tuple[Fraction, Dimension]]:
    times = {
        "ms": Fraction(1, 1000),
        "s": Fraction(1),
        "min": Fraction(60),
        "h": Fraction(_HOUR),
        "d": Fraction(_DAY),
        "week": Fraction(7 * _DAY),
        "month": _MONTH,
        "quarter": 3 * _MONTH,
        "y": _YEAR,
    }
    spellings = {
        "hour": "h", "hours": "h", "day": "d", "days": "d", "weeks": "week", "months": "month", "quarters": "quarter",
        "yr": "y", "year": "y", "years": "y",
    }  # fmt: skip
    table = {name: (scale, _TIME) for name, scale in times.items()}
    table |= {name: table[same] for name, same in spellings.items()}
    table |= _prefixed("W", _POWER, Fraction(1, 10**6 * _HOUR), "kMGT")
    table |= _prefixed("Wh", _ENERGY, Fraction(1, 10**6), "kMGT")
    table |= _prefixed("tok", _TOKEN, Fraction(1), "kMGT")
    table |= _prefixed("FLOP", _FLOP, Fraction(1), "kMGTPEZY")
    table |= _prefixed("B", _BYTE, Fraction(1), "kMGTPE")
    table |= {f"{p}iB": (Fraction(1024**k), _BYTE) for k, p in enumerate("KMGT", start=1)}
    table |= {"g": (Fraction(1), _MASS), "kg": (Fraction(10**3), _MASS), "t": (Fraction(10**6), _MASS)}
    table |= {"USD": (Fraction(1), _MONEY), "chip": (Fraction(1), _CHIP), "chips": (Fraction(1), _CHIP)}
    table |= {"%": (Fraction(1, 100), _NONE), "1": (Fraction(1), _NONE)}
    return MappingProxyType(table)


_ATOMS = _atoms()

_MAGNITUDES: Mapping[str, int] = MappingProxyType(
    {
        "k": 3,
        "thousand": 3,
        "M": 6,
        "mn": 6,
        "million": 6,
        "bn": 9,
        "billion": 9,
        "T": 12,
        "tn": 12,
        "trillion": 12,
    }
)

SUFFIXES: Mapping[str, str] = MappingProxyType(
    {
        "mw": "MW",
        "mwh": "MWh",
        "mw_per_month": "MW/month",
        "w_per_chip": "W/chip",
        "usd": "USD",
        "usd_per_y": "USD/y",
        "usd_per_chip": "USD/chip",
        "usd_per_chip_h": "USD/chip-h",
        "usd_per_chip_y": "USD/chip-y",
        "usd_per_mwh": "USD/MWh",
        "usd_per_mtok": "USD/Mtok",
        "usd_per_mw": "USD/MW",
        "usd_per_mw_y": "USD/MW-y",
        "usd_per_zflop": "USD/ZFLOP",
        "tok": "tok",
        "tok_per_s": "tok/s",
        "tok_per_d": "tok/d",
        "tok_per_s_per_chip": "tok/s/chip",
        "chip": "chip",
        "chip_h": "chip-h",
        "chip_per_y": "chip/y",
        "flop": "FLOP",
        "flop_per_s": "FLOP/s",
        "flop_per_s_per_chip": "FLOP/s/chip",
        "bytes": "B",
        "bytes_per_s": "B/s",
        "frac": "%",
        "frac_per_y": "%/y",
        "months": "month",
        "days": "d",
        "h": "h",
        "y": "y",
        "s": "s",
        "s_per_tok": "s/tok",
        "g_per_kwh": "g/kWh",
    }
)
"""Suffix of a name → the unit that people write for it.  The canonical scale of `frac` is 1, never a percentage."""

_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "": "a plain number",
        "%": "a share",
        "%/y": "a yearly rate",
        "MW": "power",
        "MWh": "energy",
        "MW/month": "power per time",
        "W/chip": "power per chip",
        "USD": "money",
        "USD/y": "money per time",
        "USD/chip": "money per chip",
        "USD/chip-h": "money per chip-hour",
        "USD/MWh": "money per energy",
        "USD/Mtok": "money per token",
        "USD/MW": "money per power",
        "USD/ZFLOP": "money per FLOP",
        "tok": "tokens",
        "tok/d": "tokens per time",
        "tok/s/chip": "tokens per time and chip",
        "chip": "chips",
        "chip-h": "chip-hours",
        "chip/y": "chips per time",
        "FLOP": "an amount of computation",
        "FLOP/s": "a rate of computation",
        "FLOP/s/chip": "a rate of computation per chip",
        "B": "bytes",
        "B/s": "bytes per time",
        "s": "a time",
        "s/tok": "time per token",
        "g/kWh": "carbon per energy",
    }
)

_EXAMPLES: Mapping[str, str] = MappingProxyType(
    {
        "": "1.2",
        "%": "8 %",
        "%/y": "10 %/y",
        "MW": "500 MW",
        "MWh": "120 MWh",
        "MW/month": "45 MW/month",
        "W/chip": "900 W/chip",
        "USD": "5 bn USD",
        "USD/y": "2 bn USD/y",
        "USD/chip": "8000 USD/chip",
        "USD/chip-h": "2.10 USD/chip-h",
        "USD/chip-y": "300 USD/chip-y",
        "USD/MWh": "85 USD/MWh",
        "USD/Mtok": "1.50 USD/Mtok",
        "USD/MW": "14 M USD/MW",
        "USD/MW-y": "0.5 M USD/MW-y",
        "USD/ZFLOP": "2000 USD/ZFLOP",
        "tok": "2000 tok",
        "tok/s": "900 tok/s",
        "tok/d": "18 T tok/d",
        "tok/s/chip": "900 tok/s/chip",
        "chip": "10000 chip",
        "chip-h": "1 M chip-h",
        "chip/y": "600000 chip/y",
        "FLOP": "1e27 FLOP",
        "FLOP/s": "2 EFLOP/s",
        "FLOP/s/chip": "400 TFLOP/s/chip",
        "B": "96 GB",
        "B/s": "3 TB/s",
        "month": "26 months",
        "d": "90 days",
        "h": "12 h",
        "y": "5 years",
        "s": "2 s",
        "s/tok": "40 ms/tok",
        "g/kWh": "350 g/kWh",
    }
)

_NUMBER = re.compile(r"[+-]?(?:\d+(?:_\d+)*\.?(?:\d+(?:_\d+)*)?|\.\d+)(?:[eE][+-]?\d+)?")
_ODD_NUMBER = re.compile(r"[+-]?\.?(?:inf(?:inity)?|nan)\b", re.IGNORECASE)
_FACTOR = re.compile(r"\s*([/*·-]?)\s*([^\s/*·-]+)")
_LONGEST = (
    100  # characters of a quantity; longer text is a mistake, and exact arithmetic on it would be a way to waste memory
)
_MOST_EXPONENT = 60


@dataclass(frozen=True, slots=True)
class ParsedUnit:
    """A unit as written: its exact scale to the base units and its dimension."""

    text: str
    scale: Fraction
    dimension: Dimension


@lru_cache(maxsize=512)
def parse_unit(text: str) -> ParsedUnit:
    """Parse a unit such as ``USD/chip-h``; a hyphen multiplies, each slash divides by what follows it.

    Raises
    ------
    UnitError    E302 for a name that is not in the table

    Examples
    --------
    >>> parse_unit("USD/MW-year") == parse_unit("USD/MW-year")
    True
    >>> float(parse_unit("MWh").scale / parse_unit("kWh").scale)
    1000.0
    """
    scale, dimension, below, position = Fraction(1), list(_NONE), False, 0
    text = text.strip()
    while position < len(text):
        match = _FACTOR.match(text, position)
        if match is None:
            raise UnitError("E302", f"the unit {text!r} cannot be read", "write it like `USD/chip-h` or `MW/month`")
        operator, name = match.groups()
        below = operator == "/" or (below and operator != "")
        factor, exponents = _atom(name, text)
        scale = scale / factor if below else scale * factor
        dimension = [d - e if below else d + e for d, e in zip(dimension, exponents, strict=True)]
        position = match.end()
    return ParsedUnit(text, scale, tuple(dimension))  # type: ignore[arg-type]  # eight by construction


def _atom(name: str, unit: str) -> tuple[Fraction, Dimension]:
    if name in _ATOMS:
        return _ATOMS[name]
    within = "" if name == unit else f" in {_short(unit)!r}"
    raise UnitError("E302", f"there is no unit {_short(name)!r}{within}", _suggest_atom(name))


def _suggest_atom(name: str) -> str:
    known = {
        "$": "write `USD`", "€": "amounts are in USD", "EUR": "amounts are in USD", "GBP": "amounts are in USD",
        "FLOPS": "write an amount as `FLOP` and a rate as `FLOP/s`", "FLOPs": "write an amount as `FLOP` and a rate as `FLOP/s`",
        "TFLOPS": "write `TFLOP/s`", "PFLOPS": "write `PFLOP/s`", "tokens": "write `tok`", "token": "write `tok`",
        "GPU": "write `chip`", "GPUs": "write `chip`", "percent": "write `%`", "m": "write `months`, `min` or `M` (million)",
        "pa": "write `/y`", "p.a.": "write `/y`",
    }  # fmt: skip
    if name in known:
        return known[name]
    if name in _MAGNITUDES:
        return f"a magnitude stands between the number and the unit: `5 {name} USD`"
    candidates = [*_ATOMS, *(m for m in _MAGNITUDES if len(m) > 1)]
    folded = {c.casefold(): c for c in reversed(candidates)}
    close = [folded[c] for c in get_close_matches(name.casefold(), list(folded), n=3, cutoff=0.5)]
    if close:
        return "did you mean " + _listed(close) + "?"
    return "units are written like MW, MWh, USD, chip, tok, FLOP, B, s, h, d, months, y, % and their products"


def _listed(names: list[str]) -> str:
    ticked = [f"`{n}`" for n in names]
    return ticked[0] if len(ticked) == 1 else ", ".join(ticked[:-1]) + " or " + ticked[-1]


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:37] + "…"


@lru_cache(maxsize=8192)  # the cases of a scenario repeat nearly all of its values
def parse_quantity(text: str, unit: str = "") -> float:
    """Read a quantity in the canonical unit of a field.

    Parameters
    ----------
    text : str    a number, an optional magnitude (k, M, bn, T, …) and a unit: ``5 bn USD``
    unit : str    the unit wanted, as in `SUFFIXES`; "" for a plain number

    Returns
    -------
    float         in `unit`; a share in ``%`` is returned as a fraction of one

    Raises
    ------
    UnitError     E301 a unit is missing, E302 unknown unit, E303 wrong dimension, E304 no number, E305 not finite

    Examples
    --------
    >>> parse_quantity("5 GW", "MW"), parse_quantity("12 %", "%"), parse_quantity("2 years", "month")
    (5000.0, 0.12, 24.0)
    >>> parse_quantity("500", "MW")
    Traceback (most recent call last):
    offtake.errors.UnitError: 500 has no unit, expected power (write it with its unit, for example `500 MW`)
    >>> parse_quantity("500 MWh", "MW")
    Traceback (most recent call last):
    offtake.errors.UnitError: got 500 MWh (energy), expected power (MWh is energy, power times time: write `500 MW` if that rate is meant)
    """
    text = text.strip()
    number, magnitude, rest = _split(text, unit)
    wanted = _wanted(unit)
    if not rest:
        if wanted.dimension != _NONE:
            raise UnitError(
                "E301",
                f"{_short(text)} has no unit, expected {_words(unit)}",
                f"write it with its unit, for example `{_with_unit(text, unit)}`",
            )
        return _finite(number * magnitude, text)
    written = parse_unit("1" + rest if rest.startswith("/") else rest)
    if written.dimension != wanted.dimension:
        raise UnitError(
            "E303",
            f"got {_short(text)} ({_dimension_words(written)}), expected {_words(unit)}",
            _mismatch(written, wanted, text, unit),
        )
    return _finite(number * magnitude * written.scale / wanted.scale, text)


def _wanted(unit: str) -> ParsedUnit:
    parsed = parse_unit(unit)
    if "%" in unit:  # the canonical share is a fraction of one
        return ParsedUnit(unit, parsed.scale * 100, parsed.dimension)
    return parsed


def _split(text: str, unit: str) -> tuple[Fraction, int, str]:
    """Split into number, magnitude and the text of the unit."""
    if len(text) > _LONGEST:
        raise UnitError("E304", f"{_short(text)!r} is too long for a quantity", _write(unit))
    if _ODD_NUMBER.match(text):
        raise UnitError("E305", f"{text!r} is not a finite number", _write(unit))
    match = _NUMBER.match(text)
    if match is None:
        raise UnitError("E304", f"{_short(text)!r} does not begin with a number", _dollar(text) or _write(unit))
    digits, rest = match.group(), text[match.end() :].strip()
    if re.match(r",\s*\d", rest):
        raise UnitError(
            "E304", f"{_short(text)!r} has a comma in its number", "write 1_000_000 or 1e6, and a point before decimals"
        )
    if re.match(r"[\d.+]|-\s*\d|to\b|±|–", rest):
        raise UnitError(
            "E304", f"{_short(text)!r} is not one number", "a range is written `{value: …, low: …, high: …}`"
        )
    exponent = re.search(r"[eE]([+-]?\d+)$", digits)
    if exponent and abs(int(exponent.group(1))) > _MOST_EXPONENT:
        raise UnitError("E305", f"{_short(text)!r} is out of any sensible range", _write(unit))
    word, _, after = rest.partition(" ")
    if word in _MAGNITUDES and not after.strip().startswith(("/", "*", "-")):
        return Fraction(digits.replace("_", "")), 10 ** _MAGNITUDES[word], after.strip()
    return Fraction(digits.replace("_", "")), 1, rest


def _dollar(text: str) -> str:
    match = re.match(r"[$€£]\s*(.*)", text)
    return f"write the currency behind the number: `{match.group(1)} USD`" if match else ""


def _finite(value: Fraction, text: str) -> float:
    result = float(value)
    if not math.isfinite(result):
        raise UnitError("E305", f"{_short(text)!r} is not a finite number", "")
    return result


def example_of(unit: str) -> str:
    """Return a quantity as one would write it in a file.

    Examples
    --------
    >>> example_of("USD/chip-h")
    '2.10 USD/chip-h'
    """
    return _EXAMPLES.get(unit, f"5 {unit}")


def _with_unit(text: str, unit: str) -> str:
    return f"{text} {unit}"


def _write(unit: str) -> str:
    return f"write it like `{example_of(unit)}`"


def _words(unit: str) -> str:
    """Name what a unit measures, for a message."""
    return _dimension_words(_wanted(unit)) if unit not in _WORDS else _WORDS[unit]


def _dimension_words(unit: ParsedUnit) -> str:
    for name, words in _WORDS.items():
        if parse_unit(name).dimension == unit.dimension and (name or "%" not in unit.text):
            return words
    return unit.text


def _mismatch(written: ParsedUnit, wanted: ParsedUnit, text: str, unit: str) -> str:
    """Explain the usual confusions, else show an example."""
    over = [a - b for a, b in zip(written.dimension, wanted.dimension, strict=True)]
    if over == list(_TIME) and wanted.dimension == _POWER:
        number = text.removesuffix(written.text).strip()
        return f"{written.text} is energy, power times time: write `{number} {written.text.removesuffix('h')}` if that rate is meant"
    if over == [-x for x in _TIME] and wanted.dimension == _ENERGY:
        return f"{written.text} is power: energy is power times time, for example `120 MWh`"
    if "%/y" in unit and written.dimension == _NONE:
        return f"a yearly rate says so: `{text}/y`"
    if unit == "%" and over == [-x for x in _TIME]:
        return "this is a share, not a rate per time: leave `/y` away"
    if over == list(_TIME) and unit == "USD/chip-h":
        return f"the price is per chip and hour: {_write(unit)}"
    return _write(unit)


def format_quantity(value: float, unit: str = "", digits: int = 3) -> str:
    """Write a canonical value for people, to some significant digits.

    Parameters
    ----------
    value : float     in the canonical unit (a share as a fraction of one)
    unit : str        as in `SUFFIXES`
    digits : int      significant digits

    Examples
    --------
    >>> format_quantity(5e9, "USD"), format_quantity(0.08, "%"), format_quantity(1234.5, "MW")
    ('5 bn USD', '8 %', '1,230 MW')
    """
    if not math.isfinite(value):
        return str(value)
    if "%" in unit:
        value *= 100
    word = ""
    for name, power in (("T", 12), ("bn", 9), ("M", 6)):
        if abs(value) >= 10**power:
            value, word = value / 10**power, f" {name}"
            break
    rounded = float(f"{value:.{digits}g}")
    text = (
        f"{rounded:,.0f}" if rounded == int(rounded) else f"{rounded:,.{max(digits, 1) + 6}f}".rstrip("0").rstrip(".")
    )
    if rounded and abs(rounded) < 1e-3:
        text = f"{rounded:.{digits}g}"
    return f"{text}{word} {unit}".strip()


def suffix_of(name: str) -> str:
    """Return the unit suffix that a field name ends in, or "".

    Examples
    --------
    >>> suffix_of("price_usd_per_chip_h"), suffix_of("region")
    ('usd_per_chip_h', '')
    """
    parts = name.split("_")
    for k in range(1, len(parts)):  # the longest suffix first
        if "_".join(parts[k:]) in SUFFIXES:
            return "_".join(parts[k:])
    return ""


def key_of(name: str) -> str:
    """Return the key in the file of a field: its name without the unit suffix.

    Examples
    --------
    >>> key_of("phase_mw"), key_of("flop"), key_of("lead_time_months")
    ('phase', 'flop', 'lead_time')
    """
    suffix = suffix_of(name)
    return name.removesuffix(f"_{suffix}").rstrip("_") if suffix else name.rstrip("_")


def unit_of(name: str) -> str:
    """Return the unit of a field by its suffix, or "" for a plain number."""
    return SUFFIXES.get(suffix_of(name), "")
