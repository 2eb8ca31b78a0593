"""`evaluate`: ask models the questions of a split that they have not answered yet, and keep what they say."""

import importlib.metadata
import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass

from .. import environments, workers
from ..errors import ConfigError, MissingExtra
from ..store.ingest import ingest
from ..store.spool import utc_now
from ..store.store import Store, as_json
from ..tasks import keys
from ..tasks.render import question_text
from ..tasks.values import Question
from .decoding import Decoder
from .merged import for_vllm
from .models import SQL, Model, trained_models
from .worker import ENGINES, Job, Part


@dataclass(frozen=True, slots=True)
class EvaluationResult:
    """What became of one evaluation. `status`: done, failed, lost (its process died), or skipped (nothing was missing).
    `n` answers are in the store now, `n_new` of them from this call; `seconds`: of the engine that answered them, with
    its loading, which may have answered other evaluations too."""

    evaluation_key: str
    model: Model
    status: str
    n: int
    n_new: int
    seconds: float
    error: str | None = None


@dataclass(frozen=True, slots=True)
class EvaluationProgress:
    """What a progress bar shows: questions answered by one model, and models done. `error`: what went wrong, or what is
    to be warned of before the first answer."""

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
    tensor_parallel: int = 1,
    processes: int = 2,
    progress: Callable[[EvaluationProgress], None] | None = None,
) -> list[EvaluationResult]:
    """Ask every model (None: all finished runs and their untouched bases) the first `limit` questions of the split.

    As `evaluate_plan`, of one data set.
    """
    ingest(store, store.spool_dir)
    chosen = list(trained_models(store) if models is None else models)
    return evaluate_plan(
        store,
        {dataset: chosen},
        split=split,
        limit=limit,
        decoder=decoder,
        engine=engine,
        dtype=dtype,
        tensor_parallel=tensor_parallel,
        processes=processes,
        progress=progress,
    )


def evaluate_plan(
    store: Store,
    plan: Mapping[str, Sequence[Model]],
    *,
    split: str = "test",
    limit: int | None = None,
    decoder: Decoder | None = None,
    engine: str = "auto",
    dtype: str = "auto",
    tensor_parallel: int = 1,
    processes: int = 2,
    progress: Callable[[EvaluationProgress], None] | None = None,
) -> list[EvaluationResult]:
    """Ask the models of every data set in `plan` its first `limit` questions of the split; results in plan's order.

    Only what has no prediction yet is generated. What one loaded engine can answer is one job: with `vllm` a base and
    all its adapters on all data sets, with `transformers` one model on all data sets. Answers are judged at the end
    (store.settle). One failing job does not stop the others. ConfigError: no such questions, no model, unknown engine
    or one that is not installed; MissingExtra: no torch.
    """
    name, environment = resolve_engine(engine)
    if tensor_parallel != 1 and name != "vllm":
        raise ConfigError(
            f"engine {name} runs on one device; tensor_parallel is {tensor_parallel}. Next: --engine vllm"
        )
    if environment is None and any(importlib.util.find_spec(m) is None for m in ("torch", "transformers")):
        raise MissingExtra("torch", "cpu")
    decoder = decoder or Decoder()
    dtype = _dtype(dtype, environment)
    ingest(store, store.spool_dir)
    if name == "vllm" and environment:
        plan = _as_vllm_takes_it(store, plan, environment, progress)
    tasks = _tasks(store, plan, split, limit, decoder, name, dtype)
    if not tasks:
        raise ConfigError(f"{store.path} holds no finished run to evaluate. Next: cotdistill train --student tiny")
    _record(store, tasks, split, decoder, name, _engine_version(environment), dtype)
    have = _answered(store, [task.key for task in tasks])
    groups: dict[tuple[str, ...], dict[str, _Task]] = {}
    for task in tasks:
        if task.wanted.keys() - have.get(task.key, set()):
            groups.setdefault(_loaded_together(task.model, name), {}).setdefault(task.key, task)
    jobs = [
        asdict(
            Job(
                path=str(first.model.path.resolve()),
                template=first.model.template,
                engine=name,
                dtype=dtype,
                tensor_parallel=tensor_parallel,
                spool_dir=str(store.spool_dir.resolve()),
                parts=[task.part(decoder, have.get(task.key, set())) for task in group.values()],
            )
        )
        for group in groups.values()
        for first in [next(iter(group.values()))]
    ]
    watch = _Watch(
        [_label(group) for group in groups.values()],
        [sum(len(part["questions"]) for part in job["parts"]) for job in jobs],
        progress,
    )
    outcomes = workers.run_jobs(
        "cotdistill.evaluate.worker",
        jobs,
        processes=processes,
        log_dir=store.dir_for("runs") / "logs",
        python=environment.python if environment else None,
        on_message=watch.message,
        on_outcome=watch.outcome,
    )
    store.settle()
    now = _answered(store, [task.key for task in tasks])
    came = {key: outcome for group, outcome in zip(groups.values(), outcomes, strict=True) for key in group}
    return [task.result(have, now, came.get(task.key)) for task in tasks]


def _as_vllm_takes_it(
    store: Store,
    plan: Mapping[str, Sequence[Model]],
    environment: environments.Environment,
    progress: Callable[[EvaluationProgress], None] | None,
) -> dict[str, list[Model]]:
    """`plan` with the adapters merged that vLLM does not take."""

    def say(text: str) -> None:
        if progress:
            progress(EvaluationProgress(0, 1, 0, "vllm", 0, 0, text))

    runs = store.dir_for("runs")
    return {name: [for_vllm(model, environment, runs, say) for model in models] for name, models in plan.items()}


