"""no-answer: nothing is announced that can be read as an answer of the question's kind.

A bare answer is enough where nothing but an answer was asked for. A rationale that ends in its answer without
announcing it ("... so he has 14 dollars.") has this fault: a student of it learns to end where nothing can be read.
"""

from ..closing import truth
from .reading import Read

RULE = "no-answer"


def fault(read: Read) -> str | None:
    """How the text ends instead; None where something is announced."""
    if read.said or read.answer_only:
        return None
    if read.question.kind == "boolean" and truth(read.cleaned):
        return f"ends in {truth(read.cleaned)} without announcing it"
    end = " ".join(read.cleaned[-60:].split())
    return f"ends: {end}"
