"""Models of the catalogue: published architectures, with sizes derived from them where no source prints one."""

from __future__ import annotations

from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, cast

from offtake.catalog.facts import Fact, sourced
from offtake.catalog.load import Entry, canonical, rows
from offtake.catalog.types import Transformer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from offtake.catalog.facts import Reliability

__all__ = ["counted_params", "model", "transformer_of"]

_ARCHITECTURE = (
    "layers", "hidden", "heads", "kv_heads", "head_dim", "ffn_dense", "ffn_expert", "vocab", "experts", "top_k",
    "shared_experts", "first_dense_layers", "moe_every_n_layers", "mla_q_rank", "mla_kv_rank", "mla_rope_dim",
    "mla_nope_dim", "mla_v_dim", "sliding_window", "gated", "tied", "ffn_shared", "mlp_layers", "window_layers", "linear_layers",
    "linear_params", "linear_state", "expert_hidden", "mtp_layers", "sparse_tok", "moe_layers",
)  # fmt: skip
_TRAINING = (
    ("train_tokens_b", "train_tok", "tok", 1e9), ("train_flop", "train_flop", "flop", 1.0),
    ("train_chip_count", "train_chips", "chip", 1.0), ("train_chip_hours", "train_chip_h", "chip-h", 1.0),
    ("train_wall_hours", "train_wall_h", "h", 1.0), ("mfu", "train_mfu_frac", "frac", 1.0),
)  # fmt: skip
_COUNTS = (
    "layers", "hidden", "heads", "kv_heads", "experts", "top_k", "moe_layers", "vocab", "ffn_expert", "shared_experts", "ffn_shared",
    "expert_hidden", "sparse_tok", "mtp_layers",
)  # fmt: skip
"""Fields of a transformer that are counts under the same name in the catalogue."""
_NOT_READ = "not re-read"
"""Marks a published figure that was written down from knowledge of the publication, and checked against its printed size."""


@lru_cache(maxsize=128)
def model(name: str) -> Entry:
    """Return a model by name or alias.

    Examples
    --------
    >>> entry = model("deepseek-v3")
    >>> entry.number("active_params")
    37000000000.0
    """
    found = canonical("models", name)
    row = next(r for r in rows("models") if r["model"] == found)
    facts = _printed(row)
    for derived in rows("models_derived"):
        if derived["model"] == found:
            facts[derived["field"]] = Fact(
                value=float(derived["value"]), unit="", source=derived["source"], date=derived["date"],
                reliability=cast("Reliability", derived["reliability"]), note=derived["reason"],
            )  # fmt: skip
    if row["layers"]:
        _derive_sizes(facts, row)
    return Entry(kind="models", name=found, facts=MappingProxyType(facts))


def _printed(row: Mapping[str, str]) -> dict[str, Fact]:
    """Collect the facts that a row prints."""
    facts: dict[str, Fact] = {}
    grade: Reliability = "medium" if _NOT_READ in row["src_arch"] else "high"
    for field in _ARCHITECTURE:
        if row[field]:
            facts[field] = sourced(float(row[field]), "", row["src_arch"], reliability=grade, note=row["notes"])
    for text in ("family", "attention"):
        if row[text] and row["src_arch"]:
            facts[text] = sourced(row[text], "", row["src_arch"], reliability=grade)
    # "by name": the vendor's own name of the model carries the size
    size_source = row["src_params"].replace("by name", f"{row['model']}: in the name")
    for column, field in (("params_b", "params"), ("active_params_b", "active_params")):
        if row[column]:
            facts[field] = sourced(float(row[column]) * 1e9, "", size_source, reliability="high", note=row["notes"])
    for column, field, unit, factor in _TRAINING:
        if row[column]:
            facts[field] = sourced(
                float(row[column]) * factor, unit, row["src_training"], reliability="medium", note=row["notes"]
            )
    return facts


def transformer_of(entry: Entry) -> Transformer:
    """Return a model's plain numbers.

    Examples
    --------
    >>> m = transformer_of(model("Llama 3.1 405B"))
    >>> m.kv_bytes_per_tok                     # 2 bytes x 2 x 8 heads x 128 x 126 layers
    516096.0
    >>> transformer_of(model("DeepSeek-V3")).kv_bytes_per_tok     # 2 bytes x (512 + 64) x 61 layers
    70272.0
    """

    def of(field: str) -> float:
        return entry.number(field) or 0.0

    count = {field: int(of(field)) for field in _COUNTS}
    layers, window, linear = count["layers"], int(of("window_layers")), int(of("linear_layers"))
    blocks = entry.number("mlp_layers") is not None  # each layer is one block: attention, state, dense or expert
    mlp = int(of("mlp_layers")) if blocks else layers - count["moe_layers"]
    apart = mlp + count["moe_layers"] if blocks else 0
    return Transformer(
        name=entry.name, params=entry.number("params"), active_params=entry.number("active_params"), expert_params=of("expert_params"),
        head_dim=int(of("head_dim") or (of("mla_nope_dim") + of("mla_rope_dim") + of("mla_v_dim")) / 2.0),
        kv_values_per_layer=of("kv_values_per_layer"), full_layers=max(0, layers - window - linear - apart), window_layers=window,
        window_tok=int(of("sliding_window")), latent_attention=bool(of("mla_kv_rank") or of("latent_attention")),
        family=entry.text("family"), ffn=int(of("ffn_dense")), gated=entry.number("gated") != 0.0, mlp_layers=mlp,
        q_rank=int(of("mla_q_rank")), kv_rank=int(of("mla_kv_rank")), rope_dim=int(of("mla_rope_dim")), nope_dim=int(of("mla_nope_dim")),
        v_dim=int(of("mla_v_dim")), linear_layers=linear, linear_params=of("linear_params"), linear_state=of("linear_state"),
        tied=bool(of("tied")), expert_bias=bool(of("expert_bias")), **count,
    )  # fmt: skip


