"""`cotdistill study`: a whole experiment in one file: planned, priced, filled, looked at, reported."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .common import DEFAULT_STORE, JsonOption, StoreOption, open_store, print_json, print_rows, say

if TYPE_CHECKING:
    from ..study.design import Design
    from ..study.ray_executor import RayExecutor
    from ..study.run import Ran

app = typer.Typer(help="A whole experiment in one file: plan, price, fill, look, report.", no_args_is_help=True)
FileArgument = Annotated[str, typer.Argument(help="A study.toml, or a shipped name: laptop, paper, domain.")]


@app.command("plan", epilog="Example: cotdistill study plan paper")
def plan(file: FileArgument, store: StoreOption = DEFAULT_STORE, as_json: JsonOption = False) -> None:
    """Show every cell, what is there and missing, tokens, dollars, hours, and what the design can tell.

    Needs no key and no store; nothing is written, fetched, asked or trained.
    """
    from ..study.api import reading
    from ..study.files import load
    from ..study.plan import make_plan
    from .study_plan import show

    with reading(store) as opened:
        made = make_plan(load(file), opened)
    show(made, file, as_json=as_json)


@app.command("run", epilog="Example: cotdistill study run laptop --max-hours 2")
def run(
    file: FileArgument,
    max_usd: Annotated[
        float | None, typer.Option(min=0.0, help="Stop buying before the store's total spend exceeds this.")
    ] = None,
    max_hours: Annotated[float | None, typer.Option(min=0.0, help="Begin nothing new after so long.")] = None,
    processes: Annotated[int | None, typer.Option(min=1, help="Instead of the file's training.processes.")] = None,
    gpus: Annotated[str | None, typer.Option(help="Cards, as 0,1,2,3: one process on each.")] = None,
    on: Annotated[
        str | None,
        typer.Option("--on", help="Other machines: ray (a cluster of this one), ray:auto, or ray://HOST:10001."),
    ] = None,
    task_cpus: Annotated[float, typer.Option(min=0.1, help="With --on: CPUs of a run or an evaluation.")] = 1.0,
    task_gpus: Annotated[float, typer.Option(min=0.0, help="With --on: its cards; 0.5: two share one.")] = 0.0,
    task_memory_gb: Annotated[float | None, typer.Option(min=0.1, help="With --on: its memory.")] = None,
    shards: Annotated[int, typer.Option(min=1, help="With --on: into how many a harvest is divided.")] = 4,
    shared: Annotated[
        Path | None, typer.Option(help="With --on: a folder that all machines see; killed tasks go on in it.")
    ] = None,
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """Fill what the study misses: questions, rationales, corpora, runs, evaluations. Kill it whenever you like.

    The same command goes on where it was; nothing is bought, trained or asked twice.
    """
    from ..study.executor import Executor, Watch
    from ..study.files import load
    from ..study.local import LocalExecutor
    from ..study.run import run_study
    from ..train import cards
    from .study_status import Follow

    design = load(file)
    executor: Executor
    if on is None:
        chosen = cards.chosen(gpus) if gpus is not None else design.training.gpus
        executor = LocalExecutor(processes or design.training.processes, tuple(chosen))
    else:
        executor = _elsewhere(on, task_cpus, task_gpus, task_memory_gb, shards, shared)
    opened = open_store(store, create=True)
    with Follow() as follow:
        watch = Watch(say, follow.show)
        ran = run_study(design, opened, executor, max_usd=max_usd, max_hours=max_hours, watch=watch)
    _show_ran(design, ran, file, as_json=as_json)


@app.command("status", epilog="Example: cotdistill study status laptop")
def status(
    file: FileArgument,
    once: Annotated[bool, typer.Option("--once", help="On a terminal too: show it and end.")] = False,
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """Show how far the study is; on a terminal the table lives for as long as the study is at work."""
    from ..study.files import load
    from .study_status import show_status

    show_status(load(file), store, file, once=once, as_json=as_json)


@app.command("holes", epilog="Example: cotdistill study holes laptop --json")
def holes(file: FileArgument, store: StoreOption = DEFAULT_STORE, as_json: JsonOption = False) -> None:
    """List what is missing and why: not bought, refused, failed, not trained, not evaluated."""
    from dataclasses import asdict

    from ..study.api import reading
    from ..study.files import load
    from ..study.holes import find_holes

    design = load(file)
    with reading(store) as opened:
        found = find_holes(design, opened, file)
    if as_json:
        print_json([asdict(hole) for hole in found])
        return
    rows = [(h.stage, h.what, h.n, h.unit, h.why, h.detail or None) for h in found]
    print_rows(("stage", "what", "n", "unit", "why", "detail"), rows, as_json=False)
    if not found:
        say(f"{design.name} has no hole. Next: cotdistill study report {file}")
    for command in dict.fromkeys(hole.next for hole in found if hole.next):
        say(f"Next: {command}")


@app.command("report", epilog="Example: cotdistill study report laptop --out laptop.html")
def report(
    file: FileArgument,
    out: Annotated[Path | None, typer.Option(help="The file to write; default: NAME.html.")] = None,
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """Write the store's report, headed by the study: how far it is, its holes, what it can tell."""
    from ..study.api import report_study
    from ..study.files import load

    design = load(file)
    opened = open_store(store)
    opened.settle()
    written = report_study(design, opened, out or Path(f"{design.name}.html"), file)
    if as_json:
        print_json({"report": str(written.resolve()), "bytes": written.stat().st_size})
    else:
        print(written.resolve())
    say(f"{written.stat().st_size / 1e6:.1f} MB. Next: open it in a browser, or cotdistill report --serve")


