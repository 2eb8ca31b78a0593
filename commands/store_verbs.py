"""The verbs that only touch the store: `ingest`, `status`, `sql`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from ..errors import ConfigError, StoreError
from .common import (
    DEFAULT_STORE,
    JsonOption,
    StoreOption,
    open_store,
    print_json,
    print_rows,
    say,
    settle,
)


def ingest(
    folder: Annotated[
        Path | None, typer.Argument(help="A spool folder or a store from another machine; default: our own spool.")
    ] = None,
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """Bring received rows home from a spool or another store, then parse and judge them; twice changes nothing."""
    from dataclasses import asdict

    from ..store.ingest import ingest as bring_home
    from ..store.merge import merge

    if folder is not None and not folder.exists():
        raise ConfigError(
            f"no spool folder or store {folder}. Next: cotdistill ingest OTHER.duckdb, or OTHER.duckdb.spool"
        )
    opened = open_store(store, create=folder is not None)
    is_store = folder is not None and folder.is_file()
    done = merge(opened, folder) if is_store and folder else bring_home(opened, folder or opened.spool_dir)
    settle(opened)
    result = asdict(done)
    print_rows(tuple(result), [tuple(result.values())], as_json=as_json)
    if done.busy:
        say(f"{done.busy} segments are still being written to and were left alone")
    if done.apart:
        say(
            f"{done.apart:,} rows have a key that is here with other content; both are kept, theirs in the table "
            f'conflict. Next: cotdistill sql "SELECT table_name, reason, row_key FROM conflict"'
        )


def status(
    cells: Annotated[
        bool, typer.Option("--cells", help="Every cell, instead of a line per data set and teacher.")
    ] = False,
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """Show how far each stage is; works while a harvest runs.

    Of each teacher: replies cached, left, failed and unusable, dollars, replies a minute (of the last 5) and the ETA.
    """
    from ..store.status import read_status

    now = read_status(open_store(store, patience_s=20.0))
    if as_json:
        print_json(
            {
                "questions": now.questions.as_dicts(),
                "cells": now.cells.as_dicts(),
                "teachers": now.teachers.as_dicts(),
                "runs": now.runs.as_dicts(),
                "replies_in_spool": now.replies_in_spool,
            }
        )
        return
    rationales = now.per_cell() if cells else [("Rationales", now.per_teacher())]
    shown = [("Questions", now.questions), *rationales, ("Teachers", now.paces()), ("Students", now.runs)]
    for title, table in shown:
        if table.rows:
            print_rows(table.columns, table.rows, as_json=False, title=title)
            print()
    for note in now.spending():
        say(note)
    if now.replies_in_spool:
        say(
            f"{now.replies_in_spool:,} replies are received and wait in the spool, which a harvest at work brings "
            f"home by itself. Next, where none is: cotdistill ingest"
        )
    if not now.cells.rows:
        say("Next: cotdistill generate --teacher builtin-strict, or cotdistill import paper DIR")


def left_out_words(left_out: object) -> str:
    """`290 in a test split, 12 wrong`."""
    return ", ".join(f"{n} {why}" for why, n in dict(left_out).items()) or "none"  # type: ignore[call-overload]


def sql(
    query: Annotated[
        str | None, typer.Argument(help="One SQL statement; `-` reads it from standard input; without it a shell.")
    ] = None,
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """Ask the store anything, read-only; works while a harvest runs."""
    import duckdb

    opened = open_store(store, patience_s=20.0)
    if query is None:
        from .shell import shell

        shell(opened)
        return
    text = sys.stdin.read() if query == "-" else query
    with opened.read() as con:
        try:
            result = con.execute(text)
            columns = [c[0] for c in result.description or ()]
            rows = result.fetchall()
        except duckdb.Error as error:
            raise StoreError(f'the query failed: {error}. Next: cotdistill sql "SHOW TABLES"') from error
    print_rows(columns, rows, as_json=as_json)
