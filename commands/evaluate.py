"""`cotdistill evaluate`: every finished run and its untouched base, on the test questions of what it was trained on."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import ConfigError
from .common import (
    DEFAULT_STORE,
    Bar,
    DatasetsOption,
    JsonOption,
    StoreOption,
    open_store,
    print_rows,
    say,
    settle,
    words,
)

if TYPE_CHECKING:
    from ..evaluate.run import EvaluationProgress, EvaluationResult
    from ..store.store import Store

SQL = Path(__file__).parent / "sql"
# Trained on one data set, examined on another: the paper examines MATH on 500 items of four subjects.
EXAMINED_ON = {"math": "math-4s"}


def evaluate(
    student: Annotated[
        str | None, typer.Option(help="Only this student's runs; one without runs is evaluated untouched.")
    ] = None,
    dataset: DatasetsOption = None,
    split: Annotated[str, typer.Option(help="Which split's questions.")] = "test",
    limit: Annotated[
        int | None, typer.Option(min=1, help="At most so many questions, the same for every model.")
    ] = None,
    max_new_tokens: Annotated[int, typer.Option(min=1, help="Longest answer, in the student's tokens.")] = 256,
    engine: Annotated[str, typer.Option(help="transformers.")] = "transformers",
    processes: Annotated[int, typer.Option(min=1, help="Models side by side, one thread each.")] = 2,
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """Evaluate what has not been: finished runs and their untouched bases, on the data sets they were trained on."""
    opened = open_store(store)
    settle(opened)
    results = evaluate_all(
        opened,
        student=student,
        datasets=words(dataset),
        split=split,
        limit=limit,
        max_new_tokens=max_new_tokens,
        engine=engine,
        processes=processes,
    )
    show_scores(opened, results, as_json=as_json)
    if any(r.status in ("failed", "lost") for r in results):
        raise typer.Exit(1)


def evaluate_all(
    store: "Store",
    *,
    student: str | None = None,
    datasets: Sequence[str] | None = None,
    split: str = "test",
    limit: int | None = None,
    max_new_tokens: int = 256,
    engine: str = "transformers",
    processes: int = 2,
) -> list["EvaluationResult"]:
    """Every finished run on its own data set's split, or on `datasets`; with a bar over all questions."""
    from ..evaluate.decoding import Decoder
    from ..evaluate.models import base_model, trained_models
    from ..evaluate.run import evaluate_models
    from ..store.jobs import record_job
    from ..train.students import locate, resolve_student

    with store.read() as con:
        runs = dict(con.execute((SQL / "trained_on.sql").read_text(), {"student": student}).fetchall())
    all_runs = [key for keys in runs.values() for key in keys]
    if datasets is not None:
        plan = dict.fromkeys(datasets, all_runs)
    else:
        plan = {EXAMINED_ON.get(str(name), str(name)): keys for name, keys in runs.items()}
    if not plan:
        raise ConfigError(
            f"{store.path} holds no finished run{f' of {student}' if student else ''} to evaluate. Next: cotdistill "
            f"train --student {student or 'tiny'}, or name a data set to examine an untouched student on"
        )
    decoder = Decoder(max_new_tokens=max_new_tokens)
    record_job(
        store,
        "evaluate",
        {"datasets": list(plan), "split": split, "limit": limit, "decoder": decoder, "engine": engine},
    )
    results: list[EvaluationResult] = []
    for name, keys in plan.items():
        models = trained_models(store, keys)
        if not keys:
            found = resolve_student(student or "tiny")
            models = [base_model(found.name, locate(found), found.template)]
        with Bar(f"evaluating on {name}") as bar:
            results += evaluate_models(
                store,
                dataset=name,
                split=split,
                models=models,
                limit=limit,
                decoder=decoder,
                engine=engine,
                processes=min(processes, len(models)),
                progress=_Follow(bar),
            )
    return results


class _Follow:
    """Turns what evaluations report into one bar over all their questions."""

    def __init__(self, bar: Bar) -> None:
        self.bar = bar
        self.answered: dict[int, int] = {}
        self.totals: dict[int, int] = {}

    def __call__(self, now: "EvaluationProgress") -> None:
        self.answered[now.model], self.totals[now.model] = now.done, now.total
        total = round(sum(self.totals.values()) / len(self.totals) * now.n_models)
        self.bar.update(sum(self.answered.values()), total, f"model {now.n_done}/{now.n_models}")
        if now.error:
            say(f"{now.label}: {now.error}")


def show_scores(store: "Store", results: Sequence["EvaluationResult"], *, as_json: bool) -> None:
    """Accuracy with n and its Wilson 95 % interval, and beside it the shares of unparsed and truncated answers."""
    from ..analysis.statistics import wilson

    keys = [r.evaluation_key for r in results]
    with store.read() as con:
        rows = con.execute((SQL / "scores.sql").read_text(), {"evaluations": keys}).fetchall()
    shown: list[tuple[Any, ...]] = []
    for who, run, teacher, level, format, seed, dataset, split, n, right, unparsed, truncated, tokens, *_ in rows:
        bounds = wilson(right, n)
        trained = f"{teacher}, {f'level {level}, ' if level else ''}{format}" if run else "untouched"
        where = dataset if split == "test" else f"{dataset}/{split}"
        accuracy = f"{100 * right / n:.1f}" if n else "-"
        interval = f"{100 * bounds.low:.1f}-{100 * bounds.high:.1f}" if n else "-"
        if as_json:
            shown.append(
                (
                    who,
                    run,
                    teacher,
                    level,
                    format,
                    seed,
                    dataset,
                    split,
                    n,
                    right,
                    bounds.low,
                    bounds.high,
                    unparsed,
                    truncated,
                    tokens,
                )
            )
        else:
            shown.append((who, trained, seed, where, n, accuracy, interval, unparsed, truncated))
    if as_json:
        columns: tuple[str, ...] = (
            "student", "run_key", "teacher", "level", "format", "seed", "dataset", "split", "n", "n_correct",
            "wilson_low", "wilson_high", "n_unparsed", "n_truncated", "mean_completion_tokens",
        )  # fmt: skip
    else:
        columns = ("student", "trained on", "seed", "test", "n", "%", "95 % CI", "unparsed", "cut")
    print_rows(columns, shown, as_json=as_json)
    if not as_json:
        engines = {(row[13], row[14]) for row in rows}
        for engine, decoder in sorted(engines):
            say(f"engine {engine}, decoder {decoder}; interval: Wilson 95 %; unparsed answers count as wrong")
        say("Next: cotdistill analyze, or cotdistill report")
