"""Questions about what goes with accuracy: the cells beside their accuracy, and one verdict for each property."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from .answers import Answer, NamedQuestion, Row, tabulate
from .association import FEWEST, Association, associate
from .labels import p_value, percent
from .pairs import supervision
from .statistics import holm, wilson

FOLDABLE = ("student", "dataset", "split", "rows", "n", "runs")
NEXT = "no trained student is evaluated yet. Next: cotdistill train --student tiny, then cotdistill evaluate"


def judged(found: Sequence[Row], properties: Mapping[str, str]) -> list[Row]:
    """Of each property (column: its name) its association with accuracy within student x data set, Holm over the
    properties."""
    made = [(name, associate(_strata(found, column))) for column, name in properties.items()]
    corrected = holm([a.p for _, a in made])
    return [_row(name, a, p) for (name, a), p in zip(made, corrected, strict=True)]


def answer(
    question: NamedQuestion,
    found: Sequence[Row],
    properties: Mapping[str, str],
    *,
    missing: str = NEXT,
    notes: Sequence[str] = (),
) -> Answer:
    """One row per supervision with its properties; the verdicts are notes, and in the detail rows of kind
    `association`."""
    columns = ("student", "dataset", "split", "supervision", "accuracy", "95 %", "n", "runs", *properties.values())
    rows = [
        (
            *(r[k] for k in ("student", "dataset", "split")),
            supervision(r),
            percent(r["accuracy"]),
            _span(r),
            r["n_questions"],
            r["runs"],
            *(None if r[c] is None else f"{r[c]:.3g}" for c in properties),
        )
        for r in found
    ]
    verdicts = judged(found, properties)
    said = [*spoken(verdicts), *notes] if found else [missing]
    detail = [r | {"kind": "supervision"} for r in found] + (verdicts if found else [])
    return tabulate(question, columns, rows, said, detail, FOLDABLE)


def spoken(verdicts: Sequence[Row]) -> list[str]:
    """The verdicts in words."""
    lines = []
    for v in verdicts:
        seen = "no spread" if v["rho"] is None else f"rho {v['rho']:+.2f} (95 % {v['low']:+.2f}..{v['high']:+.2f})"
        few = f"; fewer than {FEWEST} cells" if v["n"] < FEWEST else ""
        lines.append(f"{v['property']}: {v['verdict']}; {seen}, n = {v['n']} cells, Holm p {p_value(v['p_holm'])}{few}")
    return [
        *lines,
        "rho: Spearman's rank correlation with accuracy within student x data set x corpus rule, tested by "
        "permuting accuracies within them; "
        f"Holm over the {len(verdicts)} properties. It is an association: cells differ in more than one way",
    ]


def _strata(found: Sequence[Row], column: str) -> list[list[tuple[float, float]]]:
    strata: dict[tuple[str | None, ...], list[tuple[float, float]]] = defaultdict(list)
    for r in found:
        if r[column] is not None:
            like = (r["student"], r["dataset"], r["split"], r["decoder"], r["engine"], r.get("chosen"))
            strata[like].append((r[column], r["accuracy"]))
    return list(strata.values())


def _row(name: str, a: Association, p_holm: float) -> Row:
    return {
        "kind": "association",
        "property": name,
        "rho": a.rho,
        "low": a.interval.low,
        "high": a.interval.high,
        "n": a.n,
        "strata": a.strata,
        "p": a.p,
        "p_holm": p_holm,
        "verdict": a.verdict(p_holm),
    }


def _span(r: Row) -> str:
    interval = wilson(r["accuracy"] * r["n_questions"], r["n_questions"])
    return f"{percent(interval.low)}-{percent(interval.high)}"
