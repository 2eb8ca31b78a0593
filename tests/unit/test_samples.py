"""pass@k, maj@k and agreement: numbers worked by hand, every choice enumerated, and a simulation."""

import itertools
import random
from collections import Counter

import pytest

from cotdistill.analysis.samples import Votes, agreement, maj_at_k, mean, pass_at_k, powers, summary


def test_pass_at_k_by_hand() -> None:
    assert pass_at_k(Votes(1, (3,)), 1) == 0.25
    # 4 samples, 2 right: of the 6 pairs only one has no right answer.
    assert pass_at_k(Votes(2, (1, 1)), 2) == pytest.approx(5 / 6)
    assert pass_at_k(Votes(2, (1, 1)), 3) == 1.0  # only two are wrong
    assert pass_at_k(Votes(0, (4,)), 4) == 0.0
    # Chen et al.'s estimator with n = 10, c = 3, k = 5: 1 - C(7, 5) / C(10, 5) = 1 - 21 / 252.
    assert pass_at_k(Votes(3, (7,)), 5) == pytest.approx(1 - 21 / 252)


def test_maj_at_k_by_hand() -> None:
    assert maj_at_k(Votes(2, (1,)), 1) == pytest.approx(2 / 3)
    assert maj_at_k(Votes(2, (1,)), 3) == 1.0
    assert maj_at_k(Votes(1, (1,)), 2) == 0.5  # a tie is shared
    assert maj_at_k(Votes(1, (1, 1)), 3) == pytest.approx(1 / 3)
    assert maj_at_k(Votes(1, (2,)), 3) == 0.0
    # Right, right, a, a, silent; three of five. RRa x2, RaS x4 (tie), RRS, Raa x2, aaS: (2 + 4/2 + 1) / 10.
    assert maj_at_k(Votes(2, (2,), 1), 3) == pytest.approx(0.5)
    assert maj_at_k(Votes(1, (), 4), 5) == 1.0  # the only voice
    assert maj_at_k(Votes(0, (), 5), 5) == 0.0  # nobody says anything


def test_agreement_by_hand() -> None:
    assert agreement(Votes(2, (1,))) == pytest.approx(1 / 3)
    assert agreement(Votes(4)) == 1.0
    assert agreement(Votes(0, (), 3)) == 0.0
    assert agreement(Votes(2, (2,), 0)) == pytest.approx(4 / 12)


@pytest.mark.parametrize("seed", range(6))
def test_both_are_the_mean_over_every_choice(seed: int) -> None:
    """Against brute force: all subsets of k of the samples, the vote held in each."""
    rng = random.Random(seed)
    answers = [rng.choice(["right", "a", "b", "c", None]) for _ in range(8)]
    counted = Counter(answers)
    wrong = tuple(n for answer, n in counted.items() if answer not in ("right", None))
    votes = Votes(counted["right"], wrong, counted[None])
    for k in range(1, 9):
        passed = majority = 0.0
        chosen = list(itertools.combinations(answers, k))
        for some in chosen:
            passed += "right" in some
            ballots = Counter(answer for answer in some if answer is not None)
            top = [answer for answer, n in ballots.items() if n == max(ballots.values())]
            majority += (1 / len(top)) if "right" in top else 0.0
        assert pass_at_k(votes, k) == pytest.approx(passed / len(chosen))
        assert maj_at_k(votes, k) == pytest.approx(majority / len(chosen))


def test_the_estimates_are_unbiased() -> None:
    """n = 6 samples of a model that is right 30 % of the time and says one wrong thing 50 %: the mean estimate of k = 3
    is what k = 3 fresh samples do."""
    rng = random.Random(1)

    def draw() -> str | None:
        return rng.choices(["right", "a", "b", None], [0.3, 0.5, 0.1, 0.1])[0]

    n_trials, k, estimated, true = 6_000, 3, [0.0, 0.0], [0.0, 0.0]
    for _ in range(n_trials):
        counted = Counter(draw() for _ in range(6))
        wrong = tuple(counted[name] for name in ("a", "b") if counted[name])
        votes = Votes(counted["right"], wrong, counted[None])
        estimated[0] += pass_at_k(votes, k) / n_trials
        estimated[1] += maj_at_k(votes, k) / n_trials
        fresh = Counter(answer for answer in (draw() for _ in range(k)) if answer)
        top = [answer for answer, m in fresh.items() if m == max(fresh.values())]
        true[0] += bool(fresh["right"]) / n_trials
        true[1] += ("right" in top) / max(1, len(top)) / n_trials
    assert true[0] == pytest.approx(1 - 0.7**3, abs=0.02)
    assert estimated == pytest.approx(true, abs=0.02)
    # The biased plug-in 1 - (1 - c/n)^k would have been told from it.
    assert abs(estimated[0] - (1 - 0.7**3)) < 0.012


def test_counts_that_cannot_be_and_too_few_samples_are_refused() -> None:
    for k in (0, -1, 4):
        with pytest.raises(ValueError, match="3 samples"):
            pass_at_k(Votes(1, (2,)), k)
        with pytest.raises(ValueError, match="3 samples"):
            maj_at_k(Votes(1, (2,)), k)
    with pytest.raises(ValueError, match="two samples"):
        agreement(Votes(1))
    with pytest.raises(ValueError, match="below"):
        Votes(1, (0,))


def test_a_summary_counts_questions_with_too_few_samples_and_says_nothing_of_none() -> None:
    rows = summary([Votes(1, (1,)), Votes(4), Votes(0, (1,))], [1, 2, 4, 8])
    assert [(r["k"], r["n"], r["n_too_few"]) for r in rows] == [(1, 3, 0), (2, 2, 1), (4, 1, 2), (8, 0, 3)]
    assert rows[0]["pass"] == pytest.approx(0.5) and rows[0]["maj"] == pytest.approx(0.5)
    assert rows[1]["pass"] == 1.0 and rows[1]["maj"] == pytest.approx(0.75)
    assert rows[3]["pass"] is None and (rows[3]["pass_low"], rows[3]["pass_high"]) == (0.0, 1.0)
    assert 0.0 <= rows[0]["pass_low"] <= 0.5 <= rows[0]["pass_high"] <= 1.0
    assert mean([]).value is None and summary([], [1])[0]["pass"] is None
    assert powers(6) == [1, 2, 4, 6] and powers(8) == [1, 2, 4, 8] and powers(0) == []
