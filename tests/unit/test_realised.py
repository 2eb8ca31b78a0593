"""Realised granularity, against rationales counted by hand."""

import time

import pytest

from cotdistill.tasks.realised import count_tokens, measure
from cotdistill.tasks.values import Realised

ANNOUNCED = " The answer is 7"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Realised(0, 0, 0, 0)),
        ("Add the two numbers. The answer is 7", Realised(1, 2, 9, 0)),
        ("First 3 + 4 = 7. Then 7 - 7 = 0. So nothing is left. The answer is 0.", Realised(3, 4, 24, 2)),
        ("1. Count the pens: 3.2. Add four: 3 + 4 = 7. The answer is 7", Realised(2, 3, 23, 1)),
        ("Step 1: take 3.\nStep 2: add 4.\nStep 3: stop.\nThe answer is 7", Realised(3, 4, 21, 0)),
        ("Take three pens\nAdd four pens\nAll in all seven\nThe answer is 7", Realised(3, 1, 14, 0)),
        ("a = b = 3", Realised(1, 1, 5, 2)),
        ("x == 3, x <= 4 and x != 5", Realised(1, 1, 14, 0)),
    ],
)
def test_counts_worked_by_hand(text: str, expected: Realised) -> None:
    assert measure(text) == expected


def test_tokens_are_pieces_of_words_digits_and_signs() -> None:
    assert count_tokens("incomprehensibilities") == 2  # 12 + 9 letters
    assert count_tokens("12345") == 2  # 123 + 45
    assert count_tokens("$3.50 = x_1") == 8
    assert count_tokens("  \n\t ") == 0


def test_the_announcement_is_no_step() -> None:
    body = "Start with 9. Take 2 away."
    assert measure(body).steps == measure(body + ANNOUNCED).steps == 2


def test_two_hundred_thousand_rationales_take_well_under_a_minute() -> None:
    text = ("The shop sells 12 pens at $3.50 each, so 12 * 3.50 = 42.00 dollars. " * 8)[:500]
    started = time.process_time()
    for _ in range(2_000):
        measure(text)
    assert (time.process_time() - started) * 100 < 60
