"""The tree of errors that Offtake raises, and the table of codes behind its diagnostics.

::

    OfftakeError
    ├── ScenarioError       the scenario file (or one of its overlays) has mistakes: all of them, as diagnostics
    ├── UnitError           one quantity cannot be read: a code, a message and a hint
    ├── InfeasibleError     fixed decisions contradict each other: the smallest conflicting set, in domain words
    ├── SolverError         the solver stopped without an answer
    ├── LedgerImbalance     postings that do not sum to zero
    ├── ReconcileError      two figures that must agree do not
    ├── RunDirectoryError   a run directory cannot be written or read
    └── ComponentError      an extension is missing or does not keep to its protocol

Errors in the user's input are data (`offtake.diagnostics.Diagnostic`) and are reported all at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from offtake.diagnostics import Diagnostic

__all__ = [
    "CODES",
    "Code",
    "ComponentError",
    "InfeasibleError",
    "LedgerImbalance",
    "OfftakeError",
    "ReconcileError",
    "RunDirectoryError",
    "ScenarioError",
    "SolverError",
    "UnitError",
]


class OfftakeError(Exception):
    """Base of every error that Offtake raises on purpose."""


class ScenarioError(OfftakeError):
    """Report every mistake found in a scenario file and its overlays.

    Parameters
    ----------
    diagnostics : Sequence[Diagnostic]    at least one of severity "error", in file order
    sources : Mapping[str, str]           file name → its text, for showing the line and a caret
    """

    def __init__(self, diagnostics: Sequence[Diagnostic], sources: Mapping[str, str] | None = None) -> None:
        self.diagnostics: tuple[Diagnostic, ...] = tuple(diagnostics)
        self.sources: Mapping[str, str] = MappingProxyType(dict(sources or {}))
        super().__init__("\n".join(str(d) for d in self.diagnostics))

    def render(self) -> str:
        """Return the diagnostics with source lines, carets and help."""
        from offtake.diagnostics import render

        return render(self.diagnostics, self.sources)


class UnitError(OfftakeError, ValueError):
    """Report one quantity that cannot be read.

    Parameters
    ----------
    code : str       key of `CODES`
    message : str    what was got and what was expected
    hint : str       how to write it
    """

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        self.code = code
        self.message = message
        self.hint = hint
        super().__init__(f"{message} ({hint})" if hint else message)


class InfeasibleError(OfftakeError):
    """Report fixed decisions that contradict each other or physics.

    Parameters
    ----------
    message : str              one sentence in domain words
    conflict : Sequence[str]   the smallest set of limits that cannot hold together, each in domain words
    """

    def __init__(self, message: str, conflict: Sequence[str] = ()) -> None:
        self.message = message
        self.conflict: tuple[str, ...] = tuple(conflict)
        super().__init__("\n  - ".join((message, *self.conflict)))


class SolverError(OfftakeError):
    """Report a solver that stopped without an answer."""


class LedgerImbalance(OfftakeError):  # noqa: N818  (the design names it)
    """Report postings that do not sum to exactly zero."""


class ReconcileError(OfftakeError):
    """Report two figures that must agree and do not."""


class RunDirectoryError(OfftakeError):
    """Report a run directory that cannot be written or read."""


class ComponentError(OfftakeError):
    """Report an extension that is missing or does not keep to its protocol."""


@dataclass(frozen=True, slots=True)
class Code:
    """One kind of diagnostic: a short title, and what it means and how to mend it."""

    title: str
    explanation: str


def _table() -> dict[str, Code]:
    """Read the table below: a code and its title on one line, its explanation indented under it."""
    table: dict[str, Code] = {}
    for block in _TEXT.strip().split("\n\n"):
        head, *body = block.splitlines()
        code, _, title = head.partition(" ")
        table[code] = Code(title, " ".join(line.strip() for line in body))
    return table


_TEXT = """
E001 A command that cannot be followed
    An option, an argument or a value of the command line is not known, is missing, or names what is not there.
    `offtake COMMAND --help` lists what a command takes.

E002 Not a run directory
    The folder was not written by `offtake plan`, or by another version of it, or it holds files of another origin and
    is not replaced. Name another folder.

E101 The file cannot be read
    There is no such file, or the system refuses to open it. Check the path and the permissions. `offtake init`
    writes a first scenario.

