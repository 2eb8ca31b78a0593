"""Backup: one more file that is the store as of one moment, taken while a harvest runs, opened and counted before it
gets its name.

DuckDB's lock keeps writers out for the time of the copy; a harvest goes on into its spool meanwhile. The lock is the
process's own (fcntl): closing any handle on the file would let go of it, so the handle that is copied from outlives the
connection.
"""

import contextlib
import os
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

import duckdb

from ..errors import ConfigError, StoreError
from .ingest import ingest
from .store import CONFIG, Store

SUFFIX = ".backup.duckdb"
_BLOCK = 1 << 24


@dataclass(frozen=True, slots=True)
class BackedUp:
    """A backup: its rows in all tables, and the spool segments that were still being written and are not in it."""

    path: Path
    n_bytes: int
    n_rows: int
    busy: int


def backup(store: Store, target: Path | None = None) -> BackedUp:
    """Copy the store to `target` (None: beside it, named by the time) and verify the copy.

    Closed spool segments are brought home first. ConfigError: `target` exists, or its folder does not. StoreError: the
    copy differs, or the disk is full; nothing is left of it then.
    """
    target = target or beside(store.path, stamp())
    if target.exists():
        raise ConfigError(f"{target} exists already. Next: cotdistill store backup OTHER{SUFFIX}")
    if not target.parent.is_dir():
        raise ConfigError(f"no folder {target.parent} for the backup. Next: mkdir -p {target.parent}")
    busy = ingest(store, store.spool_dir).busy
    with store.path.open("rb") as file, store.read() as con:
        n_rows = copy_of(con, file, store.path, target)
    return BackedUp(target, target.stat().st_size, n_rows, busy)


def stamp() -> str:
    """The time, as it stands in a backup's name."""
    return datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")


def beside(path: Path, name: str) -> Path:
    """`x.duckdb` -> `x.NAME.backup.duckdb`, in the same folder."""
    return path.with_name(f"{path.stem}.{name}{SUFFIX}")


def copy_of(con: duckdb.DuckDBPyConnection, file: IO[bytes], path: Path, target: Path) -> int:
    """Copy the store at `path`, which `con` holds and `file` reads, to `target`; returns the rows of the copy.

    What waits in DuckDB's log (a writer that was killed) is copied with it and worked in.
    """
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    log, partial_log = path.with_name(path.name + ".wal"), partial.with_name(partial.name + ".wal")
    try:
        with partial.open("wb") as out:
            _copy(file, out)
        if log.exists():
            shutil.copyfile(log, partial_log)
        with contextlib.closing(duckdb.connect(str(partial), config=CONFIG)) as copy:
            copy.execute("CHECKPOINT")
            there, here = counts(copy), counts(con)
        if there != here:
            differing = sorted(name for name in here.keys() | there.keys() if here.get(name) != there.get(name))
            raise StoreError(
                f"the copy {target} of {path} differs in {', '.join(differing)}; it was removed. "
                f"Next: cotdistill store check"
            )
        with partial.open("rb") as done:
            os.fsync(done.fileno())
        try:
            os.link(partial, target)  # never replaces a file
        except FileExistsError:
            raise
        except OSError:
            partial.rename(target)  # a file system without hard links
        return sum(there.values())
    except FileExistsError:
        raise ConfigError(f"{target} exists already. Next: cotdistill store backup OTHER{SUFFIX}") from None
    except (OSError, duckdb.Error) as error:
        raise StoreError(
            f"no backup of {path} could be made at {target} ({error}); nothing is left of it. "
            f"Next: make room (df -h {target.parent}), then the same command again"
        ) from error
    finally:
        partial.unlink(missing_ok=True)
        partial_log.unlink(missing_ok=True)


def counts(con: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Rows of every table of the file that is open."""
    names = con.execute(
        "SELECT table_name FROM duckdb_tables() WHERE NOT internal AND NOT temporary "
        "AND database_name = current_database() ORDER BY 1"
    ).fetchall()
    return {name: int((con.execute(f'SELECT count(*) FROM "{name}"').fetchone() or (0,))[0]) for (name,) in names}


def _copy(source: IO[bytes], target: IO[bytes]) -> None:
    """All of `source`; by reference, at once, where the file system can (XFS, Btrfs)."""
    left = os.fstat(source.fileno()).st_size
    if hasattr(os, "copy_file_range"):
        with contextlib.suppress(OSError):  # two file systems, or one that cannot: copied below, from where it stopped
            while left and (n := os.copy_file_range(source.fileno(), target.fileno(), min(left, 1 << 30))):
                left -= n
    while left and (block := os.read(source.fileno(), _BLOCK)):
        target.write(block)
        left -= len(block)
