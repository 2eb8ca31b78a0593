"""The evaluations of a design: which models on which questions, and how many answers are there."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import ConfigError
from ..evaluate.models import Model
from ..evaluate.options import EXAMINED_ON, Options
from ..evaluate.plan import Asking, Sheet, Task, answered, sheet, task
from ..evaluate.run import resolve_dtype, resolve_engine
from ..store.store import Store
from ..train.wanted import Order
from .design import Design
from .state import RunState, State

SQL = Path(__file__).parent / "sql"


@dataclass(frozen=True, slots=True)
class EvaluationState:
    """One model on one data set. `run` None: the untouched student. `key` None: the model is not there yet, or the
    questions are not loaded; then `n_wanted` is what is expected."""

    run: RunState | None
    order: Order
    dataset: str
    n_wanted: int
    n_have: int = 0
    key: str | None = None

    @property
    def done(self) -> bool:
        return self.key is not None and self.n_have >= self.n_wanted

    @property
    def label(self) -> str:
        who = self.run.label if self.run is not None else f"{self.order.student.name} untouched"
        return f"{who}, on {self.dataset}"


def options_of(design: Design) -> Options:
    """The design's evaluation as `evaluate` takes it."""
    e = design.evaluation
    return Options(
        split=e.split,
        limit=e.limit,
        where=e.where,
        max_new_tokens=str(e.max_new_tokens),
        decode=e.decode,
        beams=e.beams,
        samples=e.samples,
        temperature=e.temperature,
        top_p=e.top_p,
        seed=e.seed,
        shots=e.shots,
    )


def examined_on(design: Design, trained_on: str) -> tuple[str, ...]:
    """The data sets that students of one data set are examined on."""
    return design.evaluation.datasets.get(trained_on) or (EXAMINED_ON.get(trained_on, trained_on),)


def examined(design: Design, trained_on: Iterable[str]) -> list[str]:
    """The data sets that students of these data sets are examined on, each once."""
    return list(dict.fromkeys(name for dataset in trained_on for name in examined_on(design, dataset)))


def all_examined(state: State) -> list[str]:
    """Every data set that anything is examined on."""
    return examined(state.design, (cell.of.cell.dataset for cell in state.cells))


def read_evaluations(state: State, store: Store) -> list[EvaluationState]:
    """Every evaluation the design wants, in the order of its runs, untouched students first."""
    design, options = state.design, options_of(state.design)
    loaded = [name for name in all_examined(state) if state.loaded.get((name, design.evaluation.split))]
    asking = options.asked(store, loaded)
    sheets = {name: sheet(store, name, asking) for name in loaded}
    engine, dtype = engine_of(state, store)
    found: list[tuple[EvaluationState, Task | None]] = []
    for run, order, weights, dataset in _models(state):
        if dataset not in sheets:
            found.append((EvaluationState(run, order, dataset, _expected(state, dataset, options)), None))
            continue
        n = len(sheets[dataset].wanted) * asking.samples
        one = _task(run, order, weights, sheets[dataset], asking, engine, dtype) if weights else None
        found.append((EvaluationState(run, order, dataset, n, key=one.key if one else None), one))
    tasks = {one.key: one for _, one in found if one is not None}
    have = answered(store, list(tasks))
    return [
        state if one is None else EvaluationState(
            state.run, state.order, state.dataset, state.n_wanted, len(have.get(one.key, set()) & one.items), one.key
        )
        for state, one in found
    ]  # fmt: skip


def engine_of(state: State, store: Store) -> tuple[str, str]:
    """(engine, dtype) of the design. Where it leaves them open: what most answers of its models came from so far, so
    that a study is not answered by two engines; else what this machine has."""
    asked = state.design.evaluation
    weights = [h for h in state.hashes.values() if h] + [
        run.outcome["weights_hash"] for run in state.runs if "weights_hash" in run.outcome
    ]
    with store.read() as con:
        params = {"weights": weights, "datasets": all_examined(state)}
        rows = con.execute((SQL / "engines.sql").read_text(), params).fetchall()
    for engine, dtype, _ in rows:
        if asked.engine in ("auto", engine) and asked.dtype in ("auto", dtype):
            return engine, dtype
    try:
        name, environment = resolve_engine(asked.engine)
    except ConfigError:  # a plan may be made where the engine is not
        return asked.engine, asked.dtype if asked.dtype != "auto" else "float32"
    return name, resolve_dtype(asked.dtype, environment)


def _models(state: State) -> Iterator[tuple[RunState | None, Order, str | None, str]]:
    design = state.design
    if design.baselines.untouched:
        seen = set()
        for order in state.orders:
            for dataset in _examined_by(state, order):
                if (order.student.name, order.template, dataset) not in seen:
                    seen.add((order.student.name, order.template, dataset))
                    yield None, order, state.hashes[order.student.name], dataset
    for run in state.runs:
        weights = run.outcome.get("weights_hash") if run.status == "finished" else None
        for dataset in examined_on(design, run.corpus.cell.cell.dataset):
            yield run, run.order, weights, dataset


def _examined_by(state: State, order: Order) -> list[str]:
    mine = (run for run in state.runs if run.order.student.name == order.student.name)
    return examined(state.design, (run.corpus.cell.cell.dataset for run in mine))


def _task(run: RunState | None, order: Order, weights: str, of: Sheet, asking: Asking, engine: str, dtype: str) -> Task:
    what = "base" if run is None else "run"
    model = Model(order.student.name, Path(), order.template, weights, run.key if run else None, what=what)
    return task(model, of, asking, engine, dtype)


def _expected(state: State, dataset: str, options: Options) -> int:
    n = state.sizes.count(dataset, options.split, options.limit)
    return (n if n is not None else options.limit or 0) * options.n_samples


def missing_weights(found: Sequence[EvaluationState]) -> list[RunState]:
    """Finished runs whose weights are gone and that still have to answer: they are trained again."""
    gone = [e.run for e in found if e.run is not None and not e.done and e.run.status == "finished"]
    return list({run.key: run for run in gone if not run.weights_there}.values())
