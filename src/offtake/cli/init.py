"""`offtake init`: a first scenario to start from."""

from __future__ import annotations

from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from offtake.errors import OfftakeError

__all__ = ["init"]

TUTORIAL = "first-site"

EXAMPLES = {
    TUTORIAL: "one site, one chip, one contract: the tutorial",
    "neocloud-300mw": "a small provider: prepaid tranches, a loan sized by cover, credits for delay, an end right, a backstop",
    "spacex-anthropic": "a whole campus for a monthly fee, 90 days' notice",
    "amd-openai-6gw": "a warrant to the customer that vests with gigawatts bought",
    "alliance-5gw": "ten years, up to five gigawatts, spend floors, equity and a revenue share",
}
"""Examples that stand in one file or bring their cases along, the simplest first."""


def init(
    file: Path | None = None,
    /,
    *,
    example: str = TUTORIAL,
    force: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Write a first scenario to start from: one site, one chip, one contract; or another example.

    Parameters
    ----------
    file : Path
        The file to write; the example's name if left out.
    example : str
        Which one: first-site, neocloud-300mw, spacex-anthropic, amd-openai-6gw or alliance-5gw.
    force : bool
        Replace a file of that name.
    """
    from offtake.cli.terminal import print_lines
    from offtake.diagnostics import did_you_mean

    if example not in EXAMPLES:
        msg = f"there is no example {example[:60]!r}: {did_you_mean(example, list(EXAMPLES))}"
        raise OfftakeError(msg)
    target = file or Path(f"{example}.yaml")
    folder = _examples()
    cases = folder / example
    texts = {target: (folder / f"{example}.yaml").read_text("utf-8")}
    if cases.is_dir():
        texts |= {
            target.parent / example / c.name: c.read_text("utf-8") for c in cases.iterdir() if c.name.endswith(".yaml")
        }
    for path, text in texts.items():
        _write(path, text, force=force)
    others = ", ".join(name for name in EXAMPLES if name != example)
    print_lines(
        f"wrote {target}: {EXAMPLES[example]}",
        f"Others: offtake init --example NAME ({others})",
        f"Next: offtake plan {target}",
    )
    return 0


def _write(file: Path, text: str, *, force: bool) -> None:
    """Write one file, and leave one that exists as it is unless forced."""
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


def _examples() -> Traversable:
    """Find the examples: package data of an installed wheel, beside the sources in a checkout."""
    packaged = resources.files("offtake") / "examples"
    if (packaged / f"{TUTORIAL}.yaml").is_file():
        return packaged
    beside = Path(__file__).resolve().parents[3] / "examples"
    if (beside / f"{TUTORIAL}.yaml").is_file():
        return beside
    msg = "the examples are missing from this installation; install Offtake again"
    raise OfftakeError(msg)
