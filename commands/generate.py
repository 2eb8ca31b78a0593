"""`cotdistill generate`: plan, price and harvest; and `serve-teacher`, the built-in teacher by itself."""

import asyncio
import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import ConfigError
from .common import (
    DEFAULT_STORE,
    Bar,
    JsonOption,
    StoreOption,
    numbers,
    open_store,
    print_json,
    print_rows,
    say,
    settle,
    usd,
    words,
)

if TYPE_CHECKING:
    from ..clients.base import Client
    from ..gen.harvest import Tally
    from ..gen.plan import Call, CellPlan, Plan
    from ..gen.teachers import Teacher
    from ..store.store import Store
    from ..tasks.values import Recipe, Sampling


def generate(
    teacher: Annotated[str, typer.Option(help="A teacher's name; an unknown one needs --base-url.")],
    dataset: Annotated[
        str | None, typer.Option(help="Data sets, comma-separated; without it every loaded one with this split.")
    ] = None,
    level: Annotated[str, typer.Option(help="Levels: 4, or 1,3,5, or 1-6.")] = "1-6",
    format: Annotated[
        str,
        typer.Option(help="original, least-to-most, rephrase-and-respond, symbolic, answer-only; comma-separated."),
    ] = "original",
    split: Annotated[str, typer.Option(help="Which split's questions.")] = "train",
    limit: Annotated[
        int | None, typer.Option(min=1, help="At most so many questions, the same for every cell.")
    ] = None,
    samples: Annotated[int, typer.Option(min=1, help="Replies per question.")] = 1,
    gold_visible: Annotated[bool, typer.Option(help="Show the teacher the gold answer.")] = False,
    temperature: Annotated[float | None, typer.Option(min=0.0, max=2.0)] = None,
    top_p: Annotated[float | None, typer.Option(min=0.0, max=1.0)] = None,
    seed: Annotated[int | None, typer.Option(help="Sent to providers that take one.")] = None,
    reasoning_effort: Annotated[str | None, typer.Option(help="For reasoning models.")] = None,
    max_tokens: Annotated[int, typer.Option(min=1, help="Completion tokens at most.")] = 1024,
    concurrency: Annotated[int, typer.Option(min=1, max=1000, help="Calls open at once.")] = 32,
    base_url: Annotated[str | None, typer.Option(help="The endpoint, instead of the registry's.")] = None,
    model: Annotated[str | None, typer.Option(help="The model, instead of the registry's.")] = None,
    teachers: Annotated[
        Path | None, typer.Option(envvar="COTDISTILL_TEACHERS", help="Your own registry of teachers (TOML).")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan and its price; buy nothing.")] = False,
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """Harvest rationales from a teacher: what is in the store is never asked again."""
    from ..gen.prompts import recipes
    from ..gen.teachers import connect, find_teacher, load_registry
    from ..tasks.values import Sampling

    found = find_teacher(teacher, registry=load_registry(teachers), base_url=base_url, model=model)
    wanted = recipes(numbers(level, "--level") or [], words(format) or ["original"], "yes" if gold_visible else "no")
    if not dry_run and found.provider != "builtin":
        connect(found)  # a missing key is said before anything else happens
    tally = harvest_cells(
        store,
        found,
        wanted,
        Sampling(temperature, top_p, seed, reasoning_effort, max_tokens),
        dataset=dataset,
        split=split,
        limit=limit,
        samples=samples,
        concurrency=concurrency,
        base_url=base_url,
        dry_run=dry_run,
        as_json=as_json,
    )
    if tally is None:
        return
    _show_tally(tally, found, store, as_json)
    if tally.n_left > 0:
        raise typer.Exit(1)


def harvest_cells(
    store: Path,
    teacher: "Teacher",
    wanted: Sequence["Recipe"],
    sampling: "Sampling",
    *,
    dataset: str | None = None,
    split: str = "train",
    limit: int | None = None,
    samples: int = 1,
    concurrency: int = 32,
    base_url: str | None = None,
    dry_run: bool = False,
    as_json: bool = False,
) -> "Tally | None":
    """Plan, price and buy what the cells are missing, then judge it. None after a dry run: nothing was bought."""
    from ..gen.harvest import Tally
    from ..gen.plan import load_questions, make_plan
    from ..gen.teachers import connect
    from ..store.ingest import ingest
    from ..store.jobs import record_job
    from ..store.locks import only_one

    opened = open_store(store, create=True, patience_s=float("inf"))
    with only_one(opened.spool_dir, "harvest"):
        ingest(opened, opened.spool_dir)
        plans: list[Plan] = []
        for name in _datasets(opened, dataset, split, teacher):
            questions = load_questions(opened, name, split, limit)
            plans.append(make_plan(opened, teacher, questions, wanted, sampling, samples, record=not dry_run))
        cells = [cell for plan in plans for cell in plan.cells]
        calls = tuple(call for plan in plans for call in plan.calls)
        _show_plan(cells, teacher, as_json=as_json, in_full=dry_run)
        if dry_run:
            return None
        n_wanted = sum(cell.n_wanted for cell in cells)
        tally = Tally(n_wanted=n_wanted, n_cached=n_wanted - len(calls))
        if calls:
            config = {"teacher": teacher.model_dump(mode="json"), "sampling": sampling, "split": split, "limit": limit}
            record_job(opened, "generate", config | {"recipes": [asdict(r) for r in wanted]})
            with _running(teacher, base_url) as url:
                client = connect(teacher, base_url=url)
                asyncio.run(_harvest(opened, client, teacher, calls, sampling, tally, concurrency))
    if not tally.store_busy:
        settle(open_store(store))
    return tally


async def _harvest(
    store: "Store",
    client: "Client",
    teacher: "Teacher",
    calls: "tuple[Call, ...]",
    sampling: "Sampling",
    tally: "Tally",
    concurrency: int,
) -> None:
    from ..gen.harvest import harvest

    with Bar(teacher.name) as bar:

        def show(now: "Tally") -> None:
            text = f"cached {now.n_cached:,} failed {now.n_failed:,} left {now.n_left:,} {now.rate:,.0f}/s"
            if now.usd:
                text += f" {usd(now.usd)}"
            bar.update(now.n_cached + now.n_done, now.n_wanted, text + (" (store busy)" if now.store_busy else ""))

        async with client:
            await harvest(
                store,
                client,
                teacher,
                calls,
                sampling,
                tally,
                concurrency=concurrency,
                on_progress=show,
            )


@contextlib.contextmanager
def _running(teacher: "Teacher", base_url: str | None) -> Iterator[str | None]:
    """The built-in teacher's server while the block runs; any other teacher runs elsewhere."""
    if teacher.provider != "builtin" or base_url is not None:
        yield base_url
        return
    from ..gen.builtin.background import start_server

    with start_server() as server:
        yield server.base_url


def _datasets(store: "Store", asked: str | None, split: str, teacher: "Teacher") -> list[str]:
    """The data sets to work on, each loaded. ConfigError: none is loaded, unknown, or beyond the built-in teacher."""
    from ..store.status import read_status
    from ..tasks.datasets.registry import DATASETS
    from .questions import load_dataset

    loaded = {(row[0], row[1]) for row in read_status(store).questions.rows}
    names = words(asked)
    if names is None:
        names = ["arith"] if teacher.provider == "builtin" else sorted({d for d, s in loaded if s == split} - {"arith"})
        if not names:
            raise ConfigError(
                f"{store.path} has no questions to ask about. Next: cotdistill generate --teacher {teacher.name} "
                f"--dataset svamp, or cotdistill questions load --dataset all"
            )
    for name in names:
        if teacher.provider == "builtin" and name != "arith":
            raise ConfigError(f"the built-in teachers solve arith only, not {name!r}. Next: --dataset arith")
        if (name, split) in loaded:
            continue
        if name not in DATASETS:
            raise ConfigError(
                f"unknown data set {name!r}. Known: {', '.join(DATASETS)}. "
                f"Next: name one of them, or cotdistill questions add FILE --dataset {name} --kind number"
            )
        say(f"loading the questions of {name} ...")
        load_dataset(store, name)
    return names


def _show_plan(cells: Sequence["CellPlan"], teacher: "Teacher", *, as_json: bool, in_full: bool) -> None:
    columns = ("dataset", "recipe", "wanted", "cached", "missing", "tokens_in", "tokens_out", "usd")
    rows = [
        (
            p.cell.dataset,
            p.cell.recipe_label,
            p.n_wanted,
            p.n_cached,
            p.n_missing,
            p.prompt_tokens,
            p.completion_tokens,
            p.usd if as_json or p.usd is None else round(p.usd, 4),
        )
        for p in cells
    ]
    if in_full:
        print_rows(columns, rows, as_json=as_json)
    missing = sum(p.n_missing for p in cells)
    price = None if any(p.usd is None for p in cells) else sum(p.usd or 0.0 for p in cells)
    listed = f" at the list price of {teacher.listed_on}" if teacher.listed_on else ""
    say(
        f"{teacher.name}: {sum(p.n_wanted for p in cells):,} replies wanted in {len(cells)} cells, "
        f"{missing:,} to ask for; estimated cost {usd(price)}{listed if price else ''}"
    )


def _show_tally(tally: "Tally", teacher: "Teacher", store: Path, as_json: bool) -> None:
    result = {
        "teacher": teacher.name,
        "wanted": tally.n_wanted,
        "cached": tally.n_cached,
        "received": tally.n_done,
        "unusable": tally.n_unusable,
        "failed": tally.n_failed,
        "left": tally.n_left,
        "usd": round(tally.usd, 6),
        "calls_unpriced": tally.unpriced,
        "replies_per_s": round(tally.rate, 1),
    }
    if as_json:
        print_json(result)
    else:
        print_rows(tuple(result), [tuple(result.values())], as_json=False)
    if tally.store_busy:
        say(f"{store} is held open by another program; the replies wait in the spool. Next: cotdistill ingest")
    elif tally.n_left > 0:
        say(f"{tally.n_left:,} replies are left. Next: the same command again; nothing received is asked twice")
    else:
        say("Next: cotdistill train --student tiny, or cotdistill export --to llamafactory")


def serve_teacher(
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any free port.")] = 8399,
    seed: Annotated[int, typer.Option(help="Another seed, other phrasings.")] = 0,
    sloppy_share: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Share of wrong answers of builtin-sloppy.")
    ] = 0.2,
) -> None:
    """Serve the built-in teachers on loopback, speaking the OpenAI chat-completions protocol, until Ctrl-C."""
    from ..gen.builtin.server import serve

    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(
            serve(
                "127.0.0.1",
                port,
                seed=seed,
                sloppy_share=sloppy_share,
                ready=lambda url: say(f"serving builtin-strict, builtin-diverse and builtin-sloppy at {url}"),
            )
        )
