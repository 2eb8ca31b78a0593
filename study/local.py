"""The executor of this machine: harvests in this process, trains and evaluates in worker processes side by side.

It calls what the verbs `generate`, `train` and `evaluate` call.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import BudgetReached, Error, StoreError
from ..evaluate.models import Model, base_model, trained_models
from ..evaluate.options import Options
from ..evaluate.run import EvaluationProgress, EvaluationResult, evaluate_plan
from ..gen.purchase import Purchase, Watcher, ask, pending, planned
from ..gen.tally import Tally
from ..gen.teachers import Teacher
from ..store.corpora import Corpus, load_corpora
from ..store.jobs import record_job
from ..store.store import Store
from ..tasks.values import Recipe, Sampling
from ..train.profiles import Profile
from ..train.run import TrainProgress, train_wanted
from ..train.students import find, locate, resolve_student
from ..train.wanted import Order, Wanted, check, wanted_of
from .executor import Watch
from .tasks import EvaluateTask, HarvestTask, Outcome, Task, TrainTask


@dataclass(frozen=True, slots=True)
class LocalExecutor:
    """`processes`: runs and models side by side, one thread each; `gpus`: one process a card instead."""

    processes: int = 2
    gpus: tuple[str, ...] = ()

    def do(self, store: Store, tasks: Sequence[Task], watch: Watch) -> list[Outcome]:
        """As the Protocol says."""
        harvests = [task for task in tasks if isinstance(task, HarvestTask)]
        trainings = [task for task in tasks if isinstance(task, TrainTask)]
        evaluations = [task for task in tasks if isinstance(task, EvaluateTask)]
        outcomes = [harvest_one(store, task, watch) for task in harvests]
        outcomes += self._train(store, trainings, watch) if trainings else []
        outcomes += self._evaluate(store, evaluations, watch) if evaluations else []
        by_key = {outcome.key: outcome for outcome in outcomes}
        return [by_key[task.key] for task in tasks]

    def _train(self, store: Store, tasks: Sequence[TrainTask], watch: Watch) -> list[Outcome]:
        wanted, errors = wanted_by(store, tasks)
        failed = [Outcome(key, "failed", 0.0, error) for key, error in errors.items()]
        tasks = [task for task in tasks if task.key in wanted]
        if not tasks:
            return failed
        record_job(store, "train", {"study": [task.label for task in tasks], "gpus": list(self.gpus)})
        done: dict[int, float] = {}

        def show(now: TrainProgress) -> None:
            if now.event == "step":
                done[now.run] = now.step / max(1, now.n_steps)
            elif now.event in ("finished", "failed", "interrupted"):
                done[now.run] = 1.0
                if now.error:
                    watch.say(f"{now.label}: {now.event}: {now.error}")
            watch.progress("train", sum(done.values()), len(tasks), f"run {now.n_done}/{now.n_runs}")

        results = train_wanted(
            store,
            [wanted[task.key] for task in tasks],
            processes=self.processes,
            cards=self.gpus,
            progress=show,
            until=watch.until,
        )
        return failed + [
            Outcome(
                task.key,
                "done" if r.status in ("finished", "skipped") else "left" if r.status == "left" else "failed",
                float(r.detail.get("seconds", 0.0)),
                r.error,
                {"steps": r.detail.get("steps")},
            )
            for task, r in zip(tasks, results, strict=True)
        ]

    def _evaluate(self, store: Store, tasks: Sequence[EvaluateTask], watch: Watch) -> list[Outcome]:
        """Tasks that are asked alike are one evaluation of many models."""
        found: dict[str, Outcome] = {}
        groups: dict[tuple[str, str, str], list[EvaluateTask]] = {}
        for task in tasks:
            groups.setdefault((repr(sorted(task.options.items())), task.engine, task.dtype), []).append(task)
        for (_, engine, dtype), group in groups.items():
            plan: dict[str, list[Model]] = {}
            models = _models(store, group)
            for task in group:
                plan.setdefault(task.dataset, []).append(models[task.key])
            options = Options(**dict(group[0].options))
            asking = options.asked(store, list(plan))
            results = evaluate_plan(
                store,
                plan,
                asking,
                engine=engine,
                dtype=dtype,
                processes=self.processes,
                gpus=[int(card) for card in self.gpus],
                progress=_Answers(watch),
                until=watch.until,
            )
            by_model = {(r.model.weights_hash, r.model.template, d): r for d, r in _placed(plan, results)}
            for task in group:
                model = models[task.key]
                found[task.key] = _evaluated(task, by_model[model.weights_hash, model.template, task.dataset])
        return [found[task.key] for task in tasks]


def harvest_one(store: Store, task: HarvestTask, watch: Watch) -> Outcome:
    """One harvest from beginning to end. StoreError, BudgetReached: nothing else can be asked either."""
    purchase = purchase_of(task)
    started = time.monotonic()
    if watch.until():
        return Outcome(task.key, "left", 0.0)
    if purchase.max_usd is not None and purchase.teacher.price is None:
        unpriced = f"--max-usd cannot be kept: the price of {purchase.teacher.name} is unknown. Next: [asking] registry"
        return Outcome(task.key, "failed", 0.0, unpriced)

    def show(tally: Tally) -> None:
        words = f"{task.label}: {tally.rate:,.0f} replies/s, ${tally.usd:,.2f}"
        watch.progress("harvest", tally.n_cached + tally.n_done, tally.n_wanted, words)

    error: str | None = None
    with planned(store, purchase, [task.dataset]) as plan, pending(plan, purchase) as work:
        tally = work.tally
        try:
            ask(plan, work, purchase, Watcher(show, lambda n: watch.say(f"waiting for {n} open calls"), watch.until))
        except (StoreError, BudgetReached):
            store.settle()
            raise
        except Error as said:
            error = str(said)
        in_batches = work.in_batches
    store.settle()
    if error is None and tally.n_left > 0:
        error = None if watch.until() else f"{tally.n_left:,} replies did not come"
    status = "failed" if error else "left" if tally.n_left > 0 or in_batches else "done"
    detail = {"received": tally.n_done, "usd": round(tally.usd, 6), "left": tally.n_left, "in_batches": in_batches}
    return Outcome(task.key, status, time.monotonic() - started, error, detail)  # type: ignore[arg-type]


def purchase_of(task: HarvestTask) -> Purchase:
    """The task as `generate` would buy it."""
    recipes = tuple(Recipe(level, fmt, visible, version) for level, fmt, visible, version in task.recipes)  # type: ignore[arg-type]
    return Purchase(
        Teacher.model_validate(dict(task.teacher)),
        recipes,
        Sampling(**dict(task.sampling)),
        split=task.split,
        limit=task.limit,
        samples=task.samples,
        shard=task.shard,
        max_usd=task.max_usd,
        concurrency=task.concurrency,
        prompts=Path(task.prompts) if task.prompts else None,
    )


def wanted_by(store: Store, tasks: Sequence[TrainTask]) -> tuple[dict[str, Wanted], dict[str, str]]:
    """(each task's run by key, why there is none by key: its student is not to be had, or is another than it was).
    ConfigError: a corpus is not recorded."""
    hashes = list(dict.fromkeys(task.corpus_hash for task in tasks))
    corpora: dict[str, Corpus] = {c.corpus_hash: c for c in load_corpora(store, hashes)}
    found: dict[str, Wanted] = {}
    errors: dict[str, str] = {}
    groups: dict[tuple[str, str, str, int], list[TrainTask]] = {}
    for task in tasks:
        profile = repr(sorted(task.profile.items()))
        groups.setdefault((task.student, profile, task.trainer, task.seed), []).append(task)
    for group in groups.values():
        first = group[0]
        try:
            student = resolve_student(first.student)
            order = Order(student, Profile.model_validate(dict(first.profile)), [first.seed], first.trainer)
            check(order, 0)
            made = {w.key: w for w in wanted_of(order, [corpora[task.corpus_hash] for task in group])}
        except Error as error:
            errors |= {task.key: str(error) for task in group}
            continue
        found |= {task.key: made[task.key] for task in group if task.key in made}
        changed = f"the weights of {student.name} are not those that were planned with. Next: cotdistill study plan"
        errors |= {task.key: changed for task in group if task.key not in made}
    return found, errors


def _models(store: Store, tasks: Sequence[EvaluateTask]) -> dict[str, Model]:
    """Each task's model, by its key."""
    keys = [task.run_key for task in tasks if task.run_key is not None]
    trained = trained_models(store, keys, find=find) if keys else []
    runs = {model.run_key: model for model in trained}
    found: dict[str, Model] = {}
    for task in tasks:
        if task.run_key is not None:
            found[task.key] = runs[task.run_key]
        else:
            student = resolve_student(task.student)
            found[task.key] = base_model(student.name, locate(student), task.template)
    return found


def _placed(
    plan: "dict[str, list[Model]]", results: Sequence[EvaluationResult]
) -> "list[tuple[str, EvaluationResult]]":
    """Each result with its data set: results are in the plan's order."""
    datasets = [dataset for dataset, several in plan.items() for _ in several]
    return list(zip(datasets, results, strict=True))


def _evaluated(task: EvaluateTask, result: EvaluationResult) -> Outcome:
    status = {"done": "done", "skipped": "done", "left": "left"}.get(result.status, "failed")
    return Outcome(task.key, status, result.seconds, result.error, {"answers": result.n_new})  # type: ignore[arg-type]


class _Answers:
    """Turns what evaluations report into one progress over all their questions."""

    def __init__(self, watch: Watch) -> None:
        self.watch = watch
        self.answered: dict[int, int] = {}
        self.totals: dict[int, int] = {}

    def __call__(self, now: EvaluationProgress) -> None:
        self.answered[now.model], self.totals[now.model] = now.done, now.total
        total = sum(self.totals.values()) / len(self.totals) * now.n_models
        words = f"model {now.n_done}/{now.n_models}"
        self.watch.progress("evaluate", sum(self.answered.values()), total, words)
        if now.error:
            self.watch.say(f"{now.label}: {now.error}")
