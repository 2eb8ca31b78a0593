"""The question as teachers and students read it, without any chat template around it."""

from .values import LETTERS, Question


def question_text(question: Question) -> str:
    """The stem; for a choice question a last line "Answer choices: (A) bank (B) library" (see choices.py)."""
    stem = question.text.strip()
    if not question.choices:
        return stem
    listed = " ".join(f"({LETTERS[i]}) {choice.strip()}" for i, choice in enumerate(question.choices))
    return f"{stem}\nAnswer choices: {listed}"


def gold_text(question: Question) -> str | None:
    """The gold answer as a rationale announces it: "The answer is B"; None where there is no gold answer."""
    return None if question.gold is None else f"The answer is {question.gold}"
