"""Extraction and grading: what counts as an announced answer, and what is no more than luck."""

import pytest

from cotdistill.tasks.grading import RULE_VERSION, grade, grade_many
from cotdistill.tasks.values import AnswerKind, Question

C, W, U = "correct", "wrong", "unparsed"
PLACES = ("bank", "library", "department store", "mall", "new york")
PRICES = ("32400", "6000", "600", "60000", "10")
ROOTS = ("5(√3 + 1)", "6(√3 + √2)", "7(√3 - 1)", "8(√3 - 2)", "None of these")
SPEEDS = ("15 kmph", "6 kmph", "12 kmph", "14 kmph", "6 kmph")


def ask(kind: AnswerKind, gold: str | None, choices: tuple[str, ...] = ()) -> Question:
    return Question("d", "test", "q", kind, gold, choices)


@pytest.mark.parametrize(
    ("text", "gold", "status", "rule"),
    [
        # announcements
        ("So 3 + 4 = 7. The answer is 7", "7", C, "answer-is"),
        ("The final answer should be: 7.", "7", C, "answer-is"),
        ("**Answer:** 7", "7", C, "answer-is"),
        ("The answer to the question is 7", "7", C, "answer-is"),
        ("Theansweris 7", "7", C, "answer-is"),
        ("The.answer.is.7", "7", C, "answer-is"),
        ("The answer is therefore 7", "7", C, "answer-is"),
        ("The answer is <answer> 7", "7", C, "answer-is"),
        ("The answer is\n7", "7", C, "answer-is"),
        ("#### 7", "7", C, "hash"),
        ("Some words\nA: 7", "7", C, "a-colon"),
        ("Thus \\boxed{7}.", "7", C, "boxed"),
        ("The answer is \\boxed{7}", "7", C, "answer-is"),
        ("19", "19", C, "bare"),
        ("19 apples", "19", C, "bare"),
        ("nineteen", "19", C, "bare"),
        # the last readable one wins, within this question
        ("The answer is 5. No: the answer is 7", "7", C, "answer-is"),
        ("First, the answer is 5. Then the answer is 7.", "5", W, "answer-is"),
        ("The answer is 7. The answer is correct.", "7", C, "answer-is"),
        ("The answer is 7.\n\nQuestion: How many pens? The answer is 9", "7", C, "answer-is"),
        ("The answer is not 5. The answer is 6", "6", C, "answer-is"),
        ("The answer isn't 5", "5", U, "none"),
        ("Despite the given answer is 9, I disagree", "9", U, "none"),
        ("The answer is <answer>", "5", U, "none"),
        # ways to write a number
        ("The answer is $1,000.00", "1000", C, "answer-is"),
        ("The answer is 1,000", "1000", C, "answer-is"),
        ("The answer is 51.0", "51", C, "answer-is"),
        ("The answer is 51", "51.0", C, "answer-is"),
        ("The answer is 1/2", "0.5", C, "answer-is"),
        ("The answer is \\frac{1}{2}", "0.5", C, "answer-is"),
        ("The answer is 2 1/2 hours", "2.5", C, "answer-is"),
        ("The answer is 20%", "20", C, "answer-is"),
        ("The answer is 20%", "0.2", C, "answer-is"),
        ("The answer is 1.5 million", "1500000", C, "answer-is"),
        ("The answer is 5 dollars and 50 cents", "5.50", C, "answer-is"),
        ("The answer is twenty-five pens", "25", C, "answer-is"),
        ("The answer is -3", "-3", C, "answer-is"),
        ("The answer is −3", "3", W, "answer-is"),
        ("The answer is $x = 5$", "5", C, "answer-is"),
        ("The answer is \\(5\\).", "5", C, "answer-is"),
        ("The answer is 10 cm^2", "10", C, "answer-is"),
        ("The answer is about 5", "5", C, "answer-is"),
        # rounding: only where the gold is a rounded decimal
        ("The answer is 0.333", "0.33", C, "answer-is"),
        ("The answer is 10/3", "3.33", C, "answer-is"),
        ("The answer is 0.3", "0.33", W, "answer-is"),
        ("The answer is 2.9", "3", W, "answer-is"),
        ("The answer is 2.9", "3.0", W, "answer-is"),
        ("The answer is 1000000000000000000000001", "1000000000000000000000000", W, "answer-is"),
        # traps
        ("The answer is 5 apples and 3 oranges", "3", U, "answer-is+ambiguous"),
        ("The answer is 5 apples and 3 oranges", "5", U, "answer-is+ambiguous"),
        ("The answer is 3 hours and 20 minutes", "3", U, "answer-is+ambiguous"),
        ("The answer is 16 - 3", "3", U, "answer-is+ambiguous"),
        ("The answer is 5-7", "5", U, "answer-is+ambiguous"),
        ("The answer is 7:30", "7", U, "answer-is+ambiguous"),
        ("The answer is 594 / 3 = 198 pages.", "198", C, "answer-is"),
        ("The answer is $\\frac{10}{2} = 5$", "5", C, "answer-is"),
        ("The answer is 12, since 3 * 4 = 12", "12", C, "answer-is"),
        ("The answer is 6, not 5", "6", C, "answer-is"),
        ("The answer is 6, not 5", "5", W, "answer-is"),
        ("The answer is 18 dollars per day for 2 weeks", "18", C, "answer-is"),
        ("The answer is 4 boxes of 6 pencils", "6", W, "answer-is"),
        ("The answer is 100 (5 * 20)", "100", C, "answer-is"),
        ("The answer is that John has 5 left", "5", C, "answer-is"),
        ("so 16 - 3 = 13", "13", U, "none"),
        ("I think 19 apples are left over", "19", U, "none"),
        ("", "5", U, "none"),
    ],
)
def test_numbers(text: str, gold: str, status: str, rule: str) -> None:
    verdict = grade(text, ask("number", gold))
    assert (verdict.status, verdict.rule) == (status, rule), verdict
    assert verdict.rule_version == RULE_VERSION
    assert (verdict.answer is None) == (status == U)


