"""An evaluation is killed in the middle and goes on; two cards share what is missing."""

import os
import signal
from pathlib import Path

import pytest
from arith_lab import question_row

from cotdistill.evaluate.decoding import Decoder
from cotdistill.evaluate.models import Model, base_model
from cotdistill.evaluate.plan import Asking
from cotdistill.evaluate.run import EvaluationProgress, evaluate_plan
from cotdistill.store.store import Store
from cotdistill.tasks.datasets import arith
from cotdistill.train import students

N = 600


@pytest.fixture
def store(store_path: Path) -> Store:
    store = Store.open(store_path)
    with store.write() as con:
        store.insert(con, "question", [question_row(q) for q in arith.questions("test", N)])
    return store


@pytest.fixture
def tiny() -> Model:
    return base_model("tiny", Path(students.locate(students.resolve_student("tiny"))), "plain")


def count(store: Store) -> tuple[int, int]:
    with store.read() as con:
        row = con.execute("SELECT count(*), count(DISTINCT question_key) FROM prediction").fetchone()
    return row or (0, 0)


def test_a_killed_evaluation_goes_on_and_generates_nothing_twice(store: Store, tiny: Model) -> None:
    killed: list[int] = []

    def kill(now: EvaluationProgress) -> None:
        if now.done and not killed:
            (segment,) = store.spool_dir.glob("evaluate-*.jsonl")
            killed.append(int(segment.stem.split("-")[-2]))  # a segment's name ends with its writer's pid
            os.kill(killed[0], signal.SIGKILL)

    asking = Asking(Decoder("greedy", 48))
    (lost,) = evaluate_plan(store, {"arith": [tiny]}, asking, engine="transformers", processes=1, progress=kill)
    assert lost.status == "lost" and "signal 9" in str(lost.error)
    assert 0 < lost.n_new < N
    (done,) = evaluate_plan(store, {"arith": [tiny]}, asking, engine="transformers", processes=1)
    assert (done.status, done.n, done.n_new) == ("done", N, N - lost.n_new)
    assert count(store) == (N, N)


def test_two_cards_share_one_models_questions(store: Store, tiny: Model) -> None:
    """No card is needed to see who is asked what: each process has its own CUDA_VISIBLE_DEVICES."""
    asking = Asking(Decoder("greedy", 4))
    (done,) = evaluate_plan(store, {"arith": [tiny]}, asking, engine="transformers", gpus=[0, 1])
    assert (done.status, done.n) == ("done", N)
    assert count(store) == (N, N)
    with store.read() as con:
        shares = con.execute("SELECT n_asked FROM evaluation_session").fetchall()
    assert shares == [(N // 2,)] * 2
