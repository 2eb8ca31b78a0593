"""Anyone's own rationales: JSON lines with a question and its rationale, for one data set, teacher and recipe.

Columns: question (or instruction, prompt); rationale (or output, response, completion); optionally choices (a list) and
answer. An answer is appended as "The answer is X" where the rationale announces none. Every line is checked before any
is stored. A row's identity is the file's name, its content's hash and the row: the same file again adds nothing, and a
changed file is another file.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import ConfigError
from ..tasks import extract, keys
from ..tasks.choices import split_choices
from ..tasks.datasets.reading import read_rows, shortened
from ..tasks.datasets.registry import DATASETS
from ..tasks.render import listed_choices
from ..tasks.values import GoldVisible, Recipe
from .imported import QuestionKeys, cell_row, imported_file, questions_by_text, write
from .spool import utc_now
from .store import Store

SOURCE = "rationales"
PROMPT_VERSION = "imported"
FORMATS = ("original", "least-to-most", "rephrase-and-respond", "symbolic", "answer-only")
QUESTION_COLUMNS = ("question", "instruction", "prompt")
RATIONALE_COLUMNS = ("rationale", "output", "response", "completion")


@dataclass(frozen=True, slots=True)
class RationalesImport:
    """What an import did: rows read and new to the store, by status; those whose question is in the store or not."""

    replies: int
    new: int
    ok: int
    duplicate: int
    matched: int
    unmatched: int


def import_rationales(
    store: Store,
    file: Path,
    dataset: str,
    teacher: str,
    level: int | None = None,
    format: str | None = None,
    gold_visible: GoldVisible = "unknown",
) -> RationalesImport:
    """Import a file of rationales.

    ConfigError, with nothing stored: an unknown data set, level or format, a line that is no JSON object or has no
    question or no rationale.
    """
    if level is not None and not 1 <= level <= 6:
        raise ConfigError(f"unknown level {level}. Next: 1 (coarsest) to 6 (finest), or leave it out")
    if format is not None and format not in FORMATS:
        raise ConfigError(f"unknown format {format!r}. Next: one of {', '.join(FORMATS)}, or leave it out")
    if gold_visible not in ("yes", "no", "unknown"):
        raise ConfigError(f"unknown gold_visible {gold_visible!r}. Next: yes, no or unknown")
    _check_dataset(store, dataset)
    rows = []
    for place, row in read_rows(file):
        try:
            rows.append(_row(row))
        except ValueError as error:
            raise ConfigError(f"{file}, {place}: {error}. Next: correct the line and import again") from error
    if not rows:
        raise ConfigError(f"{file} holds no rows. Next: one JSON object per line, with question and rationale")
    recipe = Recipe(level, format, gold_visible, PROMPT_VERSION)
    cell = cell_row(dataset, teacher, recipe)
    label = f"{file.name}@{hashlib.blake2b(file.read_bytes(), digest_size=6).hexdigest()}"
    imported = imported_file(
        SOURCE,
        label,
        rows,
        question_keys=QuestionKeys(questions_by_text(store)),
        dataset=dataset,
        teacher=teacher,
        cell=cell["cell_key"],
        received_at=utc_now(),
    )
    file_row = {
        "import_file_key": keys.digest("import_file", SOURCE, None, label, "loaded"),
        "source": SOURCE,
        "file": label,
        "status": "loaded",
        "n_rows": len(rows),
        "cell_key": cell["cell_key"],
    }
    new, matched = write(store, [cell], [imported], [file_row])
    return RationalesImport(
        len(rows), new, imported.count("ok"), imported.count("duplicate"), matched, len(rows) - matched
    )


def _check_dataset(store: Store, dataset: str) -> None:
    with store.read() as con:
        loaded = con.execute("SELECT count(*) FROM question WHERE dataset = ?", [dataset]).fetchone()
    if dataset not in DATASETS and not (loaded and loaded[0]):
        raise ConfigError(
            f"unknown data set {dataset!r}: not one of {', '.join(DATASETS)}, and the store has no questions of it. "
            f"Next: cotdistill questions add FILE --dataset {dataset}"
        )


def _row(row: Mapping[str, Any]) -> tuple[str, str, str]:
    question = _text(row, QUESTION_COLUMNS, "question")
    text = _text(row, RATIONALE_COLUMNS, "rationale")
    choices = row.get("choices")
    if choices is not None:
        if not isinstance(choices, list) or not all(isinstance(choice, str) for choice in choices):
            raise ValueError(f"choices are {shortened(choices)!r}, not a list of texts")
        if choices and not split_choices(question)[1]:
            question = f"{question.strip()}\n{listed_choices(choices)}"
    answer = row.get("answer")
    if (
        answer is not None
        and str(answer).strip()
        and next(extract.announcements(extract.clean(text), "text"), None) is None
    ):
        text = f"{text.rstrip()}\nThe answer is {str(answer).strip()}"
    return question, text, ""


def _text(row: Mapping[str, Any], names: tuple[str, ...], what: str) -> str:
    for name in names:
        if name in row:
            value = row[name]
            if not isinstance(value, str) or not value.strip():
                raise ValueError(f"{name} is {shortened(value)!r}, not a text")
            return value
    found = ", ".join(map(str, row)) or "none"
    raise ValueError(f"no {what}: expected a column {' or '.join(names)}, found {shortened(found)}")
