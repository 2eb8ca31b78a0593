"""Cost: accuracy for dollars and tokens."""

from collections.abc import Sequence

from .answers import Answer, NamedQuestion, Row, tabulate
from .labels import percent, points, span
from .pairs import supervision
from .spend import dollars

COLUMNS = (
    *("student", "dataset", "split", "supervision", "accuracy", "95 %", "n", "runs", "gain"),
    *("usd a point", "tokens a point", "front"),
)
FOLDABLE = ("student", "dataset", "split", "n", "runs", "usd a point")
_FRONT = {(True, True): "both", (True, False): "usd", (False, True): "tokens", (False, False): "-"}
NEXT = "no trained student is evaluated yet. Next: cotdistill train --student tiny, then cotdistill evaluate"


def answer(question: NamedQuestion, found: Sequence[Row]) -> Answer:
    """One row per supervision, the most accurate first."""
    rows = [
        (
            *(r[k] for k in ("student", "dataset", "split")),
            supervision(r),
            percent(r["accuracy"]),
            span(r["low"], r["high"]),
            r["n_questions"],
            r["runs"],
            None if r["gain"] is None else points(r["gain"]),
            None if r["usd_per_point"] is None else dollars(r["usd_per_point"], 0),
            None if r["tokens_per_point"] is None else f"{r['tokens_per_point']:,.0f}",
            _FRONT[bool(r["pareto_usd"]), bool(r["pareto_tokens"])],
        )
        for r in found
    ]
    notes = [NEXT]
    if found:
        notes = [
            "gain: points over the untouched base; a point: of gain; dollars of what the calls of its cell cost, "
            "tokens of what it was taught (realised, by the fixed word-piece count); totals in --json",
            "front: no other supervision of this student and setting is at least as accurate for less of these. "
            "Accuracies on it may not be told apart: see the intervals, and cotdistill analyze levels",
        ]
        if any(r["usd"] is None or r["calls_unpriced"] for r in found):
            notes.append("unknown: imported, or calls whose price nobody knows; they are on no front of dollars")
    return tabulate(question, COLUMNS, rows, notes, found, FOLDABLE)
