"""`cotdistill evaluate`: every finished run and its untouched base, or any model, on the questions of any split."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import ConfigError
from .asking import Options, plan_models, plan_runs
from .common import (
    DEFAULT_STORE,
    Bar,
    DatasetsOption,
    JsonOption,
    LimitOption,
    SplitOption,
    StoreOption,
    numbers,
    open_store,
    say,
    settle,
    words,
)
from .evaluate_score import score
from .evaluate_teacher import teacher
from .scores import show_scores

if TYPE_CHECKING:
    from ..evaluate.models import Model
    from ..evaluate.plan import Asking
    from ..evaluate.run import EvaluationProgress, EvaluationResult
    from ..store.store import Store

app = typer.Typer(
    help="Evaluate finished runs, or any model or endpoint, beside their untouched bases.",
    epilog="Example: cotdistill evaluate --limit 200",
)
app.command("teacher", epilog="Example: cotdistill evaluate teacher gpt-4o --dataset gsm8k")(teacher)
app.command("score", epilog="Example: cotdistill evaluate score --student tiny --dataset arith")(score)


@app.callback(invoke_without_command=True)
def evaluate(
    context: typer.Context,
    student: Annotated[
        str | None, typer.Option(help="Only this student's runs; one without runs is evaluated untouched.")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            help="These instead, comma-separated: a run's key, a directory (model, merged model, adapter), a known "
            "student, a hub id; with --endpoint the name that the server knows."
        ),
    ] = None,
    base: Annotated[
        Path | None, typer.Option(help="The base of an adapter, where its own configuration is wrong.")
    ] = None,
    template: Annotated[str | None, typer.Option(help="How a directory is asked; default: auto.")] = None,
    endpoint: Annotated[
        str | None, typer.Option(help="An OpenAI-compatible server's base URL; several share the work.")
    ] = None,
    key_env: Annotated[str | None, typer.Option(help="The environment variable with the endpoint's key.")] = None,
    called: Annotated[
        str | None,
        typer.Option("--as", help="What a directory's or an endpoint's model is called here; default: as it is there."),
    ] = None,
    dataset: DatasetsOption = None,
    split: SplitOption = "test",
    where: Annotated[
        str | None, typer.Option(help="Only questions that fulfil this SQL, e.g. \"difficulty = 'Level 5'\".")
    ] = None,
    limit: LimitOption = None,
    decode: Annotated[
        str, typer.Option(help="greedy, beam, sample, or served (an endpoint as it samples by itself).")
    ] = "greedy",
    beams: Annotated[int | None, typer.Option(min=2, help="Width of beam search; default: 5, the paper's.")] = None,
    samples: Annotated[
        int | None, typer.Option(min=1, help="Answers to each question, for pass@k and maj@k; default: 8.")
    ] = None,
    temperature: Annotated[float | None, typer.Option(help="Of samples; default: 0.7.")] = None,
    top_p: Annotated[float | None, typer.Option(help="Of samples; default: 0.95.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of samples; default: 1.")] = None,
    max_new_tokens: Annotated[
        str,
        typer.Option(help="Longest answer, in the student's tokens; paper: 1024 for mathematics, 640 for commonsense."),
    ] = "paper",
    stop: Annotated[
        list[str] | None, typer.Option(help="A text that ends an answer; may be given several times.")
    ] = None,
    shots: Annotated[int, typer.Option(min=0, help="Solved training questions before every question.")] = 0,
    shots_seed: Annotated[int, typer.Option(help="Which ones.")] = 1,
    shots_from: Annotated[
        str | None, typer.Option(help="Solved by this teacher's correct rationales; default: the gold answer alone.")
    ] = None,
    instruct: Annotated[
        bool, typer.Option("--instruct", help="Say after every question how to announce the answer.")
    ] = False,
    engine: Annotated[str, typer.Option(help="auto (vllm where there is a GPU), vllm or transformers.")] = "auto",
    dtype: Annotated[str, typer.Option(help="auto, float32 or bfloat16.")] = "auto",
    tensor_parallel: Annotated[int, typer.Option(min=1, help="GPUs that share one model; vllm only.")] = 1,
    gpus: Annotated[str | None, typer.Option(help="One process per card: 0,1,2,3 or 0-3.")] = None,
    processes: Annotated[int, typer.Option(min=1, help="Models side by side, one thread each.")] = 2,
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """Evaluate what has not been: finished runs and their untouched bases, on the data sets they were trained on; or
    any model, on any data set. `evaluate teacher` asks a teacher unaided, `evaluate score` scores rationales."""
    if context.invoked_subcommand is not None:
        given = [n for n in context.params if getattr(context.get_parameter_source(n), "name", "") == "COMMANDLINE"]
        if given:
            raise ConfigError(
                f"--{given[0].replace('_', '-')} stands before {context.invoked_subcommand}, where nothing reads it. "
                f"Next: cotdistill evaluate {context.invoked_subcommand} --help"
            )
        return
    options = Options(
        split, limit, where, max_new_tokens, decode, beams, samples, temperature, top_p, seed, tuple(stop or ()), shots,
        shots_seed, shots_from, instruct,
    )  # fmt: skip
    opened = open_store(store)
    settle(opened)
    datasets = words(dataset)
    if endpoint is not None:
        plan = _served(endpoint, model, key_env, called, datasets)
    elif model is not None:
        plan = plan_models(opened, words(model) or [], base, template, datasets, called)
    else:
        plan = plan_runs(opened, student, datasets)
    results = run_plan(
        opened,
        plan,
        options.asking(opened, list(plan)),
        engine=engine,
        dtype=dtype,
        tensor_parallel=tensor_parallel,
        gpus=numbers(gpus, "--gpus") or [],
        processes=processes,
    )
    finish(opened, results, as_json=as_json, samples=options.n_samples)


def evaluate_all(
    store: "Store", *, datasets: Sequence[str] | None = None, limit: int | None = None, max_new_tokens: int = 256
) -> list["EvaluationResult"]:
    """Every finished run on its own data set's test split, or on `datasets`, greedily; with a bar over all
    questions."""
    plan = plan_runs(store, None, datasets)
    return run_plan(store, plan, Options(limit=limit, max_new_tokens=str(max_new_tokens)).asking(store, list(plan)))


def run_plan(
    store: "Store",
    plan: "Mapping[str, Sequence[Model]]",
    asking: "Asking",
    *,
    engine: str = "auto",
    dtype: str = "auto",
    tensor_parallel: int = 1,
    gpus: Sequence[int] = (),
    processes: int = 2,
) -> list["EvaluationResult"]:
    """Write the job down and do it, with a bar."""
    from ..evaluate.run import evaluate_plan, resolve_engine
    from ..store.jobs import record_job

    engine, _ = resolve_engine(engine)
    models = {name: [model.student for model in several] for name, several in plan.items()}
    how = {key: value for key, value in asdict(asking).items() if key != "instructions"}
    record_job(
        store,
        "evaluate",
        {"models": models, "asking": how, "engine": engine, "tensor_parallel": tensor_parallel, "gpus": list(gpus)},
    )
    with Bar(f"evaluating on {', '.join(plan)}") as bar:
        return evaluate_plan(
            store,
            plan,
            asking,
            engine=engine,
            dtype=dtype,
            tensor_parallel=tensor_parallel,
            processes=processes,
            gpus=gpus,
            progress=Follow(bar),
        )


def finish(store: "Store", results: Sequence["EvaluationResult"], *, as_json: bool, samples: int) -> None:
    """Show what came of it; exit code 1 where something failed."""
    show_scores(store, results, as_json=as_json, samples=samples)
    say("Next: cotdistill predictions, cotdistill analyze, or cotdistill report")
    if any(r.status in ("failed", "lost") for r in results):
        raise typer.Exit(1)


class Follow:
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


def _served(
    urls: str, model: str | None, key_env: str | None, called: str | None, datasets: Sequence[str] | None
) -> "dict[str, list[Model]]":
    from ..evaluate.models import Endpoint, endpoint_model

    if model is None or datasets is None:
        missing = "--model, the name that the server knows" if model is None else "--dataset NAME, to examine it on"
        raise ConfigError(f"an endpoint needs more than its address. Next: {missing}")
    served = Endpoint(tuple(u.rstrip("/") for u in words(urls) or ()), model, key_env)
    return {name: [endpoint_model(called or model, served)] for name in datasets}
