"""The OpenAI chat-completions protocol without sockets: request bytes in, status and response bytes out.

The teacher learns what is wanted as any teacher does, from the messages: "Granularity: level 4 of 6." and
"Format: symbolic." in the system message, the question after "Question:" in the user message.
"""

import hashlib
import json
import re
import time
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ...tasks.realised import count_tokens
from .solver import CannotSolve, solve
from .writer import FORMATS, SLOPPY_SHARE, Style, seed_for, write

MODELS: dict[str, Style] = {"builtin-strict": "strict", "builtin-diverse": "diverse", "builtin-sloppy": "sloppy"}
DEFAULT_LEVEL, DEFAULT_FORMAT = 3, "original"
MAX_CHOICES = 128

_LEVEL = re.compile(r"granularity\s*:?\s*(?:level)?\s*([1-6])\b", re.IGNORECASE)
_FORMAT = re.compile(r"format\s*:\s*(" + "|".join(FORMATS) + r")\b", re.IGNORECASE)
_QUESTION = re.compile(r"question\s*:\s*(.*?)\s*(?:\n\s*\n|\Z)", re.IGNORECASE | re.DOTALL)


class BadCall(Exception):
    """A request that gets an OpenAI-style error body."""

    def __init__(self, status: int, message: str, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.status, self.param, self.code = status, param, code

    def body(self) -> bytes:
        return error_body(str(self), param=self.param, code=self.code)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the messages ask for."""

    question: str
    level: int
    format: str


def error_body(
    message: str, *, kind: str = "invalid_request_error", param: str | None = None, code: Any = None
) -> bytes:
    """The JSON of an error, as the OpenAI API words it."""
    return _json({"error": {"message": message, "type": kind, "param": param, "code": code}})


def models_body() -> bytes:
    """GET /v1/models."""
    data = [{"id": name, "object": "model", "created": 0, "owned_by": "cotdistill"} for name in MODELS]
    return _json({"object": "list", "data": data})


@lru_cache(maxsize=256)
def recipe_of(system: str) -> tuple[int, str]:
    """(level, format) that a system message asks for; what it does not say is the default."""
    level, format = _LEVEL.search(system), _FORMAT.search(system)
    return int(level[1]) if level else DEFAULT_LEVEL, format[1].lower() if format else DEFAULT_FORMAT


def question_of(user: str) -> str:
    """The question in a user message: the paragraph after "Question:", or the whole message without such a label."""
    found = _QUESTION.search(user)
    return found[1] if found else user.strip()


def complete(body: bytes, *, seed: int = 0, sloppy_share: float = SLOPPY_SHARE) -> bytes:
    """POST /v1/chat/completions. The same body always gets the same choices. Raises BadCall."""
    try:
        request = json.loads(body)
    except ValueError as error:
        raise BadCall(400, f"the body is not JSON: {error}") from error
    if not isinstance(request, dict):
        raise BadCall(400, "the body is not a JSON object")
    model = request.get("model")
    if not isinstance(model, str):
        raise BadCall(400, "you must provide a model parameter", param="model")
    if model not in MODELS:
        message = f"the model {model!r} does not exist. Known: {', '.join(MODELS)}"
        raise BadCall(404, message, param="model", code="model_not_found")
    if request.get("stream"):
        raise BadCall(400, "the built-in teacher does not stream; leave out stream", param="stream")
    n_choices = _integer(request, "n", 1, low=1, high=MAX_CHOICES)
    limit = _integer(request, "max_completion_tokens", 0, low=1) or _integer(request, "max_tokens", 0, low=1)
    request_seed = _integer(request, "seed", 0)
    system, user = _messages(request.get("messages"))
    level, format = recipe_of(system)
    asked = Asked(question_of(user), level, format)

    choices = []
    n_written = 0
    for index in range(n_choices):
        text = _answer(asked, model, seed_parts=(seed, model, request_seed, index), sloppy_share=sloppy_share)
        text, n_tokens, finish_reason = _cut(text, limit)
        n_written += n_tokens
        said = {"role": "assistant", "content": text, "refusal": None}
        choices.append({"index": index, "message": said, "logprobs": None, "finish_reason": finish_reason})
    n_read = _count_cached(system) + count_tokens(user)
    usage = {"prompt_tokens": n_read, "completion_tokens": n_written, "total_tokens": n_read + n_written}
    answer = {"object": "chat.completion", "created": int(time.time()), "model": model, "choices": choices}
    return _json({"id": f"chatcmpl-{_identity(body, seed)}", **answer, "usage": usage})


def _answer(asked: Asked, model: str, *, seed_parts: tuple[object, ...], sloppy_share: float) -> str:
    try:
        solution = solve(asked.question)
    except CannotSolve as reason:
        return f"I cannot solve this. {reason}"
    rng = seed_for(*seed_parts, asked.question, asked.level, asked.format)
    return write(solution, asked.level, asked.format, MODELS[model], rng, sloppy_share=sloppy_share)


def _cut(text: str, limit: int) -> tuple[str, int, str]:
    """(text, its tokens, finish reason), cut after `limit` tokens; 0 is no limit."""
    n_tokens = count_tokens(text)
    if not limit or n_tokens <= limit:
        return text, n_tokens, "stop"
    end = bisect_right(range(len(text) + 1), limit, key=lambda i: count_tokens(text[:i])) - 1
    return text[:end].rstrip(), limit, "length"


def _messages(messages: object) -> tuple[str, str]:
    """(all system text, the last user message)."""
    if not isinstance(messages, list) or not messages:
        raise BadCall(400, "messages must be a list of at least one message", param="messages")
    system: list[str] = []
    user = ""
    for i, message in enumerate(messages):
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            raise BadCall(400, f"messages[{i}] is not an object with a role", param=f"messages[{i}]")
        content = message.get("content")
        if isinstance(content, list):  # parts; only their text is read
            content = "".join(p.get("text") or "" for p in content if isinstance(p, dict))
        if not isinstance(content, str):
            raise BadCall(400, f"messages[{i}].content is not text", param=f"messages[{i}].content")
        if message["role"] in ("system", "developer"):
            system.append(content)
        elif message["role"] == "user":
            user = content
    return "\n".join(system), user


def _integer(
    request: Mapping[str, Any], name: str, default: int, low: int | None = None, high: int | None = None
) -> int:
    value = request.get(name)
    if value is None:
        return default
    if type(value) is not int or (low is not None and value < low) or (high is not None and value > high):
        raise BadCall(400, f"{name} must be a whole number in range, not {value!r}", param=name)
    return value


@lru_cache(maxsize=256)
def _count_cached(system: str) -> int:
    return count_tokens(system)


def _identity(body: bytes, seed: int) -> str:
    return hashlib.blake2b(body, digest_size=12, salt=(seed % 2**63).to_bytes(8, "big")).hexdigest()


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
