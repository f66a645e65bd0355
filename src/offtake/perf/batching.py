"""Continuous batching: how many sequences run, how prompts slow them, and what a request sees.

With B sequences running, a token takes t(B) + B · busy / output (each of the B requests meets the prompts of the others); requests
come at λ = B / (output · tpot) to a replica, and Little's law gives the number at work: N(B) = λ (ttft + output · tpot). N grows with
B, so a load that states N, λ or B is answered by evaluating a grid of B at once and reading the curve backwards.
Axes: [row, batch].
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from offtake.perf import decode, disaggregation, prefill, queueing, speculation

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from offtake.perf.decode import Step
    from offtake.perf.prefill import Prompt
    from offtake.perf.serving_params import Physics
    from offtake.perf.serving_setting import Setting

    Floats = NDArray[np.float64]

__all__ = [
    "LARGEST_SHARE",
    "MEMORY_SHARE",
    "WORKSPACE_BYTES",
    "Replica",
    "Running",
    "around",
    "at_batch",
    "capacity",
    "grid",
    "inverse",
]

# Share of memory that engines fill (vLLM 0.9 by default, 0.95 in published runs; TensorRT-LLM 0.9 to 0.95 of what is free), and what
# activations, graphs and buffers take (aiconfigurator's system files: 3.5 GB).
MEMORY_SHARE, WORKSPACE_BYTES = 0.94, 3.5e9
# Weights that were run at all: data sheets count memory in units of 2^30 bytes (81,559 MiB on H100 of "80 GB", by nvidia-smi), of which
# little more than a thirtieth is left to all else.
LARGEST_SHARE = 1.04
_SHARES = np.linspace(0.0, 1.0, 12)


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A replica with B sequences running, each float64[row, batch].

    Attributes
    ----------
    batch : sequences that decode
    step : Step, prompt : Prompt
    tokens : tokens that a sequence gains in a step
    tpot_s, ttft_s : [s]
    rate_per_s : [requests/s] of one replica
    """

    batch: Floats
    step: Step
    prompt: Prompt
    tokens: Floats
    mixing_s: Floats
    wait_s: Floats
    start_s: Floats
    transfer_s: Floats
    tpot_s: Floats
    ttft_s: Floats
    rate_per_s: Floats
    prefill_load: Floats

    def at_work(self, s: Setting) -> Floats:
        """Return the requests at work in a replica by Little's law: rate × (ttft + output × tpot)."""
        return self.rate_per_s * (self.ttft_s + s.output_tok * self.tpot_s)


def capacity(s: Setting) -> Floats:
    """Return the sequences of mean context that the caches of a replica hold (below one where weights do not fit)."""
    room = s.hbm_bytes * MEMORY_SHARE - WORKSPACE_BYTES - decode.weight_bytes(s, s.tp, s.dp, s.pp)
    per_sequence = decode.kv_bytes(s, s.context_tok) / (decode.kv_split(s, s.tp) * s.pp)
    return np.maximum(room, 0.0) * s.dp / per_sequence


def at_batch(s: Setting, p: Physics, batch: Floats, *, closed: Floats) -> Running:
    """Return what a replica does with `batch` sequences running; `closed` is 1 where requests are a fixed number."""
    return Replica(s, p, closed=closed, asked=batch).at(batch)


