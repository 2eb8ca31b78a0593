"""What a design will be able to tell: the smallest true difference that a comparison of it finds four times in five.

The statistics are those of the comparisons themselves (analysis/contrasts.py, analysis/power.py). How much questions
and seeds vary is taken from the store's own supervisions where at least two of them have three seeds on a data set;
else it is assumed.
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from ..analysis.contrasts import ALPHA, FEW_RUNS, Arm, compare
from ..analysis.pairs import read_arms
from ..analysis.power import Precision
from ..store.store import Store
from .evaluations import EvaluationState, options_of
from .state import State

# Assumed where nothing is measured: two trained students answer a fifth of the questions differently, two seeds of one
# student a tenth, and the accuracies of seeds vary by a point (standard deviation).
DISCORDANT, BETWEEN_SEEDS, SEED_SD = 0.20, 0.10, 0.01
PAIRS = 60
SQL = Path(__file__).parent / "sql"


@dataclass(frozen=True, slots=True)
class Detectable:
    """One student on one data set: accuracies that differ by `smallest` (a share) are told apart with a chance of 80 %
    by one comparison chosen beforehand, by `strictest` when all `n_arms` are compared with one (Holm)."""

    student: str
    dataset: str
    n_questions: int
    seeds: int
    n_arms: int
    smallest: float
    strictest: float
    about: str
    basis: str


@dataclass(frozen=True, slots=True)
class Variation:
    """How much a difference of two supervisions varies: by one question (squared), and by one seed of each."""

    by_question: float
    by_seed: float
    noise: float  # of one question and seed: what more seeds take away, too
    basis: str

    def precision(self, n: int, seeds: int) -> Precision:
        """With so many questions and seeds."""
        if seeds < FEW_RUNS:
            return Precision((self.by_question + self.noise / seeds) / n, 0.0, math.inf, n, None, 1 / n / seeds)
        by_run = (self.by_seed + self.noise / n) / seeds
        return Precision(self.by_question / n, by_run, 2.0 * (seeds - 1), n, seeds)


ASSUMED = Variation(
    DISCORDANT - BETWEEN_SEEDS,
    2 * SEED_SD**2,
    BETWEEN_SEEDS,
    f"assumed: {DISCORDANT:.0%} of answers differ, {BETWEEN_SEEDS:.0%} between seeds, seeds vary by 1 point",
)


def detectable(state: State, store: Store, evaluations: Sequence[EvaluationState]) -> list[Detectable]:
    """One row for each student and data set examined."""
    seeds = len(state.design.training.seeds)
    measured = _measured(state, store, evaluations)
    found = []
    for student in dict.fromkeys(order.student.name for order in state.orders):
        mine = [e for e in evaluations if e.run is not None and e.order.student.name == student]
        for dataset in dict.fromkeys(e.dataset for e in mine):
            here = [e for e in mine if e.dataset == dataset]
            n = max(e.n_wanted for e in here) // options_of(state.design).n_samples
            arms = len({(e.run.corpus.label, e.order.profile) for e in here if e.run is not None})
            if n < 2:
                continue
            varies = measured.get((student, dataset), ASSUMED)
            precision = varies.precision(n, seeds)
            about = "supervisions" if seeds >= FEW_RUNS else "these runs"
            found.append(
                Detectable(
                    student,
                    dataset,
                    n,
                    seeds,
                    arms,
                    precision.smallest(ALPHA),
                    precision.smallest(ALPHA / max(1, arms - 1)),
                    about,
                    varies.basis,
                )
            )
    return found


def _measured(state: State, store: Store, evaluations: Sequence[EvaluationState]) -> dict[tuple[str, str], Variation]:
    """By student and data set, what the store's own supervisions say."""
    students = sorted({o.student.name for o in state.orders})
    datasets = sorted({e.dataset for e in evaluations})
    params = {"students": students, "datasets": datasets, "runs": FEW_RUNS}
    with store.read() as con:
        rows = con.execute((SQL / "arms.sql").read_text(), params).fetchall()
    groups: dict[tuple[str, str], list[str]] = {}
    for key, student, dataset in rows:
        groups.setdefault((student, dataset), []).append(key)
    found = {}
    for place, keys in groups.items():
        arms = list(read_arms(store, set(keys)).values())
        parts = [_parts(a, b) for a, b in list(combinations(arms, 2))[:PAIRS]]
        known = [part for part in parts if part is not None]
        if known:
            by_question, by_seed = (statistics.median(p[i] for p in known) for i in (0, 1))
            found[place] = Variation(by_question, by_seed, 0.0, f"measured on {len(arms)} supervisions of the store")
    return found


def _parts(first: Arm, second: Arm) -> tuple[float, float] | None:
    c = compare(first, second)
    if c is None or c.precision.seeds is None:
        return None
    return c.precision.by_question * c.n, c.precision.by_run * c.precision.seeds
