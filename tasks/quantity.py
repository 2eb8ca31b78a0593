"""Numbers as people and models write them, read as exact rationals.

Read: 1,000  $51.00  -3  1/2  2 1/2  2½  1\\frac{1}{2}  20%  1.5 million  5 dollars and 50 cents  1e3; and in words
eighteen  two hundred and six  two-thirds  three and a half.
"""

import re
import unicodedata
from dataclasses import dataclass
from fractions import Fraction

MAX_DIGITS = 400  # longer digit strings are no answers, and Python refuses to convert them
_SPACE = r"[ \u00a0\u2009\u202f]"
_NUMBER = re.compile(
    rf"""(?P<sign>[-−–+])?{_SPACE}?(?:\\?[$£€¥₹]{_SPACE}?|(?:Rs\.?|USD|US\$)\s?)?(?P<sign2>[-−])?
    (?:(?P<before>\d+(?:\\[ ,;!]|{_SPACE})*)?\\[cdt]?frac\s*
         (?:\{{\s*(?P<top>-?\d+)\s*\}}\s*\{{\s*(?P<bottom>\d+)\s*\}}|(?P<stop>\d)\s*(?P<sbottom>\d))
      |(?P<vwhole>\d+)?{_SPACE}?(?P<vulgar>[¼-¾⅐-⅞])
      |(?P<whole>\d+){_SPACE}+(?P<mtop>\d+)\s*[/⁄∕]\s*(?P<mbottom>\d+)(?![\d.])
      |(?P<num>\d{{1,3}}(?:(?:,|\{{,\}}|\\,|,\\!\s?|[\u00a0\u2009\u202f])\d{{3}})+(?!\d)(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)
       (?P<exp>[eE][-+]?\d{{1,3}}(?![\w.]))?
       (?:\s?[/⁄∕]\s?(?P<over>\d+)(?![\d.,]*\d*/))?
    )
    (?P<percent>\s?(?:\\?%|percent\b|per\scent\b))?
    (?:\s(?P<scale>thousand|million|billion|trillion)s?\b)?""",
    re.VERBOSE | re.IGNORECASE,
)
_SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_CENTS = re.compile(r"\s*dollars?\s+and\s+(\d{1,2})\s+cents?\b", re.IGNORECASE)
_ONES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
_TEENS = ["thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"]
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_WORDS = {word: n for n, word in enumerate(_ONES + _TEENS)} | {word: 20 + 10 * n for n, word in enumerate(_TENS)}
_WORD = re.compile(rf"(?:{'|'.join([*_WORDS, 'hundred', 'thousand', 'million'])})\b", re.IGNORECASE)
_PARTS = {"half": 2, "third": 3, "fourth": 4, "quarter": 4, "fifth": 5, "sixth": 6, "eighth": 8, "tenth": 10}
_PART = re.compile(rf"[\s-](?:({'|'.join(_PARTS)})(s)?|(halves))\b", re.IGNORECASE)
_AND_A_HALF = re.compile(r"\s+and\s+(?:a|one)[\s-]half\b", re.IGNORECASE)
_ARTICLE = re.compile(r"an?\s+(?=(?:hundred|thousand|million|half)\b(?!-))|(?=half\b(?!-))", re.IGNORECASE)
_JOIN = re.compile(r"[\s-]+(?:and\s+)?")


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number found in a text: its exact value, the text it was read from, and where. `percent`: a % sign followed."""

    value: Fraction
    text: str
    start: int
    end: int
    percent: bool = False

    def equals(self, gold: "Gold") -> bool:
        """Equal to the gold answer, exactly or as far as the gold was rounded; 20% equals 20 and 0.2."""
        values = (self.value, self.value / 100) if self.percent else (self.value,)
        return any(gold.accepts(value) for value in values)


@dataclass(frozen=True, slots=True)
class Gold:
    """A gold number. `decimals` counts its decimal places after trailing zeros: only those of a rounded decimal.

    An answer with more decimals than the gold is right when it rounds to it (half up or half even); an integer gold
    accepts nothing but itself, and so does a fraction.
    """

    value: Fraction
    decimals: int

    def accepts(self, value: Fraction) -> bool:
        if value == self.value:
            return True
        # |answer - gold| <= half a unit of the gold's last decimal place
        return self.decimals > 0 and 2 * abs(value - self.value) * 10**self.decimals <= 1


def find(text: str, start: int = 0) -> Quantity | None:
    """The first number written in digits at or after `start`."""
    for match in _NUMBER.finditer(text, start):
        quantity = _read(match)
        if quantity is not None:
            return quantity
    return None


def find_all(text: str) -> list[Quantity]:
    """All numbers written in digits, in order."""
    found: list[Quantity] = []
    while quantity := find(text, found[-1].end if found else 0):
        found.append(quantity)
    return found


def words(text: str) -> Quantity | None:
    """A number written in words at the start of `text`: "eighteen", "two hundred and six", "two-thirds", "a half"."""
    total = current = 0
    article = _ARTICLE.match(text)
    position, end = article.end() if article else 0, -1
    if article and text[position : position + 4].lower() == "half":
        return Quantity(Fraction(1, 2), text[: position + 4], 0, position + 4)
    while match := _WORD.match(text, position):
        word = match.group().lower()
        if word == "hundred":
            current = max(current, 1) * 100
        elif word in _SCALES:
            total, current = total + max(current, 1) * _SCALES[word], 0
        else:
            current += _WORDS[word]
        end = match.end()
        join = _JOIN.match(text, end)
        if join is None:
            break
        position = join.end()
    if end < 0:
        return None
    value = Fraction(total + current)
    if half := _AND_A_HALF.match(text, end):
        value, end = value + Fraction(1, 2), half.end()
    elif (part := _PART.match(text, end)) and (value == 1) != bool(part.group(2) or part.group(3)):
        name = "half" if part.group(3) else part.group(1).lower()
        if name != "quarter" or value == 3 or text[end] == "-":  # two quarters are coins
            value, end = value / _PARTS[name], part.end()
    return Quantity(value, text[:end], 0, end)


def gold(text: str) -> Gold | None:
    """A gold answer as a number; None where it is not one number and nothing else (units and signs of money apart)."""
    stripped = text.strip()
    quantity = find(stripped)
    if quantity is None or quantity.start != 0 or re.search(r"\d", stripped[quantity.end :]):
        return None
    plain = re.fullmatch(r"[^\d.]*[\d,]*\.(\d+)[^\d]*", quantity.text)
    decimals = len(plain.group(1).rstrip("0")) if plain and "/" not in quantity.text else 0
    return Gold(quantity.value, decimals)


def _read(match: re.Match[str]) -> Quantity | None:
    if len(match.group()) > MAX_DIGITS:
        return None
    part = match.groupdict()
    try:
        if part["top"] or part["stop"]:
            value = Fraction(int(part["top"] or part["stop"]), int(part["bottom"] or part["sbottom"]))
            if part["before"]:
                value += int(re.sub(r"\D", "", part["before"]))
        elif part["vulgar"]:
            value = Fraction(unicodedata.numeric(part["vulgar"])).limit_denominator(10) + int(part["vwhole"] or 0)
        elif part["whole"] is not None:
            value = int(part["whole"]) + Fraction(int(part["mtop"]), int(part["mbottom"]))
        else:
            value = Fraction(re.sub(r"[^\d.]", "", part["num"]) + (part["exp"] or ""))
            if part["over"] is not None:
                value /= int(part["over"])
    except (ZeroDivisionError, ValueError):
        return None
    negative = (part["sign"] or "+") in "-−–" or part["sign2"] is not None
    value = -value if negative else value
    if part["scale"]:
        value *= _SCALES[part["scale"].lower()]
    end = match.end()
    cents = _CENTS.match(match.string, end)
    if cents and value.denominator == 1:
        value, end = value + Fraction(int(cents.group(1)), 100), cents.end()
    return Quantity(value, match.string[match.start() : end].strip(), match.start(), end, part["percent"] is not None)
