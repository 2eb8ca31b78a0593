"""Check: is the store whole? Every block read against its checksum, the schema, keys, rows that name rows that are not
there, and what lies beside the file.

What is wrong is told apart from what somebody may want to know (a harvest that is not finished, rows that wait); each
finding says what to do. Nothing is changed.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb

from . import migrate
from .check_files import Finding, look_beside
from .store import Store
from .tables import keyed_tables, quoted

SQL = Path(__file__).parent / "sql"
MEMORY = "2GB"
_BACKUP = "put a backup in its place (cotdistill store backup makes them), or ask whoever shares this store for theirs"
_MERGE = "cotdistill ingest OTHER.duckdb, or cotdistill store import DIR, of where these rows came from"

# code -> (what it is, what to do)
WORDS: dict[str, tuple[str, str]] = {
    "damaged-block": ("the table cannot be read whole", _BACKUP),
    "duplicate-key": ("rows share a key that only one may have", _BACKUP),
    "schema-missing": ("a part of the schema is not there, or is not as it was made", _BACKUP),
    "foreign-table": ("a table or view that is not cotdistill's", "move it to a file of your own; it is left alone"),
    "rationale-without-reply": ("rationales whose reply is not here", _MERGE),
    "verdict-without-rationale": ("verdicts on rationales that are not here", _MERGE),
    "fault-without-rationale": ("faults of rationales that are not here", _MERGE),
    "member-without-cell": ("wanted replies of a cell that is not here", _MERGE),
    "reply-without-member": ("bought replies that no cell wants", _MERGE),
    "reply-lost": ("replies that were paid for and are not here", "cotdistill ingest DIR, of the spool they wait in"),
    "reply-without-attempt": (
        "bought replies without a record of what was spent",
        "cotdistill ingest DIR, of their spool",
    ),
    "prediction-without-evaluation": ("predictions of an evaluation that is not here", _MERGE),
    "prediction-without-question": ("predictions on questions that are not here", "cotdistill questions load"),
    "verdict-without-prediction": ("verdicts on predictions that are not here", _MERGE),
    "evaluation-without-run": ("evaluations of a run that is not here", _MERGE),
    "run-without-corpus": ("runs on a corpus that is not here", _MERGE),
    "event-without-run": ("events of a run that is not here", _MERGE),
    "corpus-name-without-corpus": ("names of a corpus that is not here", _MERGE),
    "corpus-member-without-rationale": ("corpora with rows whose rationale is not here", _MERGE),
    "corpus-incomplete": ("corpora that have not the rows they were made of", _MERGE),
    "batch-member-without-batch": ("requests of a batch that is not here", _MERGE),
    "member-not-asked": ("replies that are wanted and were not asked for", "cotdistill generate, the same as before"),
    "member-not-answered": ("replies that were asked for in vain so far", "cotdistill generate, the same as before"),
    "reply-without-question": ("replies to questions that are not loaded", "cotdistill questions load"),
    "conflict": (
        "rows of others that differ from those here and are kept apart",
        'cotdistill sql "SELECT table_name, row_key, content FROM conflict"',
    ),
}


def check(store: Store, progress: Callable[[str, int, int], None] | None = None) -> list[Finding]:
    """Everything that is found, what is wrong first; empty: nothing. StoreError: the file cannot be opened at all."""
    found: list[Finding] = []
    with store.read() as con:
        con.execute(f"SET memory_limit = '{MEMORY}'")
        found += _schema(con, store.path)
        tables = keyed_tables(con)
        for n, table in enumerate(tables):
            found += _readable(con, table.name, table.key)
            if progress:
                progress(table.name, n + 1, len(tables))
        if not any(one.wrong for one in found):
            rows = con.execute((SQL / "check_orphans.sql").read_text()).fetchall()
            found += [_finding(code, n, first, wrong=wrong) for code, wrong, n, first in rows if n]
    found += look_beside(store.path, store.spool_dir)
    return sorted(found, key=lambda one: not one.wrong)


def _finding(code: str, n: int, first: str, *, wrong: bool = True, detail: str = "") -> Finding:
    what, action = WORDS[code]
    return Finding(code, wrong, n, str(first), what + (f": {detail}" if detail else ""), action)


def _readable(con: duckdb.DuckDBPyConnection, table: str, key: tuple[str, ...]) -> Iterator[Finding]:
    """Read all of a table: DuckDB compares every block with its checksum as it does."""
    try:
        con.execute(f'SELECT bit_xor(hash(r)) FROM "{table}" AS r').fetchone()
        twice = con.execute(
            f"SELECT count(*), min(k) FROM (SELECT concat_ws(' ', {quoted(key)}) AS k FROM \"{table}\" "
            f"GROUP BY {quoted(key)} HAVING count(*) > 1)"
        ).fetchone()
    except duckdb.Error as error:
        yield _finding("damaged-block", 1, table, detail=str(error).splitlines()[0])
        return
    if twice and twice[0]:
        yield _finding("duplicate-key", twice[0], f"{table} {twice[1]}")


def _schema(con: duckdb.DuckDBPyConnection, path: Path) -> Iterator[Finding]:
    """The tables, columns, keys and views beside those that the migrations make."""
    with duckdb.connect() as fresh:
        migrate.apply(fresh, path)
        expected, there = _parts(fresh), _parts(con)
    lacking = sorted(name for name, text in expected.items() if there.get(name) != text)
    if lacking:
        yield _finding("schema-missing", len(lacking), lacking[0])
    names = {name.split(" ", 1)[1].split(".")[0] for name in expected}
    foreign = sorted({name.split(" ", 1)[1].split(".")[0] for name in there} - names)
    if foreign:
        yield _finding("foreign-table", len(foreign), foreign[0], wrong=False)


def _parts(con: duckdb.DuckDBPyConnection) -> dict[str, str]:
    return {str(what): str(text) for what, text in con.execute((SQL / "check_schema.sql").read_text()).fetchall()}
