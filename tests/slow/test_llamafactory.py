"""The real LLaMA-Factory: its parser takes our YAML, its data pipeline makes our tokens, and what it trains answers."""

import json
import os
import shutil
import signal
import subprocess
from functools import partial
from pathlib import Path
from typing import Any

import by_heart
import pytest
from arith_lab import filled

from cotdistill import environments
from cotdistill.store.corpora import Corpus
from cotdistill.store.store import Store
from cotdistill.tasks import templates
from cotdistill.tasks.datasets import arith
from cotdistill.train import checkpoints, llamafactory, profiles, students, trl_trainer
from cotdistill.train.llamafactory_trainer import made_in
from cotdistill.train.run import Order, TrainProgress, train_runs
from cotdistill.train.wanted import wanted_of

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        environments.find("llamafactory") is None,
        reason="LLaMA-Factory is not installed (just setup llamafactory)",
    ),
]
TINY = students.resolve_student("tiny")
PAIRS = [trl_trainer.Pair(q.text, f"Think.\n\nThe answer is {q.gold}") for q in arith.questions("train", 20)]
ONE_OF_A_GROUP = {"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29631"}

ROWS, EPOCHS = 64, 12  # of the run that is killed: half as many steps an epoch as rows

PARSE = """
import json, sys
from pathlib import Path
import yaml
from llamafactory.hparams import get_train_args
model, data, training, tuning, _ = get_train_args(yaml.safe_load(Path(sys.argv[1]).read_text()))
print("RESULT" + json.dumps({
    "lr": training.learning_rate, "epochs": training.num_train_epochs, "schedule": str(training.lr_scheduler_type),
    "rows": training.per_device_train_batch_size * training.gradient_accumulation_steps, "seed": training.seed,
    "cutoff": data.cutoff_len, "packing": bool(data.packing), "type": tuning.finetuning_type,
    "bits": model.quantization_bit,
    "warmup": training.warmup_steps, "deepspeed": bool(training.deepspeed), "template": data.template,
    "rank": tuning.lora_rank, "targets": tuning.lora_target,
}))
"""
TOKENS = """
import json, sys
from pathlib import Path
import yaml
from llamafactory.hparams import get_train_args
from llamafactory.data import get_dataset, get_template_and_fix_tokenizer
from llamafactory.model import load_tokenizer
model, data, training, _, _ = get_train_args(yaml.safe_load(Path(sys.argv[1]).read_text()))
module = load_tokenizer(model)
template = get_template_and_fix_tokenizer(module["tokenizer"], data)
rows = get_dataset(template, model, data, training, stage="sft", **module)["train_dataset"]
print("RESULT" + json.dumps([{"input_ids": r["input_ids"], "labels": r["labels"]} for r in rows]))
"""


def asked(script: str, config: Path, settings: dict[str, str] | None = None) -> Any:
    """What a script says in LLaMA-Factory's environment about a YAML of ours."""
    python = environments.require("llamafactory").python
    env = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_DATASETS_CACHE": str(config.parent / "cache"), **(settings or {})}
    done = subprocess.run([python, "-c", script, config], capture_output=True, text=True, timeout=600, env=env)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(next(line for line in done.stdout.splitlines() if line.startswith("RESULT"))[6:])


def written(folder: Path, profile: profiles.Profile, **more: Any) -> llamafactory.Written:
    base = students.locate(TINY)
    template = templates.resolve("plain", students.load_tokenizer(base))
    pairs = {"train": PAIRS, "validation": PAIRS[:2]}
    return llamafactory.write(folder, pairs, template, profile, base=base, seed=100, **more)


def test_its_parser_takes_the_papers_profile(tmp_path: Path) -> None:
    found = asked(PARSE, written(tmp_path, profiles.load("paper")).config)
    assert (found["type"], found["lr"], found["epochs"], found["rows"]) == ("full", 5e-5, 3, 64)
    assert (found["cutoff"], found["packing"], found["seed"], found["warmup"]) == (4096, False, 100, 0)
    assert "cosine" in found["schedule"].lower() and found["template"] == "empty" and not found["deepspeed"]


def test_its_parser_takes_lora_and_many_cards_with_deepspeed(tmp_path: Path) -> None:
    one = written(tmp_path / "lora", profiles.load("fast"))
    found = asked(PARSE, one.config)
    assert (found["type"], found["rank"], found["targets"], found["rows"]) == ("lora", 16, ["all"], 64)
    four = written(tmp_path / "four", profiles.load("paper"), cards=["0", "1", "2", "3"])
    assert four.environment == {"CUDA_VISIBLE_DEVICES": "0,1,2,3", "FORCE_TORCHRUN": "1"}
    found = asked(PARSE, four.config, ONE_OF_A_GROUP)  # as torchrun starts each of the four
    assert found["deepspeed"] and 4 * found["rows"] == 64


def test_its_tokens_and_mask_are_ours(tmp_path: Path) -> None:
    tokenizer = students.load_tokenizer(students.locate(TINY))
    ours, _ = trl_trainer.tokenize(PAIRS, tokenizer, templates.resolve("plain", tokenizer), 256)
    config = written(tmp_path, profiles.load("paper", {"max_tokens": 256})).config
    assert sorted(map(str, asked(TOKENS, config))) == sorted(map(str, ours))


