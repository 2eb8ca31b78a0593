"""Choice questions written as one text, split into stem and choices, whatever style they were written in.

Styles seen: "Q: stem Answer choices: A: x, B: y" and "stem Answer Choices:\\nA. x\\nB. y" (the paper's files),
"stem\\nAnswer choices: (A) x (B) y" (tasks/render.py), and "A)x" (AQuA's options).
"""

import re

from .values import LETTERS

_HEADING = re.compile(r"\b(?:answer\s+choices|answer\s+options|options|choices)\s*:", re.IGNORECASE)
_LEADING_Q = re.compile(r"^\s*(?:Q|Question)\s*:\s*")
_OPTION = re.compile(r"^\s*\(?([A-Z])\s*[):.]\s*")
MAX_CHOICES = 10
# One letter's marker in each style; the first style whose markers for A and B are both found is taken.
_STYLES = (
    r"(?:(?<=^)|(?<=[\s,;]))\({0}\)\s*",
    r"(?:(?<=^)|(?<=[\s,;])){0}\s*[:.)]\s*",
    r"\({0}\)\s*",
    r"{0}\s*[):]\s*",
)


def strip_prefix(text: str) -> str:
    """Without a leading "Q:" or "Question:", which is style, not question."""
    return _LEADING_Q.sub("", text, count=1).strip()


def split_choices(text: str) -> tuple[str, tuple[str, ...]]:
    """Stem and choices of a question written as one text; choices are () where none are announced by a heading."""
    headings = list(_HEADING.finditer(text))
    for heading in reversed(headings):
        choices = _read(text[heading.end() :].strip())
        if len(choices) >= 2:
            return strip_prefix(text[: heading.start()]), choices
    return strip_prefix(text), ()


def option_text(option: str, index: int) -> str:
    """The text of one listed option, "B)6000" -> "6000"; a letter that is not the option's own is part of the text."""
    match = _OPTION.match(option)
    if match and match.group(1) == LETTERS[index]:
        return option[match.end() :].strip()
    return option.strip()


def _read(listed: str) -> tuple[str, ...]:
    for style in _STYLES:
        marks: list[re.Match[str]] = []
        for letter in LETTERS[:MAX_CHOICES]:
            mark = re.compile(style.format(letter)).search(listed, marks[-1].end() if marks else 0)
            if mark is None or (not marks and mark.start() > 0):
                break
            marks.append(mark)
        if len(marks) >= 2:
            ends = [mark.start() for mark in marks[1:]] + [len(listed)]
            return tuple(listed[m.end() : end].strip().rstrip(",;").strip() for m, end in zip(marks, ends, strict=True))
    return ()
