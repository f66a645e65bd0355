"""Queues: how long a request waits before its first token.

Open loop (requests at a rate): M/G/c by Allen-Cunneen with Sakasegawa's exponent (Sakasegawa 1977; Allen 1990):
wait = service · (ca² + cs²)/2 · ρ^(√(2(c+1)) - 1) / (c (1 - ρ)); exact for M/M/1 and M/D/1.
Closed loop (a fixed number of requests): approximate mean value analysis after Schweitzer (1979): an arriving request finds the
queue of a network with one request less; to it comes the share of requests that run in step, which find each other's prompts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["closed_wait_s", "open_wait_s"]


def open_wait_s(service_s: Floats, load: Floats, servers: Floats, *, cv2: float = 0.0) -> Floats:
    """Return the mean wait of an open queue with Poisson arrivals [s]; infinite at a load of one or more.

    Parameters
    ----------
    load : [1]    share of time that a server is busy
    cv2 : [1]     squared coefficient of variation of the service time (0: fixed)

    Examples
    --------
    >>> float(open_wait_s(np.float64(1.0), np.float64(0.8), np.float64(1.0)).round(9))   # M/D/1: 0.8 / (2 x 0.2)
    2.0
    """
    rho = np.minimum(load, 1.0 - 1e-12)
    power = np.sqrt(2.0 * (servers + 1.0)) - 1.0
    wait = service_s * 0.5 * (1.0 + cv2) * rho**power / (servers * (1.0 - rho))
    return np.where(load < 1.0, wait, np.inf)


def closed_wait_s(service_s: Floats, load: Floats, servers: Floats, others: Floats, clump: Floats | float) -> Floats:
    """Return the mean wait of a prompt in a closed loop [s].

    An arrival finds others/(others + 1) of the open queue's length at this load (Schweitzer), at most all others, and half of the
    clump of requests that end and start together.

    Parameters
    ----------
    others : [1]    requests in the loop, less one
    clump : [1]     share of the loop that moves in step

    Examples
    --------
    >>> float(closed_wait_s(np.float64(1.0), np.float64(0.5), np.float64(1.0), np.float64(0.0), 0.5))    # alone: no wait
    0.0
    """
    some = np.maximum(others, 0.0)
    free = open_wait_s(service_s, np.minimum(load, 0.995), servers) * some / (some + 1.0)
    together = 0.5 * clump * some * service_s / servers
    return np.minimum(free + together, some * service_s / servers)
