"""OpenAI Chat Completions, and every server that speaks them, through the openai SDK.

The SDK's own retries are off: the harvest's one policy (clients/retry.py) decides what is asked again.
"""

import asyncio
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

from ..errors import BadReply, BadRequest, ConfigError, RateLimited, TeacherError, Unavailable
from ..tasks.values import Completion, Message, Sampling, Usage

# What no other request of this run can survive either: wrong key, no permission, no such model or URL.
FATAL_HTTP = frozenset({401, 403, 404})


class OpenAIChat:
    """One account at one base URL. Use as an async context manager; `complete` may be called concurrently.

    `max_tokens_field` is `max_completion_tokens` at OpenAI (its reasoning models refuse the old name) and `max_tokens`
    at compatible servers.
    """

    def __init__(self, base_url: str, api_key: str, model: str, *, official: bool, deadline_s: float = 300.0) -> None:
        import openai

        self.model = model
        self.base_url = base_url
        self.max_tokens_field = "max_completion_tokens" if official else "max_tokens"
        self.deadline_s = deadline_s
        self._sdk = openai.AsyncOpenAI(
            base_url=base_url, api_key=api_key, max_retries=0, timeout=openai.Timeout(deadline_s, connect=15.0)
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._sdk.close()

    async def complete(self, messages: Sequence[Message], sampling: Sampling) -> Completion:
        """Ask once. RateLimited, Unavailable, BadReply: transient. BadRequest: this prompt was rejected.
        ConfigError: no request of this run can succeed (key, rights, model, URL)."""
        import openai

        try:
            async with asyncio.timeout(self.deadline_s):
                reply = await self._sdk.chat.completions.create(
                    model=self.model,
                    messages=[{"role": m.role, "content": m.content} for m in messages],  # type: ignore[misc]
                    **self._options(sampling),
                )
        except openai.APIStatusError as error:
            raise self._status_error(error) from error
        except (openai.APITimeoutError, TimeoutError) as error:
            raise Unavailable(f"{self.base_url}: no answer within {self.deadline_s:.0f} s") from error
        except openai.APIConnectionError as error:
            cause = error.__cause__ or error
            raise Unavailable(f"{self.base_url}: {type(cause).__name__}: {cause}") from error
        except (openai.OpenAIError, ValueError) as error:  # a body that is no JSON, or not the schema
            raise BadReply(f"{self.base_url}: unreadable reply: {type(error).__name__}") from error
        return self._completion(reply)

    def _options(self, sampling: Sampling) -> dict[str, Any]:
        options: dict[str, Any] = {
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "seed": sampling.seed,
            "reasoning_effort": sampling.reasoning_effort,
            self.max_tokens_field: sampling.max_tokens,
        }
        return {name: value for name, value in options.items() if value is not None}

    def _completion(self, reply: Any) -> Completion:
        choices = getattr(reply, "choices", None)
        if not choices or getattr(choices[0], "message", None) is None:
            raise BadReply(f"{self.base_url}: a reply without choices")
        message, usage = choices[0].message, getattr(reply, "usage", None)
        details = getattr(usage, "completion_tokens_details", None)
        cached = getattr(usage, "prompt_tokens_details", None)
        return Completion(
            text=message.content or getattr(message, "refusal", None) or "",
            reasoning=getattr(message, "reasoning_content", None),
            finish_reason="refusal" if getattr(message, "refusal", None) else choices[0].finish_reason,
            served_model=reply.model,
            usage=Usage(
                prompt_tokens=getattr(usage, "prompt_tokens", None),
                completion_tokens=getattr(usage, "completion_tokens", None),
                reasoning_tokens=getattr(details, "reasoning_tokens", None),
                cached_tokens=getattr(cached, "cached_tokens", None),
            ),
        )

    def _status_error(self, error: Any) -> TeacherError | ConfigError:
        code: int = error.status_code
        said = str(getattr(error, "message", error)).splitlines()[0][:300]
        if code in FATAL_HTTP:
            what = {401: "the key was refused", 403: "not allowed", 404: f"no model {self.model!r}"}[code]
            return ConfigError(f"{self.base_url}: {what} (HTTP {code}): {said}. Next: cotdistill doctor")
        if code == 429:
            return RateLimited(said, http_status=code, retry_after_s=_retry_after(error.response.headers))
        if code in (408, 409) or code >= 500:
            return Unavailable(said, http_status=code, retry_after_s=_retry_after(error.response.headers))
        return BadRequest(said, http_status=code)


def _retry_after(headers: Any) -> float | None:
    try:
        return max(0.0, float(headers.get("retry-after", "")))
    except ValueError:
        return None
