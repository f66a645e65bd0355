"""Measure products, attention and memory bandwidth on a GPU, and compare the fitted efficiency with them. Needs torch with CUDA.

This script has not been run: no GPU was at hand when it was written. It prints measured over fitted for each shape; copy its output and
the conclusion into this folder when it has been.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from offtake.catalog.types import Chip

SHAPES = (
    (1024, 4096, 4096),
    (4096, 4096, 4096),
    (8192, 8192, 8192),
    (16_384, 8192, 28_672),
    (64, 8192, 8192),
    (512, 5120, 25_600),
)
REPEATS = 30


def seconds(torch: Any, work: Callable[[], object]) -> float:  # noqa: ANN401  (torch is not a dependency)
    """Return the median time of a call on the device [s]."""
    for _ in range(5):
        work()
    torch.cuda.synchronize()
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        work()
        torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    return sorted(times)[len(times) // 2]


def products(torch: Any, chip: Chip) -> None:  # noqa: ANN401
    """Print the share of the bf16 peak that each product reaches, measured and fitted."""
    from offtake.perf import params, training_params
    from offtake.perf.params import levels_of

    levels = tuple(f"{kind}:{name}" for kind, name in levels_of(chip).items() if name)
    large = float(training_params.efficiency(params.shipped().get("training"), levels).gemm)
    for m, k, n in SHAPES:
        a, b = (torch.randn(*shape, device="cuda", dtype=torch.bfloat16) for shape in ((m, k), (k, n)))
        took = seconds(torch, lambda a=a, b=b: a @ b)
        share = 2.0 * m * k * n / took / chip.flop_per_s("bf16")
        print(f"product {m} x {k} x {n}: {share:.2f} of the peak; fitted for large products {large:.2f}")


def attention(torch: Any, chip: Chip) -> None:  # noqa: ANN401
    """Print the share of the bf16 peak of causal attention, heads of 128."""
    for tok in (2048, 8192):
        q = torch.randn(1, 32, tok, 128, device="cuda", dtype=torch.bfloat16)
        took = seconds(torch, lambda q=q: torch.nn.functional.scaled_dot_product_attention(q, q, q, is_causal=True))
        share = 2.0 * 32 * tok * tok * 128 / took / chip.flop_per_s("bf16")
        print(f"causal attention over {tok} tokens: {share:.2f} of the peak")


def memory(torch: Any, chip: Chip) -> None:  # noqa: ANN401
    """Print the share of the printed memory bandwidth that a copy reaches."""
    size = 2**31
    a, b = (torch.empty(size, device="cuda", dtype=torch.uint8) for _ in range(2))
    took = seconds(torch, lambda: b.copy_(a))
    print(f"copy of 2 GiB: {2.0 * size / took / (chip.hbm_bytes_per_s or 1.0):.2f} of the printed bandwidth")


def main() -> None:
    """Measure, where there is something to measure on."""
    try:
        import torch
    except ImportError:
        print("skipped: torch is not installed")
        return
    if not torch.cuda.is_available():
        print("skipped: no GPU")
        return
    from offtake.perf.names import chip_named

    name = torch.cuda.get_device_name()
    chip = chip_named(name).chip
    print(f"{name}, taken as {chip.name}")
    products(torch, chip)
    attention(torch, chip)
    memory(torch, chip)


if __name__ == "__main__":
    main()
