"""The store as Parquet, for others: a folder of partitioned files with a manifest, read back by parquet_in.py.

(SFT data sets for trainers are another export: export.py.) Every table with a key is a folder of its own; the large
ones are split by data set and teacher or student, so that a reader takes what it needs. DuckDB streams the rows into
the files within MEMORY. The folder appears whole or not at all.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import duckdb

from ..errors import ConfigError, Error
from . import migrate
from .export_rows import licence
from .ingest import ingest
from .parquet_card import card
from .spool import utc_now
from .store import Store
from .tables import Table, keyed_tables, literal, quoted

MANIFEST, CARD = "store-manifest.json", "README.md"
WRITTEN_BY = "cotdistill store export"
MEMORY = "2GB"
SQL = Path(__file__).parent / "sql"
# table -> (the query that adds what its folders are named by; None: its own columns, and those columns)
PARTITIONS: dict[str, tuple[str | None, tuple[str, ...]]] = {
    "question": (None, ("dataset",)),
    "reply": ("parquet_by_question", ("dataset", "teacher")),
    "rationale": ("parquet_by_reply", ("dataset", "teacher")),
    "verdict": ("parquet_by_rationale", ("dataset", "teacher")),
    "audit_text": ("parquet_by_rationale", ("dataset", "teacher")),
    "prediction": ("parquet_by_evaluation", ("dataset", "student")),
}
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class WrittenTable:
    """A table as it was written. `content_hash` is of its rows whatever their order and files (content_hash)."""

    name: str
    n_rows: int
    n_files: int
    n_bytes: int
    content_hash: str


def export_store(store: Store, folder: Path, progress: Progress | None = None) -> list[WrittenTable]:
    """Write every table of the experiment to `folder`, all of it as of one moment; an earlier export there is replaced.

    Closed spool segments are brought home first; meanwhile nobody writes to the store (a harvest goes on into its
    spool). The files are read back and compared with the store before the folder gets its name. ConfigError: `folder`
    holds something else, or another process is writing it. Error: the disk is full, or what was written differs.
    """
    ingest(store, store.spool_dir)
    with _new_folder(folder) as made, store.read() as con:
        con.execute(f"SET memory_limit = '{MEMORY}'")
        con.execute("SET preserve_insertion_order = false")
        tables, done = keyed_tables(con), []
        entries: dict[str, Any] = {}
        for n, table in enumerate(tables):
            entries[table.name], written = _write(con, table, made)
            done.append(written)
            if progress:
                progress(table.name, n + 1, len(tables))
        about = {
            "written_by": WRITTEN_BY,
            "version": metadata.version("cotdistill"),
            "written_at": utc_now(),
            "schema": max(m.version for m in migrate.all_migrations()),
            "migrations": {f"{m.version:04d}_{m.name}": m.checksum for m in migrate.all_migrations()},
            "content_hash": "of a table: xor over its rows of md5(to_json(row)), the columns in the order given here",
            "tables": entries,
            "datasets": [licence(name) for (name,) in con.execute(_DATASETS).fetchall()],
            "teachers": _dicts(con.execute((SQL / "parquet_teachers.sql").read_text())),
        }
        (made / CARD).write_text(card(about), encoding="utf-8")
        (made / MANIFEST).write_text(json.dumps(about, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return done


def content_hash(con: duckdb.DuckDBPyConnection, relation: str, columns: tuple[str, ...]) -> tuple[int, str]:
    """(rows, hash of their contents) of `columns` of something to read from, whatever the order of rows."""
    rows = f"(SELECT {quoted(columns)} FROM {relation})"
    found = con.execute(f"SELECT count(*), bit_xor(md5_number(to_json(r)::VARCHAR)) FROM {rows} AS r").fetchone()
    n, value = found or (0, None)
    return int(n), f"{int(value or 0):032x}"


def file_hash(path: Path) -> str:
    """The SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def parquet_files(paths: list[Path], *, filename: bool = False) -> str:
    """SQL that reads Parquet files as they are, whatever their folders are called."""
    named = ", ".join(literal(str(path)) for path in paths)
    return f"read_parquet([{named}], hive_partitioning = false, filename = {str(filename).lower()})"


def _write(con: duckdb.DuckDBPyConnection, table: Table, made: Path) -> tuple[dict[str, Any], WrittenTable]:
    query, by = PARTITIONS.get(table.name, (None, ()))
    source = f'FROM "{table.name}"' if query is None else (SQL / f"{query}.sql").read_text().format(table=table.name)
    columns = tuple(table.columns)
    n, digest = content_hash(con, f'"{table.name}"', columns)
    files: list[dict[str, Any]] = []
    if n:
        target = made / table.name
        options = "FORMAT parquet, COMPRESSION zstd, RETURN_STATS"
        if by:
            options += f", PARTITION_BY ({quoted(by)}), WRITE_PARTITION_COLUMNS"
        else:
            target.mkdir()
            target = target / "data_0.parquet"
        stats = con.execute(f"COPY ({source}) TO {literal(str(target))} ({options})")
        for entry in _dicts(stats):
            path = Path(entry["filename"])
            found = {"path": str(path.relative_to(made)), "n_rows": entry["count"], "n_bytes": path.stat().st_size}
            files.append(found | {"sha256": file_hash(path)})
        files.sort(key=lambda file: str(file["path"]))
        back = content_hash(con, parquet_files([made / file["path"] for file in files]), columns)
        if back != (n, digest):
            raise Error(
                f"{table.name}: what was written to {made} is not what the store holds ({back} for {(n, digest)}). "
                f"Next: cotdistill store check, and check the disk"
            )
    entry = {"key": list(table.key), "columns": dict(table.columns), "partitioned_by": list(by), "n_rows": n}
    written = WrittenTable(table.name, n, len(files), sum(file["n_bytes"] for file in files), digest)
    return entry | {"content_hash": digest, "files": files}, written


@contextlib.contextmanager
def _new_folder(folder: Path) -> Iterator[Path]:
    """A folder beside `folder` that takes its name and place when the block ends well, and goes when it does not."""
    if folder.exists() and not (folder.is_dir() and (not any(folder.iterdir()) or (folder / MANIFEST).exists())):
        raise ConfigError(f"{folder} holds something else than an exported store. Next: name another folder")
    made, old = folder.with_name(f".{folder.name}.partial"), folder.with_name(f".{folder.name}.replaced")
    made.mkdir(parents=True, exist_ok=True)
    handle = os.open(made, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigError(f"another export is writing {folder}. Next: wait for it, or name another") from None
        _empty(made)
        try:
            yield made
            shutil.rmtree(old, ignore_errors=True)
            if folder.exists():
                folder.rename(old)
            made.rename(folder)
            shutil.rmtree(old, ignore_errors=True)
        except BaseException:
            shutil.rmtree(made, ignore_errors=True)
            raise
    finally:
        os.close(handle)


def _empty(folder: Path) -> None:
    for entry in folder.iterdir():
        if entry.is_dir():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def _dicts(result: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    names = [column[0] for column in result.description or ()]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


_DATASETS = "SELECT DISTINCT dataset FROM question ORDER BY 1"
