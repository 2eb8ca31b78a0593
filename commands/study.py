"""`cotdistill study`: a whole experiment in one file: planned, priced, filled, looked at, reported."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .common import (
    DEFAULT_STORE,
    Bar,
    JsonOption,
    StoreOption,
    open_store,
    print_json,
    print_rows,
    say,
    usd,
)

if TYPE_CHECKING:
    from ..study.design import Design
    from ..study.run import Ran

app = typer.Typer(help="A whole experiment in one file: plan, price, fill, look, report.", no_args_is_help=True)
FileArgument = Annotated[str, typer.Argument(help="A study.toml, or a shipped name: laptop, paper, domain.")]


@app.command("run", epilog="Example: cotdistill study run laptop --max-hours 2")
def run(
    file: FileArgument,
    max_usd: Annotated[
        float | None, typer.Option(min=0.0, help="Stop buying before the store's total spend exceeds this.")
    ] = None,
    max_hours: Annotated[float | None, typer.Option(min=0.0, help="Begin nothing new after so long.")] = None,
    processes: Annotated[int | None, typer.Option(min=1, help="Instead of the file's training.processes.")] = None,
    gpus: Annotated[str | None, typer.Option(help="Cards, as 0,1,2,3: one process on each.")] = None,
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """Fill what the study misses: questions, rationales, corpora, runs, evaluations. Kill it whenever you like.

    The same command goes on where it was; nothing is bought, trained or asked twice.
    """
    from ..study.executor import Watch
    from ..study.files import load
    from ..study.local import LocalExecutor
    from ..study.run import run_study
    from ..train import cards

    design = load(file)
    chosen = cards.chosen(gpus) if gpus is not None else design.training.gpus
    executor = LocalExecutor(processes or design.training.processes, tuple(chosen))
    opened = open_store(store, create=True)
    with Follow() as follow:
        ran = run_study(
            design,
            opened,
            executor,
            max_usd=max_usd,
            max_hours=max_hours,
            watch=Watch(say, follow.show),
        )
    _show_ran(design, ran, file, as_json=as_json)


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
            self.kind, self.bar = kind, Bar({"train": "training", "evaluate": "evaluating"}.get(kind, kind))
        if self.bar is not None:
            scale = 100 if kind == "train" else 1
            self.bar.update(round(scale * done), round(scale * total), words)


def _show_ran(design: "Design", ran: "Ran", file: str, *, as_json: bool) -> None:
    from ..store.status import duration

    result = {
        "study": design.name,
        "done": {kind: n for (kind, status), n in ran.counts.items() if status == "done"},
        "failed": [{"what": what, "why": why} for what, why in ran.errors],
        "stopped": ran.stopped,
        "evaluations_left": ran.missing,
        "seconds": round(ran.seconds, 1),
    }
    if as_json:
        print_json(result)
    else:
        kinds = list(dict.fromkeys(kind for kind, _ in ran.counts))
        rows = [(kind, *(ran.counts.get((kind, s), 0) for s in ("done", "failed", "left"))) for kind in kinds]
        print_rows(("stage", "done", "failed", "left"), rows, as_json=False)
    for what, why in ran.errors[:10]:
        say(f"{what}: {why}")
    took = duration(ran.seconds)
    if ran.stopped is not None:
        say(
            f"stopped after {took}: {ran.stopped}; {ran.missing:,} evaluations are left. Next: cotdistill study holes {file}"
        )
        raise typer.Exit(3)
    if ran.missing or ran.errors:
        say(f"{ran.missing:,} evaluations are left after {took}. Next: cotdistill study holes {file}")
        raise typer.Exit(1)
    say(f"{design.name} is whole after {took}. Next: cotdistill study report {file}")


_ = usd
