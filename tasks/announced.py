"""Which number a span of text announces: the one number that is its answer, or none that is clear.

Pure reading; tasks/grading.py decides what the number is worth.
"""

import re

from . import extract, quantity

# After the announced number, what follows one of these is a reason or a condition, not another part of the answer.
_CLAUSE = re.compile(
    r"\b(?:because|since|as|which|where|when|after|before|so|if|per|out\s+of|from|in|than|of|for|at|on|with|given|not|rather|instead|i\.e)\b|[(;]",
    re.IGNORECASE,
)
_MINUS = re.compile(r"^(\W*)(?:minus|negative)\s+(?=[\d$£€.])", re.IGNORECASE)
_LIST = re.compile(r"(?:\band\b|\bor\b|,|&)\s*[^\d,;.]{0,30}$", re.IGNORECASE)
_OPERATOR = re.compile(
    r"\s*(?:[a-zA-Z$£€%.\s]{0,20}?)\s*(?:[-+*/×÷xX^−–:]|\b(?:plus|minus|times|divided\s+by|multiplied\s+by)\b|\\times|\\div|\\cdot)\s*\(?[$£€]?$"
)
_UNIT_POWER = re.compile(r"\s*(?:\\?[a-zA-Z]+\{?\s*){1,2}\}?\s*\^\{?")


def announced_number(span: str) -> tuple[quantity.Quantity | None, bool]:
    """The number a span announces, and whether it is clear that it is the one.

    "594 / 3 = 198 pages" announces 198; "18 dollars, since 2 * 9 = 18" 18; "John has 7 left" 7, as the only number
    there; "5 apples and 3 oranges" and "16 - 3" nothing clear.
    """
    span = _MINUS.sub(r"\1-", span)
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
    if clause and clause.group() == "(" and _OPERATOR.fullmatch(span[first.end : clause.end()]):
        return None, False  # "79 - (24 + 51) = 4"
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


def bare_number(cleaned: str) -> quantity.Quantity | None:
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
