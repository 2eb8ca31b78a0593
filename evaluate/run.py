"""`evaluate`: ask models the questions of a split that they have not answered yet, and keep what they say."""

import importlib.metadata
import importlib.util
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from .. import workers
from ..errors import ConfigError, MissingExtra
from ..store.ingest import ingest
from ..store.spool import utc_now
from ..store.store import Store, as_json
from ..tasks import keys
from ..tasks.render import question_text
from ..tasks.values import Question
from .decoding import Decoder
from .models import SQL, Model, trained_models
from .worker import ENGINES, Job


@dataclass(frozen=True, slots=True)
class EvaluationResult:
    """What became of one evaluation. `status`: done, failed, lost (its process died), or skipped (nothing was missing).
    `n` answers are in the store now, `n_new` of them from this call."""

    evaluation_key: str
    model: Model
    status: str
    n: int
    n_new: int
    seconds: float
    error: str | None = None


@dataclass(frozen=True, slots=True)
class EvaluationProgress:
    """What a progress bar shows: questions answered by one model, and models done."""

    model: int
    n_models: int
    n_done: int
    label: str
    done: int
    total: int
    error: str | None = None


def evaluate_models(
    store: Store,
    *,
    dataset: str,
    split: str = "test",
    models: Sequence[Model] | None = None,
    limit: int | None = None,
    decoder: Decoder | None = None,
    engine: str = "transformers",
    dtype: str = "auto",
    processes: int = 2,
    progress: Callable[[EvaluationProgress], None] | None = None,
) -> list[EvaluationResult]:
    """Ask every model (None: all finished runs and their untouched bases) the first `limit` questions of the split.

    Only what has no prediction yet is generated. Answers are judged at the end (store.settle). One failing model does
    not stop the others. ConfigError: no such questions, no model, unknown engine; MissingExtra: no torch.
    """
    if engine not in ENGINES:
        raise ConfigError(f"unknown engine {engine!r}. Known: {', '.join(ENGINES)}. Next: --engine {ENGINES[0]}")
    if importlib.util.find_spec("torch") is None or importlib.util.find_spec("transformers") is None:
        raise MissingExtra("torch", "cpu")
    decoder = decoder or Decoder()
    dtype = _dtype(dtype)
    ingest(store, store.spool_dir)
    chosen = list(trained_models(store) if models is None else models)
    if not chosen:
        raise ConfigError(f"{store.path} holds no finished run to evaluate. Next: cotdistill train --student tiny")
    questions = _questions(store, dataset, split, limit)
    evaluations = [
        keys.evaluation_key(m.weights_hash, dataset, split, decoder.as_json(), engine, dtype, m.template)
        for m in chosen
    ]
    _record(store, chosen, evaluations, dataset, split, decoder, engine, dtype)
    have = _answered(store, evaluations)
    wanted = {q.key: question_text(q) for q in questions}
    todo: list[int] = []
    jobs: list[dict[str, Any]] = []
    for i, (model, key) in enumerate(zip(chosen, evaluations, strict=True)):
        missing = [(q, text) for q, text in wanted.items() if q not in have.get(key, ())]
        if missing and key not in {evaluations[j] for j in todo}:
            todo.append(i)
            jobs.append(
                asdict(
                    Job(
                        evaluation_key=key,
                        weights_hash=model.weights_hash,
                        path=str(model.path.resolve()),
                        adapter=str(model.adapter.resolve()) if model.adapter else None,
                        template=model.template,
                        engine=engine,
                        dtype=dtype,
                        decoder=decoder.as_json(),
                        questions=missing,
                        spool_dir=str(store.spool_dir.resolve()),
                    )
                )
            )
    watch = _Watch([_label(chosen[i]) for i in todo], [len(job["questions"]) for job in jobs], progress)
    outcomes = workers.run_jobs(
        "cotdistill.evaluate.worker",
        jobs,
        processes=processes,
        log_dir=store.dir_for("runs") / "logs",
        on_message=watch.message,
        on_outcome=watch.outcome,
    )
    store.settle()
    now = _answered(store, evaluations)
    came = dict(zip(todo, outcomes, strict=True))
    results = []
    for i, (model, key) in enumerate(zip(chosen, evaluations, strict=True)):
        n = len(now.get(key, set()) & wanted.keys())
        n_new = n - len(have.get(key, set()) & wanted.keys())
        outcome = came.get(i)
        if outcome is None:
            results.append(EvaluationResult(key, model, "skipped", n, 0, 0.0))
        else:
            seconds = float(outcome.detail.get("seconds", 0.0))
            results.append(EvaluationResult(key, model, outcome.status, n, n_new, seconds, outcome.error))
    return results


