"""GSM8K (Cobbe et al. 2021): grade-school word problems of two to eight steps."""

from ..values import Question
from .spec import DatasetSpec, HubSource, Row, RowError, number_of, text_of, written_row


def parse(row: Row, split: str, source: str) -> Question:
    """The gold answer stands behind "####" at the end of the worked solution."""
    if "instruction" in row:
        return written_row(row, "gsm8k", split, "number", source)
    worked = text_of(row, "answer")
    if "####" not in worked:
        raise RowError("the answer has no '####'")
    gold = number_of(worked.rsplit("####", 1)[1])
    return Question("gsm8k", split, text_of(row, "question").strip(), "number", gold, source=source)


SPEC = DatasetSpec(
    name="gsm8k",
    kind="number",
    splits=("train", "test"),
    licence="MIT",
    licence_from="github.com/openai/grade-school-math",
    home="github.com/openai/grade-school-math",
    parse=parse,
    local={"train": "gsm8k/train.jsonl", "test": "gsm8k/test.jsonl"},
    hub=HubSource(
        "openai/gsm8k",
        "cc7b047b6e5bb11b4f1af84efc572db110a51b3c",
        {"train": ("main/train-00000-of-00001.parquet",), "test": ("main/test-00000-of-00001.parquet",)},
    ),
)
