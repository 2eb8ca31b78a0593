"""Rows from another laboratory brought into a store: what is new is added, what differs is kept apart and told.

Shared by the two ways a whole store comes home: as another DuckDB file (merge.py) and as Parquet (parquet_in.py). Facts
are append-only and keys are content hashes, so almost always a key that is here already is the same row. Where it is
not (two laboratories bought the same answer and were given different texts), the row that is here stays, the other
goes to the table `conflict`, and with it what was made from it: a verdict on their text is none on ours.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from ..errors import StoreError
from .tables import DERIVED, TELLING, Table, literal, quoted

SQL = Path(__file__).parent / "sql"
_CORPUS_MEMBER = "corpus_member"


@dataclass(frozen=True, slots=True)
class Incoming:
    """One table's rows as they come. `relation` is SQL that can be read from, with `columns` of `table` and, where
    `filed`, a column `filename`; `label` names the source where rows have none."""

    table: Table
    relation: str
    columns: tuple[str, ...]
    label: str
    filed: bool = False


@dataclass(frozen=True, slots=True)
class TakenIn:
    """What became of one table's rows: `new` were added, `differs` have a key that is here with other content,
    `follows` are derived from rows that differ. `apart` of those two were not in the table conflict before. `first`:
    one of those two, as JSON of its key and its file."""

    table: str
    rows: int
    new: int
    differs: int
    follows: int
    apart: int
    first: tuple[str, str] | None


def take_in(con: duckdb.DuckDBPyConnection, incoming: Sequence[Incoming]) -> list[TakenIn]:
    """Bring in every table, each in a transaction of its own, in the order given: derived ones behind their source.

    Interrupted, it is started again: what is here already is not added twice. StoreError: a key is there more than once
    within one source.
    """
    con.execute("SET preserve_insertion_order = false")
    done = []
    for one in incoming:
        con.execute("BEGIN")
        try:
            done.append(_take_in(con, one))
        except BaseException:
            con.execute("ROLLBACK")
            raise
        con.execute("COMMIT")
    return done


def _take_in(con: duckdb.DuckDBPyConnection, one: Incoming) -> TakenIn:
    table, key = one.table, one.table.key
    rows = _count(con, f"FROM {one.relation}")
    source = f"(FROM {one.relation})"
    if table.name == _CORPUS_MEMBER and _is_there(con, "apart_rationale"):
        source = f"({(SQL / 'corpus_member_spelled.sql').read_text().format(relation=one.relation)})"
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE known AS SELECT {quoted(key)} FROM {one.relation} "
        f'SEMI JOIN "{table.name}" USING ({quoted(key)})'
    )
    here = _count(con, "FROM known")
    con.execute(f"CREATE OR REPLACE TEMP TABLE apart AS {_apart(con, one, source, here)}")
    counts = dict(con.execute("SELECT reason, count(*) FROM apart GROUP BY ALL").fetchall())
    kept = _keep_apart(con, one, source) if counts else 0
    left_out = f"ANTI JOIN apart USING ({quoted(key)})" if counts else ""
    got = con.execute(
        f'INSERT OR IGNORE INTO "{table.name}" BY NAME SELECT {quoted(one.columns, "s")} FROM {source} AS s {left_out}'
    ).fetchone()
    new, differs, follows = int(got[0]) if got else 0, counts.get("differs", 0), counts.get("follows", 0)
    if new + here + follows != rows:
        raise StoreError(
            f"{one.label}: {rows - new - here - follows} rows of {table.name} repeat a key of {', '.join(key)} within "
            f"it; nothing of this table was taken. Next: ask for another export (cotdistill store export)"
        )
    first = con.execute("SELECT row_key, source FROM apart_first").fetchone() if counts else None
    return TakenIn(table.name, rows, new, differs, follows, kept, tuple(first) if first else None)


def _apart(con: duckdb.DuckDBPyConnection, one: Incoming, source: str, here: int) -> str:
    """SQL: the keys of rows that are kept apart, why, and whether what is derived from them is, too (`telling`).

    `here` of the keys are known already (the temporary table `known`); only their rows are compared."""
    table, key = one.table, one.table.key
    says = tuple(c for c in table.says if c in one.columns)
    tells = tuple(c for c in TELLING.get(table.name, ()) if c in one.columns)

    def hashed(columns: tuple[str, ...]) -> str:
        return f"hash({quoted(columns)})" if columns else "0"

    def part(relation: str) -> str:
        rows = f"{relation} SEMI JOIN known USING ({quoted(key)})"
        return f"(SELECT {quoted(key)}, {hashed(says)} AS said, {hashed(tells)} AS told FROM {rows})"

    # Hashes of this session stand for the rows' contents, so that a join holds no texts.
    pairs = f"{part(source)} AS s JOIN {part(quoted((table.name,)))} AS t USING ({quoted(key)})"
    found = (
        f"SELECT {quoted(key)}, 'differs' AS reason, s.told <> t.told AS telling FROM {pairs} WHERE s.said <> t.said"
    )
    if not here:
        found = f"SELECT {quoted(key)}, 'differs' AS reason, false AS telling FROM known"  # of no row
    column, parent = DERIVED.get(table.name, ("", ""))
    if parent and _is_there(con, f"apart_{parent}"):
        follows = (
            f"SELECT {quoted(key, 's')}, 'follows' AS reason, true AS telling FROM {source} AS s "
            f'SEMI JOIN apart_{parent} AS p ON p.apart_key = s."{column}" ANTI JOIN known USING ({quoted(key)})'
        )
        found = f"{found} UNION ALL {follows}"
    return found


def _keep_apart(con: duckdb.DuckDBPyConnection, one: Incoming, source: str) -> int:
    """Put the rows of `apart` into the table conflict, and remember their keys for what is derived from them."""
    table, key = one.table, one.table.key
    file = "s.filename" if one.filed else literal(one.label)
    row = _json(one.columns)
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE apart_row AS SELECT md5({literal(table.name)} || {row}) AS conflict_key, "
        f"{literal(table.name)} AS table_name, "
        f"{_json(key)} AS row_key, {row} AS content, "
        f"a.reason, {file} AS source, CAST(now() AT TIME ZONE 'UTC' AS TIMESTAMP) AS kept_at "
        f"FROM {source} AS s JOIN apart AS a USING ({quoted(key)})"
    )
    con.execute(
        "CREATE OR REPLACE TEMP TABLE apart_first AS "
        "SELECT row_key, source FROM apart_row ORDER BY reason <> 'differs', row_key LIMIT 1"
    )
    got = con.execute("INSERT OR IGNORE INTO conflict BY NAME FROM apart_row").fetchone()
    if table.name in TELLING:
        con.execute(
            f"CREATE OR REPLACE TEMP TABLE apart_{table.name} AS "
            f'SELECT DISTINCT "{table.name}_key" AS apart_key FROM apart WHERE telling'
        )
        if table.name == "rationale":
            con.execute(
                f"CREATE OR REPLACE TEMP TABLE apart_said AS SELECT s.rationale_key, s.text, s.realised_tokens "
                f"FROM {source} AS s SEMI JOIN apart_rationale AS a ON a.apart_key = s.rationale_key"
            )
    return int(got[0]) if got else 0


def _json(columns: tuple[str, ...]) -> str:
    """SQL: these columns of `s` as a JSON object."""
    return "to_json(struct_pack(" + ", ".join(f'"{c}" := s."{c}"' for c in columns) + "))::VARCHAR"


def _is_there(con: duckdb.DuckDBPyConnection, table: str) -> bool:
    return _count(con, f"FROM duckdb_tables() WHERE table_name = {literal(table)} AND temporary") > 0


def _count(con: duckdb.DuckDBPyConnection, rest: str) -> int:
    return int((con.execute(f"SELECT count(*) {rest}").fetchone() or (0,))[0])
