"""What the verdicts promise, on simulated students: rarely wrong when nothing differs, right as often as stated when
something does. The larger simulations are in docs/design/12-statistics.md."""

import math
import random

import pytest

from cotdistill.analysis.association import associate
from cotdistill.analysis.contrasts import Arm, Contrast, compare, correct
from cotdistill.analysis.power import Precision
from cotdistill.analysis.selection import best, max_t
from cotdistill.analysis.statistics import sign_flip

np = pytest.importorskip("numpy")

RUNS = 400
# The 99.9 % point of a binomial of 400 at 5 %: more false positives than this is a broken test, not bad luck.
MOST_FALSE = 35


def answers(rng: "np.random.Generator", easy: "np.ndarray", n_runs: int, luck: float) -> "np.ndarray":
    """Runs x questions of right and wrong; each run has a luck of its own on the logit scale."""
    shift = rng.normal(0, luck, (n_runs, 1)) if luck else np.zeros((n_runs, 1))
    return (rng.random((n_runs, len(easy))) < 1 / (1 + np.exp(-(easy + shift)))).astype(float)


def an_arm(matrix: "np.ndarray", fixed: bool = False) -> Arm:
    scores = tuple({str(i): float(v) for i, v in enumerate(row)} for row in matrix)
    return Arm("a", 1, "t", "c", tuple(range(len(matrix))), None, fixed, scores)


def contrast(a: "np.ndarray", b: "np.ndarray", fixed: bool = False) -> Contrast:
    found = compare(an_arm(a), an_arm(b, fixed))
    assert found is not None
    return found


