"""A training killed with -9 goes on from its last checkpoint, to the same weights as one that was never stopped."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cotdistill.tasks import modeldir, templates
from cotdistill.tasks.datasets import arith
from cotdistill.train import checkpoints, profiles, students

pytest.importorskip("torch", reason="the students need the extra `cpu`")
pytest.importorskip("trl", reason="the students need the extra `cpu`")

SETTINGS = {
    "full, Muon": {"max_steps": 12, "batch_size": 4, "epochs": 4.0},
    "LoRA with dropout, AdamW": {
        "method": "lora", "optimizer": "adamw", "lr": 1e-3, "max_steps": 12, "batch_size": 4, "epochs": 4.0,
        "lora.dropout": 0.1, "lora.adapter": "kept", "accumulate": 2,
    },
}  # fmt: skip

# A training in a process of its own; it says "step N" and is killed from outside at the step it was told.
CHILD = """
import sys
from pathlib import Path
sys.path.insert(0, "{tests}")
from integration.test_train_resume import train_here
train_here(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
"""


def train_here(folder: Path, setting: str, die_at: int) -> str:
    """Train 16 rows, resuming what is there; die without a word after step `die_at` (0: never). The weights' hash."""
    from cotdistill.train import trl_trainer

    profile = profiles.load("tiny", {**SETTINGS[setting], "checkpoint_every_s": 1e-6})
    base = trl_trainer.load_base(students.locate(students.resolve_student("tiny")), "float32")
    pairs = [trl_trainer.Pair(q.text, "It is so. " * (i % 5) + f"The answer is {q.gold}.") for i, q in enumerate(ROWS)]

    def on_step(step: trl_trainer.Step) -> None:
        if step.step == die_at:
            os.kill(os.getpid(), signal.SIGKILL)

    resume, _ = checkpoints.newest(folder / "checkpoints")
    template = templates.resolve("plain", base.tokenizer)
    shutil.rmtree(folder / "model", ignore_errors=True)
    trained = trl_trainer.train(
        base, pairs, template, profile, seed=7, output=folder / "model", on_step=on_step,
        checkpoint_dir=folder / "checkpoints", resume=resume,
    )  # fmt: skip
    (folder / "trained.json").write_text(json.dumps({"steps": trained.steps, "tokens": trained.tokens}))
    return trained.weights_hash


ROWS = arith.questions("train", 16)


@pytest.mark.parametrize("setting", list(SETTINGS))
def test_killed_in_the_middle_it_ends_with_the_same_bits(tmp_path: Path, setting: str) -> None:
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    train_here(whole, setting, 0)
    code = CHILD.format(tests=Path(__file__).parent.parent)
    done = subprocess.run([sys.executable, "-c", code, str(stopped), setting, "7"], capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    found, _ = checkpoints.newest(stopped / "checkpoints")
    assert found is not None
    assert found.step == 6  # the last step that was whole
    train_here(stopped, setting, 0)
    name = "adapter_model.safetensors" if "LoRA" in setting else "model.safetensors"
    assert (stopped / "model" / name).read_bytes() == (whole / "model" / name).read_bytes()
    assert modeldir.weights_hash(stopped / "model") == modeldir.weights_hash(whole / "model")
    assert json.loads((stopped / "trained.json").read_text()) == json.loads((whole / "trained.json").read_text())


def test_what_a_kill_or_a_full_disk_left_half_written_is_passed_over(tmp_path: Path) -> None:
    for step in (3, 8):
        made = tmp_path / f"checkpoint-{step}"
        made.mkdir()
        (made / "model.safetensors").write_bytes(b"w" * 100)
        checkpoints.seal(made, tokens=10 * step, seconds=1.5)
    (tmp_path / "checkpoint-9").mkdir()
    (tmp_path / "checkpoint-9" / "model.safetensors").write_bytes(b"w" * 100)
    found, passed_over = checkpoints.newest(tmp_path)
    assert found == checkpoints.Checkpoint(tmp_path / "checkpoint-8", 8, 80, 1.5)
    assert passed_over == ["checkpoint-9 was not finished"]
    os.truncate(tmp_path / "checkpoint-8" / "model.safetensors", 40)
    found, passed_over = checkpoints.newest(tmp_path)
    assert found is not None and found.step == 3
    assert passed_over[1] == "checkpoint-8: model.safetensors has 40 of 100 bytes"
    with (tmp_path / "checkpoint-3" / "model.safetensors").open("r+b") as file:
        file.write(b"x")  # one byte, the size unchanged
    found, passed_over = checkpoints.newest(tmp_path)
    assert found is None and passed_over[2] == "checkpoint-3: model.safetensors is not what was written"
    checkpoints.clear(tmp_path)
    assert checkpoints.newest(tmp_path) == (None, [])
