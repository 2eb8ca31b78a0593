"""Where a text announces its answer. Pure text rules; what the announced text means is tasks/grading.py's business.

Rules, by name (a verdict carries the name of the one that decided):
    answer-is   "The answer is X", "Answer: X", "Ans. X", "the final answer would be X", "the answer to ... is X": the
                announcement students are taught
    heading     "Final answer" alone on its line, X on the next
    boxed       \\boxed{X}
    hash        "#### X" (GSM8K's own mark)
    tag         <answer>X</answer>
    a-colon     a line "A: X" (not for choice questions, where it lists a choice)
    option-is   "the correct option is B", "option (B) is correct", "I choose B" (choice questions)
    statement-is  "the statement is False" as the last words (true/false questions without another announcement)
    corrected   "the answer is not 5, it's 6": X is 6
Without any of them, tasks/closing.py looks at how a text ends and begins.

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
_VERB = (
    r"(?:is|are|was|equals|(?:should|must|would|will)\s+be|(?:can|could)\s+be\s+considered"
    r"|remains|becomes|comes\s+out\s+to)"
)
_ASIDE = r"(?:then|therefore|thus|hence|however|finally|again|indeed|in\s+short|of\s+course)"
_FILLER = rf"[\s._!-]*{_VERB}"  # with the marks of teachers that lost their spaces: "The.answer.is.7", "ANSWER! IS! 7"
_ANSWER_IS = re.compile(
    r"(?<!given\s)(?<!provided\s)(?<!wrong\s)(?<!incorrect\s)(?:answers?|ans\b)"
    rf"(?:{_FILLER}(?:\s*:)?|\s*[:=]|\s*[-–—](?=\s)|(?<=ns)\.(?=\s)"
    rf"|\s+(?:to|for|that)\s[^.\n]{{1,80}}?(?:\s{_VERB}(?:\s*:)?|\s*:)|\s*,\s*{_ASIDE}\s*,\s*{_VERB})",
    re.IGNORECASE,
)
_HEADING = re.compile(r"(?:^|\n)[ \t#*]*(?:the\s+)?(?:final\s+|correct\s+)?answer[ \t*]*\n", re.IGNORECASE)
_TAG = re.compile(r"<(?:final_?)?answer>", re.IGNORECASE)
_HASH = re.compile(  # not a Markdown heading: "#### Step 2", "#### 1. Find the total"
    r"####(?!#)(?!\s*(?:step|part|case|question|problem|solution|conclusion|final|answer)\b)(?!\s*\d+[.)]\s+[A-Za-z])",
    re.IGNORECASE,
)
_BOXED = re.compile(r"\\(?:boxed|fbox)\b")
_BOXED_BARE = re.compile(r"\$?\\(?:boxed|fbox)\s+([^\s{}$.,;]+)")
_A_COLON = re.compile(r"(?:^|\n)[ \t]*A[ \t]*:")
_OPTION_IS = re.compile(r"\b(?:correct|right|best)\s+(?:option|choice|letter)\s*(?:is|would\s+be|:)", re.IGNORECASE)
_OPTION_CORRECT = re.compile(
    r"\b(?i:option|choice)\s+(?=\(?[A-Z]\b\)?[^.\n]{0,60}?\s+(?i:is\s+(?:the\s+)?(?:correct|right|best))\b)"
)
_IS_THE_ANSWER = re.compile(  # "B is the answer", "Thus, (C) is correct.", but not "A kite is the right thing to fly"
    r"(?:\b(?i:thus|hence|therefore|so),?\s+|(?:^|[.!?\n])[ \t]*)(?=\(?[A-Z]\b[).:,]*[^.\n]{0,60}?\s+"
    r"(?i:is\s+(?:the\s+)?(?:answer\b|(?:correct|right|best)(?:\s+(?:answer|option|choice)\b|[.!]|\s*$|\s*\n))))"
)
_CHOOSE = re.compile(
    r"\b(?:I|we)(?:'d|\s+(?:would|will|should|must|have\s+to))?\s+(?:choose|pick|select|go\s+with)\s+"
    r"(?:(?:the\s+)?(?:option|choice|answer)\s+)?(?=\(?[A-Z]\b)"
)
_STATEMENT_IS = re.compile(
    r"\b(?:(?:statement|claim)(?:\s+that\s[^.\n]{1,120})?|it)\s*(?:is|'s)\s+(?:therefore\s+)?(?=(?:true|false)\W*$)",
    re.IGNORECASE,
)
_BOLD = re.compile(r"(?<![\w)\]}])\*\*|\*\*(?![\w(\[{\\])")
_BOLD_SPAN = re.compile(r"\*\*([^*\n]{1,200})\*\*")
_NEXT_QUESTION = re.compile(
    r"\n[ \t]*(?:#+[ \t]*)?(?:Question|Q|Problem|Instruction|Input|User|Human)\s*\d*\s*:"
    r"|<\|(?:im_start|user|start_header_id)"
)
_LISTED = re.compile(r"(?:\s*(?:,\s*and|,|and|or)\s*\$[^$\n]+\$)+")
_HEDGE = re.compile(
    r"(?:</?(?:final_?)?answer>|(?:therefore|thus|hence|likely|most\s+likely|probably|definitely|clearly|indeed|simply)\b)[\s,:]*",
    re.IGNORECASE,
)
_NEGATED = re.compile(r"(?:n't|not|neither)\b", re.IGNORECASE)
_CORRECTED = re.compile(
    r"(?:n't|not)\s[^.\n]{1,60}?[,;–—]\s*(?:but\s+|so\s+)*(?:(?:it|this)\s*(?:is|'s|’s|(?:should|must)\s+be)|rather|but)\s+(?!not\b)",
    re.IGNORECASE,
)
_DISOWNED = re.compile(
    r"\W*\S{1,20}[^.()\n]{0,30}?(?:\(\s*(?:wait,?\s+)?(?:(?:this|that|which|it)\s*(?:is|'s)\s+|must\s+be\s+)?|(?:[,.]\s+(?:but\s+)?)"
    r"(?:this|that|it)(?:\s+(?:question|solution|answer))?\s*(?:is|'s|was|seems|must\s+be)\s+|\s(?:is|was)\s+)(?:an?\s+)?"
    r"(?:not\s+(?:correct|right)|incorrect|wrong)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Announcement:
    """What an announcement announces: the text right behind it, MAX_ANNOUNCED characters at most; `rule` names it.

    `start` is where the announcing words begin in the cleaned text, `end` where `text` does.
    """

    rule: str
    text: str
    start: int
    end: int


def clean(text: str) -> str:
    """The text without bold marks, back quotes and what follows the start of a next question."""
    text = text[-MAX_TEXT:].replace("`", "")
    if "**" in text:
        text = _BOLD.sub("", text)
    next_question = _NEXT_QUESTION.search(text, 1)
    if next_question is None:
        return text
    announced = [m.end() for m in _answers(text)] + [m.end() for r in (_BOXED, _HASH) if (m := r.search(text))]
    next_question = _NEXT_QUESTION.search(text, min(announced)) if announced else None
    return text[: next_question.start()] if next_question else text


def _answers(text: str) -> Iterator[re.Match[str]]:
    """Matches of _ANSWER_IS, found by a plain search for its first letters: half of all grading time otherwise."""
    lower = text.lower()
    if len(lower) != len(text):  # a letter whose lower case is two
        lower = "".join(c.lower() if len(c.lower()) == 1 else c for c in text)
    at = lower.find("ans")
    while at >= 0:
        glued = at and (text[at - 1].isalnum() and not lower.endswith("the", 0, at))
        found = None if glued else _ANSWER_IS.match(text, at)
        if found:
            yield found
        at = lower.find("ans", found.end() if found else at + 3)


def announcements(cleaned: str, kind: AnswerKind) -> Iterator[Announcement]:
    """Announcements of `cleaned` text, the one to try first (the last) first. Negated ones are left out.

    Where one stands directly before another ("The answer is \\\\boxed{5}") the earlier one's name is kept.
    """
    marks = [(m.start(), m.end(), "answer-is") for m in _answers(cleaned)]
    if "####" in cleaned:
        marks += [(m.start(), m.end(), "hash") for m in _HASH.finditer(cleaned)]
    if "\\" in cleaned:
        marks += [(m.start(), m.start(), "boxed") for m in _BOXED.finditer(cleaned)]
    if "\n" in cleaned:
        marks += [(m.start(), m.end(), "heading") for m in _HEADING.finditer(cleaned)]
    if "<" in cleaned:
        marks += [(m.start(), m.end(), "tag") for m in _TAG.finditer(cleaned)]
    if kind == "choice":
        for pattern in (_OPTION_IS, _OPTION_CORRECT, _IS_THE_ANSWER, _CHOOSE):
            marks += [(m.start(), m.end(), "option-is") for m in pattern.finditer(cleaned)]
    else:
        marks += [(m.start(), m.end(), "a-colon") for m in _A_COLON.finditer(cleaned)]
    marks = sorted(marks)[-MAX_ANNOUNCEMENTS:]
    if kind == "latex" and (boxes := [start for start, _, rule in marks if rule == "boxed"]):
        marks = [mark for mark in marks if mark[0] <= boxes[-1]]  # what follows the last box is a check or a remark
    if kind == "boolean" and not marks:
        marks = [(m.start(), m.end(), "statement-is") for m in _STATEMENT_IS.finditer(cleaned)]
    for i in range(len(marks) - 1, -1, -1):
        start, end, rule = marks[i]
        if i and marks[i - 1][1] <= start and not re.search(r"\w", cleaned[marks[i - 1][1] : start]):
            rule = marks[i - 1][2]
        announced = cleaned[end : end + MAX_ANNOUNCED]
        if cleaned[end - 3 : end] in (".is", "-is"):
            announced = announced.removeprefix(cleaned[end - 3])  # "The.answer.is.7": a teacher that lost its spaces
        said = announced.lstrip()
        if not _NEGATED.match(said):
            yield Announcement(rule, announced, start, cleaned.index(announced, end))
        elif corrected := _CORRECTED.match(said):
            after = said[corrected.end() :]
            yield Announcement("corrected", after, start, cleaned.index(after, end))


def bold(text: str) -> str | None:
    """The only bold span of the last line: how chat models mark an answer they do not announce."""
    line = text[-MAX_TEXT:].rstrip().rsplit("\n", 1)[-1]
    found = _BOLD_SPAN.findall(line)
    return found[0].strip(" .,:;") if len(found) == 1 else None


def disowned(announced: str) -> bool:
    """Whether an announcement is taken back as soon as it is made: "9. This question seems incorrect"."""
    return _DISOWNED.match(announced) is not None


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
        if match := _BOXED_BARE.match(text):
            return match.group(1)
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
