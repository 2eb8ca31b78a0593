"""Our settings of TRL's SFTTrainer: tokenized rows, their order, the loss, Muon, checkpoints by the clock.

What differs from TRL's defaults and what each difference buys: docs/design/10-training.md and `just bench train`.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import checkpoints, precision, trouble
from .estimate import warmup_steps
from .order import EpochOrder
from .preflight import IGNORED
from .profiles import Profile
from .steps import Recorder


@dataclass(frozen=True, slots=True)
class Base:
    """A loaded base model, to be copied for every run of a worker. `make(profile, seed)`, where there is one, gives the
    model to train instead of a copy, its adapter already on it (unsloth_trainer.py)."""

    path: Path
    tokenizer: Any
    model: Any
    device: str
    make: Callable[[Profile, int], Any] | None = None


def trainer(
    model: Any, base: Base, rows: Any, held_out: Any, profile: Profile, seed: int, folder: Path, recorder: Recorder
) -> Any:
    """The SFTTrainer of one run: `rows` and `held_out` (None: no validation) are data sets of input_ids and labels."""
    import torch
    from transformers import PrinterCallback, TrainerCallback
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
                trouble.check_room(folder, kwargs["model"], with_optimizer=True)
                control.should_save = True

        def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            made = folder / f"checkpoint-{state.global_step}"
            checkpoints.seal(
                made,
                tokens=recorder.tokens,
                supervised_tokens=recorder.supervised_tokens,
                seconds=recorder.elapsed_s,
            )

    class Trainer(SFTTrainer):  # type: ignore[misc]
        def compute_loss(
            self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
        ) -> Any:
            labels = inputs["labels"]
            n = (labels[:, 1:] != IGNORED).sum()
            if model.training:
                recorder.supervised_tokens += int(n)
            bare = getattr(model, "get_base_model", lambda: model)()
            if base.make is not None or not head_loss.fits(bare):  # Unsloth has a loss of its own
                return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
            inputs.pop("_prediction_loss_only", None)
            with self.accelerator.autocast():
                loss = head_loss.loss_sum(bare, inputs) / (n if num_items_in_batch is None else num_items_in_batch)
            mode = "train" if model.training else "eval"
            if model.training:
                self._total_train_tokens += int(inputs["attention_mask"].sum())
            self._metrics[mode]["num_tokens"] = [self._total_train_tokens]
            return (loss, {}) if return_outputs else loss

        def _get_train_sampler(self, train_dataset: Any = None) -> Any:
            return order

        def create_optimizer(self, model: Any = None) -> Any:
            if profile.optimizer == "adamw":
                return super().create_optimizer(model) if model is not None else super().create_optimizer()
            from .muon import for_model

            settings = {"lr": profile.muon_lr, "adamw_lr": profile.lr, "weight_decay": profile.weight_decay}
            self.optimizer: Any = for_model(self.model, **settings)
            return self.optimizer

    from . import head_loss

    narrow = model.dtype == torch.bfloat16 or (base.make is None and precision.multiplied(profile) == "bfloat16")
    config = SFTConfig(
        output_dir=str(folder),
        per_device_train_batch_size=profile.batch_size,
        gradient_accumulation_steps=profile.accumulate,
        num_train_epochs=profile.epochs,
        max_steps=profile.max_steps or -1,
        learning_rate=profile.lr,
        weight_decay=profile.weight_decay,
        lr_scheduler_type=profile.schedule,
        warmup_steps=warmup_steps(len(rows), profile),
        max_grad_norm=profile.max_grad_norm,
        seed=seed,
        data_seed=seed,
        bf16=narrow,
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
    config._n_gpu = min(config.n_gpu, 1)  # one process a card: rows are never spread over cards by threads
    made = Trainer(
        model=model,
        args=config,
        train_dataset=rows,
        eval_dataset=held_out,
        processing_class=base.tokenizer,
        peft_config=lora(profile) if profile.method == "lora" and base.make is None else None,
        callbacks=[Log()],
    )
    made.remove_callback(PrinterCallback)
    return made


def lora_targets(profile: Profile) -> str | list[str]:
    """peft's `target_modules`: the one word "all-linear", or the modules by name."""
    wanted = profile.lora.modules
    return wanted if wanted == "all-linear" else [m.strip() for m in wanted.split(",")]


def lora(profile: Profile) -> Any:
    from peft import LoraConfig

    return LoraConfig(
        task_type="CAUSAL_LM",
        r=profile.lora.rank,
        lora_alpha=profile.lora.alpha,
        lora_dropout=profile.lora.dropout,
        target_modules=lora_targets(profile),
    )
