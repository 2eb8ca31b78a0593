"""Dose: whether a finer level that was asked for came back longer."""

from collections.abc import Sequence

from .answers import Answer, NamedQuestion, Row, tabulate
from .contrasts import ALPHA
from .labels import SHORT_FORMATS, p_value, percent, span
from .statistics import holm, mcnemar, wilson

COLUMNS = ("dataset", "teacher", "gold", "levels", "tokens", "longer by", "n", "% longer", "p", "verdict")
NEXT = (
    "no teacher wrote two levels of one data set. Next: "
    "cotdistill generate --teacher builtin-strict --dataset arith --level 1,3,5"
)


def answer(question: NamedQuestion, found: Sequence[Row]) -> Answer:
    """One row per step from one level to the next finer one."""
    raw = [mcnemar(r["longer"], r["shorter"]) for r in found]
    p_holm = [0.0] * len(found)
    for dataset in {r["dataset"] for r in found}:
        places = [i for i, r in enumerate(found) if r["dataset"] == dataset]
        for i, p in zip(places, holm([raw[i] for i in places]), strict=True):
            p_holm[i] = p
    rows, detail = [], []
    for r, p, corrected in zip(found, raw, p_holm, strict=True):
        verdict = "cannot tell" if corrected >= ALPHA else "longer" if r["longer"] > r["shorter"] else "shorter"
        rows.append(
            (
                *(r["dataset"], _teacher(r), r["gold_visible"]),
                f"{r['coarser']}-{r['finer']}",
                f"{r['coarser_tokens']:.0f}-{r['finer_tokens']:.0f}",
                f"{r['difference']:+.1f}" + ("" if r["low"] is None else f" ({r['low']:.1f}..{r['high']:.1f})"),
                r["n"],
                percent(r["longer"] / r["n"]),
                p_value(corrected),
                verdict,
            )
        )
        detail.append(r | {"share_longer": r["longer"] / r["n"], "p": p, "p_holm": corrected, "verdict": verdict})
    notes = [NEXT]
    if found:
        notes = [
            "tokens: mean realised tokens at both levels of the n questions that have both; p: exact "
            "sign test of longer against "
            "shorter, Holm over all steps of a data set",
            *_rising(found),
        ]
    return tabulate(question, COLUMNS, rows, notes, detail, ("dataset", "teacher", "gold"))


def _teacher(r: Row) -> str:
    return r["teacher"] if r["format"] in (None, "original") else f"{r['teacher']} {SHORT_FORMATS.get(r['format'], '')}"


def _rising(found: Sequence[Row]) -> list[str]:
    """Of each series with three levels or more: how many questions get longer at every step."""
    lines, seen = [], set()
    for r in found:
        key = tuple(r[k] for k in ("dataset", "teacher", "format", "gold_visible", "prompt_version"))
        steps = [
            x
            for x in found
            if tuple(x[k] for k in ("dataset", "teacher", "format", "gold_visible", "prompt_version")) == key
        ]
        if key in seen or len(steps) < 2 or not r["n_all"]:
            continue
        seen.add(key)
        interval = wilson(r["rising"], r["n_all"])
        lines.append(
            f"{r['dataset']} by {_teacher(r)}: "
            f"{percent(r['rising'] / r['n_all'])} % of {r['n_all']:,} questions get longer at each of "
            f"{len(steps) + 1} levels "
            f"({span(interval.low, interval.high)})"
        )
    return lines
