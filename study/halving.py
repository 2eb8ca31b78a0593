"""Successive halving over supervisions: the best for one student with a part of the full grid's training.

Jamieson and Talwalkar 2016 (successive halving), with what this field has: a prior that costs no training, paired
comparisons on common questions, and seeds as the last rung. Pure: what is measured comes from a Bench, the store's or a
replay's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from ..analysis.contrasts import ALPHA, Arm, Contrast, compare, correct, p_of_these_runs

PRIOR_FROM = 6  # arms: fewer are not worth dropping any unseen
EQUAL_P = 0.5  # finalists that are this like each other are not worth more seeds


@dataclass(frozen=True, slots=True)
class Measured:
    """One run, examined: question -> share of right answers; `cost`: tokens that its training read."""

    scores: Mapping[str, float]
    cost: float


class Bench(Protocol):
    """Where arms are measured. `prior`: by arm, lower is likelier to be best; None where there is none. `measure`:
    every arm trained on `share` of the rows with the design's `seed`-th seed (from 0)."""

    def prior(self, arms: Sequence[str]) -> Mapping[str, float] | None: ...

    def measure(self, arms: Sequence[str], share: float, seed: int) -> Mapping[str, Measured]: ...


@dataclass(frozen=True, slots=True)
class Rung:
    """Every arm that is left is trained on `share` of the rows with the seeds `seeds`; the best `keep` go on."""

    share: float
    seeds: tuple[int, ...]
    keep: int


@dataclass(frozen=True, slots=True)
class Step:
    """What a rung said of one arm: accuracy on `n` questions over its runs so far at this share, and whether it went
    on. `stage`: prior, or `half the rows, seed 1` in short."""

    stage: str
    arm: str
    accuracy: float | None
    n: int
    kept: bool
    why: str


@dataclass(frozen=True, slots=True)
class Found:
    """The end of a search. `ties`: finalists that cannot be told from the best; `cost` and `n_runs`: of all trainings;
    `ended`: why it needed no more."""

    best: str
    ties: tuple[str, ...]
    cost: float
    n_runs: int
    steps: tuple[Step, ...]
    ended: str


def schedule(n_arms: int, n_seeds: int, n_left: int) -> list[Rung]:
    """Half the rows for the `n_left` arms that the prior leaves, all rows for the best of them, the other seeds for the
    best of those: as many as a third of the grid's trainings (`n_arms` x `n_seeds`) pays for, two at least.

    Of 18 arms and 3 seeds: 12 halves, 6 whole ones, 3 x 2 more seeds: 18 of 54 trainings; fewer where arms cannot win.
    """
    budget = n_arms * n_seeds / 3 - n_left / 2
    finalists = max(2, int(budget / (n_seeds + 1)))
    whole = max(finalists, int(budget - finalists * (n_seeds - 1)))
    rungs = [Rung(0.5, (0,), whole), Rung(1.0, (0,), finalists if n_seeds > 1 else 1)]
    return [*rungs, Rung(1.0, tuple(range(1, n_seeds)), 1)] if n_seeds > 1 else rungs


def search(arms: Sequence[str], bench: Bench, n_seeds: int) -> Found:
    """Find the best arm of a grid with so many seeds. ValueError: there is none."""
    if not arms:
        raise ValueError("nothing to search among")
    steps: list[Step] = []
    alive = _by_prior(list(arms), bench.prior(arms), steps)
    rungs = schedule(len(arms), n_seeds, len(alive))
    measured: dict[float, dict[str, list[Measured]]] = {}
    cost, n_runs, ended = 0.0, 0, "every rung was climbed"
    standing = [_arm(name, []) for name in alive]
    for rung in rungs:
        if len(alive) == 1:
            ended = "the others cannot win"
            break
        here = measured.setdefault(rung.share, {})
        for seed in rung.seeds:
            for name, one in bench.measure(alive, rung.share, seed).items():
                here.setdefault(name, []).append(one)
                cost, n_runs = cost + one.cost, n_runs + 1
        standing = sorted((_arm(name, here[name]) for name in alive), key=lambda a: (-a.accuracy, arms.index(a.name)))
        alive = _kept(rung, standing, steps)
        if rung.share == 1.0 and rung is not rungs[-1] and _all_alike([a for a in standing if a.name in alive]):
            ended = "the finalists cannot be told apart, and more seeds would not tell them"
            break
    left = [a for a in standing if a.name in alive] or standing[:1]
    return Found(left[0].name, _ties(standing), cost, n_runs, tuple(steps), ended)


def _by_prior(arms: list[str], prior: Mapping[str, float] | None, steps: list[Step]) -> list[str]:
    """Without the worst third by the prior, where there are enough arms and every one has it."""
    if prior is None or len(arms) < PRIOR_FROM or any(name not in prior for name in arms):
        return arms
    ranked = sorted(arms, key=lambda name: prior[name])
    kept = set(ranked[: len(arms) - len(arms) // 3])
    for name in ranked:
        why = f"prior {prior[name]:.3f}" + ("" if name in kept else ", the worst third")
        steps.append(Step("prior", name, None, 0, name in kept, why))
    return [name for name in arms if name in kept]


def _kept(rung: Rung, standing: Sequence[Arm], steps: list[Step]) -> list[str]:
    leader = standing[0]
    pairs = [(arm, compare(leader, arm)) for arm in standing[1:]]
    tested = correct([c for _, c in pairs if c is not None]) if any(c for _, c in pairs) else []
    sure = {c.second.name for c in tested if _surely(c)}
    stage = f"{rung.share:.0%} of the rows, {len(leader.scores)} seed{'s' if len(leader.scores) > 1 else ''}"
    kept = []
    for place, arm in enumerate(standing):
        beaten = arm.name in sure
        stays = place < rung.keep and not (beaten and place > 0)
        why = (
            "leads"
            if place == 0
            else "is worse than the leader"
            if beaten
            else ""
            if stays
            else "is not among the best"
        )
        steps.append(Step(stage, arm.name, arm.accuracy, len(arm.scores[0]), stays, why))
        kept += [arm.name] if stays else []
    return kept


def _surely(c: Contrast) -> bool:
    return c.p_holm < ALPHA and c.difference > 0


def _all_alike(standing: Sequence[Arm]) -> bool:
    others = [compare(standing[0], arm) for arm in standing[1:]]
    return bool(others) and all(c is not None and p_of_these_runs(c) > EQUAL_P for c in others)


def _ties(standing: Sequence[Arm]) -> tuple[str, ...]:
    tested = [(arm, compare(standing[0], arm)) for arm in standing[1:]]
    return tuple(arm.name for arm, c in tested if c is not None and not _surely(c))


def _arm(name: str, runs: Sequence[Measured]) -> Arm:
    scores = tuple(one.scores for one in runs)
    return Arm(name, None, None, None, tuple(range(len(runs))), None, False, scores)
