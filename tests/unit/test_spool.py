"""The spool: what was appended is there after a kill, torn lines are set aside, ingesting twice is harmless."""

import fcntl
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from cotdistill.errors import StoreError
from cotdistill.store import spool
from cotdistill.store.ingest import ingest
from cotdistill.store.spool import SpoolWriter
from cotdistill.store.store import Store

EVENT = {"run_key": "r", "happened_at": "2026-01-01T00:00:00.000000", "event": "started"}
WRITER = """
import sys
from pathlib import Path
from cotdistill.store.spool import SpoolWriter
writer = SpoolWriter(Path(sys.argv[1]), "test")
for i in range(10**9):
    writer.append("run_event", {"run_key": f"{i:09d}", "happened_at": "2026-01-01T00:00:00", "event": "started"})
    sys.stdout.write(f"{i}\\n")
    sys.stdout.flush()
"""


def test_a_segment_is_left_alone_while_its_writer_lives_and_removed_after_its_commit(store_path: Path) -> None:
    store = Store.open(store_path)
    with SpoolWriter(store.spool_dir, "test") as writer:
        writer.append("run_event", EVENT)
        assert ingest(store, store.spool_dir).busy == 1
        writer.rotate()
        assert ingest(store, store.spool_dir).new == 1
        writer.append("run_event", EVENT)
    done = ingest(store, store.spool_dir)
    assert (done.rows, done.new) == (1, 0)
    assert spool.segments(store.spool_dir) == []


def test_who_looks_at_a_segment_in_the_moment_of_its_opening_stops_no_writer(
    store_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, reached, lookers = fcntl.flock, threading.Event(), []

    def look() -> None:
        reached.wait()
        os.close(lookers[0])

    def flock(file: int, how: int) -> None:
        if not lookers:  # somebody was faster by a moment, and lets go of it
            [opening] = store_path.parent.rglob("*.opening")
            lookers.append(os.open(opening, os.O_RDONLY))
            real(lookers[0], fcntl.LOCK_EX)
            reached.set()
        real(file, how)

    looker = threading.Thread(target=look)
    looker.start()
    monkeypatch.setattr(fcntl, "flock", flock)
    with SpoolWriter(Store.open(store_path).spool_dir, "test") as writer:
        writer.append("run_event", EVENT)
    looker.join()


def test_a_torn_last_line_is_set_aside(store_path: Path) -> None:
    store = Store.open(store_path)
    with SpoolWriter(store.spool_dir, "test") as writer:
        writer.append("run_event", EVENT)
    [segment] = spool.segments(store.spool_dir)
    with segment.open("ab") as file:
        file.write(b'{"table":"run_event","row":{"run_key":"torn')
    done = ingest(store, store.spool_dir)
    assert (done.new, done.torn) == (1, 1)
    assert segment.with_suffix(".torn").read_bytes().endswith(b"torn")


def test_kill_9_loses_nothing_that_was_acknowledged(store_path: Path) -> None:
    store = Store.open(store_path)
    process = subprocess.Popen([sys.executable, "-c", WRITER, str(store.spool_dir)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    for _ in range(3000):
        process.stdout.readline()
    os.kill(process.pid, signal.SIGKILL)
    acknowledged = 3000 + len(process.stdout.read().splitlines())
    process.wait()
    process.stdout.close()
    ingest(store, store.spool_dir)
    with store.read() as con:
        count = con.execute("SELECT count(*) FROM run_event").fetchone()
    assert count is not None
    assert acknowledged <= count[0] <= acknowledged + 1


def test_a_full_disk_is_a_clear_stop_and_keeps_what_was_whole(
    store_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store.open(store_path)
    real = os.write

    def full(file: int, data: bytes) -> int:
        real(file, bytes(data)[:10])  # part of a line gets out, as on a disk that fills up
        raise OSError(28, "No space left on device")

    with SpoolWriter(store.spool_dir, "test") as writer:
        writer.append("run_event", EVENT)
        monkeypatch.setattr(os, "write", full)
        with pytest.raises(StoreError, match="No space left"):
            writer.append("run_event", EVENT | {"run_key": "s"})
        monkeypatch.setattr(os, "write", real)
        writer.append("run_event", EVENT | {"run_key": "t"})
    done = ingest(store, store.spool_dir)
    assert (done.new, done.torn) == (2, 0)


def test_lone_surrogates_and_line_separators_survive(store_path: Path) -> None:
    store = Store.open(store_path)
    with SpoolWriter(store.spool_dir, "test") as writer:
        writer.append("run_event", EVENT | {"run_key": "a", "detail": "line\u2028separator\nand \x00"})
        writer.append("run_event", EVENT | {"run_key": "b", "detail": "half \ud83d an emoji"})
    assert ingest(store, store.spool_dir).new == 2
    with store.read() as con:
        rows = con.execute("SELECT detail FROM run_event ORDER BY run_key").fetchall()
    assert rows[0] == ("line\u2028separator\nand \x00",)
    assert "half" in rows[1][0]


def test_ingest_refuses_a_file_in_place_of_a_folder(store_path: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "spool"
    wrong.write_text("")
    with pytest.raises(StoreError, match="not a spool folder"):
        ingest(Store.open(store_path), wrong)
