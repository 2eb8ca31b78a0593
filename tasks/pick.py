"""Which choice a span of text names: by its letter, by its words, or by its value."""

import re

from .announced import announced_number, bare_number
from .values import LETTERS

# A choice's text stands alone: "6" is not in "6.5", "16", "6/7" or "6√3".
_ALONE_BEFORE = re.compile(r"(?:^|[^\w.,/:]|(?<!\d)[.,/:])$")
_ALONE_AFTER = re.compile(r"(?!\w)(?![.,/:]\d)(?!\s*[√(^*/×+])")
_ARTICLE = re.compile(r"^(?:the|a|an)\s+", re.IGNORECASE)
_IN_BRACKETS = re.compile(r"\(([A-Z])\)")
_LETTER = re.compile(
    r"\W*(?:(?:option|choice|letter|answer)\s+)?[(\[\"'{]*([A-Za-z])(?!['’]?[A-Za-z0-9])", re.IGNORECASE
)


def pick_choice(span: str, choices: tuple[str, ...]) -> tuple[list[str], str]:
    """Letters of the choice a span names, and how: "" by letter, "+text" by its words, "+number" by its value.

    More than one letter only where two choices read the same. Choices may be (): letters A to J are then accepted.
    """
    letters = LETTERS[: len(choices)] if choices else LETTERS[:10]
    span = re.sub(r"\\(?:text|mathrm|mathbf|textbf)\s*\{([^{}]*)\}", r"\1", span)
    letter = _LETTER.match(span)
    if letter and letter.group(1).upper() in letters:
        rest = span[letter.end(1) :]
        # "a bank" and "A bank": an article, if the words are a choice's. A lower-case letter needs an end
        article = letter.group(1).upper() == "A" and rest[:1] == " " and bool(_by_text(span, choices))
        if not article and (letter.group(1).isupper() or not re.match(r"\s*\w", rest)):
            return [letter.group(1).upper()], ""
    named = _by_text(span, choices)
    if named:
        return named, "+text"
    marked = {mark for mark in _IN_BRACKETS.findall(span) if mark in letters}
    if len(marked) == 1:  # "April (D)"
        return list(marked), ""
    return _by_value(span, choices), "+number"


def _by_text(span: str, choices: tuple[str, ...]) -> list[str]:
    said = _plain(span)
    texts = [_plain(choice) for choice in choices]
    exact = [LETTERS[i] for i, choice in enumerate(texts) if choice and choice == said]
    if exact:
        return exact
    leading = [choice for choice in texts if choice and said.startswith(choice) and _alone(choice, said, 0)]
    if leading:
        longest = max(leading, key=len)
        return [LETTERS[i] for i, choice in enumerate(texts) if choice == longest]
    inside = {choice for choice in texts if len(choice) > 2 and _inside(choice, said)}
    maximal = {c for c in inside if not any(c != other and c in other for other in inside)}
    return [LETTERS[i] for i, choice in enumerate(texts) if choice in maximal] if len(maximal) == 1 else []


def _inside(choice: str, said: str) -> bool:
    start = said.find(choice)
    while start >= 0:
        if _alone(choice, said, start):
            return True
        start = said.find(choice, start + 1)
    return False


def _alone(choice: str, said: str, start: int) -> bool:
    after = _ALONE_AFTER.match(said, start + len(choice))
    return after is not None and _ALONE_BEFORE.search(said[max(0, start - 2) : start]) is not None


def _by_value(span: str, choices: tuple[str, ...]) -> list[str]:
    value, clear = announced_number(span)
    if value is None or not clear or re.match(r"\s*[√(^*/×π\\]", span[value.end :]):
        return []
    read = [bare_number(choice) for choice in choices]
    picked = [LETTERS[i] for i, number in enumerate(read) if number is not None and number.value == value.value]
    return picked if len(picked) == 1 else []


def bare_choice(text: str, choices: tuple[str, ...]) -> tuple[list[str], str]:
    letters = LETTERS[: len(choices)] if choices else LETTERS[:10]
    match = re.fullmatch(
        r"\W*(?:(?:option|choice)\s+)?\(?([A-Za-z])\s*(?:[).:,]\s*(.*)|\W*)", text, re.IGNORECASE | re.S
    )
    if match and match.group(1).upper() in letters:
        said = _plain(match.group(2) or "")
        if not said or (choices and said == _plain(choices[letters.index(match.group(1).upper())])):
            return [match.group(1).upper()], ""
    said = _plain(text)
    return [LETTERS[i] for i, choice in enumerate(choices) if said and _plain(choice) == said], "+text"


def _plain(text: str) -> str:
    words = " ".join(text.casefold().split()).strip(" .,;:!?\"'()[]$*")
    return _ARTICLE.sub("", words.replace(" percent", "%").replace(" %", "%"))
