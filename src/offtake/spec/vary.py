"""Change one value of a built scenario: for sensitivities and for notebooks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from offtake.diagnostics import Diagnostic, did_you_mean
from offtake.errors import ScenarioError
from offtake.spec.series import Series
from offtake.spec.shape import slots

if TYPE_CHECKING:
    from offtake.spec.load import Loaded
    from offtake.spec.scenario import Scenario

__all__ = ["value_at", "vary", "with_value"]


def vary(loaded: Loaded | Scenario, path: str, value_or_factor: float) -> Scenario:
    """Return the scenario with a series scaled by a factor, or one quantity replaced.

    So `Provenance.low` and `high` can be passed as they are: factors of a series, values of a quantity.

    Parameters
    ----------
    loaded : Loaded or Scenario
    path : str                   dotted path of file keys, list items by id: ``demand.coding-us.volume``
    value_or_factor : float      factor of a series, or value in the canonical unit of the field

    Raises
    ------
    ScenarioError    if there is no such value, or the new one is out of its bounds
    """
    scenario: Scenario = loaded if isinstance(loaded, BaseModel) else loaded.scenario
    old = value_at(scenario, path)
    if isinstance(old, Series):
        return with_value(scenario, path, old.scaled(value_or_factor))
    if isinstance(old, bool) or not isinstance(old, int | float):
        raise _no(path, f"`{path}` is no quantity", "vary a value with a unit")
    return with_value(scenario, path, value_or_factor)


def with_value(scenario: Scenario, path: str, value: object) -> Scenario:
    """Return the scenario with one value replaced; see `Scenario.with_value`."""
    changed: Scenario = _rebuild(scenario, path.split("."), value, path)
    return changed


def value_at(scenario: Scenario, path: str) -> Any:  # noqa: ANN401
    """Return the value at a dotted path."""
    here: Any = scenario
    for part in path.split("."):
        here = _below(here, part, path)
    return here


def _below(here: object, part: str, path: str) -> Any:  # noqa: ANN401
    if isinstance(here, BaseModel):
        return getattr(here, _attribute(here, part, path))
    if isinstance(here, tuple):
        return here[_index(here, part, path)]
    if isinstance(here, dict) and part in here:
        return here[part]
    raise _no(path, f"nothing stands below `{part}`" if not isinstance(here, dict) else f"there is no `{part}`", "")


def _attribute(model: BaseModel, part: str, path: str) -> str:
    """Return the attribute of a key; the attribute's own name is taken too."""
    known = slots(type(model))
    if part in known:
        return known[part].name
    if part in type(model).model_fields:
        return part
    raise _no(path, f"there is no `{part}`", did_you_mean(part, list(known)))


def _index(items: tuple[Any, ...], part: str, path: str) -> int:
    ids = [str(getattr(item, "id", k)) for k, item in enumerate(items)]
    if part in ids:
        return ids.index(part)
    raise _no(path, f"there is no `{part}`", did_you_mean(part, ids))


def _rebuild(here: object, parts: list[str], value: object, path: str) -> Any:  # noqa: ANN401
    """Return a copy with the value put in; only the models on the way are built anew."""
    if not parts:
        return value
    part, rest = parts[0], parts[1:]
    if isinstance(here, BaseModel):
        name = _attribute(here, part, path)
        new = _rebuild(getattr(here, name), rest, value, path) if rest else value
        fields = {k: getattr(here, k) for k in here.model_fields_set} | {name: new}
        try:
            return type(here).model_validate(fields, by_alias=False, by_name=True)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            raise _no(path, str(first["msg"]), "") from None
    if isinstance(here, tuple):
        k = _index(here, part, path)
        return (*here[:k], _rebuild(here[k], rest, value, path), *here[k + 1 :])
    if isinstance(here, dict):
        return {**here, part: _rebuild(_below(here, part, path) if rest else None, rest, value, path)}
    raise _no(path, f"nothing stands below `{path.removesuffix('.' + '.'.join(parts))}`", "")


def _no(path: str, message: str, hint: str) -> ScenarioError:
    return ScenarioError([Diagnostic(code="E601", message=message, path=path, file="<change>", hint=hint)])
