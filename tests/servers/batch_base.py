"""A provider's batch API on loopback: what both dialects share. Files, batches, a lifecycle that the test drives, and a
record of everything that was accepted, which is what the tests judge by.

`before` and `after` say how many seconds to wait before a change is made and before it is answered: a client killed in
between leaves a change that it does not know of, or one that is still to come.
"""

import json
import random
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

OPEN = ("validating", "in_progress", "finalizing")


@dataclass
class File:
    """An uploaded or a result file."""

    id: str
    name: str
    data: bytes
    deleted: bool = False


@dataclass
class Batch:
    """One accepted batch. `keys` are its requests in the order of the input file."""

    id: str
    tag: str | None
    requests: dict[str, Any]
    status: str = "validating"
    n_done: int = 0
    n_failed: int = 0
    out: str | None = None
    errors: str | None = None
    problem: tuple[str, str] | None = None
    created: int = field(default_factory=lambda: int(time.time()))

    @property
    def keys(self) -> list[str]:
        return list(self.requests)


class Provider:
    """The state behind one fake server, and the test's handle on it."""

    def __init__(self, seed: int = 0) -> None:
        self.lock = threading.RLock()
        self.files: dict[str, File] = {}
        self.batches: dict[str, Batch] = {}
        self.refused: list[str] = []
        self.faults: list[str] = []
        self.requests: list[tuple[str, str]] = []
        self.before: Callable[[], float] = lambda: 0.0
        self.after: Callable[[], float] = lambda: 0.0
        self.trickle_s = 0.0
        self.page = 3
        self.fail_next: list[tuple[str, int]] = []
        self.drop_next: list[str] = []
        self.on_poll: Callable[[Batch], None] = lambda batch: None
        self._random = random.Random(seed)
        self._count = 0

    # What a test asks and does

    def living(self) -> list[Batch]:
        """Batches that ran or will run: every one but those that failed as a whole."""
        return [batch for batch in self.batches.values() if batch.status != "failed"]

    def times_asked(self) -> dict[str, int]:
        """How many living batches ask for each key."""
        counts: dict[str, int] = {}
        for batch in self.living():
            for key in batch.keys:
                counts[key] = counts.get(key, 0) + 1
        return counts

    def finish(
        self,
        batch: Batch,
        status: str = "completed",
        *,
        share: float = 1.0,
        extra: tuple[bytes, ...] = (),
        failing: dict[str, tuple[int, str]] | None = None,
        skip: tuple[str, ...] = (),
    ) -> list[str]:
        """End a batch with results for `share` of its requests, in another order. Returns the keys that were answered.

        `extra` lines are put among the results; `failing` keys get a status and a message; `skip` keys get nothing.
        """
        with self.lock:
            failing = failing or {}
            keys = [key for key in batch.keys if key not in failing and key not in skip]
            self._random.shuffle(keys)
            answered, rest = keys[: round(len(keys) * share)], keys[round(len(keys) * share) :]
            lines = [self.result_line(key, batch.requests[key]) for key in answered]
            lines += list(extra)
            self._random.shuffle(lines)
            bad = [self.error_line(key, *failing[key]) for key in failing]
            bad += [line for key in rest if (line := self.unrun_line(key, status)) is not None]
            batch.n_done, batch.n_failed = len(answered), len(failing)
            self.publish(batch, lines, bad)
            batch.status = status
            return answered

    def fail(self, batch: Batch, code: str = "token_limit_exceeded", message: str = "Enqueued token limit.") -> None:
        """End a batch before it ran."""
        batch.status, batch.problem = "failed", (code, message)

    def add_file(self, name: str, data: bytes, file_id: str | None = None) -> File:
        with self.lock:
            self._count += 1
            file = File(file_id or f"file-{self._count:06d}", name, data)
            self.files[file.id] = file
            return file

    def new_batch(self, tag: str | None, requests: dict[str, Any], prefix: str) -> Batch:
        self._count += 1
        batch = Batch(f"{prefix}{self._count:06d}", tag, requests)
        self.batches[batch.id] = batch
        return batch

    def tick(self, batch: Batch) -> None:
        """A poll came in: the test may move the batch on."""
        self.on_poll(batch)

    # What a dialect says

    def result_line(self, key: str, request: Any) -> bytes:
        raise NotImplementedError

    def error_line(self, key: str, code: int, message: str) -> bytes:
        raise NotImplementedError

    def unrun_line(self, key: str, status: str) -> bytes | None:
        raise NotImplementedError

    def publish(self, batch: Batch, lines: list[bytes], errors: list[bytes]) -> None:
        raise NotImplementedError

    def handle(self, call: "Call") -> None:
        raise NotImplementedError


