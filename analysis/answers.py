"""What a named question is and what its answer looks like; reading the .sql files and running them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..store.store import Store

if TYPE_CHECKING:
    import duckdb

SQL = Path(__file__).parent / "sql"
Row = dict[str, Any]
_PARAMETER = re.compile(r"(?m)(?<!\w)\$([a-z_]+)")
_VARIABLE = re.compile(r"getvariable\('([a-z_]+)'\)")
_NEEDS = re.compile(r"Needs: (\w+)")


@dataclass(frozen=True, slots=True)
class NamedQuestion:
    """One question of the store. `help` is the opening comment of its .sql file: question, grain, columns.

    `filters` are the names of what a caller may choose by: variables that the SQL reads, NULL by default, so that any
    DuckDB client can run the file as it is. `needs`: a table or view without which there is no answer.
    """

    name: str
    title: str
    help: str
    sql: str
    filters: tuple[str, ...]
    needs: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer for people and for programs.

    `columns` and `rows` are few and short, for a terminal; what is the same in every row is said in `notes` instead.
    `detail` has every column under its full name: shares between 0 and 1, tests and intervals as numbers.
    """

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    notes: tuple[str, ...]
    detail: tuple[Row, ...]


def load(name: str, filters: tuple[str, ...] = ()) -> NamedQuestion:
    """Read analysis/sql/NAME.sql: its first question, less the name before it, is the title."""
    text = (SQL / f"{name.replace('-', '_')}.sql").read_text(encoding="utf-8")
    comment = []
    for line in text.splitlines():
        if not line.startswith("--"):
            break
        comment.append(line.removeprefix("--").strip())
    help = " ".join(comment)
    question = re.split(r"(?<=\?) ", help, maxsplit=1)[0]
    title = question.partition(": ")[2] or question
    needs = _NEEDS.search(help)
    return NamedQuestion(name, title[:1].upper() + title[1:], help, text, filters, needs[1] if needs else None)


def query(store: Store, name: str, params: Mapping[str, Any] | None = None) -> list[Row]:
    """The rows of analysis/sql/NAME.sql as dicts. A variable or parameter that is not given is NULL, which lets
    everything through. Without the table or view that it needs there are no rows."""
    question = load(name)
    with store.read() as con:
        if question.needs and not _has(con, question.needs):
            return []
        return rows(con, question.sql, params or {})


def rows(con: "duckdb.DuckDBPyConnection", sql: str, params: Mapping[str, Any]) -> list[Row]:
    """The rows of one statement as dicts; its variables are set for it alone."""
    bound = {key: params.get(key) for key in set(_PARAMETER.findall(sql))}
    variables = set(_VARIABLE.findall(sql)) | (params.keys() - bound.keys())  # views read some, too: arm_chosen
    for name in variables:
        con.execute(f"SET VARIABLE {name} = $value", {"value": params.get(name)})
    try:
        result = con.execute(sql, bound) if bound else con.execute(sql)
        columns = [c[0] for c in result.description or ()]
        return [dict(zip(columns, row, strict=True)) for row in result.fetchall()]
    finally:
        for name in variables:
            con.execute(f"RESET VARIABLE {name}")


def _has(con: "duckdb.DuckDBPyConnection", relation: str) -> bool:
    found = con.execute(
        "SELECT 1 FROM information_schema.tables WHERE table_name = $name", {"name": relation}
    ).fetchone()
    return found is not None


def tabulate(
    question: NamedQuestion,
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
    notes: Sequence[str],
    detail: Sequence[Row],
    foldable: Sequence[str] = (),
) -> Answer:
    """An Answer whose `foldable` columns leave the table, for a note, where all rows agree on them."""
    said = []
    kept = list(range(len(columns)))
    for i, column in enumerate(columns):
        values = {row[i] for row in rows}
        if column in foldable and len(values) == 1:
            kept.remove(i)
            if (value := values.pop()) is not None:
                said.append(f"{column} {value}")
    return Answer(
        question.name,
        question.title,
        tuple(columns[i] for i in kept),
        tuple(tuple(row[i] for i in kept) for row in rows),
        (*(["all rows: " + ", ".join(said)] if said else []), *notes),
        tuple(detail),
    )
