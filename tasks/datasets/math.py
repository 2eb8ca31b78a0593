"""MATH (Hendrycks et al. 2021): competition problems with LaTeX answers, in seven subjects and five levels."""

import re

from ..extract import braced
from ..values import Question
from .spec import DatasetSpec, HubSource, Row, RowError, text_of

SUBJECTS = (
    "algebra",
    "counting_and_probability",
    "geometry",
    "intermediate_algebra",
    "number_theory",
    "prealgebra",
    "precalculus",
)
HUB_REPOSITORY = "EleutherAI/hendrycks_math"
HUB_REVISION = "21a5633873b6a120296cce3e2df9d5550074f4a3"
_BOXED = re.compile(r"\\(?:boxed|fbox)\s*")


def hub_files(split: str, subjects: tuple[str, ...] = SUBJECTS) -> tuple[str, ...]:
    """The hub keeps one file per subject and split."""
    return tuple(f"{subject}/{split}-00000-of-00001.parquet" for subject in subjects)


def boxed_answer(solution: str) -> str:
    """What the last box of a worked solution holds. RowError where there is none."""
    marks = list(_BOXED.finditer(solution))
    if not marks:
        raise RowError("the solution has no \\boxed answer")
    rest = solution[marks[-1].end() :]
    answer = braced(rest) if rest.startswith("{") else re.split(r"[\s$.]", rest, maxsplit=1)[0]
    if not answer or not answer.strip():
        raise RowError("the solution's \\boxed answer is empty or never closed")
    return answer.strip()


def read(row: Row, split: str, source: str, dataset: str) -> Question:
    """Subject and level are kept: "Algebra", "Level 3"."""
    answer = row.get("answer")
    gold = answer.strip() if isinstance(answer, str) and answer.strip() else boxed_answer(text_of(row, "solution"))
    level = row.get("level")
    return Question(
        dataset,
        split,
        text_of(row, "problem").strip(),
        "latex",
        gold,
        subject=row.get("type", row.get("subject")),
        difficulty=f"Level {level}" if isinstance(level, int) else level,
        source=source,
    )


def parse(row: Row, split: str, source: str) -> Question:
    """One MATH problem."""
    return read(row, split, source, "math")


LICENCE_NOTE = "the hub disabled hendrycks/competition_math after a DMCA notice: check before publishing"

SPEC = DatasetSpec(
    name="math",
    kind="latex",
    splits=("train", "test"),
    licence="MIT",
    licence_from="github.com/hendrycks/math",
    home="github.com/hendrycks/math",
    parse=parse,
    local={"train": "math/train.jsonl", "test": "math/test.jsonl"},
    hub=HubSource(HUB_REPOSITORY, HUB_REVISION, {split: hub_files(split) for split in ("train", "test")}),
    licence_note=LICENCE_NOTE,
)
