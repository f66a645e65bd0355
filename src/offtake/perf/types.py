"""What performance is computed from: a chip, a transformer (both from the catalogue) and a latency class."""

from __future__ import annotations

from dataclasses import dataclass

from offtake.catalog.types import Chip, Precision, Transformer, need, precision_bytes
from offtake.errors import OfftakeError

__all__ = ["Chip", "LatencyClass", "Precision", "Transformer", "need", "precision_bytes"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencyClass:
    """How fast and how long: the promise to a class of requests.

    Attributes
    ----------
    ttft_s : float [s]             time to first token, queueing included
    tpot_s : float [s]             time per output token after the first
    input_tok, output_tok : float  [tok] per request
    cached_frac : float            share of the input already in a prefix cache (0 to 1)
    """

    ttft_s: float
    tpot_s: float
    input_tok: float
    output_tok: float
    cached_frac: float = 0.0

    def __post_init__(self) -> None:
        for field, low in (("ttft_s", 0.0), ("tpot_s", 0.0), ("input_tok", 0.0), ("output_tok", 0.0)):
            value = getattr(self, field)
            if not value > low:
                raise OfftakeError(f"latency class: {field} must be above {low:g}, got {value!r}")
        if not 0.0 <= self.cached_frac < 1.0:
            raise OfftakeError(f"latency class: cached_frac must lie in [0, 1), got {self.cached_frac!r}")

    @property
    def fresh_tok(self) -> float:
        """Input tokens that must be computed [tok per request]."""
        return self.input_tok * (1.0 - self.cached_frac)

    @property
    def context_tok(self) -> float:
        """Mean context length while decoding [tok]."""
        return self.input_tok + 0.5 * self.output_tok
