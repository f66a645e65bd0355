"""A run that was stopped goes on from its journal, and ends in the same answer."""

from __future__ import annotations

from offtake import api
from offtake.plan import evaluate
from offtake.spec.overlay import Changes

UNCERTAIN = """
outlook:
  paths: 2
  seed: 3
  method: latin
  evaluate: {evaluator: recourse, paths: 8}
  uncertain:
    - {id: demand, of: [demand.*.volume], process: {kind: level, spread: 20 %}, assumption: a guess}
"""


def test_finished_fresh_paths_are_read_again(examples, tmp_path, monkeypatch):
    loaded = api.load(examples / "first-site.yaml", overlays=(Changes("uncertain.yaml", UNCERTAIN),))
    folder = tmp_path / "journal"
    first = api.plan(loaded, cases=False, executor="serial", journal=folder).document["value"]
    assert len(list(folder.glob("*.json"))) == 2, "eight fresh paths in pieces of four"

    def never(*_: object) -> None:
        raise AssertionError("a finished piece was worked out again")

    monkeypatch.setattr(evaluate, "_value", never)
    assert api.plan(loaded, cases=False, executor="serial", journal=folder).document["value"] == first
