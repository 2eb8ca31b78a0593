"""A store that is checked, backed up and compacted, also while others are at work on it."""

import json
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from store_lab import laboratory, right, table_rows, value

from cotdistill.errors import ConfigError, StoreError
from cotdistill.store import store as store_module
from cotdistill.store.backup import backup
from cotdistill.store.check import SQL, WORDS, _readable, check
from cotdistill.store.check_files import Finding
from cotdistill.store.locks import only_one
from cotdistill.store.migrate import STORAGE_VERSION
from cotdistill.store.spool import SpoolWriter
from cotdistill.store.store import Store
from cotdistill.store.tables import keyed_tables
from cotdistill.store.vacuum import vacuum

EVENT = {"run_key": "r", "happened_at": "2026-01-01T00:00:00.000000", "event": "started"}
HARVEST = """
import sys
from pathlib import Path
from cotdistill.store.ingest import ingest
from cotdistill.store.spool import SpoolWriter
from cotdistill.store.store import Store
store, n = Store(Path(sys.argv[1])), 0
row = {"run_key": "r", "event": "started"}
with SpoolWriter(store.spool_dir, "harvest") as spool:
    print("up", flush=True)
    while True:
        for _ in range(50):
            n += 1
            spool.append("run_event", row | {"happened_at": f"2026-01-01T00:00:00.{n:06d}"})
        spool.rotate()
        ingest(store, store.spool_dir)
        print(n, flush=True)
"""


# (code, whether it is wrong, what brings it about in a whole store)
MADE = [
    ("rationale-without-reply", True, "DELETE FROM reply"),
    ("verdict-without-rationale", True, "DELETE FROM rationale"),
    ("reply-lost", True, "DELETE FROM reply"),
    ("reply-without-attempt", True, "DELETE FROM attempt"),
    ("reply-without-member", True, "DELETE FROM cell_member"),
    ("member-without-cell", True, "DELETE FROM cell"),
    ("member-not-asked", False, "DELETE FROM verdict; DELETE FROM rationale; DELETE FROM reply; "
     "DELETE FROM attempt"),
    ("reply-without-question", False, "DELETE FROM question"),
    ("schema-missing", True, "DROP VIEW spend"),
    ("schema-missing", True, "ALTER TABLE fault DROP COLUMN other_key"),
    ("foreign-table", False, "CREATE TABLE mine (a INTEGER)"),
    ("prediction-without-evaluation", True, "INSERT INTO prediction SELECT 'p', 'e', question_key, 0, '', 1, 1, "
     "'stop', now()::TIMESTAMP FROM question LIMIT 1"),
    ("verdict-without-prediction", True, "INSERT INTO prediction_verdict BY NAME SELECT 'p' AS prediction_key, "
     "* EXCLUDE (rationale_key) FROM verdict LIMIT 1"),
    ("corpus-incomplete", True, "INSERT INTO corpus VALUES ('c', 'n', NULL, 3, '{}', now()::TIMESTAMP)"),
    ("event-without-run", True, "INSERT INTO run_event VALUES ('r', now()::TIMESTAMP, 'started', NULL)"),
    ("conflict", False, "INSERT INTO conflict VALUES ('k', 'reply', '{}', '{}', 'differs', 'f', now()::TIMESTAMP)"),
    ("member-not-answered", False, "DELETE FROM verdict; DELETE FROM rationale; DELETE FROM reply; "
     "UPDATE attempt SET status = 'unavailable'"),
]  # fmt: skip
# code -> the table of which a row that names nothing that is there brings it about
DANGLING = {
    "batch-member-without-batch": "batch_member",
    "corpus-member-without-rationale": "corpus_member",
    "corpus-name-without-corpus": "corpus_name",
    "evaluation-without-run": "evaluation",
    "fault-without-rationale": "fault",
    "prediction-without-question": "prediction",
    "run-without-corpus": "run",
}


def codes(found: list[Finding]) -> dict[str, bool]:
    return {one.code: one.wrong for one in found}


def cotdistill(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "cotdistill", *words], capture_output=True, text=True, check=False)


