"""What the evidence says to train a student on, how sure that is, and which missing cell would teach most."""

from collections import defaultdict
from collections.abc import Sequence
from itertools import combinations
from typing import Any

from ..store.store import Store
from .answers import Answer, Row, query
from .contrasts import Contrast
from .expected import guess
from .labels import ANSWER_ONLY, p_value, percent, points, recipe, span
from .pairs import figures, read_arms, supervision, test
from .spend import dollars

COLUMNS = ("dataset", "supervision", "accuracy", "95 %", "n", "runs", "usd", "the best less it", "p", "best v it")
_SETTING = ("dataset", "split", "decoder", "engine")
_SEEDS = 3


def recommend(
    store: Store, student: str, *, dataset: Sequence[str] | None = None, max_usd: float | None = None
) -> Answer:
    """One row per supervision that was tried on `student`, the best first, with what to do in the notes.

    `max_usd` leaves out what cost more and what has no known price; imported rationales cost nothing.
    """
    asked = {"student": [student], "dataset": dataset}
    tried, bases = query(store, "cost", asked), query(store, "gain", asked)
    affordable = [r for r in tried if max_usd is None or _within(r, max_usd)]
    settings: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in affordable:
        settings[tuple(row[k] for k in _SETTING)].append(row)
    notes: list[str] = []
    rows: list[tuple[Any, ...]] = []
    detail: list[Row] = []
    if not tried:
        notes.append(f"cannot tell: {student} was not evaluated. Next: cotdistill train --student {student}")
    elif not affordable:
        notes.append(f"cannot tell: no supervision tried on {student} is known to cost at most ${max_usd}")
    for part in settings.values():
        told = _one_setting(store, part, bases)
        rows += told[0]
        detail += told[1]
        notes += told[2]
        missing, said = _missing(store, part, max_usd)
        detail += missing
        notes += said
    if max_usd is not None and len(affordable) < len(tried):
        notes.append(
            f"{len(tried) - len(affordable)} supervisions cost more than ${max_usd:,.2f} or have no known price"
        )
    title = f"What should {student} be trained on?"
    return Answer("recommend", title, COLUMNS, tuple(rows), tuple(notes), tuple(detail))


def _one_setting(
    store: Store, part: Sequence[Row], bases: Sequence[Row]
) -> tuple[list[tuple[Any, ...]], list[Row], list[str]]:
    """The leader is the highest of all, so every pair is in the family that Holm corrects."""
    part = sorted(part, key=lambda r: (-r["accuracy"], r["arm_key"]))
    base = {b["first_key"]: b["second_key"] for b in bases}.get(part[0]["arm_key"])
    keys = [r["arm_key"] for r in part] + ([base] if base else [])
    arms = read_arms(store, set(keys))
    pairs = list(combinations(keys, 2))
    tested = dict(zip(pairs, test([(part[0]["dataset"], arms[a], arms[b]) for a, b in pairs]), strict=True))
    leader = part[0]
    against = {r["arm_key"]: tested[leader["arm_key"], r["arm_key"]] for r in part[1:]}
    rows, detail = [], []
    for r in part:
        c = against.get(r["arm_key"])
        usd = "unknown" if r["usd"] is None else dollars(r["usd"], r["calls_unpriced"])
        rows.append(
            (
                *(r["dataset"], supervision(r), percent(r["accuracy"]), span(r["low"], r["high"])),
                *(r["n_questions"], r["runs"], usd),
                *((points(c.difference), p_value(c.p_holm), c.verdict) if c else ("-", "-", "the best")),
            )
        )
        detail.append(r | {"kind": "tried", "supervision": supervision(r)} | (figures(c) if c else {}))
    gain = tested.get((leader["arm_key"], base)) if base else None
    return rows, detail, _advice(part, against, gain)


