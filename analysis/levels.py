"""Levels: each granularity against answer-only, the best other level and the untouched base, and which of them is best.

Only like is compared with like: the same student and base weights, training profile, corpus rule, split, decoder and
engine. The family of tests that Holm corrects is every pair of supervisions of every such group on one data set, since
the best level is found by looking at all of them.
"""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from .answers import Answer, NamedQuestion, Row, tabulate
from .contrasts import FEW_RUNS, Arm, Contrast, arm, compare, correct
from .labels import ANSWER_ONLY, UNTOUCHED, decoder, p_value, points, recipe_of, span_points

COLUMNS = (
    "student",
    "dataset",
    "split",
    "teacher",
    "supervision",
    "against",
    "points",
    "95 %",
    "n",
    "runs",
    "p",
    "verdict",
)
NEXT = "nothing is evaluated yet. Next: cotdistill train --student tiny, then cotdistill evaluate"
FOLDABLE = ("student", "dataset", "split", "teacher", "n", "runs")
_MEASURED = ("student", "base_hash", "dataset", "split", "decoder", "engine", "dtype")
TRAINED = (*_MEASURED, "template", "trainer", "profile")
_FIELDS = ("student", "dataset", "split", "teacher", "format", "decoder", "engine", "trainer", "profile")
_SERIES = ("trained_on", "teacher", "format", "gold_visible", "prompt_version")


@dataclass(frozen=True, slots=True)
class Group:
    """The levels of one (student, data set, teacher, format) that can be compared, with their references.

    `contrasts` holds each pair once, corrected. `levels` is ordered coarse to fine. `rows`: to how many questions the
    corpora were cut, None for whole cells.
    """

    student: str
    dataset: str
    split: str
    teacher: str
    format: str | None
    decoder: str
    engine: str
    trainer: str
    profile: str
    levels: tuple[Arm, ...]
    answer_only: Arm | None
    untouched: Arm | None
    contrasts: tuple[Contrast, ...]
    notes: tuple[str, ...]
    rows: int | None = None

    @property
    def best(self) -> Arm:
        """The level with the highest accuracy; the coarsest of equals."""
        return max(self.levels, key=lambda a: a.accuracy)

    def best_other(self, level: Arm) -> Arm | None:
        """The most accurate of the other levels."""
        others = [a for a in self.levels if a is not level]
        return max(others, key=lambda a: a.accuracy) if others else None

    def between(self, first: Arm | None, second: Arm | None) -> Contrast | None:
        """The contrast of two arms of this group, seen from the first."""
        for c in self.contrasts:
            if c.first is first and c.second is second:
                return c
            if c.first is second and c.second is first:
                return c.reversed()
        return None

    def shown(self) -> list[tuple[str, Contrast]]:
        """The contrasts of the answer, with what each is against."""
        pairs: list[tuple[str, Arm | None, Arm | None]] = [(ANSWER_ONLY, a, self.answer_only) for a in self.levels]
        pairs += [("best other", a, self.best_other(a)) for a in self.levels]
        pairs += [(UNTOUCHED, a, self.untouched) for a in (*self.levels, self.answer_only)]
        return [(kind, c) for kind, a, b in pairs if a and b and (c := self.between(a, b))]


def groups(found: Sequence[Row]) -> list[Group]:
    """The comparable groups in the rows of levels.sql."""
    untouched: dict[tuple[Any, ...], Arm] = {}
    trained: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in found:
        if row["run_key"] is None:
            untouched[tuple(row[c] for c in _MEASURED)] = arm(UNTOUCHED, [row])
        elif row["teacher"] is not None:
            trained[(*(row[c] for c in TRAINED), *corpus_rule(row))].append(row)
    drafts: list[tuple[Row, list[Arm], Arm | None, Arm | None, list[str]]] = []
    for rows in trained.values():
        base = untouched.get(tuple(rows[0][c] for c in _MEASURED))
        series: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
        for row in rows:
            series[tuple(row[c] for c in _SERIES)].append(row)
        references = {key: _arms(part) for key, part in series.items() if part[0]["format"] == ANSWER_ONLY}
        for key, part in series.items():
            if part[0]["format"] == ANSWER_ONLY:
                continue
            levels, notes = _arms(part)
            reference = _reference(references, trained_on=key[0], teacher=key[1])
            drafts.append((part[0], levels, reference, base, notes))
    return _tested(drafts)


def answer(question: NamedQuestion, found: Sequence[Row]) -> Answer:
    """One row per contrast."""
    made = groups(found)
    rows: list[tuple[Any, ...]] = []
    detail: list[Row] = []
    seen: set[tuple[int, int]] = set()
    for group in made:
        for kind, c in group.shown():
            if (id(c.first), id(c.second)) in seen:
                continue  # answer-only against untouched, shared by the formats of a teacher
            seen.add((id(c.first), id(c.second)))
            against = c.second.name if kind != "best other" else f"{c.second.name} *"
            span = span_points(c.interval.low, c.interval.high)
            names = (group.student, group.dataset, group.split, group.teacher, c.first.name, against)
            rows.append((*names, points(c.difference), span, c.n, _runs(c), p_value(c.p_holm), c.verdict))
            detail.append(_detail(group, kind, c))
    return tabulate(question, COLUMNS, rows, _notes(found, made), detail, FOLDABLE)


