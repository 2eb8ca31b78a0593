"""The real benchmark files: counts, splits, one key per question in every style, every gold answer graded correct."""

import json
from collections import Counter
from pathlib import Path

import pytest

from cotdistill.errors import ConfigError
from cotdistill.tasks.choices import split_choices
from cotdistill.tasks.datasets.math_4s import SUBJECTS
from cotdistill.tasks.datasets.registry import DATASETS, load_questions
from cotdistill.tasks.datasets.split_keys import strategyqa_test_keys, svamp_train_keys
from cotdistill.tasks.datasets.strategyqa import test_keys as shipped_test_keys
from cotdistill.tasks.datasets.svamp import train_keys as shipped_train_keys
from cotdistill.tasks.grading import grade_many
from cotdistill.tasks.render import gold_text, question_text
from cotdistill.tasks.values import LETTERS, Question

COUNTS = {
    "svamp": {"train": 700, "test": 300},
    "gsm8k": {"train": 7473, "test": 1319},
    "aqua": {"validation": 254, "test": 254},
    "math": {"test": 5000},
    "math-4s": {"test": 500},
    "math500": {"test": 500},
    "commonsenseqa": {"train": 9740, "test": 1221},
    "openbookqa": {"train": 4952, "test": 500},
    "strategyqa": {"train": 1999, "test": 290},
}
DUPLICATES = {"openbookqa": 5, "strategyqa": 1}  # exact repetitions in the paper's training files
ABSENT = {"aqua": {"train": "aqua_only_ans.json"}, "math": {"train": "train.jsonl"}}


@pytest.mark.parametrize("name", [name for name in DATASETS if name != "arith"])
def test_counts_and_gold_answers(data: Path, name: str) -> None:
    result = load_questions(name, source=data / "benchmarks")
    assert result.counts == COUNTS[name]
    assert (result.n_duplicates, result.n_moved, result.n_conflicts) == (DUPLICATES.get(name, 0), 0, 0)
    assert {split: Path(file).name for split, file in result.absent.items()} == ABSENT.get(name, {})
    assert len({question.key for question in result.questions}) == len(result.questions)
    answers = [(gold_text(question) or "", question) for question in result.questions]
    wrong = [
        (text, verdict)
        for (text, _), verdict in zip(answers, grade_many(answers), strict=True)
        if verdict.status != "correct"
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("name", "split", "file"), [("aqua", "train", "aqua_only_ans.json"), ("math", "train", "train.jsonl")]
)
def test_a_split_without_its_file_is_an_error_that_names_it(data: Path, name: str, split: str, file: str) -> None:
    with pytest.raises(ConfigError, match=file):
        load_questions(name, split=split, source=data / "benchmarks")


def test_the_shipped_split_keys_are_those_of_the_files(data: Path) -> None:
    assert shipped_train_keys() == set(svamp_train_keys(data / "benchmarks", data / "paper/data"))
    assert shipped_test_keys() == set(strategyqa_test_keys(data / "benchmarks"))
    assert (len(shipped_train_keys()), len(shipped_test_keys())) == (700, 290)


def test_math_4s_is_of_the_four_subjects_and_of_the_test_split(data: Path) -> None:
    bank = load_questions("math", split="test", source=data / "benchmarks").questions
    drawn = load_questions("math-4s", source=data / "benchmarks").questions
    assert sum(question.subject in SUBJECTS for question in bank) == 3072
    assert {question.text_key for question in drawn} <= {q.text_key for q in bank if q.subject in SUBJECTS}
    assert {question.subject for question in drawn} == SUBJECTS


@pytest.mark.parametrize("name", ["commonsenseqa", "openbookqa"])
def test_every_real_choice_question_has_one_key_in_three_styles(data: Path, name: str) -> None:
    questions = load_questions(name, source=data / "benchmarks").questions
    plain = [question for question in questions if not any("(D)" in choice for choice in question.choices)]
    assert len(questions) - len(plain) == (name == "openbookqa")  # one choice swallowed the mark of the next
    for question in plain:
        listed = list(zip(LETTERS, question.choices, strict=False))
        styles = (
            f"Q: {question.text} Answer choices: " + ", ".join(f"{letter}: {text}" for letter, text in listed),
            f"{question.text} Answer Choices:\n" + "\n".join(f"{letter}. {text}" for letter, text in listed),
            question_text(question),
        )
        for style in styles:
            stem, choices = split_choices(style)
            assert Question(name, "", stem, "choice", None, choices).key == question.key, style


def test_the_paper_writes_the_commonsenseqa_questions_in_two_styles(data: Path) -> None:
    test = json.loads((data / "benchmarks/commonsenseqa/csqa_test.json").read_text())
    train = json.loads((data / "paper/data/commonsenseQA_onlyans.json").read_text())
    marks = [Counter(mark in row["instruction"] for row in rows) for rows, mark in ((test, "\nA. "), (train, ": A: "))]
    assert marks == [{True: 1221}, {True: 9740}]


def test_strategyqas_human_annotations_hold_all_290_test_questions(data: Path) -> None:
    test = load_questions("strategyqa", split="test", source=data / "benchmarks").questions
    annotated = json.loads((data / "paper/data/stqa_human_annotation.json").read_text())
    words = {Question("strategyqa", "", row["instruction"], "boolean", None).text_key for row in annotated}
    assert len(test) == 290
    assert {question.text_key for question in test} <= words