def counted_params(row: Mapping[str, str]) -> tuple[float, float, int]:
    """Count the weights of an architecture: (all, in routed experts, expert layers).

    Attention h·d·(2a + 2g), or its latent form; feed-forward 3·h·f (2·h·f without gate); router h·E; embeddings 2·h·V, h·V where
    one matrix serves as both.

    Examples
    --------
    >>> from offtake.catalog.load import rows
    >>> all_, _, _ = counted_params(next(r for r in rows("models") if r["model"] == "Llama 3.1 405B"))
    >>> round(all_ / 1e9, 1)      # 126 x (2x16384x128x(128+8) + 3x16384x53248) + 2x16384x128256
    405.8
    """

    def of(field: str) -> float:
        return float(row[field] or 0.0)

    layers, hidden, heads = of("layers"), of("hidden"), of("heads")
    if of("mla_kv_rank"):
        wide = heads * (of("mla_nope_dim") + of("mla_rope_dim"))
        query = hidden * of("mla_q_rank") + of("mla_q_rank") * wide if of("mla_q_rank") else hidden * wide
        latent = hidden * (of("mla_kv_rank") + of("mla_rope_dim"))
        latent += of("mla_kv_rank") * heads * (of("mla_nope_dim") + of("mla_v_dim"))
        attention = query + latent + heads * of("mla_v_dim") * hidden
    else:
        attention = 2.0 * hidden * of("head_dim") * (heads + of("kv_heads"))
    hybrid = row["mlp_layers"] != ""  # each layer is one block: attention, state, dense or expert
    expert_layers = _expert_layers(row)
    mlp_layers = of("mlp_layers") if hybrid else layers - expert_layers
    attention_layers = layers - of("linear_layers") - ((mlp_layers + expert_layers) if hybrid else 0.0)
    matrices = 2.0 if row["gated"] == "0" else 3.0
    reads = of("expert_hidden") or hidden  # experts may work on a projection of the token
    routed = matrices * reads * of("ffn_expert") * of("experts") * expert_layers
    beside = matrices * hidden * (of("ffn_shared") or of("ffn_expert")) * of("shared_experts") + hidden * of("experts")
    projected = 2.0 * hidden * of("expert_hidden")
    mixing = attention_layers * attention + of("linear_layers") * of("linear_params")
    dense = matrices * hidden * of("ffn_dense") * mlp_layers
    tables = (1.0 if row["tied"] == "1" else 2.0) * hidden * of("vocab")
    return mixing + dense + (beside + projected) * expert_layers + routed + tables, routed, expert_layers


def _expert_layers(row: Mapping[str, str]) -> int:
    """Return how many layers have routed experts."""
    if row["moe_layers"]:
        return int(row["moe_layers"])
    if not row["experts"]:
        return 0
    return int(
        (int(row["layers"]) - int(row["first_dense_layers"] or 0)) // max(int(row["moe_every_n_layers"] or 0), 1)
    )


def _derive_sizes(facts: dict[str, Fact], row: Mapping[str, str]) -> None:
    """Add what follows from the architecture; a printed value is never replaced."""
    total, routed, expert_layers = counted_params(row)

    def put(field: str, value: float, note: str) -> None:
        facts.setdefault(field, sourced(value, "", row["src_arch"], reliability="derived", note=note))

    put("params", total, "counted from the architecture")
    if routed:
        scale = min(1.0, facts["params"].number / total)  # a rounded printed size must not fall below its experts
        routed *= scale
        put("expert_params", routed, "3 x hidden x expert width x experts x expert layers")
        put("moe_layers", float(expert_layers), "layers with routed experts")
        share = float(row["top_k"]) / float(row["experts"])
        put(
            "active_params",
            facts["params"].number - routed * (1.0 - share),
            "all weights less the experts a token does not use",
        )
    else:
        put("active_params", facts["params"].number, "dense: every token uses all weights")
    if row["mla_kv_rank"]:
        put(
            "kv_values_per_layer", float(row["mla_kv_rank"]) + float(row["mla_rope_dim"]), "latent rank + position part"
        )
    elif row["kv_heads"] and row["head_dim"]:
        put(
            "kv_values_per_layer",
            2.0 * float(row["kv_heads"]) * float(row["head_dim"]),
            "keys and values: 2 x kv heads x head size",
        )
