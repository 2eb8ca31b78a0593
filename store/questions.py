"""The question bank: questions put into the store, and corrections of their gold answers or splits."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from ..tasks import keys
from ..tasks.values import Question
from .frames import Stream
from .store import Store


@dataclass(frozen=True, slots=True)
class Added:
    """What a load changed: questions new to the store, already there, and there with another gold answer or split."""

    new: int
    known: int
    corrected: int


def add_questions(store: Store, questions: Sequence[Question]) -> Added:
    """Put `questions` into the store. One that is there with another gold answer or split is corrected in place:
    verdicts name the gold they were made against, so the next judging makes new ones."""
    if not questions:
        return Added(0, 0, 0)
    frame = pl.DataFrame(
        {
            "question_key": [q.key for q in questions],
            "text_key": [q.text_key for q in questions],
            "dataset": [q.dataset for q in questions],
            "split": [q.split for q in questions],
            "text": [q.text for q in questions],
            "choices": [list(q.choices) for q in questions],
            "answer_kind": [q.kind for q in questions],
            "gold": [q.gold for q in questions],
            "gold_key": [keys.gold_key(q.gold) for q in questions],
            "subject": [q.subject for q in questions],
            "difficulty": [q.difficulty for q in questions],
            "source": [q.source for q in questions],
        },
        schema_overrides={
            "choices": pl.List(pl.String),
            "gold": pl.String,
            "subject": pl.String,
            "difficulty": pl.String,
        },
    ).unique("question_key", keep="first", maintain_order=True)
    with store.write() as con:
        con.register("loaded", Stream(frame))
        changed = con.execute(
            "UPDATE question SET gold = loaded.gold, gold_key = loaded.gold_key, split = loaded.split FROM loaded "
            "WHERE question.question_key = loaded.question_key AND (question.gold_key <> loaded.gold_key "
            "OR question.split <> loaded.split) RETURNING question.question_key"
        ).fetchall()
        con.unregister("loaded")
        new = store.insert_frame(con, "question", frame)
    return Added(new, frame.height - new - len(changed), len(changed))
