"""`cotdistill generate`: plan, price and harvest; and `serve-teacher`, the built-in teacher by itself."""

import asyncio
import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

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
    from ..gen.harvest import Tally
    from ..gen.plan import CellPlan, Order
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
    redo: Annotated[
        str | None, typer.Option(help="Buy only these again: truncated, refused, filtered, empty, bad_request.")
    ] = None,
    max_usd: Annotated[
        float | None, typer.Option(min=0.0, help="Stop before the store's total spend exceeds this.")
    ] = None,
    concurrency: Annotated[int, typer.Option(min=1, max=1000, help="Calls open at once, at most.")] = 32,
    requests_per_minute: Annotated[float | None, typer.Option(min=1.0, help="Instead of the registry's.")] = None,
    tokens_per_minute: Annotated[float | None, typer.Option(min=1.0, help="Instead of the registry's.")] = None,
    deadline: Annotated[float, typer.Option(min=1.0, help="Seconds until a call without an answer is cut.")] = 300.0,
    shard: Annotated[str, typer.Option(help="The i-th of n parts of the questions, for many machines.")] = "0/1",
    transport: Annotated[str, typer.Option(help="wire, or sdk: the provider's own library, slower.")] = "wire",
    base_url: Annotated[str | None, typer.Option(help="The endpoint, instead of the registry's.")] = None,
    model: Annotated[str | None, typer.Option(help="The model, instead of the registry's.")] = None,
    teachers: Annotated[
        Path | None, typer.Option(envvar="COTDISTILL_TEACHERS", help="Your own registry of teachers (TOML).")
    ] = None,
    batch: Annotated[
        bool, typer.Option("--batch", help="Submit to the provider's batch API, at its batch price; then: collect.")
    ] = False,
    batch_size: Annotated[int | None, typer.Option(min=1, help="Requests a batch at most.")] = None,
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
    if max_usd is not None and found.price is None:
        raise ConfigError(
            f"--max-usd cannot be kept: the price of {found.name} is unknown. Next: put usd_input, usd_output and "
            f"listed_on into a registry of your own (--teachers FILE), or leave --max-usd out"
        )
    if transport not in ("wire", "sdk"):
        raise ConfigError(f"unknown --transport {transport!r}. Next: wire or sdk")
    sampling = Sampling(temperature, top_p, seed, reasoning_effort, max_tokens)
    found.check(sampling)
    if not dry_run and found.provider != "builtin":
        connect(found)  # a missing key is said before anything else happens
    if batch and found.provider not in ("openai", "gemini"):
        raise ConfigError(
            f"--batch needs a provider with a batch API (openai, gemini); {found.name} is {found.provider}. "
            f"Next: the same without --batch"
        )
    purchase = Purchase(
        found,
        tuple(wanted),
        sampling,
        split=split,
        limit=limit,
        samples=samples,
        shard=_shard(shard),
        redo=tuple(_statuses(redo)),
        max_usd=max_usd,
        concurrency=concurrency,
        requests_per_minute=requests_per_minute,
        tokens_per_minute=tokens_per_minute,
        deadline_s=deadline,
        transport="sdk" if transport == "sdk" else "wire",
        base_url=base_url,
        batch=batch,
        batch_size=batch_size,
    )
    tally = buy(store, purchase, dataset, dry_run=dry_run, as_json=as_json)
    if tally is None:
        return
    _show_tally(tally, found, store, as_json)
    if tally.n_left > 0:
        raise typer.Exit(1)


@dataclass(frozen=True, slots=True)
class Purchase:
    """Everything `generate` was told, resolved."""

    teacher: "Teacher"
    recipes: "tuple[Recipe, ...]"
    sampling: "Sampling"
    split: str = "train"
    limit: int | None = None
    samples: int = 1
    shard: tuple[int, int] = (0, 1)
    redo: tuple[str, ...] = ()
    max_usd: float | None = None
    concurrency: int = 32
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    deadline_s: float = 300.0
    transport: Literal["wire", "sdk"] = "wire"
    base_url: str | None = None
    batch: bool = False
    batch_size: int | None = None


