"""The built-in teacher as an HTTP/1.1 server on loopback that speaks the OpenAI chat-completions protocol.

    POST /v1/chat/completions    GET /v1/models    GET /health

`serve` runs it in this process; `start_server` (background.py) in another. `python -m cotdistill.gen.builtin.server`
prints one JSON line with its port once it listens.
"""

import argparse
import asyncio
import contextlib
import hashlib
import json
import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h11

from ...errors import ConfigError, Error
from . import wire
from .background import RunningServer, start_server
from .faults import Faults, parse_faults
from .writer import SLOPPY_SHARE

__all__ = ["RunningServer", "main", "serve", "start_server"]

_MAX_BODY = 4 << 20
_BACKLOG = 2048


@dataclass(slots=True)
class _Service:
    seed: int
    sloppy_share: float
    faults: Faults
    log_fd: int | None

    def log(self, event: str, body_hash: str, **more: object) -> None:
        """One line of the request log, written through at once."""
        if self.log_fd is not None:
            line = json.dumps({"time": time.time(), "request": body_hash, "event": event, **more})
            os.write(self.log_fd, f"{line}\n".encode())

    def respond(self, method: str, path: str, body: bytes) -> tuple[int, bytes]:
        """Status and body of a healthy answer."""
        path = path.partition("?")[0].rstrip("/")
        try:
            if path.endswith("/chat/completions"):
                _expect("POST", method)
                return 200, wire.complete(body, seed=self.seed, sloppy_share=self.sloppy_share)
            if path.endswith("/models"):
                _expect("GET", method)
                return 200, wire.models_body()
            if path == "/health":
                _expect("GET", method)
                return 200, b'{"status":"ok"}'
        except wire.BadCall as error:
            return error.status, error.body()
        except Exception:
            logging.getLogger(__name__).exception("%s %s failed", method, path)
            return 500, wire.error_body("the built-in teacher failed on this request", kind="server_error")
        return 404, wire.error_body(f"no such path: {path}. Known: /v1/chat/completions, /v1/models, /health")


def _expect(wanted: str, method: str) -> None:
    if method != wanted:
        raise wire.BadCall(405, f"method {method} is not allowed here; use {wanted}")


async def serve(
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    seed: int = 0,
    sloppy_share: float = SLOPPY_SHARE,
    faults: str | None = None,
    log: Path | None = None,
    ready: Callable[[str], None] | None = None,
) -> None:
    """Serve until cancelled. `ready` is called with the base URL ("http://127.0.0.1:PORT/v1") once the port is open.

    `faults`: see faults.py. `log`: a JSON line per event: "open" when a completion request was read whole, "billed"
    with its usage when it has an answer, "answered" when that was written whole, "failed" when it met a fault.
    ConfigError: the port cannot be opened.
    """
    log_fd = None if log is None else os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    service = _Service(seed, sloppy_share, parse_faults(faults, seed), log_fd)
    open_connections: set[asyncio.StreamWriter] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_connections.add(writer)
        try:
            await _converse(service, reader, writer)
        except (ConnectionError, TimeoutError, asyncio.CancelledError):
            pass  # the caller went away, or the server stops: nobody is left to be told
        finally:
            open_connections.discard(writer)
            writer.close()

    try:
        server = await asyncio.start_server(connected, host, port, backlog=_BACKLOG)
    except OSError as error:
        raise ConfigError(f"cannot listen on {host}:{port}: {error}. Next: another --port, or 0 for any") from error
    try:
        if ready is not None:
            ready(f"http://{host}:{server.sockets[0].getsockname()[1]}/v1")
        await server.serve_forever()
    finally:
        server.close()
        for writer in list(open_connections):
            writer.close()
        if log_fd is not None:
            os.close(log_fd)


