"""Successive halving on benches whose truth is known: what it finds, what it spends, when it ends."""

import random
import statistics
from collections.abc import Mapping, Sequence

from cotdistill.study.halving import Measured, schedule, search


class Made:
    """Arms that are right with a known chance: `true` at all rows, less so at half; 200 questions of varied
    difficulty."""

    def __init__(self, true: Mapping[str, float], prior: Mapping[str, float] | None = None, seed: int = 0) -> None:
        self.true, self.given, self.drawn = true, prior, random.Random(seed)
        self.difficulty = [self.drawn.uniform(-0.2, 0.2) for _ in range(200)]
        self.asked: list[tuple[int, float, int]] = []

    def prior(self, arms: Sequence[str]) -> Mapping[str, float] | None:
        return self.given

    def measure(self, arms: Sequence[str], share: float, seed: int) -> Mapping[str, Measured]:
        self.asked.append((len(arms), share, seed))
        return {arm: Measured(self._scores(self.true[arm] * (0.6 if share < 1 else 1.0)), 100 * share) for arm in arms}

    def _scores(self, chance: float) -> dict[str, float]:
        return {f"q{i}": float(self.drawn.random() < chance + d) for i, d in enumerate(self.difficulty)}


def test_the_schedule_spends_under_a_third_of_the_grid() -> None:
    for n_arms, n_seeds in ((18, 3), (18, 2), (12, 3), (24, 5), (9, 3)):
        after_prior = n_arms - n_arms // 3 if n_arms >= 6 else n_arms
        alive, spent = after_prior, 0.0
        for rung in schedule(n_arms, n_seeds, after_prior):
            spent += alive * rung.share * len(rung.seeds)
            alive = min(alive, rung.keep)
        assert spent / (n_arms * n_seeds) <= 1 / 3 + 0.01, (n_arms, n_seeds, spent)


def test_a_clear_best_is_found_and_the_others_end_early() -> None:
    true = {f"arm {i}": 0.2 for i in range(11)} | {"best": 0.8}
    bench = Made(true)
    found = search(list(true), bench, 3)
    assert found.best == "best"
    assert found.ties == ()
    assert found.ended == "the others cannot win"
    assert bench.asked == [(12, 0.5, 0)]  # after one rung every other is worse than it, surely


def test_the_prior_drops_the_worst_third_unseen_and_never_more() -> None:
    true = {f"arm {i}": 0.3 for i in range(9)}
    bench = Made(true, prior={name: i for i, name in enumerate(true)})
    found = search(list(true), bench, 3)
    assert bench.asked[0] == (6, 0.5, 0)
    out = [step.arm for step in found.steps if step.stage == "prior" and not step.kept]
    assert out == ["arm 6", "arm 7", "arm 8"]
    few = Made({"a": 0.3, "b": 0.4}, prior={"a": 2.0, "b": 1.0})
    search(["a", "b"], few, 3)
    assert few.asked[0] == (2, 0.5, 0)


def test_arms_that_cannot_be_told_apart_are_said_to_be() -> None:
    true = {f"arm {i}": 0.5 for i in range(6)}
    told = [search(list(true), Made(true, seed=s), 3) for s in range(20)]
    assert sum(bool(found.ties) for found in told) >= 18
    assert any("cannot be told apart" in found.ended for found in told)


def test_cost_is_what_the_bench_says() -> None:
    true = {f"arm {i}": 0.3 + 0.02 * i for i in range(6)}
    bench = Made(true)
    found = search(list(true), bench, 3)
    assert found.cost == sum(n * 100 * share for n, share, _ in bench.asked)
    assert found.n_runs == sum(n for n, _, _ in bench.asked)


def test_regret_is_small_on_many_grids_with_noise() -> None:
    """Sixty grids of eighteen arms, evenly spread: the chosen is on average within four points of the best."""
    regrets = []
    for s in range(60):
        drawn = random.Random(1000 + s)
        true = {f"arm {i}": drawn.uniform(0.2, 0.7) for i in range(18)}
        found = search(list(true), Made(true, seed=s), 3)
        regrets.append(max(true.values()) - true[found.best])
    assert statistics.fmean(regrets) < 0.04
