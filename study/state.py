"""What a design has and misses: read from the store by content hashes, without writing, fetching or asking anything.

A cell is whole when no wanted reply is missing; a corpus is known when its cells are whole; a run is known by its
corpus; an evaluation by its run. So a changed line of study.toml changes the keys of what depends on it, and nothing
else.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from ..gen.plan import CellPlan, Order, make_plan
from ..gen.prompts import load_prompts
from ..gen.teachers import Teacher
from ..store.corpora import Asked
from ..store.store import Store
from ..tasks.datasets.own import read_questions
from ..tasks.values import Question
from ..train.wanted import Order as TrainOrder
from . import bases
from .design import Design, Selection
from .grid import StudyCell, cells_of, sampling_of, teachers_of
from .sizes import Sizes, load_sizes

SQL = Path(__file__).parent / "sql"
RunStatus = Literal["waiting", "missing", "finished", "failed", "interrupted", "running", "planned"]


@dataclass(frozen=True, slots=True)
class CellState:
    """One cell: what `plan` says of its replies, and by status how they ended. `expected`: its questions are not
    loaded, the counts are those that the data set is known to have."""

    of: StudyCell
    plan: CellPlan
    statuses: Mapping[str, int]
    expected: bool = False

    @property
    def whole(self) -> bool:
        return self.plan.n_missing == 0 and self.plan.n_wanted > 0 and not self.expected


@dataclass(frozen=True, slots=True)
class CorpusState:
    """The corpus that one selection makes of one cell (or a control of it). `corpus_hash` None: not known yet, or
    `reason` says why there is none. `n_rows` and `tokens` (mean word pieces of a row, question and completion): its
    own, or what is expected."""

    cell: StudyCell
    selection: Selection
    corpus_hash: str | None
    n_rows: int
    tokens: float = 0.0
    reason: str | None = None
    control: str | None = None

    @property
    def label(self) -> str:
        words = [self.cell.cell.label, *([self.control] if self.control else [])]
        return ", ".join(words) + (f" ({self.selection.name})" if self.selection.name != "correct" else "")


@dataclass(frozen=True, slots=True)
class RunState:
    """One run of the design. `key` None: its corpus or its student's weights are not known yet."""

    corpus: CorpusState
    order: TrainOrder
    seed: int
    key: str | None
    status: RunStatus
    outcome: Mapping[str, Any] = field(default_factory=dict)
    weights_there: bool = False

    @property
    def label(self) -> str:
        return f"{self.order.student.name} on {self.corpus.label}, seed {self.seed}"


@dataclass(frozen=True, slots=True)
class State:
    """Everything the design wants, with what is there. `loaded`: (data set, split) -> questions in the store;
    `asked`: by data set, which of a cell's members are the design's, where the store has more."""

    design: Design
    teachers: Mapping[str, Teacher]
    orders: tuple[TrainOrder, ...]
    hashes: Mapping[str, str | None]
    sizes: Sizes
    loaded: Mapping[tuple[str, str], int]
    cells: tuple[CellState, ...]
    asked: Mapping[str, Asked]
    corpora: tuple[CorpusState, ...] = ()
    runs: tuple[RunState, ...] = ()


def read_state(design: Design, store: Store) -> State:
    """The state of the design's cells, corpora and runs. ConfigError: the design names what does not exist."""
    from .corpora import read_corpora

    with store.read():
        state = read_cells(design, store)
        return with_runs(replace(state, corpora=tuple(read_corpora(state, store))), store)


def read_cells(design: Design, store: Store) -> State:
    """The state of the design's cells alone: what corpora are made of them takes most of the time that `read_state`
    takes. ConfigError: the design names what does not exist."""
    teachers = teachers_of(design)
    orders = tuple(bases.orders_of(design))
    with store.read() as con:
        rows = con.execute("SELECT dataset, split, count(*) FROM question GROUP BY ALL").fetchall()
        loaded = {(dataset, split): int(n) for dataset, split, n in rows}
        cells = cells_of(design, store, teachers)
        sizes = load_sizes().counting(_in_files(design, {dataset for dataset, _ in loaded}))
        return State(
            design,
            teachers,
            orders,
            bases.base_hashes(store, list(orders)),
            sizes,
            loaded,
            tuple(_cells(design, store, cells, teachers, loaded, sizes)),
            _asked(design, store, cells, teachers),
        )


def with_runs(state: State, store: Store) -> State:
    """The state with its runs as they are now; cells and corpora as they were."""
    return replace(state, runs=tuple(_runs(state, store)))