async def _converse(service: _Service, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer the requests of one connection, one after the other, until either side closes it."""
    connection = h11.Connection(h11.SERVER)
    while True:
        try:
            got = await _receive(connection, reader)
        except h11.RemoteProtocolError as error:
            with contextlib.suppress(h11.LocalProtocolError):
                _send(connection, writer, error.error_status_hint, wire.error_body(f"bad request: {error}"), close=True)
            return
        if got is None:
            return
        request, body = got
        path = request.target.decode("latin-1")
        is_call = path.startswith("/v1/chat/")
        body_hash = hashlib.blake2b(body, digest_size=16).hexdigest() if is_call and service.log_fd is not None else ""
        if is_call:
            service.log("open", body_hash)
        fault = service.faults.next() if is_call else None
        if is_call and service.faults.latency_s:
            await asyncio.sleep(service.faults.latency_s)
        if fault is not None:
            if not await _fail(service, fault, connection, reader, writer, body):
                service.log("failed", body_hash, fault=fault)
                return
            await writer.drain()
            service.log("failed", body_hash, fault=fault)
        else:
            status, answer = service.respond(request.method.decode(), path, body)
            if is_call and status == 200 and service.log_fd is not None:
                service.log("billed", body_hash, **json.loads(answer)["usage"])
            _send(connection, writer, status, answer)
            await writer.drain()
            if is_call:
                service.log("answered", body_hash, status=status)
        if connection.our_state is not h11.DONE or connection.their_state is not h11.DONE:
            return
        connection.start_next_cycle()


async def _receive(connection: h11.Connection, reader: asyncio.StreamReader) -> tuple[h11.Request, bytes] | None:
    """The next request with its whole body; None when the caller closed the connection."""
    request: h11.Request | None = None
    parts: list[bytes] = []
    size = 0
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await reader.read(65536))
        elif isinstance(event, h11.Request):
            request = event
        elif isinstance(event, h11.Data):
            size += len(event.data)
            if size > _MAX_BODY:
                raise h11.RemoteProtocolError(f"body over {_MAX_BODY} bytes", error_status_hint=413)
            parts.append(bytes(event.data))
        elif isinstance(event, h11.EndOfMessage) and request is not None:
            return request, b"".join(parts)
        else:  # closed, or a protocol this server does not speak
            return None


def _send(
    connection: h11.Connection,
    writer: asyncio.StreamWriter,
    status: int,
    body: bytes,
    *,
    more: list[tuple[bytes, bytes]] | None = None,
    close: bool = False,
) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body)), *(more or [])]
    if close:
        headers.append((b"connection", b"close"))
    data = connection.send(h11.Response(status_code=status, headers=headers)) or b""
    data += connection.send(h11.Data(data=body)) or b""
    writer.write(data + (connection.send(h11.EndOfMessage()) or b""))


async def _fail(
    service: _Service,
    fault: str,
    connection: h11.Connection,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    body: bytes,
) -> bool:
    """Make the fault happen. False: the connection is of no use afterwards."""
    if fault == "hang":
        while await reader.read(65536):
            pass
        return False
    if fault.isdecimal():
        kind = "rate_limit_error" if fault == "429" else "server_error"
        more = [(b"retry-after", b"1")] if fault in ("429", "503") else []
        _send(connection, writer, int(fault), wire.error_body("a fault on order", kind=kind, code=fault), more=more)
        return True
    status, answer = service.respond("POST", "/v1/chat/completions", body)
    half = answer[: len(answer) // 2]
    if fault == "garbled":
        _send(connection, writer, status, half)
        return True
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(answer))]
    data = connection.send(h11.Response(status_code=status, headers=headers)) or b""
    writer.write(data + half)
    await writer.drain()
    return False


def _exit_with_parent() -> None:
    """End this process when its standard input closes, as it does when the parent dies."""

    def watch() -> None:
        while os.read(0, 4096):
            pass
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()


def main(arguments: list[str] | None = None) -> int:
    """Entry point of the server process."""
    parser = argparse.ArgumentParser(description="The built-in teacher's HTTP server.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sloppy-share", type=float, default=SLOPPY_SHARE)
    parser.add_argument("--faults")
    parser.add_argument("--log", type=Path)
    parser.add_argument("--exit-with-parent", action="store_true")
    options: dict[str, Any] = vars(parser.parse_args(arguments))
    if options.pop("exit_with_parent"):
        _exit_with_parent()

    def ready(base_url: str) -> None:
        print(
            json.dumps({"base_url": base_url, "port": int(base_url.rsplit(":", 1)[1].removesuffix("/v1"))}), flush=True
        )

    try:
        asyncio.run(serve(**options, ready=ready))
    except KeyboardInterrupt:
        pass
    except Error as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