def resolve_engine(name: str) -> tuple[str, environments.Environment | None]:
    """(the engine's own name, the environment it runs in; None: this one). "auto" is vllm where there is a GPU and vLLM
    is installed, else transformers. ConfigError: unknown, or not installed."""
    if name == "auto":
        name = "vllm" if shutil.which("nvidia-smi") and environments.find("vllm") else "transformers"
    if name not in ENGINES:
        raise ConfigError(f"unknown engine {name!r}. Known: auto, {', '.join(ENGINES)}. Next: --engine {ENGINES[0]}")
    return name, environments.require(name) if name in environments.DISTRIBUTIONS else None


@dataclass(frozen=True, slots=True)
class _Task:
    """One evaluation: a model on a data set. `wanted`: question_key -> the question as text."""

    key: str
    model: Model
    dataset: str
    wanted: Mapping[str, str]

    def part(self, decoder: Decoder, have: set[str]) -> Part:
        return Part(
            evaluation_key=self.key,
            weights_hash=self.model.weights_hash,
            adapter=str(self.model.adapter.resolve()) if self.model.adapter else None,
            decoder=decoder.as_json(),
            questions=[(key, text) for key, text in self.wanted.items() if key not in have],
        )

    def result(
        self, before: Mapping[str, set[str]], now: Mapping[str, set[str]], outcome: workers.Outcome | None
    ) -> EvaluationResult:
        n = len(now.get(self.key, set()) & self.wanted.keys())
        n_new = n - len(before.get(self.key, set()) & self.wanted.keys())
        if outcome is None:
            return EvaluationResult(self.key, self.model, "skipped", n, 0, 0.0)
        seconds = float(outcome.detail.get("seconds", 0.0))
        return EvaluationResult(self.key, self.model, outcome.status, n, n_new, seconds, outcome.error)


def _tasks(
    store: Store,
    plan: Mapping[str, Sequence[Model]],
    split: str,
    limit: int | None,
    decoder: Decoder,
    engine: str,
    dtype: str,
) -> list[_Task]:
    tasks = []
    for dataset, models in plan.items():
        if models:
            wanted = {q.key: question_text(q) for q in _questions(store, dataset, split, limit)}
        for model in models:
            key = keys.evaluation_key(
                model.weights_hash, dataset, split, decoder.as_json(), engine, dtype, model.template
            )
            tasks.append(_Task(key, model, dataset, wanted))
    return tasks


def _loaded_together(model: Model, engine: str) -> tuple[str, ...]:
    """Models with the same of these are answered by one loaded engine."""
    adapter = "" if engine == "vllm" or model.adapter is None else str(model.adapter)
    return (str(model.path), model.template, adapter)


class _Watch:
    def __init__(
        self, labels: list[str], totals: list[int], progress: Callable[[EvaluationProgress], None] | None
    ) -> None:
        self.labels, self.totals, self.progress = labels, totals, progress
        self.n_done = 0

    def message(self, job: int, message: workers.Message) -> None:
        if message.get("event") == "batch":
            self._tell(job, int(message["done"]), None)
        elif message.get("event") == "warning":
            self._tell(job, 0, str(message["text"]))

    def outcome(self, job: int, outcome: workers.Outcome) -> None:
        self.n_done += 1
        self._tell(job, int(outcome.detail.get("n", 0)), outcome.error)

    def _tell(self, job: int, done: int, error: str | None) -> None:
        if self.progress:
            self.progress(
                EvaluationProgress(job, len(self.labels), self.n_done, self.labels[job], done, self.totals[job], error)
            )


def _label(group: Mapping[str, _Task]) -> str:
    models = list({task.model.weights_hash: task.model for task in group.values()}.values())
    if len(models) > 1:
        return f"{models[0].student}, {len(models)} models on one base"
    (model,) = models
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
    store: Store, tasks: Sequence[_Task], split: str, decoder: Decoder, engine: str, version: str, dtype: str
) -> None:
    rows = [
        {
            "evaluation_key": task.key,
            "run_key": task.model.run_key,
            "student": task.model.student,
            "weights_hash": task.model.weights_hash,
            "dataset": task.dataset,
            "split": split,
            "decoder": as_json(decoder.as_json()),
            "engine": engine,
            "engine_version": version,
            "dtype": dtype,
            "template": task.model.template,
            "created_at": utc_now(),
        }
        for task in tasks
    ]
    with store.write() as con:
        store.insert(con, "evaluation", rows)


def _engine_version(environment: environments.Environment | None) -> str:
    if environment is None:
        return importlib.metadata.version("transformers")
    cpu = " (CPU build)" if environment.distribution.endswith("-cpu") else ""
    return f"{environment.version}{cpu}"


def _dtype(asked: str, environment: environments.Environment | None) -> str:
    """float32 on a CPU, where bfloat16 is emulated; bfloat16 on a GPU that has it, by the engine's own torch."""
    if asked in ("float32", "bfloat16"):
        return asked
    if asked != "auto":
        raise ConfigError(f"unknown dtype {asked!r}. Known: auto, float32, bfloat16. Next: --dtype auto")
    if shutil.which("nvidia-smi") is None:
        return "float32"
    code = "import torch; print(torch.cuda.is_available() and torch.cuda.is_bf16_supported())"
    python = environment.python if environment else sys.executable
    done = subprocess.run([python, "-c", code], capture_output=True, text=True)
    return "bfloat16" if done.stdout.strip() == "True" else "float32"
