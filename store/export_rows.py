"""A recorded corpus as it is exported: its rows in batches, and what its card says of it.

A million rows never exist at once: DuckDB sorts them within MEMORY (beyond it, on disk beside the store), hands them
over by Arrow in batches of BATCH, and each is written before the next is asked for.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from ..tasks.datasets.registry import DATASETS
from ..tasks.realised import PARSER_VERSION
from ..tasks.render import prompt_text
from .corpora import Corpus, find_corpora
from .store import Store

SQL = Path(__file__).parent / "sql"
BATCH = 20_000
MEMORY = "1GB"


@dataclass(frozen=True, slots=True)
class Recorded:
    """A corpus in the store, without its rows. `left_out` counts by reason."""

    corpus_hash: str
    name: str
    left_out: Mapping[str, Any]
    manifest: Mapping[str, Any]

    @classmethod
    def of(cls, corpus: Corpus) -> "Recorded":
        """The same corpus, its rows let go."""
        return cls(corpus.corpus_hash, corpus.name, corpus.left_out, corpus.manifest)


def recorded(store: Store, names: Sequence[str]) -> list[Recorded]:
    """The corpora of these names, families or hashes (corpora.find_corpora), their rows left where they are."""
    found = [(known, json.loads(known.manifest)) for known in find_corpora(store, names)]
    return [Recorded(c.corpus_hash, c.name, manifest.get("left_out", {}), manifest) for c, manifest in found]


def splits(con: duckdb.DuckDBPyConnection, corpus_hash: str) -> dict[str, int]:
    """Rows per split, `train` first."""
    rows = con.execute(
        "SELECT split, count(*) FROM corpus_member WHERE corpus_hash = ? GROUP BY ALL",
        [corpus_hash],
    ).fetchall()
    return dict(sorted(rows, key=lambda row: (row[0] != "train", row[0])))


def batches(
    con: duckdb.DuckDBPyConnection, corpus_hash: str, split: str, columns: Sequence[str]
) -> Iterator[pl.DataFrame]:
    """The rows of a split in the corpus's order, `columns` of each (store/formats.py names all)."""
    con.execute(f"SET memory_limit = '{MEMORY}'")
    query = "export_pairs" if set(columns) <= {"prompt", "completion"} else "export_rows"
    rows = con.sql((SQL / f"{query}.sql").read_text(), params={"corpus": corpus_hash, "split": split})
    for batch in rows.to_arrow_reader(BATCH):
        frame = pl.DataFrame(batch)
        asked = zip(frame["question"].to_list(), frame["choices"].to_list(), strict=True)
        prompts = pl.Series("prompt", [prompt_text(text, choices) for text, choices in asked], dtype=pl.String)
        yield frame.with_columns(prompts).select(columns)


def describe(con: duckdb.DuckDBPyConnection, corpus: Recorded) -> dict[str, Any]:
    """What manifest.json and the card say of a corpus: size, cells, what was left out, licences, teachers."""
    cells = _rows(con, "export_cells", corpus)
    questions = con.execute(
        "SELECT count(DISTINCT question_key) FROM corpus_member WHERE corpus_hash = ?", [corpus.corpus_hash]
    ).fetchone()
    return {
        "corpus_hash": corpus.corpus_hash,
        "n_rows": sum(cell["n_rows"] for cell in cells),
        "n_questions": questions[0] if questions else 0,
        "n_tokens": sum(cell["n_tokens"] or 0 for cell in cells),
        "token_counter": f"realised_tokens, version {PARSER_VERSION}",
        "splits": splits(con, corpus.corpus_hash),
        "cells": cells,
        "left_out": dict(corpus.left_out),
        "rules": dict(corpus.manifest),
        "datasets": [licence(name) for name in sorted({cell["dataset"] for cell in cells})],
        "teachers": _rows(con, "export_teachers", corpus),
    }


def _rows(con: duckdb.DuckDBPyConnection, query: str, corpus: Recorded) -> list[dict[str, Any]]:
    result = con.execute((SQL / f"{query}.sql").read_text(), {"corpus": corpus.corpus_hash})
    names = [column[0] for column in result.description or ()]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def licence(dataset: str) -> dict[str, Any]:
    """What is publicly known of the licence of a data set's questions; nothing is, of a user's own."""
    if dataset not in DATASETS:
        return {"dataset": dataset, "licence": None, "licence_from": None, "language": None, "note": None}
    spec = DATASETS[dataset]
    return {
        "dataset": dataset,
        "licence": spec.licence,
        "licence_from": spec.licence_from,
        "language": spec.language,
        "note": spec.licence_note or None,
    }
