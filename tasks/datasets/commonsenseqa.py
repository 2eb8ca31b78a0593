"""CommonsenseQA (Talmor et al. 2019): everyday questions with five choices.

The official test answers are not public: the paper tests on the official validation split, and so does `test` here.
"""

from ..values import Question
from .spec import DatasetSpec, HubSource, Row, listed_row, written_row


def parse(row: Row, split: str, source: str) -> Question:
    """The paper's files write stem and choices as one text, the hub keeps them apart; both give one question."""
    if "instruction" in row:
        return written_row(row, "commonsenseqa", split, "choice", source)
    return listed_row(row, "commonsenseqa", split, source, "question")


SPEC = DatasetSpec(
    name="commonsenseqa",
    kind="choice",
    splits=("train", "test"),
    licence="MIT",
    licence_from="the hub's card of tau/commonsense_qa",
    home="www.tau-nlp.org/commonsenseqa",
    parse=parse,
    local={"test": "commonsenseqa/csqa_test.json"},
    paper={"train": "commonsenseQA_onlyans.json"},
    hub=HubSource(
        "tau/commonsense_qa",
        "94630fe30dad47192a8546eb75f094926d47e155",
        {"train": ("data/train-00000-of-00001.parquet",), "test": ("data/validation-00000-of-00001.parquet",)},
    ),
    note="test is the official validation split, as in the paper",
)
