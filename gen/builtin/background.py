"""The built-in teacher's server in a process of its own: started, waited for, stopped with the block that uses it."""

import json
import select
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from ...errors import ConfigError, Unavailable

_START_LIMIT_S = 60.0
_STOP_LIMIT_S = 5.0


class RunningServer:
    """A server process. `base_url` is "http://127.0.0.1:PORT/v1". Use as a context manager, or call `close`.

    The process also ends when this one dies, however that happens: its standard input is a pipe from here. Ctrl-C
    reaches only this process, which stops the other after its own work is put down.
    """

    def __init__(self, process: subprocess.Popen[str], base_url: str) -> None:
        self.process = process
        self.base_url = base_url

    @property
    def pid(self) -> int:
        return self.process.pid

    def close(self) -> None:
        """Stop the process and wait for it."""
        _stop(self.process)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def start_server(
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    seed: int = 0,
    sloppy_share: float = 0.2,
    faults: str | None = None,
    log: Path | None = None,
) -> RunningServer:
    """Start the server (port 0: any free one) and return once it listens.

    ConfigError: it refused its settings (it says why on standard error). Unavailable: it did not come up in a minute.
    """
    command = [sys.executable, "-m", f"{__package__}.server", "--exit-with-parent", "--host", host, "--port", str(port)]
    command += ["--seed", str(seed), "--sloppy-share", str(sloppy_share)]
    command += ["--faults", faults] if faults else []
    command += ["--log", str(log)] if log else []
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout is not None
    listening, _, _ = select.select([process.stdout], [], [], _START_LIMIT_S)
    line = process.stdout.readline() if listening else ""
    if not line:
        code = process.poll() if not listening else process.wait()
        _stop(process)
        if code is None:
            raise Unavailable(f"the built-in teacher did not listen on {host} within {_START_LIMIT_S:.0f} s")
        raise ConfigError(f"the built-in teacher's server ended with exit code {code}. Next: {' '.join(command)}")
    return RunningServer(process, json.loads(line)["base_url"])


def _stop(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()
