"""Accuracy: each student after each supervision, with its interval, its seeds and how it was measured."""

from collections.abc import Sequence

from .answers import Answer, NamedQuestion, Row, tabulate
from .labels import UNTOUCHED, count, decoder, percent, recipe_of, span

COLUMNS = (
    *("student", "dataset", "split", "teacher", "supervision", "accuracy", "95 %", "n", "runs"),
    *("strict", "unparsed", "cut"),
)
NEXT = "nothing is evaluated yet. Next: cotdistill train --student tiny, then cotdistill evaluate"


def answer(question: NamedQuestion, found: Sequence[Row]) -> Answer:
    """One row per supervision, the untouched base first."""
    rows = [
        (
            r["student"],
            r["dataset"],
            r["split"],
            r["teacher"] or "-",
            recipe_of(r),
            percent(r["accuracy"]),
            span(r["low"], r["high"]),
            r["n"],
            r["runs"],
            percent(r["strict"]),
            percent(r["unparsed"]),
            percent(r["truncated"]),
        )
        for r in found
    ]
    notes = [how(found)] if found else [NEXT]
    if any(r["runs"] > 1 for r in found):
        notes.append(
            "n counts the answers of all runs; the interval is about the questions (Wilson at the effective n, "
            "between the "
            "number of questions and n) and does not include the luck of a seed: see run_low, run_high in --json"
        )
    if found and not any(recipe_of(r) == UNTOUCHED for r in found):
        notes.append("the untouched base was not evaluated. Next: cotdistill evaluate --student NAME")
    notes += _elsewhere(found)
    return tabulate(
        question, COLUMNS, rows, notes, [_detail(r) for r in found], ("student", "dataset", "split", "unparsed", "cut")
    )


def how(found: Sequence[Row]) -> str:
    """How the rows were measured and what the columns mean, in a sentence."""
    engines = sorted({f"{r['engine']} ({r['dtype']}), {decoder(r['decoder'])}" for r in found})
    profiles = {(r["trainer"], r["profile"]) for r in found if r["profile"]}
    varied = f"; {count(len(profiles), 'training profile')}, a row each (--json)" if len(profiles) > 1 else ""
    return (
        f'accuracy, strict (the paper\'s rule: the first match of "The answer is X"), '
        f"unparsed and cut (by the token limit) in percent of n; Wilson 95 % intervals; "
        f"measured by {'; '.join(engines)}{varied}"
    )


def _elsewhere(found: Sequence[Row]) -> list[str]:
    moved = sorted(
        {f"{r['trained_on']} to {r['dataset']}" for r in found if r["trained_on"] not in (None, r["dataset"])}
    )
    return [f"trained on one data set and evaluated on another: {', '.join(moved)}"] if moved else []


def _detail(row: Row) -> Row:
    return {"supervision": recipe_of(row)} | {k: v for k, v in row.items() if k != "arm_key"}
