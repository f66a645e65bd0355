"""The contract between the parties: dates and clauses; the kinds of clauses come from the registry."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, SerializeAsAny

from offtake.spec.fields import Day, Id, Model, Mw

__all__ = ["Contract"]


class Contract(Model):
    """The alliance's contract."""

    id: Id
    """Short name."""
    signed: Literal["yes", "no", "decide"] = "decide"
    """Whether it is signed, left out, or for the plan to decide."""
    start: Day
    """First day of the term."""
    end: Day
    """Day after the term."""
    layer: Literal["cloud", "chip", "site"] = "cloud"
    """Layer of the deal: amounts of different layers may be the same watts and are never added."""
    capacity_ceiling_mw: Mw | None = None
    """Most IT power under this contract."""
    clauses: tuple[SerializeAsAny[BaseModel], ...] = ()
    """Terms of the clauses: frozen models, each with its class variable `kind`."""
