"""Tokens/s of a chip for a latency class, as the plan needs them: prefill and decode each on chips of their own, each at its best.

One chip's output rate for the class is 1 / (1/decode + fresh input per output / prefill).
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from offtake.perf import batching, decode, disaggregation, prefill, queueing, serving_params, watts
from offtake.perf.cases import ServingCase
from offtake.perf.serving import LatencyError, ServingEstimate
from offtake.perf.serving_layout import candidates
from offtake.perf.serving_model import MOST_SEQUENCES, interval_factor
from offtake.perf.serving_rows import names_of, numbers_of, row_of
from offtake.perf.serving_setting import stack

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from offtake.perf.params import Section
    from offtake.perf.serving_layout import Layout
    from offtake.perf.serving_params import Physics
    from offtake.perf.serving_setting import Setting
    from offtake.perf.types import Chip, LatencyClass, Precision, Transformer

    Floats = NDArray[np.float64]

__all__ = ["ENGINE", "estimate"]

# A fleet's software is taken to be as well tuned as the best measured engine, on any chip; what is left of a vendor's public figures
# (its effect in the fit) stays, and a chip whose rows never ran that engine has a wider interval.
ENGINE, _ENGINE_VENDOR = "trtllm", "NVIDIA"
# Load of the prefill pool at which the time to first token is promised, and prefill workers that share one queue.
PREFILL_LOAD, PREFILL_WORKERS = 0.8, 8
_MOST_CHIPS = 256
_BATCHES = 48


def estimate(
    chip: Chip,
    model: Transformer,
    latency: LatencyClass,
    *,
    precision: Precision | None = None,
    fitted: Section | None = None,
) -> ServingEstimate:
    """Estimate the tokens/s of a chip that serves a model within a latency class.

    Raises
    ------
    OfftakeError
        A figure of the chip or model is missing (named).
    LatencyError
        No layout meets the class; says the best time reached.

    Examples
    --------
    >>> from offtake.catalog.chips import chip, chip_of
    >>> from offtake.catalog.models import model, transformer_of
    >>> from offtake.perf.types import LatencyClass
    >>> chat = LatencyClass(ttft_s=2.0, tpot_s=0.05, input_tok=2000.0, output_tok=500.0)
    >>> found = estimate(chip_of(chip("H200")), transformer_of(model("Llama 3.3 70B")), chat)
    >>> found.tpot_s <= 0.05 and found.low < 1.0 < found.high
    True
    """
    return _estimate(chip, model, latency, precision, serving_params.section() if fitted is None else fitted)


@lru_cache(maxsize=4096)
def _cached(chip: Chip, model: Transformer, latency: LatencyClass, precision: Precision | None) -> ServingEstimate:
    return _compute(chip, model, latency, precision, serving_params.section())


def _estimate(
    chip: Chip, model: Transformer, latency: LatencyClass, precision: Precision | None, fitted: Section
) -> ServingEstimate:
    """Return the estimate, from memory where the parameters are those of the package."""
    if fitted is serving_params.section():
        return _cached(chip, model, latency, precision)
    return _compute(chip, model, latency, precision, fitted)


def _compute(
    chip: Chip, model: Transformer, latency: LatencyClass, precision: Precision | None, fitted: Section
) -> ServingEstimate:
    """Compute the estimate: the best decode layout and batch, and the best prefill worker."""
    it_w = watts.it_w_per_chip(chip)
    chosen = precision or chip.serving_precision
    case = ServingCase(
        chip=chip, model=model, chips=_MOST_CHIPS, input_tok=latency.input_tok, output_tok=latency.output_tok,
        cached_frac=latency.cached_frac, weights=chosen, engine=ENGINE, disaggregated=True,
    )  # fmt: skip
    numbers, names = numbers_of(case), names_of(case)
    layouts = _joined(candidates(case, _MOST_CHIPS), chip)
    s = stack([row_of(numbers, layout, serving_params.factors(fitted, names)) for layout in layouts])
    s = _apart(s)
    p = serving_params.physics(fitted)
    span = np.array([float(layout.span) for layout in layouts])
    decoding = _decode(s, p, latency, span, pair=f"{model.name} on {chip.name}")
    filling = _prefill(s, p, latency, span, pair=f"{model.name} on {chip.name}")
    at, batch, rate, tpot, limit, binds, memory = decoding
    first, prefill_rate, ttft = filling
    # whether this vendor's chips ever reach that software is not known: the spread of engines counts too
    sure = names if chip.vendor == _ENGINE_VENDOR else {**names, "engine": ""}
    low, high = interval_factor(fitted, sure, "throughput", "offline")
    own, other = layouts[at], layouts[first]
    notes = (
        f"decode: {own.span} chips a replica ({own}), batch {batch}; limited by {limit}",
        f"prefill: {other.span} chips a replica ({other}), first token in {ttft:.3g} s",
        f"weights {chosen}; {', '.join(numbers.assumed) or 'nothing assumed'}; decode step bound by {binds}",
        f"software as well tuned as the best measured engine ({ENGINE})",
    )
    return ServingEstimate(
        chip=chip.name, model=model.name, precision=chosen, prefill_tok_per_s_per_chip=prefill_rate,
        decode_tok_per_s_per_chip=rate, fresh_input_per_output=latency.fresh_tok / latency.output_tok,
        chips_per_replica=own.span, tp=own.tp, prefill_chips=other.span, batch=batch, ttft_s=ttft, tpot_s=tpot,
        memory_bytes_per_chip=memory, it_w_per_chip=it_w, low=low, high=high, binds=limit, notes=notes,
    )  # fmt: skip


def _joined(layouts: list[Layout], chip: Chip) -> list[Layout]:
    """Drop layouts that a chip cannot join: no stages here, and none beyond the domain of a chip without a network card."""
    reach = _MOST_CHIPS if chip.scaleout_bytes_per_s else max(chip.scaleup_domain, 1)
    return [layout for layout in layouts if layout.pp == 1 and layout.span <= reach]


def _apart(s: Setting) -> Setting:
    """Return the setting with prompts on chips of their own, as many as decoding needs."""
    return replace(s, mixed=np.zeros_like(s.mixed), chips=np.full_like(s.chips, float(_MOST_CHIPS)))


def _decode(
    s: Setting, p: Physics, latency: LatencyClass, span: Floats, *, pair: str
) -> tuple[int, int, float, float, str, str, float]:
    """Return (layout, batch, tok/s per chip, tpot, what limits, what binds, memory) of the best decode point."""
    held = batching.capacity(s)
    most = np.minimum(held, MOST_SEQUENCES * s.dp)
    least = np.minimum(s.dp, np.maximum(most, 1.0))  # an attention group without a sequence saves nothing
    batch = np.floor(least * (np.maximum(most, least) / least) ** np.linspace(0.0, 1.0, _BATCHES))
    fits = (held >= s.dp) & (batch >= 1.0)
    if not fits.any():
        room = float(s.hbm_bytes[0, 0]) * batching.MEMORY_SHARE - batching.WORKSPACE_BYTES
        least_gb = float(decode.weight_bytes(s, s.tp, s.dp, s.pp).min()) / 1e9
        raise LatencyError(
            f"{pair}: weights and one sequence of {latency.context_tok:.0f} tokens do not fit any layout "
            f"({least_gb:.0f} GB of weights a chip at the least, {room / 1e9:.0f} GB usable)"
        )
    state = batching.at_batch(s, p, batch, closed=np.zeros_like(s.tp))
    ok = fits & (state.tpot_s <= latency.tpot_s)
    if not ok.any():
        fastest = float(state.tpot_s[fits].min())
        raise LatencyError(
            f"{pair}: time per output token {latency.tpot_s * 1e3:.3g} ms cannot be met; the best is {fastest * 1e3:.3g} ms"
        )
    rate = np.where(ok, batch / state.tpot_s / span[:, None], -1.0)
    at, column = np.unravel_index(int(np.argmax(rate)), rate.shape)
    limit = "memory for the cache" if column == _BATCHES - 1 else "time per output token"
    parts = {
        "memory bandwidth": state.step.weights_s + state.step.experts_s, "attention and cache": state.step.attention_s,
        "messages": state.step.tensor_messages_s + state.step.expert_messages_s,
        "fixed time of a step": state.step.launches_s + state.step.sequences_s,
    }  # fmt: skip
    binds = max(parts, key=lambda name: float(parts[name][at, column]))
    cache = (
        decode.kv_bytes(s, s.context_tok)[at, 0] * batch[at, column] / (decode.kv_split(s, s.tp)[at, 0] * s.dp[at, 0])
    )
    memory = float(decode.weight_bytes(s, s.tp, s.dp, s.pp)[at, 0] + cache)
    found = float(batch[at, column])
    return int(at), round(found), float(rate[at, column]), float(state.tpot_s[at, column]), limit, binds, memory


def _prefill(s: Setting, p: Physics, latency: LatencyClass, span: Floats, *, pair: str) -> tuple[int, float, float]:
    """Return (layout, computed input tok/s per chip, time to first token) of the best prefill worker."""
    prompt = prefill.prompt_times(s, p)
    room = batching.capacity(s)[:, 0] * decode.kv_bytes(s, s.context_tok)[:, 0] / decode.kv_bytes(s, s.input_tok)[:, 0]
    fits = room >= 1.0
    if not fits.any():
        raise LatencyError(f"{pair}: weights and one prompt of {latency.input_tok:.0f} tokens do not fit any layout")
    load, workers = np.full_like(s.tp, PREFILL_LOAD), np.full_like(s.tp, float(PREFILL_WORKERS))
    wait = queueing.open_wait_s(prompt.busy_s, load, workers)
    ttft = (prompt.lone_s + p.first_s * s.prompt + wait + disaggregation.transfer_s(s, p))[:, 0]
    ok = fits & (ttft <= latency.ttft_s)
    if not ok.any():
        raise LatencyError(
            f"{pair}: time to first token {latency.ttft_s:.3g} s cannot be met for {latency.fresh_tok:.0f} uncached tokens; "
            f"the best is {float(ttft[fits].min()):.3g} s"
        )
    rate = np.where(ok, PREFILL_LOAD * latency.fresh_tok / (prompt.busy_s[:, 0] * span), -1.0)
    at = int(np.argmax(rate))
    return at, float(rate[at]), float(ttft[at])