@pytest.mark.parametrize(
    ("text", "choices", "gold", "status", "rule"),
    [
        *[
            (text, PLACES, "B", C, "answer-is")
            for text in (
                "The answer is B",
                "The answer is (B)",
                "The answer is option (B).",
                "The answer is B: library",
                "The answer is **B. library**",
                "the answer is b",
                "TheanswerisB",
                "Answer: B",
                "The answer is A. Wait, the answer is B",
            )
        ],
        ("The correct option is B", PLACES, "B", C, "option-is"),
        ("so option (B) is correct", PLACES, "B", C, "option-is"),
        ("\\boxed{\\text{B}}", PLACES, "B", C, "boxed"),
        ("B) library", PLACES, "B", C, "bare"),
        ("(B)", PLACES, "B", C, "bare"),
        ("library", PLACES, "B", C, "bare+text"),
        ("The answer is the library.", PLACES, "B", C, "answer-is+text"),
        ("The answer is a bank", PLACES, "A", C, "answer-is+text"),
        ("The answer is a mall", PLACES, "D", C, "answer-is+text"),
        ("The answer is A mall", PLACES, "D", C, "answer-is+text"),
        ("The answer is A because it fits", PLACES, "A", C, "answer-is"),
        ("The answer is a large mall", ("mall", "large mall"), "B", C, "answer-is+text"),
        ("The answer is C", PLACES, "B", W, "answer-is"),
        ("The answer is <B>", PLACES, "B", C, "answer-is"),
        ("The answer is <answer> B", PLACES, "B", C, "answer-is"),
        ("The answer is the reading room (B)", PLACES, "B", C, "answer-is"),
        ("The answer is neither (A) nor (B)", PLACES, "B", U, "none"),
        ("The answer is not B", PLACES, "B", U, "none"),
        ("The answer is F", PLACES, "B", U, "none"),
        ("The answer B is wrong", PLACES, "B", U, "none"),
        ("The answer is none of the provided options", PLACES, "B", U, "none"),
        ("The answer is $600", PRICES, "C", C, "answer-is+text"),
        ("The answer is 600.00 in all", PRICES, "C", C, "answer-is+number"),
        ("The answer is 60000", PRICES, "D", C, "answer-is+text"),
        ("The answer is 6", PRICES, "B", U, "none"),
        ("The answer is 10.5", PRICES, "E", U, "none"),
        ("The answer is 10/3", PRICES, "E", U, "none"),
        ("The answer is 5√3", ROOTS, "A", U, "none"),
        ("The answer is none of these", ROOTS, "E", C, "answer-is+text"),
        ("The answer is 6 kmph", SPEEDS, "E", C, "answer-is+text"),
        ("The answer is 6 kmph", SPEEDS, "A", W, "answer-is+text"),
    ],
)
def test_choices(text: str, choices: tuple[str, ...], gold: str, status: str, rule: str) -> None:
    verdict = grade(text, ask("choice", gold, choices))
    assert (verdict.status, verdict.rule) == (status, rule), verdict


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("The answer is True", "answer-is"),
        ("The answer is yes.", "answer-is"),
        ("TheanswerisTrue", "answer-is"),
        ("The answer is: **Yes**", "answer-is"),
        ("The answer is yes, because it is.", "answer-is"),
        ("The answer is True if we assume so", "answer-is"),
        ("The answer could be considered True.", "answer-is"),
        ("\\boxed{True}", "boxed"),
        ("Therefore, the statement is True.", "statement-is"),
        ("Yes", "bare"),
    ],
)
def test_truth_values(text: str, rule: str) -> None:
    right, wrong = grade(text, ask("boolean", "True")), grade(text, ask("boolean", "False"))
    assert (right.status, right.answer, right.rule) == (C, "True", rule)
    assert (wrong.status, wrong.answer, wrong.rule) == (W, "True", rule)


