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
from .normalise import normalise
from .values import LETTERS, Question, Verdict, VerdictStatus

RULE_VERSION = "1"
NONE = "none"

# After the announced number, what follows one of these is a reason or a condition, not another part of the answer.
_CLAUSE = re.compile(
    r"\b(?:because|since|as|which|where|when|after|before|so|if|per|out\s+of|from|in|than|of|for|at|on|with|given|not|rather|instead|i\.e)\b|[(;]",
    re.IGNORECASE,
)
_LIST = re.compile(r"(?:\band\b|\bor\b|,|&)\s*[^\d,;.]{0,30}$", re.IGNORECASE)
_OPERATOR = re.compile(r"\s*(?:[a-zA-Z$£€%.\s]{0,20}?)\s*(?:[-+*/×÷xX^−–:]|\\times|\\div|\\cdot)\s*\(?[$£€]?$")
_UNIT_POWER = re.compile(r"\s*(?:\\?[a-zA-Z]+\{?\s*){1,2}\}?\s*\^\{?")
# A choice's text stands alone: "6" is not in "6.5", "16", "6/7" or "6√3".
_ALONE_BEFORE = re.compile(r"(?:^|[^\w.,/:]|(?<!\d)[.,/:])$")
_ALONE_AFTER = re.compile(r"(?!\w)(?![.,/:]\d)(?!\s*[√(^*/×+])")
_ARTICLE = re.compile(r"^(?:the|a|an)\s+", re.IGNORECASE)
_YES = {"true": True, "yes": True, "false": False, "no": False}
_BOOLEAN = re.compile(
    r"\W*(?:(true|false)\b|(yes|no)(?=$|[^\w\s]|\s*$|\s+(?:because|since|as|and|but|based|given|if)\b))",
    re.IGNORECASE,
)
_LETTER = re.compile(r"\W*(?:(?:option|choice|letter|answer)\s+)?[(\[\"'{]*([A-Za-z])(?![A-Za-z0-9'’])", re.IGNORECASE)


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
    bare = _bare_number(cleaned)
    return _decided(bare.equals(reference), bare.text, "bare") if bare else _verdict("unparsed", None, NONE)


def announced_number(span: str) -> tuple[quantity.Quantity | None, bool]:
    """The number a span announces, and whether it is clear that it is the one.

    "594 / 3 = 198 pages" announces 198; "18 dollars, since 2 * 9 = 18" 18; "John has 7 left" 7, as the only number
    there; "5 apples and 3 oranges" and "16 - 3" nothing clear.
    """
    numbers = quantity.find_all(span)
    if not numbers:
        spoken = quantity.words(re.sub(r"^\W+", "", span))
        return spoken, True
    first = numbers[0]
    if len({number.value for number in numbers}) == 1:
        return first, True
    led = not re.search(r"\w", span[: first.start]) or re.fullmatch(
        r"\W*(?:[a-zA-Z]\s*=|approximately|about|around|roughly|exactly|a\s+total\s+of|simply|indeed|therefore)?\W*",
        span[: first.start],
        re.IGNORECASE,
    )
    if led:
        value, clear = _leading(span, numbers)
        if value is not None:
            return value, clear
    if (equals := span.rfind("=")) >= 0:
        result = quantity.find(span, equals + 1)
        if result is not None and not re.search(r"\w", span[equals + 1 : result.start]):
            return result, True
    return first, False


def _leading(span: str, numbers: list[quantity.Quantity]) -> tuple[quantity.Quantity | None, bool]:
    """The span's first number, unless it only opens an expression (None) or a list (not clear)."""
    first = numbers[0]
    clause = _CLAUSE.search(span, first.end)
    limit = clause.start() if clause else len(span)
    for number in numbers[1:]:
        if number.start >= limit:
            break
        between = span[first.end : number.start]
        if _UNIT_POWER.fullmatch(between):
            continue
        signed = number.text[:1] in "-−–+"
        if "=" in between or _OPERATOR.fullmatch(between) or (signed and not re.search(r"\w", between)):
            return None, False
        if _LIST.search(between) and number.value != first.value:
            return first, False
    return first, True


def _bare_number(cleaned: str) -> quantity.Quantity | None:
    """The whole text is one number, with at most a unit behind it: "19", "$19.50", "19 apples"."""
    text = cleaned.strip().rstrip(".").strip()
    if len(text) > 60 or "\n" in text:
        return None
    text = extract.unwrap(text)
    value = quantity.find(text)
    if value is None:
        spoken = quantity.words(text)
        return spoken if spoken and spoken.end == len(text) else None
    unit = text[value.end :].strip()
    alone = value.start == 0 and len(unit.split()) <= 2 and not re.search(r"[\d=+*/√(^\\]", unit)
    return value if alone else None


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
        picked, suffix = _bare_choice(text, question.choices)
        if picked:
            return _decided(gold in picked, gold if gold in picked else picked[0], "bare" + suffix)
    return _verdict("unparsed", None, NONE)


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
    read = [_bare_number(choice) for choice in choices]
    picked = [LETTERS[i] for i, number in enumerate(read) if number is not None and number.value == value.value]
    return picked if len(picked) == 1 else []


def _bare_choice(text: str, choices: tuple[str, ...]) -> tuple[list[str], str]:
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
    return _ARTICLE.sub("", words)


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
