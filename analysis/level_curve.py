"""The level curve of each student: accuracy at each level that was asked for."""

from collections.abc import Sequence

from .answers import Answer, NamedQuestion, Row, tabulate
from .labels import percent, recipe, span

COLUMNS = ("student", "dataset", "split", "teacher", "supervision", "accuracy", "95 %", "n", "runs", "tokens", "steps")
FOLDABLE = ("student", "dataset", "split", "teacher", "n", "runs")
NEXT = "no level is evaluated yet. Next: cotdistill train --student tiny --level 1,3,5, then cotdistill evaluate"


def answer(question: NamedQuestion, found: Sequence[Row]) -> Answer:
    """One row per level of a series, coarse to fine."""
    rows = [
        (
            *(r[k] for k in ("student", "dataset", "split", "teacher")),
            recipe(r["level"], r["format"], r["gold_visible"]),
            percent(r["accuracy"]),
            span(r["low"], r["high"]),
            r["n_questions"],
            r["runs"],
            None if r["mean_tokens"] is None else f"{r['mean_tokens']:.0f}",
            None if r["mean_steps"] is None else f"{r['mean_steps']:.1f}",
        )
        for r in found
    ]
    notes = [NEXT]
    if found:
        notes = [
            "accuracy in percent with Wilson's 95 % interval at n questions (seeds of a level "
            "together; their luck is not in it); "
            "tokens and steps: means realised by the rationales it was taught",
            "whether levels differ: cotdistill analyze levels; which is best: cotdistill analyze best-level",
        ]
    return tabulate(question, COLUMNS, rows, notes, found, FOLDABLE)
