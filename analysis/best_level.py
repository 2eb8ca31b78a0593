"""The best level of each series, tested as the maximum that it is; and whether stronger students want finer steps."""

from collections import defaultdict
from collections.abc import Sequence

from ..store.store import Store
from .answers import Answer, NamedQuestion, Row, tabulate
from .association import FEWEST, associate
from .contrasts import ALPHA
from .labels import p_value, percent
from .pairs import read_arms
from .selection import Best, best
from .statistics import holm, wilson

COLUMNS = (
    *("student", "dataset", "split", "teacher", "highest", "of levels", "accuracy", "n", "p best", "verdict"),
    *("inner", "p inner"),
)
FOLDABLE = ("student", "dataset", "split", "teacher", "of levels", "n")
NEXT = (
    "no student is evaluated on two levels of one teacher. Next: cotdistill train --student tiny --level 1,3,5, then "
    "cotdistill evaluate"
)


def answer(store: Store, question: NamedQuestion, found: Sequence[Row]) -> Answer:
    """One row per series."""
    series: dict[str, list[Row]] = defaultdict(list)
    for row in found:
        series[row["series_key"]].append(row)
    tested = [(part, chosen) for part in series.values() if (chosen := _chosen(store, part)) is not None]
    families: dict[str, list[int]] = defaultdict(list)
    for i, (part, _) in enumerate(tested):
        families[part[0]["dataset"]].append(i)
    p_best, p_inner = [1.0] * len(tested), [1.0] * len(tested)
    for places in families.values():  # of each series two questions are asked: which is best, and does an inner one win
        fixed = holm([p for i in places for p in (tested[i][1].p, tested[i][1].p_inner)])
        for k, i in enumerate(places):
            p_best[i], p_inner[i] = fixed[2 * k], fixed[2 * k + 1]
    rows, detail = [], []
    for (part, chosen), p, q in zip(tested, p_best, p_inner, strict=True):
        top = part[chosen.place]
        interval = wilson(chosen.means[chosen.place] * chosen.n_questions, chosen.n_questions)
        verdict = "better" if p < ALPHA else "cannot tell"
        inner = None if chosen.inner is None else part[chosen.inner]["level"]
        hump = "better" if q < ALPHA else "cannot tell"
        teacher = top["teacher"] if top["format"] in (None, "original") else f"{top['teacher']} {top['format']}"
        rows.append(
            (
                *(top["student"], top["dataset"], top["split"], teacher, top["level"]),
                ",".join(str(r["level"]) for r in part),
                f"{percent(chosen.means[chosen.place])} ({percent(interval.low)}-{percent(interval.high)})",
                *(chosen.n_questions, p_value(p), verdict),
                *(("-", "-") if inner is None else (str(inner), p_value(q))),
            )
        )
        detail.append(
            {k: top[k] for k in ("student", "dataset", "split", "decoder", "engine", "trained_on", "teacher", "format")}
            | {"gold_visible": top["gold_visible"], "levels": [r["level"] for r in part]}
            | {"accuracies": list(chosen.means), "best_level": top["level"], "low": interval.low, "high": interval.high}
            | {"n_questions": chosen.n_questions, "runs": [r["runs"] for r in part], "p": chosen.p, "p_holm": p}
            | {"verdict": verdict, "about": chosen.scope, "inner_level": inner, "p_inner": chosen.p_inner}
            | {"p_inner_holm": q, "inner_verdict": hump, "base_accuracy": top["base_accuracy"]}
        )
    return tabulate(question, COLUMNS, rows, _notes(tested, detail), detail, FOLDABLE)


def _chosen(store: Store, part: Sequence[Row]) -> Best | None:
    arms = read_arms(store, {row["arm_key"] for row in part})
    mine = [arms[row["arm_key"]].scores for row in part]
    shared = sorted(set.intersection(*(set(run) for level in mine for run in level)))
    if len(shared) < 2:
        return None
    return best([[[run[q] for q in shared] for run in level] for level in mine])


def _notes(tested: Sequence[tuple[Sequence[Row], Best]], detail: Sequence[Row]) -> list[str]:
    if not tested:
        return [NEXT]
    scopes = sorted({chosen.scope for _, chosen in tested})
    notes = [
        "p best: that the highest level beats every other one; p inner: that an inner level beats "
        "both ends (accuracy that "
        "rises and falls); both for having looked at all levels, by permutation (max-T), then Holm "
        "over the series of a "
        f"data set; about {' and '.join(scopes)}",
        "accuracy in percent with Wilson's 95 % interval at n questions",
    ]
    if "these runs" in scopes:
        notes.append("with fewer than 3 seeds a level this is about these runs. Next: cotdistill train --seeds 1,2,3")
    strata: dict[tuple[str, str, str], list[tuple[float, float]]] = defaultdict(list)
    for d in detail:
        if d["base_accuracy"] is not None:
            strata[d["dataset"], d["teacher"], d["format"]].append((d["base_accuracy"], float(d["best_level"])))
    found = associate(list(strata.values()))
    words = {"more is better": "finer", "more is worse": "coarser"}.get(found.verdict(), "cannot tell")
    seen = "no two students of different strength" if found.rho is None else f"rho {found.rho:+.2f} ({_span(found)})"
    return [
        *notes,
        f"do stronger students (by their untouched accuracy) want finer steps? {words}: {seen}, n = "
        f"{found.n} best levels, p "
        f"{p_value(found.p)} by permutation within data set and teacher"
        + (f"; fewer than {FEWEST} cannot tell" if found.n < FEWEST else ""),
    ]


def _span(found: "object") -> str:
    interval = found.interval  # type: ignore[attr-defined]
    return f"95 % {interval.low:+.2f}..{interval.high:+.2f}"
