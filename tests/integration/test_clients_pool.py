"""A pool over real sockets: a server dies in the middle and comes back; nobody's call is lost to it for long."""

import asyncio

from cotdistill.clients.pool import EJECT_AFTER, PoolClient
from cotdistill.errors import Unavailable
from cotdistill.gen.teachers import connect, find_teacher
from cotdistill.tasks.values import Message, Sampling
from cotdistill.tests.servers.canned import Canned, CannedServer
from cotdistill.tests.servers.protocols import CHAT


def test_a_server_dies_and_comes_back() -> None:
    async def go(first: CannedServer, second: CannedServer) -> None:
        teacher = find_teacher("mine", registry={}, base_url=f"{first.root}/v1, {second.root}/v1/")
        assert teacher.base_urls == (f"{first.root}/v1", f"{second.root}/v1")
        now = [0.0]
        client = connect(teacher)
        assert isinstance(client, PoolClient)
        client._clock = lambda: now[0]

        async def ask(n: int) -> int:
            """How many of n concurrent calls failed."""
            calls = [client.complete((Message("user", "?"),), Sampling()) for _ in range(n)]
            answers = await asyncio.gather(*calls, return_exceptions=True)
            assert all(isinstance(a, Unavailable) for a in answers if isinstance(a, BaseException))
            return sum(isinstance(a, BaseException) for a in answers)

        async with client:
            assert await ask(20) == 0
            assert len(first.received) == len(second.received) == 10
            first.answer = Canned(how="closed")
            failed = sum([await ask(1) for _ in range(20)])
            assert failed == EJECT_AFTER
            first.answer = Canned.of(CHAT.reply("1"))
            first.received.clear()
            assert await ask(20) == 0
            assert not first.received
            now[0] += 1.0
            assert await ask(20) == 0
            assert len(first.received) == 1, "one probe"
            assert await ask(20) == 0
            assert len(first.received) > 5

    with CannedServer(Canned.of(CHAT.reply("1"))) as first, CannedServer(Canned.of(CHAT.reply("2"))) as second:
        asyncio.run(go(first, second))