def _notes(found: Sequence[Row], made: Sequence[Group]) -> list[str]:
    if not made:
        some = "only untouched or answer-only students are evaluated" if found else ""
        return [f"{some}. Next: cotdistill train --student tiny --level 1,3,5" if some else NEXT]
    contrasts = [c for g in made for c in g.contrasts]
    tests = sorted({f"{c.test} (about {c.scope})" for c in contrasts})
    notes = [
        "points: accuracy of the first less the second, in percentage points, paired on n questions; * the best "
        "other level",
        "tests: " + "; ".join(tests),
    ]
    for dataset in sorted({g.dataset for g in made}):
        family = {id(c) for g in made if g.dataset == dataset for c in g.contrasts}
        notes.append(f"p: Holm over the {len(family)} pairs of {dataset} (every pair: the best is found by looking)")
    if any(c.scope == "these runs" for c in contrasts):
        notes.append(
            f"these runs: with fewer than {FEW_RUNS} seeds a level a verdict is about these runs; another seed may "
            "turn it. "
            f"Next: cotdistill train --seeds 1,2,3"
        )
    unsure = sorted(c.smallest for c in contrasts if c.verdict == "cannot tell")
    if unsure:
        notes.append(
            f"cannot tell: these would find a difference of {100 * unsure[0]:.1f} to {100 * unsure[-1]:.1f} points "
            "four times in five; how many seeds or questions it would take: would_take in --json"
        )
    measured = sorted({f"{g.engine}, {decoder(g.decoder)}" for g in made})
    return [*notes, "measured by " + "; ".join(measured), *dict.fromkeys(n for g in made for n in g.notes)]


def _tested(drafts: Sequence[tuple[Row, list[Arm], Arm | None, Arm | None, list[str]]]) -> list[Group]:
    """Every pair of every draft tested once, corrected by data set."""
    families: dict[str, dict[tuple[int, int], Contrast]] = defaultdict(dict)
    for row, levels, reference, base, _ in drafts:
        for a, b in combinations([*levels, *(x for x in (reference, base) if x)], 2):
            if (id(a), id(b)) not in families[row["dataset"]] and (c := compare(a, b)):
                families[row["dataset"]][id(a), id(b)] = c
    corrected = {d: dict(zip(f, correct(list(f.values())), strict=True)) for d, f in families.items()}
    made = []
    for row, levels, reference, base, notes in drafts:
        members = {id(a) for a in (*levels, reference, base) if a}
        mine = tuple(c for (a, b), c in corrected.get(row["dataset"], {}).items() if a in members and b in members)
        fields = {k: row[k] for k in _FIELDS}
        if reference is None:
            notes = [*notes, f"{row['student']} on {row['dataset']}: no answer-only run to compare with"]
        made.append(
            Group(
                **fields,
                levels=tuple(levels),
                answer_only=reference,
                untouched=base,
                contrasts=mine,
                notes=tuple(notes),
                rows=corpus_rule(row)[1],
            )
        )
    return made


def _arms(rows: Sequence[Row]) -> tuple[list[Arm], list[str]]:
    """One arm for each level, of its newest corpus; a note where older corpora have runs too, or sizes differ much."""
    by_level: dict[int | None, dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        by_level[row["level"]][row["corpus_hash"]].append(row)
    arms, notes = [], []
    for level in sorted(by_level, key=lambda x: (x is not None, x or 0)):
        corpora = by_level[level]
        newest = max(corpora, key=lambda h: (corpora[h][0]["corpus_created_at"], h))
        chosen = corpora[newest]
        arms.append(arm(recipe_of(chosen[0]), chosen))
        if len(corpora) > 1:
            notes.append(f"{recipe_of(chosen[0])}: runs on {len(corpora) - 1} older corpora of the cell are left out")
    sizes = [a.n_rows for a in arms if a.n_rows]
    if sizes and max(sizes) > 1.1 * min(sizes):
        notes.append(f"corpora of {rows[0]['teacher']} differ in size: {min(sizes):,} to {max(sizes):,} rows")
    return arms, notes


def _reference(
    references: dict[tuple[Any, ...], tuple[list[Arm], list[str]]], trained_on: str, teacher: str
) -> Arm | None:
    """The answer-only arm of the same data set: the teacher's own, else whose corpus is largest."""
    candidates = [(key[1] == teacher, arms[0]) for key, (arms, _) in references.items() if key[0] == trained_on]
    return max(candidates, key=lambda c: (c[0], c[1].n_rows or 0))[1] if candidates else None


def corpus_rule(row: Row) -> tuple[Any, ...]:
    """How a corpus was chosen from its cell: by which rule, and cut to how many questions."""
    manifest = json.loads(row["manifest"])
    cut = "beyond --rows" in manifest.get("left_out", {})
    return manifest.get("rule"), manifest.get("n_questions") if cut else None


def _runs(c: Contrast) -> str:
    return " v ".join("-" if a.fixed else str(len(a.scores)) for a in (c.first, c.second))


def _detail(group: Group, kind: str, c: Contrast) -> Row:
    return {
        "student": group.student,
        "dataset": group.dataset,
        "split": group.split,
        "teacher": group.teacher,
        "format": group.format,
        "supervision": c.first.name,
        "level": c.first.level,
        "kind": kind,
        "against": c.second.name,
        "against_teacher": c.second.teacher,
        "difference": c.difference,
        "low": c.interval.low,
        "high": c.interval.high,
        "n_questions": c.n,
        "seeds": list(c.first.seeds),
        "against_seeds": list(c.second.seeds),
        "accuracy": c.first.accuracy,
        "against_accuracy": c.second.accuracy,
        "test": c.test,
        "p": c.p,
        "p_holm": c.p_holm,
        "verdict": c.verdict,
        "about": c.scope,
        "smallest_detectable": c.smallest,
        "would_take": c.would_take,
        "decoder": group.decoder,
        "engine": group.engine,
    }
