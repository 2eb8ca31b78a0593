"""Realised granularity: what a rationale came out as, counted by fixed rules that need no model.

The level that was asked for is a weak label; these counts are what analyses use. The rules are versioned: a change of
any of them is a new PARSER_VERSION, and old counts stay in the store beside the new.

tokens     word pieces: runs of letters in pieces of at most 12, digits in groups of at most 3, every other visible
           character alone. No tokenizer's count, but the same for every teacher and student.
sentences  ends of sentences (. ! ? followed by space, capital or the end), an unfinished last one included.
equations  equals signs with an operand on both sides; a chain a = b = c counts two.
steps      the announcement of the answer is not a step. Of what remains: numbered items (1. 2. 3. or Step 1: in order)
           where there are at least two, else lines where there are at least two, else sentences.
"""

import re

from .values import Realised

PARSER_VERSION = "1"

_TOKEN = re.compile(r"[^\W\d_]{1,12}|\d{1,3}|[^\w\s]|_")
# A pattern that begins with a character it needs is searched several times as fast as one that begins by looking back:
# what is not to stand before the first character is looked for after it.
_SENTENCE_END = re.compile(r"[.!?](?<![\s.!?][.!?])[.!?]*[\"')\]*]*(?=\s|$|[A-Z\"(])")
_WORD = re.compile(r"\w")
_EQUALS = re.compile(r"=\s*(?=[-+−$£€\\({\[\w?.])")
_OPERAND_END = re.compile(r"[\w)\]}%°?]")
_ITEM = re.compile(r"(\d(?<!\d\d)\d?)[.):]\**\s*(?=[^\s\d.])")
_BEFORE_ITEM = frozenset(" \t\n.:;!?)*")
_ANNOUNCED = re.compile(r"nswers?\s*(?:is\b|:)", re.IGNORECASE)
_LONGEST_ANNOUNCEMENT = 120


def count_tokens(text: str) -> int:
    """Word pieces of `text` by the rule above."""
    return len(_TOKEN.findall(text))


def measure(text: str) -> Realised:
    """The counts of one rationale. Empty text counts zero of everything."""
    return Realised(
        steps=_steps(text),
        sentences=_sentences(text),
        tokens=count_tokens(text),
        equations=sum(_ends_operand(text, equals.start()) for equals in _EQUALS.finditer(text)),
    )


def _ends_operand(text: str, equals: int) -> bool:
    """Whether what stands before this equals sign is an operand. A factorial's sign is one, where a space is between:
    3! = 6 is an equation, 3 != 6 is none."""
    last = equals - 1
    while last >= 0 and text[last].isspace():
        last -= 1
    if last < 0:
        return False
    return _OPERAND_END.match(text, last) is not None or (text[last] == "!" and last < equals - 1)


def _sentences(text: str) -> int:
    last = n = 0
    for end in _SENTENCE_END.finditer(text):
        n += not text[last : end.start()].strip().isdigit()  # "1." opens a list item
        last = end.end()
    return n + (1 if _WORD.search(text, last) else 0)


def _steps(text: str) -> int:
    body = text[: announcement_start(text)]
    expected = 1
    for item in _ITEM.finditer(body):
        start = item.start()
        if int(item.group(1)) == expected and (start == 0 or body[start - 1] in _BEFORE_ITEM):
            expected += 1
    if expected > 2:
        return expected - 1
    lines = sum(1 for line in body.splitlines() if _WORD.search(line))
    return lines if lines >= 2 else _sentences(body)


def announcement_start(text: str) -> int:
    """Where the closing sentence that announces the answer begins; the text's length if there is none."""
    found = list(_ANNOUNCED.finditer(text, max(0, len(text) - _LONGEST_ANNOUNCEMENT)))
    if not found:
        return len(text)
    return 1 + max(text.rfind(mark, 0, found[-1].start()) for mark in ".!?\n")
