"""What the providers' servers say, in their own words: replies and errors of three protocols, for canned servers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cotdistill.gen.teachers import Teacher
from cotdistill.tests.servers.canned import Canned

Json = dict[str, Any]
WRONG_USAGE: Any = "wrong"


@dataclass(frozen=True, slots=True)
class Protocol:
    """`reply(text, finish=, thoughts=, usage=)`: a success's body; `finish` is the provider's word. `usage` True: 11
    prompt tokens (4 of them cached) and 7 of completion, 3 of which are reasoning. `error(status, message, code)`.
    `path` stands between the server and what the teacher's base URL ends with."""

    name: str
    teacher: Teacher
    path: str
    reply: Callable[..., Json]
    error: Callable[[int, str, str], Json]
    finish: dict[str, str]
    empty: Json
    no_credit: Canned
    bad_key: Canned
    too_long: Canned

    def said(self, status: int, message: str = "no luck today", code: str = "some_code", **headers: str) -> Canned:
        """An error."""
        return Canned.of(self.error(status, message, code), status, **headers)


def chat_reply(text: str, *, finish: str = "stop", thoughts: str | None = None, usage: Any = True) -> Json:
    message: Json = {"role": "assistant", "content": text, "refusal": None}
    if finish == "refusal":
        message, finish = {"role": "assistant", "content": None, "refusal": text}, "stop"
    if thoughts is not None:
        message["reasoning_content"] = thoughts
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_770_000_000,
        "model": "served-1",
        "choices": [{"index": 0, "message": message, "finish_reason": finish, "logprobs": None}],
        "usage": {
            "prompt_tokens": 11,
            "completion_tokens": 7,
            "total_tokens": 18,
            "prompt_tokens_details": {"cached_tokens": 4},
            "completion_tokens_details": {"reasoning_tokens": 3},
        }
        if usage is True
        else {"prompt_tokens": "11", "completion_tokens": -7, "completion_tokens_details": [3]},
    }


def responses_reply(text: str, *, finish: str = "completed", thoughts: str | None = None, usage: Any = True) -> Json:
    part = {"type": "output_text", "text": text, "annotations": []}
    if finish == "refusal":
        part, finish = {"type": "refusal", "refusal": text}, "completed"
    summary = [] if thoughts is None else [{"type": "summary_text", "text": thoughts}]
    output: list[Json] = [{"type": "reasoning", "id": "rs_1", "summary": summary}]
    if text:
        output.append({"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [part]})
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1_770_000_000,
        "model": "served-1",
        "status": "completed" if finish == "completed" else "incomplete",
        "error": None,
        "incomplete_details": None if finish == "completed" else {"reason": finish},
        "output": output,
        "usage": {
            "input_tokens": 11,
            "input_tokens_details": {"cached_tokens": 4},
            "output_tokens": 7,
            "output_tokens_details": {"reasoning_tokens": 3},
            "total_tokens": 18,
        }
        if usage is True
        else {"input_tokens": "11", "output_tokens": -7, "output_tokens_details": [3]},
    }


def gemini_reply(text: str, *, finish: str = "STOP", thoughts: str | None = None, usage: Any = True) -> Json:
    parts: list[Json] = [] if thoughts is None else [{"text": thoughts, "thought": True}]
    parts += [{"text": text}] if text else []
    candidate: Json = {"finishReason": finish, "index": 0}
    return {
        "candidates": [candidate | ({"content": {"role": "model", "parts": parts}} if parts else {})],
        "modelVersion": "served-1",
        "responseId": "abc",
        "usageMetadata": {
            "promptTokenCount": 11,
            "candidatesTokenCount": 4,
            "thoughtsTokenCount": 3,
            "cachedContentTokenCount": 4,
            "totalTokenCount": 18,
        }
        if usage is True
        else {"promptTokenCount": "11", "candidatesTokenCount": -4, "thoughtsTokenCount": [3]},
    }


def openai_error(status: int, message: str, code: str) -> Json:
    return {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": code}}


def google_error(status: int, message: str, code: str) -> Json:
    return {"error": {"code": status, "message": message, "status": code.upper()}}


def _openai(**differs: Any) -> dict[str, Any]:
    too_long = "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens."
    quota = "You exceeded your current quota, please check your plan and billing details."
    return {
        "path": "/v1",
        "error": openai_error,
        "no_credit": Canned.of(openai_error(429, quota, "insufficient_quota"), 429),
        "bad_key": Canned.of(openai_error(401, "Incorrect API key provided: @KEY@.", "invalid_api_key"), 401),
        "too_long": Canned.of(openai_error(400, too_long, "context_length_exceeded"), 400),
        **differs,
    }


def _teacher(**fields: Any) -> Teacher:
    return Teacher(
        **{"name": "t", "model": "asked-1", "base_url": "http://127.0.0.1:9", "key_env": "PLANTED", **fields}
    )


CHAT = Protocol(
    **_openai(
        name="chat",
        teacher=_teacher(provider="openai"),
        reply=chat_reply,
        finish={"stop": "stop", "length": "length", "content_filter": "content_filter", "refusal": "refusal"},
        empty={"id": "x", "object": "chat.completion", "created": 1, "model": "served-1", "choices": []},
    )
)
COMPATIBLE = Protocol(
    **_openai(
        name="compatible",
        teacher=_teacher(provider="openai-compatible"),
        reply=chat_reply,
        finish=CHAT.finish,
        empty=CHAT.empty,
    )
)
RESPONSES = Protocol(
    **_openai(
        name="responses",
        teacher=_teacher(provider="openai", api="responses"),
        reply=responses_reply,
        finish={
            "stop": "completed",
            "length": "max_output_tokens",
            "content_filter": "content_filter",
            "refusal": "refusal",
        },
        empty={"id": "x", "object": "response", "created_at": 1, "model": "m", "status": "completed", "output": []},
    )
)
GEMINI = Protocol(
    name="gemini",
    teacher=_teacher(provider="gemini"),
    path="",
    reply=gemini_reply,
    error=google_error,
    finish={"stop": "STOP", "length": "MAX_TOKENS", "content_filter": "SAFETY"},
    empty={"candidates": [], "usageMetadata": {"promptTokenCount": 3}},
    no_credit=Canned.of(
        google_error(429, "Your prepayment credits are depleted. Please go to AI Studio.", "RESOURCE_EXHAUSTED"), 429
    ),
    bad_key=Canned.of(
        {
            "error": {
                "code": 400,
                "message": "API key not valid. Please pass a valid API key. (@KEY@)",
                "status": "INVALID_ARGUMENT",
                "details": [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}],
            }
        },
        400,
    ),
    too_long=Canned.of(google_error(400, "The input token count exceeds the maximum", "INVALID_ARGUMENT"), 400),
)
PROTOCOLS = {p.name: p for p in (CHAT, COMPATIBLE, RESPONSES, GEMINI)}
