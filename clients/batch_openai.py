"""OpenAI's Batch API through the openai SDK: JSONL file, batch, result file.

Limits: 50,000 requests and 200 MB a file (API reference, "Create batch"). The SDK's retries are off for what changes
something: a create that timed out may have worked.
"""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import TeacherError, Unavailable
from ..tasks.values import Message, Sampling
from .base import Adapter, status_error
from .batch_base import Closing, LineResult, RemoteBatch, RemoteState, answered, http_failure
from .said import redact

TAG = "cotdistill_batch"
STATES: Mapping[str, RemoteState] = {
    "completed": "completed",
    "failed": "failed",
    "cancelled": "cancelled",
    "expired": "expired",
}
# Error codes of a line that was never run, or did not come to its end.
LINE_ERRORS = {"batch_expired": "expired", "batch_cancelled": "cancelled", "request_timeout": "unavailable"}


class OpenAIBatches(Closing):
    """Batches of one endpoint (chat completions or responses, as the adapter speaks)."""

    max_requests = 50_000
    max_bytes = 200_000_000

    def __init__(self, adapter: Adapter, *, deadline_s: float = 600.0) -> None:
        import openai

        self.adapter = adapter
        self._sdk = openai.OpenAI(
            base_url=adapter.base_url, api_key=adapter.api_key, timeout=openai.Timeout(deadline_s, connect=15.0)
        )
        self._close = self._sdk.close
        self._once = self._sdk.with_options(max_retries=0)

    def line(self, custom_id: str, messages: Sequence[Message], sampling: Sampling) -> Mapping[str, Any]:
        """custom_id, method, url, body."""
        request = self.adapter.request(messages, sampling)
        return {"custom_id": custom_id, "method": "POST", "url": self._endpoint(request.url), "body": request.body}

    def read(self, line: Any) -> LineResult:
        """A line of the output file (`response`) or of the error file (`error`, or a `response` with its status)."""
        try:
            custom_id, response, error = line["custom_id"], line.get("response"), line.get("error")
            if not isinstance(custom_id, str):
                raise TypeError("custom_id")
            if response is not None:
                code, body = int(response["status_code"]), response.get("body")
                if 200 <= code < 300:
                    return answered(self.adapter, custom_id, body)
                said = body.get("error", body) if isinstance(body, Mapping) else body
                return http_failure(custom_id, code, redact(_words(said), self.adapter.api_key))
            if error is not None:
                status = LINE_ERRORS.get(str(error.get("code")), "failed")
                return LineResult(custom_id, status, error=_words(error))
        except (KeyError, TypeError, AttributeError, ValueError) as wrong:
            raise ValueError(f"not a line of a batch result: {wrong}") from wrong
        raise ValueError("not a line of a batch result: neither response nor error")

    def upload(self, path: Path, tag: str) -> str:
        with self._errors(), path.open("rb") as file:
            return self._once.files.create(file=(_file_name(tag), file), purpose="batch").id

    def submit(self, file_id: str, tag: str) -> RemoteBatch:
        endpoint: Any = self._endpoint(self.adapter.request((Message("user", ""),), Sampling()).url)
        with self._errors():
            made = self._once.batches.create(
                completion_window="24h", endpoint=endpoint, input_file_id=file_id, metadata={TAG: tag}
            )
        return _remote(made)

    def batches(self) -> Iterator[RemoteBatch]:
        with self._errors():
            for batch in self._sdk.batches.list(limit=100):
                yield _remote(batch)

    def get(self, batch_id: str) -> RemoteBatch | None:
        import openai

        with self._errors():
            try:
                return _remote(self._sdk.batches.retrieve(batch_id))
            except openai.NotFoundError:
                return None

    def withdraw(self, tag: str) -> None:
        import openai

        with self._errors():
            for file in self._sdk.files.list(purpose="batch"):
                if file.filename == _file_name(tag):
                    with contextlib.suppress(openai.NotFoundError):  # somebody else was faster
                        self._once.files.delete(file.id)

    def download(self, file_id: str, path: Path) -> None:
        with self._errors(), self._sdk.files.with_streaming_response.content(file_id) as response:
            response.stream_to_file(path)

    def _endpoint(self, url: str) -> str:
        return "/v1" + url.removeprefix(self.adapter.base_url)

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        import openai

        at, key = self.adapter, self.adapter.api_key
        try:
            yield
        except openai.APIStatusError as error:  # its text may hold the key: not chained
            code, headers = error.status_code, error.response.headers
            raise status_error(at.base_url, at.model, code, _words(error.body), headers, key) from None
        except TeacherError:
            raise
        except Exception as error:  # while a body streams, the SDK lets its transport's own errors through
            raise Unavailable(f"{at.base_url}: {type(error).__name__}: {redact(str(error), key)}") from None


def _file_name(tag: str) -> str:
    return f"cotdistill-{tag}.jsonl"


def _words(said: Any) -> str:
    message = said.get("message") if isinstance(said, Mapping) else said
    return str(message or said or "no reason given")


def _remote(batch: Any) -> RemoteBatch:
    counts, errors = batch.request_counts, batch.errors
    said = [f"{e.code}: {e.message}" for e in (errors.data or [])[:3]] if errors is not None else []
    return RemoteBatch(
        id=batch.id,
        tag=(batch.metadata or {}).get(TAG),
        state=STATES.get(batch.status, "open"),
        said=batch.status,
        n_done=counts.completed if counts is not None else None,
        n_failed=counts.failed if counts is not None else None,
        error="; ".join(said) or None,
        files=tuple(f for f in (batch.output_file_id, batch.error_file_id) if f),
    )
