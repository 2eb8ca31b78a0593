"""The wordings of the built-in word problems: one sentence per statement, each with what it does to the total.

Used in both directions: `arith.py` fills the wordings, the built-in teacher reads sentences back with `read`. A wording
has an id that never changes; ids and operands decide which side of the train/test wall a problem falls on.
Slots: {a} the person the sentence is about, {b} another person, {n} and {m} numbers, {o} the things counted.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["start", "product", "more", "fewer", "gain", "loss", "question"]

NAMES = ("Tom", "Ann", "Ben", "Mia", "Sam", "Eva", "Leo", "Zoe", "Max", "Ida", "Dan", "Amy")
OBJECTS = ("apples", "coins", "books", "pens", "cards", "shells", "stamps", "beads", "nuts", "balls")


@dataclass(frozen=True, slots=True)
class Wording:
    """One sentence with slots. `kind`: what it says (start {n}; product {n} * {m}; {b} has {n} more or fewer than {a};
    {a} gains or loses {n}; the question). `far`: kept out of training and of the test split."""

    id: str
    kind: Kind
    text: str
    far: bool = False

    def fill(self, slots: Mapping[str, str]) -> str:
        """The sentence with its slots filled; unused slots may be given."""
        return self.text.format_map(slots)


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence as read: its wording and what stood in the slots ("" or 0 where the wording has no such slot)."""

    wording: Wording
    text: str
    a: str
    b: str
    o: str
    numbers: tuple[int, ...]


def _near(kind: Kind, **texts: str) -> tuple[Wording, ...]:
    return tuple(Wording(f"{kind}.{name}", kind, text) for name, text in texts.items())


def _far(kind: Kind, **texts: str) -> tuple[Wording, ...]:
    return tuple(Wording(f"far.{kind}.{name}", kind, text, far=True) for name, text in texts.items())


WORDINGS: tuple[Wording, ...] = (
    *_near(
        "start",
        has="{a} has {n} {o}.",
        starts="{a} starts with {n} {o}.",
        at_first="At first {a} has {n} {o}.",
        owns="{a} owns {n} {o}.",
        bag="There are {n} {o} in the bag of {a}.",
        brings="{a} brings {n} {o}.",
    ),
    *_near(
        "product",
        boxes="{a} has {n} boxes with {m} {o} each.",
        bags="{a} fills {n} bags with {m} {o} each.",
        packs="{a} brings {n} packs of {m} {o}.",
    ),
    *_near("more", than="{b} has {n} more {o} than {a}."),
    *_near("fewer", than="{b} has {n} fewer {o} than {a}."),
    *_near(
        "gain",
        finds="{a} finds {n} more {o}.",
        buys="{a} buys {n} {o}.",
        gets_from="{a} gets {n} {o} from {b}.",
        given="{b} gives {a} {n} {o}.",
        picks="Then {a} picks up {n} {o}.",
        wins="{a} wins {n} {o} in a game.",
        earns="{a} earns {n} more {o}.",
        receives="Later {a} receives {n} {o}.",
    ),
    *_near(
        "loss",
        gives_to="{a} gives {n} {o} to {b}.",
        loses="{a} loses {n} {o}.",
        sells="{a} sells {n} {o}.",
        away="{a} gives away {n} {o}.",
        takes="{b} takes {n} {o} from {a}.",
        throws="Then {a} throws out {n} {o}.",
        lends="{a} lends {n} {o} to {b}.",
        drops="Later {a} drops {n} {o}.",
    ),
    *_near(
        "question",
        now="How many {o} does {a} have now?",
        have="How many {o} does {a} have?",
        end="How many {o} does {a} have in the end?",
    ),
    *_far("start", shelf="{n} {o} lie on the shelf of {a}.", keeps="{a} keeps {n} {o} at home."),
    *_far("product", rows="{a} lays out {n} rows of {m} {o}."),
    *_far("more", beats="{b} counts {n} {o} more than {a} does."),
    *_far("fewer", behind="{b} counts {n} {o} less than {a} does."),
    *_far(
        "gain",
        mail="A parcel brings {a} another {n} {o}.",
        aunt="The aunt of {a} hands over {n} extra {o}.",
        makes="By noon {a} makes {n} new {o}.",
    ),
    *_far(
        "loss",
        break_="In the rain {n} {o} of {a} break.",
        thief="A thief steals {n} {o} from {a}.",
        leaves="{a} leaves {n} {o} behind on the train.",
    ),
    *_far("question", count="What number of {o} belongs to {a} at last?", left="Count the {o} that {a} holds then."),
)

_SLOTS = {"a": r"(?P<a>[A-Z][a-z]+)", "b": r"(?P<b>[A-Z][a-z]+)", "o": r"(?P<o>[a-z]+)"}
_SLOTS |= {"n": r"(?P<n>\d{1,6})", "m": r"(?P<m>\d{1,6})"}


def _pattern(text: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w)\}", text)
    return re.compile("".join(_SLOTS[p] if i % 2 else re.escape(p) for i, p in enumerate(parts)))


_PATTERNS = tuple((wording, _pattern(wording.text)) for wording in WORDINGS)


def read(sentence: str) -> Sentence | None:
    """The wording that a sentence follows and its slots, whatever the names and things. None: no wording fits."""
    for wording, pattern in _PATTERNS:
        if match := pattern.fullmatch(sentence):
            slots = match.groupdict(default="")
            numbers = tuple(int(slots[slot]) for slot in ("n", "m") if slot in slots)
            return Sentence(wording, sentence, slots.get("a", ""), slots.get("b", ""), slots.get("o", ""), numbers)
    return None


def sentences(text: str) -> list[str]:
    """A text's sentences, by their end marks, with white space made single."""
    return re.split(r"(?<=[.?!]) ", " ".join(text.split()))


def singular(n: int, plural: str) -> str:
    """The thing's name after the number `n`: all of OBJECTS have a regular plural."""
    return plural[:-1] if n == 1 else plural
