"""Lineage: from a question that a student got right to the rationales that it was taught."""

from collections.abc import Sequence

from .answers import Answer, NamedQuestion, Row, tabulate
from .pairs import supervision

COLUMNS = ("student", "run", "seed", "trained on", "rows", "rationale", "likeness", "question it answers")
FOLDABLE = ("student", "trained on", "rows")
NEXT = (
    "no trained run got such a question right. Next: cotdistill analyze lineage --question KEY, with "
    "the start of a key of "
    "cotdistill sql \"SELECT question_key, text FROM question WHERE split = 'test'\""
)
_SHOWN = 60


def answer(question: NamedQuestion, found: Sequence[Row]) -> Answer:
    """One row per run and likest rationale."""
    rows = [
        (
            r["student"],
            r["run_key"][:8],
            r["seed"],
            supervision(r),
            r["n_rows"],
            r["rationale_key"][:12],
            f"{r['likeness']:.2f}",
            _short(r["taught_question"]),
        )
        for r in found
    ]
    if not found:
        return tabulate(question, COLUMNS, rows, [NEXT], found)
    first, runs = found[0], len({r["run_key"] for r in found})
    notes = [
        f"question {first['place']} of {first['dataset']} ({first['question_key'][:12]}): "
        f"{_short(first['question'], 200)} "
        f"Gold: {first['gold']}",
        f"{first['n_right']} of {first['n_answered']} runs got it right; shown {runs}",
        "rows: all rationales that the run was trained on; of these the likest to the question, by "
        "the share of words that the "
        "questions have in common (all of them: corpus_member in cotdistill sql)",
    ]
    return tabulate(question, COLUMNS, rows, notes, found, FOLDABLE)


def _short(text: str, width: int = _SHOWN) -> str:
    text = " ".join(text.split())
    return text if len(text) <= width else text[: width - 3] + "..."
