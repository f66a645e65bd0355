"""The frozen answer that a notebook, the command line and a run directory share."""

from __future__ import annotations

import hashlib
import html
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from offtake.api.causes import INPUTS, inputs_text, settled_tables
from offtake.api.document import document
from offtake.api.several import several_document
from offtake.api.story import foresight_of
from offtake.api.views import report_tables
from offtake.api.views_paths import several_tables
from offtake.plan.problem import PARTIES
from offtake.report.data import TABLES, ReportData
from offtake.report.words import usd
from offtake.runs.manifest import Manifest, run_id, versions
from offtake.runs.record import RunRecord
from offtake.tables import significant

if TYPE_CHECKING:
    from offtake.api.story import Story
    from offtake.plan.findings import Finding
    from offtake.plan.result import Plan
    from offtake.tables import Table

_OBJECTIVES = {
    "joint": "joint value of both parties",
    "weighted": "a weighted sum of both parties' values",
    "offtaker": "the offtaker's value, the provider at no less than without the alliance",
    "provider": "the provider's value, the offtaker at no less than without the alliance",
}

ASIDE = 0.01
"""Relative difference from which a figure beside the headline is worth a sentence."""

UNDETERMINED = (
    "Payments between the parties cancel in a joint objective: ties are broken by holding it, then the offtaker's value, then paying and "
    "borrowing least."
)


@dataclass(frozen=True, eq=False)
class Answer:
    """A planned scenario.

    Examples
    --------
    ``answer.document["parties"]["provider"]["npv_usd"]`` is a number of the ``--json`` document, ``answer.tables["sites"]`` a table.
    """

    story: Story
    options: Mapping[str, Any]

    @property
    def plan(self) -> Plan:
        """The plan of the base case."""
        return self.story.base.alliance

    @property
    def status(self) -> str:
        """How it ended: optimal, short, interrupted, time_limit."""
        return self.story.status

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What the plan could not do."""
        return tuple(self.story.findings)

    @cached_property
    def document(self) -> dict[str, Any]:
        """The ``--json`` document."""
        told = several_document(self.story) if self.story.hedge else document(self.story)
        return {**told, "run_id": self.manifest.run_id}

    @cached_property
    def tables(self) -> dict[str, Table]:
        """Every table of the report, and the ledger's statements."""
        if self.story.hedge:
            return several_tables(self.story, self.story.hedge)
        return {**report_tables(self.story), "books": self.story.figures.books.table(), **settled_tables(self.story)}

    @cached_property
    def manifest(self) -> Manifest:
        """What the answer is made of."""
        loaded = self.story.world.loaded
        inputs = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in loaded.sources.items()}
        used = versions()
        hedge = self.story.hedge
        seed = hedge.outlook.seed if hedge else self.story.base.alliance.solved.settings.seed
        return Manifest(
            scenario=loaded.scenario.name,
            run_id=run_id(inputs, seed=seed, options=self.options, used=used),
            foresight=foresight_of(self.story),
            seed=seed,
            status=self.status,
            inputs=inputs,
            versions=used,
            options=dict(self.options),
        )

    @cached_property
    def report_data(self) -> ReportData:
        """What the report shows."""
        scenario = self.story.world.loaded.scenario
        return ReportData(
            scenario=scenario.name,
            title=scenario.title,
            run_id=self.manifest.run_id,
            offtaker=scenario.parties.offtaker.name,
            provider=scenario.parties.provider.name,
            objective=_OBJECTIVES[self.plan.problem.goal.name],
            document=self.document,
            tables={name: table for name, table in self.tables.items() if name in TABLES},
            missing=self._missing(),
            undetermined=(UNDETERMINED, *self._left_open()),
            asides=asides_of(self.document),
            version=version("offtake"),
        )

    def _missing(self) -> dict[str, str]:
        """Say why a run under uncertainty leaves a table empty."""
        hedge = self.story.hedge
        if hedge is None:
            return {}
        return {} if hedge.full else {"tornado": "assumptions are varied one at a time with --full"}

    def _left_open(self) -> tuple[str, ...]:
        """Say between what the offtaker's value could lie at an equal objective; over paths, on average."""
        ends = self.document["left_open_usd"].values()
        return left_open_in_words(*ends)

    @cached_property
    def record(self) -> RunRecord:
        """What a run directory holds, without the report."""
        scenario = self.story.world.loaded.scenario
        return RunRecord(
            manifest=self.manifest,
            document=self.document,
            scenario=scenario.model_dump(mode="json"),
            certificate=self.document["certificate"],
            tables=self.tables,
            extra={"provenance.json": _provenance(self.story), INPUTS: inputs_text(self.story)},
        )

    def __repr__(self) -> str:
        """Headline in a few lines."""
        doc = self.document
        lines = [
            f"<Answer {doc['scenario']}: {self.status}, gap {significant(100 * (doc['gap'] or 0.0))} %, foresight {doc['foresight']}"
        ]
        for party in PARTIES:
            mine = doc["parties"][party]
            lines.append(
                f"  {mine['name']}: NPV {significant(mine['npv_usd'] / 1e9)} bn USD, "
                f"{significant(mine['against_no_alliance_usd'] / 1e9)} against no alliance"
            )
        lines.append(
            f"  peak IT power {significant(doc['peak_contract_it_power_mw'])} MW, "
            f"facility {significant(doc['peak_contract_facility_power_mw'])} MW"
        )
        top = sorted((b for b in self.story.reliefs), key=lambda r: -r.relief_usd)[:3]
        lines += [f"  binds: {r.limit}; {r.step} is worth {significant(r.relief_usd / 1e6)} M USD" for r in top]
        return "\n".join(lines) + ">"

    def _repr_html_(self) -> str:
        """Show the headline and the cases in a notebook."""
        return f"<pre>{html.escape(repr(self))}</pre>" + self.tables["cases"].to_html()


