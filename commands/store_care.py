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
    if not one.differs + one.follows:
        return
    key, file = one.first or ("?", "?")
    what = f"{one.differs:,} rows of {one.table} have a key that is here with other content"
    if one.follows:
        what += f", {one.follows:,} are derived from such rows" if one.differs else ""
        what = what if one.differs else f"{one.follows:,} rows of {one.table} are derived from rows that differ"
    say(
        f"{what}: kept apart in the table conflict ({one.apart:,} of them for the first time), the first {key} of "
        f"{file}. Next: cotdistill sql \"SELECT row_key, content FROM conflict WHERE table_name = '{one.table}'\""
    )
