"""`offtake perf compare`: chips side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from offtake.cli.options import Json, quantity
from offtake.errors import OfftakeError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from offtake.perf.compare import Compared
    from offtake.perf.types import LatencyClass

__all__ = ["compare"]

_Names = Annotated[tuple[str, ...], Parameter(negative="")]


def compare(
    *,
    chip: _Names = (),
    model: _Names = (),
    train: Annotated[bool, Parameter(negative="")] = False,
    chips: int = 1024,
    ttft: str = "2 s",
    tpot: str = "50 ms/tok",
    input_: Annotated[str, Parameter(name="--input")] = "3600 tok",
    output: str = "1000 tok",
    pue: float = 1.2,
    report: Path | None = None,
    params: Path | None = None,
    json: Json = False,
) -> int:
    """Compare chips: tokens/s, per watt, per dollar, per MW of facility, with intervals.

    Parameters
    ----------
    chip : tuple of str
        A chip, or a YAML file with its data sheet; may be given several times. All of the catalogue if left out.
    model : tuple of str
        A model; may be given several times. All of the catalogue if left out.
    train : bool
        Compare training instead of serving.
    chips : int
        Chips that train together.
    ttft : str
        Mean time to the first token.
    tpot : str
        Mean time per output token.
    input_ : str
        Input tokens of a request.
    output : str
        Output tokens of a request.
    pue : float
        Facility power over IT power.
    report : Path
        File for a page with the table and pictures.
    params : Path
        A parameter file of `offtake perf calibrate` or `fit`, in place of the one that comes with the program.
    """
    from offtake.cli.perf_chip import chip_given, chips_given, sections_given
    from offtake.perf.compare import comparable
    from offtake.perf.compare import compare as compared
    from offtake.perf.types import LatencyClass

    if not 1.0 <= pue <= _MOST_PUE:
        msg = f"--pue must lie between 1 and {_MOST_PUE:g}, got {pue:g}"
        raise OfftakeError(msg)
    together = chips_given(chips)
    every_chip, every_model = comparable()
    latency = None if train else LatencyClass(
        ttft_s=quantity("--ttft", ttft, "s"), tpot_s=quantity("--tpot", tpot, "s/tok"), input_tok=quantity("--input", input_, "tok"),
        output_tok=quantity("--output", output, "tok"),
    )  # fmt: skip
    fitted = sections_given(params, "training" if train else "serving")
    found = compared(
        [chip_given(name) for name in chip] or every_chip,
        model or every_model,
        latency,
        training_chips=together,
        pue=pue,
        fitted=fitted,
    )
    told = [s.own for kind, s in fitted.items() if s.own and (kind == "training") == train]
    own = f"; by {len(told[0].rows)} own measurements and the terms" if told else ""
    about = f"{_load(latency, chips)}; PUE {pue:g}{own}"
    if report is not None:
        _write(report, found, about)
    _print(found, about, report, json=json)
    return 0


def _load(latency: LatencyClass | None, chips: int) -> str:
    """Say under what load chips are compared."""
    if latency is None:
        return f"training on {chips:,} chips"
    return (
        f"serving, first token within {latency.ttft_s:g} s, {1e3 * latency.tpot_s:g} ms a token, "
        f"{latency.input_tok:g} tokens in and {latency.output_tok:g} out; prompts and decoding on shared chips"
    )


def _write(report: Path, found: Sequence[Compared], about: str) -> None:
    """Write the page with the table and pictures."""
    from offtake.files import write_whole
    from offtake.report.chips import comparison_page

    write_whole(report, comparison_page(found, about))


def _print(found: Sequence[Compared], about: str, report: Path | None, *, json: bool) -> None:
    """Print the table, and which pairs have no estimate."""
    from dataclasses import asdict

    from offtake.cli.failure import SCHEMA_VERSION
    from offtake.cli.output import print_json
    from offtake.cli.terminal import print_lines, print_table
    from offtake.report.chips import comparison_table

    if json:
        print_json({"schema_version": SCHEMA_VERSION, "about": about, "rows": [asdict(one) for one in found]})
        return
    print_table(comparison_table(found, about))
    refused = [one for one in found if one.refusal]
    print_lines(*(f"· {one.model} on {one.chip}: {one.refusal}" for one in refused[:_MOST_REFUSED]))
    if len(refused) > _MOST_REFUSED:
        print_lines(f"· and {len(refused) - _MOST_REFUSED} more pairs without an estimate")
    print_lines(f"Written: {report}" if report else "Next: --report chips.html for a page with pictures")


_MOST_REFUSED = 10
_MOST_PUE = 4.0
