"""The scenarios that are solved: the example, and the example with a few values changed.

A variant says what differs from `examples/alliance-5gw.yaml` in the words of an overlay. All but the plan for six futures are of one
path.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["SCENARIO", "VARIANTS", "Variant"]

SCENARIO = "examples/alliance-5gw.yaml"

_CHAT = (
    "assistant-us-direct",
    "assistant-us-cloud",
    "assistant-eu-direct",
    "assistant-eu-cloud",
    "assistant3-us-direct",
    "assistant3-us-cloud",
)
_CAMPUSES = ("new-carlisle", "madison", "ridgeland")
_CANDIDATES = ("candidate-ohio", "candidate-texas", "candidate-spain")


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One solve.

    Parameters
    ----------
    name : str
    changes : tuple of (path, value)    as in the `changes` of an overlay file
    file : str                          an overlay file that is laid first, relative to the example's folder
    but : tuple of str                  changes of that file that are left out, by the start of their path
    cases : bool                        with the named cases, reliefs, shortages and widest assumptions
    futures : bool                      the plan for several futures, as the file has it, instead of one path
    """

    name: str
    changes: tuple[tuple[str, str], ...] = ()
    file: str = ""
    but: tuple[str, ...] = ()
    cases: bool = False
    futures: bool = False


def _capital(name: str, *, chips: dict[str, tuple[str, str]], terminal: str, campuses: str, candidates: str) -> Variant:
    """Change all that a megawatt costs, and what is left of a chip at the end."""
    prices = [
        (f"chips.{chip}.{field}", text)
        for chip, texts in chips.items()
        for field, text in zip(("price", "server_cost"), texts, strict=True)
    ]
    shells = [(f"sites.{site}.shell_cost", campuses) for site in _CAMPUSES]
    shells += [(f"sites.{site}.shell_cost", candidates) for site in _CANDIDATES]
    return Variant(name=name, changes=(*prices, ("chips.trainium4.price_terminal", terminal), *shells))


def _research(usd_per_zflop: int) -> Variant:
    return Variant(name=f"research-{usd_per_zflop}", changes=(("research.penalty", f"{usd_per_zflop} USD/ZFLOP"),))


RESEARCH_PRICES = (2500, 1900, 1500, 1300, 1000)
"""Beside the file's own, 3,500 [USD/ZFLOP]."""

VARIANTS = (
    Variant(name="base", cases=True),
    # The low and the high ends that the file states beside each price: 24.6 and 50.2 M USD per MW.
    _capital(
        "capital-25",
        chips={
            "trainium2": ("4000 USD/chip", "7000 USD/chip"),
            "trainium3": ("6500 USD/chip", "9000 USD/chip"),
            "trainium4": ("{times: 0.54}", "15500 USD/chip"),
        },
        terminal="22000 USD/chip",
        campuses="12 M USD/MW",
        candidates="{times: 0.8}",
    ),
    _capital(
        "capital-50",
        chips={
            "trainium2": ("12000 USD/chip", "16000 USD/chip"),
            "trainium3": ("17000 USD/chip", "22500 USD/chip"),
            "trainium4": ("{times: 1.39}", "38500 USD/chip"),
        },
        terminal="57000 USD/chip",
        campuses="18 M USD/MW",
        candidates="{times: 1.3}",
    ),
    Variant(name="life-3", changes=(("chips.trainium3.life", "3 years"), ("chips.trainium4.life", "3 years"))),
    Variant(name="power-140", changes=(("sites.*.power_price", "{times: 1.4}"),)),
    Variant(name="tokens-70", changes=(("demand.*.price", "{times: 0.7}"),)),
    Variant(
        name="proxies-125",
        changes=(("models.frontier.active_params", "200 bn"), ("models.middle.active_params", "100 bn")),
    ),
    Variant(name="chat-price-125", changes=tuple((f"demand.{entry}.price", "{times: 1.25}") for entry in _CHAT)),
    Variant(name="chat-proxy-75", changes=(("models.middle.active_params", "60 bn"),)),
    Variant(name="research-70", changes=(("research.compute", "{times: 0.7}"),)),
    *(_research(price) for price in RESEARCH_PRICES),
    Variant(name="high-volumes", file="alliance-5gw/high.yaml", but=("training.", "research.", "parties.")),
    Variant(name="futures", futures=True),
)
