"""What a data set is: where its questions come from and how a row becomes a Question."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...errors import ConfigError
from ..choices import split_choices, strip_prefix
from ..values import AnswerKind, Question

Row = Mapping[str, Any]
Parse = Callable[[Row, str, str], Question]


class RowError(ConfigError):
    """A row that cannot be read as a question. The reader adds the file and the line."""


@dataclass(frozen=True, slots=True)
class HubSource:
    """A data set repository on the Hugging Face hub. `revision` is a commit, so that what it holds cannot change;
    `files` are the paths of each split there (JSON array, JSON lines or Parquet)."""

    repository: str
    revision: str
    files: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class DatasetSpec:
    """One data set.

    `parse` reads one row of any of its sources: (row, split, source) -> Question, RowError where it cannot. `local` are
    its files below --source by split (the owners' own layouts), `paper` those in the paper's released folder where the
    split exists nowhere else, `hub` its repository. `split_of` decides the split by the question where files do not;
    `select` draws from all questions read; `build` makes the questions of a split of a built-in data set.
    `licence` is of the questions, as their owners state it at `licence_from`; `licence_note` what else is publicly
    known and concerns whoever passes the questions on.
    """

    name: str
    kind: AnswerKind
    splits: tuple[str, ...]
    licence: str
    licence_from: str
    home: str
    parse: Parse | None = None
    local: Mapping[str, str] = field(default_factory=dict)
    paper: Mapping[str, str] = field(default_factory=dict)
    hub: HubSource | None = None
    split_of: Callable[[Question], str] | None = None
    select: Callable[[list[Question]], list[Question]] | None = None
    build: Callable[[str], list[Question]] | None = None
    note: str = ""
    licence_note: str = ""
    language: str = "en"


def text_of(row: Row, *names: str) -> str:
    """The first of the named columns that holds text. RowError where none does."""
    for name in names:
        value = row.get(name)
        if isinstance(value, str) and value.strip():
            return value
    raise RowError(f"no text in column {' or '.join(names)}; the row has {', '.join(map(str, row)) or 'no columns'}")


def number_of(value: object) -> str:
    """A gold number as text: 51.0 -> "51", "1,080" -> "1080"; anything else as it stands. RowError if empty."""
    text = str(value).strip().replace(",", "") if value is not None else ""
    if not text:
        raise RowError("no gold answer")
    return text.rstrip("0").rstrip(".") if "." in text and text.replace(".", "").lstrip("-").isdigit() else text


def boolean_of(value: object) -> str:
    """A gold truth value as "True" or "False". RowError where it is neither."""
    said = {"true": "True", "false": "False", "yes": "True", "no": "False"}.get(str(value).strip().casefold())
    if said is None:
        raise RowError(f"the answer is {str(value)[:40]!r}, neither True nor False")
    return said


def letter_of(value: object, choices: tuple[str, ...]) -> str:
    """A gold letter that is one of the choices'. RowError where it is not."""
    letter = str(value).strip().upper()
    if len(letter) != 1 or not 0 <= ord(letter) - ord("A") < len(choices):
        raise RowError(f"the answer is {str(value)[:40]!r}, not the letter of one of {len(choices)} choices")
    return letter


def written_row(row: Row, dataset: str, split: str, kind: AnswerKind, source: str) -> Question:
    """A row of the paper's own files: "instruction" holds stem and choices, "label" or "output" the gold answer."""
    written = text_of(row, "instruction")
    answer = row.get("label", row.get("output"))
    if kind == "choice":
        stem, choices = split_choices(written)
        if len(choices) < 2:
            raise RowError(f"no choices found in {written[:60]!r}")
        return Question(dataset, split, stem, kind, letter_of(answer, choices), choices, source=source)
    gold = boolean_of(answer) if kind == "boolean" else number_of(answer)
    return Question(dataset, split, strip_prefix(written), kind, gold, source=source)


def listed_row(row: Row, dataset: str, split: str, source: str, stem: str) -> Question:
    """A row of the hub's choice sets: column `stem`, choices {"label": [...], "text": [...]}, answerKey.

    Labels need not be A, B, C: the gold letter is the position of answerKey among them.
    """
    choices = row.get("choices")
    if not isinstance(choices, Mapping) or not isinstance(choices.get("text"), list):
        raise RowError("column choices holds no label and text lists")
    texts = tuple(str(text) for text in choices["text"])
    labels = [str(label) for label in choices.get("label") or []]
    key = str(row.get("answerKey", "")).strip()
    if key and key not in labels:
        raise RowError(f"answerKey {key[:20]!r} is none of the labels {', '.join(labels)}")
    gold = chr(ord("A") + labels.index(key)) if key else None
    return Question(dataset, split, text_of(row, stem).strip(), "choice", gold, texts, source=source)
