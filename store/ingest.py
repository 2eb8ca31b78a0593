"""Ingest: move closed spool segments into the store. Insert-or-ignore, so doing it twice is harmless."""

import contextlib
import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from ..errors import StoreError
from . import spool
from .store import Store

BATCH_ROWS = 2_500
# Segments that are moved while the store is open once: whenever it is closed, DuckDB works its log into the file, which
# takes the longer the larger the store is (docs/scale.md). While it is open its memory grows, so a handle that is to
# stay small (Store.threads) moves one at a time.
TOGETHER = 20


@dataclass(frozen=True, slots=True)
class Ingested:
    """What an ingest did: segments moved, their rows, rows that were new, segments still written to, torn lines; of
    another store also rows that differ from those here and were kept apart for the first time (merge_rows.py)."""

    segments: int = 0
    rows: int = 0
    new: int = 0
    busy: int = 0
    torn: int = 0
    apart: int = 0


def ingest(store: Store, folder: Path) -> Ingested:
    """Move every segment of `folder` that nobody writes to into the store.

    A segment is removed only after the commit that holds its rows. A line that is no JSON (the torn last line of a
    killed writer) is set aside in NAME.torn beside it. StoreError when `folder` is a file, or a row does not fit.
    """
    if folder.exists() and not folder.is_dir():
        raise StoreError(f"{folder} is not a spool folder. Next: cotdistill ingest DIR")
    done, together = Ingested(), TOGETHER if store.threads is None else 1
    with contextlib.ExitStack() as held:
        for path in spool.segments(folder):
            with spool.locked(path) as file:
                if file is None:
                    done = _plus(done, Ingested(busy=1))
                    continue
                if done.segments % together == 0:
                    held.close()  # others get in between
                    held.enter_context(store.session())
                part = _ingest_one(store, path, file)
                path.unlink()
            done = _plus(done, part)
    return done


def _ingest_one(store: Store, path: Path, file: IO[bytes]) -> Ingested:
    rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
    torn: list[bytes] = []
    count = 0
    for line in file:
        try:
            record = json.loads(line)
            rows[record["table"]].append(record["row"])
            count += 1
        except (ValueError, KeyError, TypeError):
            torn.append(line)
    new = 0
    if count:
        with store.write() as con:
            for table, batch in rows.items():
                for start in range(0, len(batch), BATCH_ROWS):
                    new += store.insert(con, table, batch[start : start + BATCH_ROWS])
    if torn:
        try:
            path.with_suffix(".torn").write_bytes(b"".join(torn))
        except OSError as error:
            raise StoreError(
                f"cannot set aside the torn line of {path}: {error.strerror}. Next: make room, then cotdistill ingest"
            ) from error
    return Ingested(segments=1, rows=count, new=new, torn=len(torn))


def _plus(a: Ingested, b: Ingested) -> Ingested:
    return Ingested(a.segments + b.segments, a.rows + b.rows, a.new + b.new, a.busy + b.busy, a.torn + b.torn)
