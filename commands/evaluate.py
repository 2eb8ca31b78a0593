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
    LimitOption,
    SplitOption,
    StoreOption,
    open_store,
    print_note,
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
    split: SplitOption = "test",
    limit: LimitOption = None,
    max_new_tokens: Annotated[int, typer.Option(min=1, help="Longest answer, in the student's tokens.")] = 256,
    engine: Annotated[str, typer.Option(help="auto (vllm where there is a GPU), vllm or transformers.")] = "auto",
    tensor_parallel: Annotated[int, typer.Option(min=1, help="GPUs that share one model; vllm only.")] = 1,
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
        tensor_parallel=tensor_parallel,
        processes=processes,
    )
    show_scores(opened, results, as_json=as_json)
    say("Next: cotdistill analyze, or cotdistill report")
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
    engine: str = "auto",
    tensor_parallel: int = 1,
    processes: int = 2,
) -> list["EvaluationResult"]:
    """Every finished run on its own data set's split, or on `datasets`; with a bar over all questions."""
    from ..evaluate.decoding import Decoder
    from ..evaluate.models import base_model, trained_models
    from ..evaluate.run import evaluate_plan, resolve_engine
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
    engine, _ = resolve_engine(engine)
    record_job(
        store,
        "evaluate",
        {"datasets": list(plan), "split": split, "limit": limit, "decoder": decoder}
        | {"engine": engine, "tensor_parallel": tensor_parallel},
    )
    untouched = []
    if not all(plan.values()):
        found = resolve_student(student or "tiny")
        untouched = [base_model(found.name, locate(found), found.template)]
    examined = {name: trained_models(store, keys) if keys else untouched for name, keys in plan.items()}
    with Bar(f"evaluating on {', '.join(plan)}") as bar:
        return evaluate_plan(
            store,
            examined,
            split=split,
            limit=limit,
            decoder=decoder,
            engine=engine,
            tensor_parallel=tensor_parallel,
            processes=processes,
            progress=_Follow(bar),
        )


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


def show_scores(store: "Store", results: Sequence["EvaluationResult"], *, as_json: bool = False) -> None:
    """Accuracy with n and its Wilson 95 % interval, and beside it how many answers were unparsed or cut off."""
    from ..analysis import labels
    from ..analysis.statistics import wilson

    keys = [r.evaluation_key for r in results]
    with store.read() as con:
        found = con.execute((SQL / "scores.sql").read_text(), {"evaluations": keys})
        names = [c[0] for c in found.description or ()]
        rows = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
    for row in rows:
        bounds = wilson(row["n_correct"], row["n"])
        row |= {"wilson_low": bounds.low, "wilson_high": bounds.high}
    if as_json:
        print_rows(list(rows[0]) if rows else [], [list(row.values()) for row in rows], as_json=True)
        return
    for (student, dataset, split, engine, decoder), group in _grouped(rows).items():
        shown = [
            (
                row["teacher"] or "-",
                _supervision(row),
                row["seed"],
                row["n"],
                f"{100 * row['n_correct'] / row['n']:.1f}" if row["n"] else "-",
                f"{100 * row['wilson_low']:.1f}-{100 * row['wilson_high']:.1f}" if row["n"] else "-",
                f"{100 * row['n_strict'] / row['n']:.1f}" if row["n"] and row["n_strict"] is not None else "-",
                row["n_unparsed"],
                row["n_truncated"],
            )
            for row in group
        ]
        columns = ("teacher", "trained on", "seed", "n", "% right", "95 % CI", "% strict", "unparsed", "cut off")
        print_rows(columns, shown, as_json=False, title=f"{student} on {dataset}, {split} split")
        print_note(f"{engine}, {labels.decoder(decoder)}; interval: Wilson 95 %; an unparsed answer counts as wrong")
        print_note('% strict: by the paper\'s rule, the first match of "The answer is X"')
        print()


def _grouped(rows: Sequence[dict[str, Any]]) -> dict[tuple[str, ...], list[dict[str, Any]]]:
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row in rows:
        key = tuple(str(row[name]) for name in ("student", "dataset", "split", "engine", "decoder"))
        groups.setdefault(key, []).append(row)
    return groups


def _supervision(row: dict[str, Any]) -> str:
    from ..analysis import labels

    if row["corpus_name"] is not None:
        return str(row["corpus_name"])
    return labels.UNTOUCHED if row["run_key"] is None else labels.recipe(row["level"], row["format"])
