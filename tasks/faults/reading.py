"""What every rule of faults looks at: a rationale, its question, what it announces and what is left beside that."""

import re
from dataclasses import dataclass

from .. import extract
from ..readings import Reading, readings
from ..values import Question

_LONGEST = 200  # characters that one announcement takes at most
_LEAD = re.compile(
    r"(?:(?:\b(?:so|thus|hence|therefore|then|and|but|finally|in\s+conclusion),?\s+)*"
    r"(?:the\s+|my\s+)?(?:(?:final|correct|right|best)\s+)*|[#*_\s(]+)$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Read:
    """A rationale as the rules see it.

    `text` is as it was stored, `cleaned` without bold marks and what follows a next question (extract.clean);
    `said` its readable announcements in order; `reasoning` the cleaned text without the final announcement and those
    that say the same. `answer_only`: nothing but an answer was asked for.
    """

    text: str
    cleaned: str
    question: Question
    said: tuple[Reading, ...]
    reasoning: str
    answer_only: bool

    @property
    def final(self) -> Reading | None:
        """The announcement that counts: the last."""
        return self.said[-1] if self.said else None


def read(text: str, question: Question, answer_only: bool = False) -> Read:
    """Read a rationale once for all rules."""
    cleaned = extract.clean(text)
    said = tuple(readings(cleaned, question))
    return Read(text, cleaned, question, said, _without(cleaned, said), answer_only)


def _without(cleaned: str, said: tuple[Reading, ...]) -> str:
    """The text with every announcement of the final answer cut out, from "So the answer" to the end of what it says."""
    kept, at = [], 0
    for reading in said:
        if reading.answer != said[-1].answer or reading.start < at:
            continue
        lead = _LEAD.search(cleaned, max(at, reading.start - 60), reading.start)
        kept.append(cleaned[at : lead.start() if lead else reading.start])
        found = cleaned.find(reading.span[:60], reading.end) if reading.span else -1
        at = min(found + len(reading.span), found + _LONGEST) if found >= 0 else reading.end
    kept.append(cleaned[at:])
    return "\n".join(kept)
