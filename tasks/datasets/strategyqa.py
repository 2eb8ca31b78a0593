"""StrategyQA (Geva et al. 2021): yes/no questions that need several facts.

The official test answers are not public: the paper divides the 2,290 public questions into 2,000 and 290 of its own.
The hub's copy is divided otherwise, so the 290 ship as keys (strategyqa_test.txt, made by split_keys.py).
"""

from functools import cache
from pathlib import Path

from ..values import Question
from .spec import DatasetSpec, HubSource, Row, boolean_of, text_of, written_row


@cache
def test_keys() -> frozenset[str]:
    """Question keys of the 290 test questions."""
    lines = Path(__file__).with_name("strategyqa_test.txt").read_text(encoding="utf-8").splitlines()
    return frozenset(line for line in lines if line and not line.startswith("#"))


def split_of(question: Question) -> str:
    """ "test" for the paper's 290, "train" for every other question."""
    return "test" if question.key in test_keys() else "train"


def parse(row: Row, split: str, source: str) -> Question:
    """True or False; the hub has a truth value, the paper's files the word."""
    if "instruction" in row:
        return written_row(row, "strategyqa", split, "boolean", source)
    gold = boolean_of(row.get("answer"))
    return Question("strategyqa", split, text_of(row, "question").strip(), "boolean", gold, source=source)


_HUB_FILES = ("data/train-00000-of-00001-506370352f622815.parquet", "data/test-00000-of-00001-bae602f3ee37f4ca.parquet")

SPEC = DatasetSpec(
    name="strategyqa",
    kind="boolean",
    splits=("train", "test"),
    licence="MIT",
    licence_from="LICENSE of github.com/eladsegal/strategyqa",
    home="allenai.org/data/strategyqa",
    parse=parse,
    local={"test": "strategyqa/strategyQA_test.json"},
    paper={"train": "strategyQA_onlyans.json"},
    hub=HubSource(
        "ChilleD/StrategyQA",
        "705562638fe1d8ca6bb98c66fc8f94d45fda8c83",
        {"train": _HUB_FILES, "test": _HUB_FILES},
    ),
    split_of=split_of,
    note="2,000 + 290 by the question keys of the paper's split, whichever file a question is in",
)
