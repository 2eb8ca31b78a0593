"""Near duplicates: what repeats what, found by MinHash and decided by counting shingles."""

import random

import pytest

from cotdistill.tasks.near_duplicates import near_duplicates, shingles, similarity

LONG = "There are 16 eggs and three are eaten at breakfast, so 16 - 3 = 13 eggs are left for the market each day."
OTHER = "A plant takes in light through its leaves and turns water and carbon dioxide into sugar and oxygen in the sun."


def words(seed: int, n: int = 150) -> str:
    rng = random.Random(seed)
    return " ".join(f"w{rng.randrange(5_000)}" for _ in range(n))


def test_shingles_are_three_words_in_a_row() -> None:
    assert shingles("Four eggs, left!") == {"four eggs left"}
    assert shingles("4 + 16 = 20.5") == {"4 + 16", "+ 16 =", "16 = 20.5"}
    assert shingles("two words") == {"two words"}
    assert shingles(" ... ") == set()
    assert shingles("还剩三个") == {"还 剩 三", "剩 三 个"}


def test_similarity_is_jaccard_by_hand() -> None:
    assert similarity("a b c d", "a b c e") == pytest.approx(1 / 3)  # abc in common; abc bcd bce in all
    assert similarity(LONG, LONG.upper().replace(",", " ")) == 1.0
    assert similarity("", LONG) == 0.0


def test_the_later_of_two_repeats_the_earlier() -> None:
    found = near_duplicates([LONG, OTHER, LONG.replace("each day", "every day"), LONG])
    assert found[0] is None
    assert found[1] is None
    assert found[2] is not None
    assert (found[2].of, found[2].similarity) == (
        0,
        pytest.approx(similarity(LONG, LONG.replace("each day", "every day"))),
    )
    assert found[3] is not None
    assert (found[3].of, found[3].similarity) == (0, 1.0)


def test_numbers_and_operators_make_another_text() -> None:
    sums = [
        f"Then {a} + {b} = {a + b} and {a + b} - 3 = {a + b - 3}, which is what is left." for a, b in ((4, 9), (7, 12))
    ]
    assert near_duplicates(sums) == [None, None]


def test_texts_of_different_groups_are_not_compared() -> None:
    assert near_duplicates([LONG, LONG, LONG], ["a", "b", "a"])[1] is None
    assert near_duplicates([LONG, LONG, LONG], ["a", "b", "a"])[2] is not None


def test_short_texts_repeat_nothing() -> None:
    assert near_duplicates(["12 - 4 = 8. The answer is 8"] * 2) == [None, None]
    assert near_duplicates(["12 - 4 = 8. The answer is 8"] * 2, min_shingles=1)[1] is not None
    assert near_duplicates(["", ""], min_shingles=1) == [None, None]


def test_a_family_keeps_exactly_one() -> None:
    base = words(1)
    family = [base + f" and also number {i}" for i in range(500)]
    found = near_duplicates(family)
    assert found[0] is None
    assert all(repeat is not None and repeat.of == 0 for repeat in found[1:])


@pytest.mark.parametrize(("changed", "least"), [(2, 0.99), (4, 0.9)])
def test_recall_above_the_threshold(changed: int, least: float) -> None:
    """200 pairs, `changed` of 150 words replaced: similarities of about 0.92 and 0.85."""
    rng = random.Random(7)
    texts = []
    for seed in range(200):
        parts = words(seed).split()
        texts.append(" ".join(parts))
        for at in rng.sample(range(5, 145), changed):
            parts[at] = f"x{at}"
        texts.append(" ".join(parts))
    found = near_duplicates(texts)
    due = [i for i in range(1, 400, 2) if similarity(texts[i], texts[i - 1]) >= 0.8]
    hit = [i for i in due if found[i] is not None]
    assert len(due) > 150
    assert len(hit) / len(due) >= least
    assert all(found[i] is None for i in range(0, 400, 2))


def test_the_same_input_gives_the_same_result() -> None:
    texts = [words(i % 40) + f" {i}" for i in range(120)]
    assert near_duplicates(texts) == near_duplicates(list(texts))
