"""Merge: what another store, a DuckDB file, holds, brought into this one. How shards of several machines become one
store. (The same of a store that came as Parquet: parquet_in.py. What happens to the rows: merge_rows.py.)

Every table's key says what a row is (content hashes, tasks/keys.py), so a row that is here already is the same row and
stays as it is: merging twice, or stores that overlap, changes nothing.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ..errors import ConfigError
from .ingest import Ingested, ingest
from .merge_rows import Incoming, TakenIn, take_in
from .store import Store
from .tables import keyed_tables, literal


def merge(store: Store, other: Path) -> Ingested:
    """Copy the rows of the store at `other` that are not in `store`; rows that differ are kept apart (merge_rows.py).

    `other` is brought to the newest schema first, and rows that wait in its spool are moved into it. ConfigError: it is
    `store` itself. StoreError: it is no cotdistill store, or cannot be written.
    """
    if other.resolve() == store.path.resolve():
        raise ConfigError(f"{other} is the store itself. Next: cotdistill ingest OTHER.duckdb --store {store.path}")
    source = Store.open(other, create=False)
    spooled = ingest(source, source.spool_dir)
    tables = merge_file(store, other)
    return replace(
        spooled,
        rows=sum(one.rows for one in tables),
        new=sum(one.new for one in tables),
        apart=sum(one.apart for one in tables),
    )


def merge_file(
    store: Store, other: Path, columns: dict[str, tuple[str, ...]] | None = None, label: str | None = None
) -> Sequence[TakenIn]:
    """The same of a file that is at the newest schema, table by table. `columns`: of each table those that were there
    when its rows were written, and are compared; None: all. `label`: where its rows are said to come from."""
    with store.session() as con:
        con.execute(f"ATTACH {literal(str(other))} AS merged_in (READ_ONLY)")
        ours = {table.name: table for table in keyed_tables(con)}
        there = [ours[table.name] for table in keyed_tables(con, "merged_in") if table.name in ours]
        incoming = []
        for table in there:
            known = tuple(table.columns) if columns is None else columns.get(table.name, ())
            if known:
                incoming.append(Incoming(table, f'merged_in."{table.name}"', known, label or str(other)))
        return take_in(con, incoming)
