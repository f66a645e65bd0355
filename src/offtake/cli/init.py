"""`offtake init`: a first scenario to start from."""

from __future__ import annotations

from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from offtake.errors import OfftakeError

__all__ = ["init"]

TUTORIAL = "first-site.yaml"


def init(file: Path = Path(TUTORIAL), /, *, force: Annotated[bool, Parameter(negative="")] = False) -> int:
    """Write a first scenario to start from: one site, one chip, one contract.

    Parameters
    ----------
    file : Path
        The file to write.
    force : bool
        Replace a file of that name.
    """
    from offtake.cli.terminal import print_lines

    text = _tutorial().read_text("utf-8")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("w" if force else "x", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
    except FileExistsError:
        msg = f"{file} exists already and is left as it is; name another file, or replace it with --force"
        raise OfftakeError(msg) from None
    except (OSError, ValueError) as error:
        msg = f"{file} cannot be written: {getattr(error, 'strerror', None) or error}"
        raise OfftakeError(msg) from error
    print_lines(f"wrote {file}", f"Next: offtake plan {file}")
    return 0


def _tutorial() -> Traversable:
    """Find the first example: package data of an installed wheel, beside the sources in a checkout."""
    packaged = resources.files("offtake") / "examples" / TUTORIAL
    if packaged.is_file():
        return packaged
    beside = Path(__file__).resolve().parents[3] / "examples" / TUTORIAL
    if beside.is_file():
        return beside
    msg = "the examples are missing from this installation; install Offtake again"
    raise OfftakeError(msg)