def buy(
    path: Path, purchase: Purchase, datasets: str | None, *, dry_run: bool = False, as_json: bool = False
) -> "Tally | None":
    """Plan, price and buy what the cells are missing, then judge it. None after a dry run: nothing was bought."""
    from ..gen.batch_reconcile import reconcile_batches
    from ..gen.harvest import Tally
    from ..gen.plan import Order, make_plan, totals, write_pending
    from ..store.ingest import ingest
    from ..store.jobs import record_job
    from ..store.locks import only_one

    opened = open_store(path, create=True, patience_s=float("inf"))
    shard, shards = purchase.shard
    with only_one(opened.spool_dir, "harvest" if shards == 1 else f"harvest-{shard}of{shards}"):
        ingest(opened, opened.spool_dir)
        if not dry_run:
            reconcile_batches(opened, teacher=purchase.teacher.name)  # asks nobody unless an intent is in doubt
        orders = [
            Order(
                purchase.teacher,
                name,
                purchase.recipes,
                purchase.sampling,
                purchase.split,
                purchase.limit,
                purchase.samples,
                purchase.shard,
                purchase.redo,
            )
            for name in _datasets(opened, datasets, purchase.split, purchase.teacher)
        ]
        cells = [cell for order in orders for cell in make_plan(opened, order, record=not dry_run)]
        _show_plan(cells, purchase.teacher, as_json=as_json, in_full=dry_run)
        if dry_run:
            return None
        with tempfile.TemporaryDirectory(dir=opened.spool_dir, prefix="pending-") as folder:
            files = [Path(folder) / f"{i}.parquet" for i in range(len(orders))]
            n_pending = sum(write_pending(opened, order, file) for order, file in zip(orders, files, strict=True))
            n_wanted = n_pending if purchase.redo else int(totals(cells)["wanted"] or 0)
            tally = Tally(n_wanted=n_wanted, n_cached=n_wanted - n_pending)
            if n_pending:
                record_job(opened, "generate", {"purchase": asdict(purchase) | {"teacher": purchase.teacher.name}})
            if n_pending and purchase.batch:
                _submit(opened, purchase, orders, files)
                return None
            if n_pending:
                with _running(purchase.teacher, purchase.base_url) as url:
                    asyncio.run(_harvest(opened, purchase, orders, files, url, tally))
    if not tally.store_busy:
        settle(open_store(path))
    return tally


def _submit(store: "Store", purchase: Purchase, orders: "Sequence[Order]", files: Sequence[Path]) -> None:
    """Hand what is pending to the provider's batch API, within what the cap leaves."""
    from ..gen.batch import submit_batches
    from ..gen.budget import spent
    from ..gen.plan import stream_calls

    calls = (call for order, file in zip(orders, files, strict=True) for call in stream_calls(order, file))
    left = None if purchase.max_usd is None else purchase.max_usd - spent(store)
    done = submit_batches(
        store, purchase.teacher, calls, purchase.sampling, max_requests=purchase.batch_size, budget_usd=left
    )
    say(f"submitted {done.n_requests:,} requests in {done.n_batches} batches, at most {usd(done.usd_most)}")
    say("Next: cotdistill collect --wait")


async def _harvest(
    store: "Store",
    purchase: Purchase,
    orders: "Sequence[Order]",
    files: Sequence[Path],
    base_url: str | None,
    tally: "Tally",
) -> None:
    from ..clients.limits import Gate, Limits
    from ..gen.budget import Budget, spent
    from ..gen.harvest import harvest
    from ..gen.plan import stream_calls
    from ..gen.teachers import connect

    teacher = purchase.teacher
    gate = Gate(
        Limits(
            purchase.requests_per_minute or teacher.requests_per_minute,
            purchase.tokens_per_minute or teacher.tokens_per_minute,
            purchase.concurrency,
        )
    )
    budget = Budget(purchase.max_usd, spent(store) if purchase.max_usd is not None else 0.0)
    client = connect(
        teacher, base_url=base_url, deadline_s=purchase.deadline_s, transport=purchase.transport, observe=gate.learn
    )
    calls = (call for order, file in zip(orders, files, strict=True) for call in stream_calls(order, file))
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
                purchase.sampling,
                tally,
                concurrency=purchase.concurrency,
                gate=gate,
                budget=budget,
                on_progress=show,
            )


def _shard(text: str) -> tuple[int, int]:
    i, slash, n = text.partition("/")
    if not (slash and i.isdecimal() and n.isdecimal() and int(i) < int(n)):
        raise ConfigError(f"--shard {text!r} is not i/n with i from 0 to n-1. Next: --shard 0/4 on the first of four")
    return int(i), int(n)


def _statuses(text: str | None) -> list[str]:
    known = ("truncated", "refused", "filtered", "empty", "bad_request")
    chosen = words(text) or []
    for status in chosen:
        if status not in known:
            raise ConfigError(f"--redo {status!r} cannot be bought again. Next: one of {', '.join(known)}")
    return chosen


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
    from ..gen.plan import totals

    total = totals(cells)
    listed = f" at the list price of {teacher.listed_on}" if teacher.listed_on and total["usd"] else ""
    say(
        f"{teacher.name}: {total['wanted']:,} replies wanted in {len(cells)} cells, "
        f"{total['missing']:,} to ask for; estimated cost {usd(total['usd'])}{listed}"
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
