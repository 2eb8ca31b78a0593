"""`train`: one run per student, corpus and seed, a few side by side; finished runs are not done again."""

import filecmp
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .. import environments, workers
from ..errors import TrainError
from ..store.corpora import Corpus
from ..store.ingest import ingest
from ..store.jobs import LIBRARIES
from ..store.jobs import versions as job_versions
from ..store.spool import utc_now
from ..store.store import Store, as_json
from . import students
from .card import write_card
from .profiles import Profile
from .students import Student
from .trouble import digest, lost
from .wanted import Order, Wanted, check, wanted_of
from .watch import Progress, TrainProgress, Watch
from .worker import Job

__all__ = ["Order", "RunResult", "TrainProgress", "train_all", "train_runs", "train_wanted"]


@dataclass(frozen=True, slots=True)
class RunResult:
    """What became of one wanted run. `status`: finished, failed, interrupted, skipped (finished before), or left (not
    begun)."""

    run_key: str
    student: str
    corpus: str
    seed: int
    status: str
    output_dir: Path
    detail: Mapping[str, Any]
    error: str | None = None


def train_runs(
    store: Store,
    *,
    student: Student | str,
    corpora: Sequence[Corpus],
    seeds: Sequence[int],
    profile: Profile,
    trainer: str = "trl",
    processes: int = 2,
    cards: Sequence[str] = (),
    progress: Progress | None = None,
) -> list[RunResult]:
    """Train `student` on every corpus with every seed; one result per (corpus, seed), corpora outermost. As `train_all`
    with one order."""
    chosen = students.resolve_student(student) if isinstance(student, str) else student
    order = Order(chosen, profile, seeds, trainer)
    return train_all(store, [order], corpora, processes=processes, cards=cards, progress=progress)


def train_all(
    store: Store,
    orders: Sequence[Order],
    corpora: Sequence[Corpus],
    *,
    processes: int = 2,
    cards: Sequence[str] = (),
    progress: Progress | None = None,
) -> list[RunResult]:
    """Do all orders; one result per (order, corpus, seed), orders outermost.

    A run that finished before and whose weights are still there is skipped. A failing run does not stop the others.
    With `cards` there is one process a card; LLaMA-Factory instead divides every run among all of them. A process
    loads a student once, however many of its runs it does (Unsloth: for every run). ConfigError: unknown trainer or
    student, no model in its directory, a trainer that is not installed; MissingExtra: torch or trl is not.
    """
    found = {order.trainer: check(order, len(cards)) for order in orders}
    wanted = [want for order in orders for want in wanted_of(order, corpora)]
    return _train(store, wanted, found, processes=processes, cards=cards, progress=progress)


def train_wanted(
    store: Store,
    wanted: Sequence[Wanted],
    *,
    processes: int = 2,
    cards: Sequence[str] = (),
    progress: Progress | None = None,
    until: Callable[[], bool] = bool,
) -> list[RunResult]:
    """Do these runs, whatever their students and corpora; one result each, in order. As `train_all` otherwise. Once
    `until` is true no further run is begun; those that were not are `left`."""
    found = {want.order.trainer: check(want.order, len(cards)) for want in wanted}
    return _train(store, wanted, found, processes=processes, cards=cards, progress=progress, until=until)


