"""A small store with hostile texts and what a reader of an export has to find in it."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from cotdistill.store.cells import Cell
from cotdistill.store.corpora import Corpus, implicit_corpus
from cotdistill.store.export_rows import Recorded
from cotdistill.store.questions import add_questions
from cotdistill.store.spool import utc_now
from cotdistill.store.store import Store
from cotdistill.tasks import keys
from cotdistill.tasks.values import Question, Recipe

CELL = Cell("own", "me", Recipe(2, "original", "no", "1"))
# What breaks careless readers and writers: quotes, line breaks of all kinds, separators, JSON inside JSON, control
# characters, a byte order mark, right-to-left text, an emoji beyond the basic plane, trailing blanks, a very long line.
HOSTILE = (
    'First “quoted” and "straight",\nthen a line\u2028separator\u2029and \\boxed{4}. The answer is 4',
    'Tab\there,\r\nWindows line,\rold Mac line, {"a": [1, "\\n"]}. The answer is 4',
    "\ufeffA mark first, \x00nul\x07bell\x1b[31m, and \x85 next line. The answer is 4",
    "שלום, 数学 🧮 e\u0301 vs é. The answer is 4",
    '],\n[{"instruction": "no"}\n},\n{ The answer is 4',
    "Long: " + "x" * 70_000 + ". The answer is 4   \n",
    "4",
    "2024-05-01T00:00:00. The answer is 4",
)


def fill(path: Path, texts: Sequence[str] = HOSTILE, cell: Cell = CELL) -> tuple[Store, Corpus]:
    """A store whose one cell has these rationales, in this order or another, and its corpus of any verdict."""
    store = Store.open(path)
    asked = [
        Question(cell.dataset, "train", f"  What is {i}\u2028times “two”?\n{i} ", "choice", "A", (" one\t", "2 | 3"))
        if i % 3 == 2
        else Question(cell.dataset, "train", f"What is\n{i} and {i}?", "number", str(4))
        for i in range(len(texts))
    ]
    add_questions(store, asked)
    add_replies(store, cell, asked, texts)
    store.settle()
    return store, implicit_corpus(store, cell, any_verdict=True)


def add_replies(store: Store, cell: Cell, asked: Sequence[Question], texts: Sequence[str]) -> None:
    """One reply to each question."""
    made = [
        {"reply_key": keys.digest("lab", cell.key, q.key), "question_key": q.key, "teacher": cell.teacher}
        | {"status": "ok", "text": text, "sample_index": 0, "redo": 0, "received_at": utc_now()}
        for q, text in zip(asked, texts, strict=True)
    ]
    with store.write() as con:
        store.insert(con, "cell", [cell.row()])
        wanted = ("question_key", "sample_index", "reply_key")
        store.insert(con, "cell_member", [{"cell_key": cell.key} | {k: r[k] for k in wanted} for r in made])
        store.insert(con, "reply", made)


def with_validation(store: Store, corpus: Corpus, name: str = "split") -> Recorded:
    """The same rows as another recorded corpus, every third of them for validation."""
    chosen = keys.digest("split", corpus.corpus_hash)
    with store.write() as con:
        con.execute(
            "INSERT INTO corpus SELECT ?, ?, cell_key, n_rows, manifest, created_at FROM corpus WHERE corpus_hash = ?",
            [chosen, name, corpus.corpus_hash],
        )
        con.execute(
            "INSERT INTO corpus_member BY NAME SELECT * REPLACE (? AS corpus_hash, "
            "CASE WHEN position % 3 = 1 THEN 'validation' ELSE 'train' END AS split) FROM corpus_member "
            "WHERE corpus_hash = ?",
            [chosen, corpus.corpus_hash],
        )
    return Recorded(chosen, name, corpus.left_out, corpus.manifest)


def read_back(path: Path, format: str) -> list[tuple[str, str]]:
    """(prompt, completion) of each row of an exported file, by the standard library alone (Parquet: polars)."""
    if format == "parquet":
        return pl.read_parquet(path).select("prompt", "completion").rows()
    text = path.read_bytes().decode("utf-8")
    rows = json.loads(text) if path.suffix == ".json" else [json.loads(x) for x in text.split("\n") if x]
    return [_pair(row, format) for row in rows]


def _pair(row: Mapping[str, Any], format: str) -> tuple[str, str]:
    match format:
        case "alpaca":
            assert set(row) == {"instruction", "input", "output"} and row["input"] == ""
            return row["instruction"], row["output"]
        case "sharegpt":
            assert [set(turn) for turn in row["conversations"]] == [{"from", "value"}] * 2 and len(row) == 1
            assert [turn["from"] for turn in row["conversations"]] == ["human", "gpt"]
            return tuple(turn["value"] for turn in row["conversations"])  # type: ignore[return-value]
        case "chat":
            assert [set(turn) for turn in row["messages"]] == [{"role", "content"}] * 2 and len(row) == 1
            assert [turn["role"] for turn in row["messages"]] == ["user", "assistant"]
            return tuple(turn["content"] for turn in row["messages"])  # type: ignore[return-value]
        case _:
            assert set(row) == {"prompt", "completion"}
            return row["prompt"], row["completion"]
