"""Decontamination: each rule on questions small enough to count by hand, and what it must leave alone."""

import pytest

from cotdistill.store.decontaminate import MOST_SHARED, Contaminated, Thresholds, contaminated, numbers_of, words_of

LIMITS = Thresholds(n=3, ngram_overlap=0.5, template_overlap=0.8, numbers_min=3, numbers_words=0.5)
HELD_OUT = [
    "Tom has 12 red apples and eats 5 of them. How many are left?",
    "Why is the sky blue at noon but red at dusk?",
]


def find(text: str, limits: Thresholds = LIMITS, held_out: list[str] = HELD_OUT) -> Contaminated | None:
    return next(contaminated([text], held_out, limits), None)


def test_runs_of_words_are_counted_against_the_shorter_question() -> None:
    # why|is|the|sky|blue|at|noon is 5 runs of 3, all in the held-out question
    assert find("Why is the sky blue at noon?") == Contaminated(0, "ngram-overlap", 1, 1.0)
    # 4 runs: "the sky blue" and "sky blue at" are shared, "blue at sea" and "is the sky" is too: 3 of 4
    assert find("is the sky blue at sea") == Contaminated(0, "ngram-overlap", 1, 0.75)
    # 1 of 5 runs
    assert find("how green is the sky over Mars") is None


def test_the_same_text_with_other_numbers() -> None:
    found = find("Tom has 99 red apples and eats thirty of them. How many are left?", LIMITS_WITHOUT_RUNS)
    assert found == Contaminated(0, "same-template", 0, 1.0)
    # without a number there is no template, however alike the words
    assert find("Why is the sky blue at noon but red at dusk?", LIMITS_WITHOUT_RUNS) is None


LIMITS_WITHOUT_RUNS = Thresholds(n=3, ngram_overlap=0, template_overlap=0.8, numbers_min=3, numbers_words=0)


def test_the_same_numbers_in_other_words() -> None:
    limits = Thresholds(n=8, ngram_overlap=0, template_overlap=0, numbers_min=3, numbers_words=0.5)
    held_out = ["6 storks and 2 birds sat on a fence. 3 more birds came. How many birds?"]
    # words: {2,3,6,storks,and,birds,sat,on,a,fence,more,came,how,many} and {...}: 13 of 14 shared
    found = find("2 birds and 6 storks sat on a fence. Three more came. How many birds", limits, held_out)
    assert found == Contaminated(0, "same-numbers", 0, 1.0)
    assert find("2 birds and 6 storks sat on a fence. 4 more birds came. How many birds", limits, held_out) is None
    assert find("Divide 6 by 2, then by 3.", limits, held_out) is None
    two = Thresholds(n=8, ngram_overlap=0, template_overlap=0, numbers_min=4, numbers_words=0.5)
    assert find("2 birds and 6 storks sat on a fence. Three more came. How many birds", two, held_out) is None


def test_numbers_are_read_however_they_are_written() -> None:
    assert words_of("Twelve cost $1,200.50, or 3/4") == ["12", "cost", "1200.50", "or", "3/4"]
    assert numbers_of(words_of("30 and 4, then twelve")) == ("12", "30", "4")


def test_the_nearest_is_reported_and_the_first_of_equals() -> None:
    held_out = ["a b c d x y z", "a b c d e f g", "a b c d e f g"]
    assert find("a b c d e f g", held_out=held_out) == Contaminated(0, "ngram-overlap", 1, 1.0)


def test_a_phrase_of_very_many_held_out_questions_points_to_none_alone() -> None:
    phrase = "how many does he have in all"
    held_out = [f"{phrase} q{i} w{i} e{i} r{i} t{i}" for i in range(MOST_SHARED + 1)]
    assert find(f"{phrase} and nothing else of it", held_out=held_out) is None
    # but counts where another run points there: all 10 runs
    assert find(held_out[7], held_out=held_out) == Contaminated(0, "ngram-overlap", 7, 1.0)


@pytest.mark.parametrize("text", ["", "?!", "one", "7"])
def test_what_has_hardly_a_word_is_no_trouble(text: str) -> None:
    assert find(text) is None
    assert find("something else entirely here", held_out=[text]) is None
    assert find(text, held_out=[]) is None
