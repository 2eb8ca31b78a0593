"""Faults of a rationale that its text alone shows, by rule: one rule a file, each `fault(read) -> detail or None`.

The rules are pure and versioned together; a change of any, or of how announcements are read, asks for a new version,
and reading again is free. Faults that need more than the text (a wrong verdict, a status, a question in a test split)
are told by the view fault_now; repetitions are found by store/copies.py.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ..grading import RULE_VERSION
from ..intermediate import intermediate_numbers
from ..values import Question
from . import (
    cut_off,
    language,
    lost_newlines,
    no_answer,
    no_reasoning,
    not_derived,
    residue,
    two_answers,
)
from .reading import Read, read

FAULT_VERSION = f"1.{RULE_VERSION}"  # these rules, and those of announcements

RULES: Mapping[str, Callable[[Read], str | None]] = MappingProxyType(
    {
        module.RULE: module.fault
        for module in (
            no_answer,
            two_answers,
            not_derived,
            no_reasoning,
            cut_off,
            residue,
            lost_newlines,
            language,
        )
    }
)


@dataclass(frozen=True, slots=True)
class Findings:
    """What reading one rationale found: rule -> what was seen; and its distinct intermediate numbers."""

    faults: Mapping[str, str]
    numbers: int


def examine(text: str, question: Question, *, answer_only: bool = False) -> Findings:
    """Read one rationale by every rule. Never raises on any text."""
    seen = read(text, question, answer_only)
    faults = {rule: detail for rule, fault in RULES.items() if (detail := fault(seen)) is not None}
    answer = seen.final.span if seen.final else None
    return Findings(faults, intermediate_numbers(seen.reasoning, question.text, answer))
