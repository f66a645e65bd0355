"""The shape of the models: for each key its field, unit, reference and what stands below it.

One reading of the annotations serves messages, references, provenance, variation and the schema.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from offtake.spec.fields import Ref, Unit
from offtake.spec.series import Series

__all__ = ["Leaf", "Slot", "leaves", "model_at", "slot_at", "slots"]

Container = Literal["one", "list", "dict"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One field of a model.

    Parameters
    ----------
    name, key : str           attribute, and key in the file
    container : Container     one value, a list of them, or a mapping from ids to them
    model : type              of each value, where it is a model
    unit : Unit               of each value, where it is a quantity or series
    series : bool             whether it is a series
    ref : Ref                 what each text refers to
    key_ref : Ref             what each key of a "dict" refers to
    words : tuple[str, ...]   the allowed words, where they are a closed set
    required : bool           whether the file must hold it
    default                   the default otherwise
    """

    name: str
    key: str
    container: Container = "one"
    model: type[BaseModel] | None = None
    unit: Unit | None = None
    series: bool = False
    ref: Ref | None = None
    key_ref: Ref | None = None
    words: tuple[str, ...] = ()
    required: bool = False
    default: Any = None


@cache
def slots(model: type[BaseModel]) -> dict[str, Slot]:
    """Return the fields of a model by key, in order.

    Examples
    --------
    >>> from offtake.spec.sites import Site
    >>> slots(Site)["phase"].name, slots(Site)["phase"].unit.unit
    ('phase_mw', 'MW')
    >>> slots(Site)["chips"].ref.to
    'chips'
    """
    found = {}
    for name, info in model.model_fields.items():
        key = info.alias or name
        annotation = Annotated[info.annotation, *info.metadata] if info.metadata else info.annotation
        default = info.default_factory() if info.default_factory is not None else info.default  # type: ignore[call-arg]
        known = _slot(annotation)
        found[key] = Slot(
            name=name,
            key=key,
            required=info.is_required(),
            default=None if default is PydanticUndefined else default,
            **known,
        )
    return found


def _slot(annotation: object) -> dict[str, Any]:
    """Read one annotation: optional, annotated, container, model."""
    known: dict[str, Any] = {}
    origin = get_origin(annotation)
    if origin is Annotated:
        inner, *metadata = get_args(annotation)
        known = _slot(inner)
        for mark in metadata:
            known |= {"unit": mark} if isinstance(mark, Unit) else {"ref": mark} if isinstance(mark, Ref) else {}
    elif origin in (Union, UnionType):
        for part in get_args(annotation):
            if part is not NoneType:
                known |= _slot(part)
    elif origin is tuple:
        known = _slot(get_args(annotation)[0]) | {"container": "list"}
    elif origin is dict:
        keys, values = get_args(annotation)
        known = _slot(values) | {"container": "dict", "key_ref": _slot(keys).get("ref")}
    elif origin is Literal:
        known = {"words": tuple(str(w) for w in get_args(annotation))}
    elif annotation is Series:
        known = {"series": True}
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        known = {"model": annotation}
    return known


def slot_at(model: type[BaseModel], steps: Sequence[str | int]) -> Slot | None:
    """Return the field that steps lead to, or the field they end inside; None where the models know of none."""
    slot: Slot | None = None
    current: type[BaseModel] | None = model
    below = False
    for step in steps:
        if below and slot is not None and slot.container != "one":
            below = False  # an index or id of a container
            current = slot.model
            continue
        if current is None:
            return slot
        slot = slots(current).get(str(step))
        if slot is None:
            return None
        current, below = slot.model, slot.container != "one"
    return slot


def model_at(model: type[BaseModel], steps: Sequence[str | int]) -> type[BaseModel] | None:
    """Return the model of the mapping that steps lead to."""
    if not steps:
        return model
    slot = slot_at(model, steps)
    return slot.model if slot is not None else None


@dataclass(frozen=True, slots=True)
class Leaf:
    """One value of a built model: its steps (keys and indices), its field, itself."""

    steps: tuple[str | int, ...]
    names: tuple[str, ...]
    slot: Slot
    value: Any


def leaves(model: BaseModel, steps: tuple[str | int, ...] = (), names: tuple[str, ...] = ()) -> Iterator[Leaf]:
    """Yield every value below a built model, list items named by their id where they have one.

    Lists of plain values are one leaf; absent options are none.
    """
    for key, slot in slots(type(model)).items():
        value = getattr(model, slot.name)
        here, called = (*steps, key), (*names, key)
        if value is None:
            continue
        if isinstance(value, BaseModel):
            yield from leaves(value, here, called)
        elif slot.container == "list" and value and all(isinstance(v, BaseModel) for v in value):
            for k, item in enumerate(value):
                yield from leaves(item, (*here, k), (*called, str(getattr(item, "id", k))))
        elif slot.container == "dict" and slot.model is not None and isinstance(value, dict):
            for k, item in value.items():
                yield from leaves(item, (*here, k), (*called, str(k)))
        elif slot.container == "dict" and isinstance(value, dict):
            for k, item in value.items():
                yield Leaf((*here, k), (*called, str(k)), slot, item)
        else:
            yield Leaf(here, called, slot, value)
