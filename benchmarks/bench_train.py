"""Supervised tokens a second: our trainers beside TRL's SFTTrainer at its defaults, on the same rows; what each step
buys.

A process a line and seed, one after the other: same tokens and mask, same batches' size, learning rate and epochs. The
lines that are compared take turns, seed by seed, so that a neighbour slows them alike, and each ratio is one turn's.
`held out` is the loss, by one plain formula, of rows that nobody trained on: a faster line counts only at equal loss.
Rates are by processor seconds (a neighbour's work is not in them) unless a line uses several threads.

With COTDISTILL_GEMMA (a directory with Gemma 3 270M) that student too; COTDISTILL_BENCH_STUDENTS=tiny,gemma chooses.
COTDISTILL_BENCH_KEEP=FILE keeps what was measured, so that a bench that was stopped goes on.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import mean, median
from typing import Any

from train_rows import Setting, difference, rows_of

from cotdistill import environments

GEMMA = os.environ.get("COTDISTILL_GEMMA", "")
KEEP = os.environ.get("COTDISTILL_BENCH_KEEP", "")
ONE_THREAD = {"OMP_NUM_THREADS": "1"}
PATIENCE_S = 180.0  # with a line of several threads
EQUAL = 0.03  # held-out losses are equal where the 95 % interval of their relative difference lies within this


@dataclass(frozen=True, slots=True)
class Line:
    """One way to train. `config`: SFTConfig's arguments over TRL's defaults; None: our trainer, `profile` over ours;
    `compared`: with every seed, because the loss of one says little; `method`: only students trained so."""

    name: str
    config: dict[str, Any] | None = None
    grouped: bool = False
    profile: dict[str, Any] | None = None
    threads: dict[str, str] | None = None
    trainer: str = "trl"
    compared: bool = False
    method: str | None = None


WIDE: dict[str, Any] = {"bf16": False}
KEPT: dict[str, Any] = {**WIDE, "gradient_checkpointing": False}
FLOAT32 = {"dtype": "float32"}
AS_THEY_COME = {"group_by_length": False}
DEFAULTS = Line("TRL's defaults", {}, compared=True)
LINES = [
    DEFAULTS,
    Line("TRL, float32", WIDE, compared=True),
    Line("+ activations kept", KEPT),
    Line("+ batches of like lengths", KEPT, grouped=True),
    Line("+ no head without a label = trainer trl", profile={}, compared=True, method="full"),
    Line("+ no head without a label = trainer trl", profile=FLOAT32, compared=True, method="lora"),
    Line("trainer trl, base in bfloat16", profile={"dtype": "bfloat16"}, compared=True, method="lora"),
    Line("trainer trl, rows as they come", profile=AS_THEY_COME, compared=True, method="full"),
    Line("trainer trl, rows as they come", profile={**AS_THEY_COME, **FLOAT32}, compared=True, method="lora"),
    Line("trainer trl, activations made again", profile={"gradient_checkpointing": True}, method="full"),
    Line("trainer trl, embeddings frozen", profile={"freeze_embeddings": True}, method="full"),
    Line("trainer unsloth", profile=FLOAT32, trainer="unsloth"),
    Line("TRL's defaults, a thread a core", {}, threads={"OMP_NUM_THREADS": str(os.cpu_count() or 1)}),
]
TINY = Setting("tiny", n_rows=640, n_held_out=64, batch=16, epochs=2, lr=1e-3, max_tokens=256, method="full", seeds=10)
SETTINGS = {
    "tiny": TINY,
    "gemma": Setting(
        GEMMA, n_rows=24, n_held_out=12, batch=4, epochs=1, lr=3e-4, max_tokens=256, method="lora", seeds=6
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
        many()
        memory()


def compare(name: str, setting: Setting) -> None:
    """The table of one student."""
    found: dict[str, list[dict[str, Any]]] = {}
    lines = [line for line in LINES if line.method in (None, setting.method)]
    turns = [(seed, line) for seed in range(1, 1 + setting.seeds) for line in lines if line.compared]
    for seed, line in turns + [(1, line) for line in lines if not line.compared]:
        measured = measure(line, setting, seed)
        if isinstance(measured, str):
            print(f"{line.name:42} {measured}")
        else:
            found.setdefault(line.name, []).append(measured)
    steps = setting.n_rows * setting.epochs // setting.batch
    print(f"{name}, {setting.method}, {setting.n_rows} rows, {steps} steps of {setting.batch}; medians over seeds")
    print(f"{'':42} {'tokens/s':>9} {'x':>5} {'of':>11} {'wall s':>7} {'peak GB':>8}  held out")
    first = found[DEFAULTS.name]
    for line in lines:
        if rows := found.get(line.name):
            ratios = [row["rate"] / its["rate"] for row, its in zip(rows, first, strict=False)]
            print(
                f"{line.name:42} {median(row['rate'] for row in rows):9,.1f} {median(ratios):5.2f} "
                f"{min(ratios):5.2f}-{max(ratios):5.2f} {median(row['wall_s'] for row in rows):7.1f} "
                f"{max(row['peak_bytes'] for row in rows) / 1e9:8.2f}  {_spread([row['held_out'] for row in rows])}"
            )
    for mine in [line for line in lines if line.compared and line.config is None]:
        for its in [line for line in lines if line.compared and line.config is not None]:
            same_order = (mine.profile or {}).get("group_by_length", True) == its.grouped
            _verdict(name, mine.name, found[mine.name], its.name, found[its.name], same_order)


def _verdict(
    name: str, ours: str, mine: list[dict[str, Any]], theirs: str, its: list[dict[str, Any]], same_order: bool
) -> None:
    """How much faster, turn by turn, and whether at the same loss."""
    ratios = [one["rate"] / other["rate"] for one, other in zip(mine, its, strict=True)]
    low, middle, high = difference(
        [row["held_out"] for row in mine], [row["held_out"] for row in its], paired=same_order
    )
    said = "NOT equal" if low > 0 else "not shown equal"
    if high < EQUAL:
        said = "equal" if low > -EQUAL else "not higher"
    print(
        f"{name}: {ours.rpartition('= ')[2]} / {theirs} = {median(ratios):.2f} x ({min(ratios):.2f}-{max(ratios):.2f});"
        f" held-out loss {100 * middle:+.1f} % (95 %: {100 * low:+.1f} to {100 * high:+.1f}), {said}; "
        f"{len(mine)} seeds{', rows in the same order' * same_order}"
    )


def _spread(losses: Sequence[float]) -> str:
    return f"{mean(losses):.4f}" + (f" ({min(losses):.3f}-{max(losses):.3f})" if len(losses) > 1 else "")


def many(n: int = 4) -> None:
    """n LoRA runs on one base in one process, beside a process for each."""
    line = Line("", profile={"method": "lora", "lora.rank": 8, "max_steps": 10})
    together = child(line, TINY, range(1, n + 1))
    apart = [child(line, TINY, [seed]) for seed in range(1, n + 1)]
    for unit, what in (("whole_s", "s"), ("whole_cpu_s", "processor s")):
        one, each = together[unit], sum(row[unit] for row in apart)
        print(
            f"{n} LoRA runs of 10 steps on one base: one process {one:.1f} {what}, a process each {each:.1f} {what}: "
            f"{each / one:.2f} x"
        )


def memory() -> None:
    """Peak memory of each student that is here, beside what `train --dry-run` estimates for the same rows."""
    from cotdistill.train import estimate, students

    print(f"{'peak memory of a run':42} {'measured GB':>11} {'estimate GB':>11}")
    for student, method in [
        *((name, "full") for name in ("tiny-s", "tiny", "tiny-l") if name in students.known_students()),
        *([(GEMMA, "lora"), (GEMMA, "full")] if GEMMA else []),
    ]:
        base = SETTINGS["gemma" if student == GEMMA else "tiny"]
        setting = replace(base, student=student, method=method, n_rows=4 * base.batch, n_held_out=1)
        line = Line("", profile={"max_steps": 2})
        found = child(line, setting, [1])
        profile = setting.profile({"max_steps": 2})
        folder = students.locate(students.resolve_student(student))
        expected = estimate.memory_bytes(estimate.shape_of(folder), profile, found["longest"])
        name = "gemma-3-270m" if student == GEMMA else student
        print(
            f"{f'{name}, {method}, batches of {setting.batch}':42} {found['train_peak_bytes'] / 1e9:11.2f} "
            f"{expected / 1e9:11.2f}"
        )


def measure(line: Line, setting: Setting, seed: int) -> dict[str, Any] | str:
    """One line with one seed, or why it was not measured."""
    if line.trainer == "unsloth" and environments.find("unsloth") is None:
        return "not installed (just setup cpu)"
    load = os.getloadavg()[0]
    if line.threads and load > (os.cpu_count() or 1) + 1:
        return f"not measured: load {load:.0f}, and its threads would wait for cores"
    try:
        return child(line, setting, [seed])
    except subprocess.TimeoutExpired:
        return f"not done after {PATIENCE_S:.0f} s: threads wait for cores that others use"


def child(line: Line, setting: Setting, seeds: Sequence[int]) -> dict[str, Any]:
    """Train with each seed, one after the other, in a process of its own; what it measured."""
    job = {
        "line": [line.config, line.grouped, line.profile, line.trainer],
        "setting": asdict(setting),
        "seeds": list(seeds),
    }
    named = json.dumps([job, line.threads])
    if KEEP and Path(KEEP).exists():
        for kept in map(json.loads, Path(KEEP).read_text(encoding="utf-8").splitlines()):
            if kept["job"] == named:
                return dict(kept["found"])
    python = sys.executable
    if line.trainer == "unsloth":
        python = str(environments.require("unsloth").python)
    env = {**os.environ, "TOKENIZERS_PARALLELISM": "false", **(line.threads or ONE_THREAD)}
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    patience = PATIENCE_S if line.threads else None
    command = [python, __file__, json.dumps(job)]
    done = subprocess.run(command, capture_output=True, text=True, env=env, timeout=patience)
    if done.returncode:
        raise SystemExit(f"{line.name}: {done.stderr[-2000:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    found: dict[str, Any] = json.loads(next(x for x in done.stdout.splitlines() if x.startswith("RESULT"))[6:])
    seconds = found["wall_s"] if line.threads else found["cpu_s"]
    found |= {
        "rate": found["supervised"] / seconds,
        "whole_s": time.perf_counter() - started,
        "whole_cpu_s": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
    }
    if KEEP:
        with Path(KEEP).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"job": named, "found": found}) + "\n")
    print(f"  {line.name or line.profile} {setting.student} seeds {list(seeds)}: {found['rate']:,.1f}", file=sys.stderr)
    return found


def work(job: dict[str, Any]) -> dict[str, Any]:
    """The child's side."""
    config, grouped, overrides, trainer = job["line"]
    setting = Setting(**job["setting"])
    from train_rows import held_out_loss, ours, trls

    rows = rows_of(setting)
    made, losses = [], []
    peak = 0
    with tempfile.TemporaryDirectory() as folder:
        for seed in job["seeds"]:
            where = Path(folder) / str(seed)
            if config is None:
                made.append(ours(rows, overrides, trainer, where, seed=seed))
            else:
                made.append(trls(rows, config, grouped, where, seed=seed))
            peak = peak or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024  # before the weights are read anew
            losses.append(held_out_loss(rows, where / "model"))
    spent = {name: sum(one[name] for one in made) for name in ("wall_s", "cpu_s")}
    return {
        **spent,
        "supervised": sum(one["supervised"] for one in made),
        "held_out": mean(losses),
        "peak_bytes": peak,
        "train_peak_bytes": max(one["peak_bytes"] for one in made),
        "longest": max(len(row["input_ids"]) for row in rows.tokens),
    }


if __name__ == "__main__":
    print("RESULT" + json.dumps(work(json.loads(sys.argv[1]))))
