"""Vacuum: the store written anew without the space that DuckDB keeps for later, put in its place in one step.

The new file is built beside the old one while a read lock keeps writers out, and takes its name while that lock is
still held. Whoever opened the old file a moment before notices: store.connect compares it with what has the name then.
"""

import contextlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import duckdb

from ..errors import StoreError
from . import spool
from .backup import counts
from .locks import holders
from .migrate import STORAGE_VERSION
from .store import CONFIG, Store, locked_by
from .tables import literal


@dataclass(frozen=True, slots=True)
class Vacuumed:
    """Bytes of the file before and after, and the rows it holds."""

    before: int
    after: int
    n_rows: int


def vacuum(store: Store) -> Vacuumed:
    """Give back the store's unused space. StoreError: somebody works on the store (a harvest, a run, a shell), the new
    file does not hold what the old one does, or there is no room for both; the store is as it was then."""
    refuse_while_written(store)
    path = store.path.resolve()  # a link stays a link
    with store.session() as con:
        con.execute("CHECKPOINT")
    fresh = path.with_name(f".{path.name}.{os.getpid()}.vacuum")
    before = path.stat().st_size
    try:
        with contextlib.closing(duckdb.connect(config=CONFIG)) as con:
            store.patiently(lambda: _attach(con, path))
            con.execute(f"ATTACH {literal(str(fresh))} AS new (STORAGE_VERSION '{STORAGE_VERSION}')")
            con.execute("COPY FROM DATABASE old TO new")
            con.execute("USE old")
            was = counts(con)
            con.execute("USE new")
            now = counts(con)
            con.execute("USE memory")
            if was != now:
                raise StoreError(f"the new file of {path} differs ({now} for {was}). Next: cotdistill store check")
            con.execute("DETACH new")
            refuse_while_written(store)
            shutil.copymode(path, fresh)
            with fresh.open("rb") as file:
                os.fsync(file.fileno())
            fresh.replace(path)  # `old` still holds its lock
    except (OSError, duckdb.Error) as error:
        raise StoreError(
            f"{path} could not be written anew ({str(error).splitlines()[0]}); it is as it was. "
            f"Next: close what has it open, make room for a second copy, then the same command again"
        ) from error
    finally:
        for left in (fresh, fresh.with_name(fresh.name + ".wal")):
            left.unlink(missing_ok=True)
    return Vacuumed(before, path.stat().st_size, sum(now.values()))


def _attach(con: duckdb.DuckDBPyConnection, path: Path) -> None:
    try:
        con.execute(f"ATTACH {literal(str(path))} AS old (READ_ONLY)")
    except duckdb.IOException as error:
        raise locked_by(path, error) or error from error


def refuse_while_written(store: Store) -> None:
    """StoreError: a harvest, a training or an evaluation is at work on this store."""
    at_work = [f"{name} (process {pid})" for name, pid in holders(store.spool_dir)]
    at_work += [f"whoever writes {path.name}" for path in spool.segments(store.spool_dir) if spool.is_written(path)]
    if at_work:
        raise StoreError(
            f"{store.path} is being worked on by {', '.join(at_work)}. Next: wait for it (cotdistill status), then the "
            f"same command again"
        )
