"""What `generate` does with its purchase: show the plan, harvest live, or hand over to a batch API."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ..errors import ConfigError
from .common import Bar, open_store, say, settle, words

if TYPE_CHECKING:
    from ..gen.batch import Submitted
    from ..gen.purchase import Pending, Planned, Purchase
    from ..gen.tally import Tally
    from ..gen.teachers import Teacher
    from ..store.store import Store


def plan(path: Path, purchase: "Purchase", datasets: str | None, *, as_json: bool = False) -> None:
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


def buy(path: Path, purchase: "Purchase", datasets: str | None) -> "Tally":
    """Ask live for what the cells are missing, and judge it."""
    from ..gen.purchase import Watcher, ask
    from .progress import HarvestBar

    with _planned(path, purchase, datasets) as planned, _pending(planned, purchase) as work:
        tally = work.tally
        with HarvestBar(purchase.teacher.name) as bar:
            try:
                ask(planned, work, purchase, Watcher(bar.show, said_drain))
            except KeyboardInterrupt:
                say("stopped; what was received is kept. Next: the same command again, it goes on")
                raise typer.Exit(130) from None
    if not tally.store_busy:
        settle(open_store(path, threads=1))
    return tally


def said_drain(n_open: int) -> None:
    """What is said on the first Ctrl-C."""
    say(f"\nstopping: waiting for {n_open} open calls, which may be billed; Ctrl-C again cuts them off")


def submit(path: Path, purchase: "Purchase", datasets: str | None) -> "Submitted":
    """Hand what the cells are missing to the provider's batch API, within what the cap leaves."""
    from ..gen.batch import Submitted, submit_batches
    from ..gen.budget import spent
    from ..gen.purchase import calls_of

    with _planned(path, purchase, datasets) as planned, _pending(planned, purchase) as work:
        if not work.tally.n_left:
            return Submitted()
        left = None if purchase.max_usd is None else purchase.max_usd - spent(planned.store)
        with Bar("submitting") as bar:
            return submit_batches(
                planned.store,
                purchase.teacher,
                calls_of(planned, work),
                purchase.sampling,
                max_requests=purchase.batch_size,
                budget_usd=left,
                on_progress=lambda done: bar.update(done.n_requests, work.tally.n_left, f"{done.n_batches} batches"),
            )


@contextlib.contextmanager
def _planned(path: Path, purchase: "Purchase", datasets: str | None, *, record: bool = True) -> "Iterator[Planned]":
    """The plan of the purchase on the data sets asked for, loaded where they were not."""
    from ..gen.purchase import planned
    from .plan import totals_line

    store = open_store(path, create=True, patience_s=float("inf"), threads=1)
    names = _datasets(store, datasets, purchase.split, purchase.teacher)
    with planned(store, purchase, names, record=record) as plan:
        if record:
            say(totals_line(plan.cells, purchase.teacher, batch=purchase.batch))
        yield plan


@contextlib.contextmanager
def _pending(plan: "Planned", purchase: "Purchase") -> "Iterator[Pending]":
    """What is to be asked, with a word on what open batches will bring."""
    from ..gen.purchase import pending

    with pending(plan, purchase) as work:
        if work.in_batches > 0:
            say(f"{work.in_batches:,} of these replies are in open batches. Next: cotdistill collect")
        yield work


def _datasets(store: "Store", asked: str | None, split: str, teacher: "Teacher") -> list[str]:
    """The data sets to work on, each loaded. ConfigError: none is loaded, unknown, or beyond the built-in teacher."""
    from ..store.loading import load_dataset
    from ..store.status import read_status
    from ..tasks.datasets.registry import DATASETS

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
