"""Gemini's generateContent, as Google's Developer API speaks it (with an API key, not Vertex)."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import BadReply, ConfigError
from ..tasks.values import Completion, Message, Sampling, Usage
from .base import Request
from .openai_chat import as_str, count, drop_none
from .reasoning import join_reasoning
from .traits import NO_TRAITS, Traits

API_VERSION = "v1beta"
FILTERS = ("SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "ESCALATION", "MODEL_ARMOR")
FINISH = {"STOP": "stop", "MAX_TOKENS": "length", "CONTINUATION": "length"} | dict.fromkeys(FILTERS, "content_filter")
ACCOUNT_LIMITED = "PUP_LIMITED_DISABLED"
EFFORTS = ("minimal", "low", "medium", "high", "xhigh")


class GeminiAdapter:
    """`base_url` is the server, with or without an API version at its end (v1beta where it has none)."""

    def __init__(self, base_url: str, api_key: str, model: str, *, traits: Traits = NO_TRAITS) -> None:
        self.base_url = base_url.rstrip("/")
        self.api_key = api_key
        self.model = model
        self.traits = traits
        version = re.fullmatch(r"(.*)/(v\d\w*)", self.base_url)
        self.root, self.version = (version[1], version[2]) if version else (self.base_url, API_VERSION)
        self._headers = {"x-goog-api-key": api_key, "Content-Type": "application/json"}

    @property
    def resource(self) -> str:
        """The model's name on the wire: models/NAME, unless it already says what it is."""
        return self.model if self.model.startswith(("models/", "tunedModels/")) else f"models/{self.model}"

    def config(self, sampling: Sampling) -> dict[str, Any]:
        """generationConfig; what is None is left to the provider.

        ConfigError: the model does not take it. A reasoning effort is a thinking level; a model that is told a level
        rejects a budget, so the registry's budget is sent only without one.
        """
        self.traits.check(self.model, sampling)
        effort = sampling.reasoning_effort
        if effort is not None and effort.lower() not in EFFORTS:
            raise ConfigError(f"Gemini has no thinking level {effort!r}. Next: --reasoning-effort {'|'.join(EFFORTS)}")
        thinking = drop_none(  # in snake case, as the SDK sends it; Google's JSON takes both
            {
                "include_thoughts": self.traits.include_thoughts or None,
                "thinking_budget": self.traits.thinking_budget if effort is None else None,
                "thinking_level": effort.upper() if effort else None,
            }
        )
        return drop_none(
            {
                "temperature": sampling.temperature,
                "topP": sampling.top_p,
                "seed": sampling.seed,
                "maxOutputTokens": sampling.max_tokens,
                "thinkingConfig": thinking or None,
            }
        )

    def body(self, messages: Sequence[Message], sampling: Sampling) -> dict[str, Any]:
        """The JSON body: system messages apart, the assistant is called model."""
        system = [{"text": m.content} for m in messages if m.role == "system"]
        contents = [
            {"role": "model" if m.role == "assistant" else "user", "parts": [{"text": m.content}]}
            for m in messages
            if m.role != "system"
        ]
        instruction = {"systemInstruction": {"parts": system}} if system else {}
        return {"contents": contents, **instruction, "generationConfig": self.config(sampling)}

    def request(self, messages: Sequence[Message], sampling: Sampling) -> Request:
        """POST {root}/{version}/models/{model}:generateContent. The key travels in a header, never in the URL."""
        url = f"{self.root}/{self.version}/{self.resource}:generateContent"
        return Request(url, self._headers, self.body(messages, sampling))

    def parse(self, body: Any) -> Completion:
        """The first candidate; a prompt that was blocked is an empty completion with reason "content_filter".

        ConfigError: the account was shut off. BadReply: neither a candidate nor a reason why there is none.
        """
        if not isinstance(body, dict):
            raise BadReply(f"{self.base_url}: a reply that is no object")
        candidates, feedback = body.get("candidates"), body.get("promptFeedback")
        if not candidates and isinstance(feedback, Mapping) and feedback.get("blockReason"):
            return self._completion(body, "", None, "content_filter")
        try:
            candidate = candidates[0]  # type: ignore[index]
            parts = (candidate.get("content") or {}).get("parts") or []
            told = [(p.get("thought") is True, p["text"]) for p in parts if p.get("text") is not None]
            text, trace = ("".join(text for is_thought, text in told if is_thought is want) for want in (False, True))
            reason = candidate.get("finishReason")
        except (KeyError, IndexError, TypeError, AttributeError) as error:
            raise BadReply(f"{self.base_url}: a reply without candidates") from error
        if reason == ACCOUNT_LIMITED:
            raise ConfigError(f"{self.base_url}: Google has limited this account ({reason}). Next: cotdistill doctor")
        if not parts and reason is None:
            raise BadReply(f"{self.base_url}: a candidate without content or reason")
        finish = FINISH.get(reason, reason.lower()) if isinstance(reason, str) else None
        return self._completion(body, text, join_reasoning(trace), finish)

    def _completion(self, body: Mapping[str, Any], text: str, trace: str | None, finish: str | None) -> Completion:
        usage = body.get("usageMetadata")
        return Completion(
            text=text,
            reasoning=trace,
            finish_reason=finish,
            served_model=as_str(body.get("modelVersion")),
            usage=Usage(
                prompt_tokens=count(usage, "promptTokenCount"),
                completion_tokens=_output_tokens(usage),
                reasoning_tokens=count(usage, "thoughtsTokenCount"),
                cached_tokens=count(usage, "cachedContentTokenCount"),
            ),
        )


def _output_tokens(usage: Any) -> int | None:
    """Answer and thoughts: both are billed as output. Google's JSON leaves zeros out, so a count that is absent beside
    a known prompt count is 0; one that is nonsense makes the sum unknown."""
    if count(usage, "promptTokenCount") is None:
        return None
    counts = [count(usage, name) if name in usage else 0 for name in ("candidatesTokenCount", "thoughtsTokenCount")]
    return None if None in counts else sum(n for n in counts if n is not None)
