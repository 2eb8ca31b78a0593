"""Make the base weights of `tiny` (train/tiny/): python -m cotdistill.train.pretrain_tiny [--size tiny-l] [--out DIR].

A Llama of 0.15, 0.4 or 0.9 million parameters, taught by tiny_exercises.py with the loss on results only. How far
it came is printed; docs/design/03-tiny-student.md has the figures of the weights that are shipped.
"""

import argparse
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from ..tasks import templates
from ..tasks.datasets import arith
from . import tiny_tokenizer
from .tiny_exercises import SHARES, Exercise, exercises

SEED = 7
BATCH = 32
WARMUP_STEPS = 20
DECAY_FROM = 0.4  # of a cycle's steps: constant until then, then linear to 2 %
SORTED_BATCHES = 16  # drawn together and cut by length
TOKENIZER_TEXTS = 8_000
QUESTIONS_READ = 4_000  # training questions whose words the tokenizer sees; the model does not
HEAD = 32  # width of an attention head


@dataclass(frozen=True, slots=True)
class Cycle:
    """One pass of the schedule: `peak` is its share of the learning rates, `shares` its mix of exercises."""

    steps: int
    peak: float
    shares: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Size:
    """Hidden width, layers, width of the feed-forward part, and how it is taught."""

    hidden: int
    layers: int
    inner: int
    muon_lr: float
    adamw_lr: float
    cycles: tuple[Cycle, ...]


STATEMENTS = {"sum": 0.1, "statements": 0.8, "copy": 0.1}
CYCLES = (Cycle(4_500, 1.0, SHARES), Cycle(2_600, 0.6, STATEMENTS))
SIZES = {
    "tiny-s": Size(64, 2, 176, 0.02, 1e-2, CYCLES),
    "tiny": Size(96, 3, 256, 0.02, 1e-2, CYCLES),
    "tiny-l": Size(128, 4, 336, 0.01, 5e-3, (Cycle(3_000, 1.0, SHARES), Cycle(1_200, 0.6, STATEMENTS))),
}


def new_model(tokenizer: Any, seed: int, size: str) -> Any:
    """An untrained `tiny` of that size."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    shape = SIZES[size]
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        hidden_size=shape.hidden,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.hidden // HEAD,
        num_key_value_heads=shape.hidden // HEAD,
        intermediate_size=shape.inner,
        max_position_embeddings=512,
        tie_word_embeddings=True,
    )
    return LlamaForCausalLM(config)


def rate(step: int, steps: int) -> float:
    """The share of the learning rate at `step`, which counts from 0."""
    decay = (steps - step) / ((1 - DECAY_FROM) * steps)
    return min(1.0, (step + 1) / WARMUP_STEPS) * max(0.02, min(1.0, decay))


def encode(tokenizer: Any, exercise: Exercise) -> tuple[list[int], list[int]]:
    """(tokens to read, tokens to give) of an exercise, with the marks of the template `plain`."""
    text = f"{tokenizer.bos_token}{exercise.text}", f"{exercise.results}{tokenizer.eos_token}"
    return templates.encode(tokenizer, text[0]), templates.encode(tokenizer, text[1])


def batch_of(rows: list[tuple[list[int], list[int]]], pad: int) -> dict[str, Any]:
    """Right-padded tensors; labels on the results alone."""
    import torch

    width = max(len(read) + len(give) for read, give in rows)
    ids = torch.full((len(rows), width), pad)
    labels = torch.full((len(rows), width), -100)
    mask = torch.zeros(len(rows), width, dtype=torch.long)
    for i, (read, give) in enumerate(rows):
        n = len(read) + len(give)
        ids[i, :n] = torch.tensor(read + give)
        labels[i, len(read) : n] = torch.tensor(give)
        mask[i, :n] = 1
    return {"input_ids": ids, "labels": labels, "attention_mask": mask}


def pretrain(
    out: Path, cycles: Sequence[Cycle] | None = None, *, size: str = "tiny", first: int = 0, seed: int = SEED
) -> float:
    """Build the tokenizer, train the model, save both in `out` after every cycle. `first` > 0 goes on from what is
    saved there. Returns the mean loss of the last 100 steps. Without `cycles`: those of the size."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    if first:
        tokenizer, model = AutoTokenizer.from_pretrained(out), AutoModelForCausalLM.from_pretrained(out)
    else:
        texts = [e.text + e.results for e in islice(exercises(seed + 1), TOKENIZER_TEXTS)]
        tokenizer = tiny_tokenizer.build(texts + [q.text for q in arith.questions("train", QUESTIONS_READ)])
        model = new_model(tokenizer, seed, size)
    print(f"{sum(p.numel() for p in model.parameters())} parameters, {len(tokenizer)} tokens", flush=True)
    mean = 0.0
    for i, cycle in list(enumerate(cycles or SIZES[size].cycles))[first:]:
        mean = _train(model, tokenizer, cycle, seed + 100 * i, SIZES[size])
        model.save_pretrained(out)
        tokenizer.save_pretrained(out)
    return mean


def _train(model: Any, tokenizer: Any, cycle: Cycle, seed: int, size: Size) -> float:
    """One cycle, with a fresh optimizer. Returns the mean loss of its last 100 steps."""
    from .muon import for_model

    optimizer = for_model(model, lr=size.muon_lr * cycle.peak, adamw_lr=size.adamw_lr * cycle.peak)
    full = [group["lr"] for group in optimizer.param_groups]
    source, order = exercises(seed, cycle.shares), random.Random(seed)
    waiting: list[list[tuple[list[int], list[int]]]] = []
    losses: list[float] = []
    mean, started = 0.0, time.monotonic()
    model.train()
    for step in range(cycle.steps):
        if not waiting:
            pool = [encode(tokenizer, e) for e in islice(source, BATCH * SORTED_BATCHES)]
            pool.sort(key=lambda row: len(row[0]) + len(row[1]))
            waiting = [pool[i : i + BATCH] for i in range(0, len(pool), BATCH)]
            order.shuffle(waiting)
        for group, lr in zip(optimizer.param_groups, full, strict=True):
            group["lr"] = lr * rate(step, cycle.steps)
        loss = model(**batch_of(waiting.pop(), tokenizer.pad_token_id)).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses = [*losses[-99:], loss.item()]
        if step % 100 == 99 or step == cycle.steps - 1:
            mean, elapsed = sum(losses) / len(losses), time.monotonic() - started
            print(f"step {step + 1} of {cycle.steps}: loss {mean:.4f}, {elapsed:.0f} s", flush=True)
    return mean


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Make the base weights of the built-in student.")
    parser.add_argument("--size", choices=SIZES, default="tiny")
    parser.add_argument("--out", type=Path, help="default: the folder of that size beside this file")
    parser.add_argument("--first-cycle", type=int, default=0, help="go on from what --out holds after this many cycles")
    chosen = parser.parse_args()
    pretrain(
        chosen.out or Path(__file__).parent / chosen.size,
        size=chosen.size,
        first=chosen.first_cycle,
    )
