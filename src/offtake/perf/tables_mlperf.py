"""What a submission to MLPerf Inference leaves unsaid: its software and precision, which all submissions of a vendor's chips share.

NVIDIA and its partners submit language models with TensorRT-LLM, weights in FP8 on Hopper and FP4 on Blackwell, cache in FP8
(developer.nvidia.com/blog, H200 and TensorRT-LLM in v4.0; Blackwell in v4.1 and v5.0); AMD with vLLM, FP8 on MI300X and MI325X, MXFP4 on
MI355X (rocm.blogs.amd.com, MI325X in v5.0; v5.1). Read on 23 November 2026. What a row prints stays.
"""

from __future__ import annotations

import re
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from offtake.catalog.types import Chip, Precision
    from offtake.perf.cases import ServingCase
    from offtake.perf.tables import Cells

__all__ = ["as_submitted", "is_submission"]

_SOFTWARE: Mapping[str, str] = MappingProxyType({"NVIDIA": "TensorRT-LLM", "AMD": "vLLM"})
_NAMED = re.compile(r"mlperf|mlcommons", re.IGNORECASE)


def is_submission(cells: Cells) -> bool:
    """Say whether a row is of MLPerf Inference, by its source, scenario or notes."""
    return any(_NAMED.search(cells.text(column)) for column in ("source", "scenario", "notes"))


def as_submitted(case: ServingCase, assumed: list[str]) -> ServingCase:
    """Return the case with the software and precisions of its vendor's submissions, where it leaves them out and the vendor is known."""
    engine = _SOFTWARE.get(case.chip.vendor)
    if engine is None:
        return case
    found = case
    if not case.engine:
        found = replace(found, engine=engine)
        assumed.append(f"software of MLPerf not printed: {engine}, as all submissions on {case.chip.vendor}")
    if case.weights is None:
        found = replace(found, weights=_narrowest(case.chip))
        assumed.append(f"weights of MLPerf not printed: {found.weights}, the narrowest of the chip")
    if case.cache is None and found.weights in {"fp8", "fp4"} and not case.weights_only:
        found = replace(found, cache="fp8")
        assumed.append("cache of MLPerf not printed: fp8")
    return found


def _narrowest(chip: Chip) -> Precision:
    """Return the narrowest precision that the matrix units of a chip compute."""
    return "fp4" if chip.fp4_flop_per_s else "fp8" if chip.fp8_flop_per_s else "bf16"
