"""`train`: one run per corpus and seed, a few side by side; finished runs are not done again."""

import filecmp
import importlib.metadata
import importlib.util
import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .. import environments, workers
from ..errors import ConfigError, MissingExtra, TrainError
from ..store.corpora import Corpus
from ..store.ingest import ingest
from ..store.jobs import LIBRARIES
from ..store.jobs import versions as job_versions
from ..store.spool import utc_now
from ..store.store import Store, as_json
from ..tasks import keys
from . import students
from .card import write_card
from .profiles import Profile
from .students import Student
from .worker import LOADERS, Job

TRAINERS = tuple(LOADERS)
_INGEST_EVERY_S = 20.0


@dataclass(frozen=True, slots=True)
class RunResult:
    """What became of one wanted run. `status`: finished, failed, interrupted, or skipped (finished before)."""

    run_key: str
    student: str
    corpus: str
    seed: int
    status: str
    output_dir: Path
    detail: Mapping[str, Any]
    error: str | None = None


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


def train_runs(
    store: Store,
    *,
    student: Student | str,
    corpora: Sequence[Corpus],
    seeds: Sequence[int],
    profile: Profile,
    trainer: str = "trl",
    processes: int = 2,
    progress: Callable[[TrainProgress], None] | None = None,
) -> list[RunResult]:
    """Train `student` on every corpus with every seed; one result per (corpus, seed), corpora outermost.

    A run that finished before and whose weights are still there is skipped. A failing run does not stop the others.
    ConfigError: unknown trainer or student, no model in its directory; MissingExtra: torch or trl is not installed.
    """
    if trainer not in TRAINERS:
        raise ConfigError(f"unknown trainer {trainer!r}. Known: {', '.join(TRAINERS)}. Next: --trainer trl")
    for library in ("torch", "trl", "peft"):
        if importlib.util.find_spec(library) is None:
            raise MissingExtra(library, "cpu")
    if trainer != "unsloth" and profile.method == "lora" and profile.lora.base_bits == 4:
        raise ConfigError(f"lora.base_bits = 4 is not for trainer {trainer}. Next: --trainer unsloth")
    environment = environments.require(trainer) if trainer in environments.DISTRIBUTIONS else None
    chosen = students.resolve_student(student) if isinstance(student, str) else student
    base_dir = students.locate(chosen)
    template = chosen.template if profile.template == "auto" else profile.template
    identity = {**profile.identity(), "template": template}
    base_hash = students.base_hash(base_dir)
    folder = store.dir_for("runs")
    wanted = [
        _Wanted(
            key=keys.run_key(base_hash, corpus.corpus_hash, identity, seed, trainer),
            corpus=corpus,
            seed=seed,
            label=f"{chosen.name} on {corpus.label}, seed {seed}",
        )
        for corpus in corpora
        for seed in seeds
    ]
    ingest(store, store.spool_dir)
    before = _finished(store, [w.key for w in wanted])
    results: dict[int, RunResult] = {}
    todo: list[int] = []
    for i, want in enumerate(wanted):
        output = folder / want.key
        if want.key in before and any((output / "model").glob("*config.json")):
            results[i] = _result(want, chosen, "skipped", output, before[want.key])
        else:
            todo.append(i)
    libraries = environment.versions(LIBRARIES) if environment else {}
    versions = as_json({**job_versions(), **libraries, "argv": sys.argv[1:]})
    with store.write() as con:
        store.insert(
            con,
            "run",
            [
                {
                    "run_key": wanted[i].key,
                    "student": chosen.name,
                    "base_dir": str(base_dir),
                    "base_hash": base_hash,
                    "corpus_hash": wanted[i].corpus.corpus_hash,
                    "trainer": trainer,
                    "profile": as_json(profile.model_dump(mode="json")),
                    "template": template,
                    "seed": wanted[i].seed,
                    "output_dir": str(folder / wanted[i].key),
                    "versions": versions,
                    "created_at": utc_now(),
                }
                for i in todo
            ],
        )
    jobs = [
        asdict(
            Job(
                run_key=wanted[i].key,
                base_dir=str(base_dir.resolve()),
                template=template,
                profile=profile.model_dump(mode="json"),
                seed=wanted[i].seed,
                corpus_file=str(_corpus_file(folder, wanted[i].corpus).resolve()),
                output_dir=str((folder / wanted[i].key).resolve()),
                spool_dir=str(store.spool_dir.resolve()),
                trainer=trainer,
            )
        )
        for i in todo
    ]
    watch = _Watch(store, [wanted[i].label for i in todo], progress)
    outcomes = workers.run_jobs(
        "cotdistill.train.worker",
        jobs,
        processes=processes,
        log_dir=folder / "logs",
        python=environment.python if environment else None,
        on_message=watch.message,
        on_outcome=watch.outcome,
    )
    ingest(store, store.spool_dir)
    for i, outcome in zip(todo, outcomes, strict=True):
        status = {"done": "finished", "failed": "failed", "lost": "interrupted"}[outcome.status]
        results[i] = _result(wanted[i], chosen, status, folder / wanted[i].key, outcome.detail, outcome.error)
    for i, result in results.items():
        model = result.output_dir / "model"
        if result.status == "finished" or (result.status == "skipped" and not (model / "README.md").exists()):
            write_card(
                model,
                student=chosen,
                corpus=wanted[i].corpus,
                profile=profile,
                seed=wanted[i].seed,
                trainer=trainer,
                run_key=wanted[i].key,
                base_hash=base_hash,
                template=template,
                outcome=result.detail,
            )
    return [results[i] for i in range(len(wanted))]


