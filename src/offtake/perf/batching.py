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

__all__ = ["MEMORY_SHARE", "WORKSPACE_BYTES", "Running", "at_batch", "capacity", "grid", "inverse"]

# Share of memory that engines fill (vLLM 0.9 by default, 0.95 in published runs; TensorRT-LLM 0.9 to 0.95 of what is free), and what
# activations, graphs and buffers take (aiconfigurator's system files: 3.5 GB).
MEMORY_SHARE, WORKSPACE_BYTES = 0.94, 3.5e9
_GRID = 12


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


def at_batch(
    s: Setting,
    p: Physics,
    batch: Floats,
    *,
    closed: Floats,
    prompt: Prompt | None = None,
    decoder: decode.Decoder | None = None,
) -> Running:
    """Return what a replica does with `batch` sequences running; `closed` is 1 where requests are a fixed number."""
    prompt = prompt or prefill.prompt_times(s, p)
    step = (decoder or decode.Decoder(s, p)).step(batch)
    tokens = speculation.tokens_per_step(s.draft_tok, p.accepted)
    step_s = step.total_s * np.where(s.draft_tok > 0.0, s.draft, 1.0)
    mixing = s.mixed * batch * prompt.busy_s / s.output_tok
    tpot = step_s / tokens + mixing
    rate = batch / (s.output_tok * tpot)
    # one replica's share of the prefill pool; a shared replica is its own pool
    servers = np.where(s.mixed > 0.0, 1.0, s.prefill_workers / s.replicas)
    load = rate * prompt.busy_s / servers
    # the load of a full pool is held at 0.98 by its caller, read off a curve: it may lie a little above
    felt = np.minimum(load, 0.995)
    wait = queueing.open_wait_s(prompt.busy_s, felt, np.maximum(servers, 1.0))
    if (closed > 0.0).any():
        clump = np.minimum(p.clump * s.wait, 1.0)
        wait = np.where(closed > 0.0, queueing.closed_wait_s(prompt.busy_s, load, servers, batch - 1.0, clump), wait)
    moved = disaggregation.transfer_s(s, p)
    # a prompt that joins a running batch waits half a step and shares its pass with it
    ttft = p.first_s * s.prompt + prompt.lone_s + wait + moved + s.mixed * np.minimum(batch, 2.0) * 0.5 * step_s
    return Running(
        batch=batch, step=step, prompt=prompt, tokens=tokens + np.zeros_like(batch), mixing_s=mixing, wait_s=wait,
        transfer_s=moved, tpot_s=tpot, ttft_s=ttft, rate_per_s=rate, prefill_load=load,
    )  # fmt: skip


def grid(least: Floats, most: Floats) -> Floats:
    """Return batches from `least` to `most` in equal ratios: float64[row, 12]."""
    share = np.linspace(0.0, 1.0, _GRID)
    return least * (np.maximum(most, least) / least) ** share


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
