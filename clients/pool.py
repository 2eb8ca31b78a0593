"""Several servers of one teacher: each call goes to the one with the fewest calls open; a sick one rests.

A server is ejected after `EJECT_AFTER` failures in a row that are its own (no connection, no answer, 5xx; no 4xx), for
1 s, then twice as long each time it fails its probe, at most 60 s. When its time is over one call probes it. With
everybody ejected the one that comes back first is asked, so that the errors a caller sees stay the servers' own.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from ..errors import Unavailable
from ..tasks.values import Completion, Message, Sampling
from .base import Client

EJECT_AFTER = 3
FIRST_REST_S = 1.0
LONGEST_REST_S = 60.0


@dataclass(slots=True)
class Server:
    """One member and its health."""

    client: Client
    n_open: int = 0
    n_asked: int = 0
    n_failed_in_a_row: int = 0
    rest_s: float = 0.0
    rests_until: float = 0.0

    @property
    def ejected(self) -> bool:
        """It failed too often, and has not answered since."""
        return self.n_failed_in_a_row >= EJECT_AFTER

    def answered(self) -> None:
        """It is there: whatever it said, it said it."""
        self.n_failed_in_a_row, self.rest_s = 0, 0.0

    def failed(self, now: float) -> None:
        """It did not do its part."""
        self.n_failed_in_a_row += 1
        if self.ejected and now >= self.rests_until:  # calls that were open when it was ejected do not count twice
            self.rest_s = min(LONGEST_REST_S, self.rest_s * 2 or FIRST_REST_S)
            self.rests_until = now + self.rest_s


class PoolClient:
    """A Client over several, which are entered and left with the pool. All errors pass through unchanged."""

    def __init__(self, clients: Sequence[Client], *, clock: Callable[[], float] = time.monotonic) -> None:
        if not clients:
            raise ValueError("a pool of no servers")
        self.servers = [Server(client) for client in clients]
        self.model = clients[0].model
        self.base_url = ", ".join(client.base_url for client in clients)
        self._clock = clock
        self._entered = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            for server in self.servers:
                await stack.enter_async_context(server.client)
            self._entered = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._entered.aclose()

    async def complete(self, messages: Sequence[Message], sampling: Sampling) -> Completion:
        """Ask once, at one server; see base.Client for the errors."""
        server = self.choose()
        server.n_open += 1
        server.n_asked += 1
        try:
            completion = await server.client.complete(messages, sampling)
        except Unavailable as error:
            if error.http_status is None or error.http_status >= 500:
                server.failed(self._clock())
            else:
                server.answered()
            raise
        except Exception:
            server.answered()
            raise
        else:
            server.answered()
            return completion
        finally:
            server.n_open -= 1

    def choose(self) -> Server:
        """Least calls open, then least asked. An ejected server is taken for one probe when its rest is over."""
        now = self._clock()
        for server in self.servers:
            if server.ejected and now >= server.rests_until and server.n_open == 0:
                return server
        healthy = [server for server in self.servers if not server.ejected]
        if healthy:
            return min(healthy, key=lambda server: (server.n_open, server.n_asked))
        return min(self.servers, key=lambda server: (server.rests_until, server.n_open))
