"""Diversity and complexity of what each cell taught, beside the accuracy that came of it.

Measured on the first texts of a cell up to a fixed number of words, the same questions for every cell of a data set,
since all of these measures change with the amount of text.
"""

from collections.abc import Sequence

from . import metrics
from .answers import Answer, NamedQuestion, Row, tabulate
from .labels import percent, recipe_of, span

SAMPLE_TOKENS = 10_000
N_TEXTS = 400
COLUMNS = (
    "student",
    "dataset",
    "teacher",
    "recipe",
    "accuracy",
    "dist-2",
    "zip",
    "plans",
    "tokens",
    "steps",
    "eqs",
    "rows",
)
NEXT = (
    "the store has no rationales. Next: "
    "cotdistill generate --teacher builtin-strict --dataset arith, or cotdistill import paper DIR"
)


def measured(found: Sequence[Row]) -> list[Row]:
    """The rows of diversity.sql with the metrics of their texts instead of the texts."""
    return [{k: v for k, v in row.items() if k != "texts"} | _metrics(row["texts"] or []) for row in found]


def beside_accuracy(cells: Sequence[Row], accuracy: Sequence[Row]) -> list[Row]:
    """Each measured cell once for every accuracy that came of it; once without where nothing was trained on it."""
    joined = []
    for cell in cells:
        arms = [a for a in accuracy if a["cell_key"] == cell["cell_key"]]
        fields = ("student", "split", "engine", "decoder", "accuracy", "low", "high", "n", "runs")
        for arm in arms or [dict.fromkeys(fields)]:
            outcome = {key: arm[key] for key in fields} | {"evaluated_on": arm.get("dataset")}
            joined.append(outcome | {k: v for k, v in cell.items() if k != "cell_key"})
    return joined


def answer(question: NamedQuestion, found: Sequence[Row]) -> Answer:
    """`found`: rows of beside_accuracy."""
    rows = [
        (
            r["student"],
            r["dataset"] if r["evaluated_on"] in (None, r["dataset"]) else f"{r['dataset']} to {r['evaluated_on']}",
            r["teacher"],
            recipe_of(r) if r["split"] in (None, "test") else f"{recipe_of(r)} ({r['split']})",
            None if r["accuracy"] is None else f"{percent(r['accuracy'])} ({span(r['low'], r['high'])})",
            *(None if r[k] is None else f"{r[k]:.2f}" for k in ("distinct_2", "compression_ratio", "distinct_plans")),
            *(f"{r[k]:.1f}" for k in ("mean_tokens", "mean_steps", "mean_equations")),
            r["n_rows"],
        )
        for r in found
    ]
    notes = [NEXT]
    if found:
        notes = [
            "dist-2: distinct over all word pairs; zip: compression ratio, higher repeats more; plans: distinct "
            "equation "
            "sequences over rationales with equations, numbers abstracted",
            f"these three on the first {SAMPLE_TOKENS:,} words of a cell, or all it has: sample_tokens in --json",
            "tokens, steps, eqs: means over rows; accuracy in percent with its Wilson 95 % interval",
        ]
        if any(r["source"] == "cell" for r in found):
            notes.append(
                "cells that no corpus was made of are measured on their rationales that are not known to be wrong"
            )
    return tabulate(question, COLUMNS, rows, notes, found, ("student", "dataset", "teacher", "accuracy", "rows"))


def _metrics(texts: Sequence[str]) -> Row:
    chosen = metrics.sample(texts, SAMPLE_TOKENS)
    plans, n_plans = metrics.distinct_plans(chosen)
    return {
        "distinct_1": metrics.distinct(chosen, 1),
        "distinct_2": metrics.distinct(chosen, 2),
        "compression_ratio": metrics.compression_ratio(chosen),
        "distinct_plans": plans,
        "n_with_equations": n_plans,
        "sample_texts": len(chosen),
        "sample_tokens": sum(len(metrics.words(t)) for t in chosen),
    }
