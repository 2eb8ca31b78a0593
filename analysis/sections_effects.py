"""The report's parts about teachers, formats and prices: who taught whom best, does a format help, what is worth it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from html import escape
from itertools import groupby
from typing import Any

from . import charts_effects, page
from .answers import Row, load
from .charts_base import sized
from .formats import FormatContrast
from .labels import ANSWER_ONLY, count, p_value, percent, points, span, span_points
from .page import Html, Section
from .pareto import PRICES, front, priced
from .points import answers_a_point, panels, point
from .statistics import effective_n, wilson

TRAIN_MORE = "cotdistill train --student tiny --teacher builtin-strict,builtin-diverse && cotdistill evaluate"
FORMATS = "cotdistill generate --teacher builtin-strict --dataset arith --level 3 --format original,symbolic"


def teachers_section(outcomes: Sequence[Row]) -> Section:
    """Teacher x student: accuracy at the levels that all of a student's teachers have."""
    title = "Teacher and student"
    parts: list[Html] = []
    groups = groupby(sorted((r for r in outcomes if r["teacher"]), key=_measured), key=_measured)
    for (dataset, split, engine, _), rows in groups:
        parts += _grid(f"{dataset}, {split} split; {engine}", list(rows))
    if not parts:
        return Section("teachers", title, [page.nothing("No trained student is evaluated yet.", TRAIN_MORE)])
    return Section(
        "teachers",
        title,
        [
            page.paragraph(
                "Right answers in percent, pooled over the runs of the levels and formats that every teacher of that "
                "student has, so that no teacher is judged by an easier recipe. Below: 95 % interval (Wilson at the "
                "effective n) and n answers. Hatched: not evaluated.",
                "note",
            ),
            *parts,
            page.reproduce("cotdistill analyze accuracy --json", load("levels").sql),
        ],
    )


def _measured(r: Row) -> tuple[str, ...]:
    return r["dataset"], r["split"], r["engine"], r["decoder"]


def _grid(title: str, rows: Sequence[Row]) -> list[Html]:
    reasoned = [r for r in rows if r["format"] != ANSWER_ONLY]
    students = sorted({r["student"] for r in reasoned})
    teachers = sorted({r["teacher"] for r in reasoned})
    cells: dict[tuple[str, str], str] = {}
    said = []
    for student in students:
        mine = [r for r in reasoned if r["student"] == student]
        recipes = {t: {(r["level"], r["format"]) for r in mine if r["teacher"] == t} for t in teachers}
        shared = set.intersection(*(v for v in recipes.values() if v))
        levels = ", ".join(str(lv) for lv in sorted({lv for lv, _ in shared if lv is not None})) or "none"
        said.append(f"{student}: levels {levels}")
        for teacher in teachers:
            found = [r for r in mine if r["teacher"] == teacher and (r["level"], r["format"]) in shared]
            cells[teacher, student] = _pooled(found)
    head = "".join(f'<th scope="col">{escape(s)}</th>' for s in ("", *students))
    body = "".join(
        f'<tr><th scope="row" class="name">{escape(t)}</th>{"".join(cells[t, s] for s in students)}</tr>'
        for t in teachers
    )
    note = f"Levels compared: {'; '.join(said)}."
    grid = f'<table class="heat"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
    return [
        Html(f"<h3>{escape(title)}</h3>"),
        Html(f'<div class="scroll" tabindex="0" role="group" aria-label="Teacher by student">{grid}</div>'),
        page.paragraph(note, "note"),
    ]


def _pooled(rows: Sequence[Row]) -> str:
    """A cell of the grid: accuracy of these runs together, each question's answers counted as what they are worth."""
    if not rows:
        return '<td class="hole" title="not evaluated">none</td>'
    by_question: dict[str, list[float]] = defaultdict(list)
    for r in rows:
        for key, share in zip(r["question_keys"], r["shares"], strict=True):
            by_question[key].append(share)
    n = sum(len(v) for v in by_question.values())
    share = sum(sum(v) for v in by_question.values()) / n
    worth = effective_n([sum(v) / len(v) for v in by_question.values()], n)
    found = wilson(share * worth, worth)
    shade = f"background: rgba(var(--heat), {0.06 + 0.5 * share:.2f})"
    return (
        f'<td style="{shade}">{percent(share)}<small>{span(found.low, found.high)}</small><small>n {n:,}</small></td>'
    )


