"""Serving of one case: time per token, time to first token, throughput, concurrency, memory, power, each with an interval.

A case says how requests come: a fixed number at once (closed), at a rate (open), more than fit (offline), one batch from start to end
(static), or a prompt alone (prefill). A setting that the case leaves out is taken as the best and said in `assumed`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from offtake.errors import OfftakeError
from offtake.perf import batching, decode, serving_params
from offtake.perf.answers import Interval, Refusal
from offtake.perf.own import as_run, told_in_words
from offtake.perf.serving_intervals import intervals
from offtake.perf.serving_layout import Layout, layouts_of
from offtake.perf.serving_rows import engine_family, names_of, numbers_of, row_of
from offtake.perf.serving_setting import Setting, stack
from offtake.perf.terms import energy

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from offtake.perf.batching import Running
    from offtake.perf.cases import ServingCase
    from offtake.perf.params import Section
    from offtake.perf.serving_params import Physics

    Floats = NDArray[np.float64]

__all__ = ["Interval", "Load", "Refusal", "ServingPrediction", "load_of", "predict_serving", "solve"]

# Sequences of one attention group that engines run at once at most, where memory would hold more (TensorRT-LLM max_batch_size 2,048).
MOST_SEQUENCES = 2048.0
# Tokens of prompts in one step of an attention group: the default of SGLang and TensorRT-LLM and, since its V1 engine (2025), of vLLM's
# server on chips of 70 GB and more but A100, with 2,048 on others (vllm/engine/arg_utils.py, from memory).
_ENTERING_TOK, _FEWER_ENTERING_TOK, _ENOUGH_BYTES = 8192.0, 2048.0, 70e9
MOST_PREFILL_LOAD = 0.98  # of the prefill pool; at one the wait has no end


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """How requests come to one replica, float64[row, 1]: kinds as 0 or 1, and the number that goes with them.

    A burst is a static load whose prompts are computed while others already decode, as engines do that batch continuously: `burst` is the
    tokens of prompts that a step takes in [tok], nought for other loads.
    """

    closed: Floats
    rate: Floats
    static: Floats
    offline: Floats
    burst: Floats
    target: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingPrediction:
    """What a deployment does.

    Attributes
    ----------
    tpot_s, ttft_s : float [s]                         means
    ttft_median_s : float [s]                          without the start of a run, when all requests come at once
    output_tok_per_s_per_chip : float [tok/s]          over all chips, both pools
    output_tok_per_s_per_decode_chip : float [tok/s]   over the chips that decode; the same where pools are shared
    output_tok_per_s : float [tok/s]
    requests_per_s : float [1/s]
    concurrency : float                                requests at work: rate × (ttft + output × tpot)
    running : float                                    sequences that decode, all replicas
    capacity : float                                   sequences that the caches hold, all replicas
    memory_bytes_per_chip : mapping of part to [bytes] weights, cache, workspace
    it_w_per_chip : float [W/chip] ; joules_per_output_tok : float [J/tok]
    binds : str                                        the largest term of a token's time
    terms_s : mapping of term to float [s]             of one output token; sum is tpot_s
    intervals : mapping of tpot_s, ttft_s, output_tok_per_s_per_chip, … to Interval
    layout : Layout
    assumed : tuple of str
    """

    tpot_s: float
    ttft_s: float
    ttft_median_s: float
    output_tok_per_s_per_chip: float
    output_tok_per_s_per_decode_chip: float
    output_tok_per_s: float
    requests_per_s: float
    concurrency: float
    running: float
    capacity: float
    memory_bytes_per_chip: Mapping[str, float]
    it_w_per_chip: float
    joules_per_output_tok: float
    binds: str
    terms_s: Mapping[str, float]
    intervals: Mapping[str, Interval]
    layout: Layout
    assumed: tuple[str, ...]


def load_of(case: ServingCase, layout: Layout) -> tuple[float, float, float, float, float, float]:
    """Return (closed, rate, static, offline, burst, number for one replica) of a case."""
    replicas = float(layout.replicas)
    if case.load == "open":
        if not case.rate_per_s:
            raise OfftakeError(
                "no serving estimate, because the request rate of an open load is not given (rate_per_s)"
            )
        return 0.0, 1.0, 0.0, 0.0, 0.0, case.rate_per_s / replicas
    if case.load == "prefill":
        return 0.0, 0.0, 1.0, 0.0, 0.0, 1.0
    at_once = case.concurrency / replicas if case.concurrency else case.batch
    if at_once and case.batch and not case.model.is_moe:
        # a batch is of one replica: the requests at once lie on more replicas than the source counts chips of
        at_once = min(at_once, case.batch)
    if case.load == "static" and at_once:
        return 0.0, 0.0, 1.0, 0.0, 0.0, max(at_once, 1.0)
    if case.load == "offline" and at_once:  # all of them at once, over all replicas
        return 0.0, 0.0, 1.0, 0.0, _entering_tok(case), max((case.concurrency or case.batch or 0.0) / replicas, 1.0)
    if case.load == "offline" or not at_once:
        return 0.0, 0.0, 0.0, 1.0, 0.0, 1e9
    return 1.0, 0.0, 0.0, 0.0, 0.0, at_once


def _entering_tok(case: ServingCase) -> float:
    """Return the tokens of prompts that one step of an attention group takes in [tok]."""
    small = (case.chip.hbm_bytes or math.inf) < _ENOUGH_BYTES or case.chip.family == "ampere"
    return _FEWER_ENTERING_TOK if small and engine_family(case.engine) == "vllm" else _ENTERING_TOK


def solve(s: Setting, p: Physics, load: Load) -> tuple[Running, Floats, Floats]:
    """Return the running state of each row, the requests at work in a replica, and what its caches hold (float64[row, 1]).

    Closed: the batch at which Little's law gives the stated number, at most what the caches hold and what a pool of prompts feeds; what
    does not fit waits, and the time to first token grows by it. A finite run keeps `occupancy` of the nominal number at work.
    Static: no more of the batch runs at once than the caches hold; the rest comes in further waves.
    """
    room = batching.capacity(s)
    # where a layout ran with less in reserve than assumed its limit is not known; where not one sequence fits beside the weights, one runs
    held = np.where(room <= 0.0, 1e6, np.maximum(room, 1.0))
    closed = load.closed > 0.0
    asked = load.target
    if closed.any():
        asked = np.where(closed, np.maximum(asked * p.occupancy, np.minimum(asked, 1.0)), asked)
    replica = batching.Replica(s, p, closed=load.closed, asked=asked)
    apart = bool((s.mixed <= 0.0).any())
    if closed.all():
        batches = _grid(np.minimum(asked, held))
        curve = replica.at(batches)
        found = _meets(replica, batches, curve, asked, closed=closed)
        if apart:
            found = np.minimum(found, _fed(replica, batches, curve))
        return replica.at(found), asked, room
    most = np.minimum(held * p.share_kept, MOST_SEQUENCES * s.dp)
    batches = _grid(np.where(closed, np.minimum(asked, held), np.where(load.rate > 0.0, most, held)))
    curve = replica.at(batches)
    found = _meets(replica, batches, curve, asked, closed=closed)
    at_once = np.where(load.static > 0.0, np.minimum(load.target, np.maximum(held, 1.0)), np.maximum(most, 1.0))
    # a burst's prompts come in as many tokens a step as engines take: who came first is done before the last has begun
    entered = np.maximum(load.burst * s.dp * s.output_tok / s.input_tok, 1.0)
    at_once = np.where(load.burst > 0.0, np.minimum(np.minimum(at_once, entered), np.maximum(most, 1.0)), at_once)
    batch = np.where((load.static > 0.0) | (load.offline > 0.0), at_once, found)
    if apart:  # a pool of prompts that is full holds the decoding pool back
        batch = np.where(load.static > 0.0, batch, np.minimum(batch, _fed(replica, batches, curve)))
    state = replica.at(batch)
    return state, np.where(closed, asked, state.at_work(s)), room


def _meets(
    replica: batching.Replica, batches: Floats, curve: Running, asked: Floats, *, closed: NDArray[np.bool_]
) -> Floats:
    """Return the running sequences at which the number at work (closed loops), or the rate, is the one asked: float64[row, 1].

    With pools apart as many batches again are tried where it lies: near a full pool of prompts waits rise too steeply for so few.
    """
    s = replica.s

    def reached(state: Running) -> Floats:
        return state.at_work(s) if closed.all() else np.where(closed, state.at_work(s), state.rate_per_s)

    found = batching.inverse(batches, reached(curve), asked)
    apart = s.mixed <= 0.0
    if not apart.any():
        return found
    close = batching.around(batches, reached(curve), asked)
    return np.where(apart, batching.inverse(close, reached(replica.at(close)), asked), found)


def _fed(replica: batching.Replica, batches: Floats, curve: Running) -> Floats:
    """Return the running sequences at which the pool of prompts is as busy as it can be: float64[row, 1]; no limit where it is shared."""
    most = np.full_like(batches[:, :1], MOST_PREFILL_LOAD)
    close = batching.around(batches, curve.prefill_load, most)
    full = batching.inverse(close, replica.at(close).prefill_load, most)
    # below one running sequence the rate is in proportion to it
    least = curve.prefill_load[:, :1]
    full = np.where(least > most, batches[:, :1] * most / least, full)
    # a pool that no batch of the grid fills sets no limit
    return np.where(replica.s.mixed <= 0.0, full, np.inf)


def _grid(ceiling: Floats) -> Floats:
    """Return batches to try up to a ceiling: float64[row, batch]."""
    return batching.grid(np.minimum(0.02 * np.maximum(ceiling, 1.0), 0.5), ceiling)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """The headline of each row, float64[row]: [s], [s], [1/s], requests, sequences of all replicas."""

    tpot_s: Floats
    ttft_s: Floats
    ttft_median_s: Floats
    requests_per_s: Floats
    concurrency: Floats
    running: Floats
    capacity: Floats


def figures(s: Setting, p: Physics, load: Load) -> tuple[Figures, Running]:
    """Return the headline figures of each row, by Little's law exact."""
    state, at_work, held = solve(s, p, load)
    static, closed = load.static > 0.0, load.closed > 0.0
    tpot, ttft = state.tpot_s, state.ttft_s
    rate = state.batch / (s.output_tok * tpot)
    if static.any():
        whole = state.prompt.lone_s + (state.batch - 1.0) * state.prompt.busy_s
        tpot = np.where(static, tpot - state.mixing_s, tpot)
        # what the caches do not hold comes in further waves: on average it waits for half of the others
        wave, waves = whole + s.output_tok * tpot, np.maximum(load.target / state.batch, 1.0)
        ttft = np.where(static, whole + 0.5 * (waves - 1.0) * wave, ttft)
        if load.burst.any():
            # a prompt waits for half of the others and then, decoding, for the other half; of many waves, decodes amid the next one's
            late = np.where(load.burst > 0.0, (1.0 - 0.5 / waves) * (whole - state.prompt.lone_s), 0.0)
            tpot, ttft = tpot + late / s.output_tok, ttft - late
        rate = np.where(static, state.batch / wave, rate)
    median = ttft
    if closed.any():
        # the rate follows from the batch that runs, the time to first token from the number at work
        ttft = np.where(closed, np.maximum(at_work / rate - s.output_tok * tpot, 1e-6), ttft)
        least = np.minimum(ttft, state.prompt.lone_s + p.first_s * s.wait)
        median = np.where(closed, np.maximum(ttft - state.start_s, least), ttft)
        rate = np.where(closed, at_work / (ttft + s.output_tok * tpot), rate)
    return (
        Figures(
            tpot_s=tpot[:, 0], ttft_s=ttft[:, 0], ttft_median_s=median[:, 0], requests_per_s=(rate * s.replicas)[:, 0],
            concurrency=(rate * (ttft + s.output_tok * tpot) * s.replicas)[:, 0], running=(state.batch * s.replicas)[:, 0],
            capacity=(held * s.replicas)[:, 0],
        ),
        state,
    )  # fmt: skip


