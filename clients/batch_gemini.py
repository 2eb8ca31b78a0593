"""Gemini's Batch API through google-genai: JSONL file, batchGenerateContent, responses file.

Always by file, never inline (which Gemini offers below 20 MB): a file can be deleted, and that is what keeps a
submission that was cut off from arriving later (batch_base). Limit: 2 GB a file. The limit of requests is ours: a batch
that fails or expires takes no more than that with it.
"""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import ConfigError, TeacherError, Unavailable
from ..tasks.values import Message, Sampling
from .base import status_error
from .batch_base import Closing, LineResult, RemoteBatch, RemoteState, answered, http_failure
from .gemini import GeminiAdapter
from .said import redact

PREFIX = "cotdistill-"
STATES: Mapping[str, RemoteState] = {
    "JOB_STATE_SUCCEEDED": "completed",
    "JOB_STATE_PARTIALLY_SUCCEEDED": "completed",
    "JOB_STATE_FAILED": "failed",
    "JOB_STATE_CANCELLED": "cancelled",
    "JOB_STATE_EXPIRED": "expired",
}
# google.rpc.Code -> HTTP (googleapis, google/rpc/code.proto): the errors of single lines are RPC statuses.
RPC = {1: 499, 2: 500, 3: 400, 4: 504, 5: 404, 6: 409, 7: 403, 8: 429, 9: 400, 10: 409, 11: 400, 12: 501, 13: 500,
       14: 503, 15: 500, 16: 401}  # fmt: skip


class GeminiBatches(Closing):
    """Batches of one Gemini model."""

    max_requests = 50_000
    max_bytes = 2_000_000_000

    def __init__(self, adapter: GeminiAdapter, *, deadline_s: float = 600.0) -> None:
        from google import genai
        from google.genai import types

        self.adapter = adapter
        options = types.HttpOptions(base_url=adapter.root, api_version=adapter.version, timeout=int(deadline_s * 1000))
        self._sdk = genai.Client(vertexai=False, api_key=adapter.api_key, http_options=options)
        self._close = self._sdk.close

    def line(self, custom_id: str, messages: Sequence[Message], sampling: Sampling) -> Mapping[str, Any]:
        """key, request."""
        return {"key": custom_id, "request": self.adapter.request(messages, sampling).body}

    def read(self, line: Any) -> LineResult:
        """A line of the responses file: key with `response`, or with an RPC status under `error`."""
        try:
            key, response, error = line["key"], line.get("response"), line.get("error")
            if not isinstance(key, str):
                raise TypeError("key")
            if response is not None:
                return answered(self.adapter, key, response)
            if error is not None:
                code = int(error.get("code") or 2)
                return http_failure(
                    key, RPC.get(code, code if code >= 100 else 500), str(error.get("message") or error)
                )
        except (KeyError, TypeError, AttributeError, ValueError) as wrong:
            raise ValueError(f"not a line of a batch result: {wrong}") from wrong
        raise ValueError("not a line of a batch result: neither response nor error")

    def upload(self, path: Path, tag: str) -> str:
        config: Any = {"name": _file_id(tag), "display_name": PREFIX + tag, "mime_type": "jsonl"}
        with self._errors():
            name = self._sdk.files.upload(file=path, config=config).name
        if not name:
            raise Unavailable(f"{self.adapter.base_url}: an upload without a file name")
        return name

    def submit(self, file_id: str, tag: str) -> RemoteBatch:
        with self._errors():
            made = self._sdk.batches.create(
                model=self.adapter.model, src=file_id, config={"display_name": PREFIX + tag}
            )
        return _remote(made)

    def batches(self) -> Iterator[RemoteBatch]:
        with self._errors():
            for job in self._sdk.batches.list(config={"page_size": 100}):
                yield _remote(job)

    def get(self, batch_id: str) -> RemoteBatch | None:
        from google.genai import errors

        with self._errors():
            try:
                return _remote(self._sdk.batches.get(name=batch_id))
            except errors.APIError as error:
                if error.code == 404:
                    return None
                raise

    def withdraw(self, tag: str) -> None:
        from google.genai import errors

        with self._errors():
            try:
                self._sdk.files.delete(name=_file_id(tag))
            except errors.APIError as error:
                if error.code not in (403, 404):  # 403 is how Gemini says that there is no such file
                    raise

    def download(self, file_id: str, path: Path) -> None:
        with self._errors():
            self._sdk.files.download(file=file_id, destination=path)

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        from google.genai import errors

        at, key = self.adapter, self.adapter.api_key
        try:
            yield
        except errors.APIError as error:  # its text may hold the key: not chained
            headers = getattr(error.response, "headers", None) or {}
            code, said = int(error.code or 500), str(error.message or error)
            raise status_error(at.base_url, at.model, code, said, headers, key) from None
        except (TeacherError, ConfigError):
            raise
        except Exception as error:  # the SDK lets its transport's own errors through, and KeyError of a bad upload
            raise Unavailable(f"{at.base_url}: {type(error).__name__}: {redact(str(error), key)}") from None


def _file_id(tag: str) -> str:
    """At most 40 characters of a-z, 0-9 and dashes (File API)."""
    return f"files/cd-{tag}"


def _remote(job: Any) -> RemoteBatch:
    name = job.display_name or ""
    said = job.state.name if job.state is not None else "JOB_STATE_UNSPECIFIED"
    out = job.dest.file_name if job.dest is not None else None
    return RemoteBatch(
        id=job.name,
        tag=name.removeprefix(PREFIX) if name.startswith(PREFIX) else None,
        state=STATES.get(said, "open"),
        said=said.removeprefix("JOB_STATE_").lower(),
        error=job.error.message if job.error is not None else None,
        files=(out,) if out else (),
    )