def _provenance(story: Story) -> str:
    from offtake.runs.manifest import dump_json

    found = {**story.world.loaded.provenance, **story.world.resolved.provenance}
    return dump_json(
        {
            path: {
                "where": o.where,
                "text": o.text,
                "source": o.source,
                "assumption": o.assumption,
                "origin": o.origin,
                "unit": o.unit,
            }
            for path, o in found.items()
        }
    )


def left_open_in_words(least: float | None, most: float | None) -> tuple[str, ...]:
    """Say between what the offtaker's value could lie at an equal objective [USD]; nothing where both ends read the same.

    Examples
    --------
    >>> left_open_in_words(3.11e9, 3.9e9)
    ("At an equal objective the offtaker's value could be $3.11 bn to $3.9 bn.",)
    >>> left_open_in_words(3.11e9, 3.1102e9), left_open_in_words(None, None)
    ((), ())
    """
    ends = [usd(end) for end in (least, most)]
    if least is None or ends[0] == ends[1]:
        return ()
    return (f"At an equal objective the offtaker's value could be {' to '.join(ends)}.",)


def asides_of(doc: Mapping[str, Any]) -> tuple[str, ...]:
    """Say what the four headline figures leave out, from a result document.

    Examples
    --------
    >>> works = {"npv_usd": 45e6, "npv_at_book_usd": -18.5e6}
    >>> party = {"terminal_usd": {}, "npv_usd": 0.0, "npv_without_terminal_usd": 0.0, "infrastructure": works}
    >>> gains = {"value_against_no_alliance_usd": 2e9, "objective_against_no_alliance_usd": 2e9}
    >>> asides_of(gains | {"parties": {"offtaker": party, "provider": party}})[0].partition("value, ")[2]
    "the provider's infrastructure is worth −$18.5 M after tax instead of $45 M."
    """
    gain, whole = doc["value_against_no_alliance_usd"], doc["objective_against_no_alliance_usd"]
    said = []
    if abs(whole - gain) > ASIDE * abs(gain):
        said.append(
            f"Counting at its price what no alliance leaves undone (research, training), both gain {usd(whole)}."
        )
    works = doc["parties"]["provider"]["infrastructure"]
    if works["npv_at_book_usd"] < works["npv_usd"] - ASIDE * abs(works["npv_usd"]):
        said.append(
            "What stands at the valuation date counts as sunk; bought at book value, the provider's infrastructure is worth "
            f"{usd(works['npv_at_book_usd'])} after tax instead of {usd(works['npv_usd'])}."
        )
    for party in PARTIES:
        mine = doc["parties"][party]
        left = mine["terminal_usd"]
        shares, whole = left.get("equity stake", 0.0), sum(left.values())
        today = (mine["npv_usd"] - mine["npv_without_terminal_usd"]) * shares / whole if whole else 0.0
        if today > ASIDE * abs(gain):
            said.append(
                f"Of the {party}'s value, {usd(today)} is shares that it holds at the horizon, at the price paid, grown at the "
                "objective's rate, where the scenario states no other; the plan prices none."
            )
    return tuple(said)
