"""A run as LLaMA-Factory reads it: its YAML, its data set and its DeepSpeed settings. Nothing is trained here.

The texts are rendered already (tasks/templates.py) and LLaMA-Factory's template is `empty`, which adds nothing: what it
trains on is, token for token, what our other trainers train on and what evaluation asks
(tests/slow/test_llamafactory.py).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import ConfigError
from ..tasks.templates import StudentTemplate
from .profiles import Profile

FIRST_CARD = "0"
ZERO_STAGE = 2  # gradients and optimizer state divided among the cards; the weights whole on each


@dataclass(frozen=True, slots=True)
class Written:
    """What one run's folder holds: `config` is what llamafactory-cli is given; `command` and `environment` say how."""

    config: Path
    command: tuple[str, ...]
    environment: Mapping[str, str]


def check(profile: Profile, n_cards: int) -> None:
    """ConfigError where LLaMA-Factory cannot train as `profile` says on so many cards."""
    if profile.optimizer != "adamw":
        raise ConfigError(
            f"trainer llamafactory has no optimizer {profile.optimizer} like ours. Next: --profile paper, or "
            f"--trainer trl"
        )
    if profile.freeze_embeddings:
        raise ConfigError("trainer llamafactory cannot freeze the embeddings alone. Next: --trainer trl")
    if profile.accumulate % max(1, n_cards):
        raise ConfigError(
            f"accumulate = {profile.accumulate} batches cannot be divided among {n_cards} cards. "
            f"Next: --gpus with a divisor of {profile.accumulate}, or accumulate = {n_cards} in a profile"
        )


def settings(
    profile: Profile,
    *,
    base: Path,
    folder: Path,
    seed: int,
    n_rows: int,
    n_cards: int,
    bf16: bool,
    gpu: bool,
    validation: bool,
) -> dict[str, Any]:
    """The arguments of `llamafactory-cli train` for one run whose files lie in `folder`.

    A step is batch_size x accumulate rows whatever the number of cards, as for every trainer of ours.
    """
    from .estimate import warmup_steps

    lora: dict[str, Any] = {}
    if profile.method == "lora":
        wanted = profile.lora.modules
        lora = {
            "lora_rank": profile.lora.rank,
            "lora_alpha": round(profile.lora.alpha),
            "lora_dropout": profile.lora.dropout,
            "lora_target": "all" if wanted == "all-linear" else wanted,
        }
        if profile.lora.base_bits == 4:
            lora |= {"quantization_bit": 4, "quantization_method": "bnb"}
    return {
        "model_name_or_path": str(base),
        "stage": "sft",
        "do_train": True,
        "finetuning_type": profile.method,
        **lora,
        "dataset_dir": str(folder),
        "dataset": "train",
        **({"eval_dataset": "validation", "eval_strategy": "epoch"} if validation else {}),
        "template": "empty",
        "cutoff_len": profile.max_tokens,
        "packing": False,
        "output_dir": str(folder / "output"),
        "save_strategy": "epoch",
        "save_total_limit": 2,
        "logging_steps": profile.log_every,
        "report_to": "none",
        "disable_tqdm": True,
        "include_num_input_tokens_seen": "non_padding",
        "per_device_train_batch_size": profile.batch_size,
        "per_device_eval_batch_size": profile.batch_size,
        "gradient_accumulation_steps": profile.accumulate // max(1, n_cards),
        "learning_rate": profile.lr,
        "weight_decay": profile.weight_decay,
        "num_train_epochs": profile.epochs,
        **({"max_steps": profile.max_steps} if profile.max_steps else {}),
        "lr_scheduler_type": profile.schedule,
        "warmup_steps": warmup_steps(n_rows, profile),
        "max_grad_norm": profile.max_grad_norm,
        "disable_gradient_checkpointing": not profile.gradient_checkpointing,
        "bf16": bf16,
        **({} if gpu else {"use_cpu": True}),
        **({"deepspeed": str(folder / "deepspeed.json")} if n_cards > 1 else {}),
        "seed": seed,
        "data_seed": seed,
    }


def write(
    folder: Path,
    pairs: Mapping[str, Sequence[Any]],
    template: StudentTemplate,
    profile: Profile,
    *,
    base: Path,
    seed: int,
    cards: Sequence[str] = (),
    bf16: bool = False,
    gpu: bool = False,
    python: str = "python",
) -> Written:
    """Write everything LLaMA-Factory needs for one run to `folder`. `pairs`: split (train, validation) -> pairs."""
    check(profile, len(cards))
    folder.mkdir(parents=True, exist_ok=True)
    splits = {name: rows for name, rows in pairs.items() if rows}
    for name, rows in splits.items():
        rendered = [
            {"instruction": template.prompt(row.prompt), "input": "", "output": template.completion(row.completion)}
            for row in rows
        ]
        _json(folder / f"{name}.json", rendered)
    _json(folder / "dataset_info.json", {name: {"file_name": f"{name}.json"} for name in splits})
    if len(cards) > 1:
        _json(folder / "deepspeed.json", deepspeed())
    config = folder / "train.yaml"
    arguments = settings(
        profile,
        base=base,
        folder=folder,
        seed=seed,
        n_rows=len(pairs["train"]),
        n_cards=len(cards),
        bf16=bf16,
        gpu=gpu,
        validation="validation" in splits,
    )
    config.write_text("".join(f"{key}: {_scalar(value)}\n" for key, value in arguments.items()), encoding="utf-8")
    environment = {"CUDA_VISIBLE_DEVICES": ",".join(cards)} if cards else {}
    if len(cards) > 1:
        environment["FORCE_TORCHRUN"] = "1"
    return Written(config, (python, "-m", "llamafactory.cli", "train", str(config)), environment)


def deepspeed() -> dict[str, Any]:
    """ZeRO: what `auto` says is filled in from the YAML."""
    return {
        "train_batch_size": "auto",
        "train_micro_batch_size_per_gpu": "auto",
        "gradient_accumulation_steps": "auto",
        "gradient_clipping": "auto",
        "bf16": {"enabled": "auto"},
        "fp16": {"enabled": "auto"},
        "zero_optimization": {"stage": ZERO_STAGE, "overlap_comm": True, "contiguous_gradients": True},
    }


def _scalar(value: Any) -> str:
    """JSON is YAML, but for a number like 5e-05, which YAML 1.1 reads as a word."""
    if isinstance(value, float):
        text = repr(value)
        mantissa, e, exponent = text.partition("e")
        return f"{mantissa}{'' if '.' in mantissa else '.0'}e{int(exponent):+03d}" if e else text
    return json.dumps(value, ensure_ascii=False)


def _json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1), encoding="utf-8")
