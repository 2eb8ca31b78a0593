"""Supervised tokens a second: our trainers beside TRL's SFTTrainer at its defaults, on the same rows; what each step
buys.

One child process a line, one after the other: same tokens and mask, same batches' size, learning rate and epochs. `held
out` is the loss, by one plain formula, of rows that nobody trained on: a faster line counts only at equal loss.
Rates are by processor seconds (a neighbour's work is not in them) unless a line uses several threads. With
COTDISTILL_GEMMA (a directory with Gemma 3 270M) that student too; COTDISTILL_BENCH_STUDENTS=tiny,gemma chooses.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, variance
from typing import Any

from train_rows import Setting, rows_of

from cotdistill import environments

GEMMA = os.environ.get("COTDISTILL_GEMMA", "")
ONE_THREAD = {"OMP_NUM_THREADS": "1"}
PATIENCE_S = 180.0  # with a line of several threads
EQUAL = 0.02  # relative difference of held-out losses that order and rounding make


@dataclass(frozen=True, slots=True)
class Line:
    """One way to train. `config`: SFTConfig's arguments over TRL's defaults; None: our trainer, `profile` over ours;
    `compared`: with several seeds, because the loss of one says little."""

    name: str
    config: dict[str, Any] | None = None
    grouped: bool = False
    profile: dict[str, Any] | None = None
    threads: dict[str, str] | None = None
    trainer: str = "trl"
    compared: bool = False


WIDE: dict[str, Any] = {"bf16": False}
KEPT: dict[str, Any] = {**WIDE, "gradient_checkpointing": False}
LINES = [
    Line("TRL's defaults", {}, compared=True),
    Line("TRL, float32", WIDE, compared=True),
    Line("+ activations kept", KEPT),
    Line("+ batches of like lengths", KEPT, grouped=True),
    Line("+ no head without a label = trainer trl", profile={}, compared=True),
    Line("trainer trl, rows as they come", profile={"group_by_length": False}),
    Line("trainer trl, embeddings frozen", profile={"freeze_embeddings": True}),
    Line("trainer unsloth", profile={}, trainer="unsloth"),
    Line("TRL's defaults, a thread a core", {}, threads={"OMP_NUM_THREADS": str(os.cpu_count() or 1)}),
]
SETTINGS = {
    "tiny": Setting(
        "tiny", n_rows=640, n_held_out=64, batch=16, epochs=2, lr=3e-3, max_tokens=256, method="full", seeds=3
    ),
    "gemma": Setting(
        GEMMA, n_rows=12, n_held_out=6, batch=4, epochs=1, lr=3e-4, max_tokens=256, method="lora", seeds=1
    ),
}


def main() -> None:
    asked = os.environ.get("COTDISTILL_BENCH_STUDENTS", "tiny,gemma").split(",")
    for name, setting in SETTINGS.items():
        if name not in asked:
            continue
        if name == "gemma" and not GEMMA:
            print("gemma: COTDISTILL_GEMMA names no directory; left out")
            continue
        compare(name, setting)
    if "tiny" in asked:
        many(SETTINGS["tiny"])


def compare(name: str, setting: Setting) -> None:
    """The table of one student."""
    steps = setting.n_rows * setting.epochs // setting.batch
    print(
        f"{name}, {setting.method}, {setting.n_rows} rows, {steps} steps of {setting.batch}; float32 but for TRL's "
        f"defaults"
    )
    print(f"{'':42} {'tokens/s':>9} {'x':>5} {'wall s':>7} {'peak GB':>8}  held out")
    first: dict[str, Any] | None = None
    compared: dict[str, dict[str, Any]] = {}
    for line in LINES:
        if line.trainer == "unsloth" and environments.find("unsloth") is None:
            print(f"{line.name:42} not installed (just setup cpu)")
            continue
        if setting.method == "lora" and (line.profile or {}).get("freeze_embeddings"):
            continue  # an adapter freezes them anyway
        load = os.getloadavg()[0]
        if line.threads and load > (os.cpu_count() or 1) + 1:
            print(f"{line.name:42} not measured: load {load:.0f}, and its threads would wait for cores")
            continue
        try:
            found = child(line, setting, range(1, 1 + (setting.seeds if line.compared else 1)))
        except subprocess.TimeoutExpired:
            print(f"{line.name:42} not done after {PATIENCE_S:.0f} s: threads wait for cores that others use")
            continue
        first = first or found
        if line.compared:
            compared[line.name] = found
        losses = found["held_out"]
        spread = f" ({min(losses):.3f}-{max(losses):.3f})" if len(losses) > 1 else ""
        print(
            f"{line.name:42} {found['rate']:9,.1f} {found['rate'] / first['rate']:5.2f} {found['wall_s']:7.1f} "
            f"{found['peak_bytes'] / 1e9:8.2f}  {mean(losses):.4f}{spread}",
            flush=True,
        )
    *theirs, (_, ours) = compared.items()
    for other, found in theirs:
        apart = mean(ours["held_out"]) / mean(found["held_out"]) - 1
        noise = 2 * (variance_of_mean(ours["held_out"]) + variance_of_mean(found["held_out"])) ** 0.5
        equal = abs(apart) <= max(EQUAL, noise / mean(found["held_out"]))
        said = "equal" if equal else "NOT equal"
        print(
            f"{name}: trainer trl / {other} = {ours['rate'] / found['rate']:.2f} x; held-out loss "
            f"{100 * apart:+.1f} %, {said} (two standard errors over {len(ours['held_out'])} seeds: "
            f"{100 * noise / mean(found['held_out']):.1f} %)"
        )


def variance_of_mean(values: Sequence[float]) -> float:
    """Of the mean of these; 0 for a single one, which says nothing of it."""
    return variance(values) / len(values) if len(values) > 1 else 0.0


def many(setting: Setting, n: int = 4) -> None:
    """n LoRA runs on one base in one process, beside a process for each."""
    line = Line("", profile={"method": "lora", "lora.rank": 8, "max_steps": 10})
    together, apart = child(line, setting, range(1, n + 1))["whole_s"], 0.0
    for _ in range(n):
        apart += child(line, setting)["whole_s"]
    print(f"{n} LoRA runs of 10 steps on one base: one process {together:.1f} s, a process each {apart:.1f} s")


def child(line: Line, setting: Setting, seeds: Sequence[int] = (1,)) -> dict[str, Any]:
    """Train with each seed, one after the other, in a process of its own; what it measured."""
    python = sys.executable
    if line.trainer == "unsloth":
        python = str(environments.require("unsloth").python)
    job = {
        "line": [line.config, line.grouped, line.profile, line.trainer],
        "setting": setting.as_json(),
        "seeds": list(seeds),
    }
    env = {**os.environ, "TOKENIZERS_PARALLELISM": "false", **(line.threads or ONE_THREAD)}
    started = time.perf_counter()
    patience = PATIENCE_S if line.threads else None
    command = [python, __file__, json.dumps(job)]
    done = subprocess.run(command, capture_output=True, text=True, env=env, timeout=patience)
    if done.returncode:
        raise SystemExit(f"{line.name}: {done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(next(x for x in done.stdout.splitlines() if x.startswith("RESULT"))[6:])
    seconds = found["wall_s"] if line.threads else found["cpu_s"]
    return {**found, "rate": found["supervised"] / seconds, "whole_s": time.perf_counter() - started}


def work(job: dict[str, Any]) -> dict[str, Any]:
    """The child's side."""
    config, grouped, overrides, trainer = job["line"]
    setting = Setting(**job["setting"])
    from train_rows import held_out_loss, ours, trls

    rows = rows_of(setting)
    made, losses = [], []
    with tempfile.TemporaryDirectory() as folder:
        for seed in job["seeds"]:
            where = Path(folder) / str(seed)
            if config is None:
                made.append(ours(rows, overrides, trainer, where, seed=seed))
            else:
                made.append(trls(rows, config, grouped, where, seed=seed))
            losses.append(held_out_loss(rows, where / "model"))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    spent = {name: sum(one[name] for one in made) for name in ("wall_s", "cpu_s")}
    return {**spent, "supervised": rows.supervised * setting.epochs * len(made), "held_out": losses, "peak_bytes": peak}


if __name__ == "__main__":
    print("RESULT" + json.dumps(work(json.loads(sys.argv[1]))))
