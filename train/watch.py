"""What can be seen of trainings while they run: progress for a bar, and their rows brought home now and then."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .. import workers
from ..store.ingest import ingest
from ..store.store import Store

INGEST_EVERY_S = 20.0


@dataclass(frozen=True, slots=True)
class TrainProgress:
    """What a progress bar shows. `event`: started, preflight, step, finished, failed or interrupted; `eta_s` for this
    run alone; `detail`: what a started or preflight event says."""

    event: str
    run: int
    n_runs: int
    n_done: int
    label: str
    step: int = 0
    n_steps: int = 0
    loss: float | None = None
    tokens_per_s: float | None = None
    eta_s: float | None = None
    error: str | None = None
    detail: Mapping[str, Any] | None = None


Progress = Callable[[TrainProgress], None]


class Watch:
    """Turns workers' messages into progress. `first`: the number of the first job of the pool that is at work."""

    def __init__(self, store: Store, labels: Sequence[str], progress: Progress | None) -> None:
        self.store, self.labels, self.progress = store, labels, progress
        self.n_done = self.first = 0
        self.ingested = time.monotonic()

    def message(self, job: int, message: workers.Message) -> None:
        """A worker's message about its job."""
        if message.get("event") in ("started", "preflight"):
            self._tell(str(message["event"]), job, detail=dict(message))
        if message.get("event") == "step":
            done, elapsed = int(message["step"]), float(message["elapsed_s"])
            self._tell(
                "step",
                job,
                step=done,
                n_steps=int(message["n_steps"]),
                loss=message["loss"],
                tokens_per_s=int(message["tokens"]) / elapsed if elapsed else None,
                eta_s=(int(message["n_steps"]) - done) * elapsed / done if done else None,
            )
        if time.monotonic() - self.ingested > INGEST_EVERY_S:
            ingest(self.store, self.store.spool_dir)
            self.ingested = time.monotonic()

    def outcome(self, job: int, outcome: workers.Outcome) -> None:
        """What became of a job."""
        self.n_done += 1
        event = {"done": "finished", "failed": "failed", "lost": "interrupted"}[outcome.status]
        self._tell(event, job, error=outcome.error)

    def _tell(self, event: str, job: int, **more: Any) -> None:
        if self.progress:
            run = self.first + job
            self.progress(TrainProgress(event, run, len(self.labels), self.n_done, self.labels[run], **more))
