"""`offtake perf`: how fast a chip serves and trains a model; and its sub-commands, fetched when they are used."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, TypeVar

from cyclopts import App, Parameter

from offtake.cli.options import Json, quantity

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from offtake.perf.capacity import ServingCapacity, TrainingCapacity
    from offtake.perf.params import Section
    from offtake.perf.types import Chip, LatencyClass, Transformer

__all__ = ["perf"]

_Capacity = TypeVar("_Capacity")
_Both: TypeAlias = "tuple[ServingCapacity | None, TrainingCapacity | None]"

_COMMANDS = {
    "best": "Find the best layout for training, or the best serving plan under latency targets.",
    "compare": "Compare chips: tokens/s, per watt, per dollar, per MW of facility.",
    "calibrate": "Learn from a few measurements of your own, for --params of the others.",
    "score": "Predict a table of published measurements, and say how well.",
    "rates": "State the speeds of a scenario's chips in an overlay, by your own measurements.",
    "fit": "Fit the efficiency parameters from published tables.",
}

perf = App(name="perf", help="Estimate how fast a chip serves and trains a model.", help_format="markdown")
for _place, (_name, _words) in enumerate(_COMMANDS.items()):
    perf.command(f"offtake.cli.perf_{_name}:{_name}", name=_name, help=_words, sort_key=_place)


@perf.default
def estimate(
    chip: str,
    model: str,
    /,
    *,
    ttft: str = "2 s",
    tpot: str = "40 ms/tok",
    input_: Annotated[str, Parameter(name="--input")] = "3600 tok",
    output: str = "1000 tok",
    cached: str = "0 %",
    chips: int = 1024,
    seq: str = "8192 tok",
    batch: str = "16 Mtok",
    params: Path | None = None,
    json: Json = False,
) -> int:
    """Estimate how fast one chip serves a model under a latency class, and how fast it trains one.

    Parameters
    ----------
    chip : str
        A chip of the catalogue, `Trainium2`, or a YAML file with what its data sheet says.
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
    seq : str
        Sequence length in training.
    batch : str
        Tokens of one training step.
    params : Path
        A parameter file of `offtake perf calibrate` or `fit`, in place of the one that comes with the program.
    """
    from offtake.cli.perf_chip import chip_given, chips_given, sections_given, tokens_given
    from offtake.perf.capacity import serving_capacity, training_capacity
    from offtake.perf.names import model_named
    from offtake.perf.types import LatencyClass

    known, shape = chip_given(chip), model_named(model)
    latency = LatencyClass(
        ttft_s=quantity("--ttft", ttft, "s"), tpot_s=quantity("--tpot", tpot, "s/tok"), input_tok=quantity("--input", input_, "tok"),
        output_tok=quantity("--output", output, "tok"), cached_frac=quantity("--cached", cached, "%"),
    )  # fmt: skip
    together, length, tokens = chips_given(chips), tokens_given("--seq", seq), tokens_given("--batch", batch)
    fitted = sections_given(params, "serving", "training")
    notes: list[str] = []

    def asked(sections: Mapping[str, Section], lacking: list[str]) -> _Both:
        served = _or_note(lambda: serving_capacity(known, shape, latency, sections.get("serving")), lacking)
        trained = _or_note(
            lambda: training_capacity(
                known, shape, chips=together, seq_tok=length, batch_tok=tokens, fitted=sections.get("training")
            ),
            lacking,
        )
        return served, trained

    served, trained = asked(fitted, notes)
    bare = {kind: replace(section, own=None) for kind, section in fitted.items()}
    without = asked(bare, []) if any(section.own for section in fitted.values()) else (None, None)
    if json:
        _print(known, shape, latency, served, trained, notes=notes)
    else:
        _show(known, shape, served, trained, [*_compared(without), *notes])
    return 1 if notes else 0


def _compared(without: _Both) -> list[str]:
    """Say what is estimated without the user's measurements, and of which software: an answer may differ by both."""
    from offtake.tables import significant

    served, trained = without
    said = []
    if served is not None:
        rate, low, high = map(
            significant, (served.output_tok_per_s_per_chip, served.interval.low, served.interval.high)
        )
        said.append(
            f"without your measurements, on the best tuned engine: {rate} ({low} to {high}) output tok/s per chip"
        )
    if trained is not None:
        ends = (trained.flop_per_s_per_chip, trained.interval.low, trained.interval.high)
        rate, low, high = (significant(v / 1e12) for v in ends)
        said.append(f"without them, on software that is not named: {rate} ({low} to {high}) useful TFLOP/s per chip")
    return said


def _or_note(estimated: Callable[[], _Capacity], notes: list[str]) -> _Capacity | None:
    """Return an estimate, or note why there is none."""
    from offtake.errors import OfftakeError

    try:
        return estimated()
    except OfftakeError as error:
        notes.append(str(error))
        return None


