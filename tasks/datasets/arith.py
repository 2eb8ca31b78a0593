"""`arith`: seeded word problems of one to three steps, for a student small enough to learn them on one CPU core.

The test split is held out by (wordings of the statements, operands): a hash of the pair decides the side, so the wall
stands whatever the sizes and seeds, and a pretraining script can obey it too (`is_held_out`, `pair_of`). The split
"far" is worded in sentences that no other split has.
"""

import hashlib
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from ...errors import ConfigError
from ..values import Question
from .arith_grammar import NAMES, OBJECTS, WORDINGS, Kind, Wording, read, sentences

# --- Difficulty: all of it. A change here makes other questions; it calls for new base weights of `tiny`. ---
MIN_OPERAND = 2  # 1 would need singular nouns
MAX_OPERAND = 20
MAX_TOTAL = 20  # of every intermediate and the final result
MAX_FACTOR = 5  # of a multiplication; its product obeys MAX_TOTAL
STEP_SHARES = {1: 0.40, 2: 0.45, 3: 0.15}  # steps: share of problems
PRODUCT_SHARE = 0.10  # problems that open with a multiplication
COMPARISON_SHARE = 0.10  # problems with "{b} has n more than {a}" as their first change
WORDINGS_USED: dict[Kind, int] = {  # the first so many of each kind (arith_grammar.py has 6, 3, 1, 1, 8, 8, 3)
    "start": 6,
    "product": 3,
    "more": 1,
    "fewer": 1,
    "gain": 8,
    "loss": 8,
    "question": 3,
}

SEED = 2502
SIZES = {"train": 20_000, "test": 500, "far": 300}
HELD_OUT_ONE_IN = 10


@dataclass(frozen=True, slots=True)
class Problem:
    """One drawn problem. `wordings` and `operands` of the statements, without the question sentence."""

    text: str
    wordings: tuple[str, ...]
    operands: tuple[int, ...]
    n_steps: int
    answer: int


def is_held_out(wordings: Sequence[str], operands: Sequence[int]) -> bool:
    """True for one in ten (wording ids of the statements, operands) pairs: those belong to the test split alone."""
    text = f"{'|'.join(wordings)}#{','.join(map(str, operands))}"
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") % HELD_OUT_ONE_IN == 0


def pair_of(text: str) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """(wording ids, operands) of the statements in any text; sentences that follow no wording are passed over."""
    found = [s for s in map(read, sentences(text)) if s is not None and s.wording.kind != "question"]
    return tuple(s.wording.id for s in found), tuple(n for s in found for n in s.numbers)


def _by_kind(far: bool) -> dict[Kind, list[Wording]]:
    table: dict[Kind, list[Wording]] = {kind: [] for kind in WORDINGS_USED}
    for wording in WORDINGS:
        if wording.far == far and (far or len(table[wording.kind]) < WORDINGS_USED[wording.kind]):
            table[wording.kind].append(wording)
    return table


def _draw(rng: random.Random, table: dict[Kind, list[Wording]]) -> Problem:
    """One problem; every intermediate lies in 0..MAX_TOTAL."""
    n_steps = rng.choices(list(STEP_SHARES), list(STEP_SHARES.values()))[0]
    person, other, third = rng.sample(NAMES, 3)
    things = rng.choice(OBJECTS)
    used: list[str] = []
    operands: list[int] = []
    text: list[str] = []

    def say(kind: Kind, a: str, b: str, *numbers: int) -> None:
        wording = rng.choice(table[kind])
        slots = {"a": a, "b": b, "o": things, **dict(zip("nm", map(str, numbers), strict=False))}
        text.append(wording.fill(slots))
        if kind != "question":
            used.append(wording.id)
            operands.extend(numbers)

    left = n_steps
    if rng.random() < PRODUCT_SHARE:
        n = rng.randint(MIN_OPERAND, MAX_FACTOR)
        m = rng.randint(MIN_OPERAND, min(MAX_FACTOR, MAX_TOTAL // n))
        total = n * m
        say("product", person, other, n, m)
        left -= 1
    else:
        total = rng.randint(MIN_OPERAND, MAX_OPERAND)
        say("start", person, other, total)
    compare = left > 0 and rng.random() < COMPARISON_SHARE
    for i in range(left):
        reach = [t for t in range(MAX_TOTAL + 1) if MIN_OPERAND <= abs(t - total) <= MAX_OPERAND]
        after = rng.choice(reach)  # uniform totals: no final answer is a good guess
        up, n = after > total, abs(after - total)
        total = after
        if compare and i == 0:
            say("more" if up else "fewer", person, other, n)
            person, other = other, third
        else:
            say("gain" if up else "loss", person, other, n)
    say("question", person, other)
    return Problem(" ".join(text), tuple(used), tuple(operands), n_steps, total)


def problems(split: str, seed: int = SEED) -> Iterator[Problem]:
    """Endless distinct problems of one split ("train", "test", "far"), the same for the same seed."""
    if split not in SIZES:
        raise ConfigError(f"arith has no split {split!r}. Next: use one of {', '.join(SIZES)}")
    rng = random.Random(f"{seed}:{split}")
    table = _by_kind(far=split == "far")
    seen: set[str] = set()
    while True:
        problem = _draw(rng, table)
        wrong_side = split != "far" and is_held_out(problem.wordings, problem.operands) != (split == "test")
        if wrong_side or problem.text in seen:
            continue
        seen.add(problem.text)
        yield problem


def questions(split: str, n: int | None = None, seed: int = SEED) -> list[Question]:
    """The first `n` questions of a split (default SIZES); fewer are a prefix of more. ConfigError: unknown split."""
    size = SIZES.get(split) if n is None else n
    return [
        Question(
            dataset="arith",
            split=split,
            text=problem.text,
            kind="number",
            gold=str(problem.answer),
            subject=_steps(problem.n_steps),
            difficulty=_steps(problem.n_steps),
            source=f"builtin-{seed}-{split}:{row}",
        )
        for row, problem in enumerate(islice(problems(split, seed), size))
    ]


def _steps(n: int) -> str:
    return "1 step" if n == 1 else f"{n} steps"
