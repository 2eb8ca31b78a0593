"""A loopback HTTP/1.1 server that writes down what it is sent and answers with what it was told to."""

import asyncio
import json
import threading
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Literal, Self

ECHO = b"@KEY@"  # replaced by the key that the request carried


@dataclass(frozen=True, slots=True)
class Canned:
    """One answer. `how`: "whole"; "cut": half of the promised body, then the connection ends; "closed": it ends before
    anything is said; "hang": nothing is said for as long as the caller stays."""

    status: int = 200
    body: bytes = b"{}"
    headers: tuple[tuple[str, str], ...] = (("content-type", "application/json"),)
    how: Literal["whole", "cut", "closed", "hang"] = "whole"

    @classmethod
    def of(cls, value: Any, status: int = 200, **headers: str) -> Self:
        """A JSON answer; `retry_after="7"` becomes the header retry-after."""
        more = tuple((name.replace("_", "-"), text) for name, text in headers.items())
        body = value if isinstance(value, bytes) else json.dumps(value, ensure_ascii=False).encode()
        return cls(status, body, (("content-type", "application/json"), *more))


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it came over the wire. Header names are in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def key(self) -> str:
        return self.headers.get("x-goog-api-key") or self.headers.get("authorization", "").removeprefix("Bearer ")


@dataclass(slots=True)
class CannedServer:
    """Runs in a thread while the block does. `answer` may be changed at any time; `received` grows."""

    answer: Canned = field(default_factory=Canned)
    received: list[Received] = field(default_factory=list)
    port: int = 0
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    _thread: threading.Thread | None = None
    _open: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        started = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(started,), daemon=True)
        self._thread.start()
        assert started.wait(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        assert self._thread is not None
        self._thread.join(10)
        self._loop.close()

    def _run(self, started: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._connected, "127.0.0.1", self.port))
        self.port = server.sockets[0].getsockname()[1]
        started.set()
        self._loop.run_forever()
        server.close()
        for task in self._open:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*self._open, return_exceptions=True))

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            while await self._converse(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._open.discard(task)
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request and its answer; whether the connection stays."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, target, _ = head[0].split(" ")
        headers = {name.lower(): text.strip() for name, _, text in (line.partition(":") for line in head[1:] if line)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        request = Received(method, target, headers, body)
        self.received.append(request)
        answer = self.answer
        if answer.how == "closed":
            return False
        if answer.how == "hang":
            await reader.read()
            return False
        is_json = ("content-type", "application/json") in answer.headers
        key = json.dumps(request.key)[1:-1] if is_json else request.key
        said = answer.body.replace(ECHO, key.encode())
        lines = [f"HTTP/1.1 {answer.status} Said", f"content-length: {len(said)}"]
        lines += [f"{name}: {text}" for name, text in answer.headers]
        writer.write("\r\n".join([*lines, "", ""]).encode())
        writer.write(said[: len(said) // 2] if answer.how == "cut" else said)
        await writer.drain()
        return answer.how == "whole"
