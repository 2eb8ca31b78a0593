"""The training worker (`python -m cotdistill.train.worker`): one run per job; the base is loaded once.

Everything a run has to say goes to the spool as it happens; the parent is told for its progress bar.
"""

import contextlib
import fcntl
import json
import os
import shutil
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .. import workers
from ..errors import TrainError
from ..store.spool import SpoolWriter, utc_now
from ..tasks import templates
from . import checkpoints, llamafactory_trainer, precision, students, trl_trainer, trouble, unsloth_trainer
from .preflight import Preflight
from .profiles import Profile
from .sft import Base
from .steps import Step

HEARTBEAT_S = 5.0
ROTATE_S = 20.0  # so that a long training can be looked at while it runs
TELL_EVERY_S = 0.5
MARKER = "finished.json"  # in a run's folder, once its weights are whole: the detail of its finished event
TRAINERS = (trl_trainer.NAME, unsloth_trainer.NAME, llamafactory_trainer.NAME)
LOADERS = {trl_trainer.NAME: trl_trainer.load_base, unsloth_trainer.NAME: unsloth_trainer.load_base}


@dataclass(frozen=True, slots=True)
class Job:
    """One run to do. Paths are absolute."""

    run_key: str
    base_dir: str
    template: str
    profile: Mapping[str, Any]
    seed: int
    corpus_file: str
    output_dir: str
    spool_dir: str
    trainer: str = trl_trainer.NAME
    cards: tuple[str, ...] = ()
    corpus_digest: str = ""
    base_hash: str = ""


class Worker:
    """Keeps the base of the last job, so that the next run of the same student starts at once."""

    def __init__(self) -> None:
        self.base: Base | None = None
        self.loaded: tuple[Path, str, str] | None = None  # from where, under which hash, in which numbers

    def do(self, message: workers.Message, say: workers.Say) -> Mapping[str, Any]:
        """Do one job; what is returned is also the detail of its `finished` event."""
        job = Job(**message)
        with _only_one(Path(job.output_dir), job.run_key), SpoolWriter(Path(job.spool_dir), "train") as spool:
            run = _Run(job, spool, say)
            # Another process may have done it since the parent looked.
            return run.end(done) if (done := finished(Path(job.output_dir))) else run.do(self)

    def load(self, job: Job, profile: Profile) -> Base:
        """The base of `job`, from memory where it is the last one (Unsloth reads its files for every run). A worker's
        jobs all have the same trainer.

        TrainError: it cannot be loaded, or its files are not those of the job's base hash.
        """
        path, numbers = Path(job.base_dir), precision.kept(profile)
        wanted = path, job.base_hash, numbers
        if self.base is None or self.loaded != wanted or self.base.make is not None:
            trouble.check_base(path, students.base_hash(path), job.base_hash)
        if self.base is None or self.loaded != wanted:
            self.base = None
            narrow = profile.dtype if job.trainer == unsloth_trainer.NAME else numbers
            self.base, self.loaded = LOADERS[job.trainer](path, narrow), wanted
        return self.base


