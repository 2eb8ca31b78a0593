"""What every import of existing rationales shares: rows become cells, members and replies, in one transaction."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from ..tasks import keys
from ..tasks.choices import split_choices
from ..tasks.normalise import normalise
from ..tasks.values import Recipe
from .store import Store

STATUSES = ("ok", "empty", "malformed", "duplicate")
MEMBER = {"cell_key": pl.String, "question_key": pl.String, "sample_index": pl.Int32, "reply_key": pl.String}
REPLY = {
    "reply_key": pl.String,
    "question_key": pl.String,
    "teacher": pl.String,
    "status": pl.String,
    "text": pl.String,
    "sample_index": pl.Int32,
    "redo": pl.Int32,
    "received_at": pl.String,
    "import_source": pl.String,
    "import_file": pl.String,
    "import_row": pl.Int32,
}


@dataclass(frozen=True, slots=True)
class Faults:
    """How many rows of an import have each status."""

    ok: int = 0
    empty: int = 0
    malformed: int = 0
    duplicate: int = 0


@dataclass(frozen=True, slots=True)
class ImportedFile:
    """The replies of one file, ready for the store: `members` and `replies` have the columns of their tables."""

    file: str
    members: pl.DataFrame
    replies: pl.DataFrame

    def count(self, status: str) -> int:
        """Rows of one status."""
        return int((self.replies["status"] == status).sum())


class QuestionKeys:
    """Question keys of written questions, computed once per text; `by_text` maps the words of a question whose choices
    the row does not repeat to the key of the only question of its data set with those words."""

    def __init__(self, by_text: Mapping[tuple[str, str], str] | None = None) -> None:
        self._known: dict[tuple[str, str], str] = {}
        self._by_text = by_text or {}

    def key(self, dataset: str, written: str, choices: Iterable[str] | None = None) -> str:
        """The key of a question written as one text, or as a stem with `choices`."""
        if choices is not None:
            return keys.question_key(dataset, normalise(written), [normalise(choice) for choice in choices])
        at = (dataset, written)
        if at not in self._known:
            stem, found = split_choices(written)
            words = normalise(stem)
            key = keys.question_key(dataset, words, [normalise(choice) for choice in found])
            if not found:
                key = self._by_text.get((dataset, keys.text_key(words)), key)
            self._known[at] = key
        return self._known[at]


def imported_file(
    source: str,
    file: str,
    rows: Iterable[tuple[str | None, str | None, str]],
    *,
    question_keys: QuestionKeys,
    dataset: str,
    teacher: str,
    cell: str,
    received_at: str,
) -> ImportedFile:
    """Replies of one file from its rows: (question as written, rationale, the raw row for a malformed one).

    A row without a question or a rationale (None) is malformed and keeps its raw text; a blank rationale is empty; an
    exact repetition of an earlier row is a duplicate. `sample_index` counts the earlier rows on the same question.
    """
    seen: set[tuple[str, str]] = set()
    asked: dict[str, int] = {}
    columns: dict[str, list[Any]] = {"reply_key": [], "question_key": [], "status": [], "text": [], "sample_index": []}
    for n, (written, text, raw) in enumerate(rows):
        if written is None or text is None:
            status, body = "malformed", raw
        elif not text.strip():
            status, body = "empty", text
        else:
            status, body = ("duplicate" if (written, text) in seen else "ok"), text
            seen.add((written, text))
        question = question_keys.key(dataset, written or "")
        columns["reply_key"].append(keys.imported_reply_key(source, file, n))
        columns["question_key"].append(question)
        columns["status"].append(status)
        columns["text"].append(body)
        columns["sample_index"].append(asked.get(question, 0))
        asked[question] = asked.get(question, 0) + 1
    replies = pl.DataFrame(columns, schema_overrides={k: v for k, v in REPLY.items() if k in columns}).with_columns(
        teacher=pl.lit(teacher),
        redo=pl.lit(0, pl.Int32),
        received_at=pl.lit(received_at),
        import_source=pl.lit(source),
        import_file=pl.lit(file),
        import_row=pl.int_range(pl.len(), dtype=pl.Int32),
    )
    members = replies.select(pl.lit(cell).alias("cell_key"), "question_key", "sample_index", "reply_key")
    return ImportedFile(file, members, replies)


def cell_row(dataset: str, teacher: str, recipe: Recipe) -> dict[str, Any]:
    """A row of table cell."""
    return {
        "cell_key": keys.cell_key(
            dataset, teacher, recipe.level, recipe.format, recipe.gold_visible, recipe.prompt_version
        ),
        "dataset": dataset,
        "teacher": teacher,
        "level": recipe.level,
        "format": recipe.format,
        "gold_visible": recipe.gold_visible,
        "prompt_version": recipe.prompt_version,
    }


def write(
    store: Store, cells: list[dict[str, Any]], files: list[ImportedFile], file_rows: list[dict[str, Any]]
) -> tuple[int, int]:
    """Put an import into the store, all or nothing. Returns (replies that are new, replies whose question is there)."""
    members = pl.concat([f.members for f in files]) if files else pl.DataFrame(schema=MEMBER)
    replies = pl.concat([f.replies for f in files]) if files else pl.DataFrame(schema=REPLY)
    with store.write() as con:
        store.insert(con, "cell", cells)
        store.insert_frame(con, "cell_member", members)
        new = store.insert_frame(con, "reply", replies)
        store.insert(con, "import_file", file_rows)
        known = {key for (key,) in con.execute("SELECT question_key FROM question").fetchall()}
    matched = int(replies["question_key"].is_in(list(known)).sum())
    return new, matched


def questions_by_text(store: Store) -> dict[tuple[str, str], str]:
    """(data set, text_key) -> question_key for the words that only one question of its data set has."""
    with store.read() as con:
        rows = con.execute(
            "SELECT dataset, text_key, min(question_key) FROM question GROUP BY ALL HAVING count(*) = 1"
        ).fetchall()
    return {(dataset, text): key for dataset, text, key in rows}


def raw_text(row: object) -> str:
    """A malformed row as it is kept: JSON, cut at 10,000 characters."""
    return json.dumps(row, ensure_ascii=False, default=str)[:10_000]
