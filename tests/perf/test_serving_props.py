"""Limits and identities of the serving model, over random chips, models, layouts and loads."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from offtake import catalog
from offtake.catalog.chips import chip_of
from offtake.catalog.models import transformer_of
from offtake.perf import batching, decode, prefill, queueing, serving_params, speculation
from offtake.perf.answers import Refusal
from offtake.perf.cases import Pool, ServingCase
from offtake.perf.serving_layout import Layout
from offtake.perf.serving_model import figures, join_loads, load_of, predict_serving
from offtake.perf.serving_rows import names_of, numbers_of, row_of
from offtake.perf.serving_setting import stack
from offtake.perf.types import Chip, Transformer

few = settings(max_examples=60, deadline=None)


@st.composite
def chips(draw):
    flop = draw(st.floats(1e14, 3e15))
    return Chip(
        name="drawn", vendor="", bf16_flop_per_s=flop, fp8_flop_per_s=2.0 * flop, hbm_bytes=draw(st.floats(60e9, 300e9)),
        hbm_bytes_per_s=draw(st.floats(1e12, 1e13)), scaleup_bytes_per_s=draw(st.floats(1e11, 1e12)),
        scaleup_domain=draw(st.sampled_from([8, 16, 64])), scaleout_bytes_per_s=5e10, it_w_per_chip=1000.0,
    )  # fmt: skip


@st.composite
def models(draw):
    layers, heads, dim = draw(st.integers(8, 80)), draw(st.sampled_from([16, 32, 64])), 128
    hidden, kv_heads = heads * dim, draw(st.sampled_from([4, 8, 16]))
    vocab = 32000
    attention = layers * 2.0 * hidden * dim * (heads + kv_heads)
    dense = attention + 2.0 * vocab * hidden
    shape = {
        "name": "drawn", "layers": layers, "hidden": hidden, "heads": heads, "kv_heads": kv_heads, "head_dim": dim,
        "kv_values_per_layer": 2.0 * kv_heads * dim, "full_layers": layers, "vocab": vocab,
    }  # fmt: skip
    if draw(st.booleans()):
        experts, top_k, width = draw(st.sampled_from([8, 64])), draw(st.integers(1, 4)), hidden // 4
        routed = layers * experts * 3.0 * hidden * width
        return Transformer(
            **shape, params=dense + routed, active_params=dense + routed * top_k / experts, expert_params=routed,
            experts=experts, top_k=top_k, moe_layers=layers, ffn_expert=width,
        )  # fmt: skip
    params = dense + layers * 3.0 * hidden * 4.0 * hidden
    return Transformer(**shape, params=params, active_params=params, mlp_layers=layers)


@st.composite
def layouts(draw, *, apart=None):
    tp, dp = draw(st.sampled_from([1, 2, 4, 8])), draw(st.sampled_from([1, 2, 4]))
    own = Layout(tp=tp, dp=dp, ep=draw(st.sampled_from([1, tp * dp])), replicas=draw(st.integers(1, 3)))
    if apart is None:
        apart = draw(st.booleans())
    if not apart:
        return own
    return Layout(
        tp=own.tp, dp=own.dp, ep=own.ep, replicas=own.replicas, prefill=Layout(tp=draw(st.sampled_from([1, 2, 4])))
    )


@st.composite
def cases(draw, load=None):
    load = load or draw(st.sampled_from(["closed", "offline", "static"]))
    return ServingCase(
        chip=draw(chips()), model=draw(models()), chips=64, input_tok=draw(st.floats(16.0, 20000.0)),
        output_tok=draw(st.floats(2.0, 8000.0)), load=load, weights=draw(st.sampled_from(["bf16", "fp8"])),
        concurrency=None if load == "offline" else float(draw(st.integers(1, 2000))), cache="bf16",
        cached_frac=draw(st.sampled_from([0.0, 0.5])), speculation=draw(st.sampled_from(["none", "mtp"])),
    )  # fmt: skip


def _predicted(case, layout):
    found = predict_serving(replace(case, disaggregated=layout.prefill is not None), layout=layout)
    assume(not isinstance(found, Refusal))
    return found


def _setting(case, layout):
    return stack([row_of(numbers_of(case), layout, (1.0,) * len(serving_params.CHANNELS))])


@few
@given(cases(), layouts())
def test_littles_law_joins_rate_latency_and_concurrency(case, layout):
    found = _predicted(case, layout)
    seen = found.requests_per_s * (found.ttft_s + case.output_tok * found.tpot_s)
    assert found.concurrency == pytest.approx(seen, rel=1e-9)
    assert found.output_tok_per_s == pytest.approx(found.requests_per_s * case.output_tok, rel=1e-9)
    assert found.output_tok_per_s_per_chip * layout.chips == pytest.approx(found.output_tok_per_s, rel=1e-9)


@few
@given(cases(), layouts())
def test_every_figure_is_finite_and_above_nought(case, layout):
    found = _predicted(case, layout)
    for figure in (
        found.tpot_s,
        found.ttft_s,
        found.requests_per_s,
        found.concurrency,
        found.running,
        found.it_w_per_chip,
    ):
        assert 0.0 < figure < np.inf
    for name, within in found.intervals.items():
        assert within.low <= getattr(found, name) <= within.high


@few
@given(cases(load="closed"), layouts())
def test_a_closed_loop_holds_at_most_the_requests_it_was_given(case, layout):
    found = _predicted(case, layout)
    each = max(case.concurrency / layout.replicas, 1.0)
    assert found.concurrency <= each * layout.replicas * (1.0 + 1e-9)
    assert found.running <= found.concurrency * 1.01 + layout.replicas


@few
@given(cases(load="closed"), layouts(apart=True), st.floats(1.0, 1e5))
def test_a_pool_of_prompts_gives_no_more_than_it_can(case, layout, requests):
    """However many wait: requests/s times the busy time of a prompt are at most the workers of the pool."""
    found = _predicted(replace(case, concurrency=requests), layout)
    fitted = serving_params.section()
    row = row_of(numbers_of(case), layout, serving_params.factors(fitted, names_of(case)))
    busy_s = float(prefill.prompt_times(stack([row]), serving_params.physics(fitted)).busy_s[0, 0])
    assert found.requests_per_s * busy_s <= layout.prefill.replicas


def test_a_full_pool_of_prompts_makes_the_rest_wait():
    """One prefill worker and 4,096 requests: twice as many wait twice as long, and no more are served."""
    case = ServingCase(
        chip=chip_of(catalog.chip("H200")), model=transformer_of(catalog.model("DeepSeek-V3")), chips=48, input_tok=8192.0,
        output_tok=1024.0, weights="fp8", engine="sglang", year=2026.0, concurrency=4096.0,
    )  # fmt: skip
    layout = Layout(tp=8, ep=8, replicas=5, prefill=Layout(tp=8, ep=8))
    apart = replace(case, disaggregated=True)
    some, more = (predict_serving(replace(apart, concurrency=n), layout=layout) for n in (4096.0, 8192.0))
    assert more.requests_per_s == pytest.approx(some.requests_per_s, rel=0.03)
    assert more.ttft_s / some.ttft_s == pytest.approx(2.0, rel=0.05)
    assert more.tpot_s == pytest.approx(some.tpot_s, rel=0.05)


def test_a_compiled_program_reads_its_cache_to_the_end():
    """Equal buffers, equal times per token, whatever the prompt; other engines read what is there."""
    chip, model = chip_of(catalog.chip("Trainium2")), transformer_of(catalog.model("Llama 3.1 8B"))
    case = ServingCase(
        chip=chip,
        model=model,
        chips=4,
        tp=4,
        input_tok=128.0,
        output_tok=8064.0,
        load="static",
        batch=8.0,
        weights="bf16",
    )
    for engine, equal in (("neuronx-distributed", True), ("vllm", False)):
        short = predict_serving(replace(case, engine=engine))
        long = predict_serving(replace(case, engine=engine, input_tok=4096.0, output_tok=4096.0))
        assert (short.tpot_s == pytest.approx(long.tpot_s, rel=1e-9)) is equal


@few
@given(cases(), layouts())
def test_terms_of_a_token_add_up_to_its_time(case, layout):
    found = _predicted(replace(case, speculation="none"), layout)
    assert sum(found.terms_s.values()) == pytest.approx(found.tpot_s, rel=1e-6)
    assert found.binds == max(found.terms_s, key=found.terms_s.get)


@few
@given(cases(load="closed"), layouts(), st.floats(1.05, 4.0))
def test_more_bandwidth_never_hurts(case, layout, more):
    slow = _predicted(case, layout)
    rate = case.chip.hbm_bytes_per_s * more
    fast = _predicted(replace(case, chip=replace(case.chip, hbm_bytes_per_s=rate)), layout)
    assert fast.output_tok_per_s >= slow.output_tok_per_s * 0.995  # the batch is read off a curve of twelve points


@pytest.mark.parametrize("requests", [20, 50, 75, 300, 600])
@pytest.mark.parametrize(("prompt", "answer"), [(4000.0, 200.0), (16.0, 4.0), (8000.0, 1000.0)])
def test_a_pool_of_prompts_that_fills_up_gives_no_less(requests, prompt, answer):
    # the faster memory is, the nearer its pool of prompts is to full, where waits rise steeply
    pool = Pool(workers=1, chips=1, tp=1)
    h100 = chip_of(catalog.chip("H100"))
    case = ServingCase(
        chip=h100, model=transformer_of(catalog.model("Llama 3.1 8B")), chips=2, input_tok=prompt, output_tok=answer,
        concurrency=float(requests), load="closed", disaggregated=True, speculation="none", prefill=pool, decode=pool,
    )  # fmt: skip
    rates = [
        predict_serving(replace(case, chip=replace(h100, hbm_bytes_per_s=h100.hbm_bytes_per_s * more))).requests_per_s
        for more in np.linspace(1.0, 3.0, 9)
    ]
    assert all(after > 0.995 * before for before, after in itertools.pairwise(rates))


@few
@given(cases(load="static"), layouts(apart=False), st.floats(1.05, 4.0))
def test_faster_links_never_hurt(case, layout, more):
    slow = _predicted(case, layout)
    chip = replace(
        case.chip, scaleup_bytes_per_s=case.chip.scaleup_bytes_per_s * more, scaleout_bytes_per_s=5e10 * more
    )
    fast = _predicted(replace(case, chip=chip), layout)
    assert fast.tpot_s <= slow.tpot_s * (1.0 + 1e-12)
    assert fast.ttft_s <= slow.ttft_s * (1.0 + 1e-12)


@few
@given(cases(), layouts(apart=False))
def test_one_chip_sends_no_messages(case, layout):
    found = _predicted(case, replace(layout, tp=1, dp=1, ep=1))
    assert found.terms_s["tensor messages"] == 0.0
    assert found.terms_s["expert messages"] == 0.0


@few
@given(cases(load="static"), layouts(apart=False))
def test_a_larger_batch_never_decodes_fewer_tokens(case, layout):
    s, p = _setting(case, layout), serving_params.physics(serving_params.section())
    batch = np.array([[float(layout.dp * 2**i) for i in range(10)]])
    step = decode.decode_step(s, p, batch).total_s
    assert (np.diff(step) >= -1e-12).all()
    assert (np.diff(batch / step) >= -1e-9).all()


@few
@given(cases(), layouts(apart=False))
def test_a_step_reads_its_weights_no_faster_than_memory(case, layout):
    s, p = _setting(case, layout), serving_params.physics(serving_params.section())
    step = decode.decode_step(s, p, np.array([[1.0]]))
    read = (s.dense_params * s.bytes_dense + s.head_params * 2.0) / s.tp
    assert float(step.weights_s[0, 0]) >= float((read / s.hbm_rate)[0, 0])


@few
@given(cases(), layouts(apart=False))
def test_cached_input_shortens_the_prompt(case, layout):
    p = serving_params.physics(serving_params.section())
    whole = prefill.prompt_times(_setting(replace(case, cached_frac=0.0), layout), p)
    part = prefill.prompt_times(_setting(replace(case, cached_frac=0.5), layout), p)
    assert float(part.busy_s[0, 0]) <= float(whole.busy_s[0, 0])
    assert float(part.lone_s[0, 0]) <= float(whole.lone_s[0, 0])


@few
@given(cases(), layouts(apart=False))
def test_memory_holds_what_capacity_says(case, layout):
    s = _setting(case, layout)
    held = batching.capacity(s)
    assume(float(held[0, 0]) >= 1.0)
    cache = held * decode.kv_bytes(s, s.context_tok) / (decode.kv_split(s, s.tp) * s.dp * s.pp)
    used = decode.weight_bytes(s, s.tp, s.dp, s.pp) + cache + batching.WORKSPACE_BYTES
    assert float(used[0, 0]) == pytest.approx(case.chip.hbm_bytes * batching.MEMORY_SHARE, rel=1e-9)


@given(st.floats(1.0, 512.0), st.floats(1.0, 64.0), st.floats(0.0, 1e4))
def test_experts_touched_lie_between_one_tokens_and_all(experts, top_k, tok):
    top_k = min(top_k, experts)
    share = float(decode.touched(np.float64(experts), np.float64(top_k), np.float64(tok)))
    assert 0.0 <= share <= 1.0
    assert float(decode.touched(np.float64(experts), np.float64(top_k), np.float64(1.0))) == pytest.approx(
        top_k / experts, abs=1e-9
    )


@given(st.floats(0.01, 0.98), st.floats(1.0, 20.0), st.floats(0.0, 500.0))
def test_a_closed_queue_is_never_longer_than_its_requests(load, servers, others):
    wait = float(queueing.closed_wait_s(np.float64(2.0), np.float64(load), np.float64(servers), np.float64(others)))
    assert 0.0 <= wait <= others * 2.0 / servers + 1e-12


def test_all_at_once_the_mean_wait_is_that_of_a_line():
    """Prompts of 2 s in one line: the waits of n are 0, 2, 4, …; of a run of ten times as many, the rest do not wait."""
    for n in (1, 2, 7, 32):
        line = [2.0 * i for i in range(n)] + [0.0] * (9 * n)
        found = queueing.start_s(np.float64(2.0), np.float64(1.0), np.float64(n - 1.0), 0.1)
        assert float(found) == pytest.approx(np.mean(line))


@few
@given(cases("closed"), layouts())
def test_a_median_first_token_is_no_later_than_the_mean(case, layout):
    found = _predicted(case, layout)
    assert 0.0 < found.ttft_median_s <= found.ttft_s * (1.0 + 1e-12)
    alone = _predicted(replace(case, concurrency=1.0), layout)  # nobody to wait for, nothing to start with
    assert alone.ttft_median_s == pytest.approx(alone.ttft_s, rel=1e-9)


def test_rows_together_answer_as_each_alone():
    """Loads of every kind in one table take the long way through the arithmetic, each alone the short one."""
    case = ServingCase(
        chip=chip_of(catalog.chip("H200")), model=transformer_of(catalog.model("DeepSeek-V3")), chips=16, input_tok=2048.0,
        output_tok=512.0, weights="fp8", engine="sglang", year=2026.0,
    )  # fmt: skip
    layout = Layout(tp=8, ep=8, replicas=2)
    apart = Layout(tp=8, ep=8, prefill=Layout(tp=8, ep=8))
    kinds = [
        (replace(case, concurrency=64.0), layout), (replace(case, concurrency=4.0, speculation="mtp"), layout),
        (replace(case, load="open", rate_per_s=0.5), layout), (replace(case, load="offline"), layout),
        (replace(case, load="static", batch=8.0), layout), (replace(case, concurrency=32.0), apart),
        (replace(case, load="offline"), apart),
    ]  # fmt: skip
    p = serving_params.physics(serving_params.section())
    rows = [row_of(numbers_of(c), at, serving_params.factors(serving_params.section(), names_of(c))) for c, at in kinds]
    loads = [load_of(c, at) for c, at in kinds]
    together, _ = figures(stack(rows), p, join_loads(loads))
    for i, (row, load) in enumerate(zip(rows, loads, strict=True)):
        alone, _ = figures(stack([row]), p, join_loads([load]))
        for name in ("tpot_s", "ttft_s", "ttft_median_s", "requests_per_s", "concurrency", "running", "capacity"):
            assert getattr(together, name)[i] == pytest.approx(getattr(alone, name)[0], rel=1e-9), (i, name)


def test_an_open_queue_of_fixed_service_times_is_exact_for_one_server_and_endless_when_full():
    one = np.float64(1.0)
    for load in (0.1, 0.5, 0.9):  # M/D/1: ρ / (2 (1 - ρ))
        assert float(queueing.open_wait_s(one, np.float64(load), one)) == pytest.approx(load / (2.0 * (1.0 - load)))
    assert np.isinf(float(queueing.open_wait_s(one, one, one)))


@given(st.floats(0.0, 8.0), st.floats(0.05, 0.95))
def test_a_checked_step_gains_between_one_token_and_all(drafted, kept):
    gained = float(speculation.tokens_per_step(np.float64(drafted), kept))
    assert 1.0 - 1e-12 <= gained <= drafted + 1.0 + 1e-12


@given(st.lists(st.floats(0.1, 10.0), min_size=3, max_size=8), st.floats(0.0, 1.0))
def test_a_curve_is_read_backwards(steps, share):
    x = np.array([np.cumsum(steps)])
    y = x**1.5
    target = y[:, :1] * (y[:, -1:] / y[:, :1]) ** share
    assert float(batching.inverse(x, y, target)[0, 0]) == pytest.approx(float(target[0, 0]) ** (1.0 / 1.5), rel=1e-6)
