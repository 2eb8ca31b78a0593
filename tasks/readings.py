"""What each announcement of a text says, read by the question's answer kind: all of them, where a verdict needs one."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from . import extract, latex
from .announced import announced_number
from .grading import truth_of
from .normalise import normalise
from .pick import pick_choice
from .values import Question

_WORD_IN_LATEX = re.compile(r"[\w∞]")


@dataclass(frozen=True, slots=True)
class Reading:
    """One announcement that can be read: cleaned[start:end] announces it, `span` is what was read, `answer` what it
    says in a form that compares equal for equal answers (a number as a fraction, a choice as its letter). `clear` is
    False where several numbers are announced at once."""

    start: int
    end: int
    span: str
    answer: str
    clear: bool = True


def readings(cleaned: str, question: Question) -> list[Reading]:
    """The readable announcements of a cleaned text (extract.clean), in the order of the text."""
    return sorted(_readings(cleaned, question), key=lambda reading: (reading.start, reading.end))


def _readings(cleaned: str, question: Question) -> Iterator[Reading]:
    for found in extract.announcements(cleaned, question.kind):
        span = extract.unwrap(found.text)
        answer, clear = _read(span, question)
        if answer is not None:
            yield Reading(found.start, found.end, span, answer, clear)


def _read(span: str, question: Question) -> tuple[str | None, bool]:
    match question.kind:
        case "number":
            value, clear = announced_number(span)
            return (None if value is None else str(value.value)), clear
        case "choice":
            picked, _ = pick_choice(span, question.choices)
            return (picked[0] if picked else None), True
        case "boolean":
            truth = truth_of(span)
            return (None if truth is None else str(truth)), True
        case "latex":
            answer = span.strip()
            return (latex.normalised(answer) if _WORD_IN_LATEX.search(answer) else None), True
        case "text":
            return normalise(span) or None, True
