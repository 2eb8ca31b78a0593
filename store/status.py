"""Status: how far each stage is, read in the moments between a harvest's flushes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .frames import Stream
from .spool import utc_now
from .store import Store
from .waiting import read_waiting

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

    def paces(self) -> Table:
        """The teachers for people: what `spending` says in words is left out, and so is an empty column of batches."""
        names = ["teacher", "cached", "left", "in_batches", "failed", "unusable", "usd", "per_min", "eta"]
        lines = [one | {"eta": duration(one["eta_s"])} for one in self.teachers.as_dicts()]
        if not any(line["in_batches"] for line in lines):
            names.remove("in_batches")
        return Table(tuple(names), tuple(tuple(line[name] for name in names) for line in lines))

    def spending(self) -> list[str]:
        """What the dollars leave open, a sentence for each teacher that has something to say."""
        said = []
        for one in self.teachers.as_dicts():
            if one["unpriced"]:
                said.append(f"{one['teacher']}: the price of {one['unpriced']:,} calls is unknown; they are in no sum")
            if one["usd_reserved"]:
                said.append(
                    f"{one['teacher']}: ${one['usd_reserved']:,.4f} of its dollars are reserved for calls "
                    f"whose usage is not known (open, cut, or in a batch)"
                )
        return said


def duration(seconds: float | None) -> str | None:
    """`42 s`, `12 min`, `3.2 h`, `2.1 d`; None where there is nothing to say."""
    if seconds is None:
        return None
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 172_800 else f"{seconds / 86_400:.1f} d"


def read_status(store: Store, *, now: str | None = None) -> Status:
    """Everything `cotdistill status` shows, from one read of the store. `now` as utc_now says it; None: the clock."""
    waiting = read_waiting(store.spool_dir)
    with store.read() as con:

        def table(name: str, **params: object) -> Table:
            result = con.execute((SQL / f"status_{name}.sql").read_text(encoding="utf-8"), params)
            return Table(tuple(c[0] for c in result.description or ()), tuple(result.fetchall()))

        for name, frame in waiting.items():
            con.register(f"waiting_{name}", Stream(frame))
        teachers = table("teachers", now=now or utc_now())
        n_waiting = waiting["reply"].height
        return Status(table("questions"), table("cells"), teachers, table("runs"), n_waiting)


def _recipe_words(cell: dict[str, Any]) -> str:
    level = [f"level {cell['level']}"] if cell["level"] else []
    shown = ["gold shown"] if cell["gold_visible"] == "yes" else []
    return ", ".join([*level, cell["format"] or "format unknown", *shown])