@pytest.mark.parametrize(
    "text",
    [
        "The answer is no longer known",
        "The answer is not True",
        "It depends. Yes or no?",
        "While it is true that pens write, ask.",
    ],
)
def test_no_truth_value(text: str) -> None:
    assert grade(text, ask("boolean", "False")).status == U


@pytest.mark.parametrize(
    ("text", "gold", "status", "rule"),
    [
        ("The answer is $\\dfrac{14}{3}$.", "\\frac{14}{3}", C, "answer-is+exact"),
        ("The answer is 14/3", "\\frac{14}{3}", C, "answer-is+exact"),
        ("Thus \\[ x = \\boxed{ \\frac12 } \\]", "\\frac{1}{2}", C, "boxed+exact"),
        ("The answer is $x = 5$", "5", C, "answer-is+exact"),
        ("The answer is $10080$", "10,\\!080", C, "answer-is+exact"),
        ("The answer is 36", "\\$36", C, "answer-is+exact"),
        ("The answer is 15", "15\\mbox{ cm}^2", C, "answer-is+exact"),
        ("The answer is Evelyn", "\\text{Evelyn}", C, "answer-is+exact"),
        ("The answer is 50%", "50\\%", C, "answer-is+exact"),
        ("The answer is 0.5", "\\frac12", C, "answer-is+number"),
        ("The answer is 6", "x=5", W, "answer-is+number"),
        ("\\frac{1}{2}", "\\frac12", C, "bare+exact"),
        ("I have no idea", "5", U, "none"),
    ],
)
def test_latex_decided_without_the_worker(text: str, gold: str, status: str, rule: str) -> None:
    verdict = grade(text, ask("latex", gold))
    assert (verdict.status, verdict.rule) == (status, rule), verdict


@pytest.mark.parametrize(
    ("text", "status"), [("The answer is the Red Sea.", C), ("red sea", C), ("The answer is the Dead Sea", W), ("", U)]
)
def test_plain_text(text: str, status: str) -> None:
    assert grade(text, ask("text", "Red Sea")).status == status


def test_without_a_gold_answer_nothing_is_judged() -> None:
    kinds: list[AnswerKind] = ["number", "latex", "choice", "boolean", "text"]
    assert [grade("The answer is 7", ask(kind, None)).status for kind in kinds] == ["ungradable"] * 5


def test_a_gold_answer_that_is_none_of_its_kind_is_ungradable() -> None:
    assert grade("The answer is 7", ask("number", "seven or so")).status == "ungradable"
    assert grade("The answer is yes", ask("boolean", "perhaps")).status == "ungradable"


def test_many_are_judged_in_order() -> None:
    items = [(f"The answer is {n}", ask("number", "3")) for n in range(5)]
    assert [v.status for v in grade_many(items)] == [W, W, W, C, W]
