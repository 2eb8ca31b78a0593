"""The rows that `bench_train.py` trains on, and one training of them: by TRL as it comes, or by a trainer of ours."""

import math
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import fmean, variance
from typing import Any

from cotdistill.gen.builtin.solver import solve
from cotdistill.gen.builtin.writer import write
from cotdistill.tasks import templates
from cotdistill.tasks.datasets import arith
from cotdistill.train import head_loss, precision, profiles, sft, students, trl_trainer, unsloth_trainer
from cotdistill.train.steps import peak_memory


@dataclass(frozen=True, slots=True)
class Setting:
    """What all lines of a table have in common. `student`: a known name or a directory."""

    student: str
    n_rows: int
    n_held_out: int
    batch: int
    epochs: int
    lr: float
    max_tokens: int
    method: str
    seeds: int

    def profile(self, overrides: dict[str, Any]) -> profiles.Profile:
        """Our profile of it."""
        same = {"method": self.method, "optimizer": "adamw", "lr": self.lr, "epochs": self.epochs, "warmup_share": 0.0}
        same |= {"batch_size": self.batch, "max_tokens": self.max_tokens, "lora.adapter": "merged", "lora.rank": 8}
        return profiles.load("laptop", {**same, "checkpoint_every_s": 1e6, **overrides})


@dataclass(frozen=True, slots=True)
class Rows:
    """Rationales of the built-in teacher at level 3, as pairs and as tokens."""

    setting: Setting
    base: Path
    template: templates.StudentTemplate
    pairs: list[trl_trainer.Pair]
    held_out: list[trl_trainer.Pair]
    tokens: list[dict[str, list[int]]]

    @property
    def supervised(self) -> int:
        """Tokens with a loss in one pass."""
        return sum(label != head_loss.IGNORED for row in self.tokens for label in row["labels"])


def rows_of(setting: Setting) -> Rows:
    """The same rows for every line. (Unsloth is imported first where it trains: it patches what comes after.)"""
    student = students.resolve_student(setting.student)
    base = students.locate(student)
    tokenizer = students.load_tokenizer(base)
    template = templates.resolve(student.template, tokenizer)
    rng = random.Random(0)
    made = [
        trl_trainer.Pair(q.text, write(solve(q.text), 3, "original", "strict", rng))
        for q in arith.questions("train", setting.n_rows + setting.n_held_out)
    ]
    pairs, held_out = made[: setting.n_rows], made[setting.n_rows :]
    tokens, _ = trl_trainer.tokenize(pairs, tokenizer, template, setting.max_tokens)
    return Rows(setting, base, template, pairs, held_out, tokens)


def ours(rows: Rows, overrides: dict[str, Any], trainer: str, folder: Path, *, seed: int) -> dict[str, float]:
    """Train with a trainer of ours; the model is left in `folder`/model."""
    profile = rows.setting.profile(overrides)
    base = _base(trainer, rows.base, precision.kept(profile))
    last: list[trl_trainer.Step] = []
    seen: list[tuple[float, float]] = []
    peak: list[int] = []
    build = sft.trainer

    def timed(*given: Any) -> Any:
        """The trainer with a clock around its `train`: as TRL's is measured."""
        made = build(*given)
        train = made.train

        def clocked(**how: Any) -> Any:
            seen.append((time.perf_counter(), time.process_time()))
            result = train(**how)
            seen.append((time.perf_counter(), time.process_time()))
            peak.append(peak_memory())
            return result

        made.train = clocked
        return made

    sft.trainer = timed
    try:
        trl_trainer.train(
            base, rows.pairs, rows.template, profile,
            seed=seed, output=folder / "model", on_step=last.append, checkpoint_dir=folder / "checkpoints",
        )  # fmt: skip
    finally:
        sft.trainer = build
    (wall, cpu), (wall_after, cpu_after) = seen
    return {
        "wall_s": wall_after - wall,
        "cpu_s": cpu_after - cpu,
        "supervised": last[-1].supervised_tokens or 0,
        "peak_bytes": peak[0],
    }


@cache
def _base(trainer: str, path: Path, numbers: str) -> sft.Base:
    load: Callable[[Path, str], sft.Base] = {"trl": trl_trainer.load_base, "unsloth": unsloth_trainer.load_base}[
        trainer
    ]
    return load(path, numbers)


