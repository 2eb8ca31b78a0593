"""The report's parts about students: what worked, accuracy, length and diversity, loss, runs.

Each turns rows of the store into a section, or says what is missing and what to type.
"""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from . import charts, page
from .answers import Answer, Row, load
from .charts_base import sized
from .headline import Headline, headlines, references
from .labels import ANSWER_ONLY, count, percent, recipe_of, span
from .levels import Group
from .page import Html, Section
from .points import answers_a_point, dash, panels, place, point

TRAIN = "cotdistill train --student tiny && cotdistill evaluate"
GENERATE = "cotdistill generate --teacher builtin-strict --dataset arith --level 1,3,5"
_MAX_CARDS = 8
_MAX_CURVES = 24
_MAX_RUNS = 40


def answer_section(groups: Sequence[Group], accuracy: Sequence[Row], contrasts: Answer) -> Section:
    """Which supervision worked, in words."""
    cards = [_card(h) for h in headlines(groups, accuracy)]
    if not cards:
        said = [page.paragraph(line) for line in references(accuracy)]
        cards = [
            *said,
            page.nothing("No trained student is evaluated at any level, so nothing can be said yet.", TRAIN),
        ]
    else:
        cards = [
            *cards[:_MAX_CARDS],
            *([page.folded(f"{n} more", *cards[_MAX_CARDS:])] if (n := len(cards) - _MAX_CARDS) > 0 else []),
        ]
        inner = [page.table(contrasts.columns, contrasts.rows, words=_n_words(contrasts))]
        inner += [page.paragraph(note, "note") for note in contrasts.notes]
        cards.append(page.folded(f"All {len(contrasts.rows)} contrasts, with their tests", *inner))
        cards.append(page.reproduce("cotdistill analyze levels --json", load("levels").sql))
    return Section("answer", "Which supervision worked", cards, "Verdicts")


def said_section(found: Sequence[Headline]) -> list[Section]:
    """What the rationales alone say, in words; none where there are no rationales."""
    if not found:
        return []
    queries = [load(name).sql for name in ("coverage", "monotone")]
    asked = page.reproduce("cotdistill analyze coverage --json", *queries)
    return [Section("said", "What the rationales say", [*map(_card, found), asked], "The rationales")]


def _card(h: Headline) -> Html:
    items = "".join(f"<li>{page.text(s).text}</li>" for s in h.sentences)
    return Html(
        f'<div class="card{" sure" if h.sure else ""}"><p class="what">{page.text(h.title).text}</p>'
        f'<p class="verdict">{page.text(h.verdict).text}</p><ul>{items}</ul></div>'
    )


def accuracy_section(rows: Sequence[Row], note: str, colours: Mapping[str, str]) -> Section:
    """Accuracy by requested level, a plot for each student and split, and the table."""
    if not rows:
        return Section("accuracy", "Accuracy by level", [page.nothing("No student is evaluated yet.", TRAIN)])
    plots = []
    parts = panels(rows)
    for title, part in parts.items():
        plot = sized(charts.accuracy_by_level, [point(r, colours) for r in part], alone=len(parts) == 1)
        label = "; ".join(f"{r['teacher'] or ''} {recipe_of(r)} {percent(r['accuracy'])} %" for r in part[:20])
        name, _, how = title.partition("; ")
        said = f"{how}; {answers_a_point(part)}"
        plots.append(page.figure(name, plot, f"Right answers by level: {label}", n=said, behind=_scores(part)))
    return Section(
        "accuracy",
        "Accuracy by level",
        [
            page.paragraph(
                "Points with their band of Wilson 95 % intervals; small ticks are single runs; dashed lines mark the "
                "untouched base and the answer-only students. The luck of a seed is in the ticks, not in the band.",
                "note",
            ),
            page.figures(plots),
            page.paragraph(note, "note"),
            page.reproduce("cotdistill analyze accuracy --json", load("accuracy").sql),
        ],
    )


