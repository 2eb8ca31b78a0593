"""One training with TRL's SFTTrainer: prompt and completion, loss on the completion only, full or LoRA.

The text is rendered and tokenized by tasks/templates.py, so that training and evaluation cannot differ; TRL gets token
ids with labels. On a CPU everything is float32 and one thread per process.
"""

import math
import resource
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import TrainError
from ..tasks import modeldir, templates
from . import checkpoints
from .estimate import n_steps
from .order import EpochOrder
from .preflight import IGNORED, Preflight, look
from .profiles import Profile

NAME = "trl"


@dataclass(frozen=True, slots=True)
class Pair:
    """One supervised pair, template-free."""

    prompt: str
    completion: str


@dataclass(frozen=True, slots=True)
class Step:
    """One recorded step. `tokens`: prompt and completion tokens seen so far, without padding; `memory_bytes`: the peak
    so far, of the process or of the GPU; `validation_loss`: at the end of an epoch, where there are validation rows."""

    step: int
    n_steps: int
    loss: float | None
    learning_rate: float | None
    grad_norm: float | None
    tokens: int
    elapsed_s: float
    memory_bytes: int | None = None
    validation_loss: float | None = None


@dataclass(frozen=True, slots=True)
class Trained:
    """What a training left. `saved`: "model" (all weights), "merged" (an adapter put into its base) or "adapter"."""

    weights_hash: str
    saved: str
    steps: int
    tokens: int
    seconds: float
    n_pairs: int
    n_cut: int
    final_loss: float | None
    validation_loss: float | None = None


@dataclass(frozen=True, slots=True)
class Base:
    """A loaded base model, to be copied for every run of a worker. `make(profile, seed)`, where there is one, gives the
    model to train instead of a copy, its adapter already on it (unsloth_trainer.py)."""

    path: Path
    tokenizer: Any
    model: Any
    device: str
    make: Callable[[Profile, int], Any] | None = None


def load_base(path: Path, dtype: str) -> Base:
    """Load a model directory. TrainError when it cannot be read as a causal language model."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    device = "cuda" if torch.cuda.is_available() else "cpu"
    wide = device == "cpu" or dtype == "float32" or (dtype == "auto" and not torch.cuda.is_bf16_supported())
    try:
        tokenizer = AutoTokenizer.from_pretrained(path)
        model = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32 if wide else torch.bfloat16)
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
    recorder = _Recorder(on_step, started - (resume.seconds if resume else 0.0), resume.tokens if resume else 0)
    folder = checkpoint_dir or output.parent / "checkpoints"
    held_out, _ = tokenize(validation, base.tokenizer, template, profile.max_tokens)
    trainer = _trainer(
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
    )


class _Recorder:
    """Turns the trainer's log lines into steps, and stops a training whose loss is no number."""

    def __init__(self, on_step: Callable[[Step], None], started: float, tokens_before: int) -> None:
        self.on_step, self.started = on_step, started
        self.tokens = self.tokens_before = tokens_before
        self.last_loss: float | None = None
        self.validation_loss: float | None = None

    @property
    def elapsed_s(self) -> float:
        """Seconds of training, those before a kill included."""
        return time.monotonic() - self.started

    def log(self, step: int, n_steps: int, logs: Mapping[str, float]) -> None:
        if "eval_loss" in logs:
            self.validation_loss = float(logs["eval_loss"])
            self._tell(step, n_steps, {}, validation_loss=self.validation_loss)
        if "loss" not in logs:
            return
        loss = float(logs["loss"])
        if not math.isfinite(loss):
            raise TrainError(f"the loss is {loss} at step {step}. Next: a smaller --lr, or --max-grad-norm 0.5")
        self.last_loss = loss
        if "num_tokens" in logs:
            self.tokens = self.tokens_before + int(logs["num_tokens"])
        self._tell(step, n_steps, logs, loss=loss)

    def _tell(self, step: int, n_steps: int, logs: Mapping[str, float], **losses: float) -> None:
        self.on_step(
            Step(
                step=step,
                n_steps=n_steps,
                loss=losses.get("loss"),
                learning_rate=logs.get("learning_rate"),
                grad_norm=logs.get("grad_norm"),
                tokens=self.tokens,
                elapsed_s=self.elapsed_s,
                memory_bytes=_peak_memory(),
                validation_loss=losses.get("validation_loss"),
            )
        )


