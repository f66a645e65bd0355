"""What only a look at the whole finds: a class that nothing serves, a chip of unknown speed, a clause that cannot be settled."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from offtake.api.contract_doubts import contract_mistakes, where
from offtake.deal.contract import Contract
from offtake.errors import OfftakeError
from offtake.perf.capacity import LatencyError, serving_capacity
from offtake.plan.compile_demand import latency_class
from offtake.plan.compile_supply import chip_ids, training_rates
from offtake.spec.locate import at_node, at_path

if TYPE_CHECKING:
    from offtake.diagnostics import Diagnostic
    from offtake.plan.inputs import Inputs
    from offtake.spec.demand import InferenceClass
    from offtake.spec.scenario import Scenario
    from offtake.spec.tree import Mapping

__all__ = ["mistakes"]


def mistakes(inputs: Inputs, tree: Mapping) -> list[Diagnostic]:
    """Report, each at its place in the file, what would stop the plan later.

    Parameters
    ----------
    inputs : Inputs    the resolved scenario
    tree : Mapping     its node tree
    """
    return [*_speeds(inputs, tree), *_clauses(inputs.base, tree)]


def _speeds(inputs: Inputs, tree: Mapping) -> Iterator[Diagnostic]:
    """Try every chip on every class and on training: one finding a chip, or one a class that no chip serves."""
    base = inputs.base
    measured = {c.id: c.overrides.tokens_tok_per_s_per_chip for c in base.chips if c.overrides}
    refused: dict[str, str] = {}
    for kind in base.classes:
        slow, able = [], False
        for chip in chip_ids(base):
            stated = measured.get(chip, {}).get(kind.id)
            if stated is not None:
                able = able or stated > 0.0
                slow += [] if stated else [f"the file says that {chip} does not serve {kind.id} (a speed of nought)"]
                continue
            try:
                serving_capacity(inputs.chips[chip], inputs.models[kind.model], latency_class(kind))
                able = True
            except LatencyError as error:
                slow.append(str(error))
            except OfftakeError as error:
                refused.setdefault(chip, str(error))
        if slow and not able and not refused:
            yield _unserved(kind, slow[0], tree)
    for chip in chip_ids(base):
        _note(refused, chip, partial(training_rates, inputs, [chip]))
    for chip, message in refused.items():
        yield at_path(
            tree, _place(base, chip), "E505", message, "add `from:` with a catalogue entry, or measured `overrides`"
        )


def _note(refused: dict[str, str], name: str, attempt: Callable[[], object]) -> None:
    try:
        attempt()
    except OfftakeError as error:
        refused.setdefault(name, str(error))


def _unserved(kind: InferenceClass, reason: str, tree: Mapping) -> Diagnostic:
    within = f"{kind.ttft_s:g} s to the first token and {kind.tpot_s_per_tok:g} s a token"
    message = f"no chip of the scenario serves `{kind.model}` within {within}: {reason}"
    hint = "allow more time, shorten the request, or add a faster chip"
    return at_path(tree, f"classes.{kind.id}.tpot", "E504", message, hint)


def _place(base: Scenario, chip: str) -> str:
    """Dotted path of where a chip is named."""
    if any(c.id == chip for c in base.chips):
        return f"chips.{chip}"
    return f"outside_supply.{next(o.id for o in base.outside_supply if o.chip == chip)}.chip"


def _clauses(base: Scenario, tree: Mapping) -> Iterator[Diagnostic]:
    """Read the terms of every clause against the contract's dates."""
    if base.contract is None:
        return
    contract = Contract.of(base.contract)
    refused: dict[str, str] = {}
    for k in range(1, len(contract.amendments) + 1):
        try:
            replace(contract, amendments=contract.amendments[:k]).versions  # noqa: B018  (read for what it refuses)
        except OfftakeError as error:
            yield at_node(tree, ("contract", "amendments", k - 1), "E504", str(error))
            return
    if circle := contract.circle():
        said = " → ".join((*circle, circle[0]))
        hint = "a clause reads the payments of those that it counts: take one of them out"
        for name in circle:
            at = where(tree, name, len(contract.versions))
            yield at_node(tree, at, "E403", f"these clauses wait for each other in a circle: {said}", hint)
        return
    _note(refused, "contract.clauses", contract.in_order)
    for number, version in enumerate(contract.versions, start=1):
        for clause in version.clauses:
            try:
                clause.promises(version)
            except OfftakeError as error:
                yield at_node(tree, where(tree, clause.id, number), "E504", str(error))
                return
    for path, message in refused.items():
        yield at_path(tree, path, "E504", message)
    if not refused:
        yield from contract_mistakes(base, contract, tree)
