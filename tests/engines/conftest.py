"""A small lab for the real engines: questions, one cell of rationales, two adapters that Unsloth trained on `tiny`."""

import random
from dataclasses import dataclass
from pathlib import Path

import pytest

from cotdistill import environments
from cotdistill.gen.builtin.solver import solve
from cotdistill.gen.builtin.writer import write
from cotdistill.store.cells import Cell
from cotdistill.store.corpora import Corpus, implicit_corpus
from cotdistill.store.spool import utc_now
from cotdistill.store.store import Store
from cotdistill.tasks import keys
from cotdistill.tasks.datasets import arith
from cotdistill.tasks.values import Question, Recipe
from cotdistill.train import profiles
from cotdistill.train.run import RunResult, train_runs

N_TRAIN, N_TEST, STEPS = 400, 60, 60


@dataclass(frozen=True, slots=True)
class Lab:
    """A store, its one corpus, and the finished runs of seeds 1 and 2 by Unsloth (LoRA, adapters kept)."""

    store: Store
    corpus: Corpus
    profile: profiles.Profile
    runs: list[RunResult]


def filled(path: Path, n_train: int, n_test: int) -> tuple[Store, Corpus]:
    """A store with arithmetic questions and the built-in teacher's rationales at level 3."""
    store = Store.open(path)
    train, test = arith.questions("train", n_train), arith.questions("test", n_test)
    cell = Cell("arith", "builtin-strict", Recipe(3, "original", "no", "1"))
    replies = [
        {
            "reply_key": keys.digest("test", question.key),
            "question_key": question.key,
            "teacher": cell.teacher,
            "status": "ok",
            "text": write(solve(question.text), 3, "original", "strict", random.Random(0)),
            "sample_index": 0,
            "redo": 0,
            "received_at": utc_now(),
        }
        for question in train
    ]
    members = [
        {k: r[k] for k in ("question_key", "sample_index", "reply_key")} | {"cell_key": cell.key} for r in replies
    ]
    with store.write() as con:
        store.insert(con, "question", [_row(q) for q in train + test])
        store.insert(con, "cell", [cell.row()])
        store.insert(con, "cell_member", members)
        store.insert(con, "reply", replies)
    store.settle()
    return store, implicit_corpus(store, cell)


def _row(question: Question) -> dict[str, object]:
    return {
        "question_key": question.key,
        "text_key": question.text_key,
        "dataset": question.dataset,
        "split": question.split,
        "text": question.text,
        "choices": list(question.choices),
        "answer_kind": question.kind,
        "gold": question.gold,
        "gold_key": keys.gold_key(question.gold),
        "source": question.source,
    }


@pytest.fixture(scope="session")
def unsloth() -> environments.Environment:
    """Unsloth's environment. These tests are asked for by name, so that its absence is a failure."""
    return environments.require("unsloth")


@pytest.fixture(scope="session")
def vllm() -> environments.Environment:
    """vLLM's environment; absence is a failure."""
    return environments.require("vllm")


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory, unsloth: environments.Environment) -> Lab:
    """Two runs of `tiny` by the real Unsloth."""
    store, corpus = filled(tmp_path_factory.mktemp("engines") / "lab.duckdb", N_TRAIN, N_TEST)
    profile = profiles.load(
        "tiny",
        {"method": "lora", "optimizer": "adamw", "lr": 5e-3, "max_steps": STEPS, "epochs": 10}
        | {"lora.adapter": "kept", "lora.rank": 16, "lora.alpha": 32},
    )
    runs = train_runs(
        store, student="tiny", corpora=[corpus], seeds=[1, 2], profile=profile, trainer="unsloth", processes=1
    )
    return Lab(store, corpus, profile, runs)
