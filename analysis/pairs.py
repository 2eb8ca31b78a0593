"""Questions whose rows are pairs of supervisions: each pair tested on the answers of all runs, corrected as one
family for each data set."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from ..store.store import Store
from .answers import Answer, NamedQuestion, Row, query, tabulate
from .contrasts import FEW_RUNS, Arm, Contrast, compare, correct
from .labels import SHORT_FORMATS, UNTOUCHED, decoder, p_value, points, recipe, span_points

COLUMNS = (
    *("student", "dataset", "split", "supervision", "against"),
    *("points", "95 %", "n", "runs", "p", "verdict", "would take"),
)
FOLDABLE = ("student", "dataset", "split", "n", "runs", "would take")
NEXT = (
    "no two such supervisions are evaluated for one student in one setting. Next: cotdistill train "
    "--student tiny, then "
    "cotdistill evaluate"
)
Words = Callable[[Row], tuple[str, str]]


def answer(
    store: Store, question: NamedQuestion, found: Sequence[Row], words: Words, notes: Sequence[str] = ()
) -> Answer:
    """One row per pair of `found` (first_key, second_key); `words` says what the first and the second are."""
    arms = read_arms(store, {row[k] for row in found for k in ("first_key", "second_key")})
    tested = test([(row["dataset"], arms[row["first_key"]], arms[row["second_key"]]) for row in found])
    rows, detail = [], []
    for row, c in zip(found, tested, strict=True):
        if c is None:
            continue
        supervision, against = words(row)
        span = span_points(c.interval.low, c.interval.high)
        where = (row["student"], _dataset(row), row["split"], supervision, against)
        rows.append((*where, points(c.difference), span, c.n, runs(c), p_value(c.p_holm), c.verdict, c.would_take))
        detail.append(row | {"supervision": supervision, "against": against} | figures(c))
    made = [c for c in tested if c is not None]
    said = [*explained(made, [row["dataset"] for row in found]), *notes, *_measured(found)] if made else [NEXT]
    return tabulate(question, COLUMNS, rows, said, detail, FOLDABLE)


def read_arms(store: Store, arm_keys: "set[str]") -> dict[str, Arm]:
    """The supervisions of these keys with the answers of all their runs."""
    parts: dict[str, list[Row]] = defaultdict(list)
    for row in query(store, "arm_answers", {"arms": sorted(arm_keys)}) if arm_keys else []:
        parts[row["arm_key"]].append(row)
    return {
        key: Arm(
            name=key,
            level=None,
            teacher=None,
            corpus_hash=part[0]["corpus_hash"],
            seeds=tuple(r["seed"] for r in part if r["seed"] is not None),
            n_rows=None,
            fixed=part[0]["run_key"] is None,
            scores=tuple(dict(zip(r["question_keys"], r["shares"], strict=True)) for r in part),
        )
        for key, part in parts.items()
    }


def test(pairs: Sequence[tuple[str, Arm, Arm]]) -> list[Contrast | None]:
    """Each (family, first, second) compared, corrected within its family; None where too few questions are shared."""
    compared = [compare(first, second) for _, first, second in pairs]
    families: dict[str, list[int]] = defaultdict(list)
    for i, (family, _, _) in enumerate(pairs):
        if compared[i] is not None:
            families[family].append(i)
    for places in families.values():
        members = [c for i in places if (c := compared[i]) is not None]
        for i, c in zip(places, correct(members), strict=True):
            compared[i] = c
    return compared


def figures(c: Contrast) -> Row:
    """A contrast's numbers under their full names."""
    return {
        "difference": c.difference,
        "low": c.interval.low,
        "high": c.interval.high,
        "n_questions": c.n,
        "first_accuracy": c.first.accuracy,
        "second_accuracy": c.second.accuracy,
        "first_seeds": list(c.first.seeds),
        "second_seeds": list(c.second.seeds),
        "test": c.test,
        "p": c.p,
        "p_holm": c.p_holm,
        "verdict": c.verdict,
        "about": c.scope,
        "smallest_detectable": c.smallest,
        "would_take": c.would_take,
    }


def runs(c: Contrast) -> str:
    """`3 v 3`; a dash for the untouched base."""
    return " v ".join("-" if a.fixed else str(len(a.scores)) for a in (c.first, c.second))


def explained(made: Sequence[Contrast], datasets: Sequence[str]) -> list[str]:
    """What the columns mean, which tests were made, over which family, and about what."""
    tests = sorted({f"{c.test} (about {c.scope})" for c in made})
    sizes = ", ".join(f"{datasets.count(d)} on {d}" for d in dict.fromkeys(datasets))
    notes = [
        "points: accuracy of the first less the second, in percentage points, paired on n questions",
        "tests: " + "; ".join(tests),
        f"p: Holm over all contrasts of this question on one data set ({sizes})",
    ]
    unsure = [c for c in made if c.verdict == "cannot tell"]
    if unsure:
        least = sorted(c.smallest for c in unsure)
        span = points(least[0]) if len(least) == 1 else f"{points(least[0])} to {points(least[-1])}"
        notes.append(
            f"cannot tell: these would find a difference of {span.replace('+', '')} points four times "
            "in five; would take: "
            "what tells the difference that was seen, if it is the true one"
        )
    if any(c.scope == "these runs" for c in made):
        notes.append(
            f"these runs: with fewer than {FEW_RUNS} seeds a verdict is about these runs, never about "
            "this recipe; another "
            "seed may turn it. Next: cotdistill train --seeds 1,2,3"
        )
    return notes


def supervision(row: Row, side: str = "", teacher: bool = True) -> str:
    """`gpt-4o level 5 symbolic`; columns of one side begin with `side`, else they are of both."""

    def of(name: str) -> Any:
        return row.get(f"{side}_{name}", row.get(name)) if side else row.get(name)

    if of("teacher") is None:
        return str(row.get("corpus_name") or UNTOUCHED)
    words = recipe(of("level"), of("format"), of("gold_visible"))
    if of("level") is None and of("format") not in (None, "original", *SHORT_FORMATS):
        words = of("format")  # answer-only, or a control such as shuffled
    return f"{of('teacher')} {words}" if teacher else words


def _dataset(row: Row) -> str:
    trained_on = row.get("trained_on")
    return row["dataset"] if trained_on in (None, row["dataset"]) else f"{trained_on} to {row['dataset']}"


def _measured(found: Sequence[Row]) -> list[str]:
    return ["measured by " + "; ".join(sorted({f"{r['engine']}, {decoder(r['decoder'])}" for r in found}))]
