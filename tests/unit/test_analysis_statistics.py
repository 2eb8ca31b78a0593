"""Intervals, paired tests and Holm, against hand-worked values, scipy, and simulated nulls."""

import math
import random

import pytest

from cotdistill.analysis.crossed import crossed, welch
from cotdistill.analysis.statistics import bootstrap_interval, effective_n, holm, mcnemar, sign_flip, wilson
from cotdistill.analysis.student_t import t_quantile, t_two_sided

RUNS = 400
# The 99.9 % point of a binomial of 400 at 5 %: more false positives than this is a broken test, not bad luck.
MOST_FALSE = 35


def test_wilson_by_hand() -> None:
    # 8 of 10: centre (0.8 + 3.8415 / 20) / 1.38415 = 0.7167, half 1.96 / 1.38415 * sqrt(0.016 + 0.0096037) = 0.2266
    found = wilson(8, 10)
    assert (found.low, found.high) == pytest.approx((0.4901, 0.9433), abs=1e-4)
    assert wilson(0, 10).low == 0.0 and wilson(10, 10).high == 1.0
    assert (wilson(0, 0).low, wilson(0, 0).high) == (0.0, 1.0)


def test_effective_n_is_between_questions_and_answers() -> None:
    assert effective_n([1, 0, 1, 1], 4) == 4  # one run
    assert effective_n([1, 0, 1, 0], 8) == 4  # two runs that agree
    assert effective_n([0.5, 0.5, 0.5, 0.5], 8) == 4  # no spread to go by
    assert effective_n([0.5, 0.5, 1.0, 0.0, 0.5, 0.5], 12) == pytest.approx(12)  # as spread as chance: 0.25 / (0.1 / 6)


def test_mcnemar_by_hand() -> None:
    assert mcnemar(0, 0) == 1.0
    assert mcnemar(1, 5) == pytest.approx(2 * (1 + 6) / 64)
    assert mcnemar(5, 1, mid_p=True) == pytest.approx(2 * 7 / 64 - 6 / 64)
    assert mcnemar(3, 3) == 1.0 and mcnemar(3, 3, mid_p=True) == pytest.approx(1 - 20 / 128)


@pytest.mark.parametrize(("b", "c"), [(0, 1), (2, 9), (40, 61), (600, 700)])
def test_mcnemar_and_sign_flips_are_the_exact_binomial_test(b: int, c: int) -> None:
    stats = pytest.importorskip("scipy.stats")
    expected = stats.binomtest(b, b + c).pvalue
    assert mcnemar(b, c) == pytest.approx(expected)
    assert sign_flip([1.0] * b + [-1.0] * c + [0.0] * 10) == pytest.approx(expected)


def test_sign_flips_by_enumeration() -> None:
    gaps = [0.5, 0.5, -0.5, 1.0, 1.0, -1.0, 0.5]
    sums = [sum(g if bits >> i & 1 else -g for i, g in enumerate(map(abs, gaps))) for bits in range(2 ** len(gaps))]
    expected = sum(abs(s) >= abs(sum(gaps)) for s in sums) / len(sums)
    assert sign_flip(gaps, 2) == pytest.approx(expected)
    assert sign_flip([0.0] * 5) == 1.0


@pytest.mark.parametrize(("k", "n"), [(0, 7), (3, 20), (199, 200)])
def test_wilson_against_scipy(k: int, n: int) -> None:
    stats = pytest.importorskip("scipy.stats")
    expected = stats.binomtest(k, n).proportion_ci(method="wilson")
    assert (wilson(k, n).low, wilson(k, n).high) == pytest.approx((expected.low, expected.high), abs=1e-12)


@pytest.mark.parametrize("df", [1.0, 2.5, 4.0, 30.0, 1000.0])
def test_students_t_against_scipy(df: float) -> None:
    stats = pytest.importorskip("scipy.stats")
    for t in (0.0, 0.3, 2.0, 7.0):
        assert t_two_sided(t, df) == pytest.approx(2 * stats.t.sf(t, df), rel=1e-9)
    assert t_quantile(0.975, df) == pytest.approx(stats.t.ppf(0.975, df), rel=1e-9)
    assert t_two_sided(1.959963984540054, math.inf) == pytest.approx(0.05)


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == [] and holm([0.9, 0.8]) == [1.0, 1.0]


