"""Formats: each against the original format at the same level, paired on the questions that both students answered.

Only like with like, as in levels.py: one student, base, profile, corpus rule, split, decoder, engine, teacher, level.
The family that Holm corrects is every such pair on one data set.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .answers import Row
from .contrasts import Contrast, arm, compare, correct
from .labels import ANSWER_ONLY, recipe_of
from .levels import TRAINED, corpus_rule

ORIGINAL = "original"


@dataclass(frozen=True, slots=True)
class FormatContrast:
    """One format less the original, both at one level of one teacher, for one student on one split."""

    student: str
    dataset: str
    split: str
    teacher: str
    level: int | None
    format: str
    contrast: Contrast


def format_contrasts(found: Sequence[Row]) -> list[FormatContrast]:
    """`found`: rows of levels.sql. Corrected by data set, in the order student, data set, teacher, format, level."""
    settings: dict[tuple[Any, ...], dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for row in found:
        if row["run_key"] is None or row["teacher"] is None or row["format"] == ANSWER_ONLY:
            continue
        where = (*(row[c] for c in TRAINED), *corpus_rule(row), row["trained_on"], row["teacher"])
        settings[(*where, row["level"], row["gold_visible"])][row["format"] or ORIGINAL].append(row)
    families: dict[str, list[tuple[Row, Contrast]]] = defaultdict(list)
    for by_format in settings.values():
        if ORIGINAL not in by_format:
            continue
        base = arm(recipe_of(by_format[ORIGINAL][0]), _newest(by_format[ORIGINAL]))
        for name, rows in by_format.items():
            if name != ORIGINAL and (c := compare(arm(recipe_of(rows[0]), _newest(rows)), base)):
                families[rows[0]["dataset"]].append((rows[0], c))
    made = []
    for pairs in families.values():
        for (row, _), c in zip(pairs, correct([c for _, c in pairs]), strict=True):
            fields = {k: row[k] for k in ("student", "dataset", "split", "teacher", "level", "format")}
            made.append(FormatContrast(**fields, contrast=c))
    return sorted(made, key=lambda m: (m.student, m.dataset, m.split, m.teacher, m.format, m.level or 0))


def _newest(rows: Sequence[Row]) -> list[Row]:
    """The runs on the newest corpus of the cell."""
    newest = max(rows, key=lambda r: (r["corpus_created_at"], r["corpus_hash"]))["corpus_hash"]
    return [r for r in rows if r["corpus_hash"] == newest]
