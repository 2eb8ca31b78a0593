"""What every verb shares: its options, how results are printed, and how long work shows its progress."""

import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

import typer

from ..errors import ConfigError
from . import hints

if TYPE_CHECKING:
    from ..gen.teachers import Teacher
    from ..store.store import Store

LOSS = "loss: of the last recorded step, nats a token of what is learned; one batch, so no estimate"
StoreOption = Annotated[Path, typer.Option("--store", envvar="COTDISTILL_STORE", help="The DuckDB store.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON, for programs.")]
DatasetsOption = Annotated[str | None, typer.Option("--dataset", help="Data sets, comma-separated.")]
TeachersOption = Annotated[str | None, typer.Option("--teacher", help="Teachers, comma-separated.")]
LevelsOption = Annotated[str | None, typer.Option("--level", help="Levels: 4, or 1,3,5, or 1-6.")]
FormatsOption = Annotated[str | None, typer.Option("--format", help="Formats, comma-separated.")]
SplitOption = Annotated[str, typer.Option("--split", help="Which split's questions.")]
LimitOption = Annotated[
    int | None, typer.Option("--limit", min=1, help="At most so many questions, the same for all cells and models.")
]
AnyVerdictOption = Annotated[bool, typer.Option("--any-verdict", help="Take wrong and unparsed rationales too.")]
RationaleOption = Annotated[
    Literal["visible", "reasoning"],
    typer.Option(
        "--rationale", help="What of a reply is taught: its visible answer, or its reasoning trace and the answer."
    ),
]
RegistryOption = Annotated[
    Path | None,
    typer.Option("--teachers", envvar="COTDISTILL_TEACHERS", help="Your own registry of teachers (TOML)."),
]
PromptsOption = Annotated[
    Path | None,
    typer.Option("--prompts", envvar="COTDISTILL_PROMPTS", help="Your folder of formats/, levels/, examples/."),
]
DEFAULT_STORE = Path("cotdistill.duckdb")


def open_store(path: Path, *, create: bool = False, patience_s: float = 60.0, threads: int | None = None) -> "Store":
    """The store, with a line on stderr when another program holds it. `threads`: for DuckDB, None for all cores."""
    from ..store.store import Store

    if path != Path(os.environ.get("COTDISTILL_STORE", DEFAULT_STORE)):
        hints.about(path)

    def waiting(holder: str) -> None:
        say(f"{path} is held open by {holder}; waiting for it ...")

    def upgrading(copy: Path) -> None:
        say(f"{path} is of an older version and is brought up to date; as it was, it is kept in {copy}")

    return Store.open(
        path, create=create, patience_s=patience_s, on_wait=waiting, on_upgrade=upgrading, threads=threads
    )


def settle(store: "Store") -> None:
    """Bring the spool home and judge what is new, with a bar."""
    with Bar("judging") as bar:
        store.settle(lambda what, done, total: bar.update(done, total, what))


def check_cap(teacher: "Teacher", max_usd: float | None) -> None:
    """ConfigError: a cap on what a teacher may cost whose price nobody knows."""
    if max_usd is not None and teacher.price is None:
        raise ConfigError(
            f"--max-usd cannot be kept: the price of {teacher.name} is unknown. Next: put usd_input, usd_output and "
            f"listed_on into a registry of your own (--teachers FILE), or leave --max-usd out"
        )


def words(text: str | None) -> list[str] | None:
    """A comma-separated flag as a list; None stays None."""
    return [part.strip() for part in text.split(",") if part.strip()] if text is not None else None


def numbers(text: str | None, flag: str) -> list[int] | None:
    """`4`, `1,3,5` or `1-6` as a list of integers. ConfigError names the flag and the value."""
    if text is None:
        return None
    found: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()) or (dash and int(last) < int(first)):
            raise ConfigError(f"{flag} {text!r} is not a list of numbers. Next: write it as 4, 1,3,5 or 1-6")
        found += range(int(first), int(last or first) + 1)
    return list(dict.fromkeys(found))


def say(text: str) -> None:
    """A line for the person at the terminal (stderr), its commands as they are typed here; results go to stdout."""
    sys.stdout.flush()  # in a file that takes both, they stay in order
    print(hints.typed(text), file=sys.stderr, flush=True)


