"""Stores of any schema with rows in every table, and two laboratories that worked on the same questions."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from cotdistill.store import migrate
from cotdistill.store.cells import Cell
from cotdistill.store.questions import add_questions
from cotdistill.store.store import Store
from cotdistill.store.tables import keyed_tables
from cotdistill.tasks import keys
from cotdistill.tasks.datasets import arith
from cotdistill.tasks.values import Question, Recipe

DOCUMENTS = ("manifest", "config", "versions", "decoder", "profile", "detail", "settings", "row_key", "content")
NOW = "2026-01-02T03:04:05.000000"
CELL = Cell("arith", "gpt-4o", Recipe(3, "original", "no", "1"))


def old_store(path: Path, upto: int, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A store as the version with that many migrations made it, two rows in every table. `monkeypatch` then still says
    that there are no more migrations: undo it (or call `now`) to be in the present."""
    newest = migrate.all_migrations()
    monkeypatch.setattr(migrate, "all_migrations", lambda: newest[:upto])
    store = Store.open(path)
    with store.write() as con:
        for table in keyed_tables(con):
            rows = [{name: value(name, kind, i) for name, kind in table.columns.items()} for i in range(2)]
            assert store.insert(con, table.name, rows) == 2
    return store


def value(column: str, kind: str, i: int) -> Any:
    """A value that a column may hold: columns of one name, which keys are, have equal values in all tables."""
    if kind == "VARCHAR":
        return json.dumps({"n": i}) if column in DOCUMENTS else f"{column}-{i}"
    if kind == "VARCHAR[]":
        return [f"{column}-{i}", "b"]
    if kind == "TIMESTAMP":
        return NOW.replace("03:04", f"03:0{i}")
    if kind == "BOOLEAN":
        return bool(i)
    return i + 0.25 if kind == "DOUBLE" else i


def laboratory(
    path: Path, write: Callable[[Question], str], *, n: int = 12, received_at: str = NOW, skip: Sequence[int] = ()
) -> Store:
    """A store whose teacher answered the first `n` questions of arith with what `write` says, judged. Two laboratories
    have the same keys; what differs is what they were answered, and when."""
    store = Store.open(path)
    asked = arith.questions("train", n)
    add_questions(store, asked)
    replies, attempts, members = [], [], []
    for i, question in enumerate(asked):
        key = keys.digest("lab", question.key)
        members.append(
            {"cell_key": CELL.key, "question_key": question.key, "sample_index": 0, "reply_key": key, "redo": 0}
        )
        if i in skip:
            continue
        replies.append(
            {"reply_key": key, "question_key": question.key, "teacher": CELL.teacher, "status": "ok"}
            | {"text": write(question), "sample_index": 0, "redo": 0, "received_at": received_at}
        )
        attempts.append(
            {"attempt_key": keys.digest("attempt", str(path), key), "reply_key": key, "teacher": CELL.teacher}
            | {"provider": "openai", "model": "gpt-4o", "started_at": received_at, "finished_at": received_at}
            | {"status": "ok", "usd": 0.01, "usd_basis": "usage"}
        )
    with store.write() as con:
        store.insert(con, "cell", [CELL.row()])
        store.insert(con, "cell_member", members)
        store.insert(con, "reply", replies)
        store.insert(con, "attempt", attempts)
    store.settle()
    return store


def right(question: Question) -> str:
    return f"We count step by step. The answer is {question.gold}"


def table_rows(store: Store, query: str) -> list[tuple[Any, ...]]:
    with store.read() as con:
        return con.execute(query).fetchall()
