"""The rows that a call leaves behind, `reply` and `attempt`, the same whether it was made live or in a batch."""

from dataclasses import dataclass, replace
from typing import Any

from ..clients.budget import Cost
from ..store.spool import utc_now
from ..tasks.values import Completion, Sampling
from .teachers import Teacher

MAX_ERROR_CHARACTERS = 500
# Ends that are not the model's own, so that nobody knows what the text lacks: Gemini's, calls of tools that were never
# offered, a server that gave up (vLLM, SGLang: abort; OpenRouter: error), a response that is incomplete for no reason.
BROKEN = frozenset(
    {
        *("other", "malformed_response", "malformed_function_call", "unexpected_tool_call", "too_many_tool_calls"),
        *("missing_thought_signature", "no_image", "tool_calls", "function_call", "max_tool_calls"),
        *("abort", "error", "incomplete"),
    }
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for: the reply's identity and its place in the design. `attempt_key` is this call's own."""

    attempt_key: str
    reply_key: str
    question_key: str
    sample_index: int
    redo: int


def reply_status(completion: Completion) -> str:
    """ok, truncated, filtered, refused, malformed or empty, from the finish reason and the text.

    A reason that is not known is taken for a server's own word for stop.
    """
    match completion.finish_reason:
        case "length":
            return "truncated"
        case "content_filter":
            return "filtered"
        case "refusal":
            return "refused"
        case reason if reason in BROKEN:
            return "malformed"
    return "ok" if completion.text.strip() else "empty"


def attempt_row(
    asked: Asked,
    teacher: Teacher,
    status: str,
    started: str,
    cost: Cost,
    *,
    http_status: int | None = None,
    error: str | None = None,
    got: Completion | None = None,
) -> dict[str, Any]:
    """One call, whatever came of it: the only place where dollars are recorded."""
    usage = got.usage if got else None
    return {
        "attempt_key": asked.attempt_key,
        "reply_key": asked.reply_key,
        "teacher": teacher.name,
        "provider": teacher.provider,
        "model": teacher.model,
        "started_at": started,
        "finished_at": utc_now(),
        "status": status,
        "http_status": http_status,
        "prompt_tokens": usage.prompt_tokens if usage else None,
        "completion_tokens": usage.completion_tokens if usage else None,
        "reasoning_tokens": usage.reasoning_tokens if usage else None,
        "cached_tokens": usage.cached_tokens if usage else None,
        "cache_write_tokens": usage.cache_write_tokens if usage else None,
        "usd": cost.usd,
        "usd_basis": cost.basis,
        "error": error[:MAX_ERROR_CHARACTERS] if error else None,
    }


def reply_row(
    asked: Asked, teacher: Teacher, status: str, sampling: Sampling, received_at: str, got: Completion | None
) -> dict[str, Any]:
    """One answer, or a question's rejection for good (`got` None). `sampling` as it was sent for this sample."""
    return {
        "reply_key": asked.reply_key,
        "question_key": asked.question_key,
        "teacher": teacher.name,
        "status": status,
        "text": got.text if got else "",
        "reasoning": got.reasoning if got else None,
        "finish_reason": got.finish_reason if got else None,
        "requested_model": teacher.model,
        "served_model": got.served_model if got else None,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "seed": sampling.seed,
        "reasoning_effort": sampling.reasoning_effort,
        "max_tokens": sampling.max_tokens,
        "sample_index": asked.sample_index,
        "redo": asked.redo,
        "prompt_tokens": got.usage.prompt_tokens if got else None,
        "completion_tokens": got.usage.completion_tokens if got else None,
        "received_at": received_at,
    }


def seeded(sampling: Sampling, sample_index: int) -> Sampling:
    """The sampling of one sample: each has a seed of its own where one is set."""
    if sampling.seed is None or not sample_index:
        return sampling
    return replace(sampling, seed=sampling.seed + sample_index)
