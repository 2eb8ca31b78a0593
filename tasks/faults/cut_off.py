"""truncated: the text stops in the middle of a sentence, whatever its status says.

Only where nothing readable is announced: a text that ends in its answer is whole, with or without a full stop, and so
is one that says there is none. (A reply that its provider cut has the status truncated, and the same fault by that.)
"""

import re

from .reading import Read

RULE = "truncated"

_SAID = re.compile(r"\banswer\s*\w+.{2,60}$|(?:True|False|TRUE|FALSE|true|false)\W*$", re.IGNORECASE | re.DOTALL)
_ANNOUNCES = re.compile(r"\banswers?\s*(?:is|:)\W*$", re.IGNORECASE)
_ENDS = re.compile(r"(?:[.!?…。！？:;)\]}\"'”’|>*$]|\\\]|```)\s*$")
_LAST_WORD = re.compile(r"(?:[A-Za-z]+|\d[\d.,]*%?)\s*$")
_COMPLETE = re.compile(
    r"(?:\b(?:true|false|yes|no|none)|[=≈:]\s*[-$£€]?\d[\d.,]*(?:\s+[a-z]+)?|\b[A-J])\s*$", re.IGNORECASE
)
_MIN_WORDS = 5


def fault(read: Read) -> str | None:
    """Where the text stops; None where it ends."""
    if read.said or read.answer_only:
        return None
    end = read.text.rstrip()
    if _ANNOUNCES.search(end[-40:]):
        return f"stops at: {' '.join(end[-40:].split())}"
    if (
        _SAID.search(end[-80:])
        or _ENDS.search(end[-5:])
        or _COMPLETE.search(end[-60:])
        or len(end.split(None, _MIN_WORDS)) < _MIN_WORDS
    ):
        return None
    return f"stops at: {' '.join(end[-40:].split())}" if _LAST_WORD.search(end) or end[-1:] in ",-+*/=(" else None
