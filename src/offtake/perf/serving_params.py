"""What serving learns from measurements: one number per term, and how chips, engines and models differ.

Physics holds shares of the peaks and fixed times, the same for all. Six factors on time are exp of a sum of effects of vendor, chip
family, engine, release (engine and year) and model, each drawn to nought (`offtake.perf.pooling`). Which factor knows which names is
in `LEVELS`: what did not help to predict a chip or a publisher held out is not there. A single chip has no effect of its own:

- stream: weights, cache and products of a step; overhead: launches and latencies; draft: steps that check drafted tokens;
- prompt: prompts; wait: what passes before a prompt is looked at; spread: prompts of attention groups that go in step.

Users take longer than those who tune what they publish: one factor for each kind of software in `users`, on stream, overhead and prompt.

A name without data has effect nought, but for two: a release takes that of its engine's nearest in time, and a vendor the mean of
vendors, each counted once whatever its rows. The spread of its kind widens the interval of any name without data; so does a chip that no
fitted row ran on.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from offtake.perf import params
from offtake.perf.own import like_of, told
from offtake.perf.pooling import Prior

if TYPE_CHECKING:
    from collections.abc import Mapping

    from offtake.perf.cases import ServingCase
    from offtake.perf.params import Section
    from offtake.perf.terms.real import Real


__all__ = [
    "CHANNELS",
    "LEVELS",
    "PRIORS",
    "Physics",
    "factors",
    "pace_of",
    "physics",
    "pooled_priors",
    "section",
    "unknown_variance",
]

CHANNELS = ("stream", "overhead", "prompt", "draft", "wait", "spread")
LEVELS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "stream": ("vendor", "family", "engine", "release", "model"),
        "overhead": ("vendor", "family", "engine", "model"),
        "prompt": ("vendor", "family", "engine"),
        "draft": ("engine",),
        "wait": ("engine",),
        "spread": ("engine",),
    }
)
"""Names that each channel has effects of."""

PRIORS: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        # name: (value before any data, standard deviation of its logarithm)
        "hbm": (0.80, 0.10),  # aiconfigurator's h200_sxm.yaml: 0.8 of the memory bandwidth
        "expert_hbm": (0.80, 0.25),  # many small matrices; of the above
        "cache": (0.65, 0.30),  # paged reads
        "flop": (0.60, 0.25),  # perf notes, training step 2: 0.6 to 0.95 by size
        "expert_flop": (0.60, 0.30),  # of the above
        "narrow": (0.75, 0.20),  # quantising activations, clocks: fp8 and fp4 against their own peaks
        "tile": (0.50, 0.40),  # rows of a tile that stay empty, of its edge: half, where rows are any number
        "attention_flop": (0.40, 0.40),
        "link": (0.65, 0.30),  # calculon's system files
        "exchange_link": (0.65, 0.25),  # of the scale-up rate in dispatch and combine
        "network": (0.80, 0.20),  # of the scale-out rate: DeepEP reports 43 to 47 of 50 GB/s, calculon 0.9
        "hidden": (
            0.50,
            0.30,
        ),  # of expert transfers behind the other half of the batch (DeepSeek: two micro-batches take turns)
        "prompt_flop": (0.60, 0.25),
        "prompt_expert_flop": (0.50, 0.40),
        "prompt_attention": (0.45, 0.40),
        "prompt_link": (0.65, 0.40),
        "prompt_overhead": (0.50, 0.60),  # share of a pass's launches that a prompt adds to a running batch
        "imbalance": (1.20, 0.15),
        "routed": (0.70, 0.30),  # tokens that would touch as many experts if routing were even, of all tokens
        "prompt_spread": (1.20, 0.20),  # attention groups of one worker wait for the longest of their prompts
        "step_s": (1.5e-3, 0.60),  # perf notes, inference step 2: 0.5 to 3 ms
        "layer_s": (25e-6, 0.60),  # 5 to 10 launches of 2 to 5 us
        "moe_layer_s": (30e-6, 0.60),
        "latent_layer_s": (15e-6, 0.80),
        "linear_layer_s": (20e-6, 0.80),
        "sequence_s": (5e-6, 1.00),  # scheduling and sampling on the host
        "reduce_latency_s": (10e-6, 0.50),  # calculon's system files: 10 us within, 20 us between servers
        # narrow: DeepEP V1 dispatches and combines 128 tokens on 8 H800 in 77 and 114 us, 30 to 40 us beside the transfer; left free (0.6),
        # the rows with attention groups, nearly all of one publisher and one model, would take it to 66 us
        "exchange_latency_s": (20e-6, 0.25),
        "network_latency_s": (30e-6, 0.60),
        "first_s": (20e-3, 0.80),  # tokeniser, HTTP, scheduling of a prompt
        "transfer_s": (50e-3, 1.00),  # hand-over of a prompt from the prefill to the decode pool
        "clump": (
            0.10,
            0.30,
        ),  # requests at once over those of a run: InferenceX sends ten times as many prompts as run at once
        "joining": (
            1.50,
            0.40,
        ),  # steps of a running batch that pass before a prompt's first token: half of one under way, its own
        "transfer_link": (0.30, 0.60),  # of the network rate, moving a cache
        # probability that a drafted token is kept: DeepSeek-R1 alone on 8 B200 is 2.16 times as fast with three drafted
        # (NVIDIA/TensorRT-LLM docs, tech blog 2, figure 7), that is about 2.5 tokens a step, each of which takes longer
        "accepted": (0.70, 0.12),
        "occupancy": (0.95, 0.03),  # requests at work over the nominal concurrency of a finite run
        "share_kept": (0.85, 0.15),  # of the running sequences that the cache could hold, under an unbounded queue
    }
)

_CAPS: Mapping[str, float] = MappingProxyType(
    {
        "hbm": 0.97, "expert_hbm": 1.0, "cache": 0.97, "flop": 0.97, "expert_flop": 1.0, "narrow": 1.0,
        "attention_flop": 0.97, "link": 0.97, "exchange_link": 0.97, "network": 0.97, "hidden": 0.95,
        "prompt_flop": 0.97, "prompt_expert_flop": 1.0, "prompt_attention": 0.97, "prompt_link": 0.97,
        "accepted": 0.97, "occupancy": 1.0, "transfer_link": 0.97, "share_kept": 1.0, "clump": 1.0, "routed": 1.0,
    }
)  # fmt: skip
# prior scale of the effects of one level, by channel (log): what one release or chip differs from its like (perf notes, caution e:
# 1.4 to 2.9 times between releases at the worst)
_LEVEL_SD = MappingProxyType(
    {"stream": 0.12, "overhead": 0.15, "prompt": 0.20, "draft": 0.15, "wait": 0.40, "spread": 0.25}
)


_LATE = frozenset({"stream", "overhead", "prompt"})
"""Channels that take users longer."""

_CHIP_SD = MappingProxyType(
    {"stream": 0.10, "overhead": 0.15, "prompt": 0.20}
)  # of a chip that no fitted row ran on (log)


@dataclass(frozen=True, slots=True, kw_only=True)
class Physics:
    """One number per term: shares of the peaks (at most one), and fixed times [s]. Names and priors: `PRIORS`."""

    hbm: Real
    expert_hbm: Real
    cache: Real
    flop: Real
    expert_flop: Real
    narrow: Real
    tile: Real
    attention_flop: Real
    link: Real
    exchange_link: Real
    network: Real
    hidden: Real
    prompt_flop: Real
    prompt_expert_flop: Real
    prompt_attention: Real
    prompt_link: Real
    prompt_overhead: Real
    imbalance: Real
    routed: Real
    prompt_spread: Real
    step_s: Real
    layer_s: Real
    moe_layer_s: Real
    latent_layer_s: Real
    linear_layer_s: Real
    sequence_s: Real
    reduce_latency_s: Real
    exchange_latency_s: Real
    network_latency_s: Real
    first_s: Real
    transfer_s: Real
    clump: Real
    joining: Real
    transfer_link: Real
    accepted: Real
    occupancy: Real
    share_kept: Real

    @classmethod
    def from_logs(cls, logs: Mapping[str, Real]) -> Physics:
        """Return physics from logarithms; a share above its cap is the cap."""
        values = {}
        for name in PRIORS:
            value = np.exp(logs[name])
            values[name] = np.minimum(value, _CAPS[name]) if name in _CAPS else value
        return cls(**values)

    @classmethod
    def prior(cls) -> Physics:
        """Return the values before any data.

        Examples
        --------
        >>> float(round(Physics.prior().hbm, 3))
        0.8
        """
        return cls.from_logs({name: math.log(value) for name, (value, _) in PRIORS.items()})


def pooled_priors() -> tuple[Prior, ...]:
    """Return the parameters of the fit, in the order of `PRIORS` and `CHANNELS`; the global channels are nought by definition."""
    found = [Prior(name=name, value=value, sd=sd) for name, (value, sd) in PRIORS.items()]
    found += [Prior(name=c, value=1.0, sd=1e-3, levels=LEVELS[c], level_sd=_LEVEL_SD[c]) for c in CHANNELS]
    return tuple(found)


@lru_cache(maxsize=1)
def section() -> Section:
    """Return the fitted parameters that come with the package; priors alone where none do."""
    found = params.shipped().get("serving")
    return found if found is not None else params.Section(kind="serving", effects={})


def physics(fitted: Section) -> Physics:
    """Return the numbers of the terms."""
    return _shipped_physics() if fitted is section() else _physics(fitted)


@lru_cache(maxsize=1)
def _shipped_physics() -> Physics:
    return _physics(section())


def _physics(fitted: Section) -> Physics:
    logs = {name: fitted.effects.get(name, {}).get("global", math.log(value)) for name, (value, _) in PRIORS.items()}
    return Physics.from_logs({name: np.float64(value) for name, value in logs.items()})


def factors(fitted: Section, names: Mapping[str, str]) -> tuple[float, ...]:
    """Return the factors on time of the channels, for a name at each level; a name not seen has none."""
    return _pooled(fitted, names)[0]


def pace_of(fitted: Section, case: ServingCase) -> float:
    """Return how much longer all of a case's times are than the terms say, by the user's own measurements: 1 without any."""
    return 1.0 if fitted.own is None else told(fitted.own, like_of(case)).factor


def unknown_variance(fitted: Section, names: Mapping[str, str], scale: float) -> tuple[float, ...]:
    """Return the variance of the effects of names not seen, of each channel (log²).

    A vendor, family or engine not seen counts whole; a chip, release or model by `scale`, which cross-validation finds.
    """
    whole, part = _pooled(fitted, names)[1:]
    return tuple(w + scale * v for w, v in zip(whole, part, strict=True))


_Pooled = tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]
_WHOLE = frozenset({"vendor", "family", "engine"})


def _pooled(fitted: Section, names: Mapping[str, str]) -> _Pooled:
    """Return (factors, variances not seen of wide levels, of narrow ones), from memory where the parameters are the package's."""
    asked = tuple(sorted(names.items()))
    return _shipped_pooled(asked) if fitted is section() else _summed(fitted, asked)