def trls(rows: Rows, config: dict[str, Any], grouped: bool, folder: Path, *, seed: int) -> dict[str, float]:
    """Train with TRL's SFTTrainer, all at its defaults but what makes the comparison one, and `config`."""
    import torch
    from datasets import Dataset
    from peft import LoraConfig
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl import SFTConfig, SFTTrainer

    from cotdistill.train.order import EpochOrder

    setting = rows.setting
    profile = setting.profile({})
    model = AutoModelForCausalLM.from_pretrained(rows.base, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(rows.base)

    class InOurOrder(SFTTrainer):  # type: ignore[misc]
        """TRL's own order is a seed's shuffle, too; in the same one losses differ by what is compared, not by luck."""

        def _get_train_sampler(self, train_dataset: Any = None) -> Any:
            lengths = [len(row["input_ids"]) for row in rows.tokens] if grouped else None
            return EpochOrder(len(rows.tokens), seed=seed, batch=setting.batch, lengths=lengths)

    lora = LoraConfig(
        task_type="CAUSAL_LM", r=profile.lora.rank, lora_alpha=profile.lora.alpha, target_modules=profile.lora.modules
    )
    arguments = SFTConfig(
        output_dir=str(folder),
        per_device_train_batch_size=setting.batch,
        num_train_epochs=setting.epochs,
        learning_rate=setting.lr,
        lr_scheduler_type=profile.schedule,
        max_length=setting.max_tokens,
        seed=seed,
        use_cpu=True,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        dataset_kwargs={"skip_prepare_dataset": True},
        **config,
    )
    trainer = InOurOrder(
        model=model,
        args=arguments,
        train_dataset=Dataset.from_list(rows.tokens),
        processing_class=tokenizer,
        peft_config=lora if setting.method == "lora" else None,
    )
    wall, cpu = time.perf_counter(), time.process_time()
    trainer.train()
    measured = {"wall_s": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu}
    measured |= {"supervised": rows.supervised * setting.epochs, "peak_bytes": peak_memory()}
    made = trainer.model.merge_and_unload() if setting.method == "lora" else trainer.model
    made.float().save_pretrained(folder / "model")
    tokenizer.save_pretrained(folder / "model")
    return measured


def held_out_loss(rows: Rows, folder: Path) -> float:
    """The mean loss of the held-out rows' completions, row by row, by transformers' own formula."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(rows.base)
    tokens, _ = trl_trainer.tokenize(rows.held_out, tokenizer, rows.template, rows.setting.max_tokens)
    total = n = 0.0
    for row in tokens:
        counted = sum(label != head_loss.IGNORED for label in row["labels"][1:])
        with torch.inference_mode():
            batch = {name: torch.tensor([values]) for name, values in row.items()}
            total += counted * model(**batch).loss.item()
        n += counted
    return total / n


def difference(ours: Sequence[float], theirs: Sequence[float], *, paired: bool) -> tuple[float, float, float]:
    """(low, middle, high) of the relative difference of two mean losses: a 95 % interval of the difference of their
    logarithms. `paired`: both saw the rows of a seed in one order, and are compared seed by seed; else Welch's. A
    single seed says nothing: then it is as wide as can be."""
    from scipy.stats import t

    logs = [[math.log(loss) for loss in losses] for losses in (ours, theirs)]
    middle = fmean(logs[0]) - fmean(logs[1])
    if min(map(len, logs)) < 2:
        return -1.0, math.expm1(middle), math.inf
    if paired:
        each = [a - b for a, b in zip(*logs, strict=True)]
        half = float(t.ppf(0.975, len(each) - 1)) * math.sqrt(variance(each) / len(each))
        return math.expm1(middle - half), math.expm1(middle), math.expm1(middle + half)
    parts = [variance(values) / len(values) for values in logs]
    freedom = sum(parts) ** 2 / sum(part**2 / (len(v) - 1) for part, v in zip(parts, logs, strict=True))
    half = float(t.ppf(0.975, freedom)) * math.sqrt(sum(parts))
    return math.expm1(middle - half), math.expm1(middle), math.expm1(middle + half)
