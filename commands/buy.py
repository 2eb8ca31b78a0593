"""What `generate` does with its purchase: show the plan, harvest live, or hand over to a batch API."""

import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import typer

from ..errors import ConfigError
from .common import Bar, open_store, say, settle, words

if TYPE_CHECKING:
    from ..gen.batch import Submitted
    from ..gen.plan import CellPlan, Order
    from ..gen.tally import Tally
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


@dataclass(frozen=True, slots=True)
class _Planned:
    """A purchase against its store: one order per data set, and what their cells have and miss."""

    store: "Store"
    orders: "tuple[Order, ...]"
    cells: "tuple[CellPlan, ...]"


def plan(path: Path, purchase: Purchase, datasets: str | None, *, as_json: bool = False) -> None:
    """Show what each cell has, misses and will cost; nothing is bought or recorded."""
    from .plan import show_plan

    with _planned(path, purchase, datasets, record=False) as planned:
        show_plan(planned.cells, purchase.teacher, batch=purchase.batch, as_json=as_json)
        with planned.store.read() as con:
            found = con.execute(
                "SELECT count(*) FROM batch_open_reply SEMI JOIN "
                "(SELECT reply_key FROM cell_member WHERE list_contains(?, cell_key)) USING (reply_key)",
                [[cell.cell.key for cell in planned.cells]],
            ).fetchone()
        if found and found[0]:
            say(f"{found[0]:,} of these replies are in open batches and not asked for again. Next: cotdistill collect")


def buy(path: Path, purchase: Purchase, datasets: str | None) -> "Tally":
    """Ask live for what the cells are missing, and judge it."""
    with _planned(path, purchase, datasets) as planned, _pending(planned, purchase) as (files, tally):
        if tally.n_left:
            with _running(purchase.teacher, purchase.base_url) as url:
                try:
                    asyncio.run(_harvest(planned.store, purchase, planned.orders, files, url, tally))
                except KeyboardInterrupt:
                    say("stopped; what was received is kept. Next: the same command again, it goes on")
                    raise typer.Exit(130) from None
    if not tally.store_busy:
        settle(open_store(path, threads=1))
    return tally


def submit(path: Path, purchase: Purchase, datasets: str | None) -> "Submitted":
    """Hand what the cells are missing to the provider's batch API, within what the cap leaves."""
    from ..gen.batch import Submitted, submit_batches
    from ..gen.budget import spent
    from ..gen.plan import stream_calls

    with _planned(path, purchase, datasets) as planned, _pending(planned, purchase) as (files, tally):
        if not tally.n_left:
            return Submitted()
        calls = (call for order, file in zip(planned.orders, files, strict=True) for call in stream_calls(order, file))
        left = None if purchase.max_usd is None else purchase.max_usd - spent(planned.store)
        with Bar("submitting") as bar:
            return submit_batches(
                planned.store,
                purchase.teacher,
                calls,
                purchase.sampling,
                max_requests=purchase.batch_size,
                budget_usd=left,
                on_progress=lambda done: bar.update(done.n_requests, tally.n_left, f"{done.n_batches} batches"),
            )


@contextlib.contextmanager
def _planned(path: Path, purchase: Purchase, datasets: str | None, *, record: bool = True) -> "Iterator[_Planned]":
    """Plan the purchase; while the block runs nobody else harvests this store (and shard)."""
    from ..gen.batch_reconcile import reconcile_batches
    from ..gen.plan import Order, make_plan
    from ..gen.prompts import load_prompts
    from ..store.ingest import ingest
    from ..store.locks import only_one
    from .plan import totals_line

    store = open_store(path, create=True, patience_s=float("inf"), threads=1)
    prompts = load_prompts(purchase.prompts)
    shard, shards = purchase.shard
    with only_one(store.spool_dir, "harvest" if shards == 1 else f"harvest-{shard}of{shards}"):
        for left_behind in store.spool_dir.glob(f"pending-{shard}of{shards}-*"):
            shutil.rmtree(left_behind, ignore_errors=True)  # of a harvest that was killed
        ingest(store, store.spool_dir)
        if record:
            reconcile_batches(store, teacher=purchase.teacher.name)  # asks nobody unless an intent is in doubt
        orders = tuple(
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
            for name in _datasets(store, datasets, purchase.split, purchase.teacher)
        )
        cells = tuple(cell for order in orders for cell in make_plan(store, order, record=record))
        if record:
            say(totals_line(cells, purchase.teacher, batch=purchase.batch))
        yield _Planned(store, orders, cells)


@contextlib.contextmanager
def _pending(planned: _Planned, purchase: Purchase) -> "Iterator[tuple[list[Path], Tally]]":
    """The calls to make, written to files that live as long as the block, and the tally that begins with them."""
    from ..gen.plan import totals, write_pending
    from ..gen.tally import Tally
    from ..store.jobs import record_job

    store, orders, total = planned.store, planned.orders, totals(planned.cells)
    with tempfile.TemporaryDirectory(dir=store.spool_dir, prefix="pending-{}of{}-".format(*purchase.shard)) as folder:
        files = [Path(folder) / f"{i}.jsonl" for i in range(len(orders))]
        n_pending = sum(write_pending(store, order, file) for order, file in zip(orders, files, strict=True))
        n_wanted = n_pending if purchase.redo else int(total["wanted"] or 0)
        in_batches = 0 if purchase.redo else int(total["missing"] or 0) - n_pending
        if in_batches > 0 and purchase.shard[1] == 1:
            say(f"{in_batches:,} of these replies are in open batches. Next: cotdistill collect")
        if n_pending:
            record_job(store, "generate", {"purchase": asdict(purchase) | {"teacher": purchase.teacher.name}})
        yield files, Tally(n_wanted=n_wanted, n_cached=n_wanted - n_pending)


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
    from .progress import HarvestBar

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
    with HarvestBar(teacher.name) as bar:
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
                on_progress=bar.show,
                on_drain=lambda n_open: say(
                    f"\nstopping: waiting for {n_open} open calls, which may be billed; Ctrl-C again cuts them off"
                ),
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
