"""What a batch service is: a provider's batch API, by its SDK, in the few words that the rest of the package needs.

Every batch carries our own tag (OpenAI: metadata and file name; Gemini: display name and file name). A submission that
was cut off may still arrive at the provider later. What makes that harmless is the input file: `withdraw` deletes it,
and a submission without its file is refused. So a tag that is not in the list after `withdraw` never will be.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Protocol, Self

from ..errors import ConfigError, TeacherError
from ..tasks.values import Completion, Message, Sampling
from .base import FATAL_HTTP, Adapter

RemoteState = Literal["open", "completed", "failed", "cancelled", "expired"]


@dataclass(frozen=True, slots=True)
class RemoteBatch:
    """A batch as the provider shows it. `tag` is ours, None for somebody else's; `said` the provider's word for the
    state; counts and `error` are None where it does not say; `files` hold results and errors, once it has ended."""

    id: str
    tag: str | None
    state: RemoteState
    said: str
    n_done: int | None = None
    n_failed: int | None = None
    error: str | None = None
    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LineResult:
    """One line of a result file. `status`: "ok" with a completion; else as an attempt's status, with what was said."""

    custom_id: str
    status: str
    completion: Completion | None = None
    http_status: int | None = None
    error: str | None = None


class BatchService(Protocol):
    """One account's batches. Errors: ConfigError (key, rights, model), else TeacherError."""

    max_requests: int
    max_bytes: int

    def line(self, custom_id: str, messages: Sequence[Message], sampling: Sampling) -> Mapping[str, Any]:
        """One request, as a line of the input file."""
        ...

    def read(self, line: Any) -> LineResult:
        """One line of a result file, decoded. ValueError when it is not what the protocol says."""
        ...

    def upload(self, path: Path, tag: str) -> str:
        """Upload an input file; returns its id."""
        ...

    def submit(self, file_id: str, tag: str) -> RemoteBatch:
        """Start a batch on an uploaded file. Asked once: an error leaves open whether there is a batch now."""
        ...

    def batches(self) -> Iterator[RemoteBatch]:
        """All batches of the account, whoever made them."""
        ...

    def get(self, batch_id: str) -> RemoteBatch | None:
        """One batch; None when the provider does not know it."""
        ...

    def withdraw(self, tag: str) -> None:
        """Delete every input file of `tag`, so that nothing can be submitted under it any more."""
        ...

    def download(self, file_id: str, path: Path) -> None:
        """Write a result file to `path`."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Closing:
    """A service whose SDK client is closed (`_close`) with its block."""

    _close: Callable[[], None]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()


def answered(adapter: Adapter, custom_id: str, body: Any) -> LineResult:
    """A line that holds a response: its completion, or the error that the adapter makes of it."""
    try:
        return LineResult(custom_id, "ok", adapter.parse(body), 200)
    except TeacherError as error:
        return LineResult(custom_id, error.status, None, 200, str(error))
    except ConfigError as error:
        return LineResult(custom_id, "failed", None, 200, str(error))


def http_failure(custom_id: str, code: int, said: str) -> LineResult:
    """A line that holds an HTTP status instead: the statuses of clients/base.py, for one request of many."""
    if code == 429:
        status = "rate_limited"
    elif code in (408, 409) or code >= 500:
        status = "unavailable"
    else:
        status = "failed" if code in FATAL_HTTP else "bad_request"
    return LineResult(custom_id, status, None, code, " ".join(said.split())[:500])
