"""Words of the page that hang on figures: what each stands on now, for the author to hold against it.

A quotation stands once in its page, like a passage; nothing is written in its place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from tools.figures.pages import Passage

if TYPE_CHECKING:
    from tools.figures.values import Value

__all__ = ["QUOTED", "words_of"]

_PAGE = "docs/explanation/plausibility.md"
Told = Callable[[Callable[[str], float], Mapping[str, "Value"]], str]


def _ratio(of: str, over: str) -> Told:
    return lambda n, _: f"{n(of) / n(over):.2f}"


def _figure(name: str, unit: str = "") -> Told:
    return lambda _, values: (
        f"{values[name]:.4g} {unit}" if isinstance(values[name], float) else f"{values[name]} {unit}"
    )


def _least(*names: str) -> Told:
    return lambda n, _: f"at least {min(n(name) for name in names):.3g} bn USD"


_TABLE = ("gain", "gain_capital_25", "gain_capital_50", "gain_life_3", "gain_power_140", "gain_tokens_70")

QUOTED: tuple[tuple[Passage, Told], ...] = tuple(
    (Passage(_PAGE, quote), told)
    for quote, told in (
        ("So both together gain in all of them", _least(*_TABLE)),
        ("an S-curve: up by two thirds in the first year", _ratio("revenue_2027", "revenue_2026")),
        ("draws none of its facility", _figure("facility_drawn", "bn USD")),
        ("over six sites", _figure("ramp_all_sites", "sites")),
        ("no true-up there or in any named case", _figure("true_up", "bn USD in all cases")),
        ("**The contract is paid more than three times its floor.**", lambda n, _: f"{n('spend') / 100:.2f}"),
        ("More than a fifth of what it is paid is its share", _ratio("channel_share", "paid_to_cloud")),
        ("**Nearly half of the assistant demand is not served**", _figure("unserved_assistant", "%")),
        (
            "serves two to three assistant tokens for an agentic one",
            lambda n, _: ", ".join(
                f"{n(f'tok_assistant_{chip}') / n(f'tok_agentic_{chip}'):.2f}" for chip in ("tpu7x", "trainium2")
            ),
        ),
        (
            "**Three of four frontier runs train on Trainium, at New Carlisle and in Mississippi**",
            _figure("trained_at"),
        ),
        ("**Two fifths of the compute are research at first**", _ratio("research_gw_2027", "stands_gw_2027")),
        ("3,500 USD/ZFLOP is a little more than research costs", lambda n, _: f"{n('research_cost_dearest'):.0f}"),
        ("**Counted with risk, hardly anything is left.**", _ratio("fresh_risk", "fresh")),
        (
            "No case gains more money than the base",
            lambda n, _: f"{n('gain_high'):.0f} in high, {n('gain'):.0f} in the base",
        ),
        (
            "the developer loses as much as without",
            lambda n, _: f"{n('developer_tokens_70'):.0f}, without {n('loss_alone_tokens_70'):.0f}",
        ),
        ("The tornado's widest bars are", _figure("tornado")),
    )
)


def words_of(values: Mapping[str, Value]) -> list[str]:
    """Say for each quotation what it stands on; "nan" where a figure is missing."""

    def number(name: str) -> float:
        value = values[name]
        return float("nan") if isinstance(value, str) else float(value)

    return [f"- {passage.text}: {told(number, values).strip()}" for passage, told in QUOTED]
