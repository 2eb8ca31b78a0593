"""Solves the text of a word problem: reads each sentence, keeps the total, lists the steps.

It knows the wordings of `arith` (tasks/datasets/arith_grammar.py) and nothing else: no gold, no list of questions.
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

from ...tasks.datasets.arith_grammar import Sentence, read, sentences

Operator = Literal["+", "-", "*"]
# What a step finds: the total after a gain or loss, a product, how many more or fewer; and, when the order of work is
# changed (plans.py), two changes taken together.
StepKind = Literal["product", "more", "fewer", "gain", "loss", "gains", "losses", "net_gain", "net_loss"]


class CannotSolve(Exception):
    """The text is not a problem of the known wordings. The message says at which sentence reading stopped."""


@dataclass(frozen=True, slots=True)
class Step:
    """One operation: `left operator right = result`, about `subject`'s things. `other`: the person compared with.

    `left_from`, `right_from`: the index of the step whose result the operand is; None for a number of the problem.
    `swapped`: write the right operand first.
    """

    kind: StepKind
    subject: str
    other: str
    left: int
    operator: Operator
    right: int
    result: int
    left_from: int | None = None
    right_from: int | None = None
    swapped: bool = False

    @property
    def equation(self) -> str:
        """As written: "4 + 16 = 20"."""
        first, second = (self.right, self.left) if self.swapped else (self.left, self.right)
        return f"{first} {self.operator} {second} = {self.result}"

    @property
    def check(self) -> str:
        """The inverse operation: "20 - 16 = 4"."""
        if self.operator == "*":
            return f"{self.result} / {self.left} = {self.right}"
        return f"{self.result} {'-' if self.operator == '+' else '+'} {self.right} = {self.left}"


@dataclass(frozen=True, slots=True)
class Solution:
    """A solved problem. `start` is what `starter` has before the first step; None when that step is a product."""

    question: str
    objects: str
    starter: str
    subject: str
    start: int | None
    steps: tuple[Step, ...]
    final: int


@lru_cache(maxsize=4096)
def solve(text: str) -> Solution:
    """Read and solve `text`. Raises CannotSolve."""
    read_so_far: list[Sentence] = []
    for sentence in sentences(text):
        found = read(sentence)
        if found is None:
            raise CannotSolve(f"I do not understand the sentence {sentence!r}.")
        read_so_far.append(found)
    first, *changes, question = read_so_far if len(read_so_far) > 1 else (None, None)
    if first is None or question is None or question.wording.kind != "question":
        raise CannotSolve("A problem needs a first statement and a question at its end.")
    steps: list[Step] = []
    subject = starter = first.a
    start: int | None = None
    if first.wording.kind == "start":
        start = total = first.numbers[0]
    elif first.wording.kind == "product":
        n, m = first.numbers
        total = n * m
        steps.append(Step("product", subject, "", n, "*", m, total))
    else:
        raise CannotSolve(f"I do not know what there was before {first.text!r}.")
    for change in changes:
        step = _change(change, subject, total, first.o)
        steps.append(replace(step, left_from=len(steps) - 1 if steps else None))
        subject, total = steps[-1].subject, steps[-1].result
    if not steps:
        raise CannotSolve("There is nothing to work out.")
    if question.a != subject or question.o != first.o:
        raise CannotSolve(f"Nothing is said of the {question.o} of {question.a}.")
    return Solution(text, first.o, starter, subject, start, tuple(steps), total)


def _change(change: Sentence, subject: str, total: int, objects: str) -> Step:
    kind = change.wording.kind
    if kind == "start" or kind == "product" or kind == "question":
        raise CannotSolve(f"I did not expect {change.text!r} here.")
    if change.a != subject or change.o != objects:
        raise CannotSolve(f"I cannot tell what {change.text!r} changes.")
    up = kind in ("more", "gain")
    n = change.numbers[0]
    result = total + n if up else total - n
    if result < 0:
        raise CannotSolve(f"{subject} has only {total} {objects} before {change.text!r}.")
    compared = kind in ("more", "fewer")
    return Step(
        kind=kind,
        subject=change.b if compared else subject,
        other=subject if compared else "",
        left=total,
        operator="+" if up else "-",
        right=n,
        result=result,
    )
