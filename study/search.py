"""`study search`: successive halving on a design, for one student and data set; every rung is a smaller study.

A rung is filled like any study (study/run.py), so that what it trained is in the store, is never trained twice, and a
search that was killed goes on.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import ConfigError, TrainError
from ..evaluate.models import base_model
from ..evaluate.scoring import score_rationales
from ..store.store import Store
from ..train import estimate
from .bases import local_dir, orders_of
from .design import Baselines, Design, Without
from .evaluations import EvaluationState, read_evaluations
from .executor import Executor, Watch
from .halving import Found, Measured, search
from .plan import supervision
from .run import run_study
from .state import CellState, RunState, State, read_cells, read_state

SQL = Path(__file__).parent / "sql"
SCORED = 100  # rationales of a cell that the prior looks at
SLACK = 1.5  # questions asked for each row wanted: some replies are wrong
EXAMINED = 250  # questions at most, where only a part of the rows is trained on: the first ones, the same for all


@dataclass(slots=True)
class StudyBench:
    """Measures by running smaller studies."""

    design: Design
    store: Store
    executor: Executor
    watch: Watch
    max_usd: float | None = None
    with_prior: bool = True
    names: dict[str, CellState] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for cell in read_cells(self.design, self.store).cells:
            if not cell.of.baseline:
                self.names[supervision(cell)] = cell

    def prior(self, arms: Sequence[str]) -> Mapping[str, float] | None:
        """Mean negative log-likelihood a token under the untrained student, of a hundred rationales of each cell."""
        if not self.with_prior:
            return None
        cells = [self.names[name].of.cell for name in arms]
        order = orders_of(self.design)[0]
        there = local_dir(order.student)
        if there is None or not all(cell.plan.n_cached for cell in self.names.values()):
            return None
        model = base_model(order.student.name, there, order.template)
        score_rationales(self.store, model, cells, limit=SCORED, processes=self.design.training.processes)
        params = {"cells": [c.key for c in cells], "weights": model.weights_hash, "template": model.template}
        with self.store.read() as con:
            found = dict(con.execute((SQL / "priors.sql").read_text(), params).fetchall())
        return {name: found[self.names[name].of.cell.key] for name in arms if self.names[name].of.cell.key in found}

    def measure(self, arms: Sequence[str], share: float, seed: int) -> Mapping[str, Measured]:
        """Fill the rung, then read it. TrainError: an arm has no answers afterwards."""
        rung = self.rung(arms, share, seed)
        ran = run_study(rung, self.store, self.executor, max_usd=self.max_usd, watch=self.watch)
        if ran.stopped or ran.errors:
            why = ran.stopped or "; ".join(f"{what}: {error}" for what, error in ran.errors[:3])
            raise TrainError(f"the search stopped: {why}. Next: the same command again, it goes on")
        return read_rung(rung, self.store)

    def rung(self, arms: Sequence[str], share: float, seed: int) -> Design:
        """The study of some arms, a share of the rows and one seed."""
        out = [cell for name, cell in self.names.items() if name not in arms]
        selection, questions, training = self.design.selection[0], self.design.questions, self.design.training
        evaluation = self.design.evaluation
        if share < 1.0:
            dataset = self.design.cells.datasets[0]
            most = max(cell.plan.n_wanted for cell in self.names.values()) // self.design.asking.samples
            rows = max(1, math.ceil(share * min(most, selection.rows or most)))
            selection = selection.model_copy(update={"rows": rows})
            asked = min(most, math.ceil(SLACK * rows))
            questions = questions.model_copy(update={"limits": {**questions.limits, dataset: asked}})
            evaluation = evaluation.model_copy(update={"limit": min(evaluation.limit or EXAMINED, EXAMINED)})
        without = [
            Without(
                teachers=(c.of.cell.teacher,),
                levels=None if c.of.cell.recipe.level is None else (c.of.cell.recipe.level,),
                formats=None if c.of.cell.recipe.format is None else (c.of.cell.recipe.format,),
                gold_visible=(c.of.cell.recipe.gold_visible,),
            )
            for c in out
        ]
        return self.design.model_copy(
            update={
                "questions": questions,
                "selection": (selection,),
                "without": (*self.design.without, *without),
                "training": training.model_copy(update={"seeds": (training.seeds[seed],)}),
                "evaluation": evaluation,
            }
        )


def narrowed(design: Design, student: str, dataset: str | None) -> Design:
    """The design for one student and data set, without baselines. ConfigError: it has no such student or data set, or
    says not which of several."""
    if student not in design.training.students:
        raise ConfigError(
            f"study {design.name} trains no {student!r}: {', '.join(design.training.students)}. Next: --student one"
        )
    chosen = dataset or (design.cells.datasets[0] if len(design.cells.datasets) == 1 else None)
    if chosen not in design.cells.datasets:
        raise ConfigError(f"study {design.name} has {', '.join(design.cells.datasets)}. Next: --dataset one of them")
    if len(design.selection) > 1 or design.selection[0].rules is not None:
        raise ConfigError(
            f"study {design.name}: a search compares cells by one plain [[selection]]. Next: take it away"
        )
    also = tuple(
        grid.model_copy(update={"datasets": (chosen,)})
        for grid in design.also
        if (grid.datasets is None or chosen in grid.datasets) and (grid.students is None or student in grid.students)
    )
    return design.model_copy(
        update={
            "name": f"{design.name}.search",
            "cells": design.cells.model_copy(update={"datasets": (chosen,), "students": (student,)}),
            "also": tuple(grid.model_copy(update={"students": (student,)}) for grid in also),
            "training": design.training.model_copy(update={"students": (student,)}),
            "baselines": Baselines(untouched=False, answer_only=False, human=False),
        }
    )


def search_study(
    design: Design,
    store: Store,
    executor: Executor,
    *,
    student: str,
    dataset: str | None = None,
    prior: bool = True,
    max_usd: float | None = None,
    watch: Watch | None = None,
) -> tuple[Found, float]:
    """(what was found, the share of the full grid's training that it took). ConfigError as `narrowed`; TrainError: a
    rung could not be filled."""
    mine = narrowed(design, student, dataset)
    bench = StudyBench(mine, store, executor, watch or Watch(), max_usd, prior)
    found = search(list(bench.names), bench, len(mine.training.seeds))
    return found, found.cost / full_cost(mine, store)


def full_cost(design: Design, store: Store) -> float:
    """Tokens that the full grid's trainings read."""
    return sum(cost_of(run) for run in read_state(design, store).runs)


def cost_of(run: RunState) -> float:
    """Tokens (word pieces) that a training reads, epochs counted: what trainings of one student are compared by."""
    profile = run.order.profile
    rows = estimate.n_steps(run.corpus.n_rows, profile) * profile.batch_size * profile.accumulate
    return rows * run.corpus.tokens


def read_rung(rung: Design, store: Store) -> dict[str, Measured]:
    """Every arm of a filled study with one seed: its answers and its cost."""
    state = read_state(rung, store)
    evaluations = [e for e in read_evaluations(state, store) if e.run is not None]
    keys = [e.key for e in evaluations if e.key is not None and e.done]
    with store.read() as con:
        rows = con.execute((SQL / "answers.sql").read_text(), {"evaluations": keys}).fetchall()
    scores = {key: dict(zip(questions, shares, strict=True)) for key, questions, shares in rows}
    by_cell = {cell.of.cell.key: supervision(cell) for cell in state.cells}
    found = {}
    for one in evaluations:
        if one.key in scores and one.run is not None:
            cost = cost_of(one.run)
            for name in _sharing(state, one, by_cell):
                found[name] = Measured(scores[one.key], cost)
    return found


def _sharing(state: State, one: EvaluationState, by_cell: Mapping[str, str]) -> list[str]:
    """The arms of a run: cells with the same rows share it."""
    assert one.run is not None
    same = one.run.corpus.corpus_hash
    return [by_cell[c.cell.cell.key] for c in state.corpora if c.corpus_hash == same and c.cell.cell.key in by_cell]
