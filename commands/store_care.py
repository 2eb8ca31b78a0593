"""`cotdistill store`: the store as a whole: shared as Parquet, checked, backed up, compacted."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .common import DEFAULT_STORE, Bar, JsonOption, StoreOption, open_store, print_json, print_rows, say, settle

if TYPE_CHECKING:
    from ..store.merge_rows import TakenIn

app = typer.Typer(
    help="The store as a whole: share it as Parquet, check it, back it up, compact it.", no_args_is_help=True
)


@app.command("export", epilog="Example: cotdistill store export ours/")
def export(
    folder: Annotated[Path, typer.Argument(help="A folder that is new, empty, or an earlier export.")],
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """Write the whole store as partitioned Parquet with a manifest, for polars, DuckDB, datasets and `store import`.

    (Training data for other trainers: cotdistill export.)
    """
    from ..store.parquet_out import export_store

    opened = open_store(store)
    settle(opened)
    with Bar("writing") as bar:
        written = export_store(opened, folder, lambda what, done, total: bar.update(done, total, what))
    if as_json:
        print_json([asdict(table) for table in written])
    else:
        rows = [(t.name, t.n_rows, t.n_files, round(t.n_bytes / 1e6, 2), t.content_hash) for t in written if t.n_rows]
        print_rows(("table", "rows", "files", "MB", "content hash"), rows, as_json=False, title=f"Written to {folder}")
    say(f"Next, in another laboratory: cotdistill store import {folder} --store THEIRS.duckdb")


@app.command("import", epilog="Example: cotdistill store import theirs/ --store ours.duckdb")
def import_(
    folders: Annotated[list[Path], typer.Argument(help="Folders that `store export` wrote.")],
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """Merge exported stores into this one, then judge what is new: every key stays, twice adds nothing.

    A row whose key is here with other content is kept apart in the table `conflict`, with what was derived from it. An
    older schema is brought up to date; a newer one is refused. (Another DuckDB file: cotdistill ingest OTHER.duckdb.)
    """
    from ..store.parquet_in import import_folder, open_folder

    checked = [open_folder(folder) for folder in folders]
    opened = open_store(store, create=True)
    results = [(folder.path, import_folder(opened, folder)) for folder in checked]
    settle(opened)
    if as_json:
        print_json([{"folder": str(path)} | asdict(one) for path, tables in results for one in tables])
    else:
        print_rows(
            ("folder", "table", "rows", "new", "differ", "follow"),
            [
                (str(path), one.table, one.rows, one.new, one.differs, one.follows)
                for path, tables in results
                for one in tables
                if one.rows
            ],
            as_json=False,
        )
    for _, tables in results:
        for one in tables:
            _tell_apart(one)


def _tell_apart(one: "TakenIn") -> None:
    """Say what was kept apart of one table."""
    if one.first is None:
        return
    key, file = one.first
    differ = f"{one.differs:,} have a key that is here with other content" if one.differs else ""
    follow = f"{one.follows:,} are derived from rows that differ" if one.follows else ""
    say(
        f"rows of {one.table}: {', '.join(filter(None, (differ, follow)))}: kept apart in the table conflict "
        f"({one.apart:,} of them for the first time), the first {key} of {file}. "
        f"Next: cotdistill sql \"SELECT row_key, content FROM conflict WHERE table_name = '{one.table}'\""
    )


@app.command("check", epilog="Example: cotdistill store check --json")
def check(store: StoreOption = DEFAULT_STORE, as_json: JsonOption = False) -> None:
    """Is the store whole? Blocks, schema, keys, rows that name rows that are not there, and the files beside it.

    Each finding says what to do. Exit code 1 where something is wrong; what may be so (half a harvest) is told only.
    """
    from ..store.check import check as look

    opened = open_store(store)
    with Bar("checking") as bar:
        found = look(opened, lambda what, done, total: bar.update(done, total, what))
    if as_json:
        print_json([asdict(one) for one in found])
    elif found:
        rows = [("wrong" if one.wrong else "note", one.code, one.n, one.what, one.first) for one in found]
        print_rows(("", "code", "n", "what", "first"), rows, as_json=False)
    for one in found:
        say(f"{one.code}: Next: {one.next}")
    if any(one.wrong for one in found):
        raise typer.Exit(1)
    say(f"{store} is whole" + (f"; {len(found)} notes" if found else ""))


@app.command("backup", epilog="Example: cotdistill store backup before-the-big-run.duckdb")
def backup(
    target: Annotated[
        Path | None, typer.Argument(help="The backup's file; without it beside the store, named by the time.")
    ] = None,
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """Copy the store as of one moment, while a harvest runs, too; the copy is opened and counted before it is named."""
    from ..store.backup import backup as copy

    done = copy(open_store(store), target)
    if as_json:
        print_json(asdict(done))
    else:
        print_rows(("backup", "rows", "MB"), [(str(done.path), done.n_rows, done.n_bytes / 1e6)], as_json=False)
    if done.busy:
        say(f"{done.busy} spool segments were being written and are not in it; they come with the next one")


@app.command("vacuum", epilog="Example: cotdistill store vacuum")
def vacuum(store: StoreOption = DEFAULT_STORE, as_json: JsonOption = False) -> None:
    """Give back the space that is not used: the file is written anew and swapped in. Refused while somebody writes."""
    from ..store.vacuum import vacuum as compact

    done = compact(open_store(store, patience_s=5.0))
    if as_json:
        print_json(asdict(done))
    else:
        print_rows(
            ("MB before", "MB after", "rows"), [(done.before / 1e6, done.after / 1e6, done.n_rows)], as_json=False
        )