def predict_serving(
    case: ServingCase, fitted: Section | None = None, *, layout: Layout | None = None, must_fit: bool = True
) -> ServingPrediction | Refusal:
    """Predict what a deployment does under a load; refuse by naming what is missing.

    Parameters
    ----------
    fitted : Section, optional    parameters; those that come with the package where left out
    layout : Layout, optional     how it lies on chips, in place of what the case prints
    must_fit : bool               refuse weights that leave less in reserve than assumed; what was run did fit

    Examples
    --------
    >>> from offtake.catalog.chips import chip, chip_of
    >>> from offtake.catalog.models import model, transformer_of
    >>> from offtake.perf.cases import ServingCase
    >>> case = ServingCase(chip=chip_of(chip("H100")), model=transformer_of(model("Llama 3.1 8B")), chips=1, input_tok=1024,
    ...                    output_tok=1024, concurrency=16, tp=1, weights="bf16")
    >>> found = predict_serving(case)
    >>> 0.004 < found.tpot_s < 0.02
    True
    """
    fitted = serving_params.section() if fitted is None else fitted
    case = as_run(fitted.own, case)
    try:
        if not case.input_tok or (not case.output_tok and case.load != "prefill"):
            return Refusal(reason="input and output lengths are not given (isl, osl)")
        if case.chips < 1 and layout is None and case.tp is None and case.decode is None:
            return Refusal(reason="neither the number of chips nor a layout is given (n_chips, tp)")
        numbers = numbers_of(case)
        options, notes = ([layout], ()) if layout is not None else layouts_of(case)
        loads = [load_of(case, layout) for layout in options]
    except OfftakeError as error:
        return Refusal(reason=str(error))
    names = names_of(case)
    multipliers, pace = serving_params.factors(fitted, names), serving_params.pace_of(fitted, case)
    s = stack([row_of(numbers, layout, multipliers, pace) for layout in options])
    load = join_loads(loads)
    p = serving_params.physics(fitted)
    found, state = figures(s, p, load)
    best = _best(case, s, found, must_fit=must_fit)
    if isinstance(best, Refusal):
        return best
    if case.load == "open" and not found.requests_per_s[best] >= 0.98 * (case.rate_per_s or 0.0):
        return Refusal(
            reason=f"{case.rate_per_s:.4g} requests/s are more than {options[best]} on {case.chip.name} can serve: "
            f"at most {found.requests_per_s[best]:.4g}",
            most_per_s=float(found.requests_per_s[best]),
        )
    notes = (*notes, *numbers.assumed, *_said(case), *told_in_words(fitted.own, case))
    return _answer(case, fitted, (s, found, state), best, (options[best], names, notes))


