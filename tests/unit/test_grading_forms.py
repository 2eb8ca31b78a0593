"""Every way to write an answer that real models use, in look-alikes of our own: text, gold, verdict, rule."""

import pytest

from cotdistill.tasks.grading import grade
from cotdistill.tasks.values import AnswerKind, Question, VerdictStatus

C: VerdictStatus = "correct"
W: VerdictStatus = "wrong"
U: VerdictStatus = "unparsed"
CHOICES = ("copper", "the harbour", "a red kite", "none of these")
PRICES = ("$1,200", "$120", "$12", "12%", "1/2")

NUMBERS: list[tuple[str, str, str, VerdictStatus, str]] = [
    # form, text, gold, status, rule
    ("answer is", "Nine crates and nine more make 18. The answer is 18", "18", C, "answer-is"),
    ("answer is", "So the final answer must be 18.", "18", C, "answer-is"),
    ("answer is", "The answer to how many crates were left is 18.", "18", C, "answer-is"),
    ("answer is", "The answer that fits this ledger is 18.", "18", C, "answer-is"),
    ("answer is", "The answer, then, is 18.", "18", C, "answer-is"),
    ("answer is", "Ans. 18", "18", C, "answer-is"),
    ("answer is", "Correct answer - 18", "18", C, "answer-is"),
    ("answer is", "THE ANSWER! IS! 18!!", "18", C, "answer-is"),
    ("heading", "Nine and nine.\n\n### Final Answer\n\n18 crates", "18", C, "heading"),
    ("heading", "Nine and nine.\n**Answer**\n18", "18", C, "heading"),
    ("####", "9 + 9 = 18\n#### 18", "18", C, "hash"),
    ("####", "9 + 9 = 18\n####18 crates", "18", C, "hash"),
    ("####", "#### Step 1\nCount the crates: nine and nine.", "1", U, "none"),
    ("####", "#### 1. Count the crates\nThere are nine.", "1", U, "none"),
    ("boxed", "Thus $\\boxed{18}$ crates.", "18", C, "boxed"),
    ("boxed", "Thus \\[ n = \\boxed{\\text{18 crates}} \\]", "18", C, "boxed"),
    ("boxed", "Thus $\\boxed 18$.", "18", C, "boxed"),
    ("boxed", "Thus \\fbox{18}.", "18", C, "boxed"),
    ("A:", "Q: nine and nine?\nA: 18", "18", C, "a-colon"),
    ("A:", "A: 18 crates, nine from each ship.", "18", C, "a-colon"),
    ("tag", "<think>9 + 9</think><answer>18</answer>", "18", C, "tag"),
    ("tag", "<final_answer>\n18 crates\n</final_answer>", "18", C, "tag"),
    ("bold", "The answer is **18**.", "18", C, "answer-is"),
    ("bold", "**The answer is: 18**", "18", C, "answer-is"),
    ("bold", "Nine and nine.\nSo the ship holds **18** crates.", "18", C, "bold"),
    ("bold", "So the ship holds **9** crates and **9** barrels.", "18", U, "none"),
    ("currency", "The answer is $18.", "18", C, "answer-is"),
    ("currency", "The answer is \\$18.00", "18", C, "answer-is"),
    ("currency", "The answer is 18 €.", "18", C, "answer-is"),
    ("currency", "The answer is USD 18", "18", C, "answer-is"),
    ("currency", "The answer is 18 dollars and 25 cents.", "18.25", C, "answer-is"),
    ("units", "The answer is 18 km/h.", "18", C, "answer-is"),
    ("units", "The answer is 18cm^2.", "18", C, "answer-is"),
    ("units", "The answer is 18 \\text{ square metres}", "18", C, "answer-is"),
    ("thousands", "The answer is 12,018 crates", "12018", C, "answer-is"),
    ("thousands", "The answer is 12\u202f018", "12018", C, "answer-is"),
    ("thousands", "The answer is 1,201,800.50", "1201800.5", C, "answer-is"),
    ("thousands", "The answer is 12{,}018", "12018", C, "answer-is"),
    ("percent", "The answer is 18%.", "18", C, "answer-is"),
    ("percent", "The answer is 18 percent", "0.18", C, "answer-is"),
    ("percent", "The answer is 18\\%", "18", C, "answer-is"),
    ("percent", "The answer is 18%", "1.8", W, "answer-is"),
    ("fraction", "The answer is 3/4 of a crate", "0.75", C, "answer-is"),
    ("fraction", "The answer is \\dfrac{3}{4}", "0.75", C, "answer-is"),
    ("fraction", "The answer is $\\frac34$", "0.75", C, "answer-is"),
    ("fraction", "The answer is ¾", "0.75", C, "answer-is"),
    ("fraction", "The answer is three-quarters.", "0.75", C, "answer-is"),
    ("fraction", "The answer is two quarters.", "2", C, "answer-is"),
    ("mixed", "The answer is 2 3/4 crates", "2.75", C, "answer-is"),
    ("mixed", "The answer is 2¾", "2.75", C, "answer-is"),
    ("mixed", "The answer is 2\\frac{3}{4}", "2.75", C, "answer-is"),
    ("mixed", "The answer is two and a half hours.", "2.5", C, "answer-is"),
    ("words", "The answer is a hundred and six.", "106", C, "answer-is"),
    ("sign", "The answer is minus 18 degrees.", "-18", C, "answer-is"),
    ("several", "The answer is 9. Wait, both ships count. The answer is 18", "18", C, "answer-is"),
    ("several", "The answer is 18. Check: the answer is 9 + 9 = 18", "18", C, "answer-is"),
    ("several", "The answer is 9 or 18", "18", U, "answer-is+ambiguous"),
    ("several", "The answer is 40 - (9 + 9) = 22", "22", C, "answer-is"),
    ("several", "The answer is 40 - (9 + 9)", "40", U, "answer-is+ambiguous"),
    ("several", "The answer is 9 times 2", "9", U, "answer-is+ambiguous"),
    ("corrected", "The answer is not 9, it's 18.", "18", C, "corrected"),
    ("corrected", "The answer is 9 (a slip: the correct answer is 18)", "18", C, "answer-is"),
    ("disowned", "But the answer is 9. This question seems incorrect.", "9", U, "answer-is+disowned"),
    ("disowned", "The answer is 9 (wait, that's not right)", "9", U, "answer-is+disowned"),
    ("first", "Answer: 18\n\nEach ship brings nine crates, and there are 2 ships.", "18", C, "answer-is"),
    ("first", "18 crates\n\nEach ship brings nine, and there are 2 ships.", "18", C, "first-line"),
    ("none", "Each ship brings 9, so 9 + 9 = 18 crates.", "18", U, "none"),
    ("none", "The answer is <answer>", "18", U, "none"),
    ("none", "The answer is not 9", "18", U, "none"),
]  # fmt: skip

