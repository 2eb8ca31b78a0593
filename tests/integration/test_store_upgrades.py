"""Stores and exported folders of every earlier schema: nothing is lost on the way to the newest, and a copy is kept."""

from pathlib import Path

import duckdb
import pytest
from store_lab import old_store, table_rows

from cotdistill.store import migrate
from cotdistill.store.parquet_in import import_folder, open_folder
from cotdistill.store.parquet_out import content_hash, export_store
from cotdistill.store.store import Store
from cotdistill.store.tables import Table, keyed_tables

EARLIER = range(1, len(migrate.all_migrations()))


def contents(con: duckdb.DuckDBPyConnection, tables: list[Table]) -> dict[str, tuple[int, str]]:
    return {t.name: content_hash(con, f'"{t.name}"', tuple(t.columns)) for t in tables}


@pytest.mark.parametrize("upto", EARLIER)
def test_an_older_store_and_its_folder_keep_every_row(
    upto: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "theirs.duckdb"
    old = old_store(path, upto, monkeypatch)
    export_store(old, tmp_path / "theirs")
    with old.read() as con:
        tables = keyed_tables(con)
        before = contents(con, tables)
    monkeypatch.undo()

    told: list[Path] = []
    with Store.open(path, on_upgrade=told.append).read() as con:
        assert contents(con, tables) == before  # all columns that there were
        assert migrate.schema(con) == len(migrate.all_migrations())
        for (view,) in con.execute("SELECT view_name FROM duckdb_views() WHERE NOT internal").fetchall():
            con.execute(f"SELECT * FROM {view}").fetchall()
        upgraded = contents(con, keyed_tables(con))
    [copy] = told
    assert copy.name.startswith(f"theirs.schema-{upto:04d}.")
    with duckdb.connect(str(copy), read_only=True) as con:
        assert migrate.schema(con) == upto
        assert contents(con, tables) == before
    Store.open(path, on_upgrade=told.append)
    assert told == [copy]  # once

    ours = Store.open(tmp_path / "ours.duckdb")
    folder = open_folder(tmp_path / "theirs")
    assert folder.schema == upto
    assert sum(one.new for one in import_folder(ours, folder)) == 2 * len(tables)
    assert sum(one.new + one.differs for one in import_folder(ours, folder)) == 0
    with ours.read() as con:
        assert contents(con, keyed_tables(con)) == upgraded
    assert not [p.name for p in tmp_path.iterdir() if p.name.startswith(".")]


def test_a_row_from_before_a_column_is_the_same_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of a schema without verdict.strict_status says nothing of it, so it contradicts nobody who does."""
    old = old_store(tmp_path / "theirs.duckdb", 5, monkeypatch)
    export_store(old, tmp_path / "theirs")
    monkeypatch.undo()
    ours = Store.open(tmp_path / "ours.duckdb")
    import_folder(ours, open_folder(tmp_path / "theirs"))
    with ours.write() as con:
        con.execute("UPDATE verdict SET strict_status = 'correct'")
    again = {one.table: one for one in import_folder(ours, open_folder(tmp_path / "theirs"))}
    assert (again["verdict"].new, again["verdict"].differs) == (0, 0)
    assert table_rows(ours, "SELECT DISTINCT strict_status FROM verdict") == [("correct",)]


def test_without_room_for_the_copy_nothing_is_upgraded(store_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from cotdistill.errors import StoreError
    from cotdistill.store import backup

    old_store(store_path, 3, monkeypatch)
    monkeypatch.undo()

    def full(source: object, target: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(backup, "_copy", full)
    with pytest.raises(StoreError, match="No space left"):
        Store.open(store_path)
    with duckdb.connect(str(store_path), read_only=True) as con:
        assert migrate.schema(con) == 3
    assert [p.name for p in store_path.parent.iterdir()] == [store_path.name]
