"""The wire transport: aiohttp moves the bytes, an adapter says what they mean."""

import asyncio
import contextlib
import json
from collections.abc import Sequence
from types import TracebackType
from typing import Self

import aiohttp
from aiohttp.helpers import get_env_proxy_for_url
from yarl import URL

from ..errors import Unavailable
from ..tasks.values import Completion, Message, Sampling
from .base import Adapter, Observer, completion_of
from .said import redact


class WireClient:
    """One account at one base URL. Connections are kept and reused; how many there are is the caller's concurrency.

    A call that has not answered within `deadline_s` is cut, its connection closed.
    """

    def __init__(self, adapter: Adapter, *, deadline_s: float = 300.0, observe: Observer | None = None) -> None:
        self.adapter = adapter
        self.model = adapter.model
        self.base_url = adapter.base_url
        self.deadline_s = deadline_s
        self._observe = observe
        self._session: aiohttp.ClientSession | None = None
        self._proxy: URL | None = None
        self._proxy_auth: aiohttp.BasicAuth | None = None

    async def __aenter__(self) -> Self:
        # A proxy is taken from the environment, as the SDKs do; once, not for every call (aiohttp's trust_env asks a
        # thread each time).
        with contextlib.suppress(LookupError):
            self._proxy, self._proxy_auth = get_env_proxy_for_url(URL(self.base_url))
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=15.0)
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=60.0)
        self._session = aiohttp.ClientSession(connector=connector, timeout=timeout)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def complete(self, messages: Sequence[Message], sampling: Sampling) -> Completion:
        """Ask once; see base.Client for the errors."""
        assert self._session is not None, "use the client as an async context manager"
        request = self.adapter.request(messages, sampling)
        data = json.dumps(request.body, ensure_ascii=False, separators=(",", ":")).encode()
        try:
            async with (
                asyncio.timeout(self.deadline_s),
                self._session.post(
                    request.url,
                    data=data,
                    headers=request.headers,
                    allow_redirects=False,
                    proxy=self._proxy,
                    proxy_auth=self._proxy_auth,
                ) as response,
            ):
                status, headers, body = response.status, response.headers, await response.read()
        except TimeoutError as error:
            raise Unavailable(f"{self.base_url}: no answer within {self.deadline_s:.0f} s") from error
        except (aiohttp.ClientError, OSError, asyncio.IncompleteReadError) as error:
            words = redact(f"{self.base_url}: {type(error).__name__}: {error}", self.adapter.api_key)
            raise Unavailable(words) from error
        if self._observe is not None:
            self._observe(headers)
        return completion_of(self.adapter, status, headers, body)