class _Run:
    def __init__(self, job: Job, spool: SpoolWriter, say: workers.Say) -> None:
        self.job, self.spool, self.say = job, spool, say
        self.told = self.rotated = time.monotonic()
        theirs = llamafactory_trainer.made_in(Path(job.output_dir) / "llamafactory")
        self.checkpoints = theirs if job.trainer == llamafactory_trainer.NAME else Path(job.output_dir) / "checkpoints"

    def do(self, worker: Worker) -> Mapping[str, Any]:
        resume, passed_over = checkpoints.newest(self.checkpoints)
        started = {"pid": os.getpid(), "resumed_from_step": resume.step if resume else 0, "passed_over": passed_over}
        if card := os.environ.get("CUDA_VISIBLE_DEVICES"):
            started["card"] = card
        self._event("started", started)
        self.say({"event": "started", **started})
        with self._heartbeat():
            try:
                trained = self._train(worker, resume)
            except Exception as error:
                said = trouble.explained(error, Profile.model_validate(self.job.profile), Path(self.job.output_dir))
                shutil.rmtree(Path(self.job.output_dir) / "model.partial", ignore_errors=True)  # room for the event
                self._event("failed", {"error": str(said) or type(said).__name__, "kind": type(error).__name__})
                if said is error:
                    raise
                raise said from error
        detail = asdict(trained)
        self._mark(detail)
        return self.end(detail)

    def end(self, detail: Mapping[str, Any]) -> Mapping[str, Any]:
        """Say that the run is finished, as `detail` says: whoever trained it may have been killed before saying so."""
        self._event("finished", detail)
        checkpoints.clear(self.checkpoints)
        return detail

    def _mark(self, detail: Mapping[str, Any]) -> None:
        """Leave `detail` beside the weights. Without room for it the run is finished all the same."""
        marker = Path(self.job.output_dir) / MARKER
        with contextlib.suppress(OSError):
            partial = marker.with_name(f"{MARKER}.partial")
            partial.write_text(json.dumps(detail), encoding="utf-8")
            partial.rename(marker)

    def _train(self, worker: Worker, resume: checkpoints.Checkpoint | None) -> trl_trainer.Trained:
        job, profile = self.job, Profile.model_validate(self.job.profile)
        trouble.check_corpus(Path(job.corpus_file), job.corpus_digest)
        with Path(job.corpus_file).open(encoding="utf-8") as file:
            rows = [json.loads(line) for line in file]
        splits: dict[str, list[trl_trainer.Pair]] = {"train": [], "validation": []}
        for row in rows:
            splits[row.get("split", "train")].append(trl_trainer.Pair(row["prompt"], row["completion"]))
        final, partial = Path(job.output_dir) / "model", Path(job.output_dir) / "model.partial"
        (Path(job.output_dir) / MARKER).unlink(missing_ok=True)
        for leftover in (final, partial):
            shutil.rmtree(leftover, ignore_errors=True)
        if job.trainer == llamafactory_trainer.NAME:
            trouble.check_base(Path(job.base_dir), students.base_hash(Path(job.base_dir)), job.base_hash)
            tokenizer = students.load_tokenizer(Path(job.base_dir))
            trained = llamafactory_trainer.train(
                Path(job.base_dir),
                tokenizer,
                splits,
                templates.resolve(job.template, tokenizer),
                profile,
                seed=job.seed,
                folder=Path(job.output_dir) / "llamafactory",
                output=partial,
                cards=job.cards,
                on_step=self._step,
                on_ready=self._ready,
                resume=resume,
            )
            partial.rename(final)
            return trained
        base = worker.load(job, profile)
        template = templates.resolve(job.template, base.tokenizer)
        trained = trl_trainer.train(
            base,
            splits["train"],
            template,
            profile,
            seed=job.seed,
            output=partial,
            on_step=self._step,
            checkpoint_dir=self.checkpoints,
            resume=resume,
            on_ready=self._ready,
            validation=splits["validation"],
        )
        partial.rename(final)
        return trained

    def _ready(self, found: Preflight) -> None:
        self._event("preflight", asdict(found))
        self.say({"event": "preflight", **asdict(found), "warning": found.warning})

    def _step(self, step: Step) -> None:
        row = {
            "run_key": self.job.run_key,
            "happened_at": utc_now(),
            "step": step.step,
            "loss": step.loss,
            "learning_rate": step.learning_rate,
            "grad_norm": step.grad_norm,
            "tokens": step.tokens,
            "elapsed_s": step.elapsed_s,
            "memory_bytes": step.memory_bytes,
            "validation_loss": step.validation_loss,
            "supervised_tokens": step.supervised_tokens,
        }
        self.spool.append("run_step", row)
        now = time.monotonic()
        if now - self.told > TELL_EVERY_S or step.step == step.n_steps:
            self.told = now
            self.say({"event": "step", **asdict(step)})
        if now - self.rotated > ROTATE_S:
            self.rotated = now
            self.spool.rotate()

    def _event(self, event: str, detail: Mapping[str, Any] | None = None) -> None:
        self.spool.append(
            "run_event",
            {
                "run_key": self.job.run_key,
                "happened_at": utc_now(),
                "event": event,
                "detail": None if detail is None else json.dumps(detail),
            },
        )

    @contextlib.contextmanager
    def _heartbeat(self) -> Iterator[None]:
        over = threading.Event()

        def beat() -> None:
            while not over.wait(HEARTBEAT_S):
                self._event("heartbeat")

        thread = threading.Thread(target=beat, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


def finished(folder: Path) -> dict[str, Any] | None:
    """What the run in `folder` left when it finished; None: it has not, or its weights are gone."""
    if not any((folder / "model").glob("*config.json")):
        return None
    try:
        found: dict[str, Any] = json.loads((folder / MARKER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found


@contextlib.contextmanager
def _only_one(folder: Path, run_key: str) -> Iterator[None]:
    """Hold the run's lock: the kernel's, so it goes when its holder dies. TrainError when another process has it."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise TrainError(f"run {run_key} is being trained by another process. Next: cotdistill status") from error
        yield


if __name__ == "__main__":
    workers.serve(Worker().do)