def order_of(design: Design, teacher: Teacher, dataset: str, cells: Sequence[StudyCell]) -> Order:
    """What one teacher is asked about one data set."""
    return Order(
        teacher,
        dataset,
        tuple(one.cell.recipe for one in cells),
        sampling_of(design, teacher),
        design.questions.split,
        design.questions.limit_of(dataset),
        design.asking.samples,
        prompts=load_prompts(design.asking.prompts),
    )


def _asked(
    design: Design, store: Store, cells: Sequence[StudyCell], teachers: Mapping[str, Teacher]
) -> dict[str, Asked]:
    """A store that another design asked more of does not change this one's corpora."""
    found = {}
    for dataset in dict.fromkeys(one.cell.dataset for one in cells):
        limit = design.questions.limit_of(dataset)
        params = {"dataset": dataset, "split": design.questions.split, "limit": limit}
        with store.read() as con:
            row = con.execute((SQL / "last_question.sql").read_text(), params).fetchone() if limit else None
        names = dict.fromkeys(
            one.cell.teacher for one in cells if one.cell.dataset == dataset and one.origin == "asked"
        )
        samplings = [order_of(design, teachers[name], dataset, ()).sampling_key for name in names]
        found[dataset] = Asked(row[0] if row else None, design.asking.samples, tuple(samplings) if samplings else None)
    return found


def _in_files(design: Design, loaded: set[str]) -> dict[str, list[Question]]:
    """The questions of your own that are not in the store yet, where their files are there."""
    found = {
        name: read_questions(own.file, name, own.kind, own.split)
        for name, own in design.questions.own.items()
        if name not in loaded and own.file.exists()
    }
    return {name: questions for name, questions in found.items() if questions}


def _cells(
    design: Design,
    store: Store,
    cells: Sequence[StudyCell],
    teachers: Mapping[str, Teacher],
    loaded: Mapping[tuple[str, str], int],
    sizes: Sizes,
) -> list[CellState]:
    with store.read() as con:
        found = con.execute((SQL / "reply_statuses.sql").read_text(), {"cells": [c.cell.key for c in cells]}).fetchall()
    statuses: dict[str, dict[str, int]] = {}
    for key, status, n in found:
        statuses.setdefault(key, {})[status or "missing"] = n
    planned: dict[str, CellPlan] = {}
    groups: dict[tuple[str, str], list[StudyCell]] = {}
    for one in cells:
        groups.setdefault((one.cell.dataset, one.cell.teacher), []).append(one)
    expected = set()
    for (dataset, name), members in groups.items():
        asked = [one for one in members if one.origin == "asked"]
        for one in members:
            if one.origin == "imported":
                n = sum(statuses.get(one.cell.key, {}).values())
                planned[one.cell.key] = CellPlan(one.cell, n, n, 0, 0, 0.0)
        if not asked:
            continue
        order = order_of(design, teachers[name], dataset, asked)
        if loaded.get((dataset, design.questions.split)):
            planned |= {plan.cell.key: plan for plan in make_plan(store, order, record=False)}
        else:
            planned |= {plan.cell.key: plan for plan in sizes.plans(order)}
            expected.add(dataset)
    return [
        CellState(
            one,
            planned[one.cell.key],
            statuses.get(one.cell.key, {}),
            one.cell.dataset in expected and one.origin == "asked",
        )
        for one in cells
    ]


def _runs(state: State, store: Store) -> list[RunState]:
    wanted: list[RunState] = []
    for seed in state.design.training.seeds:  # seeds outermost: a study that is stopped has whole seeds
        for order in state.orders:
            base = state.hashes[order.student.name]
            for one in state.corpora:
                if order.student.name not in _names(one.cell.students) or one.reason is not None:
                    continue
                corpus = one.corpus_hash
                key = order.run_key(base, corpus, seed) if corpus is not None and base is not None else None
                wanted.append(RunState(one, order, seed, key, "waiting" if corpus is None else "missing"))
    keys = [run.key for run in wanted if run.key]
    with store.read() as con:
        rows = con.execute((SQL / "runs.sql").read_text(), {"runs": keys}).fetchall()
    known = {key: (status, json.loads(outcome) if outcome else {}) for key, status, outcome in rows}
    folder = store.dir_for("runs")
    made: dict[Any, RunState] = {}
    for run in wanted:
        if run.key is not None and run.key in known:
            status, outcome = known[run.key]
            there = any((folder / run.key / "model").glob("*config.json"))
            run = replace(run, status=status, outcome=outcome, weights_there=there)
        made.setdefault(run.key or (run.label, str(run.order.profile.identity())), run)  # equal corpora share a run
    return list(made.values())


def _names(students: Sequence[str]) -> set[str]:
    """The names by which the store knows students: of a directory, its own."""
    from ..train.students import resolve_student

    return {resolve_student(name).name for name in students}
