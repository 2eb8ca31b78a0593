"""Merge: what another store holds, brought into this one. How shards that ran on several machines become one store.

Every table's key says what a row is (content hashes, tasks/keys.py), so a row that is here already is the same row and
stays as it is: merging twice, or stores that overlap, changes nothing.
"""

from pathlib import Path

from ..errors import ConfigError
from .ingest import Ingested, ingest
from .store import Store

# About the file itself, not about the experiment.
OWN = ("migration", "job")


def merge(store: Store, other: Path) -> Ingested:
    """Copy the rows of the store at `other` that are not in `store`, in one transaction.

    `other` is brought to the newest schema first, and rows that wait in its spool are moved into it. ConfigError: it is
    `store` itself. StoreError: it is no cotdistill store, or cannot be written.
    """
    if other.resolve() == store.path.resolve():
        raise ConfigError(f"{other} is the store itself. Next: cotdistill ingest OTHER.duckdb --store {store.path}")
    source = Store.open(other, create=False)
    spooled = ingest(source, source.spool_dir)
    rows = new = 0
    with store.write() as con:
        con.execute(f"ATTACH '{str(other).replace(chr(39), chr(39) * 2)}' AS merged_in (READ_ONLY)")
        ours = {row[0] for row in con.execute(_KEYED, ["merged_in"]).fetchall()}
        for table in sorted(ours - set(OWN)):
            there = con.execute(f'SELECT count(*) FROM merged_in."{table}"').fetchone()
            done = con.execute(f'INSERT OR IGNORE INTO "{table}" BY NAME FROM merged_in."{table}"').fetchone()
            rows += int(there[0]) if there else 0
            new += int(done[0]) if done else 0
    return Ingested(spooled.segments, rows, new, spooled.busy, spooled.torn)


_KEYED = "SELECT table_name FROM duckdb_constraints() WHERE database_name = ? AND constraint_type = 'PRIMARY KEY'"
