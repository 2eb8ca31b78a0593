"""The arith generator: seeded, within its bounds, and with a wall between training and test."""

import pytest

from cotdistill.errors import ConfigError
from cotdistill.tasks.datasets import arith
from cotdistill.tasks.datasets.arith_grammar import NAMES, OBJECTS, WORDINGS, read, sentences
from cotdistill.tasks.realised import count_tokens


@pytest.fixture(scope="module")
def train() -> list:
    return arith.questions("train")


@pytest.fixture(scope="module")
def test() -> list:
    return arith.questions("test")


def test_sizes_and_shape(train: list, test: list) -> None:
    far = arith.questions("far")
    assert (len(train), len(test), len(far)) == (20_000, 500, 300)
    assert {(q.dataset, q.split, q.kind) for q in train} == {("arith", "train", "number")}
    assert {q.subject for q in train} == {q.difficulty for q in train} == {"1 step", "2 steps", "3 steps"}
    assert len({q.key for q in train + test + far}) == 20_800
    assert len([w for w in WORDINGS if not w.far]) >= 24 and len(NAMES) >= 12 and len(OBJECTS) >= 10


def test_same_seed_same_questions_and_fewer_are_a_prefix(train: list) -> None:
    assert arith.questions("train", 50) == train[:50]
    assert arith.questions("train", 50, seed=1) != train[:50]
    assert arith.questions("train", 0) == []


def test_no_pair_of_the_test_split_in_training_whatever_the_seed(train: list, test: list) -> None:
    held_out = {arith.pair_of(q.text) for q in test}
    others = {arith.pair_of(q.text) for q in [*train, *arith.questions("train", 2_000, seed=7)]}
    assert not held_out & others
    assert all(arith.is_held_out(*pair) for pair in held_out)
    assert not any(arith.is_held_out(*pair) for pair in others)
    assert not {q.text_key for q in train} & {q.text_key for q in test}


def test_about_one_pair_in_ten_is_held_out() -> None:
    n = sum(arith.is_held_out(("start.has", "gain.finds"), (a, b)) for a in range(100) for b in range(100))
    assert 900 <= n <= 1_100


def test_far_shares_no_wording_with_the_other_splits(train: list) -> None:
    def used(questions: list) -> set[str]:
        return {read(s).wording.id for q in questions for s in sentences(q.text)}

    far = used(arith.questions("far"))
    assert not far & used(train)
    assert len(used(train)) == sum(arith.WORDINGS_USED.values())


def test_operands_and_totals_stay_small_and_no_answer_is_a_good_guess(train: list) -> None:
    assert all(arith.MIN_OPERAND <= n <= arith.MAX_OPERAND for q in train for n in arith.pair_of(q.text)[1])
    answers = [int(q.gold) for q in train]
    assert min(answers) >= 0 and max(answers) <= arith.MAX_TOTAL
    assert max(answers.count(a) for a in set(answers)) / len(answers) < 0.1
    assert sum(count_tokens(q.text) for q in train) / len(train) < 40


def test_every_sentence_fits_exactly_one_wording(train: list) -> None:
    slots = {"a": "Tom", "b": "Ann", "o": "apples", "n": "12", "m": "3"}
    for wording in WORDINGS:
        found = read(wording.fill(slots))
        assert found is not None and found.wording is wording
        assert set(found.numbers) == {int(slots[s]) for s in "nm" if f"{{{s}}}" in wording.text}
    assert len({w.id for w in WORDINGS}) == len(WORDINGS)


def test_unknown_split_is_named() -> None:
    with pytest.raises(ConfigError, match="'dev'"):
        arith.questions("dev")
