"""The store: creation, migrations, transactions, locks between processes, foreign files."""

import contextlib
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from cotdistill.errors import StoreError
from cotdistill.store import migrate
from cotdistill.store.locks import only_one
from cotdistill.store.spool import utc_now
from cotdistill.store.store import Store

EVENT = {"run_key": "r", "happened_at": "2026-01-01T00:00:00.000000", "event": "started"}
HOLD = """
import duckdb, sys, time
con = duckdb.connect(sys.argv[1])
print("held", flush=True)
time.sleep(float(sys.argv[2]))
"""


@contextlib.contextmanager
def held(path: Path, seconds: float) -> Iterator[int]:
    """The pid of another process that keeps the file open for a while, as somebody's shell does."""
    command = [sys.executable, "-c", HOLD, str(path), str(seconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process.pid
        finally:
            process.kill()


def test_open_creates_once_and_records_every_migration(store_path: Path) -> None:
    store = Store.open(store_path)
    Store.open(store_path)
    with store.read() as con:
        done = con.execute("SELECT version, checksum FROM migration ORDER BY version").fetchall()
    assert done == [(m.version, m.checksum) for m in migrate.all_migrations()]
    assert sorted(p.name for p in store_path.parent.iterdir()) == [store_path.name]


def test_migrations_are_numbered_without_gaps() -> None:
    assert [m.version for m in migrate.all_migrations()] == list(range(1, len(migrate.all_migrations()) + 1))


def test_a_store_of_every_earlier_schema_is_brought_up_to_date(
    store_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    newest = migrate.all_migrations()
    for upto in range(1, len(newest)):
        path = store_path.with_name(f"v{upto}.duckdb")
        monkeypatch.setattr(migrate, "all_migrations", lambda upto=upto: newest[:upto])
        migrate.create(path)
        monkeypatch.setattr(migrate, "all_migrations", lambda: newest)
        with Store.open(path).read() as con:
            assert con.execute("SELECT max(version) FROM migration").fetchone() == (len(newest),)


def test_an_edited_migration_is_noticed(store_path: Path) -> None:
    Store.open(store_path)
    with duckdb.connect(str(store_path)) as con:
        con.execute("UPDATE migration SET checksum = 'other' WHERE version = 1")
    with pytest.raises(StoreError, match="applied with another text"):
        Store.open(store_path)


def test_a_newer_schema_is_refused(store_path: Path) -> None:
    Store.open(store_path)
    with duckdb.connect(str(store_path)) as con:
        con.execute("INSERT INTO migration VALUES (9999, 'future', 'x', '2030-01-01')")
    with pytest.raises(StoreError, match="9999"):
        Store.open(store_path)


def test_foreign_and_broken_files_are_refused_and_left_alone(tmp_path: Path) -> None:
    foreign = tmp_path / "foreign.duckdb"
    with duckdb.connect(str(foreign)) as con:
        con.execute("CREATE TABLE mine (a INTEGER)")
    with pytest.raises(StoreError, match=r"not a cotdistill store \(it holds: mine\)"):
        Store.open(foreign)
    broken = tmp_path / "broken.duckdb"
    broken.write_text("this is no database")
    with pytest.raises(StoreError, match="not a DuckDB file"):
        Store.open(broken)
    assert broken.read_text() == "this is no database"
    with pytest.raises(StoreError, match="no folder"):
        Store.open(tmp_path / "missing" / "x.duckdb")


def test_a_failed_write_leaves_nothing(store_path: Path) -> None:
    store = Store.open(store_path)
    with pytest.raises(RuntimeError), store.write() as con:
        store.insert(con, "run_event", [EVENT])
        raise RuntimeError
    with store.read() as con:
        assert con.execute("SELECT count(*) FROM run_event").fetchone() == (0,)


def test_insert_ignores_known_keys_and_names_unknown_columns(store_path: Path) -> None:
    store = Store.open(store_path)
    with store.write() as con:
        assert store.insert(con, "run_event", [EVENT, EVENT | {"event": "heartbeat"}]) == 2
        assert store.insert(con, "run_event", [EVENT]) == 0
        with pytest.raises(StoreError, match="no column colour"):
            store.insert(con, "run_event", [EVENT | {"colour": "red"}])


def test_a_reader_waits_while_another_process_writes(store_path: Path) -> None:
    Store.open(store_path)
    told: list[str] = []
    store = Store(store_path, patience_s=30, on_wait=told.append)
    with held(store_path, 2.0) as pid, store.read() as con:
        assert con.execute("SELECT count(*) FROM reply").fetchone() == (0,)
    assert told == [f"process {pid}"]


def test_patience_ends_with_a_message_that_names_the_holder(store_path: Path) -> None:
    Store.open(store_path)
    impatient = Store(store_path, patience_s=0.2)
    with (
        held(store_path, 30.0) as pid,
        pytest.raises(StoreError, match=f"held open by process {pid}"),
        impatient.read(),
    ):
        pass


def test_threads_of_one_process_take_turns(store_path: Path) -> None:
    store = Store.open(store_path)

    def write(n: int) -> None:
        for i in range(5):
            with store.write() as con:
                store.insert(con, "run_event", [EVENT | {"run_key": f"{n}-{i}"}])
            with store.read() as con:
                con.execute("SELECT count(*) FROM run_event").fetchone()

    threads = [threading.Thread(target=write, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store.read() as con:
        assert con.execute("SELECT count(*) FROM run_event").fetchone() == (20,)


def test_views_resolve_when_attached_under_another_name(store_path: Path) -> None:
    store = Store.open(store_path)
    with store.read() as con:
        views = [row[0] for row in con.execute("SELECT view_name FROM duckdb_views() WHERE NOT internal").fetchall()]
    assert len(views) >= 5
    with duckdb.connect() as con:
        con.execute(f"ATTACH '{store_path}' AS another (READ_ONLY)")
        for view in views:
            assert con.execute(f"SELECT count(*) FROM another.{view}").fetchone() == (0,), view


def test_only_one_names_the_holder(tmp_path: Path) -> None:
    with (
        only_one(tmp_path, "harvest"),
        pytest.raises(StoreError, match="another harvest is at work"),
        only_one(tmp_path, "harvest"),
    ):
        pass
    with only_one(tmp_path, "harvest"):
        pass


def test_run_status_reads_interrupted_without_a_sign_of_life(store_path: Path) -> None:
    store = Store.open(store_path)
    run = dict.fromkeys(
        ("student", "base_dir", "base_hash", "corpus_hash", "trainer", "profile", "template", "output_dir", "versions"),
        "x",
    )
    with store.write() as con:
        for key in ("planned", "dead", "alive", "done", "broken"):
            store.insert(con, "run", [run | {"run_key": key, "seed": 1, "created_at": utc_now()}])
        store.insert(
            con, "run_event", [EVENT | {"run_key": "dead"}, EVENT | {"run_key": "alive", "happened_at": utc_now()}]
        )
        for key, event in (("done", "finished"), ("broken", "failed")):
            store.insert(con, "run_event", [EVENT | {"run_key": key, "event": event}])
    with store.read() as con:
        states = dict(con.execute("SELECT run_key, status FROM run_status").fetchall())
    assert states == {
        "planned": "planned",
        "dead": "interrupted",
        "alive": "running",
        "done": "finished",
        "broken": "failed",
    }


def test_a_finished_run_keeps_its_outcome_whatever_fails_later(store_path: Path) -> None:
    store = Store.open(store_path)
    run = {"run_key": "r", "seed": 1, "created_at": utc_now()} | dict.fromkeys(
        ("student", "base_dir", "base_hash", "corpus_hash", "trainer", "profile", "template", "output_dir", "versions"),
        "x",
    )
    seen = []
    with store.write() as con:
        store.insert(con, "run", [run])
        for second, event in enumerate(("failed", "finished", "failed")):
            at = f"2026-01-01T00:00:0{second}.000000"
            row = EVENT | {"event": event, "happened_at": at, "detail": f"{event} {second}"}
            store.insert(con, "run_event", [row])
            seen += con.execute("SELECT status, outcome FROM run_status").fetchall()
    assert seen == [("failed", "failed 0"), ("finished", "finished 1"), ("finished", "finished 1")]


def test_times_sort_as_text() -> None:
    first = utc_now()
    time.sleep(0.001)
    assert first < utc_now()
