"""A measured row whose requests come faster than is predicted to be served: taken at the rate that is served.

Its table shows that the rate was served, or nearly: the model is a little too slow, and a refusal would only hide by how much. A plan must
not lean on such a rate, so the plan's question (`predict_serving`) stays refused.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from offtake.perf.answers import Interval, Refusal
from offtake.perf.serving_model import predict_serving

if TYPE_CHECKING:
    from offtake.perf.cases import ServingCase
    from offtake.perf.params import Section
    from offtake.perf.serving_model import ServingPrediction

__all__ = ["SATURATED", "predict_measured"]

SATURATED = "the stated rate is above what is predicted to be served: taken at saturation"
_TIMES, _RATES = (
    ("tpot_s", "ttft_s", "ttft_median_s"),
    ("output_tok_per_s_per_chip", "output_tok_per_s", "requests_per_s"),
)


def predict_measured(case: ServingCase, fitted: Section | None = None) -> ServingPrediction | Refusal:
    """Predict a case that was run: as `predict_serving`, and at saturation where its rate is above that.

    The interval is then wider on the side of a faster machine: rates reach up to the stated one (at most as far again as the interval),
    and times down to those of a machine faster by the upper end of the rate's interval, which need not be full at the stated rate.

    Examples
    --------
    >>> from offtake.catalog.chips import chip, chip_of
    >>> from offtake.catalog.models import model, transformer_of
    >>> from offtake.perf.cases import ServingCase
    >>> case = ServingCase(chip=chip_of(chip("H100")), model=transformer_of(model("Llama 3.1 8B")), chips=1, input_tok=1024.0,
    ...                    output_tok=1024.0, tp=1, weights="bf16", load="open", rate_per_s=1000.0)
    >>> predict_serving(case).most_per_s < 20.0, predict_measured(case).requests_per_s < 20.0
    (True, True)
    """
    found = predict_serving(case, fitted, must_fit=False)
    if not isinstance(found, Refusal) or found.most_per_s is None:
        return found
    full = predict_serving(replace(case, rate_per_s=found.most_per_s), fitted, must_fit=False)
    if isinstance(full, Refusal):
        return found
    stated = case.rate_per_s or found.most_per_s
    return replace(full, intervals=_widened(case, fitted, full, stated), assumed=(*full.assumed, SATURATED))


def _widened(
    case: ServingCase, fitted: Section | None, full: ServingPrediction, stated_per_s: float
) -> dict[str, Interval]:
    """Return the intervals of a saturated answer, wider towards a machine that serves the stated rate."""
    within = dict(full.intervals)
    faster = within["requests_per_s"].high / full.requests_per_s
    for name in _RATES:
        # a rate far beyond is a way to say "all at once": nobody served it
        reached = min(getattr(full, name) * stated_per_s / full.requests_per_s, faster * within[name].high)
        within[name] = Interval(low=within[name].low, high=max(within[name].high, reached))
    slack = predict_serving(
        replace(case, rate_per_s=min(stated_per_s / faster, full.requests_per_s)), fitted, layout=full.layout
    )
    if not isinstance(slack, Refusal):
        for name in _TIMES:
            within[name] = Interval(low=min(within[name].low, getattr(slack, name) / faster), high=within[name].high)
    return within
