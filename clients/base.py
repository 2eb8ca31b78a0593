"""What a client is, in two halves: an adapter knows one protocol and does no I/O; a transport moves bytes.

The SDKs are the reference (sdk_openai.py, sdk_gemini.py). The wire transport (wire.py) sends what they send, at a tenth
of their cost, and is the default because a contract test holds every adapter to its SDK: method, URL, headers that
matter, JSON body, and the error that each kind of response becomes.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Protocol, Self

from ..errors import BadReply, BadRequest, ConfigError, RateLimited, TeacherError, Unavailable
from ..tasks.values import Completion, Message, Sampling
from .said import SHORTEST_KEY, Said, read_error, redact, retry_after

Headers = Mapping[str, str]
Observer = Callable[[Headers], None]

# What no other request of this run can survive either: wrong key, no credit, no rights, no such model or URL.
FATAL_HTTP = frozenset({401, 402, 403, 404})
FATAL_WORDS = {401: "the key was refused", 402: "the account has no credit left", 403: "not allowed"}
NO_CREDIT = frozenset({"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"})
DEPLETED = "credits are depleted"  # Gemini's prepaid accounts say it in words only, with status 429
BAD_KEY = frozenset({"api_key_invalid", "invalid_api_key"})


@dataclass(frozen=True, slots=True)
class Request:
    """One POST: `url` is absolute, `body` is sent as JSON."""

    url: str
    headers: Headers
    body: Mapping[str, Any]


class Adapter(Protocol):
    """One provider's protocol. Pure: values in, values out. `api_key` is there to be kept out of error texts."""

    model: str
    base_url: str
    api_key: str

    def request(self, messages: Sequence[Message], sampling: Sampling) -> Request:
        """The request that asks for one completion. ConfigError: the model does not take this sampling."""
        ...

    def parse(self, body: Any) -> Completion:
        """The completion in a successful response's JSON. BadReply when it is not there."""
        ...


class Client(Protocol):
    """Asks one model. `complete` may be called concurrently.

    RateLimited, Unavailable, BadReply: transient. BadRequest: this prompt was rejected. ConfigError: no request of this
    run can succeed (key, rights, model, URL).
    """

    model: str
    base_url: str

    async def complete(self, messages: Sequence[Message], sampling: Sampling) -> Completion:
        """Ask once."""
        ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def completion_of(adapter: Adapter, status: int, headers: Headers, body: bytes) -> Completion:
    """The completion in a response, or the error that it is. A key that a server echoes is cut out."""
    if not 200 <= status < 300:
        raise status_error(adapter.base_url, adapter.model, status, read_error(body), headers, adapter.api_key)
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        raise BadReply(f"{adapter.base_url}: a reply that is no JSON ({len(body)} bytes)") from None
    try:
        got = adapter.parse(parsed)
    except TeacherError as error:
        error.args = (redact(str(error), adapter.api_key),)
        raise
    return _without(got, adapter.api_key)


def _without(got: Completion, key: str) -> Completion:
    """The completion with the key cut out of every text that holds it."""
    texts = (got.text, got.reasoning, got.finish_reason, got.served_model)
    if len(key) < SHORTEST_KEY or not any(key in text for text in texts if text):
        return got
    text, reasoning, reason, model = (part and redact(part, key) for part in texts)
    return replace(got, text=text or "", reasoning=reasoning, finish_reason=reason, served_model=model)


def status_error(
    base_url: str, model: str, code: int, said: Said | str, headers: Headers, api_key: str = ""
) -> TeacherError | ConfigError:
    """The error of an HTTP status that is no success: one mapping for every provider and transport."""
    said = Said(said) if isinstance(said, str) else said
    words = " ".join(redact(said.message, api_key).split())[:300]
    if why := _fatal(model, code, said):
        return ConfigError(f"{base_url}: {why} (HTTP {code}): {words}. Next: cotdistill doctor")
    wait = retry_after(headers)
    wait = said.retry_after_s if wait is None else wait
    if code == 429:
        return RateLimited(words, http_status=code, retry_after_s=wait)
    if code in (408, 409) or code >= 500:
        return Unavailable(words, http_status=code, retry_after_s=wait)
    return BadRequest(words, http_status=code)


def _fatal(model: str, code: int, said: Said) -> str | None:
    if said.codes & NO_CREDIT or (code == 429 and DEPLETED in said.message.lower()):
        return "the account has no credit left"
    if said.codes & BAD_KEY:
        return "the key was refused"
    if code == 404:
        return f"no model {model!r}"
    if code == 400 and "failed_precondition" in said.codes:  # Gemini: this country, or billing is off
        return "not allowed"
    if 300 <= code < 400:
        return "the URL leads elsewhere, give the final one"
    return None if said.moderated else FATAL_WORDS.get(code)
