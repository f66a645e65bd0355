"""Counts that several parts of a training step need: micro-batches, weights of a chip."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from offtake.perf.terms.real import larger, where

if TYPE_CHECKING:
    from offtake.perf.terms.real import Array, Real
    from offtake.perf.training_setting import Setting

__all__ = ["both_ways", "expert_tp", "micro_batches", "params_per_chip", "plain", "some"]


def micro_batches(s: Setting) -> Array:
    """Return micro-batches of one replica in a step, at least one."""
    dp = s.chips / (s.tp * s.pp * s.cp)
    return np.asarray(larger(1.0, np.ceil(s.batch_seqs / (dp * s.micro_seqs) - 1e-9)), dtype=np.float64)


def both_ways(s: Setting) -> Real:
    """Return 1 where micro-batches enter the pipeline at both ends: an even number of stages, each of one chunk."""
    return s.two_way * ((s.pp > 1.0) & (s.pp % 2.0 == 0.0) & (s.vpp <= 1.0))


def params_per_chip(s: Setting) -> tuple[Real, Real]:
    """Return (dense, expert) weights of one chip before any split over data parallelism."""
    return (s.params - s.expert_params) / (s.tp * s.pp), s.expert_params / (s.pp * s.ep * expert_tp(s))


def expert_tp(s: Setting) -> Real:
    """Return over how many chips one expert is split: tensor parallelism reaches experts that are spread only where a case says so."""
    split: Real = where(s.etp > 0.0, s.etp, where(s.ep > 1.0, 1.0, s.tp))
    return split


def plain(value: Real) -> bool:
    """Say whether a value is one number; cheap for numbers, which numpy would first turn into arrays."""
    return isinstance(value, float | int) or np.ndim(value) == 0


def some(value: Real) -> bool:
    """Say whether a number, or any of an array, is not nought; cheap for numbers."""
    return value != 0.0 if isinstance(value, float | int) else bool(np.any(value))
