"""Which server a pool asks: least calls open, health, probes. Simulated time, no sockets."""

import asyncio
from collections.abc import Sequence
from types import TracebackType
from typing import Self

import pytest

from cotdistill.clients.pool import EJECT_AFTER, LONGEST_REST_S, PoolClient
from cotdistill.errors import BadReply, BadRequest, ConfigError, Error, RateLimited, Unavailable
from cotdistill.tasks.values import Completion, Message, Sampling, Usage

ASK = (Message("user", "?"),)
DOWN = Unavailable("no connection")


class Scripted:
    """A client that does what it is told: raise `fails`, or answer once `gate` is open."""

    def __init__(self, name: str) -> None:
        self.model = "m"
        self.base_url = f"http://{name}"
        self.name = name
        self.fails: Error | None = None
        self.gate: asyncio.Event | None = None
        self.entered = False
        self.n = 0

    async def __aenter__(self) -> Self:
        self.entered = True
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.entered = False

    async def complete(self, messages: Sequence[Message], sampling: Sampling) -> Completion:
        assert self.entered
        self.n += 1
        if self.gate is not None:
            await self.gate.wait()
        if self.fails is not None:
            raise self.fails
        return Completion(self.name, None, "stop", "m", Usage())


class Time:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class Bench:
    """A pool of a, b, c and its clock."""

    def __init__(self) -> None:
        self.time = Time()
        self.a, self.b, self.c = self.all = [Scripted(name) for name in "abc"]
        self.pool = PoolClient(self.all, clock=self.time)

    async def ask(self, n: int = 1) -> str:
        """Who answered, in order; "!" where it failed."""
        told = ""
        for _ in range(n):
            try:
                told += (await self.pool.complete(ASK, Sampling())).text
            except Error:
                told += "!"
        return told


def test_calls_go_where_the_fewest_are_open() -> None:
    async def go() -> None:
        bench = Bench()
        async with bench.pool:
            gate = bench.a.gate = asyncio.Event()
            calls = [asyncio.create_task(bench.ask()) for _ in range(2)]
            await asyncio.sleep(0)
            assert await bench.ask(4) == "cbcb"  # a has a call open
            gate.set()
            assert sorted(await asyncio.gather(*calls)) == ["a", "b"]
            assert [s.n_open for s in bench.pool.servers] == [0, 0, 0]
            bench.a.gate = None
            await bench.ask(9)
            assert max(c.n for c in bench.all) - min(c.n for c in bench.all) <= 1
        assert not any(c.entered for c in bench.all)

    asyncio.run(go())


def test_a_dead_server_rests_and_is_probed_by_one_call() -> None:
    async def go() -> None:
        bench = Bench()
        async with bench.pool:
            bench.a.fails = DOWN
            told = await bench.ask(30)
            assert told.count("!") == EJECT_AFTER == bench.a.n
            bench.time.now += 0.99
            assert "!" not in await bench.ask(5)
            rest = 1.0
            for _ in range(8):  # each failed probe doubles the rest
                bench.time.now += rest
                assert (await bench.ask(6)).count("!") == 1
                rest = min(LONGEST_REST_S, rest * 2)
                bench.time.now += rest - 0.5
                assert "!" not in await bench.ask(3)
                bench.time.now -= rest - 0.5
            assert rest == LONGEST_REST_S
            bench.time.now += rest
            bench.a.fails, bench.a.gate = None, asyncio.Event()
            probe = asyncio.create_task(bench.ask())
            await asyncio.sleep(0)
            n = bench.a.n
            assert "a" not in await bench.ask(6), "one probe at a time"
            assert bench.a.n == n
            bench.a.gate.set()
            assert await probe == "a"
            assert "a" in await bench.ask(3)

    asyncio.run(go())


@pytest.mark.parametrize(
    "error",
    [
        RateLimited("429", http_status=429),
        BadRequest("400", http_status=400),
        BadReply("no JSON"),
        ConfigError("401"),
        Unavailable("408", http_status=408),
    ],
)
def test_what_a_server_says_does_not_eject_it(error: Error) -> None:
    async def go() -> None:
        bench = Bench()
        async with bench.pool:
            bench.a.fails = error
            await bench.ask(30)
            assert bench.a.n == 10

    asyncio.run(go())


def test_a_success_between_failures_keeps_a_server_in() -> None:
    async def go() -> None:
        bench = Bench()
        bench.pool = PoolClient([bench.a], clock=bench.time)
        async with bench.pool:
            for _ in range(5):
                bench.a.fails = Unavailable("500", http_status=500)
                await bench.ask(EJECT_AFTER - 1)
                bench.a.fails = None
                assert await bench.ask() == "a"
            assert not bench.pool.servers[0].ejected

    asyncio.run(go())


def test_with_all_ejected_the_servers_own_error_is_seen() -> None:
    async def go() -> None:
        bench = Bench()
        async with bench.pool:
            for client in bench.all:
                client.fails = Unavailable(f"{client.name} is down")
            await bench.ask(3 * EJECT_AFTER)
            with pytest.raises(Unavailable, match="is down"):
                await bench.pool.complete(ASK, Sampling())
            bench.b.fails = None
            bench.time.now += LONGEST_REST_S
            assert "b" in await bench.ask(3)

    asyncio.run(go())


def test_a_cancelled_call_is_not_open_any_more() -> None:
    async def go() -> None:
        bench = Bench()
        async with bench.pool:
            bench.a.gate = asyncio.Event()
            call = asyncio.create_task(bench.ask())
            await asyncio.sleep(0)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            assert [s.n_open for s in bench.pool.servers] == [0, 0, 0]
            assert not bench.pool.servers[0].n_failed_in_a_row

    asyncio.run(go())


def test_an_empty_pool_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="no servers"):
        PoolClient([])
