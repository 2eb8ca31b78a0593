"""`cotdistill audit`: what is wrong with the supervision, row by row where one asks."""

from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import ConfigError
from .analyze import show_answer
from .common import (
    DEFAULT_STORE,
    Bar,
    DatasetsOption,
    FormatsOption,
    JsonOption,
    LevelsOption,
    StoreOption,
    TeachersOption,
    numbers,
    open_store,
    print_json,
    print_note,
    print_rows,
    say,
    settle,
    words,
)

if TYPE_CHECKING:
    from ..analysis.answers import Answer


def audit(
    show: Annotated[str | None, typer.Option("--show", help="List the rows of one fault, such as not-derived.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="With --show: at most so many rows.")] = 20,
    dataset: DatasetsOption = None,
    teacher: TeachersOption = None,
    level: LevelsOption = None,
    format: FormatsOption = None,
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """Find the faults of rationales, check the dose of each level, and name the holes of the design.

    Reads what was not read before; a second audit of the same store takes a second. Nothing is changed or left out:
    corpora choose what they exclude.
    """
    from ..analysis.audit import MEANING, answers, command, rows_of
    from ..analysis.show import plain
    from ..store.audit import audit as look
    from ..store.cells import select_cells

    if show is not None and show not in MEANING:
        raise ConfigError(f"no fault is called {show!r}. Known: {', '.join(MEANING)}. Next: cotdistill audit")
    datasets, teachers = words(dataset), words(teacher)
    levels, formats = numbers(level, "--level"), words(format)
    asked = {"dataset": datasets, "teacher": teachers, "level": levels, "format": formats}
    opened = open_store(store)
    settle(opened)
    select_cells(opened, datasets=datasets, teachers=teachers, levels=levels, formats=formats)
    with Bar("auditing") as bar:
        done = look(
            opened,
            datasets=datasets,
            teachers=teachers,
            progress=lambda what, n, total: bar.update(n, total, what),
        )
    if show is not None:
        query = rows_of(show, asked)
        with opened.read() as con:
            result = con.execute(f"{query} ORDER BY ALL LIMIT {limit}")
            columns = [c[0] for c in result.description or ()]
            rows = [dict(zip(columns, row, strict=True)) for row in result.fetchall()]
        if as_json:
            print_json(rows)
            return
        shown = [(place_of(r), r["detail"], ending(r["text"])) for r in rows]
        print_rows(("where", "what", "text, its end"), shown, as_json=False, title=f"{show}: {MEANING[show]}")
        print_note(f"the first {len(rows):,}; all of them: Next: {command(query)}")
        return
    found = answers(opened, asked)
    if as_json:
        print_json([plain(answer) for answer in found])
    else:
        for answer in found:
            show_groups(answer) if answer.columns[:3] == ("dataset", "teacher", "recipe") else show_answer(answer)
    if done.without_question:
        say(
            f"{done.without_question:,} rationales were not audited: their questions are not loaded. "
            f"Next: cotdistill questions load --dataset NAME"
        )


def show_groups(answer: "Answer") -> None:
    """An answer about cells: a table for each data set and teacher, with the notes under the last."""
    groups: dict[tuple[object, object], list[tuple[object, ...]]] = {}
    for row in answer.rows:
        groups.setdefault((row[0], row[1]), []).append(row[2:])
    for (dataset, teacher), rows in groups.items():
        print_rows(answer.columns[2:], rows, as_json=False, title=f"{answer.title} {dataset}, {teacher}")
        print()
    for note in answer.notes:
        print_note(note)
    print()


def place_of(row: dict[str, object]) -> str:
    """Where a faulty row comes from: the imported file and row, else its cell and the reply's key."""
    if row["import_file"] is not None:
        return f"{row['import_file']}:{row['import_row']}"
    level = f" level {row['level']}" if row["level"] is not None else ""
    return f"{row['dataset']} {row['teacher']}{level} {row['format'] or ''} {str(row['reply_key'])[:12]}"


def ending(text: object, length: int = 120) -> str:
    """The end of a text on one line."""
    line = " ".join(str(text).split())
    return line if len(line) <= length else "... " + line[-length:]
