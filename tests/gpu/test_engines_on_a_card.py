"""On a card: Unsloth's LoRA and QLoRA, vLLM with their adapters, tensor parallelism, a process on each card, DeepSpeed.

`just setup cuda && just test-gpu`. COTDISTILL_GPU_STUDENT names the student (a directory, a hub id or a known name;
default: tiny, which is too narrow for 4 bits, so that QLoRA then skips).
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from arith_lab import AGREEMENT, filled

from cotdistill import environments
from cotdistill.evaluate.decoding import Decoder
from cotdistill.evaluate.models import trained_models
from cotdistill.evaluate.run import evaluate_models, resolve_engine
from cotdistill.train import profiles
from cotdistill.train.run import train_runs

CARDS = (
    subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True).stdout.strip().splitlines()
    if shutil.which("nvidia-smi")
    else []
)
STUDENT = os.environ.get("COTDISTILL_GPU_STUDENT", "tiny")
N_TRAIN, N_TEST, STEPS = 200, 64, 40

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not CARDS, reason="nvidia-smi lists no card"),
    pytest.mark.skipif(
        environments.find("vllm") is None or environments.find("unsloth") is None,
        reason="the engines are not installed (just setup cuda)",
    ),
]


@pytest.mark.parametrize("bits", [16, 4])
def test_unsloth_to_vllm(tmp_path: Path, bits: int) -> None:
    """The loss falls, the adapter is kept, vLLM serves base and adapter, transformers says nearly the same."""
    if bits == 4 and STUDENT == "tiny":
        pytest.skip("tiny is too narrow for 4 bits; set COTDISTILL_GPU_STUDENT")
    store, corpus = filled(tmp_path / "lab.duckdb", N_TRAIN, N_TEST)
    settings = {"max_steps": STEPS, "epochs": 50, "batch_size": 8, "accumulate": 1, "lr": 1e-3, "max_tokens": 512}
    profile = profiles.load("fast", {**settings, "lora.base_bits": bits, "gradient_checkpointing": True})
    (run,) = train_runs(store, student=STUDENT, corpora=[corpus], seeds=[1], profile=profile, trainer="unsloth")
    assert run.status == "finished", run.error
    assert run.detail["saved"] == "adapter"
    with store.read() as con:
        losses = [loss for (loss,) in con.execute("SELECT loss FROM run_step ORDER BY step").fetchall()]
    print(f"{STUDENT}, base in {bits} bits: loss {losses[0]:.3f} -> {losses[-1]:.3f}, {run.detail['seconds']:.0f} s")
    assert losses[-1] < losses[0]
    models = trained_models(store, [run.run_key])
    for engine in ("vllm", "transformers"):
        done = evaluate_models(
            store, dataset="arith", models=models, decoder=Decoder(max_new_tokens=64), engine=engine, processes=1
        )
        assert [e.status for e in done] == ["done"] * 2, [e.error for e in done]
    with store.read() as con:
        pairs = con.execute(AGREEMENT).fetchall()
    for run_key in (None, run.run_key):
        mine = [pair for pair in pairs if pair[0] == run_key]
        print(f"{run_key or 'untouched'}: {sum(pair[1] for pair in mine)} of {len(mine)} answers equal")
        assert len(mine) == N_TEST and all(pair[2] for pair in mine)


def test_auto_is_vllm_on_a_card() -> None:
    name, environment = resolve_engine("auto")
    assert name == "vllm" and environment is not None


def test_two_cards_share_one_model(tmp_path: Path) -> None:
    if len(CARDS) < 2:
        pytest.skip("tensor parallelism needs two cards")
    store, _ = filled(tmp_path / "lab.duckdb", 8, N_TEST)
    from cotdistill.evaluate.models import base_model
    from cotdistill.train.students import locate, resolve_student

    found = resolve_student(STUDENT)
    models = [base_model(found.name, locate(found), found.template)]
    (done,) = evaluate_models(
        store,
        dataset="arith",
        models=models,
        decoder=Decoder(max_new_tokens=16),
        engine="vllm",
        tensor_parallel=2,
        processes=1,
    )
    assert (done.status, done.n) == ("done", N_TEST), done.error


def test_one_process_a_card_over_the_missing_runs(tmp_path: Path) -> None:
    """As many seeds as twice the cards, `tiny`: every card trains, and no process sees another's."""
    store, corpus = filled(tmp_path / "lab.duckdb", N_TRAIN, 0)
    cards = [str(i) for i in range(len(CARDS))]
    seeds = list(range(1, 2 * len(cards) + 1))
    profile = profiles.load("tiny", {"max_steps": STEPS})
    runs = train_runs(store, student="tiny", corpora=[corpus], seeds=seeds, profile=profile, cards=cards)
    assert [run.status for run in runs] == ["finished"] * len(seeds), [run.error for run in runs]
    with store.read() as con:
        seen = con.execute("SELECT DISTINCT detail ->> '$.card' FROM run_event WHERE event = 'started'").fetchall()
        memory = con.execute("SELECT min(memory_bytes), max(tokens_per_s) FROM run_curve").fetchone()
    print(f"cards {sorted(card for (card,) in seen)}; least memory and best tokens/s of a step: {memory}")
    assert {card for (card,) in seen} == set(cards)


@pytest.mark.skipif(environments.find("llamafactory") is None, reason="LLaMA-Factory is not installed")
def test_llamafactory_on_all_cards_with_deepspeed(tmp_path: Path) -> None:
    store, corpus = filled(tmp_path / "lab.duckdb", N_TRAIN, 0)
    cards = [str(i) for i in range(len(CARDS))]
    settings = {"epochs": 2, "batch_size": 2, "accumulate": 4 * len(cards), "max_tokens": 512, "lr": 1e-3}
    profile = profiles.load("paper", settings)
    (run,) = train_runs(
        store, student=STUDENT, corpora=[corpus], seeds=[1], profile=profile, trainer="llamafactory", cards=cards
    )
    assert run.status == "finished", run.error
    print(f"LLaMA-Factory on {len(cards)} cards: {run.detail['steps']} steps in {run.detail['seconds']:.0f} s")
