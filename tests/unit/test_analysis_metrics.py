"""Diversity metrics: each by a hand-worked example, and against the reference package's own figures."""

import math
import time
import zlib
from collections.abc import Sequence

import pytest

from cotdistill.analysis import metrics, paths

# What the reference packages gave for these (diversity 0.3.1, sacrebleu 2.6.0, vendi-score 0.0.3 with scikit-learn
# 1.9.1); the slow test below asks them again where they are installed.
TEXTS = (
    "first we add four and sixteen to get twenty then we take three away",
    "first we add five and one to get six then we take two away",
    "the shop sells twelve apples a day so in a week it sells eighty four",
    "we add four and sixteen to get twenty",
    "she walks to school and back twice a day which makes four walks",
)
SELF_REPETITION = 0.716704
SELF_BLEU = 0.312208
VENDI = 3.975540


def test_distinct_by_hand() -> None:
    texts = metrics.encode(["a b a b", "a b"])
    assert metrics.distinct(texts, 1) == pytest.approx(2 / 6)
    assert metrics.distinct(texts, 2) == pytest.approx(2 / 4)  # ab ba ab | ab, none across texts
    assert metrics.distinct(metrics.encode(["A, a"]), 1) == pytest.approx(2 / 3)
    assert metrics.distinct(metrics.encode([]), 1) is None
    assert metrics.distinct(metrics.encode(["one"]), 2) is None


@pytest.mark.parametrize("text", ["", "Tom has 1,200 apples.", "naïve Größe ΣΑΣ x_1 中文 ٣٤", "a\n\n$\\frac{1}{2}$ —"])
def test_encoding_counts_the_words_that_words_finds(text: str) -> None:
    encoded = metrics.encode([text, "other", text])
    found = metrics.words(text)
    assert list(encoded.lengths) == [len(found), 1, len(found)]
    first, last = encoded.ids[: len(found)], encoded.ids[len(found) + 1 :]
    assert list(first) == list(last) and len(set(first.tolist())) == len(set(found))


def test_compression_ratio_by_hand() -> None:
    texts = ["ab" * 50, "ab" * 50]
    data = ("ab" * 50 + "\n" + "ab" * 50).encode()
    assert metrics.compression_ratio(texts) == len(data) / len(zlib.compress(data, 9))
    assert metrics.compression_ratio(["the cat sat"]) < 1 < metrics.compression_ratio(texts)
    assert metrics.compression_ratio([]) is None


def test_self_repetition_by_hand() -> None:
    # "a b c d" is in both: one use elsewhere for each text; "b c d e" only in the first; the third has nothing of them.
    texts = metrics.encode(["a b c d e", "a b c d", "x y z w"])
    assert metrics.self_repetition(texts) == pytest.approx(2 * math.log(2) / 3)
    assert metrics.self_repetition(metrics.encode([])) is None and metrics.self_repetition(metrics.encode(["a"])) == 0.0
    assert metrics.self_repetition(metrics.encode(TEXTS)) == pytest.approx(SELF_REPETITION, abs=1e-6)


def test_self_bleu_by_hand() -> None:
    assert metrics.self_bleu(["a b c d e"] * 3) == pytest.approx(1.0)
    assert metrics.self_bleu(["a b c d", "e f g h"]) == 0.0
    # Each against the other: 3 of 4 words, 2 of 3 pairs, 1 of 2 triples, 0 of 1 (smoothed to 1/2).
    expected = (3 / 4 * 2 / 3 * 1 / 2 * 1 / 2) ** 0.25
    assert metrics.self_bleu(["a b c d", "a b c e"]) == pytest.approx(expected)
    assert metrics.self_bleu(["one"]) is None
    assert metrics.self_bleu(TEXTS) == pytest.approx(SELF_BLEU, abs=1e-6)


def test_vendi_by_hand() -> None:
    assert metrics.vendi(["a b"] * 4) == pytest.approx(1.0)
    assert metrics.vendi(["a", "b", "c"]) == pytest.approx(3.0)
    # Two of one kind and one of another: eigenvalues 2/3 and 1/3.
    assert metrics.vendi(["a", "a", "b"]) == pytest.approx(
        math.exp(-(2 / 3 * math.log(2 / 3) + 1 / 3 * math.log(1 / 3)))
    )
    assert metrics.vendi([]) is None and metrics.vendi([""]) == pytest.approx(1.0)
    assert metrics.vendi(TEXTS) == pytest.approx(VENDI, abs=1e-6)


