"""Write the problem into named blocks of columns and rows, layer by layer, from megawatts to value.

`Built` keeps what later steps need: the model, the physical expressions, the measures, all dues and the parties' values.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any

from offtake.deal.rows import Written
from offtake.lp.affine import Affine
from offtake.lp.model import Model
from offtake.lp.tails import risk_adjusted
from offtake.plan import scales
from offtake.plan.capacity import add_work
from offtake.plan.chips import add_chips
from offtake.plan.contracts import contract_dues, rows_algebra
from offtake.plan.finance import add_cash, add_loans
from offtake.plan.measures import Physics, measures
from offtake.plan.objective import penalties, score_of, value_of
from offtake.plan.payments import payments
from offtake.plan.problem import PARTIES, Party, Problem
from offtake.plan.serving import add_serving
from offtake.plan.sites import add_sites
from offtake.plan.terminal import Items, terminal_items
from offtake.plan.training import add_training

if TYPE_CHECKING:
    from offtake.deal.flows import Due
    from offtake.deal.quantities import Measure
    from offtake.deal.rows import Rows, RowsAlgebra, Tighten
    from offtake.plan.problem import Float


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """The problem as a model, with every expression that is read back later.

    Attributes
    ----------
    measures : Measure -> [path, period]
    dues : list of Due[Affine]            payments outside the contract, then the contract's
    contract_from : int                   number of the first contract due
    values : party -> [path] [M USD] ; score : [path] [M USD], what each path is worth to the plan
    objective : scalar [M USD], made of the scores
    short : party -> [path] [M USD]       how far a party is below its floor (a column with upper bound 0, raised only if it must be)
    """

    problem: Problem
    model: Model
    physics: Physics
    measures: Mapping[Measure, Affine]
    algebra: RowsAlgebra
    dues: tuple[Due[Affine], ...]
    contract_from: int
    cash: Mapping[Party, Affine]
    terminal: Items
    values: Mapping[Party, Affine]
    penalties: Mapping[str, Affine]
    score: Affine
    objective: Affine
    short: Mapping[Party, Affine]

    @property
    def written(self) -> Written:
        """What the contract's clauses have added to the model."""
        return self.algebra.written

    def at(self, x: Float) -> Built:
        """Return the same with the number of every expression at a point in its place, and an empty model.

        It can be told and settled, no longer solved; of the alliance it takes a tenth of the memory.
        """
        written = Written(rights=_at(self.written.rights, x), rights_on=self.written.rights_on)
        algebra = replace(
            self.algebra, model=Model(), measures={}, limits={}, signed=None, tighten=None, written=written
        )
        parts: dict[str, Any] = {f.name: getattr(self, f.name) for f in fields(self)}
        told = {name: _at(part, x) for name, part in parts.items() if name not in ("problem", "model", "algebra")}
        return Built(**{**parts, **told, "model": algebra.model, "algebra": algebra})


def build(problem: Problem, *, tighten: Tighten | None = None) -> Built:
    """Build the model of a problem."""
    model = Model()
    physics = _physics(model, problem)
    found = measures(problem, physics)
    signed = physics.work.signed if problem.signed is None else None
    plain = rows_algebra(model, problem, found, signed=None, tighten=None)
    dues = [_as_affine(due) for due in payments(plain, problem)]
    contract_from = len(dues)
    algebra = rows_algebra(model, problem, found, signed=signed, tighten=tighten)
    dues += [_as_affine(due) for due in contract_dues(problem, algebra, physics.work)]
    cash = add_cash(model, problem, dues)
    terminal = terminal_items(problem, physics.energising, physics.fleet, dues)
    values = {party: value_of(problem, dues, terminal, party) for party in PARTIES}
    fines = penalties(problem, physics.serving, physics.training)
    score = score_of(problem, values, fines)
    objective = risk_adjusted(model, score, problem.probability, problem.tails, unit="M USD")
    model.set_objective(objective, maximise=True)
    short = _add_floors(model, problem, values)
    return Built(
        problem=problem,
        model=model,
        physics=physics,
        measures=found,
        algebra=algebra,
        dues=tuple(dues),
        contract_from=contract_from,
        cash=cash,
        terminal=terminal,
        values=values,
        penalties=fines,
        score=score,
        objective=objective,
        short=short,
    )


def _at(part: Any, x: Float) -> Any:  # noqa: ANN401  (an expression, or whatever holds some)
    """Put numbers in the place of the expressions in mappings, tuples and dataclasses; what holds none is left as it is."""
    if isinstance(part, Affine):
        return Affine.constant(part.value(x))
    if isinstance(part, Mapping):
        found: Any = {key: _at(item, x) for key, item in part.items()}
        return found if any(found[key] is not part[key] for key in part) else part
    if isinstance(part, tuple):
        items = tuple(_at(item, x) for item in part)
        return items if any(one is not other for one, other in zip(items, part, strict=True)) else part
    if is_dataclass(part) and not isinstance(part, type):
        own = {f.name: _at(getattr(part, f.name), x) for f in fields(part)}
        changed = {name: item for name, item in own.items() if item is not getattr(part, name)}
        return replace(part, **changed) if changed else part
    return part


def _physics(model: Model, problem: Problem) -> Physics:
    energising = add_sites(model, problem)
    fleet = add_chips(model, problem, energising)
    work = add_work(model, problem, fleet)
    training = add_training(model, problem, work)
    serving = add_serving(model, problem, work, training)
    loans = add_loans(model, problem)
    return Physics(energising=energising, fleet=fleet, work=work, training=training, serving=serving, loans=loans)


def _as_affine(due: Due[Rows]) -> Due[Affine]:
    return replace(due, amount=due.amount.expr)  # type: ignore[arg-type, return-value]


def _add_floors(model: Model, problem: Problem, values: Mapping[Party, Affine]) -> Mapping[Party, Affine]:
    """Hold each party with a floor at no less than it; `below` may be raised from 0 where signed terms leave no other way."""
    short: dict[Party, Affine] = {}
    mean = problem.probability
    for party, floor in problem.goal.floors_usd.items():
        below = model.columns(
            f"below_floor_{party}", axes=(), upper=0.0, unit="M USD", describe=f"how far the {party} is below its floor"
        )
        model.rows(
            f"floor_{party}",
            (values[party] * mean).sum() + below,
            lower=floor / scales.USD,
            axes=(),
            unit="M USD",
            describe=f"the {party} is at least as well off as without the alliance, plus its hurdle",
        )
        short[party] = below
    return short
