"""IT power of a chip with its share of server, network and rack."""

from __future__ import annotations

from offtake.perf.types import Chip, need

__all__ = ["idle_w_per_chip", "it_w_per_chip", "joules_per_tok", "mean_w_per_chip"]


def it_w_per_chip(chip: Chip) -> float:
    """Return the all-in IT power of a running chip [W/chip], facility overhead excluded."""
    return need(chip.it_w_per_chip, chip.name, "it_w_per_chip (all-in power at the server or rack)")


def idle_w_per_chip(chip: Chip) -> float:
    """Return the power of a chip that is powered and does nothing [W/chip].

    Examples
    --------
    >>> idle_w_per_chip(Chip(name="t", it_w_per_chip=1000.0, idle_frac=0.35))
    350.0
    """
    return it_w_per_chip(chip) * chip.idle_frac


def mean_w_per_chip(chip: Chip, utilisation: float) -> float:
    """Return idle + (running - idle) × utilisation [W/chip] (perf notes, training step 8).

    Examples
    --------
    >>> mean_w_per_chip(Chip(name="t", it_w_per_chip=1000.0, idle_frac=0.2), 0.5)
    600.0
    """
    idle = idle_w_per_chip(chip)
    return idle + (it_w_per_chip(chip) - idle) * utilisation


def joules_per_tok(chip: Chip, tok_per_s_per_chip: float) -> float:
    """Return the IT energy of one token at full load [J/tok].

    Examples
    --------
    >>> joules_per_tok(Chip(name="t", it_w_per_chip=1000.0), 500.0)
    2.0
    """
    return it_w_per_chip(chip) / tok_per_s_per_chip