PICKS: list[tuple[str, str, str, VerdictStatus, str]] = [
    ("option", "The answer is option (B).", "B", C, "answer-is"),
    ("option", "The correct option is (b)", "B", C, "option-is"),
    ("option", "So option B is the right one to take.", "B", C, "option-is"),
    ("option", "C. a red kite is the best answer here.", "C", C, "option-is"),
    ("option", "Thus, C is the correct answer", "C", C, "option-is"),
    ("option", "B is the answer.", "B", C, "option-is"),
    ("option", "A kite is the right thing to fly.", "A", U, "none"),
    ("option", "I would choose (C), for its colour.", "C", C, "option-is"),
    ("option", "The answer is 'C'.", "C", C, "answer-is"),
    ("B)", "B) the harbour", "B", C, "bare"),
    ("B)", "(B) the harbour", "B", C, "bare"),
    ("B)", "Ships lie there.\n\nB)", "B", C, "closing-letter"),
    ("B)", "Ships lie there.\nAnswer B", "B", C, "closing-letter"),
    ("B)", "Ships lie there.\nOption C", "B", W, "closing-letter"),
    ("text", "The answer is the harbour.", "B", C, "answer-is+text"),
    ("text", "The answer is a red kite", "C", C, "answer-is+text"),
    ("text", "\\boxed{\\text{copper}}", "A", C, "boxed+text"),
    ("text", "So it must be **copper**.", "A", C, "bold+text"),
    ("several", "The answer is A. No: ships lie there, so the answer is B.", "B", C, "answer-is"),
    ("several", "The answer is not A, B or D, so it must be C", "C", C, "corrected"),
    ("first", "B) the harbour\nShips lie there, and copper does not float.", "B", C, "first-line"),
    ("first", "Answer: B. Ships lie there; a red kite flies.", "B", C, "answer-is"),
    ("none", "Ships lie in the harbour.", "B", U, "none"),
    ("none", "The answer is neither A nor B", "B", U, "none"),
    ("none", "The statement B is not the correct one", "B", U, "none"),
]  # fmt: skip

