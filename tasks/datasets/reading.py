"""Rows of question files: JSON arrays, JSON lines, CSV and Parquet, each with the place to name when a row is wrong."""

import csv
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ...errors import ConfigError


def shortened(value: object, length: int = 60) -> str:
    """An offending value for a message: one line, cut."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    text = " ".join(text.split())
    return text if len(text) <= length else text[: length - 3] + "..."


def read_rows(path: Path) -> list[tuple[str, dict[str, Any]]]:
    """All rows of a file as (place, row): "line 17" in JSON lines and CSV, "row 17" elsewhere, counted from 1.

    The form is told by the name (.parquet, .csv) and else by the first character ("[": an array). ConfigError: the file
    cannot be read, or a row is not an object; nothing is returned of a file with one bad row.
    """
    try:
        match path.suffix:
            case ".parquet":
                return list(_parquet(path))
            case ".csv":
                return list(_csv(path))
            case _:
                return list(_json(path))
    except FileNotFoundError as error:
        raise ConfigError(f"no file {path}. Next: check the path") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8 text (byte {error.start}). Next: convert it to UTF-8") from error
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror or error}") from error


def _json(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    text = path.read_text(encoding="utf-8-sig")
    if text.lstrip()[:1] == "[":
        try:
            rows = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ConfigError(f"{path} is not JSON: {error}. Next: repair or replace the file") from error
        yield from (_checked(path, f"row {n}", row) for n, row in enumerate(rows, 1))
        return
    for n, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise ConfigError(
                f"{path}, line {n}: not JSON ({str(error).split(':')[0]}): {shortened(line)!r}. "
                f"Next: make it one JSON object per line"
            ) from error
        yield _checked(path, f"line {n}", row)


def _checked(path: Path, place: str, row: object) -> tuple[str, dict[str, Any]]:
    if not isinstance(row, Mapping):
        raise ConfigError(f"{path}, {place}: not an object: {shortened(row)!r}. Next: make each row an object")
    return place, dict(row)


def _csv(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        width = len(reader.fieldnames or ())  # reads the header, so that line numbers are right from the first row on
        while True:
            line = reader.line_num + 1
            try:
                row = next(reader, None)
            except csv.Error as error:
                raise ConfigError(f"{path}, line {line}: not CSV ({error}). Next: repair the line") from error
            if row is None:
                return
            if None in row or None in row.values():
                raise ConfigError(f"{path}, line {line}: not {width} fields as in the header. Next: repair the line")
            yield f"line {line}", {key: value for key, value in row.items() if value != ""}


def _parquet(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    import polars as pl

    if not path.exists():
        raise FileNotFoundError(path)
    try:
        frame = pl.read_parquet(path)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise ConfigError(f"{path} is not a Parquet file: {str(error).splitlines()[0]}") from error
    for n, row in enumerate(frame.iter_rows(named=True), 1):
        yield f"row {n}", row
