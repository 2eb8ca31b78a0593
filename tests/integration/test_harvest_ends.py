"""A harvest that cannot go on: what was open is paid for, so it is waited for; what was turned away costs nothing."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from aiohttp import web
from harvest_lab import Planned, counts, filled, planned, priced, run

from cotdistill.clients.budget import Budget
from cotdistill.errors import ConfigError, StoreError
from cotdistill.gen.budget import spent
from cotdistill.gen.builtin.background import start_server
from cotdistill.gen.plan import Order
from cotdistill.gen.prompts import recipes
from cotdistill.gen.purchase import Purchase
from cotdistill.gen.purchase import planned as purchased
from cotdistill.store.locks import buying, only_one
from cotdistill.tasks.values import Sampling

TEN_CENTS = Sampling(max_tokens=10_000)  # at most, at 10 dollars a million
LEVEL_3 = tuple(recipes([3], ["original"], "no"))


@contextmanager
def with_credit_for(n_calls: int) -> Iterator[str]:
    """A server that answers after a quarter of a second, until its caller's credit is gone; its base URL."""
    loop, ready, asked = asyncio.new_event_loop(), threading.Event(), iter(range(1_000_000))
    where: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        await request.read()
        if next(asked) >= n_calls:
            said = {"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}}
            return web.json_response(said, status=429)
        await asyncio.sleep(0.25)
        message = {"role": "assistant", "content": "4 + 4 = 8. The answer is 8."}
        usage = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
        choice = {"index": 0, "finish_reason": "stop", "message": message}
        return web.json_response({"id": "x", "object": "chat.completion", "choices": [choice], "usage": usage})

    async def serve() -> None:
        app = web.Application()
        app.router.add_post("/v1/chat/completions", answer)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        where.append(f"http://127.0.0.1:{runner.addresses[0][1]}/v1")
        ready.set()
        try:
            await stop.wait()
        finally:
            await runner.cleanup()

    stop = asyncio.Event()
    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield where[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()


def test_calls_that_are_open_when_the_credit_ends_are_waited_for(store_path: Path) -> None:
    store = filled(store_path, 100)
    plan = Planned(store, Order(priced(), "arith", LEVEL_3, TEN_CENTS))
    with with_credit_for(30) as url, pytest.raises(ConfigError, match="quota"):
        run(store, plan, url, budget=Budget(50.0, 0.0))
    assert counts(store)[0] == 30
    with store.read() as con:
        assert con.execute("SELECT DISTINCT status, usd_basis FROM attempt ORDER BY 1").fetchall() == [
            ("failed", "free"),
            ("ok", "usage"),
        ]
        [(unsettled,)] = con.execute(
            "SELECT count(*) FROM reservation ANTI JOIN attempt USING (attempt_key)"
        ).fetchall()
    assert unsettled == 0
    assert spent(store) == pytest.approx(30 * (100 * 2.5 + 10 * 10.0) / 1e6)


def test_a_redo_that_did_not_end_is_bought_by_nothing_but_the_same_redo(store_path: Path) -> None:
    store = filled(store_path, 3)
    level_6 = recipes([6], ["original"], "no")
    with start_server() as server:
        run(store, planned(store, level_6, sampling=Sampling(max_tokens=5)), server.base_url)
    assert len(planned(store, level_6, redo=("truncated",)).calls) == 3  # and then it was killed
    plain, other = planned(store, level_6), planned(store, level_6, redo=("refused",))
    assert (plain.calls, [c.n_missing for c in plain.cells]) == ([], [0])
    assert (other.calls, [c.n_missing for c in other.cells]) == ([], [0])
    again = planned(store, level_6, redo=("truncated",))
    assert ([c.redo for c in again.calls], [c.n_missing for c in again.cells]) == ([1, 1, 1], [3])


def purchase(shard: tuple[int, int] = (0, 1), max_usd: float | None = None) -> Purchase:
    return Purchase(priced(), LEVEL_3, Sampling(max_tokens=64), shard=shard, max_usd=max_usd)


def test_no_two_harvests_of_one_store_ask_for_the_same(store_path: Path) -> None:
    store = filled(store_path, 3)
    with purchased(store, purchase((0, 2)), ["arith"]):
        with purchased(store, purchase((1, 2)), ["arith"]):
            pass
        with pytest.raises(StoreError, match="another harvest"), purchased(store, purchase(), ["arith"]):
            pass
        overlaps = "shard 0/2 of this store, which overlaps 1/3"
        with pytest.raises(StoreError, match=overlaps), purchased(store, purchase((1, 3)), ["arith"]):
            pass
        with purchased(store, purchase(), ["arith"], record=False) as plan:  # looking is free
            assert [cell.n_missing for cell in plan.cells] == [3]
    with (
        purchased(store, purchase(), ["arith"]),
        pytest.raises(StoreError, match="another harvest"),
        purchased(store, purchase((0, 2)), ["arith"]),
    ):
        pass


def test_whoever_has_a_cap_is_the_only_one_that_spends(store_path: Path) -> None:
    store = filled(store_path, 3)
    with purchased(store, purchase((0, 2), max_usd=1.0), ["arith"]):
        with pytest.raises(StoreError, match="another purchase"), purchased(store, purchase((1, 2)), ["arith"]):
            pass
        with pytest.raises(StoreError, match="another purchase"), buying(store.spool_dir, capped=True):
            pass
    with buying(store.spool_dir, capped=False), buying(store.spool_dir, capped=False):
        pass


def test_a_teacher_is_asked_unaided_by_one_process_at_a_time(store_path: Path) -> None:
    from typer.testing import CliRunner

    from cotdistill.cli import app

    store = filled(store_path, 3)
    words = [
        "evaluate",
        "teacher",
        "builtin-strict",
        "--dataset",
        "arith",
        "--split",
        "train",
        "--store",
        str(store.path),
    ]
    with only_one(store.spool_dir, "teacher-evaluation"):
        done = CliRunner().invoke(app, words)
    assert isinstance(done.exception, StoreError) and "another teacher-evaluation" in str(done.exception)
    assert counts(store) == (0, 0, 0)
