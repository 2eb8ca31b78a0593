"""`evaluate`: ask models the questions of a split that they have not answered yet, and keep what they say."""

import importlib.metadata
import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from .. import environments, workers
from ..errors import ConfigError, MissingExtra
from ..store.ingest import ingest
from ..store.store import Store
from .decoding import Decoder
from .endpoint_engine import DTYPE as SERVED
from .endpoint_engine import NAME as ENDPOINT
from .merged import for_vllm
from .models import Model, trained_models
from .plan import Asking, Item, Task, answered, record, sheet, task
from .worker import ENGINES, Job, Part

_WORTH_A_CARD = 64  # answers: fewer are not worth loading a model on another card


@dataclass(frozen=True, slots=True)
class EvaluationResult:
    """What became of one evaluation. `status`: done, failed, lost (its process died), left (not begun), or skipped
    (nothing was missing).
    `n` answers are in the store now, `n_new` of them from this call; `seconds`: of the engine that answered them, with
    its loading, which may have answered other evaluations too. `questions`: what was asked, as keys."""

    evaluation_key: str
    model: Model
    status: str
    n: int
    n_new: int
    seconds: float
    error: str | None = None
    questions: tuple[str, ...] = ()


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
    samples: int = 1,
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
        Asking(decoder or Decoder(), split, limit, samples=samples),
        engine=engine,
        dtype=dtype,
        tensor_parallel=tensor_parallel,
        processes=processes,
        progress=progress,
    )


def evaluate_plan(
    store: Store,
    plan: Mapping[str, Sequence[Model]],
    asking: Asking | None = None,
    *,
    engine: str = "auto",
    dtype: str = "auto",
    tensor_parallel: int = 1,
    processes: int = 2,
    gpus: Sequence[int] = (),
    progress: Callable[[EvaluationProgress], None] | None = None,
    until: Callable[[], bool] = bool,
) -> list[EvaluationResult]:
    """Ask the models of every data set in `plan` its questions, as `asking` says; results in plan's order.

    Only what has no prediction yet is generated. What one loaded engine can answer is one job: with `vllm` a base and
    all its adapters on all data sets, with `transformers` one model on all data sets. With `gpus` one process a card
    (`tensor_parallel` cards together) shares what is missing. Answers are judged at the end (store.settle). One failing
    job does not stop the others. Once `until` is true no further job is begun; those that were not are `left`.
    ConfigError: no such questions, no model, unknown engine or one that is not installed; MissingExtra: no torch.
    """
    asking = asking or Asking()
    name, environment = resolve_engine(engine)
    if tensor_parallel != 1 and name != "vllm":
        raise ConfigError(
            f"engine {name} runs on one device; tensor_parallel is {tensor_parallel}. Next: --engine vllm"
        )
    slots = cards(gpus, tensor_parallel)
    models = [model for several in plan.values() for model in several]
    local = any(model.endpoint is None for model in models)
    if local and environment is None and any(importlib.util.find_spec(m) is None for m in ("torch", "transformers")):
        raise MissingExtra("torch", "cpu")
    dtype = resolve_dtype(dtype, environment) if local or not models else dtype
    ingest(store, store.spool_dir)
    if name == "vllm" and environment:
        plan = _as_vllm_takes_it(store, plan, environment, progress)
    tasks = []
    for dataset, several in plan.items():
        asked = sheet(store, dataset, asking) if several else None
        for model in several:
            assert asked is not None
            served = model.endpoint is not None
            tasks.append(task(model, asked, asking, ENDPOINT if served else name, SERVED if served else dtype))
    if not tasks:
        raise ConfigError(f"{store.path} holds no finished run to evaluate. Next: cotdistill train --student tiny")
    record(store, tasks, asking.label, {name: _engine_version(environment), ENDPOINT: "served"})
    have = answered(store, [one.key for one in tasks])
    missing = {one.key: one for one in tasks if one.items - have.get(one.key, set())}
    jobs = spread(_jobs(store, list(missing.values()), have, tensor_parallel), max(len(slots), 1))
    by_key: dict[str, list[workers.Outcome]] = {}
    for served in (False, True):
        mine = [job for job in jobs if (job.engine == ENDPOINT) is served]
        watch = _Watch(
            [_label([missing[part.evaluation_key].model for part in job.parts]) for job in mine],
            [sum(len(part.questions) for part in job.parts) for job in mine],
            progress,
        )
        outcomes = workers.run_jobs(
            "cotdistill.evaluate.worker",
            [asdict(job) for job in mine],
            processes=max(len(slots), 1) if slots and not served else processes,
            log_dir=store.dir_for("runs") / "logs",
            python=environment.python if environment and not served else None,
            slots=() if served else slots,
            on_message=watch.message,
            on_outcome=watch.outcome,
            until=until,
        )
        for job, outcome in zip(mine, outcomes, strict=True):
            for part in job.parts:
                by_key.setdefault(part.evaluation_key, []).append(outcome)
    store.settle()
    now = answered(store, [one.key for one in tasks])
    return [_result(one, have, now, by_key.get(one.key, [])) for one in tasks]


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
        raise ConfigError(
            f"unknown engine {name!r}. Known: auto, {', '.join(ENGINES)} (a server: --endpoint URL). "
            f"Next: --engine {ENGINES[0]}"
        )
    return name, environments.require(name) if name in environments.DISTRIBUTIONS else None