TRUTHS: list[tuple[str, str, VerdictStatus, str]] = [
    ("The answer is Yes.", C, "answer-is"),
    ("A: true", C, "a-colon"),
    ("Yes, a kite can cross the harbour.", C, "first-word"),
    ("No. Kites are too slow.", W, "first-word"),
    ("True\nKites fly.", C, "first-word"),
    ("Kites fly, making the statement True.", C, "closing-word"),
    ("Kites fly; my final verdict: TRUE", C, "closing-word"),
    ("Therefore the claim that kites fly is true.", C, "statement-is"),
    ("Whether kites fly: True or False", U, "none"),
    ("The answer given is True", U, "none"),
    ("Nobody can say whether that is True.", U, "none"),
    ("It is not True.", U, "none"),
    ("Nobody knows about kites.", U, "none"),
    ("The answer is False. On reflection, the answer is True", C, "answer-is"),
]

FORMULAS: list[tuple[str, str, VerdictStatus, str]] = [
    ("$\\boxed{\\begin{pmatrix} 1 \\\\ -2 \\end{pmatrix}}$", "\\begin{pmatrix}1\\\\-2\\end{pmatrix}", C, "boxed+exact"),
    ("The answer is $(-\\infty, 3]$.", "(-\\infty,3]", C, "answer-is+exact"),
    ("The answer is $2\\frac{3}{4}$", "\\frac{11}{4}", C, "answer-is+number"),
    ("#### \\frac34", "\\frac{3}{4}", C, "hash+exact"),
    ("The answer is $90^\\circ$", "90", C, "answer-is+exact"),
    ("The answer is 1,018 \\text{ ships}", "1018", C, "answer-is+exact"),
    ("\\boxed{44}. Check: our answer is correct.", "44", C, "boxed+exact"),
    ("The answer is 0.75", "0.750", C, "answer-is+exact"),
    ("The answer is 0.74", "\\frac34", W, "answer-is+number"),
]  # fmt: skip


def verdict(text: str, kind: AnswerKind, gold: str, choices: tuple[str, ...] = ()) -> tuple[str, str]:
    found = grade(text, Question("d", "test", "q", kind, gold, choices))
    return found.status, found.rule


@pytest.mark.parametrize(("form", "text", "gold", "status", "rule"), NUMBERS)
def test_numbers(form: str, text: str, gold: str, status: str, rule: str) -> None:
    assert verdict(text, "number", gold) == (status, rule), form


@pytest.mark.parametrize(("form", "text", "gold", "status", "rule"), PICKS)
def test_choices(form: str, text: str, gold: str, status: str, rule: str) -> None:
    assert verdict(text, "choice", gold, CHOICES) == (status, rule), form


@pytest.mark.parametrize(
    ("text", "gold"),
    [
        ("The answer is $1200.", "A"), ("The answer is 120 dollars", "B"), ("The answer is 12.", "C"),
        ("The answer is 12 percent", "D"), ("The answer is 0.5", "E"), ("The answer is \\frac{1}{2}", "E"),
    ],
)  # fmt: skip
def test_choices_by_their_value(text: str, gold: str) -> None:
    assert verdict(text, "choice", gold, PRICES)[0] == "correct"


@pytest.mark.parametrize(("text", "status", "rule"), TRUTHS)
def test_truth_values(text: str, status: str, rule: str) -> None:
    assert verdict(text, "boolean", "True") == (status, rule)


@pytest.mark.parametrize(("text", "gold", "status", "rule"), FORMULAS)
def test_formulas_without_the_worker(text: str, gold: str, status: str, rule: str) -> None:
    assert verdict(text, "latex", gold) == (status, rule)
