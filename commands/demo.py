"""`cotdistill demo`: the whole story on a CPU, without a key: a teacher writes, students learn, a report answers."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import ConfigError, TrainError
from .common import numbers, open_store, say, settle, words

if TYPE_CHECKING:
    from ..gen.teachers import Teacher
    from ..store.store import Store

LEVELS = "1,3,5"
FORMATS = "original,answer-only"
CONCURRENCY = 16  # the built-in teacher answers at once: more calls in flight would only wait


def demo(
    out: Annotated[Path, typer.Option(help="The folder for store, weights and report.")] = Path("demo"),
    teacher: Annotated[str, typer.Option(help="builtin-strict, builtin-diverse or builtin-sloppy.")] = "builtin-strict",
    questions: Annotated[int, typer.Option(min=50, help="Training questions per cell.")] = 2400,
    seeds: Annotated[str, typer.Option(help="Seeds of the students.")] = "1,2",
    limit: Annotated[int, typer.Option(min=20, help="Held-out questions per student.")] = 500,
    store_path: Annotated[
        Path | None, typer.Option("--store", envvar="COTDISTILL_STORE", help="Default: demo.duckdb in that folder.")
    ] = None,
    max_steps: Annotated[int | None, typer.Option(min=1, help="Shorter training, for a first look.")] = None,
) -> None:
    """Run the whole pipeline on this CPU: teacher, corpora, 8 students, evaluation, report. Type it again to go on."""
    from ..gen.teachers import find_teacher, load_registry

    found = find_teacher(teacher, registry=load_registry())
    if found.provider != "builtin":
        raise ConfigError(
            f"the demo is for the built-in teachers, not {teacher!r}. Next: cotdistill generate --teacher {teacher}"
        )
    out.mkdir(parents=True, exist_ok=True)
    path, started = store_path or out / "demo.duckdb", time.monotonic()

    def chapter(n: int, text: str) -> None:
        say(f"\n[{n}/5  {time.monotonic() - started:4.0f} s] {text}")

    chapter(1, f"{teacher} writes rationales for {questions:,} arithmetic word problems, four ways")
    _harvest(path, found, questions)
    store = open_store(path)
    chapter(2, "tiny, a student of 0.4 million parameters, learns from each of the four corpora")
    _train(store, teacher, seeds, max_steps)
    chapter(3, f"every student, and the untouched one, answers {limit} held-out questions")
    from .evaluate import evaluate_all
    from .scores import show_scores

    results = evaluate_all(store, datasets=["arith"], limit=limit, max_new_tokens=160)
    show_scores(store, results)
    chapter(4, "what the store says")
    from ..analysis.questions import answer
    from .analyze import show_answer

    show_answer(answer(store, "levels"))
    chapter(5, "the report")
    from ..analysis.report import write_report
    from ..gen.prompts import build

    report = write_report(store, out / "report.html", prompter=build)
    print(f"report: {report.resolve()}")
    print(f"store:  {path.resolve()}")
    say(f"\ndone in {time.monotonic() - started:.0f} s (design goal: 300 s on 2 idle cores)")
    say(f'Next: open the report, or ask the store: cotdistill sql --store {path} "SELECT * FROM score"')


def _harvest(path: Path, teacher: "Teacher", questions: int) -> None:
    """Four cells of the built-in teacher, through the same function as any other teacher's."""
    from ..gen.prompts import recipes
    from ..gen.purchase import Purchase
    from ..tasks.values import Sampling
    from .buy import buy

    wanted = recipes(numbers(LEVELS, "--level") or [], words(FORMATS) or [], "no")
    purchase = Purchase(teacher, tuple(wanted), Sampling(max_tokens=512), limit=questions, concurrency=CONCURRENCY)
    buy(path, purchase, "arith")


def _train(store: "Store", teacher: str, seeds: str, max_steps: int | None) -> None:
    from ..store.cells import select_cells
    from ..train import profiles
    from ..train.students import resolve_student
    from ..train.wanted import Order
    from .train import make_corpora, run_all, show_runs

    settle(store)
    student = resolve_student("tiny")
    cells = select_cells(store, datasets=["arith"], teachers=[teacher])
    profile = profiles.load(student.profile, {"max_steps": max_steps})
    order = Order(student, profile, numbers(seeds, "--seeds") or [1])
    results = run_all(store, [order], make_corpora(store, cells, rows=None))
    show_runs(results, as_json=False)
    if failed := [r for r in results if r.error]:
        raise TrainError(f"{len(failed)} of {len(results)} runs failed, the first: {failed[0].error}")
