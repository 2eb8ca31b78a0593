"""no-reasoning: the text announces an answer and says nothing else, though reasoning was asked for."""

import re

from .reading import Read

RULE = "no-reasoning"

_SUBSTANCE = re.compile(r"[^\W\d_]{2,}|[\w%)]\s*[-+*/×÷=^]\s*[$(\w]")


def fault(read: Read) -> str | None:
    """The text itself; None where there is a word or an operation beside the announcement."""
    if read.answer_only or read.final is None or _SUBSTANCE.search(read.reasoning):
        return None
    if any("=" in reading.span for reading in read.said):  # "The answer is 81 - 60 = 21"
        return None
    return f"nothing but: {' '.join(read.text.split())[:60]}"
