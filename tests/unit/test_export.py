"""Implicit corpora and cells: what is taken, what is left out and said. Their files: test_export_files.py."""

import json
from pathlib import Path

import pytest

from cotdistill.errors import ConfigError
from cotdistill.store.cells import Cell, select_cells
from cotdistill.store.corpora import Corpus, implicit_corpus
from cotdistill.store.export_rows import Recorded
from cotdistill.store.implicit import record_implicit
from cotdistill.store.questions import add_questions
from cotdistill.store.spool import utc_now
from cotdistill.store.store import Store
from cotdistill.tasks.values import Question, Recipe

TRICKY = "First “quoted”,\nthen a line\u2028separator and \\boxed{4}. The answer is 4"
CELL = Cell("own", "me", Recipe(2, "original", "no", "1"))
QUESTIONS = [Question("own", "train", f"What is {i} and {i}?", "number", str(2 * i)) for i in range(10)]


def reply(store: Store, question: Question, text: str, status: str = "ok", sample: int = 0) -> None:
    key = f"{question.key}-{sample}"
    with store.write() as con:
        store.insert(con, "cell", [CELL.row()])
        member = {"cell_key": CELL.key, "question_key": question.key, "sample_index": sample, "reply_key": key}
        store.insert(con, "cell_member", [member])
        row = {"reply_key": key, "question_key": question.key, "teacher": "me", "status": status, "text": text}
        store.insert(con, "reply", [row | {"sample_index": sample, "redo": 0, "received_at": utc_now()}])


@pytest.fixture
def corpus(store_path: Path) -> Corpus:
    store = Store.open(store_path)
    add_questions(store, [*QUESTIONS, Question("exam", "test", "what is 5 AND 5", "number", "10")])
    reply(store, QUESTIONS[0], "Nothing. The answer is 0.")
    reply(store, QUESTIONS[1], "The answer is 7.")
    reply(store, QUESTIONS[2], TRICKY)
    reply(store, QUESTIONS[3], "The answer is", "truncated")
    reply(store, QUESTIONS[4], "Who knows?")
    reply(store, QUESTIONS[5], "5 + 5 = 10. The answer is 10.")  # also asked in the test split of `exam`
    reply(store, QUESTIONS[6], "", "refused")
    store.settle()
    return implicit_corpus(store, CELL)


def test_a_corpus_takes_what_is_right_and_says_what_it_left_out(corpus: Corpus) -> None:
    assert {r.completion for r in corpus.rows} == {"Nothing. The answer is 0.", TRICKY}
    assert corpus.left_out == {"in a test split": 1, "refused": 1, "truncated": 1, "unparsed": 1, "wrong": 1}


def test_the_same_choice_has_the_same_hash_and_is_recorded_once(corpus: Corpus, store_path: Path) -> None:
    store = Store.open(store_path)
    assert implicit_corpus(store, CELL).corpus_hash == corpus.corpus_hash
    with store.read() as con:
        found = con.execute("SELECT corpus_hash, n_rows, manifest FROM corpus").fetchall()
        members = con.execute("SELECT count(*) FROM corpus_member").fetchone()
    assert [row[:2] for row in found] == [(corpus.corpus_hash, 2)]
    assert json.loads(found[0][2])["left_out"] == corpus.left_out
    assert members == (2,)
    assert implicit_corpus(store, CELL, any_verdict=True).corpus_hash != corpus.corpus_hash
    assert len(implicit_corpus(store, CELL, n_questions=1).rows) == 1


@pytest.mark.parametrize("any_verdict", [True, False])
def test_a_corpus_recorded_for_export_is_the_same_one(corpus: Corpus, store_path: Path, any_verdict: bool) -> None:
    assert corpus.left_out
    store, other = Store.open(store_path), Store.open(store_path.with_name("other.duckdb"))
    with other.write() as con:
        con.execute(f"ATTACH '{store_path}' AS there (READ_ONLY)")
        for table in ("question", "cell", "cell_member", "reply"):
            con.execute(f"INSERT INTO {table} BY NAME SELECT * FROM there.{table}")
    other.settle()
    whole, made = (
        implicit_corpus(store, CELL, any_verdict=any_verdict),
        record_implicit(other, CELL, any_verdict=any_verdict),
    )
    assert made == Recorded.of(whole)
    rows = []
    for one in (store, other):
        with one.read() as con:
            of = [made.corpus_hash]
            rows.append(con.execute("SELECT * EXCLUDE created_at FROM corpus WHERE corpus_hash = ?", of).fetchall())
            rows.append(
                con.execute("SELECT * FROM corpus_member WHERE corpus_hash = ? ORDER BY position", of).fetchall()
            )
    assert rows[:2] == rows[2:]
    assert len(rows[1]) == len(whole.rows)


def test_a_question_that_becomes_a_test_question_leaves_the_corpus(corpus: Corpus, store_path: Path) -> None:
    store = Store.open(store_path)
    add_questions(store, [Question("late", "test", "What is 2 and 2", "number", "4")])
    later = implicit_corpus(store, CELL)
    assert {r.completion for r in later.rows} == {"Nothing. The answer is 0."}
    assert later.left_out["in a test split"] == 2


def test_nothing_left_is_an_error_with_its_reasons(store_path: Path) -> None:
    store = Store.open(store_path)
    add_questions(store, QUESTIONS)
    reply(store, QUESTIONS[1], "The answer is 7.")
    store.settle()
    with pytest.raises(ConfigError, match=r"own, me, level 2, original\) can be trained on: 1 wrong"):
        implicit_corpus(store, CELL)
    with pytest.raises(ConfigError, match=r"own, me, level 2, original\) can be trained on: 1 wrong"):
        record_implicit(store, CELL)


def test_a_corrected_gold_answer_is_judged_again(store_path: Path) -> None:
    store = Store.open(store_path)
    add_questions(store, QUESTIONS)
    reply(store, QUESTIONS[1], "The answer is 7.")
    store.settle()
    added = add_questions(store, [Question("own", "train", QUESTIONS[1].text, "number", "7")])
    assert added.corrected == 1
    store.settle()
    assert len(implicit_corpus(store, CELL).rows) == 1


def test_cells_are_selected_by_every_flag_and_answer_only_by_its_format(store_path: Path) -> None:
    store = Store.open(store_path)
    add_questions(store, QUESTIONS)
    plain = Cell("own", "me", Recipe(None, "answer-only", "no", "1"))
    reply(store, QUESTIONS[0], "The answer is 0.")
    with store.write() as con:
        store.insert(con, "cell", [plain.row()])
        member = {"cell_key": plain.key, "question_key": "q", "sample_index": 0, "reply_key": f"{QUESTIONS[0].key}-0"}
        store.insert(con, "cell_member", [member])
    assert select_cells(store) == [plain, CELL]
    assert select_cells(store, levels=[2]) == [CELL]
    assert select_cells(store, levels=[2], formats=["original", "answer-only"]) == [plain, CELL]
    with pytest.raises(ConfigError, match="It has: own by me"):
        select_cells(store, levels=[5])
