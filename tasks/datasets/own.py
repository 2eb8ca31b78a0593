"""Your own questions: JSONL, CSV or Parquet rows, every one validated before any is used.

Columns: question (or text, instruction, problem, prompt); answer (or gold, label; may be missing or null); choices
(a list, or an object {"A": ...}; in CSV "x | y | z"; for kind choice it may also stand in the question's text); split,
subject, difficulty (optional).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from ...errors import ConfigError
from .. import quantity
from ..choices import split_choices
from ..values import LETTERS, AnswerKind, Question
from .reading import read_rows, shortened
from .spec import RowError, boolean_of, letter_of

TEXT_COLUMNS = ("question", "text", "instruction", "problem", "prompt")
GOLD_COLUMNS = ("answer", "gold", "label")
SHOWN = 10


def read_questions(path: Path, dataset: str, kind: AnswerKind, split: str = "train") -> list[Question]:
    """All questions of a file, or none: rows without a split get `split`.

    ConfigError naming the file, and of each bad row (the first SHOWN of them) its line and the offending value: a line
    that is no JSON object, no question text, a gold answer that is not of this kind, a choice question without choices,
    the same question twice with different answers.
    """
    if kind not in get_args(AnswerKind):
        raise ConfigError(f"unknown answer kind {kind!r}. Next: use one of {', '.join(get_args(AnswerKind))}")
    questions: dict[str, Question] = {}
    places: dict[str, str] = {}
    bad: list[str] = []
    rows = read_rows(path)
    for place, row in rows:
        try:
            question = _question(row, dataset, kind, split, f"{path.name}:{place.split()[-1]}")
            earlier = questions.setdefault(question.key, question)
            if earlier.gold != question.gold:
                raise RowError(f"the question of {places[question.key]} again, with another answer: {question.gold!r}")
            places.setdefault(question.key, place)
        except RowError as error:
            bad.append(f"{place}: {error}")
    if len(bad) == 1:
        raise ConfigError(f"{path}, {bad[0]}. Next: correct the {bad[0].split()[0]} and load again")
    if bad:
        more = f"; and {len(bad) - SHOWN:,} more" if len(bad) > SHOWN else ""
        raise ConfigError(
            f"{path}: {len(bad):,} of {len(rows):,} rows cannot be used, so none was. "
            f"{'; '.join(bad[:SHOWN])}{more}. Next: correct them and load again"
        )
    if not questions:
        raise ConfigError(f"{path} holds no questions. Next: one JSON object per line, with question and answer")
    return list(questions.values())


def _question(row: Mapping[str, Any], dataset: str, kind: AnswerKind, split: str, source: str) -> Question:
    text = _text(row)
    choices = _choices(row.get("choices"))
    if kind == "choice":
        if not choices:
            text, choices = split_choices(text)
        if not 2 <= len(choices) <= len(LETTERS):
            raise RowError(f"a choice question with {len(choices)} choices: {shortened(text)!r}")
    elif choices:
        raise RowError(f"choices in a question of kind {kind}: {shortened(list(choices))!r}")
    own_split = row.get("split") or split
    if not isinstance(own_split, str):
        raise RowError(f"split is {shortened(own_split)!r}, not a name")
    gold = next((row[name] for name in GOLD_COLUMNS if row.get(name) is not None), None)
    return Question(
        dataset,
        own_split,
        text.strip(),
        kind,
        None if gold is None else _gold(gold, kind, choices),
        choices,
        subject=_label(row, "subject"),
        difficulty=_label(row, "difficulty"),
        source=source,
    )


def _text(row: Mapping[str, Any]) -> str:
    for name in TEXT_COLUMNS:
        if name in row:
            value = row[name]
            if not isinstance(value, str) or not value.strip():
                raise RowError(f"{name} is {shortened(value)!r}, not a text")
            return value
    raise RowError(
        f"no question: expected a column {' or '.join(TEXT_COLUMNS)}, found {', '.join(map(str, row)) or 'none'}"
    )


def _choices(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    if isinstance(value, str):
        value = [part.strip() for part in value.split("|")]
    if isinstance(value, Mapping):
        expected = list(LETTERS[: len(value)])
        if list(value) != expected:
            raise RowError(f"choices named {', '.join(map(str, value))}, not {', '.join(expected)}")
        value = list(value.values())
    if not isinstance(value, list) or not all(
        isinstance(part, str | int | float) and str(part).strip() for part in value
    ):
        raise RowError(f"choices are {shortened(value)!r}, not a list of texts")
    return tuple(str(part).strip() for part in value)


def _gold(value: object, kind: AnswerKind, choices: tuple[str, ...]) -> str:
    if not isinstance(value, str | int | float | bool):
        raise RowError(f"the answer is {shortened(value)!r}, not a text, number or truth value")
    text = str(value).strip()
    match kind:
        case "number":
            if quantity.gold(text) is None or isinstance(value, bool):
                raise RowError(f"the answer {shortened(text)!r} is not a number")
            return text
        case "boolean":
            return boolean_of(value)
        case "choice":
            same = [i for i, choice in enumerate(choices) if choice.casefold() == text.casefold()]
            return LETTERS[same[0]] if same and len(text) > 1 else letter_of(text, choices)
        case _:
            if not text:
                raise RowError("the answer is empty; leave it out where there is none")
            return text


def _label(row: Mapping[str, Any], name: str) -> str | None:
    value = row.get(name)
    return None if value is None else str(value)
