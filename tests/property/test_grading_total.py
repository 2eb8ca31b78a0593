"""Grading is total: no text, question or gold answer makes it fail; and what it reads is what was written."""

import time
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cotdistill.tasks import quantity
from cotdistill.tasks.choices import split_choices
from cotdistill.tasks.grading import grade
from cotdistill.tasks.normalise import normalise
from cotdistill.tasks.realised import measure
from cotdistill.tasks.render import question_text
from cotdistill.tasks.strict import strict
from cotdistill.tasks.values import LETTERS, AnswerKind, Question

PIECES = [
    *("The answer is ", "answer:", "#### ", "\\boxed{", "}", "{", "$", "**", "A: ", "\n", "Question: ", "5", "1,000"),
    *("1/0", "3/4", "-", " and ", "=", ".", "%", "(B)", "bank", "True", "no", "not", "\\frac{1}{2}", "\\[", "\\]", "e"),
    *(
        "9" * 500,
        "½",
        "٣",
        "\x00",
        "\ud800",
        "million",
        "twenty-five",
        "√",
        "(((((",
        "<answer>",
        "option ",
        "is correct",
    ),
    *("###", "``", " "),
]
texts = st.one_of(st.text(max_size=200), st.lists(st.sampled_from(PIECES), max_size=25).map("".join))
choices = st.lists(st.text(max_size=20), min_size=2, max_size=6).map(tuple)


@settings(max_examples=600)
@given(text=texts, gold=texts, options=choices, kind=st.sampled_from(["number", "choice", "boolean", "text"]))
def test_grading_never_fails(text: str, gold: str, options: tuple[str, ...], kind: AnswerKind) -> None:
    question = Question("d", "test", "q", kind, gold, options if kind == "choice" else ())
    papers = strict(text, question)
    assert papers.status in ("correct", "wrong", "unparsed")
    verdict = grade(text, question)
    assert verdict.status in ("correct", "wrong", "unparsed", "ungradable")
    assert verdict.rule
    assert (verdict.answer is not None) == (verdict.status in ("correct", "wrong"))


@settings(max_examples=150, deadline=None)
@given(text=texts)
def test_grading_latex_never_fails(text: str) -> None:
    # the gold is a word: whatever is announced is compared, and the worker is asked only where LaTeX could be equal
    assert grade(text, Question("d", "test", "q", "latex", "\\text{Evelyn}")).status in ("correct", "wrong", "unparsed")


@settings(max_examples=300)
@given(text=texts)
def test_measuring_never_fails(text: str) -> None:
    realised = measure(text)
    assert min(realised.steps, realised.sentences, realised.tokens, realised.equations) >= 0
    assert (realised.tokens == 0) == (not text.strip())


@given(st.fractions(min_value=-(10**6), max_value=10**6, max_denominator=997))
def test_an_announced_fraction_is_read_exactly(value: Fraction) -> None:
    assert grade(f"The answer is {value}.", Question("d", "t", "q", "number", str(value))).status == "correct"


@given(st.integers(-(10**12), 10**12), st.integers(-(10**12), 10**12))
def test_an_integer_equals_itself_alone_however_it_is_written(n: int, other: int) -> None:
    question = Question("d", "t", "q", "number", str(n))
    for written in (f"{n}", f"{n:,}", f"{n}.0", f"{n} pens", f"\\boxed{{{n}}}", f"**{n}**"):
        assert grade(f"So it goes. The answer is {written}", question).status == "correct", written
    assert (grade(f"The answer is {other}", question).status == "correct") == (n == other)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=0, max_value=10**6))
def test_a_rounded_gold_accepts_what_rounds_to_it(value: object) -> None:
    gold = quantity.gold(str(value))
    assert gold is not None
    half = Fraction(1, 2 * 10**gold.decimals)
    if gold.decimals:
        assert gold.accepts(gold.value + half * Fraction(9, 10))
    assert not gold.accepts(gold.value + half * Fraction(11, 10))


words = st.text(st.characters(min_codepoint=97, max_codepoint=122), min_size=2, max_size=8)
phrases = st.lists(words, min_size=1, max_size=4).map(" ".join)


@given(stem=phrases, options=st.lists(phrases, min_size=2, max_size=8))
def test_a_rendered_choice_question_is_read_back(stem: str, options: list[str]) -> None:
    question = Question("d", "t", stem, "choice", "A", tuple(options))
    assert split_choices(question_text(question)) == (stem, tuple(options))


@given(stem=phrases, options=st.lists(phrases, min_size=2, max_size=8))
def test_a_question_has_one_key_in_every_style(stem: str, options: list[str]) -> None:
    listed = list(zip(LETTERS, options, strict=False))
    styles = (
        f"Q: {stem.upper()}? Answer choices: " + ", ".join(f"{letter}: {text}" for letter, text in listed),
        f"{stem} Answer Choices:\n" + "".join(f"{letter}. {text}\n" for letter, text in listed),
        f"{stem}.\nOptions: " + " ".join(f"({letter}) {text}" for letter, text in listed),
    )
    assert len({Question("d", "t", *_split(style)).key for style in styles}) == 1


def _split(written: str) -> tuple[str, str, str, tuple[str, ...]]:
    stem, found = split_choices(written)
    return stem, "choice", "A", found


@given(st.text(st.characters(max_codepoint=0x24F), max_size=100))
def test_normalising_twice_changes_nothing(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)


@given(options=st.lists(phrases, min_size=2, max_size=6, unique=True), data=st.data())
def test_a_choice_is_known_by_letter_and_by_words(options: list[str], data: st.DataObject) -> None:
    n = data.draw(st.integers(0, len(options) - 1))
    question = Question("d", "t", "q", "choice", LETTERS[n], tuple(options))
    for written in (LETTERS[n], f"({LETTERS[n]})", f"option {LETTERS[n]}", f"{LETTERS[n]}: {options[n]}"):
        assert grade(f"The answer is {written}.", question).status == "correct", written
    others = Question("d", "t", "q", "choice", LETTERS[n - 1], tuple(options))
    assert grade(f"The answer is {LETTERS[n]}.", others).status == "wrong"


@pytest.mark.parametrize("kind", ["number", "choice", "boolean", "text", "latex"])
@pytest.mark.parametrize(
    "piece",
    [
        *(
            "The answer is ",
            "\nQuestion: ",
            "\\boxed{",
            "(",
            "1,",
            "$",
            "#### ",
            "A: ",
            "answer to ",
            "**",
            "9",
            " ",
            "1. ",
        ),
        *(
            "ans",
            "ans. ",
            "A. ",
            "I choose A ",
            "statement that ",
            "**5** ",
            "answer, ",
            "not 5, ",
            "half ",
            "\\frac",
            "<answer>",
        ),
        *("½", "is not ", "\n", "answer\n", "True "),
    ],
)
def test_a_looping_model_does_not_stall_the_grader(piece: str, kind: AnswerKind) -> None:
    text = "The answer is " + piece * (100_000 // len(piece))
    started = time.process_time()
    question = Question("d", "t", "q", kind, {"number": "5", "choice": "A"}.get(kind, "True"), ("pen", "ink"))
    for looping in (text, text[len("The answer is ") :]):
        assert grade(looping, question).status != "ungradable"
        strict(looping, question)
    measure(text)
    split_choices(piece * (100_000 // len(piece)))
    assert time.process_time() - started < 5  # quadratic work took minutes here