def join_loads(loads: Sequence[tuple[float, float, float, float, float, float]]) -> Load:
    """Join loads of rows."""
    closed, rate, static, offline, burst, target = np.asarray(loads, dtype=np.float64).T[:, :, None]
    return Load(closed=closed, rate=rate, static=static, offline=offline, burst=burst, target=target)


def _said(case: ServingCase) -> tuple[str, ...]:
    """Return what was assumed of the load."""
    if case.load in {"closed", "static"} and not case.concurrency and not case.batch:
        return ("no concurrency given: as many requests as the caches hold",)
    if case.load == "offline" and not case.concurrency and not case.batch:
        return ("requests queued without bound",)
    return ()


def _best(case: ServingCase, s: Setting, found: Figures, *, must_fit: bool) -> int | Refusal:
    """Return the row with the highest rate per chip among those whose weights fit; refuse where none does."""
    fits = found.capacity >= 1.0
    if not fits.any() and (len(fits) == 1 or not must_fit):
        # a printed layout was run, as was whatever was measured: it keeps less in reserve than assumed
        held = decode.weight_bytes(s, s.tp, s.dp, s.pp)[:, 0]
        fits = held < batching.LARGEST_SHARE * (case.chip.hbm_bytes or 0.0)
    if not fits.any():
        held = decode.weight_bytes(s, s.tp, s.dp, s.pp)
        least = int(np.argmin(held[:, 0]))
        room = s.hbm_bytes[least, 0] * batching.MEMORY_SHARE - batching.WORKSPACE_BYTES
        total = float(held[least, 0] * s.tp[least, 0] * s.dp[least, 0] * s.pp[least, 0])
        need = max(1, math.ceil(total / max(room, 1.0)))
        return Refusal(
            reason=f"{case.model.name} does not fit: {held[least, 0] / 1e9:.0f} GB of weights a chip, {room / 1e9:.0f} GB usable on "
            f"{case.chip.name}; {need} chips or more would hold it at this precision"
        )
    rate = np.where(fits, found.requests_per_s / s.chips[:, 0], -1.0)
    return int(np.argmax(rate))


