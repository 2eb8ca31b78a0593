"""How far a study is: a table that lives while it is at work, and the bars of the work itself."""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .common import Bar, print_json, print_rows, say
from .study_plan import show_stages

if TYPE_CHECKING:
    from ..study.design import Design
    from ..study.plan import Plan

EVERY_S = 10.0
WORDS = {"train": "training", "evaluate": "evaluating"}


class Follow:
    """One bar for each stage, as it comes."""

    def __init__(self) -> None:
        self.kind: str | None = None
        self.bar: Bar | None = None

    def __enter__(self) -> "Follow":
        return self

    def __exit__(self, *_: Any) -> None:
        if self.bar is not None:
            self.bar.__exit__(None, None, None)

    def show(self, kind: str, done: float, total: float, words: str) -> None:
        """So much of the present stage is done."""
        if kind != self.kind:
            self.__exit__()
            self.kind, self.bar = kind, Bar(WORDS.get(kind, kind))
        if self.bar is not None:
            scale = 100 if kind == "train" else 1
            self.bar.update(round(scale * done), round(scale * total), words)


def show_status(design: "Design", store: Path, file: str, *, once: bool, as_json: bool) -> None:
    """The stages, and a line for each data set and teacher."""
    from ..store.locks import holder_of
    from ..study.api import reading
    from ..study.plan import make_plan

    def at_work() -> str | None:
        return holder_of(store.with_name(store.name + ".spool"), f"study-{design.name}")

    def read() -> "Plan":
        with reading(store) as opened:
            return make_plan(design, opened)

    if as_json:
        made = read()
        stages = made.as_dict()["stages"]
        print_json({"study": design.name, "at_work": at_work(), "stages": stages, "groups": groups(made)})
        return
    if sys.stdout.isatty() and not once and at_work():
        _live(read, at_work)
    _print(read(), at_work(), file)


def groups(plan: "Plan") -> list[dict[str, Any]]:
    """The cells of one data set and teacher added up."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for row in plan.rows:
        line = found.setdefault(
            (row.dataset, row.supervision.partition(" ")[0]),
            {"cells": 0, "replies": 0, "missing": 0, "runs": 0, "trained": 0, "evaluations": 0, "evaluated": 0},
        )
        added = (1, row.wanted, row.missing, row.runs, row.runs_done, row.evaluations, row.evaluations_done)
        for name, n in zip(line, added, strict=True):
            line[name] += n
    return [{"dataset": dataset, "teacher": who, **line} for (dataset, who), line in found.items()]


def _print(plan: "Plan", pid: str | None, file: str) -> None:
    lines = groups(plan)
    columns = tuple(lines[0]) if lines else ("dataset",)
    print_rows(columns, [tuple(line.values()) for line in lines], as_json=False, title=plan.design.name)
    print()
    show_stages(plan)
    if pid:
        say(f"process {pid} is at work on it")
    elif plan.n_missing:
        say(f"nobody is at work on it. Next: cotdistill study run {file}, or cotdistill study holes {file}")
    else:
        say(f"nothing is missing. Next: cotdistill study report {file}")


def _live(read: Any, at_work: Any) -> None:
    """Draw the table again every few seconds, until the study is no longer at work or Ctrl-C."""
    import contextlib

    from rich import box
    from rich.live import Live
    from rich.table import Table

    def drawn(plan: "Plan") -> Table:
        title = f"{plan.design.name}, {time.strftime('%H:%M:%S')} (Ctrl-C ends the look, not the study)"
        table = Table("dataset", "teacher", title=title, box=box.SIMPLE_HEAD, pad_edge=False)
        for name in ("replies", "trained", "evaluated"):
            table.add_column(name, justify="right")
        for line in groups(plan):
            have = line["replies"] - line["missing"]
            shares = ((have, "replies"), (line["trained"], "runs"), (line["evaluated"], "evaluations"))
            table.add_row(line["dataset"], line["teacher"], *(f"{n:,} of {line[of]:,}" for n, of in shares))
        return table

    with contextlib.suppress(KeyboardInterrupt), Live(drawn(read()), refresh_per_second=1) as live:
        while at_work():
            time.sleep(EVERY_S)
            live.update(drawn(read()))
