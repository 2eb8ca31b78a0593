"""What a provider says when it says no: the words and codes of an error body, how long to wait, and no key among them.

Error bodies: OpenAI {"error": {"message", "type", "code"}} (compatible servers also at the top level), Google
{"error": {"message", "status", "details": [ErrorInfo.reason, RetryInfo.retryDelay]}}, sometimes inside a list.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote

MAX_ERROR_BYTES = 65_536
SHORTEST_KEY = 6
BEARER = re.compile(r"(?i)\b(bearer\s+|x-goog-api-key\W{1,4})[^\s\"',}\\]+")


@dataclass(frozen=True, slots=True)
class Said:
    """What an error body says. `codes` are its machine words in lower case: OpenAI's type and code, Google's status and
    reasons. `moderated`: a router's filter turned the prompt away (OpenRouter: 403 with the reasons)."""

    message: str
    codes: frozenset[str] = frozenset()
    retry_after_s: float | None = None
    moderated: bool = False


def read_error(body: bytes) -> Said:
    """What an error body says; its first characters where it is not JSON of a known shape."""
    text = body[:MAX_ERROR_BYTES].decode("utf-8", "replace")
    try:
        found: Any = json.loads(text)
    except (ValueError, RecursionError):
        return Said(text)
    if isinstance(found, list) and found:  # Google wraps some errors in a list
        found = found[0]
    if not isinstance(found, dict):
        return Said(text)
    error = found.get("error", found)
    if not isinstance(error, dict):
        return Said(str(error))
    details = [d for d in _list(error.get("details")) if isinstance(d, dict)]
    words = [error.get("code"), error.get("type"), error.get("status"), *(d.get("reason") for d in details)]
    meta = error.get("metadata")
    return Said(
        message=str(error.get("message") or text),
        codes=frozenset(word.lower() for word in words if isinstance(word, str)),
        retry_after_s=next(_delays(details), None),
        moderated=isinstance(meta, dict) and "flagged_input" in meta,
    )


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait by `retry-after-ms` or `retry-after` (seconds, or a date, from the response's own `date` on);
    None where there is neither."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, "")) * unit
        except ValueError:
            continue
        if math.isfinite(seconds):
            return max(0.0, seconds)
    try:
        until = parsedate_to_datetime(headers.get("retry-after", ""))
        return max(0.0, (until - parsedate_to_datetime(headers.get("date", ""))).total_seconds())
    except (ValueError, TypeError):  # no dates, or one of them without its zone
        return None


def redact(text: str, api_key: str) -> str:
    """The text without the key, however it was quoted, and without any bearer token."""
    if len(api_key) >= SHORTEST_KEY:
        for form in {api_key, quote(api_key), quote(api_key, safe=""), json.dumps(api_key)[1:-1]}:
            text = text.replace(form, "[key]")
    return BEARER.sub(r"\1[key]", text)


def _delays(details: list[dict[str, Any]]) -> Iterator[float]:
    """RetryInfo.retryDelay, a protobuf Duration: "36s", "1.5s"."""
    for detail in details:
        if delay := re.fullmatch(r"(\d+(?:\.\d+)?)s", str(detail.get("retryDelay"))):
            yield float(delay[1])


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
