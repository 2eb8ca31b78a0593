"""OpenAI Responses: what OpenAI's reasoning models are asked through. Nothing is kept at the provider (store=false)."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..errors import BadReply, BadRequest, RateLimited, TeacherError, Unavailable
from ..tasks.values import Completion, Message, Sampling, Usage
from .base import Headers, Request
from .openai_chat import as_str, count, drop_none, openai_headers
from .reasoning import join_reasoning
from .traits import NO_TRAITS, Traits, refuse

FINISH = {"max_output_tokens": "length", "content_filter": "content_filter"}
FILTERED = frozenset(
    {"invalid_prompt", "bio_policy", "misalignment_policy_violation", "image_content_policy_violation"}
)


class ResponsesAdapter:
    """System messages travel as `instructions`; the trace is the summary, where `traits.include_thoughts` asks for it
    (OpenAI gives summaries only to verified organisations)."""

    def __init__(
        self, base_url: str, api_key: str, model: str, *, traits: Traits = NO_TRAITS, headers: Headers | None = None
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.api_key = api_key
        self.model = model
        self.traits = traits
        self._headers = openai_headers(api_key, headers)

    def arguments(self, messages: Sequence[Message], sampling: Sampling) -> dict[str, Any]:
        """The JSON body, which are also the SDK's arguments. ConfigError: a seed, which the API does not have."""
        self.traits.check(self.model, sampling)
        if sampling.seed is not None:
            refuse(self.model, "seed", sampling.seed)
        summary = "auto" if self.traits.include_thoughts else None
        reasoning = drop_none({"effort": sampling.reasoning_effort, "summary": summary})
        return drop_none(
            {
                "model": self.model,
                "instructions": "\n\n".join(m.content for m in messages if m.role == "system") or None,
                "input": [{"role": m.role, "content": m.content} for m in messages if m.role != "system"],
                "temperature": sampling.temperature,
                "top_p": sampling.top_p,
                "max_output_tokens": sampling.max_tokens,
                "reasoning": reasoning or None,
                "store": False,
            }
        )

    def request(self, messages: Sequence[Message], sampling: Sampling) -> Request:
        """POST {base_url}/responses."""
        return Request(f"{self.base_url}/responses", self._headers, self.arguments(messages, sampling))

    def parse(self, body: Any) -> Completion:
        """The text of the final message; a commentary that comes before it goes with the trace."""
        if not isinstance(body, dict) or not isinstance(body.get("output"), list):
            raise BadReply(f"{self.base_url}: a reply without output")
        status = body.get("status")
        if status == "failed":
            raise self._failed(body)
        if status in ("queued", "in_progress", "cancelled"):
            raise BadReply(f"{self.base_url}: a response that is {status}")
        answers: list[str] = []
        refusals: list[str] = []
        thoughts: list[str] = []
        for item in body["output"]:
            if not isinstance(item, dict):
                raise BadReply(f"{self.base_url}: an output item that is none")
            if item.get("type") == "reasoning":
                thoughts += [*self._texts(item, "summary"), *self._texts(item, "content")]
            elif item.get("type") == "message":
                answer = "".join(self._texts(item, "content", "output_text"))
                (thoughts if item.get("phase") == "commentary" else answers).append(answer)
                refusals += self._texts(item, "content", "refusal")
        why = body.get("incomplete_details")
        reason = as_str(why.get("reason")) if isinstance(why, Mapping) else None
        finish = "stop" if status == "completed" else FINISH.get(reason or "", reason or as_str(status))
        if not (answers or refusals or thoughts) and finish == "stop":
            raise BadReply(f"{self.base_url}: a reply without a message")
        usage = body.get("usage")
        return Completion(
            text="".join(answers) or "".join(refusals),
            reasoning=join_reasoning(*thoughts),
            finish_reason="refusal" if refusals else finish,
            served_model=as_str(body.get("model")),
            usage=Usage(
                prompt_tokens=count(usage, "input_tokens"),
                completion_tokens=count(usage, "output_tokens"),
                reasoning_tokens=count(usage, "output_tokens_details", "reasoning_tokens"),
                cached_tokens=count(usage, "input_tokens_details", "cached_tokens"),
                cache_write_tokens=count(usage, "input_tokens_details", "cache_write_tokens"),
            ),
        )

    def _texts(self, item: Mapping[str, Any], field: str, kind: str | None = None) -> Iterator[str]:
        """The texts of an item's parts. BadReply: a part that holds none."""
        for part in item.get(field) or ():
            if not isinstance(part, dict):
                raise BadReply(f"{self.base_url}: an output part that is none")
            if kind in (None, part.get("type")):
                text = part.get("refusal" if kind == "refusal" else "text")
                if not isinstance(text, str):
                    raise BadReply(f"{self.base_url}: an output part without text")
                yield text

    def _failed(self, body: Mapping[str, Any]) -> TeacherError:
        """A response that arrived with status 200 and then failed."""
        error = body.get("error")
        code, said = (
            (error.get("code"), str(error.get("message"))) if isinstance(error, Mapping) else (None, "no reason")
        )
        words = " ".join(said.split())[:300]
        if code == "rate_limit_exceeded":
            return RateLimited(words)
        return BadRequest(words, http_status=200) if code in FILTERED else Unavailable(words)
