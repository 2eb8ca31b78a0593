"""Diversity of what each cell taught, beside the accuracy that came of it, and whether the one goes with the other.

Across questions at an equal budget of words, since all of these measures change with the amount of text; within
questions of several samples; across teachers of one recipe.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from .answers import Answer, NamedQuestion, Row, tabulate
from .associations import judged, spoken
from .labels import percent, recipe_of, span
from .measure import BUDGETS

SAMPLE_WORDS = BUDGETS[1]
COLUMNS = (
    *("student", "dataset", "teacher", "recipe", "accuracy"),
    *("dist-2", "zip", "repeats", "self-BLEU", "vendi", "plans", "rows"),
)
_SHOWN = ("distinct_2", "compression_ratio", "self_repetition", "self_bleu", "vendi", "distinct_plans")
PROPERTIES: Mapping[str, str] = MappingProxyType(
    {
        "compression_ratio": "compression ratio (repeats)",
        "distinct_2": "distinct-2",
        "self_repetition": "repetition of 4-grams",
        "self_bleu": "self-BLEU (repeats)",
        "vendi": "Vendi score",
        "distinct_plans": "distinct plans",
        "sampled_paths": "paths within a question",
    }
)
NEXT = (
    "the store has no rationales. Next: "
    "cotdistill generate --teacher builtin-strict --dataset arith, or cotdistill import paper DIR"
)


def beside_accuracy(cells: Sequence[Row], accuracy: Sequence[Row]) -> list[Row]:
    """Each measured cell once for every accuracy that came of it; once without where nothing was trained on it."""
    joined = []
    for cell in cells:
        arms = [a for a in accuracy if a["cell_key"] == cell["cell_key"]]
        fields = ("student", "split", "engine", "decoder", "accuracy", "low", "high", "n", "runs")
        for arm in arms or [dict.fromkeys(fields)]:
            outcome = {key: arm[key] for key in fields} | {"evaluated_on": arm.get("dataset")}
            outcome["chosen"] = arm.get("chosen")
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
            *(None if r[k] is None else f"{r[k]:.2f}" for k in _SHOWN),
            r["n_rows"],
        )
        for r in found
    ]
    notes, verdicts = [NEXT], []
    if found:
        trained = [
            r | {"dataset": r["evaluated_on"]}
            for r in found
            if r["accuracy"] is not None and r["format"] != "answer-only"
        ]
        verdicts = judged(trained, PROPERTIES)
        notes = [
            f"all on the first {SAMPLE_WORDS:,} words of a cell, or all it has (sample_words in "
            "--json), the same questions first. "
            "dist-2: distinct over all word pairs; zip: compression ratio, repeats: ln(1 + other "
            "texts' uses of a text's 4-grams), "
            "self-BLEU: of 100 drawn texts; of these three higher repeats more; vendi: how many "
            "different texts up to 300 drawn "
            "ones are worth; plans: distinct equation sequences over rationales with equations, numbers abstracted",
            "accuracy in percent with its Wilson 95 % interval; tokens, steps, within questions and "
            "across teachers: --json",
            *spoken(verdicts),
        ]
        if any(r["source"] == "cell" for r in found):
            notes.append(
                "cells that no corpus was made of are measured on their rationales that are not known to be wrong"
            )
    detail = [r | {"kind": "cell"} for r in found] + list(verdicts)
    return tabulate(question, COLUMNS, rows, notes, detail, ("student", "dataset", "teacher", "accuracy", "rows"))
