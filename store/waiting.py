"""What is received and not in the store yet, read from the spool beside it while others write there."""

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from . import spool

# Of each table, the columns that say how far a harvest is.
COLUMNS: Mapping[str, Mapping[str, Any]] = {
    "reply": {"reply_key": pl.String, "teacher": pl.String, "status": pl.String},
    "attempt": {
        "attempt_key": pl.String,
        "reply_key": pl.String,
        "teacher": pl.String,
        "status": pl.String,
        "usd": pl.Float64,
        "usd_basis": pl.String,
        "started_at": pl.String,
        "finished_at": pl.String,
    },
    "reservation": {"attempt_key": pl.String, "teacher": pl.String, "usd": pl.Float64},
}


def read_waiting(folder: Path) -> dict[str, pl.DataFrame]:
    """The spool's rows as one frame per table of COLUMNS, open segments included; a torn last line is left out.

    Read this before the store: a row that moves in between is then in both, and its key tells; the other way round it
    would be in neither.
    """
    rows: dict[str, list[dict[str, Any]]] = {table: [] for table in COLUMNS}
    marks = {f'{{"table":"{table}",'.encode(): table for table in COLUMNS}
    for path in spool.segments(folder):
        with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
            for line in file:
                table = marks.get(line[: line.find(b",") + 1])
                if table is None or not line.endswith(b"\n"):
                    continue
                with contextlib.suppress(ValueError, KeyError):
                    row = json.loads(line)["row"]
                    rows[table].append({name: row[name] for name in COLUMNS[table]})
    return {table: pl.DataFrame(rows[table], schema=dict(columns)) for table, columns in COLUMNS.items()}
