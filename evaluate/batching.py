"""Which prompts are answered together: the longest first, as many as memory holds, none padded far."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Row:
    """One answer to write: its prompt's tokens, and the most new tokens it may have (`room`)."""

    index: int
    n_prompt: int
    room: int


def batches(rows: Sequence[Row], *, most_rows: int, most_tokens: int) -> list[list[Row]]:
    """Batches of rows with little padding: sorted by length, the longest first (memory runs out at once or never).

    A batch has at most `most_rows` rows and rows x (longest prompt + room) <= `most_tokens`, but always one row. Rows
    of different room are never together: an answer's limit must not depend on its neighbours."""
    made: list[list[Row]] = []
    for row in sorted(rows, key=lambda r: (-r.n_prompt, -r.room, r.index)):
        batch = made[-1] if made else []
        fits = bool(batch) and len(batch) < most_rows and batch[0].room == row.room
        if fits and (len(batch) + 1) * (batch[0].n_prompt + batch[0].room) <= most_tokens:
            batch.append(row)
        else:
            made.append([row])
    return made


def cache_bytes_per_token(config: Any, bytes_per_value: int) -> int:
    """What one token of one answer holds in the key-value cache: 2 x layers x key-value heads x head size x bytes."""
    heads = int(getattr(config, "num_attention_heads", 1) or 1)
    kv_heads = int(getattr(config, "num_key_value_heads", None) or heads)
    head_size = int(getattr(config, "head_dim", None) or config.hidden_size // heads)
    return 2 * int(config.num_hidden_layers) * kv_heads * head_size * bytes_per_value


def context_of(config: Any) -> int | None:
    """The most tokens a model reads, prompt and answer together; None where its positions do not run out (BLOOM)."""
    most = getattr(config, "max_position_embeddings", None) or getattr(config, "seq_length", None)
    return None if most is None else int(most)
