"""The catalogue: chips, models, sites, prices and deals as public sources print them. No number without a source."""

from __future__ import annotations

from offtake.catalog.chips import chip
from offtake.catalog.facts import Fact
from offtake.catalog.load import Entry, names, references
from offtake.catalog.models import model
from offtake.catalog.sites import site

__all__ = ["Entry", "Fact", "chip", "model", "names", "references", "site"]