@pytest.fixture
def lab(tmp_path: Path) -> Store:
    return laboratory(tmp_path / "store.duckdb", right, n=8)


def test_a_whole_store_has_no_findings(lab: Store) -> None:
    assert check(lab) == []


@pytest.mark.parametrize(("code", "wrong", "sql"), MADE)
def test_what_is_not_as_it_should_be_is_found(code: str, wrong: bool, sql: str, lab: Store) -> None:
    with lab.session() as con:
        con.execute(sql)
    found = {one.code: one for one in check(lab)}
    assert found[code].wrong is wrong
    assert found[code].n >= 1
    assert found[code].first not in ("", "None")
    assert found[code].next


@pytest.mark.parametrize("code", DANGLING)
def test_a_row_that_names_nothing_that_is_there_is_found(code: str, lab: Store) -> None:
    with lab.write() as con:
        [table] = [one for one in keyed_tables(con) if one.name == DANGLING[code]]
        row = {name: value(name, kind, 0) for name, kind in table.columns.items()}
        assert lab.insert(con, table.name, [row]) == 1
    found = {one.code: one for one in check(lab)}
    assert (found[code].wrong, found[code].n) == (True, 1)
    assert found[code].first in row.values()


def test_a_key_that_occurs_twice_is_found(lab: Store) -> None:
    """DuckDB lets no such rows in, so that the query is shown on columns that are no key."""
    with lab.read() as con:
        [found] = _readable(con, "reply", ("teacher", "status"))
        assert (found.code, found.n, found.first) == ("duplicate-key", 1, "reply gpt-4o ok")


def test_every_question_of_orphans_has_words_and_is_made_here() -> None:
    asked = set(re.findall(r"SELECT '([a-z-]+)'", (SQL / "check_orphans.sql").read_text()))
    others = {"damaged-block", "duplicate-key", "schema-missing", "foreign-table"}
    assert asked == set(WORDS) - others
    assert asked <= {code for code, _, _ in MADE} | DANGLING.keys()


def test_a_damaged_block_is_found(lab: Store) -> None:
    with lab.write() as con:
        con.execute(
            "INSERT INTO reply BY NAME SELECT y.* REPLACE (reply_key || i AS reply_key, "
            "text || repeat(md5(i::VARCHAR), 40) AS text) FROM reply AS y, range(2000) AS r(i)"
        )
    with lab.session() as con:
        con.execute("CHECKPOINT")
        [block] = con.execute(
            "SELECT block_id FROM pragma_storage_info('reply') WHERE column_name = 'text' AND block_id >= 0"
        ).fetchone() or (0,)
    place = 3 * 4096 + block * 262144 + 100_000
    with lab.path.open("r+b") as file:
        file.seek(place)
        byte = file.read(1)
        file.seek(place)
        file.write(bytes([byte[0] ^ 255]))
    [found] = [one for one in check(lab) if one.wrong]
    assert (found.code, found.first) == ("damaged-block", "reply")
    assert "checksum" in found.what


def test_what_lies_beside_is_told(lab: Store) -> None:
    with SpoolWriter(lab.spool_dir, "train") as writer:
        writer.append("run_event", EVENT)
        assert codes(check(lab)) == {"spool-open": False}
        path = writer.rotate()
        assert path
    with path.open("ab") as file:
        file.write(b'{"torn')
    [waiting] = check(lab)
    assert (waiting.code, waiting.wrong) == ("spool-waiting", False)
    assert "1 rows" in waiting.what
    assert "torn last line" in waiting.what
    lab.settle()
    (lab.spool_dir / "holiday.jpg").write_text("")
    (lab.spool_dir / "harvest-1.opening").write_text("")
    lab.path.with_name(".store.duckdb.999999999.vacuum").write_text("")
    lab.path.with_name(".store.duckdb.asked-abc").mkdir()
    found = {one.code: one for one in check(lab)}
    assert {code: one.wrong for code, one in found.items()} == {
        "spool-torn": True,
        "event-without-run": True,
        "spool-foreign": True,
        "spool-opening": False,
        "left-behind": False,
    }
    assert found["left-behind"].n == 2


