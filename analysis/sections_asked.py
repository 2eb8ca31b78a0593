"""The report's opening: what was asked, and every named question that has no section of its own."""

from collections.abc import Sequence
from html import escape
from typing import Any

from . import charts_effects, page
from .answers import Answer, NamedQuestion, Row, load
from .charts_base import sized
from .labels import count
from .page import Html, Section

_MAX_LINES = 40
_DIFFERENCE = ("difference", "low", "high", "verdict")


def asked_section(facts: Sequence[Row], received: int, n_cells: int) -> Section:
    """Data sets, teachers, recipes and students, with their counts."""
    of: dict[str, list[Row]] = {}
    for r in facts:
        of.setdefault(r["what"], []).append(r)
    if not facts:
        why = "The store is empty: no teacher was asked and no student was trained."
        return Section("asked", "What was asked", [page.nothing(why, "cotdistill demo")])
    n_runs = sum(r["n"] for r in of.get("student", ()))
    n_questions = sum(r["n"] for r in of.get("dataset", ()))
    n_graded = sum(r["n"] for r in of.get("evaluated", ()))
    numbers = {
        "questions": n_questions,
        "cells": n_cells,
        "replies": received,
        "runs": n_runs,
        "graded answers": n_graded,
    }
    words = {
        "data sets": _names(of.get("dataset", ()), "question"),
        "teachers": _names(of.get("teacher", ()), "reply"),
        "levels": _names(of.get("level", ())),
        "formats": _names(of.get("format", ())),
        "students": _students(of),
        "evaluated on": _names(of.get("evaluated", ()), "answer"),
    }
    tiles = "".join(f"<div><dt>{escape(name)}</dt><dd>{n:,}</dd></div>" for name, n in numbers.items())
    lines = "".join(
        f"<div><dt>{escape(k)}</dt><dd>{page.text(v or 'none yet').text}</dd></div>" for k, v in words.items()
    )
    return Section(
        "asked",
        "What was asked",
        [
            Html(f'<dl class="tiles">{tiles}</dl><dl class="asked">{lines}</dl>'),
            page.reproduce("cotdistill sql - < analysis/sql/asked.sql", load("asked").sql),
        ],
    )


def _names(rows: Sequence[Row], noun: str = "") -> str:
    return ", ".join(f"{r['value']} ({_count(r['n'], noun)})" if noun else str(r["value"]) for r in rows)


def _count(n: int, noun: str) -> str:
    return count(n, noun) if noun != "reply" else f"{n:,} {'reply' if n == 1 else 'replies'}"


def _students(of: dict[str, list[Row]]) -> str:
    students, seeds = of.get("student", ()), of.get("seed", ())
    return f"{_names(students)}; {count(len(seeds), 'seed')}" if students else ""


def subtitle(store: str, facts: Sequence[Row], received: int) -> str:
    """What was asked, in a sentence."""
    names = {w: [str(r["value"]) for r in facts if r["what"] == w] for w in ("dataset", "teacher", "level", "student")}
    if not facts:
        return f"{store}: nothing was asked yet"
    levels = f" at level{'s' if len(names['level']) > 1 else ''} {_levels(names['level'])}" if names["level"] else ""
    wrote = f"{_listed(names['teacher'])} wrote {_count(received, 'reply')}"
    text = f"{store}: {wrote} about {_listed(names['dataset'])}{levels}"
    n_runs = sum(r["n"] for r in facts if r["what"] == "student")
    n_graded = sum(r["n"] for r in facts if r["what"] == "evaluated")
    if n_runs:
        text += f"; {_listed(names['student'])} learned from them in {count(n_runs, 'run')}"
    return text + (f" and gave {count(n_graded, 'graded answer')}." if n_graded else ".")


def _levels(names: Sequence[str]) -> str:
    """`1 and 3`, `1 to 6`."""
    numbers = sorted(int(n) for n in names)
    if len(numbers) > 2 and numbers == list(range(numbers[0], numbers[-1] + 1)):
        return f"{numbers[0]} to {numbers[-1]}"
    return _listed([str(n) for n in numbers])


def _listed(names: Sequence[str]) -> str:
    if len(names) > 5:
        return f"{', '.join(names[:4])} and {len(names) - 4} more"
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names) or "nobody"


def questions_section(answers: Sequence[tuple[NamedQuestion, Answer]]) -> list[Section]:
    """Each named question that the report does not show elsewhere: title, notes, a forest where it has differences, its
    table and its query. One section, none where there are no such questions."""
    if not answers:
        return []
    parts: list[Html] = []
    for question, found in answers:
        inner = [page.paragraph(note, "note") for note in found.notes]
        if plot := _forest(found):
            inner.append(plot)
        if found.rows:
            table = page.table(found.columns, found.rows, words=_n_words(found))
            inner.append(table if len(found.rows) <= 12 else page.folded(f"{count(len(found.rows), 'row')}", table))
        parts += [
            Html(f'<h3 id="question-{escape(question.name)}">{page.text(found.title).text}</h3>'),
            *inner,
            page.reproduce(f"cotdistill analyze {question.name} --json", question.sql),
        ]
    return [Section("questions", "More questions, answered", parts, "More questions")]


def _forest(found: Answer) -> Html | None:
    """A forest of the answer's differences, where its rows have any: shares between -1 and 1 with an interval."""
    rows = [r for r in found.detail if all(r.get(k) is not None for k in _DIFFERENCE)]
    rows = [r for r in rows if r["verdict"] in ("better", "worse", "cannot tell")][:_MAX_LINES]
    if not rows:
        return None
    drawn = [
        {"label": f"{i}. {_line(r)}", "verdict": r["verdict"]} | {k: 100 * r[k] for k in ("difference", "low", "high")}
        for i, r in enumerate(rows, 1)
    ]
    plot = sized(charts_effects.forest, drawn, alone=True)
    return page.figures([page.figure(found.title, plot, found.title, n=f"n = {count(len(rows), 'contrast')}")])


def _line(r: Row) -> str:
    names = ("student", "dataset", "teacher", "supervision", "format", "level", "against")
    return ", ".join(dict.fromkeys(str(r[k]) for k in names if r.get(k) is not None))


def _n_words(found: Answer) -> int:
    """How many columns from the left hold words: up to the first that has a number in every row."""
    for i in range(len(found.columns)):
        if all(_is_number(row[i]) for row in found.rows):
            return max(1, i)
    return len(found.columns)


def _is_number(value: Any) -> bool:
    if isinstance(value, int | float):
        return True
    return isinstance(value, str) and value[:1] in "+-0123456789" and not value[-1:].isalpha()