@pytest.mark.parametrize("method", ["full", "lora"])
def test_it_learns_eight_rows_by_heart_and_says_them_to_the_letter(tmp_path: Path, method: str) -> None:
    settings = {"epochs": 250 if method == "lora" else 120, "batch_size": 8, "accumulate": 1, "max_tokens": 256}
    settings |= {"lr": 1e-2, "schedule": "cosine", "method": method, "lora.rank": 32, "lora.alpha": 64}
    settings |= {"lora.adapter": "kept"}
    store, run = by_heart.learned(tmp_path, "llamafactory", profiles.load("paper", settings))
    assert run.detail["saved"] == ("adapter" if method == "lora" else "model")
    steps = by_heart.rows(store, "SELECT loss, grad_norm, learning_rate, tokens, memory_bytes FROM run_curve")
    assert len(steps) == settings["epochs"] and all(None not in step for step in steps)
    ((versions,),) = by_heart.rows(store, "SELECT versions FROM run")
    assert json.loads(versions)["llamafactory"]


def test_killed_it_goes_on_from_its_last_whole_checkpoint_to_the_same_bits(tmp_path: Path) -> None:
    """Worker and LLaMA-Factory are killed after some epochs; then the newest checkpoint is spoilt, and one is left as a
    kill leaves it in the middle of writing."""
    store, corpus = filled(tmp_path / "lab.duckdb", ROWS, 0)
    profile = profiles.load(
        "paper", {"epochs": EPOCHS, "batch_size": 2, "accumulate": 1, "max_tokens": 256, "lr": 1e-3}
    )
    made = made_in(store.dir_for("runs") / run_key_of(profile, corpus) / "llamafactory")
    killed: list[int] = []

    def kill(now: TrainProgress) -> None:
        whole = [path for path in made.glob("checkpoint-*") if (path / checkpoints.MARKER).exists()]
        if whole and not killed:
            killed.append(worker_of(store))
            os.kill(killed[0], signal.SIGKILL)

    slow = partial(train_runs, store, student="tiny", corpora=[corpus], seeds=[1], trainer="llamafactory")
    (run,) = slow(profile=profile, progress=kill)
    assert killed and run.status == "interrupted" and "signal 9" in str(run.error)
    found, _ = checkpoints.newest(made)
    assert found is not None and 0 < found.step < ROWS // 2 * EPOCHS
    spoilt, torn = (made / f"checkpoint-{ROWS // 2 * EPOCHS - n}" for n in (2, 1))
    shutil.copytree(found.path, spoilt)
    with (spoilt / "model.safetensors").open("r+b") as file:
        file.seek(1000)
        file.write(b"x")
    torn.mkdir()
    said: list[TrainProgress] = []
    (run,) = slow(profile=profile, progress=said.append)
    assert run.status == "finished", run.error
    ((started, *_), *_) = [(now.detail or {},) for now in said if now.event == "started"]
    assert started["resumed_from_step"] == found.step and len(started["passed_over"]) >= 2
    with store.read() as con:
        steps = con.execute("SELECT DISTINCT step FROM run_curve ORDER BY step").fetchall()
    assert [step for (step,) in steps] == list(range(1, ROWS // 2 * EPOCHS + 1))
    other, corpus = filled(tmp_path / "other.duckdb", ROWS, 0)
    (whole,) = train_runs(other, student="tiny", corpora=[corpus], seeds=[1], trainer="llamafactory", profile=profile)
    assert whole.detail["weights_hash"] == run.detail["weights_hash"]
    assert whole.detail["tokens"] == run.detail["tokens"]


def run_key_of(profile: profiles.Profile, corpus: Corpus) -> str:
    (want,) = wanted_of(Order(TINY, profile, [1], "llamafactory"), [corpus])
    return want.key


def worker_of(store: Store) -> int:
    """The pid of the worker, from its started event: ingested already, or still in the spool."""
    lines = [line for path in store.spool_dir.glob("train-*.jsonl") for line in path.read_text().splitlines()]
    told = [r["row"] for r in map(json.loads, lines) if r["table"] == "run_event" and r["row"]["event"] == "started"]
    details = [row["detail"] for row in told]
    with store.read() as con:
        details += [d for (d,) in con.execute("SELECT detail FROM run_event WHERE event = 'started'").fetchall()]
    return int(json.loads(details[0])["pid"])


def test_what_it_cannot_do_is_said_before_it_starts(tmp_path: Path) -> None:
    store, corpus = filled(tmp_path / "lab.duckdb", 8, 0)
    profile = profiles.load("paper", {"epochs": 1, "batch_size": 4, "schedule": "cosine", "max_tokens": 16})
    (run,) = train_runs(store, student="tiny", corpora=[corpus], seeds=[1], profile=profile, trainer="llamafactory")
    assert run.status == "failed" and "no token to learn from" in str(run.error)