def cards(gpus: Sequence[int], tensor_parallel: int) -> list[dict[str, str]]:
    """The environment of one process per card, or per `tensor_parallel` cards. ConfigError: no whole groups, or a card
    named twice."""
    if len(set(gpus)) != len(gpus) or len(gpus) % tensor_parallel:
        raise ConfigError(
            f"--gpus {','.join(map(str, gpus))} are not whole groups of {tensor_parallel} different cards. "
            f"Next: --gpus 0,1,2,3"
        )
    groups = [gpus[i : i + tensor_parallel] for i in range(0, len(gpus), tensor_parallel)]
    return [{"CUDA_VISIBLE_DEVICES": ",".join(map(str, group)), "CUDA_DEVICE_ORDER": "PCI_BUS_ID"} for group in groups]


def spread(jobs: Sequence[Job], n: int) -> list[Job]:
    """The jobs, the largest of them halved until there are `n` or none is worth it: no card waits while another
    works."""
    made = list(jobs)
    while made and len(made) < n:
        largest = max(made, key=_size)
        if _size(largest) < 2 * _WORTH_A_CARD or largest.engine == ENDPOINT:
            break
        made.remove(largest)
        made += _halves(largest)
    return made


def _size(job: Job) -> int:
    return sum(len(part.questions) for part in job.parts)


def _halves(job: Job) -> list[Job]:
    """Every other question of every part, and the rest: both halves have every model's share."""
    halves = []
    for first in (0, 1):
        parts: list[Part] = []
        for part in job.parts:
            if questions := part.questions[first::2]:
                parts.append(replace(part, questions=questions))
        halves.append(replace(job, parts=parts))
    return halves


def _jobs(store: Store, missing: Sequence[Task], have: Mapping[str, set[Item]], tensor_parallel: int) -> list[Job]:
    """One job for what one loaded engine answers together."""
    groups: dict[tuple[str, ...], list[Task]] = {}
    for one in missing:
        groups.setdefault(_loaded_together(one.model, one.engine), []).append(one)
    return [
        Job(
            path=str(group[0].model.path.resolve()),
            template=group[0].model.template,
            engine=group[0].engine,
            dtype=group[0].dtype,
            tensor_parallel=tensor_parallel,
            spool_dir=str(store.spool_dir.resolve()),
            parts=[one.part(have.get(one.key, set())) for one in group],
            endpoint=asdict(group[0].model.endpoint) if group[0].model.endpoint else None,
        )
        for group in groups.values()
    ]


def _loaded_together(model: Model, engine: str) -> tuple[str, ...]:
    """Models with the same of these are answered by one loaded engine."""
    if model.endpoint is not None:
        return (ENDPOINT, model.weights_hash)
    adapter = "" if engine == "vllm" or model.adapter is None else str(model.adapter)
    return (str(model.path), model.template, adapter)


def _result(
    one: Task, before: Mapping[str, set[Item]], now: Mapping[str, set[Item]], outcomes: Sequence[workers.Outcome]
) -> EvaluationResult:
    n = len(now.get(one.key, set()) & one.items)
    n_new = n - len(before.get(one.key, set()) & one.items)
    questions = tuple(one.sheet.wanted)
    if not outcomes:
        return EvaluationResult(one.key, one.model, "skipped", n, 0, 0.0, None, questions)
    worst = next((outcome for outcome in outcomes if outcome.status != "done"), outcomes[0])
    seconds = max(float(outcome.detail.get("seconds", 0.0)) for outcome in outcomes)
    return EvaluationResult(one.key, one.model, worst.status, n, n_new, seconds, worst.error, questions)


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


def _label(several: Sequence[Model]) -> str:
    models = list({model.weights_hash: model for model in several}.values())
    if len(models) > 1:
        return f"{models[0].student}, {len(models)} models on one base"
    (model,) = models
    names = {"run": f"run {(model.run_key or '')[:8]}", "base": "untouched", "teacher": "unaided"}
    return f"{model.student}, {names.get(model.what, model.what)}"


def _engine_version(environment: environments.Environment | None) -> str:
    if environment is None:
        found = importlib.util.find_spec("transformers")
        return importlib.metadata.version("transformers") if found else "none"
    cpu = " (CPU build)" if environment.distribution.endswith("-cpu") else ""
    return f"{environment.version}{cpu}"


def resolve_dtype(asked: str, environment: environments.Environment | None) -> str:
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
