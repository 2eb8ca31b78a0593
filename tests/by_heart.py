"""Eight rows learned by heart by a trainer, through the store, and said to the letter by the evaluation."""

from pathlib import Path
from typing import Any

from arith_lab import filled

from cotdistill.evaluate.decoding import Decoder
from cotdistill.evaluate.models import trained_models
from cotdistill.evaluate.run import evaluate_models
from cotdistill.store.store import Store
from cotdistill.train import profiles
from cotdistill.train.run import RunResult, train_runs

N_ROWS, NEAR_ZERO = 8, 0.05


def learned(folder: Path, trainer: str, profile: profiles.Profile) -> tuple[Store, RunResult]:
    """The store and the run of `tiny` on eight rationales. Asserted: the loss ends near zero, and each question of the
    training is answered greedily with its own rationale and then the end mark; the untouched base answers none so."""
    store, corpus = filled(folder / "lab.duckdb", N_ROWS, 0)
    (run,) = train_runs(store, student="tiny", corpora=[corpus], seeds=[1], profile=profile, trainer=trainer)
    assert run.status == "finished", run.error
    losses = [loss for (loss,) in rows(store, "SELECT loss FROM run_curve ORDER BY step")]
    print(f"{trainer}, {profile.method}: loss {losses[0]:.3f} -> {losses[-1]:.4f}, {run.detail['seconds']:.0f} s")
    assert losses[0] > 1 and losses[-1] < NEAR_ZERO
    models = trained_models(store, [run.run_key])
    done = evaluate_models(
        store, dataset="arith", split="train", models=models, decoder=Decoder(max_new_tokens=96), engine="transformers"
    )
    assert [one.status for one in done] == ["done"] * 2, [one.error for one in done]
    said = {key: sorted(rows(store, SAID, [key])) for key in (None, run.run_key)}
    wanted = sorted((row.completion, "stop") for row in corpus.rows)
    assert said[run.run_key] == wanted
    assert not set(said[None]) & set(wanted)
    return store, run


SAID = """
    SELECT text, finish_reason FROM prediction JOIN evaluation USING (evaluation_key)
    WHERE run_key IS NOT DISTINCT FROM ?
"""


def rows(store: Store, sql: str, values: list[Any] | None = None) -> list[tuple[Any, ...]]:
    with store.read() as con:
        return con.execute(sql, values or []).fetchall()
