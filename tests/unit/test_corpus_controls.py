"""Control arms' texts: the final answer kept, the reasoning gone, exchanged or stretched to a length."""

import polars as pl
import pytest

from cotdistill.store.corpus_controls import FILLER, answer_only, closing_of, donors, filler, padded, shuffled
from cotdistill.tasks.realised import count_tokens

OWN = "3 boxes of 4 make 3 * 4 = 12. The answer is 12"
DONOR = "First 9 - 2 = 7.\nThen 7 + 1 = 8.\n#### 8\nThe answer is 8"


def test_a_rationale_is_reasoning_and_announcement() -> None:
    assert closing_of(OWN) == ("3 boxes of 4 make 3 * 4 = 12.", "The answer is 12")
    assert closing_of("12") == ("12", "")
    assert closing_of("33 - 24 = 9 9 / 9 = 1 The answer is 1") == ("33 - 24 = 9 9 / 9 = 1", "The answer is 1")
    assert closing_of("We add.\nTherefore, the final answer is: (B).") == (
        "We add.",
        "Therefore, the final answer is: (B).",
    )


def test_answer_only() -> None:
    assert answer_only("12") == "The answer is 12"
    assert answer_only(None) is None


def test_shuffled_has_the_others_reasoning_and_the_own_answer() -> None:
    assert shuffled(OWN, DONOR, "12") == "First 9 - 2 = 7.\nThen 7 + 1 = 8.\n#### 8\nThe answer is 12"
    assert shuffled("12", OWN, "12") == "3 boxes of 4 make 3 * 4 = 12. The answer is 12"
    assert shuffled(OWN, "The answer is 8", "12") is None  # nothing to take
    assert shuffled("???", OWN, None) is None  # nothing to end with


@pytest.mark.parametrize("extra", range(60))
def test_padded_is_as_long_as_wanted_within_a_token(extra: int) -> None:
    n = count_tokens(OWN) + extra
    text = padded(OWN, n, "seed")
    assert n - 1 <= count_tokens(text) <= n
    assert text.startswith("3 boxes of 4 make 3 * 4 = 12.")
    assert text.endswith("The answer is 12")
    assert padded(OWN, n, "seed") == text


def test_padded_never_shortens() -> None:
    assert padded(OWN, 3, "seed") == OWN


def test_filler_names_no_number_and_no_answer() -> None:
    assert not any(c.isdigit() or c == "=" for sentence in FILLER for c in sentence)
    assert not any("answer" in sentence.lower() for sentence in FILLER)
    assert filler(40, "1") != filler(40, "2")


def rows(pairs: list[tuple[str, str]], dataset: str = "d") -> pl.DataFrame:
    return pl.DataFrame(
        [
            {"question_key": q, "rationale_key": r, "sample_index": i, "reply_key": r, "cell_key": "c"}
            | {"dataset": dataset, "split": "train"}
            for i, (q, r) in enumerate(pairs)
        ]
    )


def test_donors_are_of_another_question_of_the_same_data_set() -> None:
    there = pl.concat(
        [rows([("q1", "a1"), ("q1", "a2"), ("q2", "b1"), ("q3", "c1")]), rows([("p1", "x"), ("p2", "y")], "e")]
    )
    given = donors(there, seed=1)
    owner = dict(zip(there["rationale_key"], zip(there["dataset"], there["question_key"], strict=True), strict=True))
    for row in given.iter_rows(named=True):
        dataset, question = owner[row["donor_rationale_key"]]
        assert dataset == row["dataset"]
        assert question != row["question_key"]
    assert given.equals(donors(there.reverse(), seed=1))


def test_a_lone_question_has_no_donor() -> None:
    assert donors(rows([("q1", "a1"), ("q1", "a2")]), seed=0)["donor_rationale_key"].null_count() == 2
