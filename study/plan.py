"""`study plan`: every cell of a design with what is there, what is missing and what that will take; and what it will
tell. Nothing is written, fetched, asked or trained."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ..analysis.labels import recipe
from ..store.store import Store
from .design import Design
from .detect import Detectable, detectable
from .estimate import Estimates, Took, total
from .evaluations import EvaluationState, read_evaluations
from .state import CellState, RunState, State, read_state

UNTOUCHED = "untouched"


@dataclass(frozen=True, slots=True)
class PlanRow:
    """One cell of the study, or the untouched students of one data set. Tokens, `usd` and `hours` are estimates for
    what is missing; None: unknown. `sample`: replies that tokens and dollars rest on; `note`: what stands in the way or
    is worth knowing."""

    dataset: str
    supervision: str
    kind: str  # compared, baseline
    wanted: int
    have: int
    tokens_in: int
    tokens_out: int
    usd: float | None
    sample: int
    rows: int
    runs: int
    runs_done: int
    evaluations: int
    evaluations_done: int
    hours: float | None
    note: str

    @property
    def missing(self) -> int:
        """Replies that are still to be asked for."""
        return self.wanted - self.have

    def as_dict(self) -> dict[str, Any]:
        """For JSON and frames."""
        return asdict(self) | {"missing": self.missing}


@dataclass(frozen=True, slots=True)
class Stage:
    """One kind of work over the whole study. `unit`: what `wanted` and `done` count; `hours`: of what is missing, side
    by side as the design says."""

    stage: str
    unit: str
    wanted: int
    done: int
    hours: float | None
    basis: str


@dataclass(frozen=True, slots=True)
class Plan:
    """The whole plan. `usd`: of what is known; `unpriced`: missing replies whose teacher has no known price;
    `guessed`: cells whose tokens rest on no reply; `expected`: data sets whose questions are not loaded; `listed`: the
    dates of the prices; `tells`: what the design can find out."""

    design: Design
    rows: tuple[PlanRow, ...]
    stages: tuple[Stage, ...]
    tokens_in: int
    tokens_out: int
    usd: float
    unpriced: int
    guessed: int
    expected: tuple[str, ...]
    listed: tuple[str, ...]
    tells: tuple[Detectable, ...]

    @property
    def n_missing(self) -> int:
        """Pieces of work that are missing, over all stages."""
        return sum(stage.wanted - stage.done for stage in self.stages)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "study": self.design.name,
            "study_key": self.design.key,
            "cells": [row.as_dict() for row in self.rows],
            "stages": [asdict(stage) for stage in self.stages],
            "tokens_in": self.tokens_in,
            "tokens_out": self.tokens_out,
            "usd": round(self.usd, 4),
            "replies_unpriced": self.unpriced,
            "cells_guessed": self.guessed,
            "questions_expected": list(self.expected),
            "prices_listed_on": list(self.listed),
            "tells": [asdict(one) for one in self.tells],
        }


def make_plan(design: Design, store: Store) -> Plan:
    """The plan as the store is now. ConfigError: the design names what does not exist."""
    with store.read():
        state = read_state(design, store)
        evaluations = read_evaluations(state, store)
        reckoned = Estimates(state, store)
        tells = detectable(state, store, evaluations)
    return assemble(state, evaluations, reckoned, tells)


def assemble(
    state: State, evaluations: Sequence[EvaluationState], reckoned: Estimates, tells: Sequence[Detectable]
) -> Plan:
    """Put the parts together."""
    side = state.design.training.processes
    untouched: dict[str, list[EvaluationState]] = {}
    of_cell: dict[str, list[EvaluationState]] = {}
    for one in evaluations:
        if one.run is None:
            untouched.setdefault(one.dataset, []).append(one)
        else:
            of_cell.setdefault(one.run.corpus.cell.cell.key, []).append(one)
    runs_of: dict[str, list[RunState]] = {}
    for run in state.runs:
        runs_of.setdefault(run.corpus.cell.cell.key, []).append(run)
    rows = [
        *(_untouched(dataset, several, reckoned, side) for dataset, several in untouched.items()),
        *(
            _row(state, cell, runs_of.get(cell.of.cell.key, []), of_cell.get(cell.of.cell.key, []), reckoned, side)
            for cell in state.cells
        ),
    ]
    missing = [cell for cell in state.cells if cell.plan.n_missing]
    return Plan(
        design=state.design,
        rows=tuple(rows),
        stages=tuple(_stages(state, evaluations, reckoned, side)),
        tokens_in=sum(cell.plan.prompt_tokens for cell in missing),
        tokens_out=sum(cell.plan.completion_tokens for cell in missing),
        usd=sum(cell.plan.usd or 0.0 for cell in missing),
        unpriced=sum(cell.plan.n_missing for cell in missing if cell.plan.usd is None),
        guessed=sum(not cell.plan.n_calibrated and not _free(state, cell) for cell in missing),
        expected=tuple(sorted({cell.of.cell.dataset for cell in state.cells if cell.expected})),
        listed=tuple(sorted({str(t.listed_on) for t in state.teachers.values() if t.listed_on})),
        tells=tuple(tells),
    )


def supervision(cell: CellState) -> str:
    """`gpt-4o level 5 symbolic, gold shown`."""
    r = cell.of.cell.recipe
    return f"{cell.of.cell.teacher} {recipe(r.level, r.format, r.gold_visible)}"


def _free(state: State, cell: CellState) -> bool:
    teacher = state.teachers.get(cell.of.cell.teacher)
    return teacher is None or teacher.provider == "builtin"


def _row(
    state: State,
    cell: CellState,
    runs: Sequence[RunState],
    evaluations: Sequence[EvaluationState],
    reckoned: Estimates,
    side: int,
) -> PlanRow:
    plan = cell.plan
    hours = _hours(
        [reckoned.harvest(cell)], [*map(reckoned.training, runs), *map(reckoned.answering, evaluations)], side
    )
    corpora = [one for one in state.corpora if one.cell.cell.key == cell.of.cell.key]
    return PlanRow(
        dataset=cell.of.cell.dataset,
        supervision=supervision(cell),
        kind="baseline" if cell.of.baseline else "compared",
        wanted=plan.n_wanted,
        have=plan.n_cached,
        tokens_in=plan.prompt_tokens,
        tokens_out=plan.completion_tokens,
        usd=plan.usd,
        sample=plan.n_calibrated,
        rows=max((one.n_rows for one in corpora), default=0),
        runs=len(runs),
        runs_done=sum(run.status == "finished" for run in runs),
        evaluations=len(evaluations),
        evaluations_done=sum(one.done for one in evaluations),
        hours=hours,
        note=_note(cell, [one.reason for one in corpora if one.reason], runs),
    )


def _note(cell: CellState, reasons: Sequence[str], runs: Sequence[RunState]) -> str:
    said = []
    if cell.of.origin == "imported":
        said.append("imported")
    unusable = {s: n for s, n in cell.statuses.items() if s not in ("ok", "missing")}
    said += [f"{n:,} {status}" for status, n in unusable.items()]
    if reasons:
        said.append(reasons[0].partition(". Next:")[0])
    if not runs and not reasons:
        said.append("the same rows as another cell's")
    if failed := sum(run.status == "failed" for run in runs):
        said.append(f"{failed} runs failed")
    return "; ".join(said)


def _untouched(dataset: str, several: Sequence[EvaluationState], reckoned: Estimates, side: int) -> PlanRow:
    hours = _hours([], [reckoned.answering(one) for one in several], side)
    return PlanRow(
        *(dataset, UNTOUCHED, "baseline", 0, 0, 0, 0, 0.0, 0, 0, 0, 0),
        evaluations=len(several),
        evaluations_done=sum(one.done for one in several),
        hours=hours,
        note=", ".join(dict.fromkeys(one.order.student.name for one in several)),
    )


def _hours(alone: Sequence[Took], beside: Sequence[Took], side: int) -> float | None:
    first, second = total(alone)[0], total(beside, side)[0]
    return None if first is None or second is None else (first + second) / 3600


def _stages(state: State, evaluations: Sequence[EvaluationState], reckoned: Estimates, side: int) -> list[Stage]:
    asked = [cell for cell in state.cells if cell.of.origin == "asked"]
    work: list[tuple[str, str, int, int, list[Took], int]] = [
        (
            "harvest",
            "replies",
            sum(cell.plan.n_wanted for cell in asked),
            sum(cell.plan.n_cached for cell in asked),
            [reckoned.harvest(cell) for cell in asked],
            1,
        ),
        (
            "train",
            "runs",
            len(state.runs),
            sum(run.status == "finished" for run in state.runs),
            [reckoned.training(run) for run in state.runs],
            side,
        ),
        (
            "evaluate",
            "answers",
            sum(one.n_wanted for one in evaluations),
            sum(min(one.n_have, one.n_wanted) for one in evaluations),
            [reckoned.answering(one) for one in evaluations],
            side,
        ),
    ]
    made = []
    for stage, unit, wanted, done, took, together in work:
        seconds, rests_on = total(took, together)
        basis = "; ".join(rests_on[:4]) + (" ..." if len(rests_on) > 4 else "")
        made.append(Stage(stage, unit, wanted, done, None if seconds is None else seconds / 3600, basis))
    return made
