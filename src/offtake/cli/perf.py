"""`offtake perf`: how fast a chip serves and trains a model."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from offtake.cli.options import Json, quantity

if TYPE_CHECKING:
    from offtake.perf.serving import ServingEstimate
    from offtake.perf.training import TrainingEstimate
    from offtake.perf.types import Chip, Transformer

__all__ = ["perf"]


def perf(
    chip: str,
    model: str,
    /,
    *,
    ttft: str = "2 s",
    tpot: str = "40 ms/tok",
    input_: Annotated[str, Parameter(name="--input")] = "3600 tok",
    output: str = "1000 tok",
    cached: str = "0 %",
    chips: int = 16_384,
    json: Json = False,
) -> int:
    """Estimate how fast one chip serves a model under a latency class, and how fast it trains one.

    Parameters
    ----------
    chip : str
        A chip of the catalogue: Trainium2.
    model : str
        A model of the catalogue: DeepSeek-V3.
    ttft : str
        Time to the first token.
    tpot : str
        Time per output token.
    input_ : str
        Input tokens of a request.
    output : str
        Output tokens of a request.
    cached : str
        Share of the input that is already in a cache.
    chips : int
        Chips that train together.
    """
    from offtake import catalog
    from offtake.catalog.chips import chip_of
    from offtake.catalog.models import transformer_of
    from offtake.cli.failure import SCHEMA_VERSION
    from offtake.cli.output import print_json
    from offtake.errors import OfftakeError
    from offtake.perf import serving, training
    from offtake.perf.types import LatencyClass

    known, shape = chip_of(catalog.chip(chip)), transformer_of(catalog.model(model))
    latency = LatencyClass(
        ttft_s=quantity("--ttft", ttft, "s"), tpot_s=quantity("--tpot", tpot, "s/tok"), input_tok=quantity("--input", input_, "tok"),
        output_tok=quantity("--output", output, "tok"), cached_frac=quantity("--cached", cached, "%"),
    )  # fmt: skip
    served, refused = None, ""
    try:
        served = serving.estimate(known, shape, latency)
    except serving.LatencyError as error:
        refused = str(error)
    trained, missed = None, ""
    try:
        trained = training.estimate(known, shape, chips=chips)
    except OfftakeError as error:
        missed = str(error)
    if json:
        print_json({
            "schema_version": SCHEMA_VERSION, "chip": known.name, "model": shape.name, "latency": asdict(latency),
            "serving": _document(served), "training": _document(trained), "notes": [n for n in (refused, missed) if n],
        })  # fmt: skip
    else:
        _show(known, shape, served, trained, [n for n in (refused, missed) if n])
    return 1 if refused or missed else 0


def _document(estimate: ServingEstimate | TrainingEstimate | None) -> dict[str, Any] | None:
    if estimate is None:
        return None
    found = asdict(estimate)
    rate = getattr(estimate, "output_tok_per_s_per_chip", None)
    return found if rate is None else {"output_tok_per_s_per_chip": rate, **found}


def _show(
    chip: Chip, model: Transformer, served: ServingEstimate | None, trained: TrainingEstimate | None, lacking: list[str]
) -> None:
    """Print both estimates as one table of figure, value and unit, with what stands behind them."""
    from offtake.cli.terminal import print_lines, print_table
    from offtake.tables import Column, Table, significant

    rows: list[tuple[str, str, str]] = []
    notes: list[str] = []
    if served is not None:
        rate = served.output_tok_per_s_per_chip
        rows += [
            ("Output tokens, prefill included", significant(rate), "tok/s per chip"),
            (
                "  likely range",
                f"{significant(rate * served.low, 2)} to {significant(rate * served.high, 2)}",
                "tok/s per chip",
            ),
            ("Decode alone", significant(served.decode_tok_per_s_per_chip), "tok/s per chip"),
            ("Prefill alone", significant(served.prefill_tok_per_s_per_chip), "tok/s per chip"),
            ("Chips of one replica", str(served.chips_per_replica), "chips"),
            ("Requests at once in a replica", str(served.batch), ""),
            ("Time to the first token", significant(served.ttft_s), "s"),
            ("Time per output token", significant(1e3 * served.tpot_s), "ms"),
            ("Memory used", significant(served.memory_bytes_per_chip / 1e9), "GB per chip"),
            ("IT power", significant(served.it_w_per_chip), "W per chip"),
        ]
        notes += served.notes
    if trained is not None:
        rate = trained.flop_per_s_per_chip / 1e12
        rows += [
            (f"Training on {trained.chips:,} chips", significant(rate), "useful TFLOP/s per chip"),
            ("  likely range", f"{significant(rate * trained.low, 2)} to {significant(rate * trained.high, 2)}", "useful TFLOP/s per chip"),
            ("Share of the dense peak", significant(100 * trained.mfu, 2), "%"),
            ("Smallest group that holds it", str(trained.min_chips), "chips"),
        ]  # fmt: skip
        notes += trained.notes
    columns = (Column("figure", kind="text"), Column("value", kind="text"), Column("unit", kind="text"))
    print_table(Table("perf", columns, rows, title=f"{model.name} on {chip.name}"))
    print_lines(*(f"· {note}" for note in (*notes, *lacking)))
    print_lines(
        "Estimates from public measurements; ranges hold four in five of them.", "Next: offtake catalog chips --sources"
    )
