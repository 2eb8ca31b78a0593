"""The paper's own rule, kept beside ours: the first match of "The answer is X"; a miss counts as wrong.

For choices and truth values this is the pattern of the paper's published evaluation script (arXiv 2502.18001,
`extract_answer_label`), its faults included: it is case-sensitive, sees the A of "The answer is Apples", and never
looks at what follows. That script covers the commonsense sets only; for numbers, LaTeX and text X is read in the same
spirit: what stands directly behind, compared exactly. A miss has status unparsed here, to be told from a wrong answer.
"""

import re
from fractions import Fraction

from . import latex, quantity
from .values import Question, Verdict

RULE = "first-answer-is"
RULE_VERSION = "1"

_LABEL = re.compile(r"[Tt]he answer is ([A-E]|True|False)")
_NUMBER = re.compile(r"[Tt]he answer is:? ?\\?\$?(-?\d[\d,]*(?:\.\d+)?)")
_REST = re.compile(r"[Tt]he answer is:? ?([^\n]*)")


def strict(text: str, question: Question) -> Verdict:
    """Judge one answer as the paper did. Never raises on any text."""
    if question.gold is None:
        return Verdict("ungradable", None, RULE, RULE_VERSION)
    pattern = {"number": _NUMBER, "latex": _REST, "text": _REST}.get(question.kind, _LABEL)
    found = pattern.search(text)
    if found is None or len(found.group(1)) > latex.MAX_CHARS:
        return Verdict("unparsed", None, RULE, RULE_VERSION)
    answer = found.group(1)
    right = _equal(answer, question.gold, question.kind)
    return Verdict("correct" if right else "wrong", answer, RULE, RULE_VERSION)


def _equal(answer: str, gold: str, kind: str) -> bool:
    if kind == "number":
        wanted, said = quantity.gold(gold), answer.replace(",", "")
        return wanted is not None and len(said) <= quantity.MAX_DIGITS and Fraction(said) == wanted.value
    if kind == "latex":
        return latex.normalised(answer) == latex.normalised(gold)
    if kind == "text":
        return answer.strip(" .").casefold() == gold.strip(" .").casefold()
    return answer == gold
