"""SVAMP (Patel et al. 2021): one-step word problems with varied wording.

Its owners publish 1,000 problems; the paper trains on 700 of them and tests on the other 300. Which is which ships here
as keys (svamp_train.txt, made by split_keys.py from the paper's released answers).
"""

from functools import cache
from pathlib import Path

from ..values import Question
from .spec import DatasetSpec, HubSource, Row, number_of, text_of


@cache
def train_keys() -> frozenset[str]:
    """Question keys of the 700 training problems."""
    lines = Path(__file__).with_name("svamp_train.txt").read_text(encoding="utf-8").splitlines()
    return frozenset(line for line in lines if line and not line.startswith("#"))


def split_of(question: Question) -> str:
    """ "train" for the 700, "test" for every other problem."""
    return "train" if question.key in train_keys() else "test"


def parse(row: Row, split: str, source: str) -> Question:
    """Body and Question joined as the paper joins them: with a full stop where the body ends without one."""
    body, asked = text_of(row, "Body").strip(), text_of(row, "Question").strip()
    text = f"{body}{'' if body.endswith(('.', '?', '!', ',')) else '.'} {asked}"
    kind = row.get("Type")
    return Question("svamp", split, text, "number", number_of(row.get("Answer")), subject=kind, source=source)


SPEC = DatasetSpec(
    name="svamp",
    kind="number",
    splits=("train", "test"),
    licence="MIT",
    licence_from="LICENSE of github.com/arkilpatel/SVAMP",
    home="github.com/arkilpatel/SVAMP",
    parse=parse,
    local={"train": "svamp/SVAMP.json", "test": "svamp/SVAMP.json"},
    hub=HubSource(
        "ChilleD/SVAMP",
        "5e0bf1e5e7c0e9c4bc39180d224f41f3f801b7ef",
        {"train": ("train.json", "test.json"), "test": ("train.json", "test.json")},
    ),
    split_of=split_of,
    note="700 + 300 by the question keys of the paper's split, whichever file a problem is in",
)
