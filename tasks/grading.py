"""Judging an answer: what a text announces, read by the question's answer kind and compared with its gold answer.

A verdict is correct, wrong, unparsed (nothing announced that can be read as an answer of this kind) or ungradable (no
gold answer, or LaTeX that could not be compared in time), and names its rule: an announcement of tasks/extract.py or
an end or beginning of tasks/closing.py, with "+text" or "+number" where a choice was named by its words, "+exact",
"+number", "+math-verify", "+too-long" or "+undecided" for how LaTeX was compared, "+ambiguous" where several different
numbers were announced at once, "+disowned" where a number was called incorrect as soon as it was announced.

The grader prefers unparsed to luck: without an announcement no number is fished out of the text.
"""

import re
from collections.abc import Iterable, Iterator

from . import closing, extract, latex, quantity
from .announced import announced_number, bare_number
from .normalise import normalise
from .pick import bare_choice, pick_choice
from .values import LETTERS, Question, Verdict, VerdictStatus

RULE_VERSION = "2"
NONE = "none"

_ARTICLE = re.compile(r"^(?:the|a|an)\s+", re.IGNORECASE)
_REMARK = re.compile(r"(?:(?:in)?correct|right|wrong|valid|reasonable|verified|unique)\b", re.IGNORECASE)  # no formula
_YES = {"true": True, "yes": True, "false": False, "no": False}
_BOOLEAN = re.compile(
    r"\W*(?:(true|false)\b|(yes|no)(?=$|[^\w\s]|\s*$|\s+(?:because|since|as|and|but|based|given|if)\b))",
    re.IGNORECASE,
)


def grade(text: str, question: Question) -> Verdict:
    """Judge one answer. Never raises on any text."""
    if question.gold is None:
        return _verdict("ungradable", None, NONE)
    cleaned = extract.clean(text)
    match question.kind:
        case "number":
            return _grade_number(cleaned, question.gold, text)
        case "latex":
            return _grade_latex(cleaned, question.gold)
        case "choice":
            return _grade_choice(cleaned, question, text)
        case "boolean":
            return _grade_boolean(cleaned, question.gold)
        case "text":
            return _grade_text(cleaned, question.gold)


def grade_many(items: Iterable[tuple[str, Question]]) -> Iterator[Verdict]:
    """Judge (text, question) pairs, in order."""
    for text, question in items:
        yield grade(text, question)


def _verdict(status: VerdictStatus, answer: str | None, rule: str) -> Verdict:
    return Verdict(status, answer, rule, RULE_VERSION)


def _decided(right: bool, answer: str, rule: str) -> Verdict:
    return _verdict("correct" if right else "wrong", answer, rule)


# Numbers


def _grade_number(cleaned: str, gold: str, raw: str) -> Verdict:
    reference = quantity.gold(gold)
    if reference is None:
        return _verdict("ungradable", None, "gold-is-no-number")
    for found in extract.announcements(cleaned, "number"):
        value, clear = announced_number(extract.unwrap(found.text))
        if value is None:
            continue
        if not clear or extract.disowned(found.text):
            return _verdict("unparsed", None, f"{found.rule}+{'disowned' if clear else 'ambiguous'}")
        return _decided(value.equals(reference), value.text, found.rule)
    bare, rule = bare_number(cleaned), "bare"
    if bare is None and (marked := extract.bold(raw)):
        bare, rule = bare_number(marked), "bold"
    if bare is None and (first := closing.first_line(cleaned)):
        bare, rule = bare_number(first), "first-line"
    return _decided(bare.equals(reference), bare.text, rule) if bare else _verdict("unparsed", None, NONE)


# LaTeX


def _grade_latex(cleaned: str, gold: str) -> Verdict:
    for found in extract.announcements(cleaned, "latex"):
        answer = extract.unwrap(found.text).strip()
        if re.search(r"[\w∞]", answer) and not _REMARK.match(answer):
            return _compare_latex(answer, gold, found.rule)
    bare = cleaned.strip()
    if bare and len(bare) <= 200 and "\n" not in bare and (bare == gold.strip() or latex.looks_bare(bare)):
        return _compare_latex(extract.unwrap(bare), gold, "bare")
    return _verdict("unparsed", None, NONE)


def _compare_latex(answer: str, gold: str, rule: str) -> Verdict:
    right, how = latex.equal(answer, gold)
    if right is None:
        return _verdict("ungradable", None, f"{rule}+{how}")
    return _decided(right, answer, f"{rule}+{how}")


# Choices


def _grade_choice(cleaned: str, question: Question, raw: str) -> Verdict:
    gold = (question.gold or "").strip().upper()
    for found in extract.announcements(cleaned, "choice"):
        picked, suffix = pick_choice(extract.unwrap(found.text), question.choices)
        if picked:
            return _decided(gold in picked, gold if gold in picked else picked[0], found.rule + suffix)
    text = cleaned.strip()
    if len(text) <= 400 and "\n" not in text:
        picked, suffix = bare_choice(text, question.choices)
        if picked:
            return _decided(gold in picked, gold if gold in picked else picked[0], "bare" + suffix)
    letters = LETTERS[: len(question.choices)] if question.choices else LETTERS[:10]
    if closed := closing.letter(text, letters):
        return _decided(closed == gold, closed, "closing-letter")
    for part, rule in ((extract.bold(raw), "bold"), (closing.first_line(text), "first-line")):
        if not part:
            continue
        picked, suffix = bare_choice(part, question.choices)
        if picked:
            return _decided(gold in picked, gold if gold in picked else picked[0], rule + suffix)
    return _verdict("unparsed", None, NONE)


# True or false, and plain text


def _grade_boolean(cleaned: str, gold: str) -> Verdict:
    truth = _YES.get(gold.strip().casefold())
    if truth is None:
        return _verdict("ungradable", None, "gold-is-no-boolean")
    for found in extract.announcements(cleaned, "boolean"):
        value = truth_of(extract.unwrap(found.text))
        if value is not None:
            return _decided(value == truth, str(value), found.rule)
    bare = re.fullmatch(r"\W*(true|false|yes|no)\W*", cleaned, re.IGNORECASE)
    if bare:
        value = _YES[bare.group(1).casefold()]
        return _decided(value == truth, str(value), "bare")
    for word, rule in ((closing.truth(cleaned), "closing-word"), (closing.opening(cleaned), "first-word")):
        if word:
            value = _YES[word.casefold()]
            return _decided(value == truth, str(value), rule)
    return _verdict("unparsed", None, NONE)


def truth_of(span: str) -> bool | None:
    """What an announced span says: true or yes, false or no; None where it says neither."""
    said = _BOOLEAN.match(span)
    return _YES[(said.group(1) or said.group(2)).casefold()] if said else None


def _grade_text(cleaned: str, gold: str) -> Verdict:
    wanted = _words(gold)
    for found in extract.announcements(cleaned, "text"):
        answer = extract.unwrap(found.text).strip()
        if _words(answer) or answer == gold.strip():
            return _decided(_words(answer) == wanted, answer, found.rule)
    bare = cleaned.strip()
    if bare and (_words(bare) == wanted or (len(bare) <= 100 and "\n" not in bare)):
        return _decided(_words(bare) == wanted, bare, "bare")
    return _verdict("unparsed", None, NONE)


def _words(text: str) -> str:
    return _ARTICLE.sub("", normalise(text)) or text.strip()
