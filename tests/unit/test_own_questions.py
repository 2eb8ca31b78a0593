"""Your own questions: three file forms, every row validated, the wrong one named."""

import json
from pathlib import Path

import polars as pl
import pytest

from cotdistill.errors import ConfigError
from cotdistill.tasks.datasets.own import read_questions
from cotdistill.tasks.values import AnswerKind, Question


def jsonl(folder: Path, *rows: object) -> Path:
    path = folder / "mine.jsonl"
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return path


def test_jsonl(tmp_path: Path) -> None:
    path = jsonl(
        tmp_path,
        {"question": "2 + 2?", "answer": 4},
        {"text": "Open?", "gold": None, "split": "test", "subject": "x", "difficulty": 3},
    )
    assert read_questions(path, "mine", "number") == [
        Question("mine", "train", "2 + 2?", "number", "4", source="mine.jsonl:1"),
        Question("mine", "test", "Open?", "number", None, (), "x", "3", "mine.jsonl:2"),
    ]


@pytest.mark.parametrize(
    "row",
    [
        {"question": "Up?", "choices": ["yes", "no"], "answer": "B"},
        {"question": "Up?", "choices": ["yes", "no"], "answer": "no"},
        {"question": "Up?", "choices": {"A": "yes", "B": "no"}, "label": "b"},
        {"question": "Up?", "choices": "yes | no", "answer": "B"},
        {"prompt": "Q: Up? Options: A) yes B) no", "answer": "B"},
    ],
)
def test_choices_in_every_form(tmp_path: Path, row: dict[str, object]) -> None:
    [question] = read_questions(jsonl(tmp_path, row), "mine", "choice", "test")
    assert (question.text, question.choices, question.gold, question.split) == ("Up?", ("yes", "no"), "B", "test")


def test_csv_and_parquet_and_a_json_array_say_the_same(tmp_path: Path) -> None:
    rows = [{"question": "Is it, really, 1?", "answer": "yes"}, {"question": "Two\nlines?", "answer": "False"}]
    frame = pl.DataFrame(rows)
    frame.write_csv(tmp_path / "a.csv")
    frame.write_parquet(tmp_path / "a.parquet")
    (tmp_path / "a.json").write_text(json.dumps(rows))
    read = [read_questions(tmp_path / f"a.{form}", "mine", "boolean") for form in ("csv", "parquet", "json")]
    assert [[(q.text, q.gold) for q in questions] for questions in read] == [
        [("Is it, really, 1?", "True"), ("Two\nlines?", "False")]
    ] * 3


@pytest.mark.parametrize(
    ("row", "kind", "message"),
    [
        ('{"question": "2 + 2?", "answer": ', "number", r"mine\.jsonl, line 17: not JSON"),
        ("[1, 2]", "number", r"line 17: not an object: '\[1, 2\]'"),
        ({"answer": 4}, "number", r"line 17: no question: expected a column question or text .* found answer"),
        ({"question": "  ", "answer": 4}, "number", r"line 17: question is '', not a text"),
        ({"question": ["2 + 2?"]}, "number", r"line 17: question is '\[\"2 \+ 2\?\"\]', not a text"),
        ({"question": "x", "answer": "four or five"}, "number", r"line 17: the answer 'four or five' is not a number"),
        ({"question": "x", "answer": True}, "number", r"line 17: the answer 'True' is not a number"),
        ({"question": "x", "answer": {"a": 1}}, "text", r"line 17: the answer is '{\"a\": 1}'"),
        ({"question": "x", "answer": "maybe"}, "boolean", r"line 17: the answer is 'maybe', neither True nor False"),
        ({"question": "x", "answer": "A"}, "choice", r"line 17: a choice question with 0 choices: 'x'"),
        ({"question": "x", "choices": ["a", "b"], "answer": "C"}, "choice", r"line 17: the answer is 'C', not the let"),
        ({"question": "x", "choices": ["a", ""]}, "choice", r"line 17: choices are '\[\"a\", \"\"\]'"),
        ({"question": "x", "choices": {"B": "b"}}, "choice", r"line 17: choices named B, not A"),
        ({"question": "x", "choices": ["a", "b"]}, "number", r"line 17: choices in a question of kind number"),
        ({"question": "x", "split": 3}, "number", r"line 17: split is '3', not a name"),
        ({"question": "Row 3?", "answer": 4}, "number", r"line 17: the question of line 4 again, with another answer"),
        ({"question": "y" * 500, "answer": "z" * 500}, "number", r"line 17: the answer 'z{57}\.\.\.' is not a number"),
    ],
)
def test_a_bad_line_17_is_named(tmp_path: Path, row: object, kind: AnswerKind, message: str) -> None:
    good: dict[str, object] = {"number": {"answer": 3}, "boolean": {"answer": "yes"}, "text": {"answer": "t"}}.get(
        kind, {"choices": ["a", "b"], "answer": "A"}
    )
    path = jsonl(tmp_path, *[{"question": f"Row {n}?", **good} for n in range(16)], row)
    with pytest.raises(ConfigError, match=message) as caught:
        read_questions(path, "mine", kind)
    assert "Next: " in str(caught.value)
    assert len(str(caught.value)) < 400


def test_files_that_are_no_question_files(tmp_path: Path) -> None:
    (tmp_path / "latin.jsonl").write_bytes(b'{"question": "caf\xe9"}')
    (tmp_path / "not.parquet").write_text("no parquet")
    (tmp_path / "short.csv").write_text("question,answer\none\n")
    for name, message in [
        ("absent.jsonl", "no file"),
        ("latin.jsonl", "not UTF-8"),
        ("not.parquet", "not a Parquet file"),
        ("short.csv", "line 2: not 2 fields"),
    ]:
        with pytest.raises(ConfigError, match=message):
            read_questions(tmp_path / name, "mine", "number")
    with pytest.raises(ConfigError, match="holds no questions"):
        read_questions(jsonl(tmp_path), "mine", "number")
    with pytest.raises(ConfigError, match="unknown answer kind 'digits'"):
        read_questions(jsonl(tmp_path), "mine", "digits")  # type: ignore[arg-type]


def test_every_bad_row_is_named_and_none_is_used(tmp_path: Path) -> None:
    rows = [{"question": f"{n} + 0?", "answer": "many" if n % 5 == 4 else n} for n in range(60)]
    with pytest.raises(ConfigError) as caught:
        read_questions(jsonl(tmp_path, *rows), "mine", "number")
    said = str(caught.value)
    assert "mine.jsonl: 12 of 60 rows cannot be used, so none was. line 5: the answer 'many' is not a number" in said
    assert "; line 50: the answer" in said
    assert "line 55" not in said
    assert "; and 2 more. Next: correct them" in said