def _scores(rows: Sequence[Row]) -> Html:
    columns = (
        "teacher", "supervision", "right %", "95 % interval", "n", "questions", "runs", "worst-best run",
        "unparsed %", "cut %",
    )  # fmt: skip
    body = [
        (
            r["teacher"],
            recipe_of(r),
            percent(r["accuracy"]),
            span(r["low"], r["high"]),
            f"{r['n']:,}",
            f"{r['n_questions']:,}",
            r["runs"] or None,
            span(r["run_low"], r["run_high"]) if r["runs"] > 1 else None,
            percent(r["unparsed"]),
            percent(r["truncated"]),
        )
        for r in rows
    ]
    return page.table(columns, body, words=2)


def against_section(joined: Sequence[Row], colours: Mapping[str, str]) -> Section:
    """Accuracy against the length and the repetitiveness of what was taught, and the table of all measures."""
    reasoned = [r for r in joined if r["accuracy"] is not None]
    if not joined:
        return Section(
            "diversity",
            "Length, diversity and accuracy",
            [page.nothing("There are no rationales yet.", GENERATE)],
            "Diversity",
        )
    plots = []
    for title, part in panels(reasoned, dataset="evaluated_on").items():
        points = [
            point(r, colours)
            | {"label": "ao" if r["format"] == ANSWER_ONLY else str(r["level"] or "")}
            | {k: r[k] for k in _AXES}
            for r in part
        ]
        for field, axis in _AXES.items():
            known = [p for p in points if p[field] is not None]
            if len(known) > 1:
                plot = sized(charts.accuracy_against, known, field, axis, alone=False)
                label = f"Right answers against {axis}: {title}"
                behind = page.table(*_pairs(part, field, axis), words=2)
                said = f"{title}; {answers_a_point(part)}"
                plots.append(page.figure(f"Accuracy against {axis}", plot, label, n=said, behind=behind))
    columns = (
        "data set", "teacher", "supervision", "student", "right % (95 %)", "rows", "tokens", "steps",
        "equations", "distinct-1", "distinct-2", "compression", "distinct plans", "judged right %",
    )  # fmt: skip
    body = [
        (
            r["dataset"],
            r["teacher"],
            recipe_of(r),
            r["student"],
            None if r["accuracy"] is None else f"{percent(r['accuracy'])} ({span(r['low'], r['high'])})",
            f"{r['n_rows']:,}",
            *(None if r[k] is None else f"{r[k]:.1f}" for k in ("mean_tokens", "mean_steps", "mean_equations")),
            *(_two(r[k]) for k in ("distinct_1", "distinct_2", "compression_ratio", "distinct_plans")),
            percent(r["share_correct"]),
        )
        for r in joined
    ]
    tables = page.table(columns, body, words=4)
    return Section(
        "diversity",
        "Length, diversity and accuracy",
        [
            page.paragraph(
                "What each cell taught, beside the accuracy that came of it; numbers at the points are levels, ao "
                "is answer-only. "
                "Longer texts look less diverse by all of these measures, so the last four columns but one are "
                "taken on the first "
                "10,000 words of each cell.",
                "note",
            ),
            page.figures(plots)
            if plots
            else page.nothing("No student trained on these cells is evaluated yet.", TRAIN),
            page.folded(f"All measures of {count(len(body), 'row')}", tables),
            page.reproduce("cotdistill analyze diversity --json", load("diversity").sql),
        ],
        "Diversity",
    )


_AXES = {
    "mean_tokens": "mean realised tokens of the corpus",
    "compression_ratio": "compression ratio of the corpus (higher repeats more)",
}


def _pairs(part: Sequence[Row], field: str, axis: str) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
    columns = ("teacher", "supervision", axis, "right %", "95 %", "n", "corpus rows")
    rows = [
        (
            r["teacher"],
            recipe_of(r),
            f"{r[field]:.2f}",
            percent(r["accuracy"]),
            span(r["low"], r["high"]),
            f"{r['n']:,}",
            f"{r['n_rows']:,}",
        )
        for r in part
        if r[field] is not None
    ]
    return columns, rows


