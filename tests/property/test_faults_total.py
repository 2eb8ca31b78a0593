"""The rules of faults never crash and never hang, whatever the text; near duplicates are what they say they are."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cotdistill.tasks.faults import RULES, examine
from cotdistill.tasks.near_duplicates import THRESHOLD, near_duplicates, similarity
from cotdistill.tasks.values import Question

QUESTIONS = [
    Question("d", "train", "How many of 16?", "number", "13"),
    Question("d", "train", "Which?", "choice", "B", ("a", "b c", "d")),
    Question("d", "train", "Is it?", "boolean", "True"),
    Question("d", "train", "Solve.", "latex", r"\frac{1}{2}"),
    Question("d", "train", "Say.", "text", "yes"),
    Question("d", "train", "还剩几个？", "number", None),
]
PIECES = [
    "The answer is ", "13", "1/0", "=", " + ", " - 3", "\\boxed{", "}", "<", ">", "</a>", "[INST]", "{question}",
    "\n", ".", "The", "2. ", "answer: ", "不", "ß", "\u0130",
    "\ud83d\ude00", "9" * 500, "(" * 200, "**", "####", "e.g.", "²", "½", "0.",
    "%", "$", "subtract ", " from ", "None", "A)", "B", "\x00", "\u202e",
]  # fmt: skip
TEXTS = st.one_of(st.text(max_size=400), st.lists(st.sampled_from(PIECES), max_size=60).map("".join))


@settings(max_examples=400, deadline=None)
@given(TEXTS, st.sampled_from(QUESTIONS), st.booleans())
def test_any_text_can_be_examined(text: str, question: Question, answer_only: bool) -> None:
    found = examine(text, question, answer_only=answer_only)
    assert found.faults.keys() <= RULES.keys()
    assert all(found.faults.values())
    assert found.numbers >= 0
    assert examine(text, question, answer_only=answer_only) == found


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(TEXTS, st.sampled_from(["a b c d e f g h i j k", "a b c d e f g h i j l"])), max_size=12))
def test_what_repeats_something_repeats_a_text_that_is_kept(texts: list[str]) -> None:
    found = near_duplicates(texts, min_shingles=1)
    for i, repeat in enumerate(found):
        if repeat is not None:
            assert repeat.of < i
            assert found[repeat.of] is None
            assert repeat.similarity >= THRESHOLD
            assert repeat.similarity == similarity(texts[i], texts[repeat.of])


@pytest.mark.parametrize("piece", PIECES)
def test_long_repetitions_are_read_in_time(piece: str) -> None:
    """A looping model writes one thing 20,000 times: a fraction of a second, where quadratic work takes minutes."""
    text = (piece * 20_000)[:100_000]
    started = time.process_time()
    for question in QUESTIONS:
        examine(text, question)
    assert time.process_time() - started < 30
