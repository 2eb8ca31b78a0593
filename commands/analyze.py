"""`cotdistill analyze` and `report`: the named questions on the terminal, and all of them in one HTML file."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .common import (
    DEFAULT_STORE,
    DatasetsOption,
    FormatsOption,
    JsonOption,
    LevelsOption,
    PromptsOption,
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

FIRST_LOOK = ("coverage", "accuracy", "levels", "best-level", "diversity", "cost", "spend")

if TYPE_CHECKING:
    from ..analysis.answers import Answer
    from ..analysis.browse import Prompter
    from ..store.store import Store


def analyze(
    question: Annotated[
        str | None,
        typer.Argument(help="A question by its name (see --list); without it the first look at all of them."),
    ] = None,
    list_them: Annotated[
        bool, typer.Option("--list", help="Print the names of the questions and what they ask.")
    ] = False,
    student: Annotated[str | None, typer.Option(help="Students, comma-separated.")] = None,
    dataset: DatasetsOption = None,
    teacher: TeachersOption = None,
    level: LevelsOption = None,
    format: FormatsOption = None,
    item: Annotated[
        str | None,
        typer.Option("--question", help="lineage: the start of a question's key, or its place in the test split."),
    ] = None,
    show_sql: Annotated[bool, typer.Option("--sql", help="Print the query instead of its answer.")] = False,
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """Answer the named questions: what is there, which supervision worked, what it cost, and how sure we are."""
    from ..analysis.questions import QUESTIONS, answer
    from ..analysis.show import plain
    from ..errors import ConfigError

    if question is not None and question not in QUESTIONS:
        raise ConfigError(f"no question named {question!r}. Known: {', '.join(QUESTIONS)}. Next: cotdistill analyze")
    if list_them:
        asked_for = [(q.name, q.title, ", ".join(q.filters)) for q in QUESTIONS.values()]
        print_rows(("question", "asks", "filters"), asked_for, as_json=as_json)
        return
    names = list(FIRST_LOOK) if question is None else [question]
    if show_sql:
        print("\n".join(QUESTIONS[name].sql for name in names))
        return
    filters = {
        "student": words(student),
        "dataset": words(dataset),
        "teacher": words(teacher),
        "level": numbers(level, "--level"),
        "format": words(format),
        "question": item,
    }
    opened = open_store(store)
    settle(opened)
    answers = []
    for name in names:
        known = QUESTIONS[name].filters
        asked = filters if question is not None else {k: v for k, v in filters.items() if k in known}
        answers.append(answer(opened, name, **asked))
    if as_json:
        print_json([plain(a) for a in answers])
        return
    for found in answers:
        show_answer(found)


def show_answer(answer: "Answer") -> None:
    """An answer's table and its notes."""
    if answer.rows:
        print_rows(answer.columns, answer.rows, as_json=False, title=answer.title)
    else:
        print(answer.title)
    for note in answer.notes:
        print_note(note)
    print()


def report(
    out: Annotated[Path, typer.Option(help="The file to write.")] = Path("report.html"),
    serve: Annotated[
        bool, typer.Option("--serve", help="Browse the whole store in a browser on this machine, until Ctrl-C.")
    ] = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Where --serve listens; 0: any free port.")] = 8398,
    prompts: PromptsOption = None,
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """Write one self-contained HTML file with answers, plots and a sample to browse; or serve the whole store."""
    from functools import partial

    from ..analysis.report import write_report
    from ..errors import ConfigError
    from ..gen.prompts import build, load_prompts

    prompter = partial(build, prompts=load_prompts(prompts))
    if serve:
        _serve(open_store(store), port, prompter)
        return
    if out.is_dir() or not out.parent.is_dir():
        raise ConfigError(f"cannot write a report to {out}. Next: --out FILE.html in a folder that exists")
    opened = open_store(store)
    settle(opened)
    written = write_report(opened, out, prompter=prompter)
    print(written.resolve())
    say(f"{written.stat().st_size / 1e6:.1f} MB. Next: open it in a browser, or cotdistill report --serve")


def _serve(store: "Store", port: int, prompter: "Prompter") -> None:
    import contextlib

    from ..analysis.serve import Live, make_server
    from ..errors import ConfigError

    try:
        server = make_server(Live(store, prompter), port)
    except OSError as error:
        raise ConfigError(f"cannot listen on port {port}: {error.strerror}. Next: --port 0") from error
    print(f"http://127.0.0.1:{server.server_address[1]}/", flush=True)
    say(f"serving {store.path}, read-only, to this machine alone; Ctrl-C ends it")
    with contextlib.suppress(KeyboardInterrupt):
        server.serve_forever()
    server.server_close()
    # Nothing is being written. A thread that is inside DuckDB, drawing, would abort the interpreter's own end.
    sys.stdout.flush()
    os._exit(0)
