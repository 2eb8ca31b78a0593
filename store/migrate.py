"""Schema migrations: ordered .sql files, each applied in one transaction together with its own record.

A file's checksum is recorded when it is applied and compared at every open, so that an edited migration is noticed.
"""

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

import duckdb

from ..errors import StoreError
from .tables import literal

FOLDER = Path(__file__).parent / "migrations"
# Readable by DuckDB 1.5 clients too; files of the 2.0 default are not.
STORAGE_VERSION = "v1.5.0"
_RECORD = """CREATE TABLE IF NOT EXISTS migration (
    version INTEGER PRIMARY KEY, name VARCHAR NOT NULL, checksum VARCHAR NOT NULL, applied_at TIMESTAMP NOT NULL)"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One migration file: NNNN_name.sql."""

    version: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()


def all_migrations() -> tuple[Migration, ...]:
    """The migrations shipped with this version, in order."""
    found = [
        Migration(int(path.stem[:4]), path.stem[5:], path.read_text(encoding="utf-8"))
        for path in sorted(FOLDER.glob("[0-9][0-9][0-9][0-9]_*.sql"))
    ]
    return tuple(found)


def create(path: Path, upto: int | None = None) -> None:
    """Make an empty store at `path`: built beside it, then linked into place whole. StoreError: no such folder.

    `upto`: the schema it gets, for what comes from an older version; None: the newest.
    """
    if not path.parent.is_dir():
        raise StoreError(f"no folder {path.parent} for the store {path.name}. Next: mkdir -p {path.parent}")
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder:
        fresh = Path(folder) / "fresh.duckdb"
        con = duckdb.connect()
        try:
            con.execute(f"ATTACH {literal(str(fresh))} AS fresh (STORAGE_VERSION '{STORAGE_VERSION}')")
            con.execute("USE fresh")
            apply(con, path, upto)
            con.execute("USE memory")
            con.execute("DETACH fresh")
        finally:
            con.close()
        try:
            os.link(fresh, path)
        except FileExistsError:
            return  # another process was first; its store is as good
        except OSError:
            fresh.rename(path)  # a file system without hard links


def pending(con: duckdb.DuckDBPyConnection, path: Path) -> bool:
    """Whether the store lacks a migration. StoreError for a foreign file, a newer one, or an edited migration."""
    tables = {row[0] for row in con.execute("SELECT table_name FROM duckdb_tables() WHERE NOT internal").fetchall()}
    if "migration" not in tables:
        held = ", ".join(sorted(tables)[:3]) or "nothing"
        raise StoreError(f"{path} is a DuckDB file but not a cotdistill store (it holds: {held}). Next: --store FILE")
    done = dict(con.execute("SELECT version, checksum FROM migration").fetchall())
    known = {m.version: m for m in all_migrations()}
    if done and max(done) > max(known):
        raise StoreError(
            f"{path} has schema {max(done)}, this cotdistill knows up to {max(known)}. Next: pip install -U cotdistill"
        )
    for version, checksum in done.items():
        if known[version].checksum != checksum:
            raise StoreError(
                f"{path}: migration {version:04d} ({known[version].name}) was applied with another text than the "
                f"installed one. Next: install the cotdistill version that made this store"
            )
    return len(done) < len(known)


def schema(con: duckdb.DuckDBPyConnection) -> int:
    """The newest migration that the store has."""
    return int((con.execute("SELECT coalesce(max(version), 0) FROM migration").fetchone() or (0,))[0])


def apply(con: duckdb.DuckDBPyConnection, path: Path, upto: int | None = None) -> None:
    """Apply what is missing (up to the schema `upto`), each migration in a transaction with its record."""
    con.execute(_RECORD)
    done = {row[0] for row in con.execute("SELECT version FROM migration").fetchall()}
    for migration in all_migrations():
        if migration.version in done or (upto is not None and migration.version > upto):
            continue
        con.execute("BEGIN")
        try:
            con.execute(migration.sql)
            con.execute(
                "INSERT INTO migration VALUES (?, ?, ?, CAST(now() AT TIME ZONE 'UTC' AS TIMESTAMP))",
                [migration.version, migration.name, migration.checksum],
            )
        except duckdb.Error as error:
            con.execute("ROLLBACK")
            raise StoreError(f"{path}: migration {migration.version:04d} ({migration.name}) failed: {error}") from error
        con.execute("COMMIT")