class _Watch:
    def __init__(
        self, labels: list[str], totals: list[int], progress: Callable[[EvaluationProgress], None] | None
    ) -> None:
        self.labels, self.totals, self.progress = labels, totals, progress
        self.n_done = 0

    def message(self, job: int, message: workers.Message) -> None:
        if message.get("event") == "batch":
            self._tell(job, int(message["done"]), None)

    def outcome(self, job: int, outcome: workers.Outcome) -> None:
        self.n_done += 1
        self._tell(job, int(outcome.detail.get("n", 0)), outcome.error)

    def _tell(self, job: int, done: int, error: str | None) -> None:
        if self.progress:
            self.progress(
                EvaluationProgress(job, len(self.labels), self.n_done, self.labels[job], done, self.totals[job], error)
            )


def _label(model: Model) -> str:
    return f"{model.student}, untouched" if model.run_key is None else f"{model.student}, run {model.run_key[:8]}"


def _questions(store: Store, dataset: str, split: str, limit: int | None) -> list[Question]:
    with store.read() as con:
        rows = con.execute(
            (SQL / "questions.sql").read_text(), {"dataset": dataset, "split": split, "limit": limit or 2**62}
        ).fetchall()
        have = con.execute("SELECT DISTINCT dataset || ' / ' || split FROM question ORDER BY 1").fetchall()
    if not rows:
        raise ConfigError(
            f"{store.path} has no questions of {dataset} / {split}; it has: {', '.join(h for (h,) in have) or 'none'}. "
            f"Next: cotdistill questions load --dataset {dataset}"
        )
    return [Question(dataset, split, text, kind, gold, tuple(choices)) for _, text, choices, kind, gold in rows]


def _answered(store: Store, evaluations: Sequence[str]) -> dict[str, set[str]]:
    with store.read() as con:
        rows = con.execute(
            "SELECT evaluation_key, question_key FROM prediction WHERE list_contains(?, evaluation_key)",
            [list(evaluations)],
        ).fetchall()
    found: dict[str, set[str]] = {}
    for evaluation, question in rows:
        found.setdefault(evaluation, set()).add(question)
    return found


def _record(
    store: Store,
    models: Sequence[Model],
    evaluations: Sequence[str],
    dataset: str,
    split: str,
    decoder: Decoder,
    engine: str,
    dtype: str,
) -> None:
    shared: dict[str, Any] = {
        "dataset": dataset,
        "split": split,
        "decoder": as_json(decoder.as_json()),
        "engine": engine,
        "engine_version": importlib.metadata.version("transformers"),
        "dtype": dtype,
        "created_at": utc_now(),
    }
    rows = [
        {
            "evaluation_key": key,
            "run_key": model.run_key,
            "student": model.student,
            "weights_hash": model.weights_hash,
            "template": model.template,
            **shared,
        }
        for model, key in zip(models, evaluations, strict=True)
    ]
    with store.write() as con:
        store.insert(con, "evaluation", rows)


def _dtype(asked: str) -> str:
    """float32 on a CPU, where bfloat16 is emulated; bfloat16 on a GPU that has it."""
    if asked in ("float32", "bfloat16"):
        return asked
    if asked != "auto":
        raise ConfigError(f"unknown dtype {asked!r}. Known: auto, float32, bfloat16. Next: --dtype auto")
    if shutil.which("nvidia-smi") is None:
        return "float32"
    import torch

    return "bfloat16" if torch.cuda.is_available() and torch.cuda.is_bf16_supported() else "float32"
