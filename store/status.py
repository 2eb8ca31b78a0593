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

    def per_cell(self) -> list[tuple[str, Table]]:
        """A titled table for each data set and teacher, one line per cell."""
        columns = ("recipe", "wanted", "missing", "correct", "wrong", "unparsed", "strict", "tokens")
        groups: dict[str, list[tuple[Any, ...]]] = {}
        for cell in self.cells.as_dicts():
            line = (_recipe_words(cell), *(cell[name] for name in columns[1:-1]), cell["mean_tokens"])
            groups.setdefault(f"{cell['dataset']}, {cell['teacher']}", []).append(line)
        return [(title, Table(columns, tuple(lines))) for title, lines in groups.items()]

    def per_teacher(self) -> Table:
        """One line per data set and teacher: the counts of its cells added up."""
        columns = ("dataset", "teacher", "wanted", "missing", "correct", "wrong", "unparsed", "strict")
        lines: dict[tuple[str, str], list[int]] = {}
        for cell in self.cells.as_dicts():
            line = lines.setdefault((cell["dataset"], cell["teacher"]), [0] * (len(columns) - 2))
            for i, name in enumerate(columns[2:]):
                line[i] += cell[name]
        return Table(columns, tuple((*key, *line) for key, line in lines.items()))


def read_status(store: Store) -> Status:
    """Everything `cotdistill status` shows, from one read of the store."""
    waiting = spool.count_waiting(store.spool_dir, "reply")
    with store.read() as con:

        def table(name: str) -> Table:
            result = con.execute((SQL / f"status_{name}.sql").read_text())
            return Table(tuple(c[0] for c in result.description or ()), tuple(result.fetchall()))

        return Status(table("questions"), table("cells"), table("teachers"), table("runs"), waiting)


def _recipe_words(cell: dict[str, Any]) -> str:
    level = [f"level {cell['level']}"] if cell["level"] else []
    shown = ["gold shown"] if cell["gold_visible"] == "yes" else []
    return ", ".join([*level, cell["format"] or "format unknown", *shown])
