"""Known data sets brought into the store: read from their owners' files or the hub, written split by split."""

from pathlib import Path

from ..errors import ConfigError
from ..tasks.datasets.registry import load_questions
from ..tasks.values import Question
from .questions import add_questions
from .store import Store

Row = tuple[str, str, int, int, str]  # data set, split, questions, new ones, note


def load_dataset(
    store: Store,
    name: str,
    *,
    split: str | None = None,
    source: Path | None = None,
    paper: Path | None = None,
    strict: bool = True,
) -> list[Row]:
    """Load one data set into the store; one result row per split. With `strict`, nothing loaded is a ConfigError."""
    try:
        result = load_questions(name, split=split, source=source, paper=paper, hub=source is None)
    except ConfigError as error:
        if strict:
            raise
        return [(name, split or "-", 0, 0, f"not loaded: {error}")]
    rows: list[Row] = []
    by_split: dict[str, list[Question]] = {}
    for question in result.questions:
        by_split.setdefault(question.split, []).append(question)
    for part, questions in by_split.items():
        added = add_questions(store, questions)
        note = f"{added.corrected} corrected" if added.corrected else ""
        rows.append((name, part, len(questions), added.new, note))
    for part, file in result.absent.items():
        rows.append((name, part, 0, 0, f"no file {Path(file).name}"))
    return rows
