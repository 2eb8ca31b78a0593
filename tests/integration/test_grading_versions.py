"""Judging again with newer rules: old verdicts stay, views show the new, the paper's strict rule stands beside ours."""

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest

from cotdistill.store import migrate
from cotdistill.store.import_rationales import import_rationales
from cotdistill.store.judge import judge
from cotdistill.store.questions import add_questions
from cotdistill.store.store import Store
from cotdistill.tasks.grading import RULE_VERSION
from cotdistill.tasks.values import Question

QUESTIONS = [
    Question("mine", "train", "How many pens are 2 + 2 pens?", "number", "4"),
    Question("mine", "train", "Where do pens lie?", "choice", "B", ("moon", "desk")),
    Question("mine", "train", "Do pens fly?", "boolean", "False"),
]
TEXTS = ["The answer is 5. No: the answer is 4", "On desks.\nAnswer B", "The answer is Definitely False"]
OURS = ["correct", "correct", "correct"]
PAPERS = [("wrong", "5"), ("unparsed", None), ("wrong", "D")]  # the first, a miss, and the D of "Definitely"


@pytest.fixture
def store(store_path: Path, tmp_path: Path) -> Store:
    opened = Store.open(store_path)
    add_questions(opened, QUESTIONS)
    file = tmp_path / "r.jsonl"
    rows = [
        {"question": q.text, "choices": list(q.choices), "completion": text}
        for q, text in zip(QUESTIONS, TEXTS, strict=True)
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    import_rationales(opened, file, "mine", "me", level=3, format="original")
    return opened


def rows_of(store: Store, sql: str) -> list[tuple[Any, ...]]:
    with store.read() as con:
        return con.execute(sql).fetchall()


def test_both_rules_are_stored_and_shown(store: Store) -> None:
    judge(store)
    shown = rows_of(
        store, "SELECT verdict, strict_verdict, strict_answer FROM cell_rationale ORDER BY length(text) DESC"
    )
    wanted = sorted(zip(OURS, PAPERS, TEXTS, strict=True), key=lambda row: -len(row[2]))
    assert shown == [(ours, *papers) for ours, papers, _ in wanted]


def test_an_older_stores_verdicts_are_judged_again_and_both_kept(store: Store) -> None:
    judge(store)
    with store.write() as con:  # as version 1 left it: another version, other verdicts, no strict ones
        con.execute("UPDATE verdict SET rule_version = '1', status = 'unparsed', strict_status = NULL")
    before = rows_of(store, "SELECT * FROM verdict WHERE rule_version = '1' ORDER BY ALL")
    assert judge(store) == (0, 3)
    assert judge(store) == (0, 0)
    assert rows_of(store, "SELECT * FROM verdict WHERE rule_version = '1' ORDER BY ALL") == before
    versions = rows_of(store, "SELECT rule_version, count(*) FROM verdict GROUP BY ALL ORDER BY ALL")
    assert versions == [("1", 3), (RULE_VERSION, 3)]
    assert {row[0] for row in rows_of(store, "SELECT verdict FROM cell_rationale")} == {"correct"}
    assert {row[0] for row in rows_of(store, "SELECT strict_verdict FROM rationale_now")} == {"wrong", "unparsed"}


def test_version_10_is_newer_than_version_9(store: Store) -> None:
    judge(store)
    with store.write() as con:
        for version, status in (("9", "wrong"), ("10", "ungradable")):
            con.execute(
                "INSERT INTO verdict BY NAME SELECT * REPLACE (? AS rule_version, ? AS status) FROM verdict "
                "WHERE rule_version = ?",
                [version, status, RULE_VERSION],
            )
    assert rows_of(store, "SELECT DISTINCT verdict FROM cell_rationale") == [("ungradable",)]


def test_a_store_of_the_schema_before_keeps_its_verdicts(
    store_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    newest = migrate.all_migrations()
    monkeypatch.setattr(migrate, "all_migrations", lambda: tuple(m for m in newest if m.version < 6))
    migrate.create(store_path)
    with duckdb.connect(str(store_path)) as con:
        con.execute("INSERT INTO verdict VALUES ('r', '1', 'g', 'correct', '4', 'answer-is', TIMESTAMP '2026-01-01')")
    monkeypatch.setattr(migrate, "all_migrations", lambda: newest)
    store = Store.open(store_path)
    assert rows_of(store, "SELECT status, rule, strict_status FROM verdict") == [("correct", "answer-is", None)]
