"""AQuA-RAT (Ling et al. 2017): algebra word problems with five choices."""

from ..choices import option_text
from ..values import Question
from .spec import DatasetSpec, HubSource, Row, RowError, letter_of, text_of, written_row


def parse(row: Row, split: str, source: str) -> Question:
    """Options are listed as "A)6000"; the paper's answer-only file writes them into the instruction."""
    if "instruction" in row:
        return written_row(row, "aqua", split, "choice", source)
    options = row.get("options")
    if not isinstance(options, list) or len(options) < 2:
        raise RowError("column options holds no list of choices")
    choices = tuple(option_text(str(option), i) for i, option in enumerate(options))
    gold = letter_of(row.get("correct"), choices)
    return Question("aqua", split, text_of(row, "question").strip(), "choice", gold, choices, source=source)


SPEC = DatasetSpec(
    name="aqua",
    kind="choice",
    splits=("train", "validation", "test"),
    licence="Apache-2.0",
    licence_from="github.com/google-deepmind/AQuA",
    home="github.com/google-deepmind/AQuA",
    parse=parse,
    local={"validation": "aqua/dev.json", "test": "aqua/test.json"},
    paper={"train": "aqua_only_ans.json"},
    hub=HubSource(
        "deepmind/aqua_rat",
        "33301c6a050c96af81f63cad5562cb5363e88971",
        {
            "train": ("raw/train-00000-of-00001.parquet",),
            "validation": ("raw/validation-00000-of-00001.parquet",),
            "test": ("raw/test-00000-of-00001.parquet",),
        },
    ),
    note="train from the paper's files is its selection; from the hub it is all 97,467 questions",
)
