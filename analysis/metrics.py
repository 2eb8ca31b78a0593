"""Diversity of texts. Pure functions; each is 0 or None where there is nothing to measure.

Longer texts look less diverse by every one of these (arXiv 2507.15092), so compare samples of about equal tokens:
`sample`.
"""

import re
import zlib
from collections.abc import Iterable, Sequence

_TOKEN = re.compile(r"[^\W\d_]+|\d+|[^\w\s]|_")
# One pass, linear in the text: a number, a sign, what may stand between them, or a break.
_PIECE = re.compile(r"(\d+(?:,\d{3})*(?:\.\d+)?)|([-+*/×÷·^()=−])|([ \t$€£%]+)|[^-+*/×÷·^()=−\d \t$€£%]+")
_SIGNS = {"×": "*", "·": "*", "÷": "/", "−": "-"}


def words(text: str) -> list[str]:
    """Lower-case words, numbers and single marks."""
    return _TOKEN.findall(text.lower())


def sample(texts: Iterable[str], n_tokens: int) -> list[str]:
    """The first texts that together have at least `n_tokens` words; all of them where they have fewer."""
    taken: list[str] = []
    total = 0
    for text in texts:
        if total >= n_tokens:
            break
        taken.append(text)
        total += len(words(text))
    return taken


def distinct(texts: Iterable[str], n: int) -> float | None:
    """Distinct n-grams over all n-grams, none across two texts (Li et al. 2016). In (0, 1]; higher is more diverse."""
    seen: set[tuple[str, ...]] = set()
    total = 0
    for text in texts:
        tokens = words(text)
        grams = list(zip(*(tokens[i:] for i in range(n)), strict=False))
        seen.update(grams)
        total += len(grams)
    return len(seen) / total if total else None


def compression_ratio(texts: Sequence[str]) -> float | None:
    """Bytes over zlib-compressed bytes of the texts, a line each (arXiv 2403.00553). Higher is more repetitive."""
    data = "\n".join(texts).encode()
    return len(data) / len(zlib.compress(data, 9)) if data else None


def equation_plan(text: str) -> tuple[str, ...]:
    """The equations of a text in order, every number replaced by the place where it first appears among them.

    "4 + 16 = 20 ... 20 - 3 = 17" and "5 + 1 = 6 ... 6 - 2 = 4" are one plan: ("a+b=c", "c-d=e").
    """
    names: dict[str, str] = {}
    return tuple(
        "".join(names.setdefault(t, _letters(len(names))) if t[0].isdigit() else t for t in tokens)
        for tokens in _equations(text)
    )


def _equations(text: str) -> list[list[str]]:
    """Runs of numbers and signs with a number on both sides of an equals sign; a chain a = b = c is one."""
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

    for piece in _PIECE.finditer(text):
        number, sign, space = piece.groups()
        if number:
            if run and (run[-1] == ")" or run[-1][0].isdigit()):
                close()
            run.append(number.replace(",", ""))
        elif sign:
            run.append(_SIGNS.get(sign, sign))
        elif not space:
            close()
    close()
    return found


def distinct_plans(texts: Iterable[str]) -> tuple[float | None, int]:
    """Distinct equation plans over the texts that have an equation, and how many those are."""
    plans = [plan for text in texts if (plan := equation_plan(text))]
    return (len(set(plans)) / len(plans) if plans else None), len(plans)


def _letters(i: int) -> str:
    """a, b, ... z, aa, ab, ..."""
    name = ""
    i += 1
    while i:
        i, rest = divmod(i - 1, 26)
        name = chr(97 + rest) + name
    return name
