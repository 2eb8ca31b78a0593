"""The equations of a rationale: its path (with numbers), its plan (numbers abstracted) and its intermediate results."""

import re
from collections.abc import Sequence

# One pass, linear in the text: a number, a sign, what may stand between them, or a break.
_PIECE = re.compile(r"(\d+(?:,\d{3})*(?:\.\d+)?)|([-+*/×÷·^()=−])|([ \t$€£%]+)|[^-+*/×÷·^()=−\d \t$€£%]+")
# What an equation can be made of; between such stretches lie only breaks.
_STRETCH = re.compile(r"[-+*/×÷·^()=−\d$€£%][-+*/×÷·^()=−\d \t$€£%.,]*")
_SIGNS = {"×": "*", "·": "*", "÷": "/", "−": "-"}

Equations = Sequence[Sequence[str]]


def equations(text: str) -> list[list[str]]:
    """Runs of numbers and signs with a number on both sides of an equals sign; a chain a = b = c is one. Numbers are
    written one way: 1,200.50 is 1200.5."""
    if "=" not in text:
        return []
    found: list[list[str]] = []
    run: list[str] = []

    def close() -> None:
        while run and run[-1] in "+-*/^(=":
            run.pop()
        while run and run[0] in "+*/^)=":
            del run[0]
        if "=" in run and any(t[0].isdigit() for t in run[: run.index("=")]):
            found.append(run.copy())
        run.clear()

    for stretch in _STRETCH.findall(text):
        if "=" not in stretch:
            continue
        for number, sign, space in _PIECE.findall(stretch):
            if number:
                if run and (run[-1] == ")" or run[-1][0].isdigit()):
                    close()
                run.append(_plain(number))
            elif sign:
                run.append(_SIGNS.get(sign, sign))
            elif not space:
                close()
        close()
    return found


def path(found: Equations) -> str:
    """The equations in order, operands of a bare sum or product sorted: 16 + 4 = 20 is 4 + 16 = 20. Empty without
    one."""
    return "; ".join("=".join(_sorted(side) for side in _sides(tokens)) for tokens in found)


def plan(found: Equations) -> tuple[str, ...]:
    """The equations in order, every number replaced by the place where it first appears among them.

    "4 + 16 = 20 ... 20 - 3 = 17" and "5 + 1 = 6 ... 6 - 2 = 4" are one plan: ("a+b=c", "c-d=e").
    """
    names: dict[str, str] = {}
    return tuple(
        "".join(names.setdefault(t, _letters(len(names))) if t[0].isdigit() else t for t in tokens) for tokens in found
    )


def intermediate(found: Equations) -> set[str]:
    """The distinct numbers that the equations lead to: what stands alone on a side behind an equals sign."""
    return {side[0] for tokens in found for side in _sides(tokens)[1:] if len(side) == 1 and side[0][0].isdigit()}


def _sides(tokens: Sequence[str]) -> list[list[str]]:
    sides: list[list[str]] = [[]]
    for token in tokens:
        if token == "=":
            sides.append([])
        else:
            sides[-1].append(token)
    return sides


def _sorted(side: Sequence[str]) -> str:
    for sign in "+*":
        if len(side) > 1 and all((t == sign) if i % 2 else t[0].isdigit() for i, t in enumerate(side)):
            return sign.join(sorted(side[::2], key=lambda t: (len(t), t)))
    return "".join(side)


def _plain(number: str) -> str:
    number = number.replace(",", "")
    return number.rstrip("0").rstrip(".") if "." in number else number


def _letters(i: int) -> str:
    """a, b, ... z, aa, ab, ..."""
    name = ""
    i += 1
    while i:
        i, rest = divmod(i - 1, 26)
        name = chr(97 + rest) + name
    return name