E102 The file is too large
    A scenario is some tens of kilobytes; more than 2 MB is refused before it is read. Bills and telemetry are given
    to `offtake track`, not here.

E103 Not a file
    The path leads to a folder, a device or a pipe. Name the scenario file itself.

E104 Not UTF-8
    Scenario files are text in UTF-8. The place shown is the first byte that is not. Save the file again with that
    encoding.

E105 Not text
    The file holds a NUL byte, as pictures, archives and spreadsheets do. Name the scenario file.

E106 A character that cannot stand in a text file
    Control characters and halves of surrogate pairs are invisible and break other tools. Delete the character, also
    where it is written as an escape such as "\\x07" or "\\ud800".

E107 A tab in the indentation
    YAML indents with spaces only: editors show tabs in different widths, so that the structure could not be seen.
    Replace each tab by two spaces.

E108 Not YAML
    The text breaks the grammar of YAML 1.2. The place shown is where the reading stopped; the cause often stands a
    line earlier. Usual causes: text that holds `: ` or begins with `[`, `{`, `%`, `@` or a back-tick without
    quotation marks, an unclosed bracket, a line indented by the wrong amount.

E109 Nested too deeply
    More than 40 levels of nesting. No scenario needs them.

E110 Too many values
    More than 100,000 keys and values. No scenario needs them.

E111 More than one document
    A line `---` begins a second document. One file holds one scenario; cases are overlays in it or beside it.

E112 Anchors and aliases are refused
    `&name` and `*name` repeat a part of the file elsewhere: the place of a value would no longer be one line, and a
    few lines can expand without limit. Write the value out; what differs by case goes in an overlay.

E113 Tags are refused
    `!tag` asks a reader to build an object. Fields know what they hold; take the tag out.

E114 A key stands twice
    The second value would silently replace the first. Keep one.

E115 A key without a value
    Usually the block below it is indented less than was meant, and so no longer belongs to it. To leave a value
    out, leave its key out; `null` is not used.

E116 A key that is not text
    A key is a word before a colon. It is empty, or a list or mapping stands in its place.

E117 The file is empty
    There is nothing in it but blanks and comments. `offtake init` writes a first scenario.

E118 Not a mapping
    A scenario is keys with values, the first of them `offtake: 1`. This file is a list or one text.

E201 Unknown key
    No field has this name, so the value would have no effect. The help names the nearest fields. A field is written
    without its unit: `phase: 20 MW`, not `phase_mw: 20`. `offtake schema` gives all keys to an editor.

E202 A key is missing
    This field has no default. The help shows how it is written.

E203 A value of the wrong shape
    A mapping (keys with values), a list (lines that begin with `- `) or one value is wanted here, and another of
    them stands there.

E204 Not one of the known words
    The field takes one of a few words; the help names them.

E205 Not true or false
    YAML 1.2 has `true` and `false` only; `yes`, `no`, `on` and `off` are words.

E206 Not a whole number
    A count without unit and decimals is wanted.

E207 Not a date
    Dates are written year-month-day: `2027-04-01`, from 1990 to 2200.

E208 Not an id
    Ids stand in dotted paths such as `sites.indiana.phase`. They begin with a letter; then letters, digits, `-` and
    `_`, at most 64 in all.

E209 Unknown kind
    Each clause, each process of an uncertain quantity and the risk measure has a `kind`, one of those installed. The help
    names the nearest.

E210 Too few or too many items
    The list has a smallest or largest number of items.

E211 Empty text
    Some text is wanted. To leave it out, leave out its key.

E301 A unit is missing
    A bare number for a quantity with a dimension is refused: 500 could be kW, MW or GW. Write it with its unit:
    `500 MW`, `2.10 USD/chip-h`, `26 months`, `5 bn USD`. Shares may be written `0.12` or `12 %`.

E302 Unknown unit
    Units are a closed table: W, Wh, USD, chip, tok, FLOP and B with their prefixes, ms, s, min, h, d, week, month,
    quarter, y, g, kg, t, % and products such as `USD/chip-h`, `USD/MW-year`, `MW/month`. Magnitudes stand before
    the unit: `k`, `M`, `bn`, `T`. Upper and lower case matter: `MW` is not `mW`.

E303 A unit of another dimension
    The unit is known and measures something else. Frequent: MWh is energy and MW is power; a yearly rate is `10
    %/y`, a share `10 %`; rent is `USD/chip-h`, a purchase `USD/chip`.

