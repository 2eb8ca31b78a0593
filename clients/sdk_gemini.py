"""The reference transport for Gemini: the google-genai SDK, whose requests the wire transport must equal.

Everything that the SDK would do on its own is off: retries (clients/retry.py decides), function calling, continuation.
It is given httpx, because its aiohttp path loses the status of an error whose body is not the JSON it promises.
"""

import asyncio
import json
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

from ..errors import BadReply, Unavailable
from ..tasks.values import Completion, Message, Sampling
from .base import Headers, Observer, completion_of
from .gemini import GeminiAdapter
from .said import redact


class GeminiSdk:
    """generateContent through google.genai.Client."""

    def __init__(self, adapter: GeminiAdapter, *, deadline_s: float = 300.0, observe: Observer | None = None) -> None:
        import httpx
        from google import genai
        from google.genai import types

        self.adapter = adapter
        self.model = adapter.model
        self.base_url = adapter.base_url
        self.deadline_s = deadline_s
        self._observe = observe
        self._http = httpx.AsyncClient(
            timeout=httpx.Timeout(deadline_s, connect=15.0), limits=httpx.Limits(max_connections=None)
        )
        options = types.HttpOptions(
            base_url=adapter.root,
            api_version=adapter.version,
            httpx_async_client=self._http,
            retry_options=types.HttpRetryOptions(attempts=1),
        )
        self._sdk = genai.Client(vertexai=False, api_key=adapter.api_key, http_options=options)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._sdk.aio.aclose()
        self._sdk.close()
        await self._http.aclose()

    async def complete(self, messages: Sequence[Message], sampling: Sampling) -> Completion:
        """Ask once; see base.Client for the errors."""
        status, headers, body = await self._exchange(self._arguments(messages, sampling))
        if self._observe is not None:
            self._observe(headers)
        return completion_of(self.adapter, status, headers, body)

    def _arguments(self, messages: Sequence[Message], sampling: Sampling) -> dict[str, Any]:
        """The SDK's own values for the same request."""
        from google.genai import types

        wanted = self.adapter.config(sampling)
        thinking = wanted.get("thinkingConfig")
        config = types.GenerateContentConfig(
            temperature=wanted.get("temperature"),
            top_p=wanted.get("topP"),
            seed=wanted.get("seed"),
            max_output_tokens=wanted.get("maxOutputTokens"),
            thinking_config=types.ThinkingConfig(**thinking) if thinking else None,
            automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
            automatic_continuation=False,
            should_return_http_response=True,
        )
        if system := [types.Part(text=m.content) for m in messages if m.role == "system"]:
            config.system_instruction = types.Content(parts=system)
        contents = [
            types.Content(role="model" if m.role == "assistant" else "user", parts=[types.Part(text=m.content)])
            for m in messages
            if m.role != "system"
        ]
        return {"model": self.model, "contents": contents, "config": config}

    async def _exchange(self, arguments: dict[str, Any]) -> tuple[int, Headers, bytes]:
        """A response of any status, before the SDK reads it. Its status errors carry what the server said, the key
        perhaps among it, so they are not chained to ours."""
        import httpx
        from google.genai import errors

        try:
            async with asyncio.timeout(self.deadline_s):
                response = await self._sdk.aio.models.generate_content(**arguments)
        except errors.APIError as error:
            headers = getattr(error.response, "headers", {})
            return error.code, headers, json.dumps(error.details).encode()
        except (httpx.TimeoutException, TimeoutError) as error:
            raise Unavailable(f"{self.base_url}: no answer within {self.deadline_s:.0f} s") from error
        except httpx.HTTPError as error:
            words = redact(f"{self.base_url}: {type(error).__name__}: {error}", self.adapter.api_key)
            raise Unavailable(words) from error
        raw = response.sdk_http_response
        if raw is None or raw.body is None:
            raise BadReply(f"{self.base_url}: the SDK returned no response")
        return 200, raw.headers or {}, raw.body.encode()
