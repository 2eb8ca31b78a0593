"""lost-newlines: sentences or steps are glued together where a line break was.

"... in total.The answer is 33", "x = 15The answer", "pushups.2. Identify". Where a glued item could be a decimal
("35.2. Identify"), the item before it must be there. Abbreviations ("U.S.Army", "e.g.The", "vs.The"), pages
("Booking.Com") and decimals do not count.
"""

import re

from .reading import Read

RULE = "lost-newlines"

_SEAM = re.compile(r"[.!?][\"')]?(?=([A-Z])|(\d{1,2})[.)]\s+[A-Z\"$(])")
_BEFORE = re.compile(r"(?:[a-z]{2}|[a-z]\d|\d\d|[^\w\s][a-z\d]|\s[a-z\d]|[A-Z]{3}|[)%\]\"'])$")
_AFTER = re.compile(r"[A-Z](?:[a-z]+[\s,'’:]|\s[a-z]|[A-Z]*\s)")
_ABBREVIATION = re.compile(
    r"(?:\b(?:vs|etc|approx|Mr|Mrs|Ms|Dr|St|No|Jr|Sr|Prof|Inc|Ltd|Co|Mt|www)|\b[a-zA-Z]\.[a-zA-Z])$"
)
_NUMBER_SEAM = re.compile(
    r"(?<![\w.,])-?\d+(?:\.\d+)?(?=(?:The|Therefore|So|Thus|Hence|Then|Now|Next|Finally|Step|First|Second|This|Since|To|We)\b)"
)
_PAGE = frozenset(("Com", "Org", "Net", "Gov", "Edu", "Js", "Py", "Html"))


def fault(read: Read) -> str | None:
    """How many places, and the first of them; None where there are none."""
    text = read.text
    places = [m.start() for m in _SEAM.finditer(text) if _is_glued(m, text)]
    places += [m.end() for m in _NUMBER_SEAM.finditer(text)]
    if not places:
        return None
    first = min(places)
    around = " ".join(text[max(0, first - 16) : first + 16].split())
    return f"{len(places)} {'place' if len(places) == 1 else 'places'}: {around}"


def _is_glued(seam: re.Match[str], text: str) -> bool:
    before = text[max(0, seam.start() - 8) : seam.start()]
    if not _BEFORE.search(before) or _ABBREVIATION.search(before):
        return False
    if seam.group(1):
        after = _AFTER.match(text, seam.end())
        return after is not None and after.group().strip(" ,'’:\n") not in _PAGE
    item = int(seam.group(2))
    if not before[-1:].isdigit():
        return item > 0
    return item > 1 and re.search(rf"(?<!\d){item - 1}[.)]\s", text[: seam.start()]) is not None
