"""A store that came as Parquet (parquet_out.py) brought into this one: what is new is added, what differs kept apart.

A folder of this schema is read where it lies. One of an older schema is first put into a store of that schema, which
the migrations then bring up to date, exactly as a file that was kept from then. A newer one is refused.
"""

import json
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import ConfigError, StoreError
from . import migrate
from .merge import merge_file
from .merge_rows import Incoming, TakenIn, take_in
from .parquet_out import MANIFEST, MEMORY, file_hash, parquet_files
from .store import Store
from .tables import keyed_tables, quoted


@dataclass(frozen=True, slots=True)
class Folder:
    """An exported store: where it lies, and what its manifest says of each table."""

    path: Path
    schema: int
    version: str
    tables: dict[str, Any]
    migrations: dict[str, str]

    def files(self, table: str) -> list[Path]:
        return [self.path / file["path"] for file in self.tables[table]["files"]]


def open_folder(path: Path) -> Folder:
    """Read a folder's manifest and check every file against it, before anything is taken from it.

    ConfigError: no exported store. StoreError: of a newer schema, or a file is missing, damaged or cut short.
    """
    manifest = path / MANIFEST
    if not manifest.is_file():
        hint = f"cotdistill ingest {path}" if path.is_file() else "name a folder that `store export` wrote"
        raise ConfigError(f"{path} is no exported store (no {MANIFEST} in it). Next: {hint}")
    try:
        about = json.loads(manifest.read_text(encoding="utf-8"))
        folder = Folder(path, about["schema"], about["version"], about["tables"], about["migrations"])
        _check_names(folder)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(f"{manifest} cannot be read ({error}). Next: ask for another export") from error
    known = {f"{m.version:04d}_{m.name}": m.checksum for m in migrate.all_migrations()}
    if folder.schema > len(known):
        raise StoreError(
            f"{path} has schema {folder.schema} (written by cotdistill {folder.version}), this cotdistill knows up to "
            f"{len(known)}. Next: pip install -U cotdistill"
        )
    for name, checksum in folder.migrations.items():
        if known.get(name) != checksum:
            raise StoreError(
                f"{path}: its migration {name} is not the one that is installed. Next: install the cotdistill version "
                f"that wrote it ({folder.version})"
            )
    _check_files(folder)
    return folder


def import_folder(store: Store, folder: Folder) -> list[TakenIn]:
    """Bring its rows into `store`; a second time adds none."""
    if folder.schema < len(migrate.all_migrations()):
        return _import_older(store, folder)
    with store.session() as con:
        con.execute(f"SET memory_limit = '{MEMORY}'")
        incoming = [
            Incoming(
                table,
                parquet_files(folder.files(table.name), filename=True),
                tuple(folder.tables[table.name]["columns"]),
                str(folder.path),
                filed=True,
            )
            for table in keyed_tables(con)
            if table.name in folder.tables and folder.tables[table.name]["files"]
        ]
        return take_in(con, incoming)


def _import_older(store: Store, folder: Folder) -> list[TakenIn]:
    with tempfile.TemporaryDirectory(dir=store.path.parent, prefix=f".{store.path.name}.older-") as place:
        path = Path(place) / "older.duckdb"
        migrate.create(path, upto=folder.schema)
        with Store(path).write() as con:
            con.execute(f"SET memory_limit = '{MEMORY}'")
            for name, entry in folder.tables.items():
                if entry["files"]:
                    source = f"SELECT {quoted(tuple(entry['columns']))} FROM {parquet_files(folder.files(name))}"
                    con.execute(f'INSERT INTO "{name}" BY NAME {source}')
        with Store(path).session() as con:
            migrate.apply(con, path)
        columns = {name: tuple(entry["columns"]) for name, entry in folder.tables.items()}
        return list(merge_file(store, path, columns, str(folder.path)))


def _check_names(folder: Folder) -> None:
    """ValueError: a manifest that names tables and columns by what is no name, or files outside its folder."""
    for table, entry in folder.tables.items():
        for name in (table, *entry["columns"]):
            if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
                raise ValueError(f"{name!r} is no name of a table or column")
        for path in folder.files(table):
            if not path.resolve().is_relative_to(folder.path.resolve()):
                raise ValueError(f"{path} is outside the folder")


def _check_files(folder: Folder) -> None:
    for entry in folder.tables.values():
        for file in entry["files"]:
            path = folder.path / file["path"]
            if not path.is_file():
                trouble = "is missing"
            elif path.stat().st_size != file["n_bytes"]:
                trouble = f"has {path.stat().st_size:,} bytes instead of {file['n_bytes']:,}"
            elif file_hash(path) != file["sha256"]:
                trouble = "is damaged (another SHA-256)"
            else:
                continue
            raise StoreError(f"{path} {trouble}; nothing was imported. Next: fetch the folder again")
