"""Worker processes: a few side by side, each importing the heavy libraries once and doing one job after the other.

The parent writes a job as a JSON line to a worker's stdin and reads JSON lines from its stdout; what libraries print
goes to a log file. A worker whose parent is gone sees its stdin close and stops. A worker that dies takes one job with
it: that job is reported lost, and another worker takes the jobs that are left.
"""

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

from .errors import Error

# One thread each: with more, OpenMP collapses as soon as anything else uses a core (docs/design/03-tiny-student.md).
ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "TRANSFORMERS_VERBOSITY": "error",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TRL_EXPERIMENTAL_SILENCE": "1",
}
STOP_WAIT_S = 10.0

Message = Mapping[str, Any]
Say = Callable[[Message], None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one job: done (`detail` is what the worker returned), failed (`error`: its message), lost (the
    worker ended; `error` says how), or left (it was not begun: `until` came first)."""

    status: Literal["done", "failed", "lost", "left"]
    detail: Mapping[str, Any]
    error: str | None = None


def run_jobs(
    module: str,
    jobs: Sequence[Message],
    *,
    processes: int,
    log_dir: Path,
    python: Path | None = None,
    slots: Sequence[Mapping[str, str]] = (),
    on_message: Callable[[int, Message], None] | None = None,
    on_outcome: Callable[[int, Outcome], None] | None = None,
    until: Callable[[], bool] = bool,
) -> list[Outcome]:
    """Do `jobs` in `python -m module` workers, `processes` at a time; one outcome per job, in the order of `jobs`.
    `python`: the interpreter of another environment (environments.py); None: this one. `slots`: settings for the
    environment of each worker, as which card is its own; there are then as many workers as slots, and one that takes
    the place of a dead one takes its slot. None: `processes` workers that are all alike.

    `on_message(index of the job, message)` and `on_outcome` are called in this thread, as things arrive. Once `until`
    is true no job is begun any more; those that were not are `left`. Whatever interrupts this function stops the
    workers.
    """
    if not jobs:
        return []
    pool = _Pool([str(python or sys.executable), "-m", module], list(jobs), log_dir, list(slots), until)
    try:
        return pool.run(min(len(slots) or max(1, processes), len(jobs)), on_message, on_outcome)
    finally:
        pool.stop()


class _Pool:
    def __init__(
        self,
        command: list[str],
        jobs: list[Message],
        log_dir: Path,
        slots: list[Mapping[str, str]],
        until: Callable[[], bool],
    ) -> None:
        self.command, self.jobs, self.log_dir, self.slots, self.until = command, jobs, log_dir, slots, until
        self.slot_of: dict[int, int] = {}  # worker -> its slot, while it lives
        self.inbox: queue.Queue[tuple[int, Message | None]] = queue.Queue()
        self.workers: dict[int, subprocess.Popen[bytes]] = {}
        self.listeners: list[threading.Thread] = []
        self.busy: dict[int, int] = {}  # worker -> job
        self.next_job = 0
        self.started = 0

    def run(
        self,
        processes: int,
        on_message: Callable[[int, Message], None] | None,
        on_outcome: Callable[[int, Outcome], None] | None,
    ) -> list[Outcome]:
        outcomes: dict[int, Outcome] = {}

        def settle(job: int, outcome: Outcome) -> None:
            outcomes[job] = outcome
            if on_outcome:
                on_outcome(job, outcome)

        for _ in range(processes):
            self._start()
        while len(outcomes) < len(self.jobs) and self.workers:
            worker, message = self.inbox.get()
            job = self.busy.get(worker)
            if message is None:
                code = self._end(self.workers.pop(worker))
                self.slot_of.pop(worker, None)
                if job is not None:
                    del self.busy[worker]
                    settle(job, Outcome("lost", {}, f"the worker ended with {_ending(code)}; {self._log(worker)}"))
                if self.next_job < len(self.jobs) and not self.until():
                    self._start()
            elif job is not None and message.get("event") == "done":
                self._give(worker)
                settle(job, Outcome("done", message["detail"]))
            elif job is not None and message.get("event") == "failed":
                self._give(worker)
                settle(job, Outcome("failed", message.get("detail", {}), message["error"]))
            elif job is not None and on_message:
                on_message(job, message)
        return [outcomes.get(i) or Outcome("left", {}) for i in range(len(self.jobs))]

    def stop(self) -> None:
        """Ask every worker to end by closing its stdin; end it where it does not."""
        left = list(self.workers.values())
        for worker in left:
            _close(worker.stdin)
        for worker in left:
            self._end(worker)
        while self.listeners:
            self.listeners.pop().join()

    @staticmethod
    def _end(worker: subprocess.Popen[bytes]) -> int:
        """Wait for a worker that was asked to end, and end it where it does not. Returns its exit code."""
        _close(worker.stdin)
        try:
            return worker.wait(STOP_WAIT_S)
        except subprocess.TimeoutExpired:
            worker.kill()
            return worker.wait()

    def _start(self) -> None:
        self.log_dir.mkdir(parents=True, exist_ok=True)
        number, self.started = self.started, self.started + 1
        free = next((i for i in range(len(self.slots)) if i not in self.slot_of.values()), None)
        if free is not None:
            self.slot_of[number] = free
        with self._log_path(number).open("wb") as log:
            worker = subprocess.Popen(
                self.command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env={**ENVIRONMENT, **os.environ, **self._settings(number)},
                start_new_session=True,
            )
        self.workers[number] = worker
        listener = threading.Thread(target=self._listen, args=(number, worker.stdout), daemon=True)
        listener.start()
        self.listeners.append(listener)
        self._give(number)

    def _settings(self, worker: int) -> Mapping[str, str]:
        threads = {"OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1")}
        return {**threads, **(self.slots[self.slot_of[worker]] if worker in self.slot_of else {})}

    def _give(self, worker: int) -> None:
        """The next job for an idle worker; none left: its stdin is closed, and it ends."""
        self.busy.pop(worker, None)
        stdin = self.workers[worker].stdin
        assert stdin is not None
        if self.next_job >= len(self.jobs) or self.until():
            _close(stdin)
            return
        job, self.next_job = self.next_job, self.next_job + 1
        self.busy[worker] = job
        with contextlib.suppress(OSError):  # a dead worker is reported by its closed stdout
            stdin.write(json.dumps(self.jobs[job]).encode() + b"\n")
            stdin.flush()

    def _listen(self, worker: int, stdout: IO[bytes] | None) -> None:
        assert stdout is not None
        with stdout:
            for line in stdout:
                with contextlib.suppress(ValueError):
                    self.inbox.put((worker, json.loads(line)))
        self.inbox.put((worker, None))

    def _log_path(self, worker: int) -> Path:
        return self.log_dir / f"worker-{os.getpid()}-{worker}.log"

    def _log(self, worker: int) -> str:
        path = self._log_path(worker)
        lines = path.read_text(encoding="utf-8", errors="replace").strip().splitlines() if path.exists() else []
        return f"its log {path} ends: {lines[-1]}" if lines else f"its log {path} is empty"


def _close(file: IO[bytes] | None) -> None:
    with contextlib.suppress(OSError):
        if file is not None:
            file.close()


def _ending(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"


def serve(handle: Callable[[Message, Say], Mapping[str, Any]]) -> None:
    """The worker's side: do every job that comes on stdin with `handle(job, say)` until stdin closes.

    An exception fails the job and nothing else. File descriptor 1 is given to stderr, so that no library can print into
    the protocol. When stdin closes while a job runs, the parent is gone: the process ends at once.
    """
    import traceback

    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    guard = threading.Lock()

    def say(message: Message) -> None:
        with guard:
            channel.write(json.dumps(message, default=str) + "\n")
            channel.flush()

    for job in _jobs():
        try:
            detail = handle(job, say)
        except Exception as error:
            traceback.print_exc()
            ours = isinstance(error, Error)
            say({"event": "failed", "error": str(error) if ours else f"{type(error).__name__}: {error}"})
        else:
            say({"event": "done", "detail": dict(detail)})


def _jobs() -> Iterator[Message]:
    waiting: queue.Queue[Message | None] = queue.Queue()
    idle = threading.Event()
    idle.set()

    def read() -> None:
        for line in sys.stdin.buffer:
            waiting.put(json.loads(line))
        if not idle.is_set():
            os._exit(1)
        waiting.put(None)

    threading.Thread(target=read, daemon=True).start()
    while (job := waiting.get()) is not None:
        idle.clear()
        yield job
        idle.set()
