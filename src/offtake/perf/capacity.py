"""What the plan and the comparison run on: output tokens/s of a chip under a latency class, useful training FLOP/s of a chip.

Serving is the best plan of a deployment of `SERVING_CHIPS`; training the fastest layout at a precision the chip has. Both say their
interval, power and what was assumed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from offtake.errors import OfftakeError
from offtake.perf import serving_params
from offtake.perf.answers import Interval, Refusal
from offtake.perf.best_serving import best_serving
from offtake.perf.cases import ServingCase, TrainingCase
from offtake.perf.own import as_run
from offtake.perf.training_model import predict_training

if TYPE_CHECKING:
    from offtake.perf.best_serving import ServingPlan
    from offtake.perf.params import Section
    from offtake.perf.training_model import TrainingPrediction
    from offtake.perf.types import Chip, LatencyClass, Precision, Transformer

__all__ = [
    "ENGINE",
    "LatencyError",
    "ServingCapacity",
    "TrainingCapacity",
    "serving_capacity",
    "training_capacity",
    "whole_batch",
]

ENGINE = "trtllm"
"""A fleet's software is taken to be as well tuned as the best measured engine, on any chip: what is left of a vendor's public figures (its
effect in the fit) stays, and the interval is wider where that engine never ran."""

SERVING_CHIPS = (256, 1024)
"""Deployments tried: the second where a model does not fit on the first."""

SEQUENCE_TOK = 8192
BATCH_TOK = 64 * 1024 * 1024
"""A step of frontier pre-training: 8,192 tokens a sequence (Llama 3.1 405B, arXiv 2407.21783), 63 M tokens a batch (DeepSeek-V3,
arXiv 2412.19437: 15,360 sequences of 4,096)."""


class LatencyError(OfftakeError):
    """No plan of this chip serves this model within the latency class."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingCapacity:
    """Rate of one chip in a latency class.

    Attributes
    ----------
    output_tok_per_s_per_chip : float [tok/s]   over all chips, prefill included; `interval` as of `ServingPlan`
    it_w_per_chip : float [W/chip]              mean draw at that load
    plan : ServingPlan
    """

    output_tok_per_s_per_chip: float
    interval: Interval
    it_w_per_chip: float
    plan: ServingPlan

    @property
    def words(self) -> str:
        """Say where the rate is from, in one line."""
        best = self.plan.best
        return (
            f"{self.plan.case.chips} chips, {best.layout}; {1e3 * best.tpot_s:.3g} ms a token, first after {best.ttft_s:.3g} s; "
            f"limited by {self.plan.binds}; 80 % interval {self.interval.low:.4g} to {self.interval.high:.4g} tok/s per chip"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingCapacity:
    """Useful rate of one chip in training.

    Attributes
    ----------
    flop_per_s_per_chip : float [flop/s]   6 operations per active weight and trained token, as training runs are counted; `interval`
    precision : Precision                  the faster of those the chip has
    prediction : TrainingPrediction
    """

    flop_per_s_per_chip: float
    interval: Interval
    it_w_per_chip: float
    precision: Precision
    case: TrainingCase
    prediction: TrainingPrediction

    @property
    def words(self) -> str:
        """Say where the rate is from, in one line."""
        layout = self.prediction.layout
        return (
            f"{self.case.chips} chips, {self.precision}, tp {layout['tp']:.0f}, pp {layout['pp']:.0f}, dp {layout['dp']:.0f}: "
            f"{self.prediction.mfu:.0%} of the dense peak; 80 % interval {self.interval.low / 1e12:.4g} to "
            f"{self.interval.high / 1e12:.4g} TFLOP/s per chip"
        )


def whole_batch(tokens: float, seq_tok: int) -> int:
    """Return the power of two of sequences that is nearest to so many tokens: what divides among replicas.

    Examples
    --------
    >>> whole_batch(4e6, 4096), whole_batch(1.0, 4096)
    (1024, 1)
    """
    return 1 << max(0, round(math.log2(max(tokens / seq_tok, 1.0))))


@lru_cache(maxsize=4096)
def serving_capacity(
    chip: Chip, model: Transformer, latency: LatencyClass, fitted: Section | None = None
) -> ServingCapacity:
    """Return the rate of a chip that serves a model within a latency class, by the parameters given or those that come with the package.

    Raises
    ------
    OfftakeError
        A figure of the chip or model is missing (named).
    LatencyError
        No plan meets the class; says the best times reached.
    """
    reason = ""
    section = serving_params.section() if fitted is None else fitted
    for chips in SERVING_CHIPS:
        case = ServingCase(
            chip=chip, model=model, chips=chips, input_tok=latency.input_tok, output_tok=latency.output_tok,
            cached_frac=latency.cached_frac, load="open",
        )  # fmt: skip
        case = as_run(section.own, case, otherwise=ENGINE)
        plan = best_serving(case, ttft_s=latency.ttft_s, tpot_s=latency.tpot_s, fitted=section)
        if not isinstance(plan, Refusal):
            return ServingCapacity(
                output_tok_per_s_per_chip=plan.best.output_tok_per_s_per_chip,
                interval=plan.interval,
                it_w_per_chip=plan.best.it_w_per_chip,
                plan=plan,
            )
        reason = plan.reason
        if "does not fit" not in reason:
            break
    if "cannot be met" in reason or "does not fit" in reason:
        raise LatencyError(reason)
    raise OfftakeError(reason)


@lru_cache(maxsize=4096)
def training_capacity(
    chip: Chip,
    model: Transformer,
    *,
    chips: int,
    precision: Precision | None = None,
    seq_tok: int = SEQUENCE_TOK,
    batch_tok: int = BATCH_TOK,
    fitted: Section | None = None,
) -> TrainingCapacity:
    """Return the useful training rate of a chip among `chips`; without a precision, at the faster of bf16 and fp8.

    Raises
    ------
    OfftakeError
        A figure of the chip or model is missing, or the model does not fit (said, with what would).
    """
    if not model.active_params:
        raise OfftakeError(f"{model.name}: no training estimate, because its weights are not known (active_params)")
    tried: list[tuple[float, TrainingCase, TrainingPrediction]] = []
    reasons = []
    for each in _precisions(chip) if precision is None else (precision,):
        case = TrainingCase(
            chip=chip,
            model=model,
            chips=chips,
            seq_tok=seq_tok,
            batch_seqs=whole_batch(batch_tok, seq_tok),
            precision=each,
        )
        found = predict_training(case, fitted)
        if isinstance(found, Refusal):
            reasons.append(found.reason)
        else:
            tried.append((found.tok_per_s_per_chip, case, found))
    if not tried:
        raise OfftakeError(reasons[0])
    rate, case, best = max(tried, key=lambda one: one[0])
    useful = 6.0 * model.active_params
    within = best.tok_per_s_per_chip_interval
    return TrainingCapacity(
        flop_per_s_per_chip=useful * rate, interval=Interval(low=useful * within.low, high=useful * within.high),
        it_w_per_chip=best.it_w_per_chip, precision=case.precision, case=case, prediction=best,
    )  # fmt: skip


def _precisions(chip: Chip) -> tuple[Precision, ...]:
    """Return the precisions of training that a chip has."""
    wide: tuple[Precision, ...] = ("bf16",) if chip.bf16_flop_per_s or not chip.fp8_flop_per_s else ()
    # a chip whose fp8 rate is no higher than its bf16 rate gains nothing in its products
    narrow = bool(chip.fp8_flop_per_s and chip.fp8_flop_per_s > 1.2 * (chip.bf16_flop_per_s or 0.0))
    return (*wide, "fp8") if narrow else wide