def _train(
    store: Store,
    wanted: Sequence[Wanted],
    found: Mapping[str, environments.Environment | None],
    *,
    processes: int,
    cards: Sequence[str],
    progress: Progress | None,
    until: Callable[[], bool] = bool,
) -> list[RunResult]:
    folder = store.dir_for("runs")
    files: dict[str, tuple[Path, str]] = {}  # corpus hash -> its file for the workers, and that file's hash
    ingest(store, store.spool_dir)
    before = finished(store, [want.key for want in wanted])
    results: dict[int, RunResult] = {}
    todo: list[int] = []
    first: dict[str, int] = {}
    for i, want in enumerate(wanted):
        output = folder / want.key
        if first.setdefault(want.key, i) != i:
            continue  # one run, wanted twice: two directories with the same base
        if want.key in before and any((output / "model").glob("*config.json")):
            results[i] = _result(want, "skipped", output, before[want.key])
        else:
            todo.append(i)
    todo.sort(key=lambda i: list(found).index(wanted[i].order.trainer))  # stable: students stay together
    with store.write() as con:
        rows = [_row(wanted[i], folder, found[wanted[i].order.trainer]) for i in todo]
        store.insert(con, "run", rows)
    for i in todo:
        corpus = wanted[i].corpus
        if corpus.corpus_hash not in files:
            path = _corpus_file(folder, corpus).resolve()
            files[corpus.corpus_hash] = path, digest(path)
    watch = Watch(store, [wanted[i].label for i in todo], progress)
    for trainer, environment in found.items():
        mine = [i for i in todo if wanted[i].order.trainer == trainer]
        together = trainer == "llamafactory"
        outcomes = workers.run_jobs(
            "cotdistill.train.worker",
            [
                asdict(_job(wanted[i], store, folder, files[wanted[i].corpus.corpus_hash], cards if together else ()))
                for i in mine
            ],
            processes=processes,
            slots=list(_slots(cards, together)),
            log_dir=folder / "logs",
            python=environment.python if environment else None,
            on_message=watch.message,
            on_outcome=watch.outcome,
            until=until,
        )
        watch.first += len(mine)
        for i, outcome in zip(mine, outcomes, strict=True):
            status = {"done": "finished", "lost": "interrupted"}.get(outcome.status, outcome.status)
            error = lost(outcome.error, folder) if outcome.status == "lost" else outcome.error
            results[i] = _result(wanted[i], status, folder / wanted[i].key, outcome.detail, error)
    results |= {i: results[first[want.key]] for i, want in enumerate(wanted) if i not in results}
    ingest(store, store.spool_dir)
    for i, result in results.items():
        model = result.output_dir / "model"
        if result.status == "finished" or (result.status == "skipped" and not (model / "README.md").exists()):
            _card(wanted[i], result, model)
    return [results[i] for i in range(len(wanted))]


def _slots(cards: Sequence[str], together: bool) -> Iterator[Mapping[str, str]]:
    """What each worker sees of the cards: its own, or all of them. No cards: nothing is said."""
    if cards and together:
        yield {"CUDA_VISIBLE_DEVICES": ",".join(cards)}
    elif cards:
        yield from ({"CUDA_VISIBLE_DEVICES": card} for card in cards)


def _row(want: Wanted, folder: Path, environment: environments.Environment | None) -> dict[str, Any]:
    libraries = environment.versions(LIBRARIES) if environment else {}
    return {
        "run_key": want.key,
        "student": want.order.student.name,
        "base_dir": str(want.base_dir),
        "base_hash": want.base_hash,
        "corpus_hash": want.corpus.corpus_hash,
        "trainer": want.order.trainer,
        "profile": as_json(want.order.profile.model_dump(mode="json")),
        "template": want.template,
        "seed": want.seed,
        "output_dir": str(folder / want.key),
        "versions": as_json({**job_versions(), **libraries, "argv": sys.argv[1:]}),
        "created_at": utc_now(),
    }


def _job(want: Wanted, store: Store, folder: Path, corpus: tuple[Path, str], cards: Sequence[str]) -> Job:
    return Job(
        run_key=want.key,
        base_dir=str(want.base_dir.resolve()),
        template=want.template,
        profile=want.order.profile.model_dump(mode="json"),
        seed=want.seed,
        corpus_file=str(corpus[0]),
        corpus_digest=corpus[1],
        base_hash=want.base_hash,
        output_dir=str((folder / want.key).resolve()),
        spool_dir=str(store.spool_dir.resolve()),
        trainer=want.order.trainer,
        cards=tuple(cards),
    )


def _card(want: Wanted, result: RunResult, model: Path) -> None:
    write_card(
        model,
        student=want.order.student,
        corpus=want.corpus,
        profile=want.order.profile,
        seed=want.seed,
        trainer=want.order.trainer,
        run_key=want.key,
        base_hash=want.base_hash,
        template=want.template,
        outcome=result.detail,
    )


def _result(want: Wanted, status: str, output: Path, detail: Mapping[str, Any], error: str | None = None) -> RunResult:
    return RunResult(want.key, want.order.student.name, want.corpus.name, want.seed, status, output, detail, error)


def finished(store: Store, run_keys: Sequence[str]) -> dict[str, dict[str, Any]]:
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
