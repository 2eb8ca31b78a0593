"""The spool: rows are received here first, as JSON lines, and moved into the store in batches.

A row is received when `append` returns: it is in the kernel, so killing this process cannot lose it; an fsync every
second and at close bounds what a power cut can take. A segment is locked (flock) by its writer; whoever holds the lock
of a closed segment may ingest and remove it.
"""

import contextlib
import fcntl
import json
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from ..errors import StoreError

SYNC_EVERY_S = 1.0
SEGMENT_ROWS = 2_000


def utc_now() -> str:
    """The time as the store wants it: ISO 8601, UTC, microseconds, no offset."""
    return datetime.now(UTC).replace(tzinfo=None).isoformat(timespec="microseconds")


class SpoolWriter:
    """Appends rows to a segment of `folder`; `name` says who writes (harvest, train, evaluate).

    Thread-safe. `rotate` closes the present segment for ingestion, and so do SEGMENT_ROWS rows, however long nobody
    ingests them; the next append opens another.
    StoreError when the disk is full or the folder cannot be written; what was appended before stays whole.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder
        self.name = name
        self.rows = 0
        self._guard = threading.Lock()
        self._file: int | None = None
        self._path: Path | None = None
        self._size = 0
        self._rows_here = 0
        self._count = 0
        self._dirty = False
        self._sync_failed: OSError | None = None
        self._closed = threading.Event()
        self._syncer: threading.Thread | None = None

    def __enter__(self) -> "SpoolWriter":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def append(self, table: str, row: Mapping[str, Any]) -> None:
        """Receive one row of `table`."""
        self.append_all([(table, row)])

    def append_all(self, rows: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
        """Receive several rows in one write: after a kill all of them are there, or none but for a torn last line."""
        data = b"".join(
            json.dumps({"table": table, "row": dict(row)}, ensure_ascii=False, separators=(",", ":")).encode(
                "utf-8", "replace"
            )
            + b"\n"
            for table, row in rows
        )
        with self._guard:
            if self._sync_failed is not None:
                raise self._unsynced(self._sync_failed)
            file = self._file if self._file is not None else self._start()
            try:
                _write_all(file, data)
            except OSError as error:
                with contextlib.suppress(OSError):
                    os.ftruncate(file, self._size)
                raise StoreError(
                    f"cannot write to the spool {self._path}: {error.strerror}. Nothing received before is lost. "
                    f"Next: make room, then the same command again"
                ) from error
            self._size += len(data)
            self.rows += len(rows)
            self._rows_here += len(rows)
            self._dirty = True
            if self._rows_here >= SEGMENT_ROWS:
                self._finish()

    def rotate(self) -> Path | None:
        """Close the present segment so that it can be ingested; None when nothing was appended since."""
        with self._guard:
            return self._finish()

    def close(self) -> None:
        """Close the last segment."""
        self._closed.set()
        with self._guard:
            self._finish()
        if self._syncer is not None:
            self._syncer.join()
            self._syncer = None

    def _start(self) -> int:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
            self._path = self.folder / f"{self.name}-{stamp}-{os.getpid()}-{self._count:05d}.jsonl"
            # Locked before it has its name, so that nobody ingests a segment in the moment between the two.
            hidden = self._path.with_suffix(".opening")
            file = os.open(hidden, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o644)
            fcntl.flock(file, fcntl.LOCK_EX)  # whoever asks `is_written` at this moment holds it as long as that
            hidden.rename(self._path)
            _sync_folder(self.folder)  # its name, too, survives a power cut
        except OSError as error:
            raise StoreError(
                f"cannot open a spool segment in {self.folder}: {error.strerror}. Next: check the disk and its rights"
            ) from error
        self._file, self._size, self._rows_here, self._count = file, 0, 0, self._count + 1
        if self._syncer is None:
            self._syncer = threading.Thread(target=self._sync_forever, daemon=True, name="spool-sync")
            self._syncer.start()
        return file

    def _finish(self) -> Path | None:
        if self._file is None:
            return None
        file, path = self._file, self._path
        self._file = self._path = None
        self._dirty = False
        try:
            os.fsync(file)
        except OSError as error:
            raise self._unsynced(error) from error
        finally:
            os.close(file)  # releases the lock
        return path

    def _sync_forever(self) -> None:
        while not self._closed.wait(SYNC_EVERY_S):
            with self._guard:
                if self._file is not None and self._dirty and self._sync_failed is None:
                    try:
                        os.fsync(self._file)
                    except OSError as error:
                        self._sync_failed = error  # whoever appends next is told
                    self._dirty = False

    def _unsynced(self, error: OSError) -> StoreError:
        return StoreError(
            f"the disk did not take what was written to the spool {self.folder}: {error.strerror}. What it did take is "
            f"kept. Next: check the disk, make room, then the same command again"
        )


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _write_all(file: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]


def segments(folder: Path) -> list[Path]:
    """The segments in a spool folder, oldest first, whether or not somebody still writes to them."""
    return sorted(folder.glob("*.jsonl")) if folder.is_dir() else []


@contextlib.contextmanager
def locked(path: Path) -> Iterator[IO[bytes] | None]:
    """The open segment while we hold its lock; None when its writer, or another ingester, has it or it is gone."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        yield None
        return
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
            return
        yield file if path.exists() else None


def is_written(path: Path) -> bool:
    """Whether somebody holds the lock of a segment: its writer, or who brings it home."""
    with locked(path) as file:
        return file is None and path.exists()
