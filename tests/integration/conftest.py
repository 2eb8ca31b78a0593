"""Small stores written row by row, with a truth that can be counted by hand."""

import copy
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from cotdistill.store.cells import Cell
from cotdistill.store.corpora import implicit_corpus
from cotdistill.store.store import Store
from cotdistill.tasks import keys
from cotdistill.tasks.datasets.arith import questions
from cotdistill.tasks.values import Question, Recipe

NOW = "2026-01-02T03:04:05.000000"
DECODER = json.dumps({"mode": "greedy", "max_new_tokens": 64}, sort_keys=True)


class Lab:
    """Writes through the store's own API: questions, one cell's replies, runs and their predictions."""

    def __init__(self, path: Path, n_train: int, n_test: int) -> None:
        self.store = Store.open(path)
        self.train, self.test = questions("train", n_train), questions("test", n_test)
        with self.store.write() as con:
            self.store.insert(con, "question", [self._question(q) for q in (*self.train, *self.test)])

    def cell(
        self,
        teacher: str,
        level: int | None,
        format: str,
        write: Callable[[Question], str],
        *,
        n_missing: int = 0,
        usd: float | None = None,
    ) -> Cell:
        """A cell that wants a reply to every training question and has all but `n_missing`."""
        cell = Cell(self.train[0].dataset, teacher, Recipe(level, format, "no", "test"))
        members, replies, attempts = [], [], []
        for i, q in enumerate(self.train):
            key = keys.digest("test reply", cell.key, q.key)
            members.append({"cell_key": cell.key, "question_key": q.key, "sample_index": 0, "reply_key": key})
            if i < n_missing:
                continue
            replies.append(
                {"reply_key": key, "question_key": q.key, "teacher": teacher, "status": "ok", "text": write(q)}
                | {"sample_index": 0, "redo": 0, "received_at": NOW}
            )
            attempts.append(
                {"attempt_key": "a" + key, "reply_key": key, "teacher": teacher, "provider": "test", "model": teacher}
                | {"started_at": NOW, "finished_at": NOW, "status": "ok", "prompt_tokens": 100, "completion_tokens": 10}
                | {"usd": usd, "usd_basis": "unpriced" if usd is None else "usage"}
            )
        with self.store.write() as con:
            self.store.insert(con, "cell", [cell.row()])
            self.store.insert(con, "cell_member", members)
            self.store.insert(con, "reply", replies)
            self.store.insert(con, "attempt", attempts)
        self.store.settle()
        return cell

    def other(self, dataset: str) -> "Lab":
        """The same store with questions of another data set beside: cells, runs and evaluations are of those."""
        there = copy.copy(self)
        there.train, there.test = ([replace(q, dataset=dataset) for q in some] for some in (self.train, self.test))
        with self.store.write() as con:
            self.store.insert(con, "question", [self._question(q) for q in (*there.train, *there.test)])
        return there

    def evaluate(self, run: str, right: Sequence[int], student: str = "tiny") -> None:
        """One more evaluation of a run, on the test questions of this data set."""
        self._evaluate(run, student, run, right)

    def run(self, cell: Cell, seed: int, right: Sequence[int], student: str = "tiny") -> str:
        """A finished run on the cell's corpus whose student answers the test questions of these places right."""
        return self.run_on(implicit_corpus(self.store, cell).corpus_hash, seed, right, student)

    def run_on(self, corpus_hash: str, seed: int, right: Sequence[int], student: str = "tiny") -> str:
        """The same of any corpus."""
        run = keys.run_key(student, corpus_hash, {}, seed, "test")
        row = {"run_key": run, "student": student, "base_dir": "", "base_hash": student, "trainer": "trl"}
        row |= {"corpus_hash": corpus_hash, "profile": '{"lr": 0.001}', "template": "plain", "seed": seed}
        row |= {"output_dir": "", "versions": '{"torch": "2.13.0"}', "created_at": NOW}
        steps = [
            {"run_key": run, "happened_at": NOW, "step": s, "loss": 2.0 / (s + seed), "elapsed_s": 0.1 * s}
            for s in range(1, 301)
        ]
        ends = [("started", NOW, None), ("finished", NOW.replace("03:04", "03:05"), '{"steps": 300, "seconds": 60.0}')]
        events = [{"run_key": run, "event": e, "happened_at": t, "detail": d} for e, t, d in ends]
        with self.store.write() as con:
            self.store.insert(con, "run", [row])
            self.store.insert(con, "run_step", steps)
            self.store.insert(con, "run_event", events)
        self._evaluate(run, student, run, right)
        return run

    def untouched(self, right: Sequence[int], student: str = "tiny") -> None:
        """The evaluation of the student's base weights."""
        self._evaluate(None, student, student, right)

    def _evaluate(self, run: str | None, student: str, weights: str, right: Sequence[int]) -> None:
        key = keys.digest("test evaluation", weights, self.test[0].dataset)
        evaluation = {"evaluation_key": key, "run_key": run, "student": student, "weights_hash": weights}
        evaluation |= {"dataset": self.test[0].dataset, "split": "test", "decoder": DECODER, "engine": "transformers"}
        evaluation |= {"engine_version": "5.17.0", "dtype": "float32", "template": "plain", "created_at": NOW}
        wanted = set(right)
        predictions = [
            {"prediction_key": keys.digest("p", key, q.key), "evaluation_key": key, "question_key": q.key}
            | {"sample_index": 0, "text": f"The answer is {q.gold if i in wanted else -1}", "prompt_tokens": 9}
            | {"completion_tokens": 7, "finish_reason": "stop" if i else "length", "generated_at": NOW}
            for i, q in enumerate(self.test)
        ]
        with self.store.write() as con:
            self.store.insert(con, "evaluation", [evaluation])
            self.store.insert(con, "prediction", predictions)
        self.store.settle()

    @staticmethod
    def _question(q: Question) -> dict[str, object]:
        return {
            "question_key": q.key,
            "text_key": q.text_key,
            "dataset": q.dataset,
            "split": q.split,
            "text": q.text,
            "choices": list(q.choices),
            "answer_kind": q.kind,
            "gold": q.gold,
            "gold_key": keys.gold_key(q.gold),
            "source": q.source,
        }


