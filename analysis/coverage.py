"""Coverage: how far each cell is, and which cells the design lacks."""

from collections import defaultdict
from collections.abc import Sequence

from .answers import Answer, NamedQuestion, Row, tabulate
from .labels import recipe_of

COLUMNS = (
    *(
        "dataset",
        "teacher",
        "recipe",
        "got",
        "of",
        "right",
        "wrong",
        "unparsed",
        "strict",
        "unusable",
        "tokens",
        "steps",
    ),
)
STRICT = 'strict: right by the paper\'s rule, the first match of "The answer is X", where a miss counts as wrong'
NEXT = (
    "the store has no cells. Next: "
    "cotdistill generate --teacher builtin-strict --dataset arith, or cotdistill import paper DIR"
)
_HOLES_NAMED = 12


def answer(question: NamedQuestion, found: Sequence[Row]) -> Answer:
    """One row per cell; holes are rows of 0 and are named in the notes."""
    rows = [
        (
            r["dataset"],
            r["teacher"],
            recipe_of(r),
            r["received"],
            r["wanted"],
            r["correct"],
            r["wrong"],
            r["unparsed"],
            r["strict"],
            r["unusable"],
            _rounded(r["mean_tokens"]),
            _rounded(r["mean_steps"]),
        )
        for r in found
    ]
    notes = [] if found else [NEXT]
    missing = sum(r["missing"] for r in found)
    if missing:
        notes.append(f"{missing:,} replies are wanted and missing. Next: the same cotdistill generate again")
    unjudged = sum(r["unjudged"] for r in found)
    if unjudged:
        sets = ", ".join(sorted({r["dataset"] for r in found if r["unjudged"]}))
        notes.append(
            f"{unjudged:,} replies are not judged: their questions are not loaded or have no gold answer ({sets}). "
            f"Next: cotdistill questions load --dataset {sets.split(',')[0]}"
        )
    if found:
        notes.append(
            f"{STRICT}; tokens and steps: means realised by the usable replies, counted by the rules of "
            "tasks/realised.py"
        )
    return tabulate(
        question, COLUMNS, rows, [*notes, *_holes(found)], found, ("dataset", "teacher", "unparsed", "unusable")
    )


def holes(found: Sequence[Row]) -> dict[tuple[str, str], list[str]]:
    """(data set, teacher) -> the recipes that it lacks and others have."""
    lacking: dict[tuple[str, str], set[str]] = defaultdict(set)
    for r in found:
        if not r["wanted"]:
            lacking[r["dataset"], r["teacher"]].add(recipe_of(r))
    return {where: sorted(recipes) for where, recipes in lacking.items()}


def _holes(found: Sequence[Row]) -> list[str]:
    lines = [f"hole: {d} by {t} has no {', '.join(rs)}, others have" for (d, t), rs in holes(found).items()]
    if len(lines) > _HOLES_NAMED:
        lines = [*lines[:_HOLES_NAMED], f"... and {len(lines) - _HOLES_NAMED} more with holes (--json)"]
    return lines


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
