"""The contract between the parties: dates, clauses and amendments; the kinds of clauses come from the registry."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, SerializeAsAny

from offtake.spec.fields import ClauseId, Day, Id, Model, Mw, Text, Usd

__all__ = ["Amendment", "Contract"]


class Amendment(Model):
    """A new version of the contract from a date; what was agreed before stays as it is."""

    from_: Day
    """First day of the new version."""
    why: Text = ""
    """What it was agreed for."""
    changes: dict[ClauseId, SerializeAsAny[BaseModel]] = {}  # noqa: RUF012  (pydantic copies it)
    """By clause, the terms that change; all others stay."""
    add: tuple[SerializeAsAny[BaseModel], ...] = ()
    """New clauses."""
    end: tuple[ClauseId, ...] = ()
    """Clauses that hold no longer."""
    term_end: Day | None = None
    """New day after the term."""
    fee_usd: Usd = 0.0
    """Paid on the day by `payer` to the other party."""
    payer: Literal["offtaker", "provider"] = "offtaker"
    """Who pays the fee."""


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
    """Most IT power accepted under this contract at any time, used or idle; what the provider sells outside is not under it."""
    clauses: tuple[SerializeAsAny[BaseModel], ...] = ()
    """Terms of the clauses: frozen models, each with its class variable `kind`."""
    amendments: tuple[Amendment, ...] = ()
    """Later versions, in order of date."""