@pytest.fixture
def lab(store_path: Path) -> Lab:
    """40 training and 100 test questions, nothing else."""
    return Lab(store_path, 40, 100)


@pytest.fixture
def full_lab(_full_lab: Lab, store_path: Path) -> Lab:
    """A copy of the full store, free to be changed."""
    shutil.copyfile(_full_lab.store.path, store_path)
    mine = copy.copy(_full_lab)
    mine.store = Store.open(store_path)
    return mine


@pytest.fixture(scope="session")
def _full_lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """One teacher, levels 1 and 3 and answer-only, two seeds each; right answers out of 100 by place:
    untouched 0-4; answer-only 0-19 twice; level 1 0-39 and 0-41; level 3 0-69 and 10-79."""
    lab = Lab(tmp_path_factory.mktemp("lab") / "full.duckdb", 40, 100)
    sums = {1: "So {g} = {g}. ", 3: "First, 1 + 1 = 2. Then, 2 + 2 = 4. ", None: ""}
    cells = {
        level: lab.cell(
            "teacher",
            level,
            "original" if level else "answer-only",
            lambda q, level=level: sums[level].format(g=q.gold) + f"The answer is {q.gold}",
            n_missing=4 if level == 3 else 0,
            usd=0.01 if level else None,
        )
        for level in (None, 1, 3)
    }
    lab.untouched(range(5))
    for level, rights in {None: [range(20)] * 2, 1: [range(40), range(42)], 3: [range(70), range(10, 80)]}.items():
        for seed, right in enumerate(rights, 1):
            lab.run(cells[level], seed, right)
    return lab
