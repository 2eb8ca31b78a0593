"""`cotdistill evaluate teacher`: what a teacher knows by itself, apart from what it wrote with the answer in sight."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import ConfigError
from .asking import Options
from .common import (
    DEFAULT_STORE,
    DatasetsOption,
    JsonOption,
    LimitOption,
    RegistryOption,
    SplitOption,
    StoreOption,
    check_cap,
    open_store,
    print_json,
    print_note,
    print_rows,
    say,
    settle,
    usd,
    words,
)

if TYPE_CHECKING:
    from ..evaluate.models import Endpoint
    from ..gen.teachers import Teacher
    from ..store.store import Store

SQL = Path(__file__).parent / "sql"


def teacher(
    name: Annotated[str, typer.Argument(metavar="TEACHER", help="A teacher's name; an unknown one needs --base-url.")],
    dataset: DatasetsOption = None,
    split: SplitOption = "test",
    where: Annotated[str | None, typer.Option(help="Only questions that fulfil this SQL.")] = None,
    limit: LimitOption = None,
    decode: Annotated[
        str | None,
        typer.Option(
            help="greedy, sample, or served (as the model samples by itself); default: greedy, served where the model "
            "refuses a temperature."
        ),
    ] = None,
    samples: Annotated[int | None, typer.Option(min=1, help="Answers to each question.")] = None,
    max_new_tokens: Annotated[str, typer.Option(help="Longest answer; paper: 1024 or 640.")] = "paper",
    base_url: Annotated[str | None, typer.Option(help="The endpoint, instead of the registry's.")] = None,
    model: Annotated[str | None, typer.Option(help="The model, instead of the registry's.")] = None,
    concurrency: Annotated[int, typer.Option(min=1, max=1000, help="Calls open at once.")] = 16,
    max_usd: Annotated[
        float | None, typer.Option("--max-usd", min=0, help="Stop before all that the store records costs more.")
    ] = None,
    teachers: RegistryOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what it would ask and cost at most.")] = False,
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """Ask a teacher the students' questions without the gold answer: its unaided accuracy, kept apart from the accuracy
    of its rationales that were written with the answer in sight. Calls are recorded with what they cost."""
    from contextlib import ExitStack, nullcontext
    from dataclasses import replace

    from ..evaluate.models import endpoint_model
    from ..gen.budget import spent
    from ..gen.teachers import find_teacher, load_registry
    from ..store.locks import buying, only_one
    from .evaluate import run_plan
    from .scores import scores, show_scores

    found = find_teacher(name, registry=load_registry(teachers), base_url=base_url, model=model)
    check_cap(found, max_usd)
    opened = open_store(store)
    settle(opened)
    chosen = words(dataset) or _taught(opened, found.name, split)
    refuses = "temperature" in found.refuses
    if refuses and decode not in (None, "served"):
        raise ConfigError(
            f"teacher {found.name} refuses a temperature, which --decode {decode} sets. Next: --decode served"
        )
    decode = decode or ("served" if refuses else "greedy")
    options = Options(split, limit, where, max_new_tokens, decode, samples=samples, instruct=True)
    asking = options.asking(opened, chosen)
    served = replace(_endpoint(found), concurrency=concurrency)
    _price(opened, found, asking, chosen, options.n_samples)
    if dry_run:
        return
    with ExitStack() as stack:
        stack.enter_context(only_one(opened.spool_dir, "teacher-evaluation"))
        stack.enter_context(buying(opened.spool_dir, capped=max_usd is not None))
        if max_usd is not None:
            served = replace(served, max_usd=max_usd, spent_usd=spent(opened))
        if found.provider == "builtin" and base_url is None:
            from ..gen.builtin.background import start_server

            served = replace(served, base_urls=(stack.enter_context(start_server()).base_url,))
        else:
            stack.enter_context(nullcontext())
        one = endpoint_model(found.name, served, "teacher")
        results = run_plan(opened, {key: [one] for key in chosen}, asking)
    beside = _written(opened, found.name, chosen)
    if as_json:
        print_json({"unaided": scores(opened, results, options.n_samples), "rationales": beside})
    else:
        show_scores(opened, results, samples=options.n_samples)
        _show_written(beside)
    for result in results:
        if result.error:
            say(f"{found.name}: {result.error}")
    if any(r.status in ("failed", "lost") for r in results):
        raise typer.Exit(1)


def _taught(store: "Store", teacher: str, split: str) -> list[str]:
    """The data sets on which the teacher wrote rationales and whose `split` is loaded."""
    with store.read() as con:
        rows = con.execute(
            "SELECT DISTINCT cell.dataset FROM cell "
            "SEMI JOIN question AS q ON q.dataset = cell.dataset AND q.split = $split "
            "WHERE cell.teacher = $teacher ORDER BY 1",
            {"teacher": teacher, "split": split},
        ).fetchall()
    if not rows:
        raise ConfigError(f"{teacher} wrote nothing in {store.path} yet. Next: --dataset NAME, to ask it about")
    return [dataset for (dataset,) in rows]


def _endpoint(teacher: "Teacher") -> "Endpoint":
    from ..evaluate.models import Endpoint
    from ..gen.teachers import OTHER_KEY_ENV, key_of

    builtin = teacher.provider == "builtin"
    key_env = teacher.key_env
    if key_env is not None:
        import os

        key_of(teacher)  # a missing key is said before anything else happens
        if not os.environ.get(key_env):
            key_env = OTHER_KEY_ENV.get(key_env, key_env)
    return Endpoint(
        teacher.base_urls,
        teacher.model,
        key_env,
        provider="openai-compatible" if builtin else teacher.provider,
        api=teacher.api,
        refuses=tuple(teacher.refuses),
        usd_input=teacher.usd_input if teacher.price else None,
        usd_output=teacher.usd_output if teacher.price else None,
        free=builtin,
        record_as=teacher.name,
    )


def _price(store: "Store", teacher: "Teacher", asking: Any, datasets: list[str], samples: int) -> None:
    """Say what is asked and what it costs at most, before anything is."""
    from ..evaluate.plan import sheet
    from ..tasks.realised import count_tokens

    n = prompt = completion = 0
    for dataset in datasets:
        one = sheet(store, dataset, asking)
        n += len(one.wanted) * samples
        prompt += sum(count_tokens(text) for text in one.wanted.values()) * samples
        completion += len(one.wanted) * samples * one.decoder.max_new_tokens
    most = teacher.price.at_most(2 * prompt, completion) if teacher.price else None
    say(f"{n:,} answers of {teacher.name} on {', '.join(datasets)}, fewer where some are here; at most {usd(most)}")


def _written(store: "Store", teacher: str, datasets: list[str]) -> list[dict[str, Any]]:
    from ..analysis.statistics import wilson

    with store.read() as con:
        found = con.execute((SQL / "written.sql").read_text(), {"teacher": teacher, "datasets": datasets})
        names = [c[0] for c in found.description or ()]
        rows = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
    for row in rows:
        bounds = wilson(row["n_correct"], row["n"])
        row |= {"wilson_low": bounds.low, "wilson_high": bounds.high}
    return rows


def _show_written(rows: list[dict[str, Any]]) -> None:
    if not rows:
        return
    seen = {"yes": "gold in sight", "no": "unaided", "unknown": "not known"}
    lines = [
        (
            row["dataset"],
            row["split"],
            seen[row["gold_visible"]],
            row["n"],
            f"{100 * row['n_correct'] / row['n']:.1f}",
            f"{100 * row['wilson_low']:.1f}-{100 * row['wilson_high']:.1f}",
        )
        for row in rows
    ]
    columns = ("dataset", "split", "written", "n", "% right", "95 % CI")
    print_rows(columns, lines, as_json=False, title="Its rationales in the store")
    print_note(
        "what was written with the gold answer in sight says nothing about what the teacher knows; rationales of one "
        "question are counted as they are (interval: Wilson 95 %)"
    )