def _answer(
    case: ServingCase,
    fitted: Section,
    found: tuple[Setting, Figures, Running],
    at: int,
    about: tuple[Layout, Mapping[str, str], tuple[str, ...]],
) -> ServingPrediction:
    """Return the prediction of one row."""
    s, headline, state = found
    layout, names, notes = about
    tpot, ttft = float(headline.tpot_s[at]), float(headline.ttft_s[at])
    rate, output = float(headline.requests_per_s[at]), float(s.output_tok[at, 0])
    terms = _terms(state, at)
    # of a batch without others' prompts what is left over is nought, of a burst it is those that came later
    alone = case.load == "prefill" or (case.load == "static" and bool(case.concurrency or case.batch))
    terms["prompts of others"] = 0.0 if alone else max(0.0, tpot - sum(terms.values()))
    tokens = rate * output
    running = float(headline.running[at])
    cache = float(decode.kv_bytes(s, s.context_tok)[at, 0]) * running / layout.replicas
    cache /= float(decode.kv_split(s, s.tp)[at, 0]) * layout.dp * layout.pp
    memory = {
        "weights": float(decode.weight_bytes(s, s.tp, s.dp, s.pp)[at, 0]),
        "cache": cache,
        "workspace": batching.WORKSPACE_BYTES,
    }
    power = _watts(case, terms, float(state.rate_per_s[at, 0] * state.prompt.busy_s[at, 0]))
    chips = float(layout.chips)
    values = {
        "tpot_s": tpot, "ttft_s": ttft, "ttft_median_s": float(headline.ttft_median_s[at]), "output_tok_per_s_per_chip": tokens / chips,
        "output_tok_per_s_per_decode_chip": tokens / layout.decode_chips, "output_tok_per_s": tokens,
        "requests_per_s": rate, "joules_per_output_tok": power * chips / tokens,
    }  # fmt: skip
    shares = _shares(terms, state, at, ttft)
    return ServingPrediction(
        **values,
        concurrency=float(headline.concurrency[at]), running=running, capacity=float(headline.capacity[at]),
        memory_bytes_per_chip=memory, it_w_per_chip=power, binds=max(terms, key=lambda name: terms[name]), terms_s=terms,
        intervals=intervals(fitted, names, case, shares, values), layout=layout, assumed=notes,
    )  # fmt: skip