def print_rows(
    columns: Sequence[str], rows: Sequence[Sequence[Any]], *, as_json: bool, title: str | None = None
) -> None:
    """A result on stdout: a table for people, or a JSON array of objects."""
    if as_json:
        print_json([dict(zip(columns, row, strict=True)) for row in rows])
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table

    console = Console(file=sys.stdout, highlight=False)
    cells = [[_shown(row[i]) for row in rows] for i in range(len(columns))]
    headings = [name.replace("_", " ") for name in columns]
    numeric = [
        bool(rows) and all(isinstance(r[i], (int, float)) or r[i] is None for r in rows) for i in range(len(columns))
    ]
    # Numbers are never cut: text columns share what the numbers leave of the terminal's width.
    needed = [
        max([len(c) for c in cells[i]] + [len(w) for w in headings[i].split()], default=1) for i in range(len(columns))
    ]
    if len(rows) == 1 and len(columns) > 7 and sum(needed) + 2 * len(columns) > console.width:  # reads better downwards
        print_rows(("what", "value"), list(zip(headings, rows[0], strict=True)), as_json=False, title=title)
        return
    gap = 2 if sum(needed) + 2 * len(columns) <= console.width + 2 else 1  # closer together rather than cut
    left = console.width - sum(n for n, is_number in zip(needed, numeric, strict=True) if is_number)
    left -= gap * (len(columns) - 1)
    widths = iter(_shares([n for n, is_number in zip(needed, numeric, strict=True) if not is_number], left))
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, gap - 1, 0, 0))
    for heading, width, is_number in zip(headings, needed, numeric, strict=True):
        table.add_column(
            heading,
            justify="right" if is_number else "left",
            overflow="fold",
            min_width=width if is_number else next(widths),
        )
    for line in zip(*cells, strict=True):
        table.add_row(*line)
    if title:
        console.print(title, style="bold", markup=False)
    console.print(table)


def print_note(text: str) -> None:
    """A remark under a table, wrapped to the terminal; a command to type next stays on a line of its own, unbroken."""
    import shutil
    import textwrap

    prose, marker, command = hints.typed(text).partition("Next: ")
    width = shutil.get_terminal_size().columns
    lines = textwrap.wrap(prose, width - 2, break_long_words=False, break_on_hyphens=False, subsequent_indent="  ")
    print("\n".join(f"  {line}" for line in [*lines, *([marker + command] if marker else [])]))


def _shares(needed: list[int], left: int) -> list[int]:
    """How wide each text column may be: short ones get what they need, long ones share the rest evenly."""
    share: dict[int, int] = {}
    for place, index in enumerate(sorted(range(len(needed)), key=needed.__getitem__)):
        share[index] = max(min(needed[index], 6), min(needed[index], left // (len(needed) - place)))
        left -= share[index]
    return [share[index] for index in range(len(needed))]


def print_json(value: Any) -> None:
    """JSON on stdout; times and paths as strings."""
    print(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def usd(amount: float | None) -> str:
    """Dollars for people; `unknown` where nobody knows."""
    return "unknown" if amount is None else f"${amount:,.4f}" if 0 < amount < 0.01 else f"${amount:,.2f}"


def _shown(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"
    from rich.markup import escape

    return escape(str(value))


class Bar:
    """A progress bar on stderr; where stderr is no terminal, a line every 30 seconds and one at the end."""

    EVERY_S = 30.0

    def __init__(self, label: str) -> None:
        self.label = label
        self._bar: Any = None
        self._task: Any = None
        self._last = time.monotonic()
        self._state = (0, 0, "")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
        elif self._state[1]:
            self._line()

    def update(self, done: int, total: int, text: str = "") -> None:
        """Show `done` of `total`, with a few words beside it."""
        self._state = (done, total, text)
        if sys.stderr.isatty():
            if self._bar is None:
                self._start(total)
            self._bar.update(self._task, completed=done, total=total, text=text)
        elif time.monotonic() - self._last >= self.EVERY_S:
            self._last = time.monotonic()
            self._line()

    def _start(self, total: int) -> None:
        from rich.console import Console
        from rich.progress import Progress

        self._bar = Progress(*self._columns(), console=Console(stderr=True))
        self._task = self._bar.add_task(self.label, total=total, text="")
        self._bar.start()

    def _columns(self) -> list[Any]:
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn

        text = TextColumn("{task.fields[text]}")
        return [TextColumn(self.label), BarColumn(bar_width=20), MofNCompleteColumn(), text, TimeRemainingColumn()]

    def _line(self) -> None:
        done, total, text = self._state
        say(f"{self.label}: {done:,} of {total:,}{', ' + text if text else ''}")
