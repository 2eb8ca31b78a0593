"""two-answers: more than one answer is announced, and they differ.

An intermediate result announced as the answer counts: whoever takes the first announcement (the paper's own rule) takes
that. Left alone: answers of parts ("the second problem's answer is"), lists of answers to choose from, an item number
behind a colon, an answer named in passing ("the answer is the opposite of plethora").
"""

import re

from ..readings import Reading
from .reading import Read

RULE = "two-answers"

_PART = re.compile(
    r"(?:['’]s?|\b(?:intermediate|first|second|third|partial|possible|likely|given|provided|previous|wrong))\s+$",
    re.IGNORECASE,
)
_PLURAL = re.compile(r"(?:answers|options|choices)\b", re.IGNORECASE)
_ITEM = re.compile(r"(?<=:)\W*1[.)]\**\s+\D|\s*:\W*1[.)]\**\s+\D")
_LEADING = {
    "number": re.compile(r"\W*(?:[a-zA-Z]\s*=|approximately|about|around|exactly|a\s+total\s+of)?\W*\d", re.IGNORECASE),
    "choice": re.compile(r"\W*(?:(?:option|choice|letter)\s+)?\(?[A-J]\b"),
}


def fault(read: Read) -> str | None:
    """The different answers, in order; None where there are not two."""
    if len(read.said) < 2:
        return None
    final = read.said[-1]
    others = [r for r in read.said[:-1] if r.answer != final.answer and _announces(r, read)]
    if not others:
        return None
    answers = list(dict.fromkeys([*(r.answer for r in others), final.answer]))
    return "announces " + ", then ".join(a[:40] for a in answers[-4:])


def _announces(reading: Reading, read: Read) -> bool:
    if not reading.clear:
        return False
    leading = _LEADING.get(read.question.kind)
    if leading and not leading.match(reading.span):
        return False
    if _PLURAL.match(read.cleaned, reading.start) or _PART.search(
        read.cleaned[max(0, reading.start - 20) : reading.start]
    ):
        return False
    return not _ITEM.match(read.cleaned, reading.end)
