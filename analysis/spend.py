"""Spend: what each cell's calls cost."""

from collections.abc import Sequence

from .answers import Answer, NamedQuestion, Row, tabulate
from .labels import recipe_of

COLUMNS = (
    "dataset",
    "teacher",
    "recipe",
    "calls",
    "failed",
    "tokens in",
    "tokens out",
    "usd",
    "unpriced",
    "usd a right one",
)
NEXT = "no teacher was called from this store. Next: cotdistill generate --teacher builtin-strict --dataset arith"


def answer(question: NamedQuestion, found: Sequence[Row]) -> Answer:
    """One row per cell that called a teacher. Dollars with an unpriced call are a lower bound, written `>= 1.20`."""
    rows = [
        (
            r["dataset"],
            r["teacher"],
            recipe_of(r),
            r["calls"],
            r["failed"],
            r["prompt_tokens"],
            r["completion_tokens"],
            dollars(r["usd"], r["calls_unpriced"]),
            r["calls_unpriced"],
            dollars(r["usd_per_correct"], 0),
        )
        for r in found
    ]
    notes = ["tokens as the providers count them; calls whose price nobody knows are counted, not guessed"]
    if any(r["calls_unpriced"] for r in found):
        notes.append("unpriced calls make usd a lower bound. Next: give the teacher a price in its registry entry")
    return tabulate(
        question, COLUMNS, rows, notes if found else [NEXT], found, ("dataset", "teacher", "failed", "unpriced")
    )


def dollars(usd: float | None, n_unpriced: int) -> str:
    """`0.0021`, `>= 1.20` where some calls have no price, `unknown` where none has."""
    if usd is None:
        return "unknown"
    text = f"{usd:.6f}" if 0 < usd < 0.001 else f"{usd:.4f}" if 0 < usd < 1 else f"{usd:,.2f}"
    return f">= {text}" if n_unpriced else text
