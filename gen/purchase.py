"""A purchase from beginning to end: planned against its store, asked live, received; without a word to the terminal.

The verbs `generate` and `study run` both buy with it, and bring their own bars. Handing over to a batch API is beside
it (gen/batch.py).
"""

import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from ..clients.budget import Budget
from ..clients.limits import Gate, Limits
from ..errors import StoreError
from ..store.ingest import ingest
from ..store.jobs import record_job
from ..store.locks import buying, holders, only_one
from ..store.store import Store
from ..tasks.values import Recipe, Sampling
from .batch_reconcile import reconcile_batches
from .budget import spent
from .harvest import harvest
from .plan import Call, CellPlan, Order, make_plan, stream_calls, totals, write_pending
from .prompts import load_prompts
from .tally import Tally
from .teachers import Teacher, connect


@dataclass(frozen=True, slots=True)
class Purchase:
    """Everything `generate` was told, resolved."""

    teacher: Teacher
    recipes: tuple[Recipe, ...]
    sampling: Sampling
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

    def orders(self, datasets: Sequence[str]) -> tuple[Order, ...]:
        """One order for each data set."""
        prompts = load_prompts(self.prompts)
        return tuple(
            Order(
                self.teacher,
                name,
                self.recipes,
                self.sampling,
                self.split,
                self.limit,
                self.samples,
                self.shard,
                self.redo,
                prompts,
            )
            for name in datasets
        )


@dataclass(frozen=True, slots=True)
class Planned:
    """A purchase against its store: one order per data set, and what their cells have and miss."""

    store: Store
    orders: tuple[Order, ...]
    cells: tuple[CellPlan, ...]


@dataclass(frozen=True, slots=True)
class Pending:
    """The calls to make, in files that live as long as their block; the tally that begins with them; and how many more
    replies are wanted that open batches will bring."""

    files: tuple[Path, ...]
    tally: Tally
    in_batches: int


def _nothing(*_: object) -> None:
    """Nobody watches."""


@dataclass(frozen=True, slots=True)
class Watcher:
    """Who is told as a harvest goes on; `until` ends it early: nothing new is asked once it is true."""

    on_progress: Callable[[Tally], None] = _nothing
    on_drain: Callable[[int], None] = _nothing
    until: Callable[[], bool] = bool


@contextlib.contextmanager
def planned(store: Store, purchase: Purchase, datasets: Sequence[str], *, record: bool = True) -> Iterator[Planned]:
    """Plan the purchase; while the block runs nobody else harvests this store (and shard). `datasets` are loaded."""
    shard, shards = purchase.shard
    with _alone(store, purchase) if record else contextlib.nullcontext():
        for left_behind in store.spool_dir.glob(f"pending-{shard}of{shards}-*") if record else ():
            shutil.rmtree(left_behind, ignore_errors=True)  # of a harvest that was killed
        ingest(store, store.spool_dir)
        if record:
            reconcile_batches(store, teacher=purchase.teacher.name)  # asks nobody unless an intent is in doubt
        orders = purchase.orders(datasets)
        cells = tuple(cell for order in orders for cell in make_plan(store, order, record=record))
        yield Planned(store, orders, cells)


@contextlib.contextmanager
def _alone(store: Store, purchase: Purchase) -> Iterator[None]:
    """Nobody asks for the same replies meanwhile, or spends what a cap counts on. StoreError names who is at it."""
    shard, shards = purchase.shard
    with contextlib.ExitStack() as held:
        held.enter_context(only_one(store.spool_dir, "harvest", beside_others=shards > 1))
        if shards > 1:
            held.enter_context(only_one(store.spool_dir, f"harvest-{shard}of{shards}"))
            for name, process in holders(store.spool_dir):
                if name.startswith("harvest-") and not name.endswith(f"of{shards}"):
                    theirs = name.removeprefix("harvest-").replace("of", "/")
                    raise StoreError(
                        f"process {process} harvests shard {theirs} of this store, which overlaps {shard}/{shards}. "
                        f"Next: wait for it, or take another shard of {theirs.partition('/')[2]}"
                    )
        held.enter_context(buying(store.spool_dir, capped=purchase.max_usd is not None))
        yield


@contextlib.contextmanager
def pending(plan: Planned, purchase: Purchase) -> Iterator[Pending]:
    """What is to be asked; where that is anything, the job is written down."""
    store, orders, total = plan.store, plan.orders, totals(plan.cells)
    with tempfile.TemporaryDirectory(dir=store.spool_dir, prefix="pending-{}of{}-".format(*purchase.shard)) as folder:
        files = [Path(folder) / f"{i}.jsonl" for i in range(len(orders))]
        n_pending = sum(write_pending(store, order, file) for order, file in zip(orders, files, strict=True))
        n_wanted = n_pending if purchase.redo else int(total["wanted"] or 0)
        in_batches = 0 if purchase.redo else int(total["missing"] or 0) - n_pending
        if n_pending:
            record_job(store, "generate", {"purchase": asdict(purchase) | {"teacher": purchase.teacher.name}})
        tally = Tally(n_wanted=n_wanted, n_cached=n_wanted - n_pending)
        yield Pending(tuple(files), tally, in_batches if purchase.shard[1] == 1 else 0)


def calls_of(plan: Planned, work: Pending) -> Iterator[Call]:
    """The calls that are to be made, one at a time."""
    return (call for order, file in zip(plan.orders, work.files, strict=True) for call in stream_calls(order, file))


def ask(plan: Planned, work: Pending, purchase: Purchase, watcher: Watcher) -> Tally:
    """Make the calls. What `harvest` raises is raised; KeyboardInterrupt when it was interrupted twice."""
    if work.tally.n_left:
        with running(purchase.teacher, purchase.base_url) as url:
            asyncio.run(_harvest(plan, work, purchase, url, watcher))
    return work.tally


async def _harvest(plan: Planned, work: Pending, purchase: Purchase, base_url: str | None, watcher: Watcher) -> None:
    teacher, store = purchase.teacher, plan.store
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
    async with client:
        await harvest(
            store,
            client,
            teacher,
            _until(calls_of(plan, work), watcher.until),
            purchase.sampling,
            work.tally,
            concurrency=purchase.concurrency,
            gate=gate,
            budget=budget,
            on_progress=watcher.on_progress,
            on_drain=watcher.on_drain,
        )


def _until(calls: Iterable[Call], over: Callable[[], bool]) -> Iterator[Call]:
    for call in calls:
        if over():
            return
        yield call


@contextlib.contextmanager
def running(teacher: Teacher, base_url: str | None) -> Iterator[str | None]:
    """The built-in teacher's server while the block runs; any other teacher runs elsewhere."""
    if teacher.provider != "builtin" or base_url is not None:
        yield base_url
        return
    from .builtin.background import start_server

    with start_server() as server:
        yield server.base_url
