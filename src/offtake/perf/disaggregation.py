"""Separate pools for prefill and decode: hand-over of the cache, and rates that must match.

Throughput is the smaller of what both pools can do: λ ≤ workers / busy time of a prompt, and λ = batch / (output · time per token).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from offtake.perf.decode import kv_bytes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from offtake.perf.serving_params import Physics
    from offtake.perf.serving_setting import Setting

    Floats = NDArray[np.float64]

__all__ = ["matched_share", "transfer_s"]


def transfer_s(s: Setting, p: Physics) -> Floats:
    """Return the time from the last prompt token on the prefill pool to the first step on the decode pool [s]; 0 where they are one.

    The cache of a prompt goes out over the links of one prefill group; within a scale-up domain that holds both pools over its fabric.
    """
    near = s.chips <= s.domain
    rate = np.where(near, s.up_rate, s.out_rate) * s.prefill_tp * p.transfer_link
    return np.where(s.mixed > 0.0, 0.0, p.transfer_s + kv_bytes(s, s.input_tok) / rate)


def matched_share(prefill_per_s: Floats, decode_per_s: Floats) -> Floats:
    """Return the share of all chips to give to prefill so that both pools keep pace.

    Parameters
    ----------
    prefill_per_s, decode_per_s : [requests/s]    of one chip in each pool

    Examples
    --------
    >>> float(matched_share(np.float64(3.0), np.float64(1.0)))
    0.25
    """
    return decode_per_s / (prefill_per_s + decode_per_s)