def formats_section(found: Sequence[FormatContrast]) -> Section:
    """Each format against the original one at the same level: a forest of paired differences."""
    title = "Formats"
    if not found:
        why = "No format is evaluated beside the original one at the same level."
        return Section("formats", title, [page.nothing(why, FORMATS)])
    parts = []
    by_panel: dict[str, list[FormatContrast]] = defaultdict(list)
    for f in found:
        by_panel[f"{f.student} on {f.dataset}, {f.split} split"].append(f)
    for name, part in by_panel.items():
        rows = [
            {
                "label": f"{f.format}, level {f.level or '-'}, {f.teacher}",
                "difference": 100 * f.contrast.difference,
                "low": 100 * f.contrast.interval.low,
                "high": 100 * f.contrast.interval.high,
                "verdict": f.contrast.verdict,
            }
            for f in part
        ]
        columns = ("format", "teacher", "level", "points", "95 %", "n questions", "test", "Holm p", "verdict")
        body = [
            (
                f.format,
                f.teacher,
                f.level,
                points(c.difference),
                span_points(c.interval.low, c.interval.high),
                f"{c.n:,}",
                c.test,
                p_value(c.p_holm),
                c.verdict,
            )
            for f in part
            for c in (f.contrast,)
        ]
        sizes = sorted({f.contrast.n for f in part})
        n = f"{sizes[0]:,}" + (f" to {sizes[-1]:,}" if len(sizes) > 1 else "") + " paired questions a line"
        plot = sized(charts_effects.forest, rows, alone=len(by_panel) == 1)
        label = "; ".join(f"{r['label']}: {r['difference']:+.1f} points, {r['verdict']}" for r in rows[:12])
        parts.append(
            page.figure(name, plot, f"Formats against the original: {label}", n=n, behind=page.table(columns, body))
        )
    better = sum(1 for f in found if f.contrast.verdict == "better")
    worse = sum(1 for f in found if f.contrast.verdict == "worse")
    lead = f"Of {count(len(found), 'contrast')}, {better} are better and {worse} worse than the original format; "
    return Section(
        "formats",
        title,
        [
            page.paragraph(f"{lead}{len(found) - better - worse} cannot be told from it."),
            page.paragraph(
                "Accuracy with a format less that with the original format of the same teacher at the same level, "
                "paired on questions, 95 % intervals; verdicts after Holm over all format contrasts of a data set.",
                "note",
            ),
            page.figures(parts),
            page.reproduce("cotdistill analyze levels --json", load("levels").sql),
        ],
    )


def pareto_section(scores: Sequence[Row], costs: Sequence[Row], colours: Mapping[str, str]) -> Section:
    """What nothing cheaper beats: dollars, where anything cost any, and completion tokens against accuracy."""
    title = "Price and accuracy"
    parts, said = [], []
    for field, axis in PRICES.items():
        known = priced(scores, costs, field)
        if known and not any(r[field] for r in known):
            said.append("No call of these cells cost a dollar, so there is no front of dollars.")
            continue
        named = panels(known)
        for name, rows in named.items():
            if len(rows) > 1:
                parts.append(_price_figure(name, rows, field, axis, colours, alone=len(named) == 1))
    if not parts:
        why = "Nothing that was paid for is evaluated yet: imported rationales have no price here."
        return Section("pareto", title, [page.nothing(why, "cotdistill analyze spend")])
    return Section(
        "pareto",
        title,
        [
            page.paragraph(
                "Accuracy against what the teacher's calls for the cell cost, failed ones included. The dashed line "
                "joins what nothing cheaper beats by the point estimate; the rest is faint. Intervals are Wilson's: "
                "where they overlap, the front is not sure. A cell with a call of unknown price is left out.",
                "note",
            ),
            page.figures(parts),
            *[page.paragraph(s, "note") for s in said],
            page.reproduce("cotdistill analyze spend --json", load("costs").sql, load("accuracy").sql),
        ],
    )


def _price_figure(
    name: str, rows: Sequence[Row], field: str, axis: str, colours: Mapping[str, str], *, alone: bool
) -> Html:
    on_front = front(rows, field)
    drawn = [
        point(r, colours) | {"label": place_label(r), "front": f, field: r[field]}
        for r, f in zip(rows, on_front, strict=True)
    ]
    columns: tuple[str, ...] = ("teacher", "supervision", "on the front", axis, "right %", "95 %", "n")
    body: list[tuple[Any, ...]] = [
        (
            r["teacher"],
            place_label(r, long=True),
            "yes" if f else "no",
            f"{r[field]:,.4g}" if field == "usd" else f"{r[field]:,}",
            percent(r["accuracy"]),
            span(r["low"], r["high"]),
            f"{r['n']:,}",
        )
        for r, f in sorted(zip(rows, on_front, strict=True), key=lambda x: x[0][field])
    ]
    best = [place_label(r, long=True) for r, f in zip(rows, on_front, strict=True) if f]
    plot = sized(charts_effects.pareto, drawn, field, axis, alone=alone)
    label = f"Right answers against {axis}. On the front: {', '.join(best)}"
    n = f"{name}; {answers_a_point(rows)}"
    return page.figure(f"Accuracy against {axis}", plot, label, n=n, behind=page.table(columns, body, words=3))


def place_label(r: Row, *, long: bool = False) -> str:
    """`3`, `ao`, or `level 3`, `answer-only` with its format: how a point is labelled."""
    if r["format"] == ANSWER_ONLY:
        return ANSWER_ONLY if long else "ao"
    if not long:
        return str(r["level"] or "")
    kind = "" if r["format"] in (None, "original") else f" {r['format']}"
    return f"level {r['level']}{kind}" if r["level"] is not None else f"no level{kind}"
