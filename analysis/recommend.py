"""What the evidence says to train a student on, how sure that is, and which missing cell would teach most."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from ..store.store import Store
from .answers import Answer, NamedQuestion, Row, query, tabulate
from .contrasts import ALPHA, Arm, Contrast, compare, p_of_these_runs
from .expected import guess
from .labels import ANSWER_ONLY, p_value, percent, points, recipe, span
from .pairs import figures, read_arms, supervision
from .selection import max_t
from .spend import dollars

COLUMNS = ("dataset", "supervision", "accuracy", "n", "runs", "usd", "best less it", "p", "best is")
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
    question = NamedQuestion("recommend", title, "", "", ())
    return tabulate(question, COLUMNS, rows, notes, detail, ("dataset", "n", "runs"))


def _one_setting(
    store: Store, part: Sequence[Row], bases: Sequence[Row]
) -> tuple[list[tuple[Any, ...]], list[Row], list[str]]:
    """The leader is found by looking, so it is held against the others by max-T: as runs, and as supervisions."""
    part = sorted(part, key=lambda r: (-r["accuracy"], r["arm_key"]))
    leader = part[0]
    base = {b["first_key"]: b["second_key"] for b in bases}.get(leader["arm_key"])
    arms = read_arms(store, {r["arm_key"] for r in part} | ({base} if base else set()))
    lead = arms[leader["arm_key"]]
    in_runs, in_general = _beaten([arms[r["arm_key"]] for r in part])
    rows, detail = [], []
    for i, r in enumerate(part):
        c = compare(lead, arms[r["arm_key"]]) if i else None
        usd = "unknown" if r["usd"] is None else dollars(r["usd"], r["calls_unpriced"])
        accuracy = f"{percent(r['accuracy'])} ({span(r['low'], r['high'])})"
        against = ("-", "-", "the best")
        if c is not None:
            verdict = (
                "better" if in_general[i] < ALPHA else "better in these runs" if in_runs[i] < ALPHA else "cannot tell"
            )
            against = (points(c.difference), p_value(in_general[i]), verdict)
            detail.append(figures(c) | {"p_max_t": in_general[i], "p_max_t_these_runs": in_runs[i], "verdict": verdict})
        else:
            detail.append({"verdict": against[2]})
        detail[-1] = r | {"kind": "tried", "supervision": supervision(r)} | detail[-1]
        rows.append((r["dataset"], supervision(r), accuracy, r["n_questions"], r["runs"], usd, *against))
    gain = compare(lead, arms[base]) if base else None
    rivals = list(zip(part[1:], in_runs[1:], in_general[1:], strict=True))
    return rows, detail, [*_gained(leader, gain, len(part)), *_sure(leader, rivals, detail)]


def _beaten(arms: Sequence[Arm]) -> tuple[list[float], list[float]]:
    """How sure it is that the first beats each other one: in these runs, and as a supervision (1 under three seeds)."""
    shared = sorted(set.intersection(*(set(run) for a in arms for run in a.scores)))
    if len(arms) < 2 or len(shared) < 2:
        return [1.0] * len(arms), [1.0] * len(arms)
    answers = [[[run[q] for q in shared] for run in a.scores] for a in arms]
    means = [[[sum(column) / len(m) for column in zip(*m, strict=True)]] for m in answers]
    of_runs, _ = max_t(means)
    of_all, counted = max_t(answers)
    places = [(0, i) for i in range(1, len(arms))]
    return [1.0, *(of_runs[x] for x in places)], [1.0, *(of_all[x] if counted else 1.0 for x in places)]


def _gained(leader: Row, gain: Contrast | None, n_tried: int) -> list[str]:
    """Whether the leader beats the untouched base, corrected for being the highest of `n_tried`."""
    interval = f"95 % {span(leader['low'], leader['high'])}, n = {leader['n_questions']}"
    name, of = f"{supervision(leader)} ({percent(leader['accuracy'])} % right, {interval})", leader["dataset"]
    if gain is None:
        return [f"{of}: {name} is highest; cannot tell whether training helps: the untouched base was not evaluated"]
    low, high = points(gain.interval.low), points(gain.interval.high)
    over = f"{points(gain.difference)} points over the untouched base (95 % {low}..{high}, {gain.n} questions"
    p, p_runs = (min(1.0, n_tried * x) for x in (gain.p, p_of_these_runs(gain)))
    corrected = f"corrected for the best of {n_tried}"
    if gain.difference <= 0 or min(p, p_runs) >= ALPHA:
        return [
            f"{of}: nothing yet: the best, {name}, is {over}; p {p_value(min(p, p_runs))}, {corrected}): cannot tell"
        ]
    if p < ALPHA and gain.scope != "these runs":
        return [f"{of}: use {name}: {over}; p {p_value(p)}, {corrected}; about the supervision)"]
    takes = gain.precision.would_take(gain.difference, ALPHA / n_tried)
    more = (
        f"; to be sure of the supervision, whatever the seed, would take {takes}" if gain.scope != "these runs" else ""
    )
    return [f"{of}: use {name}: {over}; p {p_value(p_runs)}, {corrected}; about these runs){more}"]


def _sure(leader: Row, rivals: Sequence[tuple[Row, float, float]], detail: Sequence[Row]) -> list[str]:
    if not rivals:
        return ["nothing else was tried, so this says nothing about its rivals"]
    ties = [r for r, p_runs, _ in rivals if p_runs >= ALPHA]
    only_runs = [r for r, p_runs, p in rivals if p_runs < ALPHA <= p]
    notes = []
    if ties:
        names = ", ".join(supervision(r) for r in ties[:4]) + (f" and {len(ties) - 4} more" if len(ties) > 4 else "")
        notes.append(f"not sure: {names} cannot be told from it")
        price = {
            r["arm_key"]: (_known_usd(r) is None, _known_usd(r) or 0.0, r["taught_tokens"] or 0)
            for r in (leader, *ties)
        }
        cheapest = min((leader, *ties), key=lambda r: price[r["arm_key"]])
        if cheapest is not leader:
            notes.append(f"of these {supervision(cheapest)} is the cheapest: prefer it while they cannot be told apart")
        takes = next((d["would_take"] for d in detail if d["arm_key"] == ties[0]["arm_key"] and "would_take" in d), "-")
        if takes != "-":
            notes.append(f"to tell it from {supervision(ties[0])} alone would take {takes}")
    elif not only_runs:
        notes.append("sure: it is better than every other supervision that was tried")
    if only_runs:
        notes.append(f"over {len(only_runs)} of {len(rivals)} it is better in these runs; other seeds may turn it")
    if any(r["runs"] < _SEEDS for r in (leader, *(r for r, _, _ in rivals))):
        notes.append(f"some have fewer than {_SEEDS} seeds: about these runs. Next: cotdistill train --seeds 1,2,3")
    return [*notes, "against the best: by permutation for having looked at all pairs (max-T)"]


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
