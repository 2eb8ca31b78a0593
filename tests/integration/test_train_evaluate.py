"""Students really train and really answer: a few steps of `tiny`, a kill, a resume, a failing run."""

import json
import os
import random
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from cotdistill.errors import ConfigError, TrainError
from cotdistill.evaluate.decoding import Decoder
from cotdistill.evaluate.models import base_model, trained_models
from cotdistill.evaluate.run import evaluate_models
from cotdistill.gen.builtin.solver import solve
from cotdistill.gen.builtin.writer import write
from cotdistill.store.cells import Cell
from cotdistill.store.corpora import Corpus, implicit_corpus
from cotdistill.store.spool import utc_now
from cotdistill.store.store import Store
from cotdistill.tasks import keys, modeldir
from cotdistill.tasks.datasets import arith
from cotdistill.tasks.values import Question, Recipe
from cotdistill.train import profiles, students
from cotdistill.train.run import TrainProgress, train_runs

pytest.importorskip("torch", reason="the students need the extra `cpu`")
pytest.importorskip("trl", reason="the students need the extra `cpu`")

FEW = 24


def question_row(question: Question) -> dict[str, object]:
    return {
        "question_key": question.key,
        "text_key": question.text_key,
        "dataset": question.dataset,
        "split": question.split,
        "text": question.text,
        "choices": [],
        "answer_kind": question.kind,
        "gold": question.gold,
        "gold_key": keys.gold_key(question.gold),
        "source": question.source,
    }


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store with a few training and test questions and one cell that the built-in teacher filled."""
    store = Store.open(tmp_path / "lab.duckdb")
    train = arith.questions("train", FEW)
    cell = Cell("arith", "builtin-strict", Recipe(3, "original", "no", "1"))
    replies = []
    for question in train:
        text = write(solve(question.text), 3, "original", "strict", random.Random(0))
        replies.append(
            {
                "reply_key": keys.digest("test", question.key),
                "question_key": question.key,
                "teacher": cell.teacher,
                "status": "ok",
                "text": text,
                "sample_index": 0,
                "redo": 0,
                "received_at": utc_now(),
            }
        )
    members = [
        {k: r[k] for k in ("question_key", "sample_index", "reply_key")} | {"cell_key": cell.key} for r in replies
    ]
    with store.write() as con:
        store.insert(con, "question", [question_row(q) for q in train + arith.questions("test", 12)])
        store.insert(con, "cell", [cell.row()])
        store.insert(con, "cell_member", members)
        store.insert(con, "reply", replies)
    store.settle()
    return store


@pytest.fixture
def corpus(store: Store) -> Corpus:
    return implicit_corpus(store, Cell("arith", "builtin-strict", Recipe(3, "original", "no", "1")))


def one(store: Store, sql: str) -> tuple[object, ...]:
    with store.read() as con:
        return con.execute(sql).fetchone() or ()


def test_train_and_evaluate_and_do_neither_twice(store: Store, corpus: Corpus) -> None:
    profile = profiles.load("tiny", {"max_steps": 3})
    seen: list[TrainProgress] = []
    runs = train_runs(store, student="tiny", corpora=[corpus], seeds=[1, 2], profile=profile, progress=seen.append)
    assert [r.status for r in runs] == ["finished", "finished"]
    assert {e.event for e in seen} == {"started", "preflight", "step", "finished"}
    looked = next(e.detail for e in seen if e.event == "preflight")
    assert looked is not None
    assert (looked["n_rows"], looked["n_cut"], looked["warning"]) == (FEW, 0, None)
    prompt, answer = looked["samples"][0]
    assert (prompt[0], answer[0]) == (False, True)  # the question is read, the rationale is learned
    assert "The answer is" in answer[1]
    assert "The answer is" not in prompt[1]
    weights = {r.detail["weights_hash"] for r in runs}
    base = students.base_hash(students.locate(students.resolve_student("tiny")))
    card = (runs[0].output_dir / "model" / "README.md").read_text(encoding="utf-8")
    assert f"| weights hash | {runs[0].detail['weights_hash']} |" in card
    assert corpus.corpus_hash in card and "Apache-2.0" in card
    assert (
        modeldir.weights_hash(runs[0].output_dir / "model") == runs[0].detail["weights_hash"]
    )  # the card is no weight
    assert len(weights | {base}) == 3  # seeds differ, and both have learned something
    steps = one(store, "SELECT count(*), bool_and(loss > 0 AND grad_norm > 0 AND tokens > 0) FROM run_step")
    assert steps == (6, True)
    assert one(store, "SELECT count(*) FROM run_status WHERE status = 'finished'") == (2,)
    again = train_runs(store, student="tiny", corpora=[corpus], seeds=[1, 2], profile=profile)
    assert [(r.run_key, r.status) for r in again] == [(r.run_key, "skipped") for r in runs]

    decoder = Decoder(max_new_tokens=24)
    done = evaluate_models(store, dataset="arith", limit=8, decoder=decoder, processes=1)
    assert [(e.status, e.n, e.n_new) for e in done] == [("done", 8, 8)] * 3
    assert done[0].model.run_key is None
    assert {e.model.run_key for e in done[1:]} == {r.run_key for r in runs}
    assert one(store, "SELECT count(*), count(DISTINCT prediction_key) FROM prediction") == (24, 24)
    more = evaluate_models(store, dataset="arith", limit=12, decoder=decoder, processes=1)
    assert [(e.status, e.n, e.n_new) for e in more] == [("done", 12, 4)] * 3
    assert [e.status for e in evaluate_models(store, dataset="arith", limit=12, decoder=decoder, processes=1)] == [
        "skipped"
    ] * 3
    assert one(store, "SELECT count(*), min(n), max(n) FROM score") == (3, 12, 12)
    assert one(store, "SELECT count(*) FROM prediction WHERE finish_reason NOT IN ('stop', 'length')") == (0,)


def test_a_killed_training_reads_interrupted_and_starts_again(store: Store, corpus: Corpus) -> None:
    profile = profiles.load("tiny", {"max_steps": 4})
    killed: list[int] = []

    def kill_first(progress: TrainProgress) -> None:
        if progress.event == "step" and not killed:
            killed.append(_worker_pid(store))
            os.kill(killed[0], signal.SIGKILL)

    slow = profiles.load("tiny", {"max_steps": 2_000, "epochs": 2_000})
    (run,) = train_runs(store, student="tiny", corpora=[corpus], seeds=[1], profile=slow, progress=kill_first)
    assert (run.status, "signal 9" in str(run.error)) == ("interrupted", True)
    # A minute after its last sign of life the view says so too; here the clock is turned back, not waited for.
    with store.write() as con:
        con.execute("UPDATE run_event SET happened_at = happened_at - INTERVAL 2 MINUTE")
    assert one(store, "SELECT status FROM run_status") == ("interrupted",)
    assert not (run.output_dir / "model").exists()
    with pytest.raises(ConfigError, match="no finished run"):
        evaluate_models(store, dataset="arith", decoder=Decoder(max_new_tokens=8))
    # The same run again, to its end this time: no lock of the dead is in the way.
    shorter = train_runs(store, student="tiny", corpora=[corpus], seeds=[1], profile=profile)
    assert [r.status for r in shorter] == ["finished"]


def _worker_pid(store: Store) -> int:
    """The pid that the started event names; it is still in the spool."""
    for path in store.spool_dir.glob("train-*.jsonl"):
        for line in path.read_text().splitlines():
            record = json.loads(line)
            if record["table"] == "run_event" and record["row"]["event"] == "started":
                return int(json.loads(record["row"]["detail"])["pid"])
    raise AssertionError("no started event in the spool")


def test_validation_rows_are_not_learned_from_but_measured(store: Store, corpus: Corpus) -> None:
    from dataclasses import replace

    rows = tuple(replace(row, split="validation" if i % 4 == 0 else "train") for i, row in enumerate(corpus.rows))
    split = replace(corpus, rows=rows, corpus_hash="0" * 32)
    profile = profiles.load("tiny", {"epochs": 2})
    seen: list[TrainProgress] = []
    (run,) = train_runs(store, student="tiny", corpora=[split], seeds=[1], profile=profile, progress=seen.append)
    assert run.status == "finished", run.error
    looked = next(e.detail for e in seen if e.event == "preflight")
    assert looked is not None and looked["n_rows"] == FEW * 3 // 4
    measured = one(
        store, "SELECT count(*), bool_and(validation_loss > 0) FROM run_step WHERE validation_loss IS NOT NULL"
    )
    assert measured == (2, True)  # once an epoch
    assert one(store, "SELECT min(memory_bytes) > 100_000_000 FROM run_step") == (True,)
    # Somebody edits the file that the workers read: the run is not started on what no store knows.
    path = store.dir_for("runs") / "corpora" / f"{split.corpus_hash}.jsonl"
    path.write_text(path.read_text().replace("The answer", "An answer", 1))
    with pytest.raises(TrainError, match=r"is not the corpus .* Next: rm "):
        train_runs(store, student="tiny", corpora=[split], seeds=[2], profile=profile)


def test_one_failing_run_does_not_stop_the_other(store: Store, corpus: Corpus, tmp_path: Path) -> None:
    small = profiles.load("tiny", {"max_steps": 1, "max_tokens": 8})  # no prompt fits: nothing to learn from
    (failed,) = train_runs(store, student="tiny", corpora=[corpus], seeds=[1], profile=small)
    assert failed.status == "failed"
    assert "no token to learn from" in str(failed.error) and "--max-tokens" in str(failed.error)
    assert one(store, "SELECT status FROM run_status") == ("failed",)

    broken = tmp_path / "broken"
    broken.mkdir()
    files = {"config.json": '{"model_type": "llama"}', "tokenizer.json": "{}", "model.safetensors": "x"}
    for name, text in files.items():
        (broken / name).write_text(text)
    tiny = students.resolve_student("tiny")
    assert tiny.path is not None
    models = [base_model("broken", broken, "plain"), base_model("tiny", tiny.path, "plain")]
    done = evaluate_models(
        store, models=models, dataset="arith", limit=2, decoder=Decoder(max_new_tokens=4), processes=1
    )
    assert [e.status for e in done] == ["failed", "done"]
    assert "cannot load the model" in str(done[0].error)


def test_wrong_input_is_one_clear_message(store: Store, corpus: Corpus, tmp_path: Path) -> None:
    profile = profiles.load("tiny")
    (tmp_path / "empty").mkdir()

    def refused(call: Callable[[], object], message: str) -> None:
        with pytest.raises(ConfigError, match=message):
            call()

    def train(student: str, trainer: str = "trl") -> object:
        return train_runs(store, student=student, corpora=[corpus], seeds=[1], profile=profile, trainer=trainer)

    refused(lambda: train(str(tmp_path / "empty")), "no Hugging Face model directory")
    refused(lambda: train("tiny", "magic"), "unknown trainer 'magic'")
    refused(lambda: evaluate_models(store, dataset="arith"), "no finished run")
    refused(lambda: evaluate_models(store, dataset="arith", engine="x"), "unknown engine 'x'")
    refused(lambda: evaluate_models(store, dataset="arith", dtype="x"), "unknown dtype 'x'")
    base = base_model("tiny", Path(students.locate(students.resolve_student("tiny"))), "plain")
    refused(lambda: evaluate_models(store, dataset="gsm8k", models=[base]), "no questions of gsm8k / test")
    refused(lambda: trained_models(store, ["0" * 32]), "no finished run '0")
    assert one(store, "SELECT count(*) FROM run") == (0,)
