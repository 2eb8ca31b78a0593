"""One training with TRL's SFTTrainer: prompt and completion, loss on the completion only, full or LoRA.

The text is rendered and tokenized by tasks/templates.py, so that training and evaluation cannot differ; TRL gets token
ids with labels. Which numbers it multiplies: precision.py. On a CPU one thread per process.
"""

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import TrainError
from ..tasks import modeldir, templates
from . import checkpoints, precision, sft, trouble
from .preflight import IGNORED, Preflight, look
from .profiles import Profile
from .sft import Base
from .steps import Recorder, Step

NAME = "trl"


@dataclass(frozen=True, slots=True)
class Pair:
    """One supervised pair, template-free."""

    prompt: str
    completion: str


@dataclass(frozen=True, slots=True)
class Trained:
    """What a training left. `saved`: "model" (all weights), "merged" (an adapter put into its base) or "adapter";
    `dtype`: what was multiplied in."""

    weights_hash: str
    saved: str
    steps: int
    tokens: int
    seconds: float
    n_pairs: int
    n_cut: int
    final_loss: float | None
    validation_loss: float | None = None
    dtype: str | None = None


def load_base(path: Path, dtype: str) -> Base:
    """Load a model directory in `dtype` (precision.kept). TrainError when it cannot be read as a causal language
    model."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        tokenizer = AutoTokenizer.from_pretrained(path)
        model = AutoModelForCausalLM.from_pretrained(path, dtype=getattr(torch, dtype))
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise TrainError(f"cannot load the student in {path}: {first}. Next: --student DIR with a causal LM") from error
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return Base(path, tokenizer, model, device)


def tokenize(
    pairs: Sequence[Pair], tokenizer: Any, template: templates.StudentTemplate, max_tokens: int
) -> tuple[list[dict[str, list[int]]], int]:
    """(rows of input_ids and labels, how many were cut at `max_tokens`). Prompts are not learned from.

    TrainError when a row would have nothing to learn from: its prompt alone fills `max_tokens`.
    """
    rows, n_cut = [], 0
    for i, pair in enumerate(pairs):
        prompt, completion = templates.encode_pair(tokenizer, template, pair.prompt, pair.completion)
        n_cut += len(prompt) + len(completion) > max_tokens
        ids = (prompt + completion)[:max_tokens]
        labels = ([IGNORED] * len(prompt) + completion)[:max_tokens]
        if all(label == IGNORED for label in labels):
            raise TrainError(
                f"pair {i} of the corpus has no token to learn from: its prompt has {len(prompt)} tokens, "
                f"max_tokens is {max_tokens}. Next: --max-tokens {max(2 * max_tokens, len(prompt) + 256)}"
            )
        rows.append({"input_ids": ids, "labels": labels})
    return rows, n_cut


def train(
    base: Base,
    pairs: Sequence[Pair],
    template: templates.StudentTemplate,
    profile: Profile,
    *,
    seed: int,
    output: Path,
    on_step: Callable[[Step], None],
    checkpoint_dir: Path | None = None,
    resume: checkpoints.Checkpoint | None = None,
    on_ready: Callable[[Preflight], None] | None = None,
    validation: Sequence[Pair] = (),
) -> Trained:
    """Train a copy of `base` and save it in `output` (safetensors, tokenizer); the base stays as it is.

    Checkpoints go to `checkpoint_dir` as often as the profile says; `resume` is the one to go on from. On a CPU the
    weights are then, to the bit, those of a training that was never stopped. `on_ready` is told what will be learned
    from, before the first step.
    TrainError: nothing to learn from, or a loss that is no number.
    """
    import copy

    import torch
    from datasets import Dataset
    from transformers import set_seed

    if base.device == "cpu":
        torch.set_num_threads(1)
        torch.set_flush_denormal(True)
    set_seed(seed)
    started = time.monotonic()
    rows, n_cut = tokenize(pairs, base.tokenizer, template, profile.max_tokens)
    if on_ready:
        on_ready(look(rows, n_cut, base.tokenizer))
    model = base.make(profile, seed) if base.make else copy.deepcopy(base.model)
    if profile.freeze_embeddings:
        model.get_input_embeddings().weight.requires_grad_(False)
    recorder = Recorder(on_step, started)
    if resume:
        recorder = Recorder(on_step, started - resume.seconds, resume.tokens, resume.supervised_tokens)
    folder = checkpoint_dir or output.parent / "checkpoints"
    held_out, _ = tokenize(validation, base.tokenizer, template, profile.max_tokens)
    trainer = sft.trainer(
        model,
        base,
        Dataset.from_list(rows),
        Dataset.from_list(held_out) if held_out else None,
        profile,
        seed,
        folder,
        recorder,
    )
    trainer.train(resume_from_checkpoint=str(resume.path) if resume else None)
    seconds = recorder.elapsed_s
    trouble.check_room(output.parent, trainer.model, with_optimizer=False, merged=profile.lora.adapter == "merged")
    saved = _save(trainer.model, base, profile, output)
    base_hash = modeldir.weights_hash(base.path) if saved == "adapter" else None
    return Trained(
        weights_hash=modeldir.weights_hash(output, base_hash),
        saved=saved,
        steps=int(trainer.state.global_step),
        tokens=recorder.tokens,
        seconds=seconds,
        n_pairs=len(rows),
        n_cut=n_cut,
        final_loss=recorder.last_loss,
        validation_loss=recorder.validation_loss,
        dtype=precision.multiplied(profile) if base.make is None else str(model.dtype).removeprefix("torch."),
    )


def merged(model: Any, base: Path, folder: Path) -> Any:
    """The adapter of `model` put into `base` read anew, in float32: most of what it learned is smaller than a step of
    bfloat16. `folder` lends room for the adapter."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    with tempfile.TemporaryDirectory(dir=folder) as made:
        model.save_pretrained(made)
        whole = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
        return PeftModel.from_pretrained(whole, made).merge_and_unload()


def _save(model: Any, base: Base, profile: Profile, output: Path) -> str:
    import torch

    output.mkdir(parents=True, exist_ok=True)
    saved = "model"
    if profile.method == "lora":
        saved = "adapter" if profile.lora.adapter == "kept" else "merged"
        if saved == "merged" and base.device == "cpu" and model.dtype == torch.bfloat16:
            model = merged(model, base.path, output.parent)
        elif saved == "merged":
            model = model.merge_and_unload()
    model.save_pretrained(output, safe_serialization=True)
    base.tokenizer.save_pretrained(output)
    return saved
