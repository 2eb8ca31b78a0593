"""Buying what `generate` was asked for: plan, price, then harvest live or hand over to a batch API, and judge."""

import asyncio
import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ..errors import ConfigError
from .common import Bar, open_store, print_rows, say, settle, usd, words

if TYPE_CHECKING:
    from ..gen.harvest import Tally
    from ..gen.plan import CellPlan, Order
    from ..gen.teachers import Teacher
    from ..store.store import Store
    from ..tasks.values import Recipe, Sampling


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
    prompts: Path | None = None


def buy(
    path: Path, purchase: Purchase, datasets: str | None, *, dry_run: bool = False, as_json: bool = False
) -> "Tally | None":
    """Plan, price and buy what the cells are missing, then judge it. None after a dry run: nothing was bought."""
    from ..gen.batch_reconcile import reconcile_batches
    from ..gen.harvest import Tally
    from ..gen.plan import Order, make_plan, totals, write_pending
    from ..gen.prompts import load_prompts
    from ..store.ingest import ingest
    from ..store.jobs import record_job
    from ..store.locks import only_one

    opened = open_store(path, create=True, patience_s=float("inf"))
    prompts = load_prompts(purchase.prompts)
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
                prompts,
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
            in_batches = 0 if purchase.redo else int(totals(cells)["missing"] or 0) - n_pending
            if in_batches > 0 and shards == 1:
                say(f"{in_batches:,} of these replies are in open batches. Next: cotdistill collect")
            if purchase.batch and not n_pending:
                return None
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
