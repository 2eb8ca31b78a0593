"""OpenAI Chat Completions, as OpenAI and every compatible server speak them (vLLM, SGLang, Ollama, OpenRouter ...)."""

from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import BadReply
from ..tasks.values import Completion, Message, Sampling, Usage
from .base import Headers, Request
from .reasoning import join_reasoning, split_reasoning
from .traits import NO_TRAITS, Traits


class ChatAdapter:
    """`official`: OpenAI itself, whose reasoning models know only `max_completion_tokens`. Others take `max_tokens` and
    may put a trace into the text, between think tags. `headers` are sent beside the usual ones."""

    def __init__(
        self,
        base_url: str,
        api_key: str,
        model: str,
        *,
        official: bool,
        traits: Traits = NO_TRAITS,
        headers: Headers | None = None,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.api_key = api_key
        self.model = model
        self.official = official
        self.traits = traits
        self._headers = openai_headers(api_key, headers)

    def options(self, sampling: Sampling) -> dict[str, Any]:
        """The sampling parameters under their names on the wire; what is None is left to the provider."""
        self.traits.check(self.model, sampling)
        return drop_none(
            {
                "temperature": sampling.temperature,
                "top_p": sampling.top_p,
                "seed": sampling.seed,
                "reasoning_effort": sampling.reasoning_effort,
                "max_completion_tokens" if self.official else "max_tokens": sampling.max_tokens,
            }
        )

    def arguments(self, messages: Sequence[Message], sampling: Sampling) -> dict[str, Any]:
        """The JSON body, which are also the SDK's arguments."""
        return {
            "messages": [{"role": m.role, "content": m.content} for m in messages],
            "model": self.model,
            **self.options(sampling),
        }

    def request(self, messages: Sequence[Message], sampling: Sampling) -> Request:
        """POST {base_url}/chat/completions."""
        return Request(f"{self.base_url}/chat/completions", self._headers, self.arguments(messages, sampling))

    def parse(self, body: Any) -> Completion:
        """The first choice. A refusal is a completion whose finish reason is "refusal"."""
        try:
            choice = body["choices"][0]
            message = choice["message"]
            content, refusal = message.get("content"), message.get("refusal")
            finish, served = choice.get("finish_reason"), body.get("model")
            usage = body.get("usage") or {}
        except (KeyError, IndexError, TypeError, AttributeError) as error:
            raise BadReply(f"{self.base_url}: a reply without choices") from error
        if not isinstance(content, str | None) or not isinstance(refusal, str | None):
            raise BadReply(f"{self.base_url}: a reply whose content is not what the protocol says")
        text, thoughts = content or refusal or "", None
        if not self.official:
            text, thoughts = split_reasoning(text)
        apart = message.get("reasoning_content") or message.get("reasoning")
        return Completion(
            text=text,
            reasoning=join_reasoning(apart if isinstance(apart, str) else None, thoughts),
            finish_reason="refusal" if refusal else as_str(finish),
            served_model=as_str(served),
            usage=Usage(
                prompt_tokens=count(usage, "prompt_tokens"),
                completion_tokens=count(usage, "completion_tokens"),
                reasoning_tokens=count(usage, "completion_tokens_details", "reasoning_tokens"),
                cached_tokens=count(usage, "prompt_tokens_details", "cached_tokens"),
                cache_write_tokens=count(usage, "prompt_tokens_details", "cache_write_tokens"),
            ),
        )


def openai_headers(api_key: str, more: Headers | None) -> dict[str, str]:
    """What every request to an OpenAI server carries."""
    return {
        "Authorization": f"Bearer {api_key}",
        "Content-Type": "application/json",
        "Accept": "application/json",
        **(more or {}),
    }


def drop_none(named: Mapping[str, Any]) -> dict[str, Any]:
    """What was set."""
    return {name: value for name, value in named.items() if value is not None}


def as_str(value: Any) -> str | None:
    """A string, or None where the provider sent something else."""
    return value if isinstance(value, str) else None


def count(usage: Any, *path: str) -> int | None:
    """A non-negative token count at `path`; None where the provider did not say, or said nonsense."""
    value = usage
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