@pytest.mark.parametrize("luck", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("seeds", [3, 5])
def test_supervisions_that_do_not_differ_are_rarely_told_apart(seeds: int, luck: float) -> None:
    rng, false, false_over_questions = np.random.default_rng(7), 0, 0
    for _ in range(RUNS):
        easy = rng.normal(0, 1.5, 120)
        a, b = answers(rng, easy, seeds, luck), answers(rng, easy, seeds, luck)
        found = contrast(a, b)
        assert found.scope == "supervisions"
        false += found.verdict != "cannot tell"
        false_over_questions += sign_flip(list(a.mean(0) - b.mean(0)), seeds) < 0.05
    assert false <= MOST_FALSE
    if luck == 1.0:  # what testing over questions alone would have claimed
        assert false_over_questions > 2 * MOST_FALSE


@pytest.mark.parametrize("luck", [0.0, 0.5])
def test_a_supervision_that_does_as_well_as_the_untouched_base_is_rarely_told_from_it(luck: float) -> None:
    rng, false = np.random.default_rng(11), 0
    for _ in range(RUNS):
        easy = rng.normal(0, 1.5, 120)
        found = contrast(answers(rng, easy, 3, luck), answers(rng, easy, 1, 0), fixed=True)
        assert found.precision.df == 2
        false += found.verdict != "cannot tell"
    assert false <= MOST_FALSE


@pytest.mark.parametrize(("seeds", "luck"), [(1, 0.0), (3, 0.3), (5, 0.3)])
def test_the_minimum_detectable_difference_is_found_four_times_in_five(seeds: int, luck: float) -> None:
    """Of comparisons whose true difference is the stated one, about 80 % find it."""
    rng, n, stated, effect = np.random.default_rng(3), 400, [], 0.0
    for _ in range(60):
        easy = rng.normal(0, 1.0, n)
        stated.append(contrast(answers(rng, easy, seeds, luck), answers(rng, easy, seeds, luck)).smallest)
    target = sum(stated) / len(stated)
    while effect < 3 and _mean_gap(effect) < target:
        effect += 0.01
    found = 0
    for _ in range(RUNS):
        easy = rng.normal(0, 1.0, n)
        found += contrast(answers(rng, easy + effect, seeds, luck), answers(rng, easy, seeds, luck)).verdict == "better"
    assert 0.70 * RUNS < found < 0.95 * RUNS


def _mean_gap(effect: float) -> float:
    """Mean gain of accuracy when every question gets easier by `effect` logits, questions as above."""
    nodes = [-4 + 8 * (i + 0.5) / 400 for i in range(400)]
    weights = [math.exp(-x * x / 2) for x in nodes]
    gains = [1 / (1 + math.exp(-x - effect)) - 1 / (1 + math.exp(-x)) for x in nodes]
    return sum(w * g for w, g in zip(weights, gains, strict=True)) / sum(weights)


def test_what_it_would_take_does() -> None:
    known = Precision(by_question=1e-5, by_run=4e-4, df=4, n_questions=300, seeds=3)
    assert known.would_take(0.0, 0.05) == "-" and known.would_take(0.052, 0.05) == "5 seeds"
    more = Precision(by_question=1e-5, by_run=4e-4 * 3 / 5, df=8, n_questions=300, seeds=5)
    fewer = Precision(by_question=1e-5, by_run=4e-4 * 3 / 4, df=6, n_questions=300, seeds=4)
    assert more.smallest(0.05) <= 0.052 < fewer.smallest(0.05)
    runs = Precision(by_question=4e-4, by_run=0.0, df=math.inf, n_questions=100, seeds=None)
    assert runs.smallest(0.05) == pytest.approx((1.959964 + 0.841621) * 0.02, rel=1e-5)
    assert runs.would_take(0.028016, 0.05) == "400 questions" and runs.would_take(0.0001, 0.05).endswith("questions")


@pytest.mark.parametrize(("seeds", "luck"), [(1, 0.0), (3, 0.3)])
def test_the_best_of_five_equal_levels_is_rarely_called_best(seeds: int, luck: float) -> None:
    rng, false, inner, naive = np.random.default_rng(5), 0, 0, 0
    for i in range(200):
        easy = rng.normal(0, 1.5, 100)
        levels = [answers(rng, easy, seeds, luck) for _ in range(5)]
        found = best(levels, seed=i, draws=400)
        false += found.p < 0.05
        inner += found.p_inner < 0.05
        means = [m.mean() for m in levels]
        naive += contrast(levels[int(np.argmax(means))], levels[int(np.argmin(means))]).p < 0.05
    assert false <= 21 and inner <= 21  # the 99.9 % point of a binomial of 200 at 5 %
    if seeds == 1:
        assert naive > 40  # what the best against the worst, as if named before, would have claimed


def test_two_best_levels_are_not_told_apart_because_a_third_is_far_below() -> None:
    rng, false = np.random.default_rng(6), 0
    for i in range(200):
        easy = rng.normal(0, 1.5, 100)
        levels = [answers(rng, easy - 3, 3, 0.3), *(answers(rng, easy, 3, 0.3) for _ in range(2))]
        false += best(levels, seed=i, draws=400).p < 0.05
    assert false <= 21


@pytest.mark.parametrize("seeds", [1, 3])
def test_an_inner_level_that_beats_both_ends_is_found(seeds: int) -> None:
    rng = np.random.default_rng(8)
    easy = rng.normal(0, 1.0, 400)
    levels = [answers(rng, easy + up, seeds, 0.05) for up in (0.0, 1.5, 0.1)]
    found = best(levels)
    assert (found.place, found.inner) == (1, 1) and found.p < 0.05 and found.p_inner < 0.05
    assert found.scope == ("supervisions" if seeds == 3 else "these runs")
    rising = best([answers(rng, easy + up, seeds, 0.05) for up in (0.0, 1.0, 2.0)])
    assert rising.place == 2 and rising.p_inner == 1.0


def test_one_pair_of_single_runs_is_the_sign_flip_test() -> None:
    rng = np.random.default_rng(9)
    easy = rng.normal(0, 1.0, 200)
    a, b = answers(rng, easy + 0.5, 1, 0), answers(rng, easy, 1, 0)
    p, counted = max_t([a, b], draws=4000)
    assert not counted
    assert p[0, 1] == pytest.approx(sign_flip(list((a - b)[0])), abs=0.02)


def test_rank_correlation_against_scipy() -> None:
    stats = pytest.importorskip("scipy.stats")
    rng = random.Random(2)
    pairs = [(x := rng.randint(0, 9), 0.3 * x + rng.gauss(0, 2)) for _ in range(24)]
    found = associate([pairs])
    expected = stats.spearmanr([x for x, _ in pairs], [y for _, y in pairs])
    assert found.rho == pytest.approx(expected.statistic)
    assert found.p == pytest.approx(expected.pvalue, abs=0.02)
    assert found.interval.low < found.rho < found.interval.high


def test_what_differs_between_strata_is_not_taken_for_an_association() -> None:
    rng, false, pooled = random.Random(4), 0, 0
    for i in range(RUNS):
        strata = [[(base + rng.random(), base + rng.random()) for _ in range(6)] for base in (0, 5, 10)]
        false += associate(strata, seed=i, draws=299).p < 0.05
        pooled += associate([[p for s in strata for p in s]], seed=i, draws=299).p < 0.05
    assert false <= MOST_FALSE and pooled > RUNS // 2


def test_fewer_than_ten_cells_cannot_tell() -> None:
    nine = [(float(i), float(i)) for i in range(9)]
    assert associate([nine]).p < 0.001 and associate([nine]).verdict() == "cannot tell"
    assert associate([[*nine, (9.0, 9.0)]]).verdict() == "more is better"
    assert associate([[(-x, y) for x, y in [*nine, (9.0, 9.0)]]]).verdict() == "more is worse"
    assert associate([]).verdict() == "cannot tell" and associate([[(1.0, 0.2)]]).rho is None
    assert associate([[(1.0, 0.2), (1.0, 0.4), (1.0, 0.9)]]).rho is None


def test_a_family_is_corrected_and_the_smallest_difference_with_it() -> None:
    rng = np.random.default_rng(1)
    easy = rng.normal(0, 1, 200)
    alone = contrast(answers(rng, easy, 3, 0.2), answers(rng, easy, 3, 0.2))
    family = correct([alone] * 10)
    assert family[0].alpha == 0.005 and family[0].smallest > alone.smallest
    assert family[0].reversed().difference == -family[0].difference
