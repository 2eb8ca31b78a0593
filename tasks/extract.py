"""Where a text announces its answer. Pure text rules; what the announced text means is tasks/grading.py's business.

Rules, by name (a verdict carries the name of the one that decided):
    answer-is   "The answer is X", "Answer: X", "the final answer would be X": the announcement students are taught
    boxed       \\boxed{X}
    hash        "#### X" (GSM8K's own mark)
    a-colon     a line "A: X" (not for choice questions, where it lists a choice)
    option-is   "the correct option is B", "option (B) is correct" (choice questions)
    statement-is  "the statement is False" as the last words (true/false questions without another announcement)
    bare        the whole text is nothing but the answer, as answer-only students write it

The last announcement wins, because models correct themselves in that direction and the paper's own files announce
intermediate results before the final one. Two limits: an announcement that holds no readable answer ("the answer is
correct") or is negated ("the answer is not 5") is passed over, and a text is cut where it starts to ask itself the
next question (an untrained base model that does not stop), so that the last announcement is one about this question.
An "answer" called given, provided, wrong or incorrect is not announced.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from .values import AnswerKind

MAX_TEXT = 200_000  # characters looked at: the end of longer texts
MAX_ANNOUNCED = 2_000  # characters looked at behind an announcement
MAX_ANNOUNCEMENTS = 50  # the last so many are tried: a model that loops announces thousands
_FILLER = r"[\s.-]*(?:is|are|was|(?:should|must|would|will)\s+be|(?:can|could)\s+be\s+considered|remains|becomes)"
_ANSWER_IS = re.compile(
    rf"(?<!given\s)(?<!provided\s)(?<!wrong\s)(?<!incorrect\s)\banswers?(?:\s+(?:to|for|that)\s[^.\n]{{1,80}}?)?"
    rf"(?:{_FILLER}(?:\s*:)?|\s*[:=])|(?<=the)[.-]*answer{_FILLER}",
    re.IGNORECASE,
)
_HASH = re.compile(r"####")
_BOXED = re.compile(r"\\(?:boxed|fbox)\b")
_A_COLON = re.compile(r"(?:^|\n)[ \t]*A[ \t]*:")
_OPTION_IS = re.compile(r"\b(?:correct|right|best)\s+(?:option|choice|letter)\s*(?:is|would\s+be|:)", re.IGNORECASE)
_OPTION_CORRECT = re.compile(
    r"\b(?:option|choice)\s+(?=\(?[A-Z]\b\)?[^.\n]{0,60}?\s+is\s+(?:the\s+)?(?:correct|right|best)\b)", re.IGNORECASE
)
_STATEMENT_IS = re.compile(
    r"\b(?:statement|claim|it)\s*(?:is|'s)\s+(?:therefore\s+)?(?=(?:true|false)\W*$)", re.IGNORECASE
)
_BOLD = re.compile(r"(?<![\w)\]}])\*\*|\*\*(?![\w(\[{\\])")
_NEXT_QUESTION = re.compile(
    r"\n\s*(?:#+\s*)?(?:Question|Q|Problem|Instruction|Input|User|Human)\s*\d*\s*:"
    r"|<\|(?:im_start|user|start_header_id)"
)
_LISTED = re.compile(r"(?:\s*(?:,\s*and|,|and|or)\s*\$[^$\n]+\$)+")
_HEDGE = re.compile(
    r"(?:</?(?:final_?)?answer>|(?:therefore|thus|hence|likely|most\s+likely|probably|definitely|clearly|indeed|simply)\b)[\s,:]*",
    re.IGNORECASE,
)
_NEGATED = re.compile(r"(?:n't|not|neither)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Announcement:
    """What an announcement announces: the text right behind it, MAX_ANNOUNCED characters at most; `rule` names it."""

    rule: str
    text: str


def clean(text: str) -> str:
    """The text without bold marks, back quotes and what follows the start of a next question."""
    text = text[-MAX_TEXT:].replace("`", "")
    if "**" in text:
        text = _BOLD.sub("", text)
    first = min((m.end() for rule in (_ANSWER_IS, _BOXED, _HASH) if (m := rule.search(text))), default=len(text))
    next_question = _NEXT_QUESTION.search(text, first)
    return text[: next_question.start()] if next_question else text


def announcements(cleaned: str, kind: AnswerKind) -> Iterator[Announcement]:
    """Announcements of `cleaned` text, the one to try first (the last) first. Negated ones are left out.

    Where one stands directly before another ("The answer is \\\\boxed{5}") the earlier one's name is kept.
    """
    marks = [(m.start(), m.end(), "answer-is") for m in _ANSWER_IS.finditer(cleaned)]
    marks += [(m.start(), m.end(), "hash") for m in _HASH.finditer(cleaned)]
    marks += [(m.start(), m.start(), "boxed") for m in _BOXED.finditer(cleaned)]
    if kind == "choice":
        marks += [(m.start(), m.end(), "option-is") for m in _OPTION_IS.finditer(cleaned)]
        marks += [(m.start(), m.end(), "option-is") for m in _OPTION_CORRECT.finditer(cleaned)]
    else:
        marks += [(m.start(), m.end(), "a-colon") for m in _A_COLON.finditer(cleaned)]
    marks = sorted(marks)[-MAX_ANNOUNCEMENTS:]
    if kind == "boolean" and not marks:
        marks = [(m.start(), m.end(), "statement-is") for m in _STATEMENT_IS.finditer(cleaned)]
    for i in range(len(marks) - 1, -1, -1):
        start, end, rule = marks[i]
        if i and marks[i - 1][1] <= start and not re.search(r"\w", cleaned[marks[i - 1][1] : start]):
            rule = marks[i - 1][2]
        announced = cleaned[end : end + MAX_ANNOUNCED]
        if cleaned[end - 3 : end] in (".is", "-is"):
            announced = announced.removeprefix(cleaned[end - 3])  # "The.answer.is.7": a teacher that lost its spaces
        if not _NEGATED.match(announced.lstrip()):
            yield Announcement(rule, announced)


def braced(text: str) -> str | None:
    """What is inside the braces that `text` begins with, balanced; None where it has none or they never close."""
    start = text.find("{")
    if start < 0 or text[:start].strip():
        return None
    depth = 0
    for i in range(start, len(text)):
        if text[i] == "{" and text[i - 1 : i] != "\\":
            depth += 1
        elif text[i] == "}" and text[i - 1 : i] != "\\":
            depth -= 1
            if depth == 0:
                return text[start + 1 : i]
    return None


def unwrap(announced: str) -> str:
    """The announced answer's own span.

    What is inside \\boxed{}, $...$, \\(...\\) or \\[...\\] where it begins with one, else the rest of the sentence.
    Sentences end at a line break or at . ! ? before a space and a capital, or at the end.
    """
    text = announced.lstrip(" \t:=\n")
    text = _HEDGE.sub("", text, count=1) if _HEDGE.match(text) else text
    while True:
        if match := re.match(r"\$?\\(?:boxed|fbox)\s*(?=\{)", text):
            inner = braced(text[match.end() :])
            if inner is None:
                return text[match.end() + 1 :].split("\n", 1)[0]
            text = inner.strip()
            continue
        if match := re.match(
            r"\$\$(.+?)\$\$|\\\((.+?)\\\)|\\\[(.+?)\\\]|\$(?!\d)([^$\n]+?)(?<!\\)\$|\$([^$\n]+?)(?<!\\)\$(?![\d\w])",
            text,
            re.S,
        ):
            inner = next(group for group in match.groups() if group is not None).strip()
            rest = text[match.end() :]
            if re.match(r"[^.\n]*=\s*$|\s*=", rest):
                break
            listed = _LISTED.match(rest)
            if listed:
                return ", ".join([inner, *re.findall(r"\$([^$\n]+)\$", listed.group())])
            text = inner
            continue
        break
    line = text.split("\n", 1)[0]
    end = re.search(r"(?<![A-Z\d])[.!?][\"')\]]*\s+(?=[A-Z(\"'])|(?<=\d)[.!?]\s+(?=[A-Z(\"'])", line)
    return (line[: end.start()] if end else line).strip()
