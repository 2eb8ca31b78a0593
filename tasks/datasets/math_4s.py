"""math-4s: 500 test problems of the four MATH subjects that the paper uses.

The paper tests on problems of Prealgebra, Algebra, Counting & Probability and Number Theory; which ones, it never
published. This is a seeded draw from all 3,072 test problems of those subjects: like the paper's own, not those.
"""

from .. import keys
from ..normalise import normalise
from ..values import Question
from .math import HUB_REPOSITORY, HUB_REVISION, LICENCE_NOTE, hub_files, read
from .spec import DatasetSpec, HubSource, Row

SUBJECTS = frozenset({"Prealgebra", "Algebra", "Counting & Probability", "Number Theory"})
N_DRAWN = 500
SEED = 2502


def parse(row: Row, split: str, source: str) -> Question:
    """One MATH problem under this data set's name."""
    return read(row, split, source, "math-4s")


def select(questions: list[Question]) -> list[Question]:
    """The draw: the 500 problems whose seeded hash is smallest, so that no file order or library version matters."""
    four = [question for question in questions if question.subject in SUBJECTS]
    ranked = sorted(four, key=lambda q: keys.digest("math-4s", SEED, normalise(q.text)))
    drawn = {question.key for question in ranked[:N_DRAWN]}
    return [question for question in four if question.key in drawn]


SPEC = DatasetSpec(
    name="math-4s",
    kind="latex",
    splits=("test",),
    licence="MIT",
    licence_from="github.com/hendrycks/math",
    home="github.com/hendrycks/math",
    parse=parse,
    local={"test": "math/test.jsonl"},
    hub=HubSource(
        HUB_REPOSITORY,
        HUB_REVISION,
        {"test": hub_files("test", ("algebra", "counting_and_probability", "number_theory", "prealgebra"))},
    ),
    select=select,
    note="a seeded draw of 500 from the 3,072 test problems of the paper's four subjects; not the paper's own items",
    licence_note=LICENCE_NOTE,
)
