"""Two runs item by item: how often they differ, whether one is better, and on which questions."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from ..errors import ConfigError
from ..store.store import Store
from .answers import Answer, Row, load, query, tabulate
from .contrasts import Arm
from .labels import decoder, p_value, points, span_points
from .pairs import figures, test

COLUMNS = (
    "dataset",
    "split",
    "both right",
    "only A",
    "only B",
    "neither",
    "points",
    "95 %",
    "p",
    "verdict",
    "would take",
)
ITEMS = ("question", "gold", "A", "B", "right")
_SHOWN = 44


def compare(store: Store, run_a: str, run_b: str, *, items: int = 20) -> tuple[Answer, Answer]:
    """The totals of each split that both runs answered, and at most `items` of the questions on which they differ (all
    of them in the detail). ConfigError: a key that no evaluated run, or more than one, begins with; or no shared
    question."""
    keys = [_the_one(store, key) for key in (run_a, run_b)]
    found = query(store, "compare", {"run_a": keys[0], "run_b": keys[1]})
    if not found:
        raise ConfigError(
            f"{keys[0][:8]} and {keys[1][:8]} answered no question in common by the same decoder and engine. "
            "Next: cotdistill evaluate"
        )
    question = load("compare")
    parts: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in found:
        parts[tuple(row[k] for k in ("dataset", "split", "decoder", "engine"))].append(row)
    tested = test([(key[0], _arm(part, "a"), _arm(part, "b")) for key, part in parts.items()])
    rows, detail = [], []
    for (key, part), c in zip(parts.items(), tested, strict=True):
        counts = {k: sum(r["outcome"] == k for r in part) for k in ("both right", "only a", "only b", "neither")}
        if c is None:
            continue
        span = span_points(c.interval.low, c.interval.high)
        rows.append(
            (*key[:2], *counts.values(), points(c.difference), span, p_value(c.p_holm), c.verdict, c.would_take)
        )
        detail.append(dict(zip(("dataset", "split", "decoder", "engine"), key, strict=True)) | counts | figures(c))
    first = found[0]
    tests = sorted({c.test for c in tested if c is not None})
    notes = [
        f"A: {first['a_student']}, run {keys[0][:8]}; B: {first['b_student']}, run {keys[1][:8]}",
        f"points: A less B on the same questions, with a paired bootstrap interval; p: {', '.join(tests) or '-'}; the "
        "verdict is about these two runs",
        "measured by " + "; ".join(sorted({f"{r['engine']}, {decoder(r['decoder'])}" for r in found})),
    ]
    differ = [r for r in found if r["outcome"].startswith("only")]
    lines = [
        (_short(r["text"]), r["gold"], r["a_answer"], r["b_answer"], r["outcome"][-1].upper()) for r in differ[:items]
    ]
    more = [f"{len(differ) - items:,} more on which they differ: --items, --json"] if len(differ) > items else []
    title = "On which questions do they differ?"
    return (
        tabulate(question, COLUMNS, rows, notes, detail, ("dataset", "split", "would take")),
        Answer(
            "compare-items",
            title,
            ITEMS,
            tuple(lines),
            (f"{len(differ):,} of {len(found):,} answers", *more),
            tuple(found),
        ),
    )


def _the_one(store: Store, key: str) -> str:
    with store.read() as con:
        found = con.execute(
            "SELECT DISTINCT run_key FROM outcome WHERE run_key IS NOT NULL AND starts_with(run_key, $key)",
            {"key": key},
        ).fetchall()
    if len(found) == 1:
        return str(found[0][0])
    what = f"{len(found)} evaluated runs begin" if found else "no evaluated run begins"
    raise ConfigError(f"{what} with {key!r}. Next: cotdistill runs")


def _arm(part: Sequence[Row], side: str) -> Arm:
    shares: dict[str, list[float]] = defaultdict(list)
    for row in part:
        shares[row["question_key"]].append(float(row[f"{side}_verdict"] == "correct"))
    scores = {key: sum(values) / len(values) for key, values in shares.items()}
    return Arm(part[0][f"{side}_run"], None, None, None, (), None, False, (scores,))


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."
