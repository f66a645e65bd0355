"""Speculative decoding: a step checks drafted tokens and keeps those before the first refusal.

Tokens of a step with n drafted and each kept with probability q: (1 - q^(n+1)) / (1 - q) (arXiv 2211.17192, equation 1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["DRAFTED", "DRAFT_SHARE", "tokens_per_step"]

# Drafted tokens and time of one over a decode step, where a source does not say: multi-token prediction runs one extra layer three
# times (InferenceX recipes use 1 to 3); a small model about a tenth of the large one.
DRAFTED = {"none": 0.0, "mtp": 3.0, "draft": 4.0}
DRAFT_SHARE = {"none": 0.0, "mtp": 0.025, "draft": 0.10}


def tokens_per_step(drafted: Floats, accepted: Floats | float) -> Floats:
    """Return the mean tokens that a sequence gains in one step.

    Examples
    --------
    >>> import numpy as np
    >>> float(tokens_per_step(np.float64(0.0), 0.8)), float(tokens_per_step(np.float64(1.0), 0.5))
    (1.0, 1.5)
    """
    return (1.0 - accepted ** (drafted + 1.0)) / (1.0 - accepted)
