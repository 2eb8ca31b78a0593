"""What rows are, table by table: their keys, what they say, and what they are derived from.

For whatever treats the store as rows without knowing the experiment: merging another store (merge.py), the store as
Parquet (parquet_out.py, parquet_in.py), backup and check.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb

SQL = Path(__file__).parent / "sql"
# About the file itself, not about the experiment: they stay where they are.
OWN = ("migration", "job")

# Columns that say where and when a row was made, beside times (`*_at`) that are in no key: two laboratories that made
# the same row differ in them, and agree all the same.
CIRCUMSTANCES: Mapping[str, frozenset[str]] = {
    "question": frozenset({"source"}),
    "corpus": frozenset({"name", "manifest"}),  # a corpus is its rows; names and rules are in corpus_name
    "run": frozenset({"base_dir", "output_dir", "versions"}),
    "conflict": frozenset({"source"}),
}

# table -> (its column, the table whose row it was made from): worthless where that row says something else.
DERIVED: Mapping[str, tuple[str, str]] = {
    "rationale": ("reply_key", "reply"),
    "verdict": ("rationale_key", "rationale"),
    "audit_text": ("rationale_key", "rationale"),
    "audit_copies": ("rationale_key", "rationale"),
    "fault": ("rationale_key", "rationale"),
    "rationale_score": ("rationale_key", "rationale"),
    "rationale_metric": ("rationale_key", "rationale"),
    "prediction_verdict": ("prediction_key", "prediction"),
}
# table -> the columns that derived rows are made from; where they are equal, what is derived holds for both.
TELLING: Mapping[str, tuple[str, ...]] = {
    "reply": ("status", "text", "reasoning"),
    "rationale": ("text",),
    "prediction": ("text",),
}
_FIRST = ("question", "cell", "reply", "rationale", "prediction")


@dataclass(frozen=True, slots=True)
class Table:
    """A table with a primary key. `columns`: name -> DuckDB type, in their order."""

    name: str
    key: tuple[str, ...]
    columns: Mapping[str, str]

    @property
    def says(self) -> tuple[str, ...]:
        """The columns that two rows of one key must agree in."""
        left_out = CIRCUMSTANCES.get(self.name, frozenset()).union(self.key)
        return tuple(c for c, kind in self.columns.items() if c not in left_out and not _is_time(c, kind))


def keyed_tables(con: duckdb.DuckDBPyConnection, database: str | None = None) -> list[Table]:
    """The tables that hold the experiment, what is derived behind what it is derived from. `database`: of an attached
    file; None: of the connection's own."""
    rows = con.execute((SQL / "tables.sql").read_text(), {"database": database}).fetchall()
    found = [Table(name, tuple(key), dict(zip(columns, kinds, strict=True))) for name, key, columns, kinds in rows]
    order = {name: place for place, name in enumerate(_FIRST)}
    return sorted((t for t in found if t.name not in OWN), key=lambda t: (order.get(t.name, len(order)), t.name))


def quoted(names: tuple[str, ...] | list[str], prefix: str = "") -> str:
    """Column names as SQL, `"a", "b"`; with a prefix, `p."a", p."b"`."""
    dot = f"{prefix}." if prefix else ""
    return ", ".join(f'{dot}"{name}"' for name in names)


def literal(text: str) -> str:
    """A string as SQL, where it cannot be bound (ATTACH, COPY, views)."""
    return "'" + text.replace("'", "''") + "'"


def _is_time(name: str, kind: str) -> bool:
    return kind == "TIMESTAMP" and name.endswith("_at")
