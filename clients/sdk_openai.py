"""The reference transport for OpenAI's protocols: the openai SDK, whose requests the wire transport must equal.

The SDK's own retries are off: the harvest's one policy (clients/retry.py) decides what is asked again.
"""

import asyncio
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

from ..errors import BadReply, Unavailable
from ..tasks.values import Completion, Message, Sampling
from .base import Observer, status_error
from .openai_chat import ChatAdapter


class OpenAISdk:
    """Chat Completions through openai.AsyncOpenAI."""

    def __init__(
        self, adapter: ChatAdapter, api_key: str, *, deadline_s: float = 300.0, observe: Observer | None = None
    ) -> None:
        import openai

        self.adapter = adapter
        self.model = adapter.model
        self.base_url = adapter.base_url
        self.deadline_s = deadline_s
        self._observe = observe
        self._sdk = openai.AsyncOpenAI(
            base_url=adapter.base_url,
            api_key=api_key,
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
        import openai

        try:
            async with asyncio.timeout(self.deadline_s):
                raw = await self._create(messages, sampling)
                body = raw.http_response.json()
        except openai.APIStatusError as error:
            said = str(error.body.get("message") if isinstance(error.body, dict) else error.message)
            headers = error.response.headers
            raise status_error(self.base_url, self.model, error.status_code, said, headers) from error
        except (openai.APITimeoutError, TimeoutError) as error:
            raise Unavailable(f"{self.base_url}: no answer within {self.deadline_s:.0f} s") from error
        except openai.APIConnectionError as error:
            cause = error.__cause__ or error
            raise Unavailable(f"{self.base_url}: {type(cause).__name__}: {cause}") from error
        except (openai.OpenAIError, ValueError) as error:  # a body that is no JSON, or not the schema
            raise BadReply(f"{self.base_url}: unreadable reply: {type(error).__name__}") from error
        if self._observe is not None:
            self._observe(raw.headers)
        return self.adapter.parse(body)

    async def _create(self, messages: Sequence[Message], sampling: Sampling) -> Any:
        return await self._sdk.chat.completions.with_raw_response.create(
            model=self.model,
            messages=[{"role": m.role, "content": m.content} for m in messages],  # type: ignore[misc]
            **self.adapter.options(sampling),
        )