@app.command("search", epilog="Example: cotdistill study search laptop --student tiny")
def search(
    file: FileArgument,
    student: Annotated[str, typer.Option(help="Who is to learn; one of the study's.")],
    dataset: Annotated[str | None, typer.Option(help="Where the study has several.")] = None,
    prior: Annotated[
        bool, typer.Option("--prior/--no-prior", help="Drop a third unseen, by the student's NLL.")
    ] = True,
    max_usd: Annotated[
        float | None, typer.Option(min=0.0, help="Stop buying before the store's total spend exceeds this.")
    ] = None,
    processes: Annotated[int | None, typer.Option(min=1, help="Instead of the file's training.processes.")] = None,
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """Find the best supervision for a student with a part of the full grid's training: successive halving.

    What it trains is in the store like any run; killed, the same command goes on.
    """
    from ..study.executor import Watch
    from ..study.files import load
    from ..study.local import LocalExecutor
    from ..study.search import search_study
    from .study_search import show_found
    from .study_status import Follow

    design = load(file)
    executor = LocalExecutor(processes or design.training.processes, design.training.gpus)
    opened = open_store(store, create=True)
    with Follow() as follow:
        watch = Watch(say, follow.show)
        found, share = search_study(
            design, opened, executor, student=student, dataset=dataset, prior=prior, max_usd=max_usd, watch=watch
        )
    show_found(found, share, file, as_json=as_json)


@app.command("init", epilog="Example: cotdistill study init laptop > my.toml")
def init(
    name: Annotated[str, typer.Argument(help="laptop, paper or domain.")] = "laptop",
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """Print a shipped study.toml, to start your own from; --json: as it is resolved, with every default."""
    from ..study.files import find, load

    if as_json:
        print_json(load(name).resolved())
        return
    print(find(name).read_text(encoding="utf-8"), end="")


def _elsewhere(
    on: str, cpus: float, gpus: float, memory_gb: float | None, shards: int, shared: Path | None
) -> "RayExecutor":
    """The executor of a Ray cluster. This process becomes that of the environment with Ray, where it has one."""
    from .. import environments
    from ..study.ray_executor import RayExecutor, address_of

    address = address_of(on)
    environment = environments.require("ray")
    if Path(sys.executable) != environment.python:
        os.execv(environment.python, [str(environment.python), "-m", "cotdistill", *sys.argv[1:]])
    memory = None if memory_gb is None else int(memory_gb * 1e9)
    return RayExecutor(address, cpus, gpus, memory, shards, shared.resolve() if shared else None)


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
    took, left = duration(ran.seconds), f"{ran.missing:,} evaluations are left"
    if ran.stopped is not None and (ran.missing or ran.errors):
        say(f"stopped after {took}: {ran.stopped}; {left}. Next: cotdistill study holes {file}")
        raise typer.Exit(3)
    if ran.missing or ran.errors:
        say(f"{left} after {took}. Next: cotdistill study holes {file}")
        raise typer.Exit(1)
    say(f"{design.name} is whole after {took}. Next: cotdistill study report {file}")
