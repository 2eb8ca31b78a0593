"""`cotdistill sql` without a statement: a shell that holds the store only while a statement runs."""

import re
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from ..errors import StoreError
from .common import print_rows, say

if TYPE_CHECKING:
    from ..store.store import Store

MOST_ROWS = 200
HELP = (
    ".views  what can be asked    .schema NAME  its columns    .questions  the named ones    .run NAME  one of them\n"
    ".help   this                 .quit         or Ctrl-D      a statement ends with ;"
)
_VIEW = re.compile(r"((?:^--.*\n)+)CREATE (?:OR REPLACE )?VIEW (\w+)", re.MULTILINE)


def shell(store: "Store", read_line: Callable[[str], str] | None = None) -> None:
    """Read statements until .quit or the end of the input. A statement that fails is said and does not end the shell; a
    store that another program holds is waited for."""
    ask = read_line or _reader(store)
    _views(store)
    print(HELP)
    for statement in _statements(ask):
        word, _, rest = statement.partition(" ")
        try:
            if word.rstrip(";") in (".quit", "quit", "exit"):
                return
            if word in _COMMANDS:
                _COMMANDS[word](store, rest.strip())
            elif word.startswith("."):
                print(HELP)
            else:
                run(store, statement)
        except StoreError as error:
            say(f"error: {error}")
        except KeyboardInterrupt:
            say("stopped")


def run(store: "Store", statement: str) -> None:
    """One statement, read-only, and its rows. StoreError when it fails."""
    import duckdb

    with store.read() as con:
        try:
            result = con.execute(statement)
            columns = [c[0] for c in result.description or ()]
            rows = result.fetchmany(MOST_ROWS + 1)
        except duckdb.Error as error:
            raise StoreError(f"the query failed: {error}") from error
    print_rows(columns, rows[:MOST_ROWS], as_json=False)
    if len(rows) > MOST_ROWS:
        say(f"the first {MOST_ROWS:,} rows; LIMIT and OFFSET show others")


def _statements(ask: Callable[[str], str]) -> Iterator[str]:
    """Commands as they come; SQL up to the line that ends with a semicolon."""
    lines: list[str] = []
    while True:
        try:
            line = ask("  ... " if lines else "sql> ").rstrip()
        except EOFError:
            if lines:
                yield "\n".join(lines)
            return
        except KeyboardInterrupt:
            lines = []
            print()
            continue
        leaving = line.strip().rstrip(";") in ("quit", "exit")
        if not lines and (not line.strip() or line.lstrip().startswith(".") or leaving):
            if line.strip():
                yield line.strip()
            continue
        lines.append(line)
        if line.endswith(";"):
            yield "\n".join(lines)
            lines = []


def _reader(store: "Store") -> Callable[[str], str]:
    """input() with line editing, history and completion of names, where stdin is a terminal."""
    if not sys.stdin.isatty():
        return lambda prompt: input()
    try:
        import readline
    except ImportError:
        return input
    names = [*_names(store), *_COMMANDS, ".quit"]

    def complete(text: str, state: int) -> str | None:
        found = [name for name in names if name.startswith(text)]
        return found[state] if state < len(found) else None

    readline.set_completer_delims(" \t\n,();=")
    readline.set_completer(complete)
    readline.parse_and_bind("tab: complete")
    return input


def _names(store: "Store") -> list[str]:
    with store.read() as con:
        found = con.execute("SELECT table_name FROM information_schema.tables ORDER BY table_name").fetchall()
    return [name for (name,) in found]


def described() -> dict[str, str]:
    """Every view with the first sentence of the comment above it."""
    from ..store.migrate import all_migrations

    said: dict[str, str] = {}
    for migration in all_migrations():
        for comment, name in _VIEW.findall(migration.sql):
            text = " ".join(line.removeprefix("--").strip() for line in comment.splitlines())
            said[name] = re.split(r"(?<=[a-z)])\. ", text, maxsplit=1)[0].rstrip(".")
    return said


def _views(store: "Store", _: str = "") -> None:
    there, said = set(_names(store)), described()
    rows = [(name, said[name]) for name in sorted(said) if name in there]
    print_rows(("view", "what it holds"), rows, as_json=False)


def _schema(store: "Store", name: str) -> None:
    with store.read() as con:
        found: list[tuple[Any, ...]] = con.execute(
            "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = $name "
            "ORDER BY ordinal_position",
            {"name": name},
        ).fetchall()
    if not found:
        raise StoreError(f"nothing is named {name!r}. Next: .views")
    print_rows(("column", "type"), found, as_json=False)


def _questions(store: "Store", _: str = "") -> None:
    from ..analysis.questions import QUESTIONS

    print_rows(("question", "asks"), [(q.name, q.title) for q in QUESTIONS.values()], as_json=False)


def _run_question(store: "Store", name: str) -> None:
    from ..analysis.questions import QUESTIONS

    if name not in QUESTIONS:
        raise StoreError(f"no question named {name!r}. Next: .questions")
    run(store, QUESTIONS[name].sql)


def _help(store: "Store", _: str = "") -> None:
    print(HELP)


_COMMANDS: dict[str, Callable[..., None]] = {
    ".views": _views,
    ".tables": _views,
    ".schema": _schema,
    ".questions": _questions,
    ".run": _run_question,
    ".help": _help,
}