class Replica:
    """What of a replica does not depend on the batch, found once: a load is answered by two looks at the same replica.

    In a closed loop `asked` are the requests of the loop: a prompt waits for those of all others, whether these decode or wait too.
    """

    __slots__ = (
        "closed", "decoder", "first_s", "moved_s", "others", "p", "prompt", "s", "servers", "step_share", "tokens",
    )  # fmt: skip

    def __init__(self, s: Setting, p: Physics, *, closed: Floats, asked: Floats) -> None:
        self.s, self.p = s, p
        self.closed = closed > 0.0
        self.others = np.maximum(asked - 1.0, 0.0)
        self.prompt, self.decoder = prefill.prompt_times(s, p), decode.Decoder(s, p)
        self.tokens = speculation.tokens_per_step(s.draft_tok, p.accepted)
        self.step_share = np.where(s.draft_tok > 0.0, s.draft, 1.0)
        # one replica's share of the prefill pool; a shared replica is its own pool
        self.servers = np.where(s.mixed > 0.0, 1.0, s.prefill_workers / s.replicas)
        self.moved_s = disaggregation.transfer_s(s, p)
        self.first_s = p.first_s * s.wait + self.prompt.lone_s

    def at(self, batch: Floats) -> Running:
        """Return what it does with `batch` sequences running."""
        s, p, prompt = self.s, self.p, self.prompt
        step = self.decoder.step(batch)
        step_s = step.total_s * self.step_share
        mixing = s.mixed * batch * prompt.busy_s / s.output_tok
        tpot = step_s / self.tokens + mixing
        rate = batch / (s.output_tok * tpot)
        load = rate * prompt.busy_s / self.servers
        others = np.maximum(batch - 1.0, 0.0)
        wait, start = self._waits_s(load)
        # a prompt that joins a running batch waits for the step under way and shares its pass with it
        joining = s.mixed * np.minimum(others, 1.0) * p.joining * step_s
        ttft = self.first_s + wait + start + self.moved_s + joining
        return Running(
            batch=batch, step=step, prompt=prompt, tokens=self.tokens + np.zeros_like(batch), mixing_s=mixing, wait_s=wait,
            start_s=start, transfer_s=self.moved_s, tpot_s=tpot, ttft_s=ttft, rate_per_s=rate, prefill_load=load,
        )  # fmt: skip

    def _waits_s(self, load: Floats) -> tuple[Floats, Floats]:
        """Return the mean wait for prompts of others, and what the start of a run adds to it [s]."""
        busy, servers, closed, others = self.prompt.busy_s, self.servers, self.closed, self.others
        within = start = np.zeros_like(load)
        if closed.any():
            within = queueing.closed_wait_s(busy, load, servers, others)
            start = queueing.start_s(busy, servers, others, self.p.clump)
            if closed.all():
                return within, start
        # the load of a full pool is held at 0.98 by its caller, read off a curve: it may lie a little above
        without = queueing.open_wait_s(busy, np.minimum(load, 0.995), np.maximum(servers, 1.0))
        return np.where(closed, within, without), np.where(closed, start, 0.0)


def grid(least: Floats, most: Floats) -> Floats:
    """Return batches from `least` to `most` in equal ratios: float64[row, 12]."""
    return np.asarray(least * (np.maximum(most, least) / least) ** _SHARES)


def around(x: Floats, y: Floats, target: Floats) -> Floats:
    """Return as many points again, between those two of each row between which the rising curve y(x) meets the target.

    Examples
    --------
    >>> x = np.array([[1.0, 2.0, 4.0]])
    >>> around(x, x**2, np.array([[9.0]])).round(6)
    array([[2.      , 2.828427, 4.      ]])
    """
    above = np.minimum(np.maximum(np.sum(np.maximum.accumulate(y, axis=-1) < target, axis=-1), 1), x.shape[-1] - 1)
    row = np.arange(len(x))
    low, high = x[row, above - 1][:, None], x[row, above][:, None]
    return np.asarray(low * (high / low) ** np.linspace(0.0, 1.0, x.shape[-1]))


def inverse(x: Floats, y: Floats, target: Floats) -> Floats:
    """Return x where the rising curve y(x) meets the target, by rows, in logarithms; its ends where it does not.

    Examples
    --------
    >>> x = np.array([[1.0, 2.0, 4.0]])
    >>> float(inverse(x, x**2, np.array([[9.0]])).round(6)[0, 0])
    3.0
    """
    log_y = np.log(np.maximum(np.maximum.accumulate(y, axis=-1), 1e-300))
    goal = np.log(np.maximum(target, 1e-300))
    above = np.minimum(np.maximum(np.sum(log_y < goal, axis=-1), 1), x.shape[-1] - 1)
    row = np.arange(len(x))
    low, high = log_y[row, above - 1][:, None], log_y[row, above][:, None]
    share = np.minimum(np.maximum((goal - low) / np.maximum(high - low, 1e-12), 0.0), 1.0)
    x_low, x_high = x[row, above - 1][:, None], x[row, above][:, None]
    return np.asarray(x_low * (x_high / x_low) ** share)
