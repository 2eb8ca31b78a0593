"""What the missing part of a study will take in hours: from the store's own replies, runs and answers, else a guess.

Estimates, and said to be: each names what it rests on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..evaluate.decoding import PAPER_BEAMS
from ..store.store import Store
from ..train import estimate
from . import bases
from .evaluations import EvaluationState
from .state import CellState, RunState, State

SQL = Path(__file__).parent / "sql"
LATENCY_S = 5.0  # of a call to a teacher nobody has asked yet: an assumption
TOKENS_A_PIECE = 1.3  # a student's tokens for a word piece of ours: an assumption
FLOPS_TO_WRITE = 2  # a weight and token, forward only (Kaplan et al. 2020, section 2.1)


@dataclass(frozen=True, slots=True)
class Took:
    """Seconds of one piece of work by itself, and what they rest on; None: nothing to reckon with."""

    seconds: float | None
    basis: str


class Estimates:
    """Reads once what the store knows about speed; then says what each cell, run and evaluation will take."""

    def __init__(self, state: State, store: Store) -> None:
        self.state = state
        with store.read() as con:
            self.latency: dict[str, tuple[float, int]] = {r[0]: (r[1], r[2]) for r in _rows(con, "latency")}
            trained = _rows(con, "train_speed")
            self.answers: list[Any] = _rows(con, "answer_speed")
        self.trained: dict[tuple[str, str], list[Any]] = {}
        for student, method, *rest in trained:
            self.trained.setdefault((student, method), []).append(rest)
        machine = state.design.machine
        self.flops = machine.tflops * 1e12 if machine.tflops else estimate.CPU_FLOPS
        assumed = f"an assumed {machine.tflops:g} TFLOP/s" if machine.tflops else "one CPU core's arithmetic"
        self.assumed = assumed + (f" ({machine.says})" if machine.says and machine.tflops else "")
        self.weights: Mapping[str, float | None] = {
            o.student.name: bases.weights_of(o.student, state.sizes.students) for o in state.orders
        }

    def harvest(self, cell: CellState) -> Took:
        """The replies a cell misses, so many calls at once."""
        if cell.of.origin == "imported" or not cell.plan.n_missing:
            return Took(0.0, "")
        name = cell.of.cell.teacher
        teacher = self.state.teachers[name]
        seconds, n = self.latency.get(name, (LATENCY_S, 0))
        if not n and teacher.provider == "builtin":
            seconds = 0.02
        took = cell.plan.n_missing * seconds / self.state.design.asking.concurrency
        if teacher.requests_per_minute:
            took = max(took, 60 * cell.plan.n_missing / teacher.requests_per_minute)
        return Took(took, f"{n:,} calls of {name}" if n else f"an assumed {seconds:g} s a reply of {name}")

    def training(self, run: RunState) -> Took:
        """One run."""
        if run.status == "finished":
            return Took(0.0, "")
        profile, student = run.order.profile, run.order.student
        steps = estimate.n_steps(run.corpus.n_rows, profile)
        rows_read = steps * profile.batch_size * profile.accumulate
        known = self.trained.get((student.name, profile.method), [])
        if known:
            n = sum(row[3] for row in known)
            rates = [
                (rate / (pieces + self.state.sizes.tokens(dataset)), count) for rate, pieces, dataset, count in known
            ]
            a_piece = sum(rate * count for rate, count in rates) / n
            return Took(rows_read * run.corpus.tokens * a_piece, f"{n:,} finished runs of {student.name}")
        weights = self.weights[student.name]
        if weights is None:
            return Took(None, f"nothing is known of {student.name}'s size")
        flops = rows_read * run.corpus.tokens * TOKENS_A_PIECE * estimate.flops_per_weight(profile) * weights
        return Took(flops / self.flops, self.assumed)

    def answering(self, one: EvaluationState) -> Took:
        """The answers that an evaluation misses."""
        if one.done:
            return Took(0.0, "")
        missing, student = one.n_wanted - one.n_have, one.order.student.name
        known = [(seconds, n) for name, _, seconds, n in self.answers if name == student]
        if known:
            n = sum(count for _, count in known)
            a_piece = sum(seconds * count for seconds, count in known) / n
            return Took(missing * a_piece, f"{n:,} evaluations of {student}")
        weights = self.weights[student]
        if weights is None:
            return Took(None, f"nothing is known of {student}'s size")
        pieces = one.run.corpus.tokens if one.run is not None else 200.0
        beams = self.state.design.evaluation.beams or (
            PAPER_BEAMS if self.state.design.evaluation.decode == "beam" else 1
        )
        flops = missing * pieces * TOKENS_A_PIECE * beams * FLOPS_TO_WRITE * weights
        return Took(flops / self.flops, self.assumed)


def total(took: Sequence[Took], side_by_side: int = 1) -> tuple[float | None, list[str]]:
    """(seconds of all, done so many at a time; None where any is unknown; what they rest on, each once)."""
    bases_ = list(dict.fromkeys(one.basis for one in took if one.basis))
    known = [one.seconds for one in took if one.seconds is not None]
    if len(known) < len(took):
        return None, bases_
    return sum(known) / max(1, side_by_side), bases_


def _rows(con: Any, name: str) -> list[Any]:
    found: list[Any] = con.execute((SQL / f"{name}.sql").read_text(encoding="utf-8")).fetchall()
    return found
