"""`study run`: fill what a design misses, in the order of dependence; killed at any moment, the next run goes on.

Nothing is kept here but the store: every stage reads what is missing from it, and everything done is found there by its
content hash. Seeds are waves: a study that is stopped early has whole seeds, which can be compared.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from ..errors import BudgetReached, ConfigError
from ..store import audit
from ..store.loading import load_dataset
from ..store.locks import only_one
from ..store.questions import add_questions
from ..store.store import Store
from ..tasks.datasets.own import read_questions
from ..train.students import locate
from . import log, make_tasks
from .bases import base_hashes
from .corpora import read_corpora, to_audit
from .design import Design
from .evaluations import examined, missing_weights, read_evaluations
from .executor import Executor, Watch
from .grid import grids
from .state import RunState, State, read_cells, with_runs
from .tasks import Kind, Outcome, Task


@dataclass(frozen=True, slots=True)
class Ran:
    """What a run of a study did. `counts`: (kind, status) -> tasks; `stopped`: why it ended before its end, None where
    it did not; `errors`: (what, why) of tasks that failed; `missing`: evaluations that are still wanted."""

    counts: dict[tuple[str, str], int]
    stopped: str | None
    errors: tuple[tuple[str, str], ...]
    missing: int
    seconds: float


@dataclass(slots=True)
class _Work:
    design: Design
    store: Store
    executor: Executor
    watch: Watch
    counts: dict[tuple[str, str], int] = field(default_factory=dict)
    errors: list[tuple[str, str]] = field(default_factory=list)
    stopped: str | None = None

    def do(self, kind: Kind, tasks: Sequence[Task]) -> None:
        """Give tasks to the executor and write down how they ended."""
        if tasks:
            outcomes = self.executor.do(self.store, tasks, self.watch)
            self.ended(kind, [(task.label, outcome) for task, outcome in zip(tasks, outcomes, strict=True)])

    def ended(self, kind: Kind, outcomes: Sequence[tuple[str, Outcome]]) -> None:
        log.record(self.store, self.design, kind, outcomes)
        for label, outcome in outcomes:
            self.counts[kind, outcome.status] = self.counts.get((kind, outcome.status), 0) + 1
            if outcome.error is not None:
                self.errors.append((label, outcome.error))

    def timed(self, kind: Kind, label: str, work: Callable[[], Any]) -> None:
        """Work of this process itself, written down like a task."""
        started = time.monotonic()
        try:
            work()
        except ConfigError as error:
            self.ended(kind, [(label, Outcome(label, "failed", time.monotonic() - started, str(error)))])
            return
        self.ended(kind, [(label, Outcome(label, "done", time.monotonic() - started))])


def run_study(
    design: Design,
    store: Store,
    executor: Executor,
    *,
    max_usd: float | None = None,
    max_hours: float | None = None,
    watch: Watch | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Ran:
    """Do what is missing. `max_usd` is for all that the store records, over all its harvests; `max_hours` for this
    call: nothing new is begun after it. StoreError: another process runs this study. ConfigError: the design."""
    started = clock()
    told = watch or Watch()
    if max_hours is not None:
        ends = started + 3600 * max_hours
        told = replace(told, until=lambda: (watch is not None and watch.until()) or clock() >= ends)
    work = _Work(design, store, executor, told)
    store.settle()
    with only_one(store.spool_dir, f"study-{design.name}"):
        log.register(store, design)
        _questions(work)
        _harvest(work, max_usd)
        state = _bases(work, _corpora(work))
        missing = _students(work, state)
    if work.stopped is None and max_hours is not None and clock() >= started + 3600 * max_hours:
        work.stopped = f"--max-hours {max_hours:g} are over"
    return Ran(work.counts, work.stopped, tuple(work.errors), missing, clock() - started)


def _questions(work: _Work) -> None:
    """Every split of every data set that is asked about or examined on: a corpus must know what it may not hold."""
    design, store = work.design, work.store
    with store.read() as con:
        rows = con.execute("SELECT DISTINCT dataset, split FROM question").fetchall()
    there = {(dataset, split) for dataset, split in rows}
    trained = list(dict.fromkeys(name for grid in grids(design) for name in grid.datasets or ()))
    wanted = [(n, design.questions.split) for n in trained]
    wanted += [(n, design.evaluation.split) for n in examined(design, trained)]
    for name in dict.fromkeys(name for name, split in wanted if (name, split) not in there):
        work.watch.say(f"loading the questions of {name} ...")
        work.timed("questions", name, lambda name=name: _load(design, store, name))  # type: ignore[misc]


def _load(design: Design, store: Store, name: str) -> None:
    own = design.questions.own.get(name)
    if own is not None:
        add_questions(store, read_questions(own.file, name, own.kind, own.split))
    else:
        load_dataset(store, name, source=design.questions.source)


def _harvest(work: _Work, max_usd: float | None) -> None:
    state = read_cells(work.design, work.store)
    tasks = [t for t in make_tasks.harvests(state, max_usd=max_usd) if state.loaded.get((t.dataset, t.split))]
    for task in tasks:  # one at a time: each has its own teacher's limits, and a cap is for all of them
        try:
            work.do("harvest", [task])
        except BudgetReached as error:
            work.stopped = str(error).partition(" Next:")[0]
            work.watch.say(f"{work.stopped} Going on with the cells that are whole.")
            return


def _corpora(work: _Work) -> State:
    state = read_cells(work.design, work.store)
    for selection in work.design.selection:
        whole = [cell for cell in state.cells if cell.whole]
        if whole and (n := to_audit(work.store, selection, whole)):
            work.watch.say(f"auditing {n:,} rationales, for the selection {selection.name} ...")
            chosen = {"datasets": sorted({c.of.cell.dataset for c in whole})}
            work.timed("audit", selection.name, lambda chosen=chosen: audit.audit(work.store, **chosen))  # type: ignore[misc]
    corpora = tuple(read_corpora(state, work.store, record=True))
    work.ended(
        "corpora",
        [
            (one.label, Outcome(one.label, "failed" if one.reason else "done", 0.0, one.reason))
            for one in corpora
            if one.reason or one.corpus_hash
        ],
    )
    return with_runs(replace(state, corpora=corpora), work.store)


def _bases(work: _Work, state: State) -> State:
    """Students whose weights are neither here nor in a run of the store are fetched: runs are known by them."""
    unknown = {o.student.name: o.student for o in state.orders if state.hashes[o.student.name] is None}
    if not unknown or work.watch.until():
        return state
    for name, student in unknown.items():
        work.watch.say(f"fetching the student {name} ...")
        work.timed("students", name, partial(locate, student))
    return with_runs(replace(state, hashes=base_hashes(work.store, list(state.orders))), work.store)


def _students(work: _Work, state: State) -> int:
    """Train and examine, a seed at a time; returns how many evaluations are still wanted."""
    for seed in work.design.training.seeds:
        wanted = read_evaluations(state, work.store)
        again = {run.key for run in missing_weights(wanted)}
        work.do("train", make_tasks.trainings([r for r in state.runs if r.seed == seed and _to_train(r, again)]))
        state = with_runs(state, work.store)
        mine = [e for e in read_evaluations(state, work.store) if e.run is None or e.run.seed == seed]
        work.do("evaluate", make_tasks.evaluations(state, work.store, mine))
    return sum(not one.done for one in read_evaluations(state, work.store))


def _to_train(run: RunState, again: set[str | None]) -> bool:
    return run.status != "finished" or run.key in again
