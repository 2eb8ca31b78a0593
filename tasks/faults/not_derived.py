"""not-derived: the announced answer is nowhere in the reasoning, which therefore does not lead to it.

A number: its value is written nowhere beside the announcement, in digits, in words, as a percentage, a fraction or
rounded, and no sum of two numbers that is written there comes to it ("7 - 4 = ? The answer is 3" derives 3). LaTeX:
nothing in the reasoning reads the same.

Choices, truth values and free text are left alone: what they say is paraphrased ("a strong odor" for "smell"), and a
rule that compares words was wrong every other time (docs/design/08-audit.md). So is a number that the text has but
computes nowhere: rounding, units and percentages make it look so.
"""

import ast
import re
from collections.abc import Iterator
from fractions import Fraction

from .. import latex, quantity
from ..intermediate import plain
from .reading import Read

RULE = "not-derived"

_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?|\.\d+")
_WORDS = re.compile(r"[^\W\d_]{2,}")
_N = r"\$?(\d[\d,]*(?:\.\d+)?)"
_UNIT = r"\s*(?:%|percent|°|[a-zA-Z]+(?:/[a-zA-Z]+)?(?:\s[a-z]+)?)?\s*(?:\([^()\d]{1,40}\)|[)\]])?\s*"
_SIGN = r"([-−–+*/×÷x✕∗]|\\times|\\div|\\cdot|plus|minus|times|(?:multiplied|divided)\s+by)"
_PAIR = re.compile(rf"(?=(?<![\d.]){_N}{_UNIT}{_SIGN}\s*[(\[]?{_N})")
_CHAIN = re.compile(r"\(*\d[\d,]*(?:\.\d+)?\)*(?:\s*[-−–+*/×÷]\s*\(*\d[\d,]*(?:\.\d+)?\)*)+")
_FRAGMENT = re.compile(r"\.(?!\d)|[?!;:=\n]")
_NO_SUM = re.compile(r"\([^()\d]*\)|[^\d.,()+*/×÷−–\s-]+")
_TOLD = re.compile(
    rf"\b(subtract|take|add|multiply|divide|sum|difference|product)\w*\b[^.\d]{{0,60}}?{_N}[^.\d]{{0,60}}?"
    rf"\b(?:from|and|to|by|with)\b[^.\d]{{0,60}}?{_N}",
    re.IGNORECASE,
)
_OPERATIONS = {
    **dict.fromkeys(("-", "−", "–", "minus", "subtract", "take", "difference"), "-"),
    **dict.fromkeys(("/", "÷", "\\div", "divided", "divide"), "/"),
    **dict.fromkeys(("+", "plus", "add", "sum"), "+"),
}
_PLAIN = str.maketrans({"−": "-", "–": "-", "×": "*", "÷": "/", "$": None, ",": None})
_LONGEST = 20_000  # characters searched in the slow ways
_LONGEST_CHAIN = 100
_MAX_DIGITS = 30


def fault(read: Read) -> str | None:
    """What is announced and missing from the reasoning; None where it is there, or cannot be looked for."""
    final = read.final
    if final is None or read.answer_only or not final.clear or not _WORDS.search(read.reasoning):
        return None
    if read.question.kind == "number":
        value, spans = Fraction(final.answer), [r.span for r in read.said if r.answer == final.answer]
        derived = any("=" in span or _PAIR.search(span) for span in spans) or _has_number(value, read.reasoning)
    elif read.question.kind == "latex":
        before = read.cleaned[max(0, final.start - 8) : final.start]
        derived = "=" in before or "=" in final.span or final.answer in latex.normalised(read.reasoning)
    else:
        return None
    return None if derived else f"announces {final.answer[:60]}, the reasoning has no {final.answer[:60]}"


def _has_number(value: Fraction, reasoning: str) -> bool:
    size = abs(value)
    written = {plain(digits) for digits in _NUMBER.findall(reasoning)}
    if size.denominator == 1 and str(size.numerator) in written:
        return True
    values = [Fraction(digits) for digits in written if len(digits) <= _MAX_DIGITS]
    if any(v == size or v == 100 * size or 100 * v == size or _rounds(v, size) for v in values):
        return True
    searched = reasoning[:_LONGEST]
    return (
        _in_other_words(value, searched)
        or any(_comes_to(a, sign, b, size) for a, sign, b in _PAIR.findall(searched))
        or any(_comes_to(a, verb, b, size) for verb, a, b in _TOLD.findall(searched))
        or any(evaluate(chain) == size for chain in _chains(searched))
    )


def _rounds(written: Fraction, announced: Fraction) -> bool:
    """Whether one is the other rounded, or rounded up or down to a whole number."""
    if written.denominator == 1:
        return announced.denominator != 1 and abs(written - announced) < Fraction(1, 2)
    return abs(written - announced) < (1 if announced.denominator == 1 else Fraction(1, 100))


def _in_other_words(value: Fraction, reasoning: str) -> bool:
    if any(q.value == value or (q.percent and q.value == 100 * value) for q in quantity.find_all(reasoning)):
        return True
    starts = (match.start() for match in re.finditer(r"\b[a-zA-Z]", reasoning))
    return any((q := quantity.words(reasoning[at : at + 60])) is not None and q.value == value for at in starts)


def _comes_to(first: str, sign: str, second: str, size: Fraction) -> bool:
    """Whether two written numbers, taken as the sign or the verb says, make the announced one; in either order."""
    if max(len(first), len(second)) > _MAX_DIGITS:
        return False
    a, b = Fraction(plain(first)), Fraction(plain(second))
    match _OPERATIONS.get(sign.split()[0].lower(), "*"):
        case "-":
            return abs(a - b) == size
        case "+":
            return a + b == size
        case "/":
            return (b != 0 and a / b == size) or (a != 0 and b / a == size)
        case _:
            return a * b == size


def _chains(reasoning: str) -> Iterator[str]:
    """Sums without the units in them: "6 hours (English) + 7 hours" is "6 + 7"."""
    for fragment in _FRAGMENT.split(reasoning):
        if any(sign in fragment for sign in "-−–+*/×÷"):
            yield from _CHAIN.findall(_NO_SUM.sub(" ", fragment))


def evaluate(chain: str) -> Fraction | None:
    """The value of sums like "(13 + 12) - 21"; None where it is no whole expression, or a long one."""
    plain_signs = chain.translate(_PLAIN).strip().rstrip(".")
    if len(plain_signs) > _LONGEST_CHAIN:
        return None
    try:
        return _value(ast.parse(plain_signs, mode="eval").body)
    except (SyntaxError, ValueError, ZeroDivisionError, RecursionError, MemoryError):
        return None


def _value(node: ast.expr) -> Fraction:
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return Fraction(str(node.value))
    if isinstance(node, ast.BinOp):
        a, b = _value(node.left), _value(node.right)
        match node.op:
            case ast.Add():
                return a + b
            case ast.Sub():
                return a - b
            case ast.Mult():
                return a * b
            case ast.Div():
                return a / b
    raise ValueError
