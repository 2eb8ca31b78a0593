"""MATH-500: the 500 test problems of Lightman et al. 2023 ("Let's Verify Step by Step")."""

from ..values import Question
from .math import LICENCE_NOTE, read
from .spec import DatasetSpec, HubSource, Row


def parse(row: Row, split: str, source: str) -> Question:
    """One problem; its answer is given apart from its solution."""
    return read(row, split, source, "math500")


SPEC = DatasetSpec(
    name="math500",
    kind="latex",
    splits=("test",),
    licence="MIT",
    licence_from="github.com/openai/prm800k",
    home="github.com/openai/prm800k",
    parse=parse,
    local={"test": "math/math500.jsonl"},
    hub=HubSource("HuggingFaceH4/MATH-500", "6e4ed1a2a79af7d8630a6b768ec859cb5af4d3be", {"test": ("test.jsonl",)}),
    note="its problems are among MATH's test split: the leak guard knows them by their words",
    licence_note=LICENCE_NOTE,
)