def test_the_verb_says_what_to_do_and_its_exit_code_says_whether_it_is_wrong(lab: Store) -> None:
    done = cotdistill("store", "check", "--store", str(lab.path), "--json")
    assert (done.returncode, json.loads(done.stdout)) == (0, [])
    with lab.write() as con:
        con.execute("DELETE FROM rationale")
    done = cotdistill("store", "check", "--store", str(lab.path), "--json")
    assert done.returncode == 1
    [found] = json.loads(done.stdout)
    assert (found["code"], found["wrong"], found["n"]) == ("verdict-without-rationale", True, 8)
    assert "verdict-without-rationale: Next: cotdistill ingest" in done.stderr


def test_a_backup_is_whole_while_a_harvest_writes(lab: Store, tmp_path: Path) -> None:
    command = [sys.executable, "-c", HARVEST, str(lab.path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as harvest:
        try:
            assert harvest.stdout is not None
            assert harvest.stdout.readline() == "up\n"
            said = [int(harvest.stdout.readline()) for _ in range(3)][-1]
            done = [backup(lab, tmp_path / f"{n}.duckdb") for n in range(3)]
        finally:
            harvest.kill()
    for one in done:
        with duckdb.connect(str(one.path), read_only=True) as con:
            [(n, last)] = con.execute("SELECT count(*), max(happened_at)::VARCHAR FROM run_event").fetchall()
            assert n >= said
            assert n % 50 == 0  # whole segments, and every row up to the last
            assert last.endswith(f"{n:06d}".rstrip("0"))
            assert con.execute("SELECT count(*) FROM reply").fetchone() == (8,)
        assert codes(check(Store(one.path))) == {"event-without-run": True}
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".")]


def test_what_a_killed_writer_left_in_duckdbs_log_is_backed_up(lab: Store, tmp_path: Path) -> None:
    code = (
        "import duckdb, os, sys; con = duckdb.connect(sys.argv[1]); "
        "con.execute(\"INSERT INTO run_event VALUES ('killed', now()::TIMESTAMP, 'started', NULL)\"); os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", code, str(lab.path)], check=False)
    assert lab.path.with_name("store.duckdb.wal").exists()
    copy = tmp_path / "copy.duckdb"
    with lab.path.open("rb") as file, lab.read() as con:  # as a backup of a store on a read-only disk
        from cotdistill.store.backup import copy_of

        copy_of(con, file, lab.path, copy)
    assert not copy.with_name("copy.duckdb.wal").exists()
    assert table_rows(Store(copy), "SELECT run_key FROM run_event") == [("killed",)]


