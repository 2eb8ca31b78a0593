"""What `tiny` is pretrained on: no wording of arith, nothing held out, no worked solution, right sums."""

import re
from itertools import islice

import pytest

from cotdistill.tasks.datasets import arith
from cotdistill.tasks.datasets.arith_grammar import WORDINGS, read, sentences
from cotdistill.train.tiny_exercises import SAY, Exercise, breaks_the_wall, exercises


@pytest.fixture(scope="module")
def drawn() -> list[Exercise]:
    return list(islice(exercises(7), 3_000))


def test_no_sentence_follows_a_wording_of_arith(drawn: list[Exercise]) -> None:
    assert read(WORDINGS[0].text.format(a="Tom", n=4, o="apples")) is not None  # the check can fail
    found = [s for e in drawn for s in sentences(e.text + " " + e.results) if read(s) is not None]
    assert found == []


def test_the_wall_holds_and_can_fail(drawn: list[Exercise]) -> None:
    assert not any(breaks_the_wall(e.text) for e in drawn)
    assert any(breaks_the_wall(q.text) for q in arith.questions("test", 50))


def test_no_result_is_carried_on_and_no_answer_announced(drawn: list[Exercise]) -> None:
    statements = [e for e in drawn if e.text.endswith(tuple(f"{asked}\n" for asked in SAY))]
    assert len(statements) > 1_000
    for exercise in statements:
        assert "answer" not in exercise.results
        text = re.findall(r"\d+", exercise.text)
        given = re.findall(r"(\d+) [-+*] (\d+)", exercise.results)
        # Every operand stands in the text: none comes from a result before it.
        for pair in given:
            for operand in pair:
                text.remove(operand)


def test_sums_are_right_and_within_ariths_limits(drawn: list[Exercise]) -> None:
    n = 0
    for exercise in drawn:
        for left, sign, right, result in re.findall(r"(\d+) ([-+*]) (\d+) = (\d+)", exercise.text + exercise.results):
            a, b = int(left), int(right)
            assert int(result) == {"+": a + b, "-": a - b, "*": a * b}[sign] <= arith.MAX_TOTAL
            n += 1
    assert n > 1_000


def test_same_seed_same_exercises() -> None:
    assert list(islice(exercises(1), 20)) == list(islice(exercises(1), 20)) != list(islice(exercises(2), 20))
