"""Status: how far each stage is, read in the moments between a harvest's flushes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import spool
from .store import Store

SQL = Path(__file__).parent / "sql"


@dataclass(frozen=True, slots=True)
class Table:
    """A result with its column names."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]

    def as_dicts(self) -> list[dict[str, Any]]:
        """One dict per row."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


@dataclass(frozen=True, slots=True)
class Status:
    """The state of a store. `replies_in_spool` are received but not in the file yet, open segments included."""

    questions: Table
    cells: Table
    teachers: Table
    runs: Table
    replies_in_spool: int


def read_status(store: Store) -> Status:
    """Everything `cotdistill status` shows, from one read of the store."""
    waiting = spool.count_waiting(store.spool_dir, "reply")
    with store.read() as con:

        def table(name: str) -> Table:
            result = con.execute((SQL / f"status_{name}.sql").read_text())
            return Table(tuple(c[0] for c in result.description or ()), tuple(result.fetchall()))

        return Status(table("questions"), table("cells"), table("teachers"), table("runs"), waiting)