def run_until_complete(provider: Provider, polls: int = 2, **how: Any) -> Callable[[Batch], None]:
    """An `on_poll` that moves each batch on at every poll and completes it after `polls` of them."""
    seen: dict[str, int] = {}

    def poll(batch: Batch) -> None:
        seen[batch.id] = seen.get(batch.id, 0) + 1
        if batch.status in OPEN:
            if seen[batch.id] >= polls:
                provider.finish(batch, **how)
            else:
                batch.status = "in_progress"

    return poll


class Call(BaseHTTPRequestHandler):
    """One request. Dialects read `path`, `query` and `body` and answer with `send`."""

    protocol_version = "HTTP/1.1"
    provider: Provider
    timeout = 30

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def run(self) -> None:
        from urllib.parse import parse_qs, urlsplit

        parts = urlsplit(self.path)
        self.route = parts.path
        self.query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        try:
            self.body = self._read_body()
        except (ValueError, ConnectionError):
            self.close_connection = True  # its sender died in the middle: no request was made
            return
        name = f"{self.command} {self.route}"
        self.provider.requests.append((self.command, self.route))
        time.sleep(self.provider.before())
        for i, (match, code) in enumerate(self.provider.fail_next):
            if match in name:
                del self.provider.fail_next[i]
                key = self.headers.get("Authorization") or self.headers.get("x-goog-api-key")
                self.send({"error": {"message": f"told to fail with {code}, key {key}", "code": code}}, code)
                return
        self.provider.handle(self)

    do_GET = do_POST = do_DELETE = run

    def _read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            body = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body
        size = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(size)
        if len(body) < size:
            raise ConnectionResetError(f"{len(body)} of {size} bytes came")
        return body

    def send(self, value: Any, code: int = 200, headers: dict[str, str] | None = None) -> None:
        """A JSON answer; or none at all, the connection cut, where the test said so."""
        time.sleep(self.provider.after())
        for i, match in enumerate(self.provider.drop_next):
            if match in f"{self.command} {self.route}":
                del self.provider.drop_next[i]
                self.close_connection = True
                return
        data = json.dumps(value).encode()
        self._head(code, len(data), {"Content-Type": "application/json"} | (headers or {}))
        self.wfile.write(data)

    def send_file(self, data: bytes) -> None:
        """A result file, in pieces."""
        self._head(200, len(data), {"Content-Type": "application/octet-stream"})
        step = max(1, len(data) // 20)
        for start in range(0, len(data), step):
            self.wfile.write(data[start : start + step])
            time.sleep(self.provider.trickle_s)

    def _head(self, code: int, length: int, headers: dict[str, str]) -> None:
        self.send_response(code)
        self.send_header("Content-Length", str(length))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    provider: Provider

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was killed is part of the game; anything else is a fault of this server or of a request."""
        error = sys.exception()
        if not isinstance(error, ConnectionError | TimeoutError):
            self.provider.faults.append("".join(traceback.format_exception(error)))


@contextmanager
def serving(provider: Provider) -> Iterator[str]:
    """The provider on a free port of loopback; yields http://127.0.0.1:PORT."""
    handler = type("Handler", (Call,), {"provider": provider})
    server = _Server(("127.0.0.1", 0), handler)
    server.provider = provider
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert not provider.faults, provider.faults[0]
