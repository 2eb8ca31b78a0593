"""Training with LLaMA-Factory, the trainer of arXiv 2502.18001: its command line in a process of its own, read as it
goes.

Its checkpoints are its own, one an epoch. LLaMA-Factory goes on from the newest it finds, whole or not: so each is
given our marker once it is written (checkpoints.py), and what is newer than the last whole one is removed before it
starts.
"""

import ast
import contextlib
import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import TrainError
from ..tasks import modeldir
from ..tasks.templates import StudentTemplate
from . import checkpoints, llamafactory
from .preflight import Preflight, look
from .profiles import Profile
from .steps import Recorder, Step
from .trl_trainer import Pair, Trained, tokenize

NAME = "llamafactory"
POLL_S = 0.5
_LOG = "trainer_log.jsonl"
_PARENT_DEATH = 1  # prctl(2): PR_SET_PDEATHSIG


def train(
    base_dir: Path,
    tokenizer: Any,
    splits: Mapping[str, Sequence[Pair]],
    template: StudentTemplate,
    profile: Profile,
    *,
    seed: int,
    folder: Path,
    output: Path,
    cards: Sequence[str],
    on_step: Callable[[Step], None],
    on_ready: Callable[[Preflight], None],
    resume: checkpoints.Checkpoint | None = None,
) -> Trained:
    """Train in `folder` and leave the weights in `output`, on `cards` (none named: on one). `resume`: the checkpoint to
    go on from. TrainError: nothing to learn from, or LLaMA-Factory failed."""
    rows, n_cut = tokenize(splits["train"], tokenizer, template, profile.max_tokens)
    found = look(rows, n_cut, tokenizer)
    on_ready(found)
    gpu, bf16 = _card(profile)
    written = llamafactory.write(
        folder, splits, template, profile,
        base=base_dir, seed=seed, cards=cards or one_of(os.environ), bf16=bf16, gpu=gpu, python=sys.executable,
    )  # fmt: skip
    _clear_the_way(made_in(folder), resume)
    before_s = resume.seconds if resume else 0.0
    recorder = Recorder(on_step, time.monotonic() - before_s)
    supervised_share = found.supervised_tokens / max(1, found.tokens)
    n_steps = _run(written, made_in(folder), recorder, supervised_share, before_s)
    saved = _save(made_in(folder), base_dir, tokenizer, profile, output)
    base_hash = modeldir.weights_hash(base_dir) if saved == "adapter" else None
    return Trained(
        weights_hash=modeldir.weights_hash(output, base_hash),
        saved=saved,
        steps=n_steps,
        tokens=recorder.tokens,
        seconds=recorder.elapsed_s,
        n_pairs=len(rows),
        n_cut=n_cut,
        final_loss=recorder.last_loss,
        validation_loss=recorder.validation_loss,
    )


def one_of(environment: Mapping[str, str]) -> tuple[str]:
    """The first card that a process of this environment sees: LLaMA-Factory takes all it sees, and a step then has as
    many times the rows."""
    return (environment.get("CUDA_VISIBLE_DEVICES", llamafactory.FIRST_CARD).partition(",")[0].strip(),)


def made_in(folder: Path) -> Path:
    """Where LLaMA-Factory, at work in `folder`, leaves checkpoints and weights."""
    return folder / "output"


def _clear_the_way(made: Path, resume: checkpoints.Checkpoint | None) -> None:
    """Leave nothing in `made` that LLaMA-Factory would go on from but `resume`."""
    if resume is None:
        shutil.rmtree(made, ignore_errors=True)
    for path in made.glob("checkpoint-*"):
        if resume and path != resume.path and int(path.name.rpartition("-")[2]) > resume.step:
            shutil.rmtree(path)
    (made / _LOG).unlink(missing_ok=True)


def _seal_new(made: Path, recorder: Recorder) -> None:
    """Mark the checkpoints that LLaMA-Factory has finished: their trainer_state.json is written last."""
    for path in made.glob("checkpoint-*"):
        with contextlib.suppress(OSError, ValueError):  # half-written, or just removed as one too many
            if not (path / checkpoints.MARKER).exists():
                json.loads((path / "trainer_state.json").read_text(encoding="utf-8"))
                checkpoints.seal(
                    path,
                    tokens=recorder.tokens,
                    seconds=recorder.elapsed_s,
                    supervised_tokens=recorder.supervised_tokens,
                )


