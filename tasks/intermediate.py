"""Distinct intermediate numbers: how many values a rationale works out on its way, whatever its wording.

Numbers written in digits in the reasoning that the question does not give and that are not the announced answer; each
value once (1,200.50 is 1200.5), list numbers ("2. Then", "Step 3") not counted. A measure of granularity beside steps
and equations: a text that repeats itself has more of those, and no more of these.
"""

import re

_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?|\.\d+")
_ITEM = re.compile(r"(?:^|(?<=[.!?:]))\s*\d{1,2}[.)](?=\s)|(?<=[Ss]tep)\s*\d{1,2}\b", re.MULTILINE)


def plain(digits: str) -> str:
    """One spelling of a number written in digits: no separators, no zeros that say nothing. "1,200.50" is "1200.5"."""
    digits = digits.replace(",", "")
    if "." in digits:
        digits = digits.rstrip("0").rstrip(".")
    return digits.lstrip("0") or "0"


def intermediate_numbers(reasoning: str, question: str, answer: str | None) -> int:
    """How many distinct values `reasoning` has beside those of `question` and the announced `answer`."""
    if not any(c.isdigit() for c in reasoning):
        return 0
    found = {plain(digits) for digits in _NUMBER.findall(_ITEM.sub(" ", reasoning))}
    found -= {plain(digits) for digits in _NUMBER.findall(question)}
    return len(found - {plain(digits) for digits in _NUMBER.findall(answer or "")})