def _print(
    chip: Chip, model: Transformer, latency: LatencyClass, served: ServingCapacity | None, trained: TrainingCapacity | None,
    *, notes: list[str],
) -> None:  # fmt: skip
    """Print both estimates as one document."""
    from offtake.cli.failure import SCHEMA_VERSION
    from offtake.cli.output import print_json

    print_json({
        "schema_version": SCHEMA_VERSION, "chip": chip.name, "model": model.name, "latency": asdict(latency),
        "serving": served and serving_document(served), "training": trained and training_document(trained), "notes": notes,
    })  # fmt: skip


def serving_document(found: ServingCapacity) -> dict[str, Any]:
    """Return a serving capacity as a document."""
    best = found.plan.best
    return {
        "output_tok_per_s_per_chip": found.output_tok_per_s_per_chip, "low": found.interval.low, "high": found.interval.high,
        "tpot_s": best.tpot_s, "ttft_s": best.ttft_s, "concurrency": best.concurrency, "requests_per_s": best.requests_per_s,
        "it_w_per_chip": best.it_w_per_chip, "joules_per_output_tok": best.joules_per_output_tok,
        "memory_bytes_per_chip": dict(best.memory_bytes_per_chip), "terms_s": dict(best.terms_s), "chips": found.plan.case.chips,
        "layout": str(best.layout), "limited_by": found.plan.binds, "assumed": list(best.assumed),
    }  # fmt: skip


def training_document(found: TrainingCapacity) -> dict[str, Any]:
    """Return a training capacity as a document."""
    best = found.prediction
    return {
        "flop_per_s_per_chip": found.flop_per_s_per_chip, "low": found.interval.low, "high": found.interval.high,
        "step_s": best.step_s, "tok_per_s_per_chip": best.tok_per_s_per_chip, "mfu": best.mfu, "chips": found.case.chips,
        "precision": found.precision, "layout": dict(best.layout), "breakdown_s": dict(best.breakdown_s),
        "memory_bytes_per_chip": dict(best.memory_bytes), "it_w_per_chip": best.it_w_per_chip, "joules_per_tok": best.joules_per_tok,
        "assumed": list(best.assumed),
    }  # fmt: skip


def _show(
    chip: Chip, model: Transformer, served: ServingCapacity | None, trained: TrainingCapacity | None, lacking: list[str]
) -> None:
    """Print both estimates as one table of figure, value and unit, with what stands behind them."""
    from offtake.cli.terminal import print_lines, print_table
    from offtake.tables import Column, Table, significant

    rows: list[tuple[str, str, str]] = []
    notes: list[str] = []
    if served is not None:
        best, within = served.plan.best, served.interval
        rows += [
            ("Output tokens, prefill included", significant(served.output_tok_per_s_per_chip), "tok/s per chip"),
            ("  80 % interval", f"{significant(within.low)} to {significant(within.high)}", "tok/s per chip"),
            ("Time to the first token", significant(best.ttft_s), "s"),
            ("Time per output token", significant(1e3 * best.tpot_s), "ms"),
            ("Requests at once", significant(best.concurrency), ""),
            ("Memory used", significant(sum(best.memory_bytes_per_chip.values()) / 1e9), "GB per chip"),
            ("IT power at that load", significant(best.it_w_per_chip), "W per chip"),
            ("IT energy of an output token", significant(best.joules_per_output_tok), "J"),
        ]
        notes += [
            f"serving: {served.plan.case.chips} chips, {best.layout}; limited by {served.plan.binds}",
            *best.assumed,
        ]
    if trained is not None:
        done, within = trained.prediction, trained.interval
        rows += [
            (f"Training on {trained.case.chips:,} chips", significant(trained.flop_per_s_per_chip / 1e12), "useful TFLOP/s per chip"),
            ("  80 % interval", f"{significant(within.low / 1e12)} to {significant(within.high / 1e12)}", "useful TFLOP/s per chip"),
            ("Trained tokens", significant(done.tok_per_s_per_chip), "tok/s per chip"),
            ("Time of a step", significant(done.step_s), "s"),
            ("Share of the dense peak", significant(100 * done.mfu), "%"),
            ("IT power in training", significant(done.it_w_per_chip), "W per chip"),
        ]  # fmt: skip
        notes += [f"training: {trained.words}", *done.assumed]
    columns = (Column("figure", kind="text"), Column("value", kind="text"), Column("unit", kind="text"))
    print_table(Table("perf", columns, rows, title=f"{model.name} on {chip.name}"))
    print_lines(*(f"· {note}" for note in dict.fromkeys((*notes, *lacking))))
    print_lines(
        "Estimates fitted to public measurements; intervals hold four in five of them.",
        f"Next: offtake perf compare --model {model.name!r}, or offtake catalog chips --sources",
    )
