"""Price against accuracy: what each supervision cost, and which of them nothing cheaper beats."""

from collections.abc import Mapping, Sequence
from typing import Any

from .answers import Row

PRICES = {
    "usd": "dollars for the cell's calls",
    "completion_tokens": "completion tokens of the cell's calls (provider's)",
}
_UNKNOWN = {"usd": "n_unpriced", "completion_tokens": "n_uncounted"}


def priced(scores: Sequence[Row], costs: Sequence[Row], field: str) -> list[Row]:
    """The rows of accuracy.sql whose cell's `field` (a key of PRICES) is known, with it."""
    by_cell: Mapping[Any, Row] = {c["cell_key"]: c for c in costs}
    kept = []
    for score in scores:
        cost = by_cell.get(score["cell_key"])
        if cost is not None and cost[field] is not None and not cost[_UNKNOWN[field]]:
            kept.append(score | {field: cost[field], "calls": cost["calls"]})
    return kept


def front(rows: Sequence[Row], field: str) -> list[bool]:
    """Whether nothing else is as cheap and more accurate, or as accurate and cheaper; equals are all on the front."""
    return [
        not any(
            (o[field] <= r[field] and o["accuracy"] > r["accuracy"])
            or (o[field] < r[field] and o["accuracy"] >= r["accuracy"])
            for o in rows
        )
        for r in rows
    ]