def _peak_memory() -> int:
    import torch

    if torch.cuda.is_available():
        return int(torch.cuda.max_memory_allocated())
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024  # kilobytes on Linux


def _trainer(
    model: Any, base: Base, rows: Any, held_out: Any, profile: Profile, seed: int, folder: Path, recorder: _Recorder
) -> Any:
    import torch
    from transformers import TrainerCallback
    from trl import SFTConfig, SFTTrainer

    order = EpochOrder(
        len(rows),
        seed=seed,
        batch=profile.batch_size * profile.accumulate,
        lengths=[len(ids) for ids in rows["input_ids"]] if profile.group_by_length else None,
    )
    due = checkpoints.Due.start(profile.checkpoint_every_s)

    class Log(TrainerCallback):  # type: ignore[misc]
        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
            recorder.log(int(state.global_step), int(state.max_steps), logs or {})

        def on_epoch_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            order.set_epoch(math.floor((state.epoch or 0.0) + 1e-6))

        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            if state.global_step < state.max_steps and due.now():
                control.should_save = True

        def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            made = folder / f"checkpoint-{state.global_step}"
            checkpoints.seal(made, tokens=recorder.tokens, seconds=recorder.elapsed_s)

    class Trainer(SFTTrainer):  # type: ignore[misc]
        def _get_train_sampler(self, train_dataset: Any = None) -> Any:
            return order

        def create_optimizer(self, model: Any = None) -> Any:
            if profile.optimizer == "adamw":
                return super().create_optimizer(model) if model is not None else super().create_optimizer()
            from .muon import for_model

            settings = {"lr": profile.muon_lr, "adamw_lr": profile.lr, "weight_decay": profile.weight_decay}
            self.optimizer: Any = for_model(self.model, **settings)
            return self.optimizer

    config = SFTConfig(
        output_dir=str(folder),
        per_device_train_batch_size=profile.batch_size,
        gradient_accumulation_steps=profile.accumulate,
        num_train_epochs=profile.epochs,
        max_steps=profile.max_steps or -1,
        learning_rate=profile.lr,
        weight_decay=profile.weight_decay,
        lr_scheduler_type=profile.schedule,
        warmup_steps=math.ceil(profile.warmup_share * n_steps(len(rows), profile)),
        max_grad_norm=profile.max_grad_norm,
        seed=seed,
        data_seed=seed,
        bf16=model.dtype == torch.bfloat16,
        fp16=model.dtype == torch.float16,
        use_cpu=base.device == "cpu",
        gradient_checkpointing=profile.gradient_checkpointing,
        max_length=profile.max_tokens,
        packing=False,
        dataset_kwargs={"skip_prepare_dataset": True},
        dataloader_pin_memory=base.device != "cpu",
        logging_steps=profile.log_every,
        logging_nan_inf_filter=False,
        eval_strategy="no" if held_out is None else "epoch",
        per_device_eval_batch_size=profile.batch_size,
        save_strategy="no",  # checkpoints are made by the clock, not by the step
        save_total_limit=checkpoints.KEEP,
        report_to="none",
        disable_tqdm=True,
    )
    return Trainer(
        model=model,
        args=config,
        train_dataset=rows,
        eval_dataset=held_out,
        processing_class=base.tokenizer,
        peft_config=_lora(profile) if profile.method == "lora" and base.make is None else None,
        callbacks=[Log()],
    )


def lora_targets(profile: Profile) -> str | list[str]:
    """peft's `target_modules`: the one word "all-linear", or the modules by name."""
    wanted = profile.lora.modules
    return wanted if wanted == "all-linear" else [m.strip() for m in wanted.split(",")]


def _lora(profile: Profile) -> Any:
    from peft import LoraConfig

    return LoraConfig(
        task_type="CAUSAL_LM",
        r=profile.lora.rank,
        lora_alpha=profile.lora.alpha,
        lora_dropout=profile.lora.dropout,
        target_modules=lora_targets(profile),
    )


def _save(model: Any, base: Base, profile: Profile, output: Path) -> str:
    output.mkdir(parents=True, exist_ok=True)
    saved = "model"
    if profile.method == "lora":
        saved = "adapter" if profile.lora.adapter == "kept" else "merged"
        if saved == "merged":
            model = model.merge_and_unload()
    model.save_pretrained(output, safe_serialization=True)
    base.tokenizer.save_pretrained(output)
    return saved
