"""Queues: how long a request waits before its first token.

Open loop (requests at a rate): M/G/c by Allen-Cunneen with Sakasegawa's exponent (Sakasegawa 1977; Allen 1990):
wait = service · (ca² + cs²)/2 · ρ^(√(2(c+1)) - 1) / (c (1 - ρ)); exact for M/M/1 and M/D/1.
Closed loop (a fixed number of requests): approximate mean value analysis after Schweitzer (1979): an arriving request finds the
queue of a network with one request less. A benchmark starts all its requests at once: the first of them wait for each other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["closed_wait_s", "open_wait_s", "start_s"]


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


def closed_wait_s(service_s: Floats, load: Floats, servers: Floats, others: Floats) -> Floats:
    """Return the mean wait of a prompt in a closed loop that has run for long [s].

    An arrival finds others/(others + 1) of the open queue's length at this load (Schweitzer), at most all others.

    Parameters
    ----------
    others : [1]    requests in the loop, less one

    Examples
    --------
    >>> float(closed_wait_s(np.float64(1.0), np.float64(0.5), np.float64(1.0), np.float64(0.0)))    # alone: no wait
    0.0
    """
    some = np.maximum(others, 0.0)
    free = open_wait_s(service_s, np.minimum(load, 0.995), servers) * some / (some + 1.0)
    return np.minimum(free, some * service_s / servers)


def start_s(service_s: Floats, servers: Floats, others: Floats, share: Floats | float) -> Floats:
    """Return what the start of a run adds to the mean wait [s]: all requests of the loop come at once and wait for half of the others.

    It concerns the share of all requests that the first of the run are; the median of a long run does not see it.

    Parameters
    ----------
    others : [1]    requests in the loop, less one
    share : [1]     requests at once over requests of the run

    Examples
    --------
    >>> float(start_s(np.float64(1.0), np.float64(1.0), np.float64(20.0), 0.1))
    1.0
    """
    return 0.5 * share * np.maximum(others, 0.0) * service_s / servers
