"""The reference transport for OpenAI's protocols: the openai SDK, whose requests the wire transport must equal.

The SDK's own retries are off: the harvest's one policy (clients/retry.py) decides what is asked again.
"""

import asyncio
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

from ..errors import BadReply, Unavailable
from ..tasks.values import Completion, Message, Sampling
from .base import Headers, Observer, completion_of
from .openai_chat import ChatAdapter
from .openai_responses import ResponsesAdapter
from .said import redact


class OpenAISdk:
    """Chat Completions or Responses through openai.AsyncOpenAI."""

    def __init__(
        self,
        adapter: ChatAdapter | ResponsesAdapter,
        *,
        deadline_s: float = 300.0,
        observe: Observer | None = None,
    ) -> None:
        import openai

        self.adapter = adapter
        self.model = adapter.model
        self.base_url = adapter.base_url
        self.deadline_s = deadline_s
        self._observe = observe
        self._sdk = openai.AsyncOpenAI(
            base_url=adapter.base_url,
            api_key=adapter.api_key,
            max_retries=0,
            timeout=openai.Timeout(deadline_s, connect=15.0),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._sdk.close()

    async def complete(self, messages: Sequence[Message], sampling: Sampling) -> Completion:
        """Ask once; see base.Client for the errors."""
        status, headers, body = await self._exchange(self.adapter.arguments(messages, sampling))
        if self._observe is not None:
            self._observe(headers)
        return completion_of(self.adapter, status, headers, body)

    async def _exchange(self, arguments: dict[str, Any]) -> tuple[int, Headers, bytes]:
        """A response of any status, before the SDK reads it. Its status errors carry what the server said, the key
        perhaps among it, so they are not chained to ours."""
        import openai

        if isinstance(self.adapter, ChatAdapter):
            create: Any = self._sdk.chat.completions.with_raw_response.create
        else:
            create = self._sdk.responses.with_raw_response.create
        try:
            async with asyncio.timeout(self.deadline_s):
                raw = await create(**arguments)
                return raw.status_code, raw.headers, raw.content
        except openai.APIStatusError as error:
            return error.status_code, error.response.headers, error.response.content
        except (openai.APITimeoutError, TimeoutError) as error:
            raise Unavailable(f"{self.base_url}: no answer within {self.deadline_s:.0f} s") from error
        except openai.APIConnectionError as error:
            cause = error.__cause__ or error
            words = redact(f"{self.base_url}: {type(cause).__name__}: {cause}", self.adapter.api_key)
            raise Unavailable(words) from error
        except openai.OpenAIError as error:
            raise BadReply(f"{self.base_url}: unreadable reply: {type(error).__name__}") from error