def test_writers_stay_out_while_a_backup_is_copied(lab: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Closing a handle in the process lets go of DuckDB's lock: the copy must not do that before its end."""
    from cotdistill.store import backup as module

    tried: list[str] = []
    real: Callable[..., None] = module._copy

    def copy(source: object, target: object) -> None:
        real(source, target)
        code = "import duckdb, sys; duckdb.connect(sys.argv[1])"
        done = subprocess.run([sys.executable, "-c", code, str(lab.path)], capture_output=True, text=True, check=False)
        tried.append(done.stderr)

    monkeypatch.setattr(module, "_copy", copy)
    backup(lab, tmp_path / "copy.duckdb")
    assert "Conflicting lock" in tried[0]


def test_a_backup_replaces_nothing_and_leaves_nothing(
    lab: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cotdistill.store import backup as module

    with pytest.raises(ConfigError, match="exists already"):
        backup(lab, lab.path)
    with pytest.raises(ConfigError, match="no folder"):
        backup(lab, tmp_path / "nowhere" / "x.duckdb")

    def half(source: object, target: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "_copy", half)
    with pytest.raises(StoreError, match=r"No space left.*make room"):
        backup(lab, tmp_path / "x.duckdb")
    assert not (tmp_path / "x.duckdb").exists()
    assert not list(tmp_path.glob(".*"))


def test_a_vacuum_gives_back_the_space_and_keeps_the_rows(lab: Store, tmp_path: Path) -> None:
    with lab.write() as con:
        con.execute("CREATE TABLE big AS SELECT repeat(md5(i::VARCHAR), 3) AS a FROM range(200000) AS r(i)")
    with lab.session() as con:
        con.execute("CHECKPOINT")  # what comes now lies behind it
        con.execute(
            "INSERT INTO run_step BY NAME SELECT 'r' AS run_key, now()::TIMESTAMP AS happened_at, i AS step, "
            "random() AS loss FROM range(50000) AS r(i)"
        )
        con.execute("CHECKPOINT")
    with lab.session() as con:
        con.execute("DROP TABLE big")
        con.execute("CHECKPOINT")
    before = check(lab)
    rows = table_rows(lab, "FROM reply ORDER BY reply_key")
    link = tmp_path / "link.duckdb"
    link.symlink_to(lab.path)
    done = vacuum(Store(link))
    assert done.after < done.before / 2
    assert link.is_symlink()
    assert table_rows(lab, "FROM reply ORDER BY reply_key") == rows
    assert check(lab) == before == []
    with lab.write() as con:  # keys are still kept
        assert lab.insert(con, "run_event", [EVENT]) == 1
        assert lab.insert(con, "run_event", [EVENT]) == 0
    with duckdb.connect(str(lab.path), read_only=True) as con:
        tags = con.execute("SELECT tags FROM duckdb_databases() WHERE NOT internal").fetchone()
        assert STORAGE_VERSION in str(tags)  # DuckDB 1.5 clients still open it
    assert not list(tmp_path.glob(".*"))


def test_a_vacuum_is_refused_while_somebody_writes(lab: Store) -> None:
    with (
        only_one(lab.spool_dir, "harvest"),
        pytest.raises(StoreError, match=r"being worked on by harvest \(process \d+\)"),
    ):
        vacuum(lab)
    with SpoolWriter(lab.spool_dir, "train") as writer:
        writer.append("run_event", EVENT)
        with pytest.raises(StoreError, match="whoever writes train-"):
            vacuum(lab)
    code = "import duckdb, sys; con = duckdb.connect(sys.argv[1]); print('up', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code, str(lab.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as shell:
        assert shell.stdout is not None
        shell.stdout.readline()
        with pytest.raises(StoreError, match=f"held open by process {shell.pid}"):
            vacuum(Store(lab.path, patience_s=0.1))
        shell.kill()
    assert not list(lab.path.parent.glob(".*"))


def test_writers_that_wait_during_a_vacuum_write_into_the_new_file(lab: Store) -> None:
    """Rows written while the file is swapped are in it afterwards: nobody is left with the old one."""
    over, failed = threading.Event(), []
    code = HARVEST.replace("while True", "while n < 2000")
    with subprocess.Popen([sys.executable, "-c", code, str(lab.path)], stdout=subprocess.PIPE, text=True) as harvest:
        assert harvest.stdout is not None
        assert harvest.stdout.readline() == "up\n"

        def swap() -> None:
            while not over.is_set():
                try:
                    vacuum(Store(lab.path, patience_s=30))
                except StoreError as error:
                    if "being worked on" not in str(error):
                        failed.append(str(error))

        thread = threading.Thread(target=swap)
        thread.start()
        said = harvest.stdout.read().split()[-1]
        assert harvest.wait() == 0
        over.set()
        thread.join()
    assert not failed
    lab.settle()
    assert table_rows(lab, "SELECT count(*) FROM run_event") == [(int(said),)]


def test_a_connection_to_a_file_that_lost_its_name_is_made_again(lab: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    other = lab.path.with_name("other.duckdb")
    laboratory(other, right, n=3)
    real = duckdb.connect

    def swapped(path: str, **kwargs: object) -> duckdb.DuckDBPyConnection:
        con = real(path, **kwargs)  # type: ignore[arg-type]
        if other.exists():
            other.replace(lab.path)  # between opening the file and holding its lock
        return con

    monkeypatch.setattr(store_module.duckdb, "connect", swapped)
    assert table_rows(lab, "SELECT count(*) FROM reply") == [(3,)]
