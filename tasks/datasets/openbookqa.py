"""OpenBookQA (Mihaylov et al. 2018): elementary science with four choices."""

from ..values import Question
from .spec import DatasetSpec, HubSource, Row, listed_row, written_row


def parse(row: Row, split: str, source: str) -> Question:
    """The paper's files write stem and choices as one text, the hub keeps them apart; both give one question."""
    if "instruction" in row:
        return written_row(row, "openbookqa", split, "choice", source)
    return listed_row(row, "openbookqa", split, source, "question_stem")


SPEC = DatasetSpec(
    name="openbookqa",
    kind="choice",
    splits=("train", "test"),
    licence="Apache-2.0",
    licence_from="github.com/allenai/OpenBookQA",
    home="allenai.org/data/open-book-qa",
    parse=parse,
    local={"test": "openbookqa/openbookQA_test.json"},
    paper={"train": "openbookQA_onlyans.json"},
    hub=HubSource(
        "allenai/openbookqa",
        "388097ea7776314e93a529163e0fea805b8a6454",
        {"train": ("main/train-00000-of-00001.parquet",), "test": ("main/test-00000-of-00001.parquet",)},
    ),
    licence_note="the hub's card of allenai/openbookqa says `unknown`: check before publishing",
)
