"""Diversity metrics, each by a hand-worked example."""

import time
import zlib

import pytest

from cotdistill.analysis import metrics


def test_distinct_by_hand() -> None:
    texts = ["a b a b", "a b"]
    assert metrics.distinct(texts, 1) == pytest.approx(2 / 6)
    assert metrics.distinct(texts, 2) == pytest.approx(2 / 4)  # ab ba ab | ab, none across texts
    assert metrics.distinct(["A, a"], 1) == pytest.approx(2 / 3)
    assert metrics.distinct([], 1) is None and metrics.distinct(["one"], 2) is None


def test_compression_ratio_by_hand() -> None:
    texts = ["ab" * 50, "ab" * 50]
    data = ("ab" * 50 + "\n" + "ab" * 50).encode()
    assert metrics.compression_ratio(texts) == len(data) / len(zlib.compress(data, 9))
    assert metrics.compression_ratio(["the cat sat"]) < 1 < metrics.compression_ratio(texts)
    assert metrics.compression_ratio([]) is None


@pytest.mark.parametrize(
    ("text", "plan"),
    [
        ("Tom has 4. 4 + 16 = 20. Then 20 - 3 = 17. The answer is 17", ("a+b=c", "c-d=e")),
        ("So 5 + 1 = 6\n6 - 2 = 4", ("a+b=c", "c-d=e")),
        ("4 + 4 = 8", ("a+a=b",)),
        ("Total: $1,200 × 2 = $2,400 = 4 * 600", ("a*b=c=d*e",)),
        ("(3 + 4) * 2 = 14", ("(a+b)*c=d",)),
        ("Step 1: 3+4=7.", ("a+b=c",)),
        ("1) 4+1=5, so", ("a+b=c",)),
        ("x = 3y", ()),
        ("= 5 + 1", ()),
        ("5 + 1 =", ()),
        ("The answer is 12", ()),
    ],
)
def test_equation_plans(text: str, plan: tuple[str, ...]) -> None:
    assert metrics.equation_plan(text) == plan


def test_distinct_plans_counts_only_texts_with_equations() -> None:
    texts = ["1 + 2 = 3", "5 + 6 = 11", "9 - 2 = 7", "no equation"]
    share, n = metrics.distinct_plans(texts)
    assert share == pytest.approx(2 / 3) and n == 3
    assert metrics.distinct_plans(["none"]) == (None, 0)


def test_sample_stops_at_the_text_that_fills_it() -> None:
    assert metrics.sample(["a b c", "d e", "f"], 4) == ["a b c", "d e"]
    assert metrics.sample(["a"], 4) == ["a"]


def test_many_plan_names() -> None:
    text = ". ".join(f"{i} + {i + 1000} = {2 * i + 5000}" for i in range(1, 20))
    assert metrics.equation_plan(text)[9] == "ab+ac=ad"


@pytest.mark.parametrize("piece", ["1 2 3 ", "(", "1+", "1=", "= "])
def test_equations_are_found_in_linear_time(piece: str) -> None:
    started = time.process_time()
    metrics.equation_plan(piece * 20_000)
    assert time.process_time() - started < 5  # a quadratic scan took over a minute
