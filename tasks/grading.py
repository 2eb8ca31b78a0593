"""Judging an answer: what a text announces, read by the question's answer kind and compared with its gold answer.

A verdict is correct, wrong, unparsed (nothing announced that can be read as an answer of this kind) or ungradable (no
gold answer), and names its rule: an announcement of tasks/extract.py, with "+text" or "+number" where a choice was
named by its words, "+exact", "+number", "+math-verify" or "+undecided" for how LaTeX was compared, "+ambiguous" where
several different numbers were announced at once.

The grader prefers unparsed to luck: without an announcement no number is fished out of the text.
"""

import re
from collections.abc import Iterable, Iterator

from . import extract, latex, quantity
from .announced import announced_number, bare_number
from .normalise import normalise
from .pick import bare_choice, pick_choice
from .values import Question, Verdict, VerdictStatus

RULE_VERSION = "1"
NONE = "none"

_ARTICLE = re.compile(r"^(?:the|a|an)\s+", re.IGNORECASE)
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
            return _grade_number(cleaned, question.gold)
        case "latex":
            return _grade_latex(cleaned, question.gold)
        case "choice":
            return _grade_choice(cleaned, question)
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


def _grade_number(cleaned: str, gold: str) -> Verdict:
    reference = quantity.gold(gold)
    if reference is None:
        return _verdict("ungradable", None, "gold-is-no-number")
    ambiguous: str | None = None
    for found in extract.announcements(cleaned, "number"):
        value, clear = announced_number(extract.unwrap(found.text))
        if value is not None and clear:
            return _decided(value.equals(reference), value.text, found.rule)
        if value is not None:
            ambiguous = f"{found.rule}+ambiguous"
            break
    if ambiguous:
        return _verdict("unparsed", None, ambiguous)
    bare = bare_number(cleaned)
    return _decided(bare.equals(reference), bare.text, "bare") if bare else _verdict("unparsed", None, NONE)


# LaTeX


def _grade_latex(cleaned: str, gold: str) -> Verdict:
    for found in extract.announcements(cleaned, "latex"):
        answer = extract.unwrap(found.text).strip()
        if re.search(r"[\w∞]", answer):
            return _compare_latex(answer, gold, found.rule)
    bare = cleaned.strip()
    if bare and len(bare) <= 200 and "\n" not in bare and (bare == gold.strip() or latex.looks_bare(bare)):
        return _compare_latex(extract.unwrap(bare), gold, "bare")
    return _verdict("unparsed", None, NONE)


def _compare_latex(answer: str, gold: str, rule: str) -> Verdict:
    right, how = latex.equal(answer, gold)
    return _decided(right, answer, f"{rule}+{how}")


# Choices


def _grade_choice(cleaned: str, question: Question) -> Verdict:
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
    return _verdict("unparsed", None, NONE)


# True or false, and plain text


def _grade_boolean(cleaned: str, gold: str) -> Verdict:
    truth = _YES.get(gold.strip().casefold())
    if truth is None:
        return _verdict("ungradable", None, "gold-is-no-boolean")
    for found in extract.announcements(cleaned, "boolean"):
        said = _BOOLEAN.match(extract.unwrap(found.text))
        if said:
            value = _YES[(said.group(1) or said.group(2)).casefold()]
            return _decided(value == truth, str(value), found.rule)
    bare = re.fullmatch(r"\W*(true|false|yes|no)\W*", cleaned, re.IGNORECASE)
    if bare:
        value = _YES[bare.group(1).casefold()]
        return _decided(value == truth, str(value), "bare")
    return _verdict("unparsed", None, NONE)


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
