"""Choice questions in every style give one question."""

import pytest

from cotdistill.tasks.choices import option_text, split_choices, strip_prefix
from cotdistill.tasks.render import question_text
from cotdistill.tasks.values import Question

STEM = "Where does a kettle, once filled, usually stand?"
CHOICES = ("stove", "a shelf, high up", "St. Ives: harbour", "sea")
STYLES = [
    f"Q: {STEM} Answer choices: A: stove, B: a shelf, high up, C: St. Ives: harbour, D: sea",
    f"{STEM} Answer Choices:\nA. stove\nB. a shelf, high up\nC. St. Ives: harbour\nD. sea\n",
    f"{STEM}\nAnswer choices: (A) stove (B) a shelf, high up (C) St. Ives: harbour (D) sea",
    f"{STEM}\nOptions:\nA) stove\nB) a shelf, high up\nC) St. Ives: harbour\nD) sea",
]


@pytest.mark.parametrize("written", STYLES)
def test_every_style_is_read(written: str) -> None:
    assert split_choices(written) == (STEM, CHOICES)


def test_every_style_is_one_question() -> None:
    keys = {Question("d", "train", *_read(written)).key for written in STYLES}
    assert len(keys) == 1


def _read(written: str) -> tuple[str, str, str, tuple[str, ...]]:
    stem, choices = split_choices(written)
    return stem, "choice", "A", choices


def test_what_we_render_is_read_back() -> None:
    question = Question("d", "train", STEM, "choice", "B", CHOICES)
    assert question_text(question).startswith(STEM + "\n")
    assert split_choices(question_text(question)) == (STEM, CHOICES)


def test_a_question_without_choices_is_left_alone() -> None:
    assert split_choices("Q: Is A: the first letter?") == ("Is A: the first letter?", ())
    assert split_choices("What are my choices: none?") == ("What are my choices: none?", ())
    assert question_text(Question("d", "train", " 2 + 2? ", "number", "4")) == "2 + 2?"


def test_a_prefix_is_style() -> None:
    assert strip_prefix("Question: why?") == "why?"
    assert strip_prefix("Quite so?") == "Quite so?"


def test_listed_options_lose_only_their_own_letter() -> None:
    assert option_text("A)6000", 0) == "6000"
    assert option_text("(B) 12 m", 1) == "12 m"
    assert option_text("A) is a letter", 1) == "A) is a letter"
    assert option_text("E = mc2", 4) == "E = mc2"
