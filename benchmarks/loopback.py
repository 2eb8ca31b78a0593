"""An OpenAI chat-completions server for benchmarks: one canned answer after a fixed latency, with as little work as
possible. A process of its own (`python loopback.py LATENCY_S`): its work is no client's. It prints its port.
"""

import asyncio
import contextlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator

TEXT = "We add what came to what was there: 4 + 16 = 20. " * 8 + "The answer is 20."
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


def _response() -> bytes:
    body = json.dumps(
        {
            "id": "chatcmpl-bench",
            "object": "chat.completion",
            "created": 0,
            "model": "bench",
            "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": TEXT}}],
            "usage": {"prompt_tokens": 300, "completion_tokens": 120, "total_tokens": 420},
        }
    ).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


class _Answers(asyncio.Protocol):
    """One connection: requests are read whole, one after the other, and answered after the latency."""

    def __init__(self, latency_s: float) -> None:
        self.latency_s, self.response, self.waiting = latency_s, _response(), b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.waiting += data
        while (end := self.waiting.find(b"\r\n\r\n")) >= 0:
            found = _LENGTH.search(self.waiting, 0, end)
            size = end + 4 + (int(found[1]) if found else 0)
            if len(self.waiting) < size:
                return
            self.waiting = self.waiting[size:]
            if self.latency_s:
                asyncio.get_running_loop().call_later(self.latency_s, self.answer)
            else:
                self.answer()

    def answer(self) -> None:
        if not self.transport.is_closing():
            self.transport.write(self.response)


async def _serve(latency_s: float) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: _Answers(latency_s), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextlib.contextmanager
def running(latency_s: float) -> Iterator[str]:
    """The base URL of a server that lives as long as the block."""
    process = subprocess.Popen([sys.executable, __file__, str(latency_s)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1"
    finally:
        process.kill()
        process.wait()


if __name__ == "__main__":
    asyncio.run(_serve(float(sys.argv[1])))