@lru_cache(maxsize=1024)
def _shipped_pooled(asked: tuple[tuple[str, str], ...]) -> _Pooled:
    return _summed(section(), asked)


def _summed(fitted: Section, asked: tuple[tuple[str, str], ...]) -> _Pooled:
    """Sum the effects of names by channel, and the variances of those not seen."""
    names = dict(asked)
    new_chip = names.get("chip", "") not in fitted.rows.get("by_chip", {})
    late = fitted.effects.get("users", {}).get(names.get("users", ""), 0.0)
    found, whole, part = [], [], []
    for channel in CHANNELS:
        known = fitted.effects.get(channel, {})
        labels = {level: f"{level}:{names.get(level, '')}" for level in LEVELS[channel]}
        found.append(
            math.exp(
                sum(known.get(label, _like(known, label)) for label in labels.values()) + late * (channel in _LATE)
            )
        )
        unseen = [level for level, label in labels.items() if label not in known]
        squares = {level: fitted.spread.get(f"{channel}/{level}", _LEVEL_SD[channel]) ** 2 for level in unseen}
        whole.append(sum(v for level, v in squares.items() if level in _WHOLE))
        narrow = sum(v for level, v in squares.items() if level not in _WHOLE)
        part.append(narrow + (_CHIP_SD.get(channel, 0.0) ** 2 if new_chip else 0.0))
    return tuple(found), tuple(whole), tuple(part)


def _like(known: Mapping[str, float], label: str) -> float:
    """Return the effect of a name not seen: of a release its engine's nearest in time, of a vendor the mean, else nought."""
    level, _, name = label.partition(":")
    if level == "vendor":
        seen = [value for other, value in known.items() if other.startswith("vendor:")]
        return sum(seen) / len(seen) if seen and name else 0.0
    if level == "release":
        engine, _, year = name.partition(" ")
        of = {int(k.rpartition(" ")[2]): v for k, v in known.items() if k.startswith(f"release:{engine} ")}
        if of and not year:
            return sum(of.values()) / len(of)
        if of:
            return of[min(of, key=lambda y: (abs(y - int(year)), -y))]
    return 0.0
