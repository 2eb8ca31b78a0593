"""How rows of the store become points of a plot: panels, places on the level axis, series with their colours."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from . import charts_base as charts
from .answers import Row
from .labels import ANSWER_ONLY, UNTOUCHED, count, decoder, recipe_of


def panels(rows: Sequence[Row], dataset: str = "dataset") -> dict[str, list[Row]]:
    """Rows by student, split, engine, decoder and how their corpora were chosen, titled by what tells the panels apart.
    What was not taught stands in every panel that it can be compared in."""
    measured: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for r in rows:
        where = f"{r['student']} on {r[dataset]}, {r['split']} split"
        measured[where, f"{r['engine']}, {decoder(r['decoder'])}"].append(r)
    found: dict[str, list[Row]] = {}
    for (where, how), part in measured.items():
        kinds = dict.fromkeys(r.get("chosen") for r in part if place(r) != UNTOUCHED)
        if len(kinds) <= 1:
            found[f"{where}; {how}"] = part
            continue
        for kind in kinds:
            words = "all rows" if kind is None else kind
            found[f"{where}, {words}; {how}"] = [r for r in part if place(r) == UNTOUCHED or r.get("chosen") == kind]
    return found


def answers_a_point(part: Sequence[Row]) -> str:
    """`n = 500 to 1,000 answers a point, 500 questions`."""
    low, high = min(r["n"] for r in part), max(r["n"] for r in part)
    several = f"{low:,}" if low == high else f"{low:,} to {high:,}"
    asked = [r["n_questions"] for r in part if "n_questions" in r]
    return f"n = {several} answers a point" + (f", {count(max(asked), 'question')}" if asked else "")


def point(r: Row, colours: Mapping[str, str]) -> Row:
    return {
        "place": place(r),
        "series": "" if place(r) == UNTOUCHED else series(r),
        "colour": colours.get(r["teacher"], charts.FAINT),
        "shape": r["format"],
        "accuracy": 100 * r["accuracy"],
        "low": 100 * r["low"],
        "high": 100 * r["high"],
        "runs": [100 * a for a in r.get("run_accuracies") or ()],
    }


def place(r: Mapping[str, Any]) -> str:
    if recipe_of(dict(r)) == UNTOUCHED:
        return UNTOUCHED
    if r["format"] == ANSWER_ONLY:
        return ANSWER_ONLY
    return "no level" if r["level"] is None else str(r["level"])


def series(r: Mapping[str, Any]) -> str:
    plain = r["format"] in (None, "original", ANSWER_ONLY)
    return str(r["teacher"]) if plain else f"{r['teacher']}, {r['format']}"


def dash(r: Row) -> str:
    return r["format"] if r["format"] in charts.DASHES else "original"
