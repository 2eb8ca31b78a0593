"""How a text ends and begins: an answer given as the last or the first words, without being announced as one.

Looked at only where tasks/extract.py found no announcement. Rules, by name:
    closing-letter  the last line is a choice's letter or ends in one behind a word that gives it: "Answer B", "E)",
                    "Option C.", "so it must be D", "Thus A"
    closing-word    the last word is True or False, capitalised as the students' answers are, and not "True or False"
    first-line      the first line is the answer alone, and the reasoning follows: "B) library", "18 apples"
    first-word      the text opens with "Yes," or "False."
Numbers have no closing rule: the last number of a text is too often only a step.
"""

import re

MAX_LINE = 200

_LETTER_LINE = re.compile(r"[\W_]*([A-Z])[\W_]*")
_LETTER_END = re.compile(
    r"(?:(?i:\b(?:answer|ans|option|choice|thus|hence|therefore|so|is|was|be))[\s:.)=*-]*\(?([A-Z]))\)?[\s.!*]*$"
)
_TRUTH = re.compile(r"(?:(?<![A-Za-z])|(?<=[a-z]))(True|False|TRUE|FALSE)[^\w]*$")
_UNSURE = re.compile(
    r"(?:\b(?:or|nor|not|whether|if|neither|either)|n't)\b[^.\n]{0,12}$|\b(?:given|provided)\s(?:answer\s)?(?:is|was)\s*$",
    re.IGNORECASE,
)
_OPENING = re.compile(r"\W*(yes|no|true|false)\s*(?:[,.:;!—–\n]|-\s)", re.IGNORECASE)


def letter(text: str, letters: str) -> str | None:
    """The letter (one of `letters`) that the last line is or ends in; None where it does not."""
    line = text.rstrip().rsplit("\n", 1)[-1][-MAX_LINE:]
    found = _LETTER_LINE.fullmatch(line) or _LETTER_END.search(line)
    return found.group(1) if found and found.group(1) in letters else None


def truth(text: str) -> str | None:
    """ "True" or "False" as the last word of the text; None where it is another, or is denied or left open."""
    end = text[-MAX_LINE:]
    found = _TRUTH.search(end)
    return None if found is None or _UNSURE.search(end[: found.start()]) else found.group(1)


def first_line(text: str) -> str | None:
    """The first line of a text of several, where it is short; None otherwise."""
    line, newline, rest = text.strip().partition("\n")
    return line.strip() if newline and rest.strip() and 0 < len(line) <= MAX_LINE else None


def opening(text: str) -> str | None:
    """ "Yes", "no", "true" or "false" as the first word of the text, with a mark or a line's end behind it."""
    found = _OPENING.match(text)
    return found.group(1) if found else None
