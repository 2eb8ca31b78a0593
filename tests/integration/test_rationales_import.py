"""Anyone's own rationales: every column name, strict lines, and a second import that adds nothing."""

import json
from pathlib import Path
from typing import Any

import pytest

from cotdistill.errors import ConfigError
from cotdistill.store.import_rationales import import_rationales
from cotdistill.store.judge import judge
from cotdistill.store.questions import add_questions
from cotdistill.store.store import Store
from cotdistill.tasks.values import Question


@pytest.fixture
def store(store_path: Path) -> Store:
    opened = Store.open(store_path)
    add_questions(
        opened,
        [
            Question("mine", "train", "How many pens are 2 + 2 pens?", "number", "4"),
            Question("mine", "train", "Where do pens lie?", "choice", "B", ("moon", "desk")),
        ],
    )
    return opened


def jsonl(folder: Path, *rows: object, name: str = "r.jsonl") -> Path:
    path = folder / name
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return path


def rows_of(store: Store, sql: str) -> list[tuple[Any, ...]]:
    with store.read() as con:
        return con.execute(sql).fetchall()


def test_rows_become_judged_rationales_of_one_cell(store: Store, tmp_path: Path) -> None:
    file = jsonl(
        tmp_path,
        {"question": "How many pens are 2 + 2 pens?", "rationale": "2 + 2 = 4. The answer is 4"},
        {"instruction": "how many pens are 2 + 2 pens", "output": "2 + 2 = 5. The answer is 5"},
        {"prompt": "Q: Where do pens lie? Options: A: moon, B: desk", "response": "On desks.", "answer": "B"},
        {"question": "Where do pens lie?", "completion": "The answer is the desk"},
        {"question": "Where do pens lie?", "choices": ["moon", "desk"], "completion": "The answer is A", "answer": "B"},
        {"question": "Never asked?", "rationale": "The answer is 4"},
    )
    summary = import_rationales(store, file, "mine", "me", level=3, format="original", gold_visible="no")
    assert (summary.replies, summary.new, summary.matched, summary.unmatched) == (6, 6, 5, 1)
    judge(store)
    verdicts = rows_of(
        store,
        "SELECT n.verdict, n.answer FROM rationale_now AS n JOIN reply USING (reply_key) ORDER BY import_row",
    )
    assert verdicts == [
        ("correct", "4"), ("wrong", "5"), ("correct", "B"), ("correct", "B"), ("wrong", "A"), (None, None),
    ]  # fmt: skip
    cells = rows_of(store, "SELECT dataset, teacher, level, format, gold_visible, prompt_version FROM cell")
    assert cells == [("mine", "me", 3, "original", "no", "imported")]


def test_the_same_file_again_adds_nothing_and_a_changed_one_does(store: Store, tmp_path: Path) -> None:
    row = {"question": "How many pens are 2 + 2 pens?", "rationale": "The answer is 4"}
    file = jsonl(tmp_path, row, row)
    first = import_rationales(store, file, "mine", "me")
    assert (first.new, first.ok, first.duplicate) == (2, 1, 1)
    assert import_rationales(store, file, "mine", "me").new == 0
    assert import_rationales(store, jsonl(tmp_path, row, row, row), "mine", "me").new == 3
    assert rows_of(store, "SELECT count(*) FROM cell") == [(1,)]


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ('{"question": "x?", "rationale": ', r"r\.jsonl, line 17: not JSON"),
        ({"rationale": "x"}, r"r\.jsonl, line 17: no question: expected a column question"),
        ({"question": "x?"}, r"r\.jsonl, line 17: no rationale: expected a column rationale"),
        ({"question": "x?", "rationale": ""}, r"r\.jsonl, line 17: rationale is '', not a text"),
        ({"question": "x?", "rationale": 5}, r"r\.jsonl, line 17: rationale is '5', not a text"),
        ({"question": "x?", "rationale": "y", "choices": "a|b"}, r"r\.jsonl, line 17: choices are 'a\|b', not a list"),
    ],
)
def test_a_bad_line_17_stores_nothing(store: Store, tmp_path: Path, bad: object, message: str) -> None:
    good = [{"question": f"{n}?", "rationale": "The answer is 4"} for n in range(16)]
    with pytest.raises(ConfigError, match=message):
        import_rationales(store, jsonl(tmp_path, *good, bad), "mine", "me")
    assert rows_of(store, "SELECT (SELECT count(*) FROM reply), (SELECT count(*) FROM cell)") == [(0, 0)]


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"dataset": "theirs"}, "unknown data set 'theirs'.*questions add FILE --dataset theirs"),
        ({"level": 7}, "unknown level 7"),
        ({"format": "poem"}, "unknown format 'poem'"),
        ({"gold_visible": "maybe"}, "unknown gold_visible 'maybe'"),
    ],
)
def test_wrong_labels_are_refused(store: Store, tmp_path: Path, kwargs: dict[str, Any], message: str) -> None:
    file = jsonl(tmp_path, {"question": "x?", "rationale": "y"})
    with pytest.raises(ConfigError, match=message):
        import_rationales(store, file, **{"dataset": "mine", "teacher": "me", **kwargs})


def test_an_empty_file_is_refused(store: Store, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="holds no rows"):
        import_rationales(store, jsonl(tmp_path), "mine", "me")
