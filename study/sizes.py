"""Sizes that a plan reckons with where the store has nothing to go by, and says so: questions, tokens, weights."""

import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from ..gen.plan import CellPlan, Order, price_of_guess
from ..tasks.realised import count_tokens
from ..tasks.render import question_text
from ..tasks.values import AnswerKind, Question

FILE = Path(__file__).with_name("sizes.toml")


@dataclass(frozen=True, slots=True)
class Sizes:
    """The tables of sizes.toml."""

    questions: Mapping[str, Mapping[str, Any]]
    students: Mapping[str, float]

    def count(self, dataset: str, split: str, limit: int | None) -> int | None:
        """Questions of a split, at most `limit`; None: not known."""
        n = self.questions.get(dataset, {}).get(split)
        return None if n is None else min(int(n), limit or int(n))

    def tokens(self, dataset: str) -> float:
        """Mean word pieces of a question; of an unknown data set, the mean over the known ones."""
        known = self.questions.get(dataset)
        if known is not None:
            return float(known["tokens"])
        return sum(float(one["tokens"]) for one in self.questions.values()) / len(self.questions)

    def counting(self, own: Mapping[str, Sequence[Question]]) -> "Sizes":
        """With data sets that are counted in their files: name -> questions."""
        known = dict(self.questions)
        for name, questions in own.items():
            tokens = sum(count_tokens(question_text(one)) for one in questions) / len(questions)
            known[name] = {"kind": questions[0].kind, "tokens": tokens, **Counter(one.split for one in questions)}
        return replace(self, questions=known)

    def plans(self, order: Order) -> list[CellPlan]:
        """What the cells of an order whose questions are not loaded will want: all of it, at the mean length."""
        n = (self.count(order.dataset, order.split, order.limit) or order.limit or 0) * order.n_samples
        kind: AnswerKind = self.questions.get(order.dataset, {}).get("kind", "number")
        return [price_of_guess(order, cell, n, self._typical(order, kind)) for cell in order.cells]

    def _typical(self, order: Order, kind: AnswerKind) -> Question:
        """A question of the data set's mean length; its words do not matter."""
        choices = ("w", "w", "w", "w", "w") if kind == "choice" else ()
        words = max(1, round(self.tokens(order.dataset)) - 2 * len(choices))
        gold = {"choice": "A", "boolean": "True"}.get(kind, "1")
        return Question(order.dataset, order.split, " ".join(["w"] * words), kind, gold, choices)


@cache
def load_sizes() -> Sizes:
    """The shipped tables."""
    found = tomllib.loads(FILE.read_text(encoding="utf-8"))
    return Sizes(found["questions"], found["students"])
