"""A store with questions, an order planned against it, and its harvest from a server on loopback."""

import asyncio
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Literal

from cotdistill.clients.budget import Budget
from cotdistill.gen.harvest import harvest
from cotdistill.gen.plan import Call, CellPlan, Order, make_plan, stream_calls, write_pending
from cotdistill.gen.prompts import recipes
from cotdistill.gen.tally import Tally
from cotdistill.gen.teachers import Teacher, connect, find_teacher, load_registry
from cotdistill.store.questions import add_questions
from cotdistill.store.store import Store
from cotdistill.tasks.datasets import arith
from cotdistill.tasks.values import Recipe, Sampling

SAMPLING = Sampling(max_tokens=512)
LEVELS_1_3 = recipes([1, 3], ["original", "answer-only"], "no")


def teacher(name: str = "builtin-strict") -> Teacher:
    return find_teacher(name, registry=load_registry())


def filled(path: Path, n_questions: int) -> Store:
    store = Store.open(path)
    add_questions(store, arith.questions("train", n_questions))
    return store


class Planned:
    """An order, its cells, and the calls it is missing."""

    def __init__(self, store: Store, order: Order) -> None:
        self.order = order
        self.cells: list[CellPlan] = make_plan(store, order)
        path = store.path.with_name("pending.jsonl")
        self.n = write_pending(store, order, path)
        self.calls: list[Call] = list(stream_calls(order, path))
        assert len(self.calls) == self.n


def planned(
    store: Store,
    wanted: Sequence[Recipe] = LEVELS_1_3,
    who: str = "builtin-strict",
    n_samples: int = 1,
    sampling: Sampling = SAMPLING,
    redo: tuple[str, ...] = (),
) -> Planned:
    return Planned(store, Order(teacher(who), "arith", tuple(wanted), sampling, n_samples=n_samples, redo=redo))


def run(
    store: Store,
    plan: Planned,
    url: str,
    *,
    concurrency: int = 16,
    who: Teacher | None = None,
    deadline_s: float = 60.0,
    budget: Budget | None = None,
    transport: Literal["wire", "sdk"] = "wire",
) -> Tally:
    async def go() -> Tally:
        async def at_once(seconds: float) -> None:
            await asyncio.sleep(min(seconds, 0.01))

        asked = who or plan.order.teacher
        async with connect(asked, base_url=url, deadline_s=deadline_s, transport=transport) as client:
            tally = Tally(n_wanted=plan.n, n_cached=0)
            calls, sampling = plan.calls, plan.order.sampling
            return await harvest(
                store, client, asked, calls, sampling, tally, concurrency=concurrency, budget=budget, sleep=at_once
            )

    return asyncio.run(go())


def counts(store: Store) -> tuple[int, int, int]:
    with store.read() as con:
        found = con.execute(
            "SELECT (SELECT count(*) FROM reply), (SELECT count(DISTINCT reply_key) FROM cell_member), "
            "(SELECT count(*) FROM attempt)"
        ).fetchone()
    assert found is not None
    return found


def priced(usd_output: float = 10.0) -> Teacher:
    """The built-in teacher's model at a price, as any endpoint could be."""
    return Teacher(
        name="priced",
        provider="openai-compatible",
        model="builtin-strict",
        base_url="http://127.0.0.1:9/v1",
        usd_input=2.5,
        usd_output=usd_output,
        listed_on=date(2026, 1, 1),
    )
