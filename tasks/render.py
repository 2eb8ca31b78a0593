"""The question as teachers and students read it, without any chat template around it."""

from collections.abc import Sequence

from .values import LETTERS, Question


def question_text(question: Question) -> str:
    """The stem; for a choice question a last line "Answer choices: (A) bank (B) library" (see choices.py)."""
    return prompt_text(question.text, question.choices)


def prompt_text(text: str, choices: Sequence[str]) -> str:
    """`question_text` of a question's columns, for whoever reads a million of them."""
    stem = text.strip()
    return f"{stem}\n{listed_choices(choices)}" if choices else stem


def listed_choices(choices: Sequence[str]) -> str:
    """The line that lists choices, with letters: "Answer choices: (A) bank (B) library"."""
    return "Answer choices: " + " ".join(f"({LETTERS[i]}) {choice.strip()}" for i, choice in enumerate(choices))


def gold_text(question: Question) -> str | None:
    """The gold answer as a rationale announces it: "The answer is B"; None where there is no gold answer."""
    return None if question.gold is None else f"The answer is {question.gold}"
