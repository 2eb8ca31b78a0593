"""What a client is, in two halves: an adapter knows one protocol and does no I/O; a transport moves bytes.

The SDKs are the reference (sdk_openai.py, sdk_gemini.py). The wire transport (wire.py) sends what they send, at a tenth
of their cost, and is the default because a contract test holds every adapter to its SDK: method, URL, headers that
matter, JSON body, and the error that each kind of response becomes.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol, Self

from ..errors import BadRequest, ConfigError, RateLimited, TeacherError, Unavailable
from ..tasks.values import Completion, Message, Sampling

Headers = Mapping[str, str]
Observer = Callable[[Headers], None]
# What no other request of this run can survive either: wrong key, no permission, no such model or URL.
FATAL_HTTP = frozenset({401, 403, 404})
FATAL_WORDS = {401: "the key was refused", 403: "not allowed", 404: "no such model or URL"}


@dataclass(frozen=True, slots=True)
class Request:
    """One POST: `url` is absolute, `body` is sent as JSON."""

    url: str
    headers: Headers
    body: Mapping[str, Any]


class Adapter(Protocol):
    """One provider's protocol. Pure: values in, values out."""

    model: str
    base_url: str

    def request(self, messages: Sequence[Message], sampling: Sampling) -> Request:
        """The request that asks for one completion."""
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


def status_error(base_url: str, model: str, code: int, said: str, headers: Headers) -> TeacherError | ConfigError:
    """The error of an HTTP status: one mapping for every provider and transport."""
    said = " ".join(said.split())[:300]
    if code in FATAL_HTTP:
        what = f"no model {model!r}" if code == 404 else FATAL_WORDS[code]
        return ConfigError(f"{base_url}: {what} (HTTP {code}): {said}. Next: cotdistill doctor")
    if code == 429:
        return RateLimited(said, http_status=code, retry_after_s=retry_after(headers))
    if code in (408, 409) or code >= 500:
        return Unavailable(said, http_status=code, retry_after_s=retry_after(headers))
    return BadRequest(said, http_status=code)


def retry_after(headers: Headers) -> float | None:
    """Seconds to wait by `retry-after-ms` or `retry-after`; None where there is neither, or a date."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            return max(0.0, float(headers.get(name, "")) * unit)
        except ValueError:
            continue
    return None