def _run(
    written: llamafactory.Written, made: Path, recorder: Recorder, supervised_share: float, before_s: float
) -> int:
    """Run the command to its end, telling every step. Returns how many there were."""
    log = made.parent / "llamafactory.log"
    norms: list[float] = []
    environment = {**os.environ, **written.environment, "TRANSFORMERS_VERBOSITY": "info", "PYTHONUNBUFFERED": "1"}
    with log.open("w", encoding="utf-8") as file:
        process = subprocess.Popen(
            written.command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=environment,
            preexec_fn=_die_with_parent,
        )

        def listen() -> None:
            assert process.stdout is not None
            for line in process.stdout:
                file.write(line)
                file.flush()
                norms.extend(_norms(line))

        listener = threading.Thread(target=listen, daemon=True)
        listener.start()
        try:
            last = _follow(process, made, norms, recorder, supervised_share, before_s)
        finally:
            if process.poll() is None:
                process.terminate()
            process.wait()
            listener.join()
    if process.returncode:
        raise TrainError(
            f"LLaMA-Factory ended with exit code {process.returncode}: {_reason(log)}. "
            f"Next: {' '.join(written.command[1:])}, or read {log}"
        )
    return last


def _follow(
    process: subprocess.Popen[str],
    made: Path,
    norms: list[float],
    recorder: Recorder,
    supervised_share: float,
    before_s: float,
) -> int:
    """Tell the lines of LLaMA-Factory's own log as they come, until the process has ended and all are told.
    `before_s`: seconds of training before this process."""
    log = made / _LOG
    told = last = losses = 0
    memory = 0
    while True:
        ended = process.poll() is not None
        memory = max(memory, _memory(process.pid))
        lines = log.read_text(encoding="utf-8").splitlines(keepends=True) if log.exists() else []
        for line in [line for line in lines if line.endswith("\n")][told:]:
            entry = json.loads(line)
            if "loss" in entry and len(norms) <= losses and not ended:
                break  # its gradient norm is printed a moment later
            told += 1
            last = int(entry["current_steps"])
            named = {"eval_loss": entry.get("eval_loss"), "loss": entry.get("loss"), "learning_rate": entry.get("lr")}
            if "loss" in entry:
                named["grad_norm"] = norms[losses] if losses < len(norms) else None
                losses += 1
            if "total_tokens" in entry:
                named["num_tokens"] = entry["total_tokens"]
                if entry.get("throughput"):  # its own clock: the time until it is read here says nothing
                    recorder.started = time.monotonic() - before_s - entry["total_tokens"] / entry["throughput"]
                recorder.supervised_tokens = round(supervised_share * entry["total_tokens"])
            recorder.memory_bytes = memory or None
            recorder.log(last, int(entry["total_steps"]), {k: v for k, v in named.items() if v is not None})
        if ended:
            return last
        _seal_new(made, recorder)
        time.sleep(POLL_S)


def _norms(line: str) -> Iterator[float]:
    """The gradient norm in a line that the trainer printed: {'loss': '4.5', 'grad_norm': '1.6', ...}."""
    if line.startswith("{") and "'grad_norm'" in line:
        with contextlib.suppress(ValueError, SyntaxError, KeyError):
            yield float(ast.literal_eval(line.strip())["grad_norm"])


def _save(made: Path, base_dir: Path, tokenizer: Any, profile: Profile, output: Path) -> str:
    """Bring the weights to `output`: a whole model, or the adapter alone, or the adapter put into its base."""
    output.mkdir(parents=True, exist_ok=True)
    saved = "model"
    if profile.method == "lora":
        saved = "adapter" if profile.lora.adapter == "kept" else "merged"
    if saved == "merged":
        from peft import PeftModel
        from transformers import AutoModelForCausalLM

        model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base_dir, dtype="auto"), made)
        model.merge_and_unload().save_pretrained(output, safe_serialization=True)
    else:
        wanted = ("adapter*",) if saved == "adapter" else ("*.safetensors*", "config.json", "generation_config.json")
        for file in {file for pattern in wanted for file in made.glob(pattern)}:
            shutil.copyfile(file, output / file.name)
    tokenizer.save_pretrained(output)
    return saved


def _card(profile: Profile) -> tuple[bool, bool]:
    """(there is a card, it trains in bfloat16)."""
    import torch

    gpu = torch.cuda.is_available()
    return gpu, gpu and profile.dtype != "float32" and torch.cuda.is_bf16_supported()


def _memory(pid: int) -> int:
    """Peak memory of a process in bytes; 0 where it cannot be read."""
    with contextlib.suppress(OSError, ValueError, StopIteration):
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
        return 1024 * int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])
    return 0


def _reason(log: Path) -> str:
    """The last line of a log that says an error, else its last line."""
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    said = [line for line in lines if "Error" in line and not line.startswith("File ")]
    return (said or lines or ["it said nothing"])[-1][:300]


def _die_with_parent() -> None:
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PARENT_DEATH, signal.SIGTERM)
