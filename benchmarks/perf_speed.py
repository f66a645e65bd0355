"""How fast performance is answered: one evaluation, best layouts, the table of all chips and models; others in the same run.

aiconfigurator is run from a throw-away environment where there is one (`AICONFIGURATOR=/path/to/bin/aiconfigurator`), else skipped.
calculon's figures are published ones, measured on a machine of two cores: 15.6 ms an evaluation; its search of optimal executions for
GPT-3 175B on 1,024 A100 was stopped unfinished at 300 s. The package of that name in the registry is another project.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from offtake.perf.answers import Refusal
from offtake.perf.best import best_training
from offtake.perf.best_serving import best_serving
from offtake.perf.cases import ServingCase, TrainingCase
from offtake.perf.compare import comparable, compare
from offtake.perf.names import chip_named, model_named
from offtake.perf.serving_model import predict_serving
from offtake.perf.training_model import predict_training
from offtake.perf.types import LatencyClass

if TYPE_CHECKING:
    from collections.abc import Callable

RUNS = 100
CALCULON_MS, CALCULON_SEARCH_S = 15.6, 300.0

_PEER = (
    "cli", "default", "--model-path", "deepseek-ai/DeepSeek-V3", "--total-gpus", "64", "--system", "h200_sxm", "--backend", "trtllm",
    "--isl", "4000", "--osl", "500", "--ttft", "1000", "--tpot", "20",
)  # fmt: skip


def median_ms(work: Callable[[], object]) -> float:
    """Return the median time of a call [ms]."""
    work()
    times = []
    for _ in range(RUNS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return 1e3 * statistics.median(times)


def seconds(work: Callable[[], object]) -> tuple[float, object]:
    """Return the time of one call [s], and its answer."""
    start = time.perf_counter()
    answer = work()
    return time.perf_counter() - start, answer


def evaluations() -> None:
    """Print the time of one training step and of one served load, layouts given."""
    gpt = TrainingCase(
        chip=chip_named("A100").chip, model=model_named("GPT-3 175B"), chips=512, seq_tok=2048, batch_seqs=512, tp=8, pp=8, dp=8, cp=1,
        ep=1, vpp=3, micro_batch=1, recompute="selective", engine="megatron", shards=1, zero=1,
    )  # fmt: skip
    took = median_ms(lambda: predict_training(gpt))
    print(f"training step, GPT-3 175B on 512 A100: {took:.2f} ms (promised 1; calculon {CALCULON_MS} as published)")
    served = ServingCase(
        chip=chip_named("H200").chip, model=model_named("DeepSeek-V3"), chips=8, input_tok=1024, output_tok=1024, concurrency=64, tp=8,
        ep=8, weights="fp8", engine="trtllm",
    )  # fmt: skip
    took = median_ms(lambda: predict_serving(served))
    print(f"served load, DeepSeek-V3 on 8 H200: {took:.2f} ms (promised 1; aiconfigurator 710 as published)")


def searches() -> None:
    """Print the time of the two searches of the promise."""
    case = TrainingCase(
        chip=chip_named("A100").chip, model=model_named("GPT-3 175B"), chips=1024, seq_tok=2048, batch_seqs=1536
    )
    took, plan = seconds(lambda: best_training(case))
    count = 0 if isinstance(plan, Refusal) else plan.evaluated  # type: ignore[attr-defined]
    print(
        f"best layout, GPT-3 175B on at most 1,024 A100: {took:.2f} s, {count:,} layouts "
        f"(promised 5; calculon unfinished at {CALCULON_SEARCH_S:.0f})"
    )
    asked = ServingCase(
        chip=chip_named("H200").chip,
        model=model_named("DeepSeek-V3"),
        chips=64,
        input_tok=4000,
        output_tok=500,
        weights="fp8",
        load="open",
    )
    took, served = seconds(lambda: best_serving(asked, ttft_s=1.0, tpot_s=0.02))
    count = 0 if isinstance(served, Refusal) else served.evaluated  # type: ignore[attr-defined]
    print(
        f"best serving plan, DeepSeek-V3 on 64 H200, 1 s and 20 ms: {took:.2f} s, {count:,} settings "
        "(promised 5; aiconfigurator 37.7 as published)"
    )


def table() -> None:
    """Print the time of the table of all chips and models."""
    chips, models = comparable()
    latency = LatencyClass(ttft_s=2.0, tpot_s=0.05, input_tok=3600, output_tok=1000)
    took, found = seconds(lambda: compare(chips, models, latency))
    done = sum(not one.refusal for one in found)  # type: ignore[attr-defined]
    print(f"all {len(chips)} chips x {len(models)} models: {took:.1f} s, {done:,} estimates (promised 10)")
    one = replace(latency, tpot_s=0.03)
    print(f"one model on all chips: {1e3 * seconds(lambda: compare(chips, ['DeepSeek-V3'], one))[0]:.0f} ms")


def peer() -> None:
    """Run aiconfigurator's search for the same question, where it is installed."""
    program = os.environ.get("AICONFIGURATOR", "")
    if not program:
        print("aiconfigurator: skipped; set AICONFIGURATOR to the program of that name in a throw-away environment")
        return
    start = time.perf_counter()
    done = subprocess.run([program, *_PEER], capture_output=True, text=True, timeout=600, check=False)
    took = time.perf_counter() - start
    if done.returncode:
        print(f"aiconfigurator: skipped; it ended with {done.returncode}: {done.stderr.strip().splitlines()[-1:]}")
        return
    print(f"aiconfigurator, the same plan with its start: {took:.1f} s")


if __name__ == "__main__":
    evaluations()
    searches()
    table()
    peer()