E304 Not a number
    A quantity is one number, perhaps a magnitude, and a unit. Decimals have a point; thousands have nothing or `_`.
    A range is written `{value: 5 MW, low: 3 MW, high: 8 MW}`.

E305 Not finite
    NaN and infinity are no assumptions. To set no limit, leave the key out.

E306 Out of range
    The value lies outside what the field can mean: prices and amounts are not negative, shares lie between 0 and 1,
    PUE is at least 1.

E307 The range does not hold the value
    `low` ≤ value ≤ `high`. Of a series with points, `low` and `high` are factors on it, around 1; of one value they
    are written in its unit.

E308 A series that is no function of time
    Points are dates in ascending order, each with a value. Geometric interpolation needs values above zero.

E401 A name that nothing bears
    The id is not in the section that it refers to. The help names the nearest.

E402 An id stands twice
    Ids are unique within their list, so that paths, cases and tables are unambiguous.

E403 A circle
    Something waits for itself, directly or through others, so it could never begin.

E404 Not in the catalogue
    `from` names an entry that the catalogue does not have. `offtake catalog chips` (or models, sites) lists them.

E501 Dates in an impossible order
    An end lies before its start, or there is less time between two dates than what happens between them takes.

E502 A date where it has no effect
    The date lies behind the horizon or before the valuation date, so what it dates never happens, or has happened
    already.

E503 Values that exclude or need one another
    One of the two makes the other meaningless, or cannot be without it.

E504 Values that do not fit together
    Each is well written; together they cannot be: shares or probabilities that do not add up, a balance above its limit,
    opening chips where none may stand, correlations that are not positive definite, a stage inside a period.

E505 A value that neither the file nor the catalogue gives
    The entry named by `from` lacks this value, or there is no such entry. Write the value in the file, with its
    source or as an assumption.

E506 A promise that cannot be kept
    A contract asks for more than there can ever be: a floor of spend above what all the capacity costs at the contract's
    prices, or a minimum above the contract's own ceiling. Lower it, raise the capacity, or let a `delivery_delay` clause
    give relief for what is not delivered.

E507 Two clauses for one thing
    Two clauses give a party the same right, add the same time to the term, or price the same hours. One of them would
    count twice or stand idle. Keep one, or give each its own dates.

E508 What can never happen
    A trigger asks for more power, chips or spend than there can be by its latest date, for a day after it, or for an
    event without a date; or a right leaves no day on which it could be used. The clause would have no effect.

E601 A change without a target
    An overlay addresses what is not there, or something below a single value. Paths are written with the file's
    keys and the ids of list items: `sites.indiana.phase`; `*` means every item of a list.

E602 A path out of the folder
    Overlays that a scenario names must lie in its own folder or below: no `..`, no absolute path, no link that
    leads out. An overlay from elsewhere is named on the command line.

E603 An overlay that includes itself
    The `file` of an overlay leads back to the overlay or to the scenario.

E605 An overlay that changes nothing
    A case has `changes:`, or a `file:` that has them.

F101 A party ends below its floor
    With a one-party objective the other party is held at no less than its value without the alliance plus the hurdle
    `objective.others_at_least`. The signed terms leave no such plan; the floor is missed by the least amount.

F102 A party runs out of cash
    Cash falls below `min_cash` but for the emergency loan, at its stated high rate. The plan stands, and the party needs
    more cash, a larger facility or other terms.

F103 A training run is late or not done
    The run is worth less than the chips, power or outside supply that it would need by its latest date, or there are not
    enough of them. What needs its capability is not sold before it is done. Over several paths later stages are relaxed: a
    run may be done in part, what needs it opens to that share, and its value is one that no whole plan quite reaches.

F104 Demand is not served
    At its price the demand is not worth what it needs, or a limit stands in its way: see what binds. Unserved demand is
    ordinary, and no obligation.

F105 More is needed than can be had
    What the plan would use if the grid, or a maker of chips, had no limit, beside what the limit gives: one kind of limit
    is lifted at a time, at the plan's yes/no choices. See the reliefs for what one whole step more is worth.
"""


CODES: Mapping[str, Code] = MappingProxyType(_table())
"""Every diagnostic code with its title and explanation; `offtake explain CODE` and the docs page read it."""
