"""What a training will take: steps, memory and time. Estimates, and said to be."""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..store.store import Store
from .profiles import Profile

SQL = Path(__file__).parent / "sql"
CPU_FLOPS = 25e9  # float32, one AVX2 core: measured, docs/design/03-tiny-student.md and the benchmark `train`
# Floating-point operations a weight and token: 2 forward, 2 backward to the inputs, 2 to the weights (Kaplan et al.
# 2020, section 2.1). Weights that an adapter leaves alone need no gradient; activations made again are a forward pass.
FORWARD = BACKWARD = TO_WEIGHTS = 2


@dataclass(frozen=True, slots=True)
class Shape:
    """What a student's size is reckoned from, read from its config.json. `tied`: one matrix embeds and is the head."""

    weights: int
    hidden: int
    layers: int
    vocabulary: int
    tied: bool = True


def shape_of(folder: Path) -> Shape:
    """The shape of the model in `folder`; weights counted from the headers of its safetensors files."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config = config.get("text_config", config)
    tensors = {name: n for file in folder.glob("*.safetensors") for name, n in _weights(file).items()}
    hidden = int(config.get("hidden_size") or config.get("n_embed") or 0)
    layers = int(config.get("num_hidden_layers") or config.get("n_layer") or 0)
    return Shape(
        weights=sum(tensors.values()),
        hidden=hidden,
        layers=layers,
        vocabulary=int(config.get("vocab_size") or 0),
        tied=not any(name.endswith("lm_head.weight") for name in tensors),
    )


def n_steps(n_rows: int, profile: Profile) -> int:
    """Optimizer steps of a training on `n_rows` rows."""
    steps = math.ceil(math.ceil(n_rows / (profile.batch_size * profile.accumulate)) * profile.epochs)
    return min(steps, profile.max_steps or steps)


def warmup_steps(n_rows: int, profile: Profile) -> int:
    """Optimizer steps until the learning rate is at its height."""
    return math.ceil(profile.warmup_share * n_steps(n_rows, profile))


def memory_bytes(shape: Shape, profile: Profile, row_tokens: int) -> int:
    """Peak memory: weights, gradients and optimizer state in float32, activations of one batch of `row_tokens`-token
    rows, and its logits. An upper estimate; a library's own 0.5 GB is not in it."""
    lora = profile.method == "lora"
    # rank x (width in + width out) of seven matrices a layer, the feed-forward ones about four times as wide
    trained = profile.lora.rank * 23 * shape.hidden * shape.layers if lora else shape.weights
    state = 4 * shape.weights + 12 * trained
    in_batch = profile.batch_size * min(row_tokens, profile.max_tokens)
    per_layer = 2 if profile.gradient_checkpointing else 34  # floats a hidden unit (Korthikanti et al. 2022, table 2)
    return state + 4 * in_batch * (per_layer * shape.hidden * shape.layers + 3 * shape.vocabulary)


def flops_per_weight(profile: Profile) -> int:
    """Floating-point operations that a weight takes for each token that passes it."""
    again = FORWARD if profile.gradient_checkpointing else 0
    return FORWARD + BACKWARD + again + (0 if profile.method == "lora" else TO_WEIGHTS)


def flops(shape: Shape, profile: Profile, n_tokens: float, n_supervised: float) -> float:
    """Floating-point operations of a training that reads `n_tokens` tokens, epochs counted, and learns `n_supervised`
    of them. Looking a token up is free, and the head is only asked where there is a label."""
    head = shape.vocabulary * shape.hidden
    body = shape.weights - head * (1 if shape.tied else 2)
    return flops_per_weight(profile) * (n_tokens * body + n_supervised * head)


def seconds(
    store: Store,
    student: str,
    shape: Shape,
    profile: Profile,
    n_tokens: float,
    n_supervised: float,
    *,
    on_gpu: bool,
) -> tuple[float | None, str]:
    """(seconds, what they were reckoned from) of a training that reads `n_tokens` tokens and learns `n_supervised` of
    them, epochs counted."""
    with store.read() as con:
        row: Any = con.execute(
            (SQL / "speed.sql").read_text(), {"student": student, "method": profile.method}
        ).fetchone()
    if row and row[0]:
        return n_tokens / float(row[0]), f"{row[1]} finished runs of {student} ({row[0]:,.0f} tokens/s)"
    if on_gpu:
        return None, f"no run of {student} on this store yet"
    return flops(shape, profile, n_tokens, n_supervised) / CPU_FLOPS, "one CPU core's arithmetic, no run yet"


def _weights(file: Path) -> dict[str, int]:
    """The names of a file's tensors, and how many weights each has."""
    with file.open("rb") as handle:
        size = int.from_bytes(handle.read(8), "little")
        header = json.loads(handle.read(size))
    return {name: math.prod(entry["shape"]) for name, entry in header.items() if name != "__metadata__"}
