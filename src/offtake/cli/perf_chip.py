"""A chip as a command names it: an entry of the catalogue, or a small YAML file with what a data sheet says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from offtake.errors import OfftakeError

if TYPE_CHECKING:
    from offtake.catalog.types import Chip

__all__ = ["chip_given"]


def chip_given(text: str) -> Chip:
    """Return the chip of a name, or of a file that ends in .yaml or .yml.

    Raises
    ------
    OfftakeError
        No such chip or file, or a value of the file is wrong (named with its unit).
    """
    from offtake.catalog.sheet import read_sheet
    from offtake.perf.names import chip_named

    path = Path(text)
    if path.suffix.lower() not in {".yaml", ".yml"}:
        return chip_named(text).chip
    if not path.is_file():
        msg = f"{text}: there is no such file; a chip is a name of the catalogue or a YAML file with its data sheet"
        raise OfftakeError(msg)
    return read_sheet(path)
