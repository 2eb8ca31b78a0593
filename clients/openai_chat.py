"""OpenAI Chat Completions, as OpenAI and every compatible server speak them (vLLM, SGLang, Ollama, OpenRouter ...)."""

from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import BadReply
from ..tasks.values import Completion, Message, Sampling, Usage
from .base import Request


class ChatAdapter:
    """`official`: OpenAI itself, whose reasoning models know only `max_completion_tokens`; others take `max_tokens`."""

    def __init__(self, base_url: str, api_key: str, model: str, *, official: bool) -> None:
        self.base_url = base_url.rstrip("/")
        self.model = model
        self.official = official
        self._headers = {
            "Authorization": f"Bearer {api_key}",
            "Content-Type": "application/json",
            "Accept": "application/json",
        }

    def options(self, sampling: Sampling) -> dict[str, Any]:
        """The sampling parameters under their names on the wire; what is None is left to the provider."""
        named = {
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "seed": sampling.seed,
            "reasoning_effort": sampling.reasoning_effort,
            "max_completion_tokens" if self.official else "max_tokens": sampling.max_tokens,
        }
        return {name: value for name, value in named.items() if value is not None}

    def request(self, messages: Sequence[Message], sampling: Sampling) -> Request:
        """POST {base_url}/chat/completions."""
        body = {
            "messages": [{"role": m.role, "content": m.content} for m in messages],
            "model": self.model,
            **self.options(sampling),
        }
        return Request(f"{self.base_url}/chat/completions", self._headers, body)

    def parse(self, body: Any) -> Completion:
        """The first choice. A refusal is a completion whose finish reason is "refusal"."""
        try:
            choice = body["choices"][0]
            message = choice["message"]
            content, refusal = message.get("content"), message.get("refusal")
            finish = choice.get("finish_reason")
            usage = body.get("usage") or {}
        except (KeyError, IndexError, TypeError, AttributeError) as error:
            raise BadReply(f"{self.base_url}: a reply without choices") from error
        if not isinstance(usage, Mapping) or not isinstance(content, str | None) or not isinstance(refusal, str | None):
            raise BadReply(f"{self.base_url}: a reply whose content or usage is not what the protocol says")
        reasoning = message.get("reasoning_content") or message.get("reasoning")
        return Completion(
            text=content or refusal or "",
            reasoning=reasoning if isinstance(reasoning, str) else None,
            finish_reason="refusal" if refusal else finish,
            served_model=body.get("model"),
            usage=Usage(
                prompt_tokens=count(usage, "prompt_tokens"),
                completion_tokens=count(usage, "completion_tokens"),
                reasoning_tokens=count(usage, "completion_tokens_details", "reasoning_tokens"),
                cached_tokens=count(usage, "prompt_tokens_details", "cached_tokens"),
            ),
        )


def count(usage: Mapping[str, Any], *path: str) -> int | None:
    """A non-negative token count at `path`; None where the provider did not say, or said nonsense."""
    value: Any = usage
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