def test_bootstrap_is_near_the_normal_interval_and_repeatable() -> None:
    rng = random.Random(1)
    gaps = [rng.choice([-1.0, 0.0, 0.0, 0.0, 1.0, 1.0]) for _ in range(1000)]
    mean = sum(gaps) / 1000
    half = 1.96 * math.sqrt(sum((g - mean) ** 2 for g in gaps) / 1000 / 1000)
    found = bootstrap_interval(gaps, seed=3)
    assert (found.low, found.high) == pytest.approx((mean - half, mean + half), abs=0.006)
    assert bootstrap_interval(gaps, seed=3) == found
    none = bootstrap_interval([0.0] * 20)
    assert none.low == pytest.approx(-(1 - 0.05 ** (1 / 20))) and none.high == -none.low


def test_crossed_by_hand() -> None:
    first, second = [[1, 1, 1, 1], [0, 0, 0, 0]], [[0, 0, 0, 1], [0, 0, 0, 1]]
    found = crossed(first, second)
    assert found.difference == pytest.approx(0.25)
    # Question gaps 0.5, 0.5, 0.5, -0.5: variance 0.25 over 4. Run means 1 and 0: variance 0.5 over 2. No interaction.
    assert found.standard_error == pytest.approx(math.sqrt(0.0625 + 0.25))
    assert (found.by_question, found.by_run) == pytest.approx((0.0625, 0.25))
    assert found.df == 1  # only the first side's runs differ: its seeds - 1
    assert welch([(0.5, 2), (0.5, 2)]) == 4 and welch([(0.0, 2), (0.0, 4)]) == 2 and welch([(0.3, 2)]) == 2
    # Runs that are right on different questions: run means alike, so all the variance is the interaction's.
    mixed = crossed([[1, 0], [0, 1]], [[0, 0]])
    # Question gaps 0.5 and 0.5. Residuals 0.5, -0.5, -0.5, 0.5: squares 1 over 1 degree of freedom and 4 answers.
    assert (mixed.difference, mixed.standard_error) == pytest.approx((0.5, math.sqrt(1 / 4)))
    with pytest.raises(ValueError, match="at least two runs"):
        crossed(first[:1], second[:1])


def _answers(rng: random.Random, easy: list[float], n_runs: int, run_spread: float) -> list[list[int]]:
    """Runs x questions of right and wrong; each run has a luck of its own on the logit scale."""
    runs = []
    for _ in range(n_runs):
        luck = rng.gauss(0, run_spread)
        runs.append([int(rng.random() < 1 / (1 + math.exp(-(e + luck)))) for e in easy])
    return runs


def test_one_run_each_is_rarely_wrong_under_the_null() -> None:
    rng, false = random.Random(5), 0
    for _ in range(RUNS):
        easy = [rng.gauss(0, 1.5) for _ in range(120)]
        (a,), (b,) = _answers(rng, easy, 1, 0), _answers(rng, easy, 1, 0)
        false += (
            mcnemar(sum(x > y for x, y in zip(a, b, strict=True)), sum(x < y for x, y in zip(a, b, strict=True))) < 0.05
        )
    assert false <= MOST_FALSE


def test_two_runs_each_are_rarely_wrong_when_seeds_have_no_luck() -> None:
    rng, false = random.Random(6), 0
    for _ in range(RUNS):
        easy = [rng.gauss(0, 1.5) for _ in range(120)]
        a, b = _answers(rng, easy, 2, 0), _answers(rng, easy, 2, 0)
        gaps = [(w + x - y - z) / 2 for w, x, y, z in zip(*a, *b, strict=True)]
        false += sign_flip(gaps, 2) < 0.05
    assert false <= MOST_FALSE


def test_a_real_difference_is_found() -> None:
    rng = random.Random(8)
    easy = [rng.gauss(0, 1.5) for _ in range(200)]
    a, b = _answers(rng, [e + 1.5 for e in easy], 3, 0.1), _answers(rng, easy, 3, 0.1)
    found = crossed(a, b)
    assert found.p < 0.05 and found.interval.low > 0


def test_effective_n_covers_where_pooled_answers_do_not() -> None:
    rng, covered, pooled = random.Random(9), 0, 0
    truth = 0.5
    for _ in range(RUNS):
        easy = [rng.gauss(0, 3) for _ in range(150)]
        runs = _answers(rng, easy, 4, 0)
        means = [sum(c) / 4 for c in zip(*runs, strict=True)]
        k = sum(map(sum, runs))
        n = effective_n(means, 600)
        honest, naive = wilson(k / 600 * n, n), wilson(k, 600)
        covered += honest.low <= truth <= honest.high
        pooled += naive.low <= truth <= naive.high
    assert covered >= RUNS - MOST_FALSE
    assert pooled < RUNS - 2 * MOST_FALSE
