"""How far from the full grid's best does `study search` end, and what share of its training does it take?

Replays on a store that holds every cell of a study at half the rows and at all rows: `COTDISTILL_SEARCH_STORE=FILE`,
and `COTDISTILL_SEARCH_SEEDS=1,2` where only these seeds are there. Each replay takes other seeds first, the arms in
another order (all, or a random two thirds), and a random half of the questions to decide on; regret is measured on the
other half, against the best arm there over all seeds. Nothing is trained: what is missing is an error.
"""

import os
import random
import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cotdistill.analysis.statistics import bootstrap_interval
from cotdistill.store.store import Store
from cotdistill.study import files
from cotdistill.study.design import Numbers
from cotdistill.study.executor import Watch
from cotdistill.study.halving import Measured, search
from cotdistill.study.search import StudyBench, narrowed, read_rung
from cotdistill.study.tasks import Outcome, Task

REPLAYS = 100
Stored = Mapping[tuple[str, float, int], Measured]


class Nobody:
    """An executor that does nothing: everything is in the store."""

    def do(self, store: Store, tasks: Sequence[Task], watch: Watch) -> list[Outcome]:
        return [Outcome(task.key, "left", 0.0) for task in tasks]


@dataclass(frozen=True)
class Replay:
    """One way the same experiment could have gone. `seeds`: the order of the stored seeds; `asked`: the questions that
    the search sees."""

    stored: Stored
    priors: Mapping[str, float] | None
    seeds: Sequence[int]
    asked: frozenset[str]

    def prior(self, arms: Sequence[str]) -> Mapping[str, float] | None:
        return self.priors

    def measure(self, arms: Sequence[str], share: float, seed: int) -> Mapping[str, Measured]:
        found = {arm: self.stored[arm, share, self.seeds[seed]] for arm in arms}
        return {
            arm: Measured({q: s for q, s in one.scores.items() if q in self.asked}, one.cost)
            for arm, one in found.items()
        }


def replays(
    stored: Stored, priors: Mapping[str, float] | None, n_seeds: int, *, part: float, n: int = REPLAYS
) -> tuple[list[float], list[float], list[bool]]:
    """(regrets, shares of the grid's training, whether the best arm itself was found) of `n` replays."""
    arms = sorted({arm for arm, _, _ in stored})
    questions = sorted({q for one in stored.values() for q in one.scores})
    regrets, shares, hits = [], [], []
    for i in range(n):
        drawn = random.Random(i)
        mine = drawn.sample(arms, max(2, round(part * len(arms))))
        seeds = drawn.sample(range(n_seeds), n_seeds)
        asked = frozenset(drawn.sample(questions, len(questions) // 2))
        found = search(mine, Replay(stored, priors, seeds, asked), n_seeds)
        truth = {arm: _accuracy(stored, arm, n_seeds, asked) for arm in mine}
        grid = sum(stored[arm, 1.0, s].cost for arm in mine for s in range(n_seeds))
        regrets.append(max(truth.values()) - truth[found.best])
        shares.append(found.cost / grid)
        hits.append(truth[found.best] == max(truth.values()))
    return regrets, shares, hits


def _accuracy(stored: Stored, arm: str, n_seeds: int, but: frozenset[str]) -> float:
    """Over all seeds, on the questions that the search did not see."""
    return statistics.fmean(
        share for s in range(n_seeds) for q, share in stored[arm, 1.0, s].scores.items() if q not in but
    )


def read(path: Path, seeds: Numbers | None) -> tuple[Stored, Mapping[str, float] | None, int]:
    """Everything the replays need, from the store."""
    design = narrowed(files.load("laptop"), "tiny", None)
    if seeds:
        design = design.model_copy(update={"training": design.training.model_copy(update={"seeds": seeds})})
    store = Store.open(path)
    bench = StudyBench(design, store, Nobody(), Watch())
    arms = list(bench.names)
    n_seeds = len(design.training.seeds)
    stored = {}
    for share in (0.5, 1.0):
        for seed in range(n_seeds):
            found = read_rung(bench.rung(arms, share, seed), store)
            if missing := [arm for arm in arms if arm not in found]:
                raise SystemExit(
                    f"{path} has no answers of {len(missing)} arms at {share:.0%}, seed {seed}: {missing[:3]}"
                )
            stored |= {(arm, share, seed): one for arm, one in found.items()}
    return stored, bench.prior(arms), n_seeds


def main() -> None:
    """Print what the replays show."""
    path = os.environ.get("COTDISTILL_SEARCH_STORE")
    if path is None:
        print("no store to replay on: set COTDISTILL_SEARCH_STORE (docs/design/15-studies.md)")
        return
    seeds = os.environ.get("COTDISTILL_SEARCH_SEEDS")
    stored, priors, n_seeds = read(Path(path), tuple(map(int, seeds.split(","))) if seeds else None)
    print("| arms | prior | replays | mean regret, points (95 %) | worst | best found | training, share |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for part in (2 / 3, 1.0):
        for name, given in (("NLL", priors), ("none", None)):
            regrets, shares, hits = replays(stored, given, n_seeds, part=part)
            span = bootstrap_interval(regrets)
            arms = round(part * len({arm for arm, _, _ in stored}))
            print(
                f"| {arms} | {name} | {len(regrets)} | {100 * statistics.fmean(regrets):.2f} "
                f"({100 * max(0.0, span.low):.2f}-{100 * span.high:.2f}) | {100 * max(regrets):.1f} | "
                f"{statistics.fmean(hits):.0%} | {statistics.fmean(shares):.1%} (at most {max(shares):.1%}) |"
            )


if __name__ == "__main__":
    sys.exit(main())