def test_distance_and_agreement_by_hand() -> None:
    assert metrics.pair_distance(["a", "b", "c"], ["a", "b", "d"]) == pytest.approx(2 / 3)  # ab shared of ab bc bd
    assert metrics.pair_distance(["a"], ["a"]) == 0.0 and metrics.pair_distance([], []) == 0.0
    assert metrics.pair_distance(["a"], ["b"]) == 1.0
    assert metrics.agreement(["4", "4", "5"]) == pytest.approx(1 / 3)
    assert metrics.agreement(["4"]) is None and metrics.agreement(["4", "4"]) == 1.0


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
    assert paths.plan(paths.equations(text)) == plan


def test_paths_keep_the_numbers_and_forget_the_order_of_a_sum() -> None:
    def path(text: str) -> str:
        return paths.path(paths.equations(text))

    assert path("First 16 + 4 = 20. Then $20.00 - 3 = 17.") == "4+16=20; 20-3=17"
    assert path("4+16=20, so 20 - 3 = 17") == path("16 + 4 = 20.0. 20 - 3 = 17")
    assert path("16 - 3 = 13. 13 + 4 = 17") != path("16 + 4 = 20. 20 - 3 = 17")
    assert path("3 - 2 = 1") != path("2 - 3 = 1") and path("no equation") == ""
    assert paths.intermediate(paths.equations("4 + 16 = 20 = 2 * 10. 20 - 3 = 17")) == {"20", "17"}


def test_a_budget_stops_at_the_text_that_fills_it() -> None:
    assert metrics.within_budget([3, 2, 1], 4) == 2
    assert metrics.within_budget([1], 4) == 1 and metrics.within_budget([], 4) == 0


def test_many_plan_names() -> None:
    text = ". ".join(f"{i} + {i + 1000} = {2 * i + 5000}" for i in range(1, 20))
    assert paths.plan(paths.equations(text))[9] == "ab+ac=ad"


@pytest.mark.parametrize("piece", ["1 2 3 ", "(", "1+", "1=", "= "])
def test_equations_are_found_in_linear_time(piece: str) -> None:
    started = time.process_time()
    found = paths.equations(piece * 20_000)
    paths.plan(found), paths.path(found)
    assert time.process_time() - started < 5  # a quadratic scan took over a minute


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # vendi-score asks scipy for an old name
def test_against_the_reference_packages() -> None:
    diversity = pytest.importorskip("diversity", reason="pip install diversity sacrebleu vendi-score scikit-learn")
    sacrebleu = pytest.importorskip("sacrebleu")
    vendi = pytest.importorskip("vendi_score.vendi")
    text = pytest.importorskip("sklearn.feature_extraction.text")
    repeated = diversity.self_repetition_score(list(TEXTS), n=4, verbose=False)
    assert metrics.self_repetition(metrics.encode(TEXTS)) == pytest.approx(repeated)
    assert repeated == pytest.approx(SELF_REPETITION, abs=1e-6)

    def others(i: int) -> Sequence[str]:
        return [t for j, t in enumerate(TEXTS) if j != i]

    bleu = [
        sacrebleu.sentence_bleu(t, others(i), tokenize="none", use_effective_order=True).score / 100
        for i, t in enumerate(TEXTS)
    ]
    assert metrics.self_bleu(TEXTS) == pytest.approx(sum(bleu) / len(bleu))
    assert sum(bleu) / len(bleu) == pytest.approx(SELF_BLEU, abs=1e-6)
    vectors = text.TfidfVectorizer(token_pattern=r"\w+").fit_transform(TEXTS).toarray()
    assert metrics.vendi(TEXTS) == pytest.approx(vendi.score_X(vectors)) == pytest.approx(VENDI, abs=1e-6)
    by_order = sum(metrics.distinct(metrics.encode([" ".join(TEXTS)]), n) or 0 for n in range(1, 5))
    assert by_order == pytest.approx(diversity.ngram_diversity_score(list(TEXTS)), abs=0.001)