def _advice(part: Sequence[Row], against: "dict[str, Contrast | None]", gain: Contrast | None) -> list[str]:
    leader = part[0]
    interval = f"95 % {span(leader['low'], leader['high'])}, n = {leader['n_questions']}"
    figure = f"{percent(leader['accuracy'])} % right, {interval}"
    notes = []
    if gain is None:
        notes.append(f"{leader['dataset']}: cannot tell whether training helps: the untouched base was not evaluated")
    elif gain.verdict == "better":
        low, high = points(gain.interval.low), points(gain.interval.high)
        notes.append(
            f"{leader['dataset']}: use {supervision(leader)} ({figure}): {points(gain.difference)} points over the "
            f"untouched base (95 % {low}..{high}, Holm p {p_value(gain.p_holm)}, about {gain.scope})"
        )
    else:
        verdict = "is worse than" if gain.verdict == "worse" else "cannot be told from"
        notes.append(
            f"{leader['dataset']}: nothing yet: the best, {supervision(leader)} ({figure}), {verdict} the untouched "
            f"base ({points(gain.difference)} points; would take {gain.would_take})"
        )
    ties = [r for r in part[1:] if (c := against[r["arm_key"]]) is None or c.verdict == "cannot tell"]
    if len(part) == 1:
        notes.append("nothing else was tried, so this says nothing about its rivals")
    elif not ties:
        notes.append("sure: it is better than every other supervision that was tried")
    else:
        names = ", ".join(supervision(r) for r in ties[:4]) + (f" and {len(ties) - 4} more" if len(ties) > 4 else "")
        cheapest = min(
            [leader, *ties], key=lambda r: (_known_usd(r) is None, _known_usd(r) or 0.0, r["taught_tokens"] or 0)
        )
        notes.append(f"not sure: {names} cannot be told from it")
        if cheapest is not leader:
            notes.append(
                f"of these {supervision(cheapest)} is the cheapest: prefer it while the rest cannot be told apart"
            )
        c = against[ties[0]["arm_key"]]
        if c is not None and c.would_take != "-":
            notes.append(f"to tell it from {supervision(ties[0])} would take {c.would_take}")
    if any(r["runs"] < _SEEDS for r in part):
        notes.append(f"some have fewer than {_SEEDS} seeds: about these runs. Next: cotdistill train --seeds 1,2,3")
    return notes


def _missing(store: Store, part: Sequence[Row], max_usd: float | None) -> tuple[list[Row], list[str]]:
    """Cells of the data set that this student was not trained on, the one likeliest to beat the leader first."""
    home = [
        r for r in part if r["trained_on"] and r["dataset"].startswith(r["trained_on"]) and r["format"] != ANSWER_ONLY
    ]
    if not home:
        return [], []
    trained_on, best = home[0]["trained_on"], max(r["accuracy"] for r in part)
    known = {(r["teacher"], r["level"], r["format"]) for r in home}
    cells = [
        c
        for c in query(store, "coverage", {"dataset": [trained_on]})
        if c["level"] is not None and (c["teacher"], c["level"], c["format"]) not in known
    ]
    cells += [
        {"teacher": t, "level": level, "format": f, "received": 0}
        for t, f in sorted({(r["teacher"], r["format"]) for r in home})
        for level in range(1, 7)
        if (t, level, f) not in known
        and not any((c["teacher"], c["level"], c["format"]) == (t, level, f) for c in cells)
    ]
    expected = guess([r for r in home if r["level"] is not None], cells)
    if not cells:
        return [], []
    if expected is None:
        few = "fewer than 3 supervisions were tried, so no missing cell can be guessed at"
        return [], [f"{few}. Next: cotdistill train --level 1,3,5"]
    ranked = sorted(zip(cells, expected, strict=True), key=lambda pair: -pair[1].chance_above(best))
    rows = [
        {
            "kind": "missing",
            "dataset": trained_on,
            "supervision": f"{c['teacher']} {recipe(c['level'], c['format'])}",
            "expected_accuracy": e.accuracy,
            "low": e.accuracy - 1.96 * e.error,
            "high": e.accuracy + 1.96 * e.error,
            "chance_to_beat_the_best": e.chance_above(best),
            "has_rationales": bool(c["received"]),
            "n_tried": len(home),
        }
        for c, e in ranked
    ]
    first, cell = rows[0], ranked[0][0]
    low, high = max(0.0, first["low"]), min(1.0, first["high"])
    step = ""
    if not first["has_rationales"]:
        budget = f" --max-usd {max_usd:g}" if max_usd is not None else ""
        which = f"--dataset {trained_on} --level {cell['level']} --format {cell['format']}{budget}"
        step = f"cotdistill generate --teacher {cell['teacher']} {which}, then "
    return rows, [
        f"would teach most: {first['supervision']}: expected {percent(first['expected_accuracy'])} % "
        f"(95 % {span(low, high)}, "
        f"from main effects of {first['n_tried']} supervisions), so a chance of "
        f"{percent(first['chance_to_beat_the_best'])} % to "
        f"beat the best. Next: {step}cotdistill train --student {part[0]['student']} --teacher {cell['teacher']} "
        f"--level {cell['level']}"
    ]


def _within(row: Row, max_usd: float) -> bool:
    usd = _known_usd(row)
    return usd is not None and usd <= max_usd


def _known_usd(row: Row) -> float | None:
    """What a supervision cost; 0 for imported rationales, None where a price is unknown."""
    if row["calls"] is None:
        return 0.0
    return row["usd"] if not row["calls_unpriced"] else None
