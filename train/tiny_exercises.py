"""What `tiny` reads before it ever sees a rationale: bare sums, one-step statements in its own wordings, and copying.

No statement follows a wording of `arith` (tasks/datasets/arith_grammar.py), and no result is carried from one statement
to the next: there is not one worked solution. What to say of the statements is asked at the end of the text. Copying
is of random words, so that every token is read and written. Numbers obey arith's limits. Only the results are learned
from: names and operands are drawn at random, and fitting them is fitting noise (docs/design/03-tiny-student.md).
"""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ..tasks.datasets.arith import MAX_FACTOR, MAX_TOTAL, MIN_OPERAND, is_held_out, pair_of
from ..tasks.datasets.arith_grammar import NAMES, OBJECTS

SHARES = {"sum": 0.12, "statements": 0.68, "copy": 0.20}
N_STATEMENTS = {1: 0.3, 2: 0.35, 3: 0.35}
ONE_PERSON_SHARE = 0.6  # statements all about one person: only their order tells them apart
COPIED_WORDS = (4, 16)

HAD = (
    "{a} had {n} {o}.",
    "{a} began with {n} {o}.",
    "{a} brought {n} {o}.",
    "{a} owned {n} {o}.",
    "In the bag of {a} lay {n} {o}.",
    "First {a} held {n} {o}.",
)
UP = (
    "{a} finds {m} more.",
    "{a} buys {m}.",
    "{a} gets {m} from {b}.",
    "{b} gives {a} {m}.",
    "Then {a} picks up {m}.",
    "{a} wins {m} in a game.",
    "{a} earns {m} more.",
    "Later {a} receives {m}.",
    "{b} had {m} more than {a}.",
)
DOWN = (
    "{a} gives {m} to {b}.",
    "{a} loses {m}.",
    "{a} sells {m}.",
    "{a} gives away {m}.",
    "{b} takes {m} from {a}.",
    "Then {a} throws out {m}.",
    "{a} lends {m} to {b}.",
    "Later {a} drops {m}.",
    "{b} had {m} fewer than {a}.",
)
TIMES = (
    "{a} had {n} boxes, each with {m} {o}.",
    "{a} filled {n} bags, each with {m} {o}.",
    "{a} brought {n} packs, each of {m} {o}.",
)
# What is asked about each statement, and what there is to say.
SAY = {
    "Equation?": "{n} {sign} {m} = {x}.",
    "Change?": "{sign} {m}: {n} {sign} {m} = {x}.",
    "Who?": "{a}: {n} {sign} {m} = {x} {o}.",
    "Signs?": "{n} {sign} {m}.",
    "Numbers?": "{n}, {m}.",
}
# Words that rationales are made of, one by one and in no order.
_TALK = """
The answer is Add Plus Put Subtract Minus Take Multiply times With gives to it by away less more from so has
have gains gain loses loss After brings leaves leave come parts receives starts start at first holds Facts: We
know: Given: need Work out All in one: groups group make hold together That above below than which fewer Both
both In Gains Losses sides eats up part of remain gained lost makes Let be Call what them says x = a b c d
Check: Looking back: Indeed So end How many does do are there the number gaining losing other words: short:
differently: What lose added subtracted multiplied asks for takes off adds now then and find found equals
total sum because therefore each step Step left still this way
"""
WORDS = tuple(_TALK.split())


@dataclass(frozen=True, slots=True)
class Exercise:
    """A text to read and the results to give: the loss is on `results` alone."""

    text: str
    results: str


def exercises(seed: int, shares: Mapping[str, float] = SHARES) -> Iterator[Exercise]:
    """Endless exercises, the same for the same seed; `shares` of sums, statements and copies."""
    rng = random.Random(seed)
    makers = {"sum": _sum, "statements": _statements, "copy": _copy}
    while True:
        exercise = makers[rng.choices(list(shares), list(shares.values()))[0]](rng)
        if not breaks_the_wall(exercise.text):
            yield exercise


def breaks_the_wall(text: str) -> bool:
    """True where a text's statements and operands belong to arith's test split."""
    wordings, operands = pair_of(text)
    return bool(wordings) and is_held_out(wordings, operands)


def _operation(rng: random.Random) -> tuple[str, int, int, int]:
    """(sign, left, right, result) within arith's limits."""
    if rng.random() < 0.1:
        n = rng.randint(MIN_OPERAND, MAX_FACTOR)
        m = rng.randint(MIN_OPERAND, min(MAX_FACTOR, MAX_TOTAL // n))
        return "*", n, m, n * m
    while True:
        n, after = rng.randint(0, MAX_TOTAL), rng.randint(0, MAX_TOTAL)
        if abs(after - n) >= MIN_OPERAND:
            return ("+" if after > n else "-"), n, abs(after - n), after


def _sum(rng: random.Random) -> Exercise:
    sign, n, m, result = _operation(rng)
    return Exercise(f"{n} {sign} {m} =", f" {result}")


def _statements(rng: random.Random) -> Exercise:
    texts, results = [], []
    asked = rng.choice(list(SAY))
    one_person = rng.sample(NAMES, 2) if rng.random() < ONE_PERSON_SHARE else None
    for _ in range(rng.choices(list(N_STATEMENTS), list(N_STATEMENTS.values()))[0]):
        sign, n, m, result = _operation(rng)
        a, b = one_person or rng.sample(NAMES, 2)
        o = rng.choice(OBJECTS)
        wording = rng.choice(TIMES) if sign == "*" else f"{rng.choice(HAD)} {rng.choice(UP if sign == '+' else DOWN)}"
        texts.append(wording.format(a=a, b=b, o=o, n=n, m=m))
        results.append(SAY[asked].format(a=a, n=n, sign=sign, m=m, x=result, o=o))
    return Exercise(f"{' '.join(texts)} {asked}\n", " ".join(results))


def _copy(rng: random.Random) -> Exercise:
    text = " ".join(_word(rng) for _ in range(rng.randint(*COPIED_WORDS)))
    return Exercise(f"{text}\n", text)


def _word(rng: random.Random) -> str:
    kind = rng.random()
    if kind < 0.6:
        return rng.choice(WORDS) + rng.choice(("", "", "", ".", ",", ":"))
    if kind < 0.8:
        return str(rng.randint(0, MAX_TOTAL)) + rng.choice(("", "", ".", ":", "?"))
    return rng.choice(rng.choice((NAMES, OBJECTS))) + rng.choice(("", "", "."))
