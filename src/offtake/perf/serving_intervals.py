"""How sure a serving figure is: the 80 % interval of each metric, by kind of case and by what of it no fitted row has shown."""

from __future__ import annotations

import math
from types import MappingProxyType
from typing import TYPE_CHECKING

from offtake.perf import serving_params
from offtake.perf.answers import Interval
from offtake.perf.own import like_of, told
from offtake.perf.serving_rows import names_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from offtake.perf.cases import ServingCase
    from offtake.perf.params import Section

__all__ = ["interval_factor", "intervals", "regime_of", "slowest"]

_Z80 = 1.2815515655446004  # normal quantile that leaves a tenth above
_ALL_STREAM: Mapping[str, float] = MappingProxyType({"stream": 1.0})
_METRIC_OF: Mapping[str, str] = MappingProxyType({"tpot_s": "tpot", "ttft_s": "ttft", "ttft_median_s": "ttft"})
_VENDOR_OF: Mapping[str, str] = MappingProxyType({"trtllm": "NVIDIA", "neuronx": "AWS"})
"""Whose chips alone an engine runs on."""
_UNSURE: Mapping[str, float] = MappingProxyType({"tpot": 0.25, "throughput": 0.30, "ttft": 0.60})


def intervals(
    fitted: Section,
    names: Mapping[str, str],
    case: ServingCase,
    shares: Mapping[str, Mapping[str, float]],
    values: Mapping[str, float],
) -> dict[str, Interval]:
    """Return 80 % intervals: spread left by the fit, and of effects of names not seen, in the share that each channel has."""
    most = told(fitted.own, like_of(case)).sd
    factors = {
        metric: interval_factor(fitted, names, metric, regime_of(case), share, most=most)
        for metric, share in shares.items()
    }
    found = {}
    for name, value in values.items():
        low, high = factors[_METRIC_OF.get(name, "throughput")]
        found[name] = Interval(low=value * low, high=value * high)
    return found


def interval_factor(
    fitted: Section,
    names: Mapping[str, str],
    metric: str,
    regime: str,
    shares: Mapping[str, float] = _ALL_STREAM,
    *,
    most: float = math.inf,
) -> tuple[float, float]:
    """Return the factors of the 80 % interval of a metric: (low, high).

    Parameters
    ----------
    shares : mapping of channel to share of the time that it decides
    most : float   standard deviation that own measurements leave [log]; times to the first token gain nothing by them
    """
    sd = fitted.spread.get(f"{metric}/{regime}", fitted.spread.get(metric, _UNSURE[metric]))
    scale = fitted.spread.get(f"unseen/{metric}", 1.0)
    variances = dict(zip(serving_params.CHANNELS, serving_params.unknown_variance(fitted, names, scale), strict=True))
    unseen = sum(variances[channel] * share**2 for channel, share in shares.items())
    users = fitted.spread.get(f"{metric}/users/{names.get('users', '')}", 0.0)
    own = math.sqrt(sd**2 + users**2 + unseen)
    wide = math.exp(_Z80 * (own if metric == "ttft" else min(own, most)))
    return 1.0 / wide, wide


def slowest(fitted: Section, case: ServingCase) -> float:
    """Return by how much a case's times may be longer than predicted, one in ten being longer still; as much shorter one in ten.

    Wider where nobody has shown that a vendor's chips reach the quality of the engine assumed, which runs on another vendor's alone.
    """
    names = names_of(case)
    shown = case.chip.vendor == _VENDOR_OF.get(names["engine"], case.chip.vendor)
    most = told(fitted.own, like_of(case)).sd
    return interval_factor(fitted, names if shown else {**names, "engine": ""}, "throughput", "closed", most=most)[1]


def regime_of(case: ServingCase) -> str:
    """Return the kind of case whose errors are alike: how requests come, whether pools are apart, whether tokens are drafted."""
    if case.disaggregated:
        return "disaggregated"
    if case.speculation not in {None, "none"}:
        return "speculative"
    if case.load == "closed" and not case.concurrency and not case.batch:
        return "offline"
    return case.load
