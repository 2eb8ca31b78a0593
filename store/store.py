"""The store: one DuckDB file, opened only for the moment it is needed.

DuckDB lets one read-write process in and shuts all others out, readers too. So nobody here keeps a connection: every
use opens, works and closes, and waits its turn while another process (a shell, a harvest's flush) holds the file.
"""

import json
import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import duckdb
import polars as pl

from ..errors import StoreError
from . import migrate
from .frames import Stream

CONFIG: dict[str, Any] = {"autoinstall_known_extensions": False, "autoload_known_extensions": False}
FRUGAL_MEMORY = "48MB"
T = TypeVar("T")
_POLARS: dict[str, Any] = {
    "VARCHAR": pl.String,
    "VARCHAR[]": pl.List(pl.String),
    "INTEGER": pl.Int64,
    "BIGINT": pl.Int64,
    "DOUBLE": pl.Float64,
    "BOOLEAN": pl.Boolean,
    "TIMESTAMP": pl.String,
}


class Store:
    """A handle on one store file. Cheap to make; thread-safe: one connection at a time, nested uses share it.

    `patience_s` is how long to wait for another process to let go of the file; `on_wait` is told, once per wait, who
    holds it. With `read_only` nothing can be written by this handle. `threads`: how many DuckDB may use (None: all
    cores); one for who writes a little at a time beside other work, which keeps its memory small. StoreError when the
    patience is over, or when the file is not one of ours.
    """

    def __init__(
        self,
        path: Path,
        *,
        patience_s: float = 60.0,
        on_wait: Callable[[str], None] | None = None,
        read_only: bool = False,
        threads: int | None = None,
    ) -> None:
        self.path = path
        self.read_only = read_only
        self.patience_s = patience_s
        self.threads = threads
        self.on_wait = on_wait
        self._turn = threading.RLock()
        self._open: duckdb.DuckDBPyConnection | None = None
        self._open_read_only = False
        self._schemas: dict[str, dict[str, Any]] = {}

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        create: bool = True,
        patience_s: float = 60.0,
        on_wait: Callable[[str], None] | None = None,
        threads: int | None = None,
        on_upgrade: Callable[[Path], None] | None = None,
    ) -> "Store":
        """Open the store at `path`, created when missing and brought to the newest schema.

        Before an older schema is upgraded, the file is copied beside it; `on_upgrade` is told where. StoreError:
        `create` is False and there is no file, the folder is missing, the file is not a cotdistill store, it was
        written by a newer version, or there is no room for the copy.
        """
        store = cls(path, patience_s=patience_s, on_wait=on_wait, threads=threads)
        if not path.exists():
            if not create:
                raise StoreError(f"no store at {path}. Next: cotdistill questions load --dataset arith --store {path}")
            migrate.create(path)
        with store.read() as con:
            pending = migrate.pending(con, path)
        if pending:
            store._upgrade(on_upgrade)
        return store

    def _upgrade(self, told: Callable[[Path], None] | None) -> None:
        from .backup import beside, copy_of, stamp

        # The handle outlives the connection: closing it would let go of DuckDB's lock (backup.py).
        with self.path.open("rb") as file, self._connection(read_only=False) as con:
            if not migrate.pending(con, self.path):
                return  # another process was first
            con.execute("CHECKPOINT")
            copy = beside(self.path, f"schema-{migrate.schema(con):04d}.{stamp()}")
            copy_of(con, file, self.path, copy)
            if told:
                told(copy)
            migrate.apply(con, self.path)

    @property
    def spool_dir(self) -> Path:
        """Where received rows wait until they are in the store."""
        return self.path.with_name(self.path.name + ".spool")

    def dir_for(self, what: str) -> Path:
        """A folder beside the store for what does not belong in it, such as model weights: `x.duckdb` -> `x.runs/`."""
        return self.path.with_name(f"{self.path.stem}.{what}")

    @contextmanager
    def read(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A read-only connection. StoreError when a file that a query writes or spills to finds no space."""
        with self._disk_said(), self._connection(read_only=True) as con:
            yield con

    def frugally(self, work: Callable[[duckdb.DuckDBPyConnection], T], threads: int = 1) -> T:
        """Read with little memory: few threads, FRUGAL_MEMORY for DuckDB, the rest spilt beside the store.

        `work` is begun again without the limit where it does not suffice, so it must bear being done twice.
        """
        with self.read() as con:
            con.execute(
                f"SET threads = {threads}; SET memory_limit = '{FRUGAL_MEMORY}'; SET preserve_insertion_order = false"
            )
            try:
                return work(con)
            except duckdb.OutOfMemoryException:
                pass
            finally:
                con.execute("RESET memory_limit; RESET preserve_insertion_order")
                con.execute(f"SET threads = {self.threads}" if self.threads else "RESET threads")
            return work(con)

    @contextmanager
    def write(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A read-write connection in one transaction: committed at the end, rolled back on any error.

        StoreError when the disk is full or read-only: nothing of the transaction is in the store then.
        """
        with self._disk_said(), self._connection(read_only=False) as con:
            con.execute("BEGIN")
            try:
                yield con
            except BaseException:
                with suppress(duckdb.Error):  # a disk that is full may not let it, closing does it then
                    con.execute("ROLLBACK")
                raise
            con.execute("COMMIT")

    @contextmanager
    def session(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A read-write connection whose user commits by itself: for long work that may be interrupted between two of
        its transactions, such as a merge. Nobody else gets in meanwhile; StoreError as for `write`."""
        with self._disk_said(), self._connection(read_only=False) as con:
            yield con

    @contextmanager
    def _disk_said(self) -> Iterator[None]:
        try:
            yield
        except duckdb.Error as error:
            if (reason := _disk_trouble(error)) is None:
                raise
            raise StoreError(
                f"{self.path} cannot be used: {reason}. Nothing received before is lost. "
                f"Next: make room, then the same command again"
            ) from error

    def insert(self, con: duckdb.DuckDBPyConnection, table: str, rows: Sequence[Mapping[str, Any]]) -> int:
        """Insert `rows` (column name -> value; missing columns are NULL) where their key is new. Returns how many.

        Times are ISO strings in UTC (spool.utc_now). StoreError on a column the table does not have.
        """
        if not rows:
            return 0
        schema = self._schema(con, table)
        unknown = set().union(*(row.keys() for row in rows)) - schema.keys()
        if unknown:
            raise StoreError(f"{self.path}: table {table} has no column {', '.join(sorted(unknown))}")
        return self.insert_frame(con, table, pl.DataFrame([dict(row) for row in rows], schema=schema))

    def insert_frame(self, con: duckdb.DuckDBPyConnection, table: str, frame: pl.DataFrame) -> int:
        """Insert the rows of a polars frame, whose columns are the table's, where their key is new."""
        con.register("incoming", Stream(frame))
        try:
            done = con.execute(f'INSERT OR IGNORE INTO "{table}" BY NAME SELECT * FROM incoming').fetchone()
        finally:
            con.unregister("incoming")
        return int(done[0]) if done else 0

    def settle(self, progress: Callable[[str, int, int], None] | None = None) -> int:
        """Bring home every spool segment that nobody writes to, then parse and judge what is new.

        Returns the number of spool rows ingested. `progress(what, done, total)` is called as judging goes on.
        """
        from .ingest import ingest
        from .judge import judge

        report = ingest(self, self.spool_dir)
        judge(self, progress)
        return report.rows

    def _schema(self, con: duckdb.DuckDBPyConnection, table: str) -> dict[str, Any]:
        if table not in self._schemas:
            columns = con.execute(
                "SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = ? AND NOT internal", [table]
            ).fetchall()
            if not columns:
                raise StoreError(f"{self.path} has no table {table}")
            self._schemas[table] = {name: _POLARS[kind] for name, kind in columns}
        return self._schemas[table]

    @contextmanager
    def _connection(self, *, read_only: bool) -> Iterator[duckdb.DuckDBPyConnection]:
        if self.read_only and not read_only:
            raise StoreError(f"{self.path}: this handle of the store only reads")
        with self._turn:
            if self._open is not None:
                if self._open_read_only and not read_only:
                    raise StoreError(f"{self.path}: a write inside a read; close the reading block first")
                yield self._open
                return
            con = self._connect(read_only)
            self._open, self._open_read_only = con, read_only
            try:
                yield con
            finally:
                self._open = None
                con.close()

    def _connect(self, read_only: bool) -> duckdb.DuckDBPyConnection:
        return self.patiently(lambda: connect(self.path, read_only, self.threads))

    def patiently(self, attempt: Callable[[], T]) -> T:
        """Try again while another process holds the file, until the patience is over. StoreLocked then."""
        started, pause, told = time.monotonic(), 0.02, False
        while True:
            try:
                return attempt()
            except StoreLocked as error:
                waited = time.monotonic() - started
                if waited > self.patience_s:
                    raise StoreLocked(self.path, error.holder, waited) from error
                if not told and waited > 1.0 and self.on_wait:
                    self.on_wait(error.holder)
                    told = True
                time.sleep(pause)
                pause = min(pause * 1.5, 0.5)


class StoreLocked(StoreError):
    """Another process has the file open. `holder` says which."""

    def __init__(self, path: Path, holder: str, waited_s: float = 0.0) -> None:
        super().__init__(
            f"{path} is held open by {holder}; waited {waited_s:.0f} s. "
            f"Next: close that program, then the same command again"
        )
        self.holder = holder


def connect(path: Path, read_only: bool, threads: int | None = None) -> duckdb.DuckDBPyConnection:
    """One attempt to open the file. StoreLocked when another process has it, StoreError when it cannot be read."""
    if not path.exists():
        raise StoreError(f"no store at {path}. Next: cotdistill questions load --dataset arith --store {path}")
    try:
        config = CONFIG | ({"threads": threads} if threads else {})
        while True:
            named = path.stat().st_ino
            con = duckdb.connect(str(path), read_only=read_only, config=config)
            if path.stat().st_ino == named:
                return con
            con.close()  # a vacuum gave the name to another file meanwhile (vacuum.py)
    except duckdb.IOException as error:
        message = str(error)
        if locked := locked_by(path, error):
            raise locked from error
        if not os.access(path, os.R_OK if read_only else os.W_OK):
            raise StoreError(f"{path} may not be {'read' if read_only else 'written'} by this user") from error
        first = message.splitlines()[0] if message else "no reason given"
        raise StoreError(
            f"{path} is not a DuckDB file that can be opened ({first}). Next: name another file with --store"
        ) from error
    except duckdb.Error as error:
        raise StoreError(f"{path} cannot be opened: {str(error).splitlines()[0]}") from error


def locked_by(path: Path, error: duckdb.Error) -> StoreLocked | None:
    """Who holds the file, where that is why DuckDB could not open it."""
    if "lock" not in str(error).lower():
        return None
    pid = re.search(r"PID (\d+)", str(error))
    return StoreLocked(path, f"process {pid.group(1)}" if pid else "another process")


def _disk_trouble(error: duckdb.Error) -> str | None:
    """What the operating system says of the disk in a failed write; None where that is not the reason."""
    found = re.search(r"No space left on device|Read-only file system|Disk quota exceeded|File too large", str(error))
    return found[0] if found else None


def as_json(value: Any) -> str:
    """JSON text for a column that holds a document: sorted keys, so that equal values are equal text."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
