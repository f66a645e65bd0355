"""`offtake perf best`: the best layout, what was left out, and the Pareto front."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from cyclopts import Parameter

from offtake.cli.options import Json, quantity
from offtake.errors import OfftakeError
from offtake.perf.cases import TunedBy

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from offtake.perf.answers import Refusal
    from offtake.perf.best import FrontPoint, TrainingPlan
    from offtake.perf.best_serving import ServingPlan
    from offtake.perf.params import Section
    from offtake.perf.types import Chip, Precision, Transformer

__all__ = ["best"]

_Plan = TypeVar("_Plan")

_Flag = Annotated[bool, Parameter(negative="")]


def best(
    *,
    model: str,
    chip: str,
    chips: int,
    train: _Flag = False,
    serve: _Flag = False,
    ttft: str = "2 s",
    tpot: str = "40 ms/tok",
    input_: Annotated[str, Parameter(name="--input")] = "3600 tok",
    output: str = "1000 tok",
    seq: str = "4096 tok",
    batch: str = "4 Mtok",
    precision: str = "",
    tuned_by: TunedBy = "vendor",
    params: Path | None = None,
    svg: Path | None = None,
    json: Json = False,
) -> int:
    """Find the best layout for training, or the best serving plan under latency targets.

    Parameters
    ----------
    model : str
        A model of the catalogue: DeepSeek-V3.
    chip : str
        A chip of the catalogue, or a YAML file with its data sheet.
    chips : int
        Chips at most.
    train : bool
        The highest tokens/s of a training step.
    serve : bool
        The most output tokens/s of a chip within both latency targets.
    ttft : str
        Mean time to the first token, queueing included.
    tpot : str
        Mean time per output token.
    input_ : str
        Input tokens of a request.
    output : str
        Output tokens of a request.
    seq : str
        Sequence length in training.
    batch : str
        Tokens of one training step.
    precision : str
        bf16, fp8 or fp4; without it bf16 in training, fp8 in serving where the chip has it.
    tuned_by : str
        Who made the training software fast: the vendor of chip or software, its user, or nobody. Own measurements in --params tell it
        themselves.
    params : Path
        A parameter file of `offtake perf calibrate` or `fit`, in place of the one that comes with the program.
    svg : Path
        File for the picture of the Pareto front.
    """
    from offtake.cli.perf_chip import chip_given, chips_given, sections_given
    from offtake.perf.names import model_named

    if train == serve:
        msg = "say what the chips are for: --train, or --serve with --ttft and --tpot"
        raise OfftakeError(msg)
    if serve and tuned_by != "vendor":
        msg = (
            "--tuned-by is of training: in serving only experts on software of before 2026 were slower with their users"
        )
        raise OfftakeError(msg)
    if train and tuned_by != "vendor" and params is not None and any(s.own for s in sections_given(params).values()):
        msg = "--tuned-by is told by the measurements in --params; leave one of them out"
        raise OfftakeError(msg)
    known = (chip_given(chip), model_named(model), chips_given(chips), _precision(precision))
    pair = _Pair(*known, fitted=sections_given(params, "training" if train else "serving"))
    found = (
        _trained(pair, seq=seq, batch=batch, tuned_by=tuned_by)
        if train
        else _served(pair, input_=input_, output=output, ttft=ttft, tpot=tpot)
    )
    if svg is not None:
        _draw(svg, found.front, f"{pair.model.name} on {pair.chip.name}", train=train)
    _print(found, pair, json=json)
    return 0


@dataclass(frozen=True, slots=True)
class _Pair:
    """What is asked about: so many chips at most, a model on them, the precision if one is named, and parameters if a file is."""

    chip: Chip
    model: Transformer
    chips: int
    precision: Precision | None
    fitted: Mapping[str, Section]


def _trained(pair: _Pair, *, seq: str, batch: str, tuned_by: TunedBy) -> TrainingPlan:
    """Find the fastest training step."""
    from offtake.cli.perf_chip import tokens_given
    from offtake.perf.best import best_training
    from offtake.perf.capacity import whole_batch
    from offtake.perf.cases import TrainingCase

    length = tokens_given("--seq", seq)
    sequences = whole_batch(tokens_given("--batch", batch), length)
    asked = TrainingCase(
        chip=pair.chip, model=pair.model, chips=pair.chips, seq_tok=length, batch_seqs=sequences, precision=pair.precision or "bf16",
        tuned_by=tuned_by,
    )  # fmt: skip
    return _possible(best_training(asked, pair.fitted.get("training")))


def _served(pair: _Pair, *, input_: str, output: str, ttft: str, tpot: str) -> ServingPlan:
    """Find the serving plan with most output tokens of a chip within both latencies."""
    from offtake.perf.best_serving import best_serving
    from offtake.perf.cases import ServingCase

    asked = ServingCase(
        chip=pair.chip, model=pair.model, chips=pair.chips, input_tok=quantity("--input", input_, "tok"),
        output_tok=quantity("--output", output, "tok"), weights=pair.precision, load="open",
    )  # fmt: skip
    targets = {"ttft_s": quantity("--ttft", ttft, "s"), "tpot_s": quantity("--tpot", tpot, "s/tok")}
    return _possible(best_serving(asked, **targets, fitted=pair.fitted.get("serving")))


def _possible(found: _Plan | Refusal) -> _Plan:
    """Return a plan, or raise why there is none."""
    from offtake.perf.answers import Refusal

    if isinstance(found, Refusal):
        raise OfftakeError(found.reason)
    return found


def _print(found: TrainingPlan | ServingPlan, pair: _Pair, *, json: bool) -> None:
    from offtake.cli.failure import SCHEMA_VERSION
    from offtake.cli.output import print_json

    if json:
        names = {"chip": pair.chip.name, "model": pair.model.name}
        print_json({"schema_version": SCHEMA_VERSION, **names, **_document(found)})
    else:
        _show(found, f"{pair.model.name} on at most {pair.chips} {pair.chip.name}")


def _precision(text: str) -> Precision | None:
    """Read a precision."""
    names: Mapping[str, Precision] = {"bf16": "bf16", "fp8": "fp8", "fp4": "fp4"}
    if text and text not in names:
        msg = f"--precision is bf16, fp8 or fp4, not {text!r}"
        raise OfftakeError(msg)
    return names.get(text)


def _figures(found: TrainingPlan | ServingPlan) -> list[tuple[str, float, str]]:
    """Return the headline as (words, value, unit)."""
    from offtake.perf.best import TrainingPlan

    if isinstance(found, TrainingPlan):
        best = found.best
        return [
            ("Chips", found.case.chips, "chips"), ("Time of a step", best.step_s, "s"), ("  at least", best.interval.low, "s"),
            ("  at most", best.interval.high, "s"), ("Trained tokens", best.tok_per_s, "tok/s"),
            ("Trained tokens of a chip", best.tok_per_s_per_chip, "tok/s per chip"), ("Share of the dense peak", 100 * best.mfu, "%"),
            ("Memory used", sum(best.memory_bytes.values()) / 1e9, "GB per chip"),
            ("IT power", best.it_w_per_chip, "W per chip"), ("IT energy of a token", best.joules_per_tok, "J"),
        ]  # fmt: skip
    served = found.best
    within = found.interval
    return [
        ("Output tokens of a chip", served.output_tok_per_s_per_chip, "tok/s per chip"), ("  at least", within.low, "tok/s per chip"),
        ("  at most", within.high, "tok/s per chip"), ("Output tokens", served.output_tok_per_s, "tok/s"),
        ("Requests", served.requests_per_s, "1/s"), ("Requests at once", served.concurrency, ""),
        ("Time to the first token", served.ttft_s, "s"), ("Time per output token", 1e3 * served.tpot_s, "ms"),
        ("Memory used", sum(served.memory_bytes_per_chip.values()) / 1e9, "GB per chip"), ("IT power", served.it_w_per_chip, "W per chip"),
        ("IT energy of an output token", served.joules_per_output_tok, "J"),
    ]  # fmt: skip


def _layout(found: TrainingPlan | ServingPlan) -> str:
    """Say the layout."""
    from offtake.perf.best import TrainingPlan

    if not isinstance(found, TrainingPlan):
        return f"{found.best.layout}; limited by {found.binds}"
    shown = {
        name: value
        for name, value in found.best.layout.items()
        if value != 0 and not (value == 1.0 and name not in {"tp", "pp", "dp"})
    }
    return ", ".join(f"{name} {value:g}" for name, value in shown.items())


def _show(found: TrainingPlan | ServingPlan, title: str) -> None:
    """Print headline, layout, what was left out, and the front."""
    from offtake.cli.terminal import print_lines, print_table
    from offtake.perf.best import TrainingPlan
    from offtake.tables import Column, Table, significant

    columns = (Column("figure", kind="text"), Column("value", kind="text"), Column("unit", kind="text"))
    print_table(
        Table(
            "best",
            columns,
            [(w, f"{v:,}" if isinstance(v, int) else significant(v), u) for w, v, u in _figures(found)],
            title=title,
        )
    )
    print_lines(f"Layout: {_layout(found)}", *(f"· {note}" for note in found.best.assumed))
    if isinstance(found, TrainingPlan):
        print_lines(*(f"Next best: {words}: {significant(step)} s" for words, step in found.runners_up))
    print_lines(
        f"{found.evaluated:,} settings evaluated. Left out:",
        *(f"  {count:8,} × {reason}" for reason, count in found.pruned.items()),
    )
    print_table(_front(found.front, train=isinstance(found, TrainingPlan)))


def _front(front: Sequence[FrontPoint], *, train: bool) -> Any:  # noqa: ANN401  (a Table)
    from offtake.tables import Column, Table, significant

    scale, unit = (1.0, "s") if train else (1e3, "ms")
    columns = (
        Column("latency", unit, title="step" if train else "per token", kind="text"),
        Column("rate", "tok/s", title="of a chip", kind="text"),
        Column("layout", kind="text"),
    )
    rows = [(significant(scale * p.latency_s), significant(p.tok_per_s_per_chip), p.words) for p in front]
    return Table("front", columns, rows, title="Pareto front: none is better in both")


def _document(found: TrainingPlan | ServingPlan) -> dict[str, Any]:
    """Return a plan as a document."""
    from dataclasses import asdict

    return {
        "figures": [{"name": w.strip(), "value": v, "unit": u} for w, v, u in _figures(found)], "layout": _layout(found),
        "assumed": list(found.best.assumed), "evaluated": found.evaluated, "pruned": dict(found.pruned),
        "front": [asdict(p) for p in found.front],
    }  # fmt: skip


def _draw(path: Path, front: Sequence[FrontPoint], title: str, *, train: bool) -> None:
    """Write the picture of the front."""
    from offtake.files import write_whole
    from offtake.report.chips import front_svg

    write_whole(path, front_svg(front, title=title, train=train))