@dataclass(frozen=True, slots=True)
class _Wanted:
    key: str
    corpus: Corpus
    seed: int
    label: str


class _Watch:
    """Turns workers' messages into progress, and brings their rows home now and then."""

    def __init__(self, store: Store, labels: list[str], progress: Callable[[TrainProgress], None] | None) -> None:
        self.store, self.labels, self.progress = store, labels, progress
        self.n_done = 0
        self.ingested = time.monotonic()

    def message(self, job: int, message: workers.Message) -> None:
        if message.get("event") in ("started", "preflight") and self.progress:
            event = str(message["event"])
            self.progress(
                TrainProgress(event, job, len(self.labels), self.n_done, self.labels[job], detail=dict(message))
            )
        if message.get("event") == "step" and self.progress:
            done, elapsed = int(message["step"]), float(message["elapsed_s"])
            self.progress(
                TrainProgress(
                    "step",
                    job,
                    len(self.labels),
                    self.n_done,
                    self.labels[job],
                    step=done,
                    n_steps=int(message["n_steps"]),
                    loss=message["loss"],
                    tokens_per_s=int(message["tokens"]) / elapsed if elapsed else None,
                    eta_s=(int(message["n_steps"]) - done) * elapsed / done if done else None,
                )
            )
        if time.monotonic() - self.ingested > _INGEST_EVERY_S:
            ingest(self.store, self.store.spool_dir)
            self.ingested = time.monotonic()

    def outcome(self, job: int, outcome: workers.Outcome) -> None:
        self.n_done += 1
        if self.progress:
            event = {"done": "finished", "failed": "failed", "lost": "interrupted"}[outcome.status]
            self.progress(
                TrainProgress(event, job, len(self.labels), self.n_done, self.labels[job], error=outcome.error)
            )


def _result(
    want: _Wanted, student: Student, status: str, output: Path, detail: Mapping[str, Any], error: str | None = None
) -> RunResult:
    return RunResult(want.key, student.name, want.corpus.name, want.seed, status, output, detail, error)


def _finished(store: Store, run_keys: Sequence[str]) -> dict[str, dict[str, Any]]:
    with store.read() as con:
        rows = con.execute(
            "SELECT run_key, outcome FROM run_status WHERE status = 'finished' AND list_contains(?, run_key)",
            [list(run_keys)],
        ).fetchall()
    return {key: json.loads(outcome) if outcome else {} for key, outcome in rows}


def _corpus_file(folder: Path, corpus: Corpus) -> Path:
    """The corpus as JSON lines for the workers, who never open the store. Its name is its hash.

    TrainError: a file of that name holds something else, so that runs would be trained on what no store knows.
    """
    path = folder / "corpora" / f"{corpus.corpus_hash}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    with partial.open("w", encoding="utf-8") as file:
        for row in corpus.rows:
            line = {"prompt": row.prompt, "completion": row.completion}
            if row.split != "train":
                line["split"] = row.split
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
    if path.exists() and not filecmp.cmp(path, partial, shallow=False):
        partial.unlink()
        raise TrainError(f"{path} is not the corpus {corpus.name} any more: somebody changed it. Next: rm {path}")
    partial.rename(path)
    return path