def loss_section(rows: Sequence[Row]) -> Section:
    """How the training loss of each run fell."""
    if not rows:
        return Section(
            "loss",
            "Training loss",
            [page.nothing("No run has recorded a step yet.", "cotdistill train --student tiny")],
        )
    by_title: dict[str, list[Row]] = defaultdict(list)
    runs: dict[str, set[str]] = defaultdict(set)
    for r in rows:
        title = (
            f"{r['student']} on {r['dataset']} by {r['teacher']}"
            if r["dataset"]
            else f"{r['student']}, corpus without a cell"
        )
        by_title[title].append(
            {"run": r["run_key"], "place": place(r), "format": dash(r), "step": r["step"], "loss": r["loss"]}
        )
        runs[title].add(r["run_key"])
    plots = [
        page.figure(
            t,
            sized(charts.loss_curves, p, alone=len(by_title) == 1),
            f"Training loss by step: {t}",
            n=f"n = {count(len(runs[t]), 'run')}, {count(len(p), 'point')}",
            behind=page.table(("level", "format", "run", "steps", "first loss", "last loss"), _ends(p), words=3),
        )
        for t, p in by_title.items()
    ]
    shown, rest = plots[:_MAX_CURVES], plots[_MAX_CURVES:]
    return Section(
        "loss",
        "Training loss",
        [
            page.paragraph("One line a run, means of neighbouring steps.", "note"),
            page.figures(shown),
            *([page.folded(f"{len(rest)} more plots", page.figures(rest))] if rest else []),
            page.reproduce(
                "cotdistill sql - < analysis/sql/loss_curves.sql   (with $n_points = 150)", load("loss_curves").sql
            ),
        ],
    )


def _ends(points: Sequence[Row]) -> list[tuple[Any, ...]]:
    """Where each curve starts and ends."""
    by_run: dict[str, list[Row]] = defaultdict(list)
    for p in points:
        by_run[p["run"]].append(p)
    return [
        (c[0]["place"], c[0]["format"], key[:8], f"{c[-1]['step']:,}", f"{c[0]['loss']:.3f}", f"{c[-1]['loss']:.3f}")
        for key, c in by_run.items()
    ]


def runs_section(rows: Sequence[Row]) -> Section:
    """Every run with what became of it."""
    if not rows:
        return Section("runs", "Runs", [page.nothing("No student was trained yet.", "cotdistill train --student tiny")])
    columns = (
        "student", "data set", "teacher", "supervision", "status", "seed", "corpus rows", "steps", "seconds",
        "trainer", "run",
    )  # fmt: skip
    body = []
    for r in rows:
        outcome = _json(r["outcome"])
        told = r["status"] if "error" not in outcome else f"{r['status']}: {str(outcome['error'])[:120]}"
        body.append(
            (
                r["student"],
                r["dataset"],
                r["teacher"],
                recipe_of(r) if r["dataset"] else None,
                told,
                r["seed"],
                _thousands(r["n_rows"]),
                _thousands(outcome.get("steps")),
                None if outcome.get("seconds") is None else f"{float(outcome['seconds']):.0f}",
                r["trainer"],
                r["run_key"][:8],
            )
        )
    made = page.table(columns, body, words=5, wrapped=4)
    return Section(
        "runs",
        "Runs",
        [
            made if len(body) <= _MAX_RUNS else page.folded(f"All {len(body)} runs", made),
            page.reproduce("cotdistill sql - < analysis/sql/runs.sql", load("runs").sql),
        ],
    )


def _n_words(answer: Answer) -> int:
    """How many columns from the left hold words."""
    return next((i for i, c in enumerate(answer.columns) if c == "points"), 1)


def _two(value: float | None) -> str | None:
    return None if value is None else f"{value:.2f}"


def _json(text: str | None) -> dict[str, Any]:
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _thousands(value: int | None) -> str | None:
    return None if value is None else f"{value:,}"
