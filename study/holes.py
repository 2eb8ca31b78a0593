"""`study holes`: what a design misses and why: failed, refused, not bought, not trained, not evaluated."""

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..store.store import Store
from .design import Design
from .evaluations import EvaluationState, all_examined, read_evaluations
from .make_tasks import harvests
from .plan import supervision
from .state import CellState, RunState, State, read_state

SQL = Path(__file__).parent / "sql"
UNUSABLE = ("refused", "truncated", "filtered", "malformed", "empty", "bad_request")
Errors = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Hole:
    """Something that is missing. `why`: not loaded, not bought, refused (or another end of a reply), failed, not
    trained, interrupted, running, not evaluated, no corpus, or waits; `n` of `unit`; `detail`: the error, or what it
    waits for; `next`: what to type."""

    stage: str
    what: str
    n: int
    unit: str
    why: str
    detail: str
    next: str


def find_holes(design: Design, store: Store, file: str) -> list[Hole]:
    """Every hole, in the order of the work. `file`: what the user calls the study."""
    with store.read() as con:
        state = read_state(design, store)
        evaluations = read_evaluations(state, store)
        rows = con.execute((SQL / "failures.sql").read_text()).fetchall()
    errors = {key: error or "" for key, _, _, error in rows}
    fill = f"cotdistill study run {file}"
    return [
        *_questions(state, errors, fill),
        *_replies(state, errors, fill),
        *(Hole("corpora", one.label, 1, "corpora", "no corpus", one.reason, "") for one in state.corpora if one.reason),
        *_grouped(_runs(state, errors, fill)),
        *_grouped(_evaluations(evaluations, errors, fill)),
    ]


def _questions(state: State, errors: Errors, fill: str) -> Iterator[Hole]:
    wanted = [(cell.of.cell.dataset, state.design.questions.split) for cell in state.cells]
    wanted += [(name, state.design.evaluation.split) for name in all_examined(state)]
    for dataset, split in dict.fromkeys(wanted):
        if not state.loaded.get((dataset, split)):
            n = state.sizes.count(dataset, split, None) or 0
            yield Hole("questions", f"{dataset} / {split}", n, "questions", "not loaded", errors.get(dataset, ""), fill)


def _replies(state: State, errors: Errors, fill: str) -> Iterator[Hole]:
    tasks = {(task.teacher["name"], task.dataset): task.key for task in harvests(state)}
    for cell in state.cells:
        what = f"{cell.of.cell.dataset}, {supervision(cell)}"
        if cell.plan.n_missing:
            error = errors.get(tasks.get((cell.of.cell.teacher, cell.of.cell.dataset), ""), "")
            why = "failed" if error else "not bought"
            yield Hole("harvest", what, cell.plan.n_missing, "replies", why, error.partition(" Next:")[0], fill)
        for status in UNUSABLE:
            if n := cell.statuses.get(status, 0):
                yield Hole(
                    "harvest",
                    what,
                    n,
                    "replies",
                    status,
                    "cannot be used, and is not asked for again",
                    _redo(state.design, cell, status),
                )


def _redo(design: Design, cell: CellState, status: str) -> str:
    """The command that asks for these replies once more, the way the design asks: else other replies would be meant."""
    of, asking, questions = cell.of.cell, design.asking, design.questions
    flags: dict[str, object] = {
        "teacher": of.teacher,
        "dataset": of.dataset,
        "level": of.recipe.level,
        "format": of.recipe.format,
        "split": questions.split if questions.split != "train" else None,
        "limit": questions.limit_of(of.dataset),
        "samples": asking.samples if asking.samples > 1 else None,
        "temperature": asking.temperature,
        "top-p": asking.top_p,
        "seed": asking.seed,
        "reasoning-effort": asking.reasoning_effort,
        "max-tokens": asking.max_tokens,
        "teachers": asking.registry,
        "prompts": asking.prompts,
        "base-url": asking.base_url.get(of.teacher),
    }
    said = [f"--{name} {shlex.quote(str(value))}" for name, value in flags.items() if value is not None]
    visible = ["--gold-visible"] if of.recipe.gold_visible == "yes" else []
    return " ".join(["cotdistill generate", *said, *visible, f"--redo {status}"])


def _runs(state: State, errors: Errors, fill: str) -> Iterator[Hole]:
    for run in state.runs:
        if run.status == "finished":
            continue
        what = f"{run.order.student.name} on {run.corpus.label}"
        if run.key is None:
            who = run.order.student.name
            unknown = run.corpus.corpus_hash is None
            detail = "its cells are not whole" if unknown else errors.get(who) or f"{who} is not on this machine"
            yield Hole("train", what, 1, "runs", "waits", detail, fill)
        elif run.status == "failed":
            yield Hole("train", what, 1, "runs", "failed", _error(run), fill)
        else:
            why = {"interrupted": "interrupted", "running": "running"}.get(run.status, "not trained")
            yield Hole("train", what, 1, "runs", why, "", fill)


def _error(run: RunState) -> str:
    return str(run.outcome.get("error", "")) or json.dumps(dict(run.outcome))


def _evaluations(evaluations: Sequence[EvaluationState], errors: Errors, fill: str) -> Iterator[Hole]:
    for one in evaluations:
        n = one.n_wanted - one.n_have
        if one.done or n <= 0:
            continue
        who = f"{one.order.student.name} untouched"
        if one.run is not None:
            who = f"{one.order.student.name} on {one.run.corpus.label}"
        what = f"{who}, examined on {one.dataset}"
        if one.key is None:
            waits = "its questions are not loaded" if one.run is None or one.run.status == "finished" else "not trained"
            yield Hole("evaluate", what, n, "answers", "waits", waits, fill)
        else:
            error = errors.get(one.key, "")
            yield Hole("evaluate", what, n, "answers", "failed" if error else "not evaluated", error, fill)


def _grouped(holes: Iterator[Hole]) -> list[Hole]:
    """Holes that differ in nothing but their seed, as one."""
    found: dict[tuple[str, ...], Hole] = {}
    for hole in holes:
        key = (hole.stage, hole.what, hole.why, hole.detail)
        before = found.get(key)
        n = hole.n + (before.n if before else 0)
        found[key] = Hole(hole.stage, hole.what, n, hole.unit, hole.why, hole.detail, hole.next)
    return list(found.values())
