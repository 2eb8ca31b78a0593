"""The paper's own rule, faults included: the first "The answer is X", read literally."""

import pytest

from cotdistill.tasks.strict import strict
from cotdistill.tasks.values import AnswerKind, Question


@pytest.mark.parametrize(
    ("kind", "text", "gold", "status", "answer"),
    [
        ("choice", "The answer is B", "B", "correct", "B"),
        ("choice", "the answer is B: ink", "B", "correct", "B"),
        ("choice", "The answer is A. No, the answer is B", "B", "wrong", "A"),  # the first, not the last
        ("choice", "The answer is Apples, so B", "A", "correct", "A"),  # a letter is a letter
        ("choice", "The answer is (B)", "B", "unparsed", None),
        ("choice", "The answer is ink", "B", "unparsed", None),
        ("choice", "Answer: B", "B", "unparsed", None),
        ("boolean", "The answer is True", "True", "correct", "True"),
        ("boolean", "The answer is true", "True", "unparsed", None),
        ("boolean", "The answer is Definitely True", "True", "wrong", "D"),
        ("number", "The answer is 18.", "18", "correct", "18"),
        ("number", "The answer is $1,018.0", "1018", "correct", "1,018.0"),
        ("number", "The answer is 9 + 9 = 18", "18", "wrong", "9"),
        ("number", "The answer is eighteen", "18", "unparsed", None),
        ("number", "#### 18", "18", "unparsed", None),
        ("latex", "The answer is \\dfrac12", "\\frac{1}{2}", "correct", "\\dfrac12"),
        ("latex", "\\boxed{5}", "5", "unparsed", None),
        ("text", "The answer is the Red Sea.", "The red sea", "correct", "the Red Sea."),
    ],
)
def test_the_first_match_decides(kind: AnswerKind, text: str, gold: str, status: str, answer: str | None) -> None:
    verdict = strict(text, Question("d", "test", "q", kind, gold, ("pen", "ink") if kind == "choice" else ()))
    assert (verdict.status, verdict.answer) == (status, answer)


def test_without_a_gold_answer_there_is_nothing_to_judge() -> None:
    assert strict("The answer is 5", Question("d", "test", "q", "number", None)).status == "ungradable"
