"""Two laboratories share their stores as Parquet: every key and verdict stays, what differs is kept apart."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import polars as pl
import pytest
from store_lab import laboratory, right, table_rows

from cotdistill.errors import ConfigError, StoreError
from cotdistill.store import migrate
from cotdistill.store.cells import select_cells
from cotdistill.store.corpora import implicit_corpus
from cotdistill.store.merge import merge
from cotdistill.store.parquet_in import import_folder, open_folder
from cotdistill.store.parquet_out import CARD, MANIFEST, export_store
from cotdistill.store.store import Store
from cotdistill.tasks.values import Question

LATER = "2026-05-05T00:00:00.000000"


def wrong(question: Question) -> str:
    return "We guess. The answer is 999983"


def shared(store: Store, folder: Path) -> Path:
    export_store(store, folder)
    return folder


def hashes(folder: Path) -> dict[str, str]:
    return {name: t["content_hash"] for name, t in json.loads((folder / MANIFEST).read_text())["tables"].items()}


def test_export_import_export_is_the_same_content(tmp_path: Path) -> None:
    ours = laboratory(tmp_path / "a.duckdb", right)
    implicit_corpus(ours, select_cells(ours)[0])
    first = shared(ours, tmp_path / "a")
    theirs = Store.open(tmp_path / "b.duckdb")
    taken = import_folder(theirs, open_folder(first))
    assert {one.table: one.new for one in taken if one.new} == {
        "question": 12, "cell": 1, "reply": 12, "rationale": 12, "verdict": 12, "cell_member": 12, "attempt": 12,
        "corpus": 1, "corpus_member": 12,
    }  # fmt: skip
    assert sum(one.new + one.differs + one.follows for one in import_folder(theirs, open_folder(first))) == 0
    assert hashes(shared(theirs, tmp_path / "b")) == hashes(first)
    assert theirs.settle() == 0


def test_two_laboratories_keep_every_key_and_every_verdict_version(tmp_path: Path) -> None:
    ours = laboratory(tmp_path / "a.duckdb", right, n=10)
    theirs = laboratory(tmp_path / "b.duckdb", right, n=12, received_at=LATER, skip=[0])
    with theirs.write() as con:  # they judged by rules that we do not have
        con.execute("INSERT INTO verdict BY NAME SELECT * REPLACE ('999' AS rule_version) FROM verdict")
    taken = {one.table: one for one in import_folder(ours, open_folder(shared(theirs, tmp_path / "b")))}
    assert not any(one.differs + one.follows for one in taken.values())  # times and sources are no contents
    assert taken["reply"].new == 2
    assert table_rows(ours, "SELECT count(*) FROM reply") == [(12,)]
    assert table_rows(ours, "SELECT rule_version = '999', count(*) FROM verdict GROUP BY 1 ORDER BY 1") == [
        (False, 12),
        (True, 11),
    ]
    assert table_rows(ours, "SELECT count(*) FROM attempt") == [(21,)]  # both laboratories paid


def check_kept_apart(ours: Store) -> None:
    assert table_rows(ours, "SELECT table_name, reason, count(*) FROM conflict GROUP BY ALL ORDER BY 1, 2") == [
        ("rationale", "differs", 8),
        ("reply", "differs", 8),
        ("verdict", "differs", 8),
        ("verdict", "follows", 8),
    ]
    assert table_rows(ours, "SELECT DISTINCT text LIKE 'We count%' FROM reply WHERE received_at < '2026-02-01'") == [
        (True,)
    ]
    words = "SELECT DISTINCT content ->> '$.text' FROM conflict WHERE table_name = 'reply'"
    assert table_rows(ours, words) == [("We guess. The answer is 999983",)]
    # A verdict by their newer rules, on their words, says nothing of ours.
    newer = (
        "SELECT count(*) FROM verdict SEMI JOIN (FROM rationale SEMI JOIN (FROM reply WHERE text LIKE 'We count%') "
        "USING (reply_key)) USING (rationale_key) WHERE rule_version = '999'"
    )
    assert table_rows(ours, newer) == [(0,)]
    assert table_rows(ours, "SELECT count(*) FROM verdict WHERE rule_version = '999'") == [(2,)]


@pytest.mark.parametrize("way", ["parquet", "duckdb"])
def test_other_answers_under_the_same_keys_are_kept_apart(way: str, tmp_path: Path) -> None:
    ours = laboratory(tmp_path / "a.duckdb", right, n=8)
    theirs = laboratory(tmp_path / "b.duckdb", wrong, n=10, received_at=LATER)
    with theirs.write() as con:
        con.execute("INSERT INTO verdict BY NAME SELECT * REPLACE ('999' AS rule_version) FROM verdict")
    if way == "parquet":
        folder = open_folder(shared(theirs, tmp_path / "b"))
        taken = {one.table: one for one in import_folder(ours, folder)}
        assert (taken["reply"].new, taken["reply"].differs, taken["reply"].apart) == (2, 8, 8)
        key, file = taken["reply"].first or ("", "")
        assert json.loads(key).keys() == {"reply_key"}
        assert file == str(tmp_path / "b" / "reply" / "dataset=arith" / "teacher=gpt-4o" / "data_0.parquet")
        assert (taken["verdict"].differs, taken["verdict"].follows) == (8, 8)
    else:
        assert merge(ours, theirs.path).apart == 32
    check_kept_apart(ours)
    if way == "parquet":
        again = import_folder(ours, folder)
        assert sum(one.new + one.apart for one in again) == 0
        assert sum(one.differs + one.follows for one in again) == 32  # told every time
        assert all((one.first is not None) == bool(one.differs + one.follows) for one in again)
    else:
        again_merged = merge(ours, theirs.path)
        assert (again_merged.new, again_merged.apart) == (0, 0)
    check_kept_apart(ours)


def test_a_corpus_of_theirs_keeps_its_words(tmp_path: Path) -> None:
    ours = laboratory(tmp_path / "a.duckdb", right, n=8)
    theirs = laboratory(tmp_path / "b.duckdb", wrong, n=8)
    corpus = implicit_corpus(theirs, select_cells(theirs)[0], any_verdict=True)
    folder = open_folder(shared(theirs, tmp_path / "b"))
    import_folder(ours, folder)
    assert sum(one.new for one in import_folder(ours, folder)) == 0
    query = f"SELECT completion FROM corpus_row WHERE corpus_hash = '{corpus.corpus_hash}' ORDER BY position"
    assert [row[0] for row in table_rows(ours, query)] == [row.completion for row in corpus.rows]
    assert table_rows(
        ours, query.replace("completion FROM", "bool_and(is_altered) FROM").replace("ORDER BY position", "")
    ) == [(True,)]


def test_two_imports_at_once_and_in_either_order_hold_the_same(tmp_path: Path) -> None:
    one = shared(laboratory(tmp_path / "a.duckdb", right, n=9), tmp_path / "a")
    two = shared(laboratory(tmp_path / "b.duckdb", right, n=12, skip=[1, 2]), tmp_path / "b")
    for name, folders in (("ab", (one, two)), ("ba", (two, one))):
        store = Store.open(tmp_path / f"{name}.duckdb")
        for folder in folders:
            import_folder(store, open_folder(folder))
        shared(store, tmp_path / name)
    ab, ba = hashes(tmp_path / "ab"), hashes(tmp_path / "ba")
    assert ab["reply"] == ba["reply"]
    assert {name for name in ab if ab[name] != ba[name]} <= {"verdict"}  # judged_at: of who came first


def test_polars_duckdb_and_datasets_read_what_the_store_holds(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    store = laboratory(tmp_path / "a.duckdb", right)
    folder = shared(store, tmp_path / "a")
    wanted = sorted(table_rows(store, "SELECT rationale_key, text FROM rationale"))
    frame = pl.scan_parquet(folder / "rationale" / "**" / "*.parquet")
    assert sorted(frame.select("rationale_key", "text").collect().iter_rows()) == wanted
    assert frame.filter(pl.col("teacher") == "gpt-4o", pl.col("dataset") == "arith").collect().height == 12
    with duckdb.connect() as con:
        query = (
            f"SELECT rationale_key, text FROM read_parquet('{folder}/rationale/**/*.parquet', hive_partitioning = true)"
        )
        assert sorted(con.execute(query + " WHERE teacher = 'gpt-4o'").fetchall()) == wanted
        [reply] = con.execute(f"SELECT received_at FROM '{folder}/reply/**/*.parquet' LIMIT 1").fetchall()
        assert reply == table_rows(store, "SELECT received_at FROM reply LIMIT 1")[0]  # a time stays a time
    found = datasets.load_dataset(str(folder), "rationale", split="train", cache_dir=str(tmp_path / "cache"))
    assert sorted(zip(found["rationale_key"], found["text"], strict=True)) == wanted
    assert set(datasets.get_dataset_config_names(str(folder))) >= {"reply", "verdict", "question", "attempt"}


def test_names_of_data_sets_and_teachers_may_be_anything(tmp_path: Path) -> None:
    store = laboratory(tmp_path / "a.duckdb", right, n=3)
    odd = "org/model:v1 =%2F'\"é"
    with store.write() as con:
        con.execute("UPDATE reply SET teacher = ?", [odd])
        con.execute("UPDATE question SET dataset = '007'")
    folder = shared(store, tmp_path / "a")
    ours = Store.open(tmp_path / "b.duckdb")
    import_folder(ours, open_folder(folder))
    assert table_rows(ours, "SELECT DISTINCT teacher FROM reply") == [(odd,)]
    assert table_rows(ours, "SELECT DISTINCT dataset FROM question") == [("007",)]


def test_a_newer_folder_and_another_history_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = shared(laboratory(tmp_path / "a.duckdb", right, n=3), tmp_path / "a")
    newest = migrate.all_migrations()
    monkeypatch.setattr(migrate, "all_migrations", lambda: newest[:-1])
    with pytest.raises(StoreError, match=rf"schema {len(newest)} .*knows up to {len(newest) - 1}.*pip install -U"):
        open_folder(folder)
    monkeypatch.undo()
    about = json.loads((folder / MANIFEST).read_text())
    about["migrations"]["0001_spine"] = "other"
    (folder / MANIFEST).write_text(json.dumps(about))
    with pytest.raises(StoreError, match="0001_spine is not the one"):
        open_folder(folder)


def test_a_damaged_or_incomplete_folder_changes_nothing(tmp_path: Path) -> None:
    folder = shared(laboratory(tmp_path / "a.duckdb", right, n=3), tmp_path / "a")
    [file] = (folder / "reply").rglob("*.parquet")
    whole = file.read_bytes()
    for broken, words in ((whole[:-1], "bytes instead of"), (whole[:50] + b"x" + whole[51:], "SHA-256")):
        file.write_bytes(broken)
        with pytest.raises(StoreError, match=words):
            open_folder(folder)
    file.unlink()
    with pytest.raises(StoreError, match="is missing"):
        open_folder(folder)
    with pytest.raises(ConfigError, match="no exported store"):
        open_folder(tmp_path)
    with pytest.raises(ConfigError, match="cotdistill ingest"):
        open_folder(tmp_path / "a.duckdb")
    about = json.loads((folder / MANIFEST).read_text())
    about["tables"]["reply"]["files"][0]["path"] = "../a.duckdb"
    (folder / MANIFEST).write_text(json.dumps(about))
    with pytest.raises(ConfigError, match="outside the folder"):
        open_folder(folder)


def test_only_what_is_an_export_is_replaced(tmp_path: Path) -> None:
    store = laboratory(tmp_path / "a.duckdb", right, n=3)
    folder = shared(store, tmp_path / "out")
    (folder / "reply" / "stale.parquet").write_text("x")
    shared(store, tmp_path / "out")
    assert not (folder / "reply" / "stale.parquet").exists()
    assert "It holds test questions" in (folder / CARD).read_text()
    other = tmp_path / "theses"
    other.mkdir()
    (other / "mine.txt").write_text("mine")
    with pytest.raises(ConfigError, match="holds something else"):
        export_store(store, other)
    assert {p.name for p in tmp_path.iterdir()} == {"a.duckdb", "out", "theses"}


def test_a_killed_export_leaves_the_one_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from cotdistill.store import parquet_out

    store = laboratory(tmp_path / "a.duckdb", right, n=3)
    folder = shared(store, tmp_path / "out")
    before = hashes(folder)
    code = (
        "import os, sys; from pathlib import Path\n"
        "from cotdistill.store import parquet_out; from cotdistill.store.store import Store\n"
        "parquet_out.card = lambda about: os._exit(9)\n"
        "parquet_out.export_store(Store.open(Path(sys.argv[1])), Path(sys.argv[2]))\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(store.path), str(folder)], check=False)
    assert done.returncode == 9
    assert hashes(folder) == before
    assert (tmp_path / ".out.partial").is_dir()
    monkeypatch.setattr(parquet_out, "card", lambda about: "")
    shared(store, folder)
    assert not (tmp_path / ".out.partial").exists()
    shutil.rmtree(folder)


def test_rows_that_only_follow_are_told_with_their_place_every_time(tmp_path: Path) -> None:
    """Ours have no verdicts, so that theirs do not differ: they hang on words that do."""
    ours = laboratory(tmp_path / "a.duckdb", right, n=3)
    folder = shared(laboratory(tmp_path / "b.duckdb", wrong, n=3, received_at=LATER), tmp_path / "b")
    command = [sys.executable, "-m", "cotdistill", "store", "import", str(folder), "--store", str(ours.path)]
    for apart in (3, 0):
        with ours.write() as con:
            con.execute("DELETE FROM verdict")
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        [told] = [line for line in done.stderr.splitlines() if line.startswith("rows of verdict: ")]
        assert "3 are derived from rows that differ: kept apart" in told
        assert f"({apart} of them for the first time)" in told
        assert str(folder / "verdict") in told