def _terms(state: Running, at: int) -> dict[str, float]:
    """Return the terms of one output token beside the prompts of others [s]."""
    tokens = float(state.tokens[at, 0])
    step = state.step
    named = {
        "weights": step.weights_s, "experts": step.experts_s, "attention and cache": step.attention_s,
        "tensor messages": step.tensor_messages_s, "expert messages": step.expert_messages_s, "launches": step.launches_s,
        "sequences on the host": step.sequences_s, "drafting": step.draft_s,
    }  # fmt: skip
    return {name: float(value[at, 0]) / tokens for name, value in named.items()}


def _watts(case: ServingCase, terms: Mapping[str, float], prompts: float) -> float:
    """Return the mean IT power [W/chip]: prompts at the package's limit, reading memory at 0.6 of what is above idle."""
    if not case.chip.it_w_per_chip:
        return math.nan
    total = sum(terms.values()) - terms["prompts of others"]
    reading = terms["weights"] + terms["experts"] + terms["attention and cache"]
    busy = min(1.0, prompts)
    share = float(energy.busy_share(busy, (1.0 - busy) * reading / max(total, 1e-12), 1.0))
    return float(energy.mean_w(case.chip.it_w_per_chip, case.chip.idle_frac, share))


def _shares(terms: Mapping[str, float], state: Running, at: int, ttft_s: float) -> dict[str, dict[str, float]]:
    """Return the share of each channel in the time per token and in the time to first token."""
    total = max(sum(terms.values()), 1e-12)
    prompt = terms["prompts of others"] / total
    overhead = (
        sum(terms[n] for n in ("tensor messages", "expert messages", "launches", "sequences on the host")) / total
    )
    tpot = {"prompt": prompt, "overhead": overhead, "stream": max(0.0, 1.0 - prompt - overhead)}
    prompts = min(1.0, float((state.prompt.lone_s + state.wait_s)[at, 0]) / max(ttft_s, 1e-9))
    return {"tpot": tpot, "throughput": tpot, "ttft": {"prompt": prompts, "overhead": 1.0 - prompts, "stream": 0.0}}
