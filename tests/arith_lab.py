"""A store with arithmetic questions and the built-in teacher's rationales, for tests of trainers and engines."""

import random
from pathlib import Path

from cotdistill.gen.builtin.solver import solve
from cotdistill.gen.builtin.writer import write
from cotdistill.store.cells import Cell
from cotdistill.store.corpora import Corpus, implicit_corpus
from cotdistill.store.spool import utc_now
from cotdistill.store.store import Store
from cotdistill.tasks import keys
from cotdistill.tasks.datasets import arith
from cotdistill.tasks.values import Question, Recipe


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
        store.insert(con, "question", [question_row(q) for q in train + test])
        store.insert(con, "cell", [cell.row()])
        store.insert(con, "cell_member", members)
        store.insert(con, "reply", replies)
    store.settle()
    return store, implicit_corpus(store, cell)


def question_row(question: Question) -> dict[str, object]:
    """A question as the store keeps it."""
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


# One row per question and model that two engines answered: run_key (NULL: untouched), whether text, prompt tokens and
# finish reason are equal.
AGREEMENT = """
    SELECT e.run_key, v.text = t.text, v.prompt_tokens = t.prompt_tokens, v.finish_reason = t.finish_reason
    FROM prediction v JOIN evaluation e USING (evaluation_key)
    JOIN evaluation f ON f.weights_hash = e.weights_hash AND f.engine = 'transformers'
    JOIN prediction t ON t.evaluation_key = f.evaluation_key AND t.question_key = v.question_key
    WHERE e.engine = 'vllm'
"""
