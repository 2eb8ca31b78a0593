"""Realised granularity, against rationales counted by hand."""

import re
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cotdistill.tasks import realised
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


# The rules as they are said: an end of a sentence does not follow another's sign, an equals sign follows an operand,
# an item's number is no end of a longer one. Slow, for they begin by looking back.
SENTENCE_END = re.compile(r"(?<![\s.!?])[.!?]+[\"')\]*]*(?=\s|$|[A-Z\"(])")
EQUATION = re.compile(r"(?:[\w)\]}%°?]\s*|!\s+)=\s*(?=[-+−$£€\\({\[\w?.])")
ITEM = re.compile(r"(?<!\d)(\d{1,2})[.):]\**\s*(?=[^\s\d.])")


@given(st.text(alphabet=st.sampled_from("a7Z =!?.)(\"'*:%-\n\u00a0$3"), max_size=40))
@example("3! = 6 and 3 != 6, x == 2, (a) = b, 5 = = 6, ? = !")
@example("Wait... What?! 1.) a 12) b 123: c 4.** d")
@settings(max_examples=2_000, deadline=None)
def test_the_fast_patterns_find_what_the_plain_ones_find(text: str) -> None:
    spans = [
        [found.span() for found in pattern.finditer(text)]
        for pattern in (SENTENCE_END, realised._SENTENCE_END, ITEM, realised._ITEM)
    ]
    assert spans[0] == spans[1] and spans[2] == spans[3]
    assert [m.group(1) for m in ITEM.finditer(text)] == [m.group(1) for m in realised._ITEM.finditer(text)]
    assert measure(text).equations == len(EQUATION.findall(text))
