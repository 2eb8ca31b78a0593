"""The audit of supervision: was the dose given, what is wrong with the rationales, and what does the design lack?"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..store.store import Store
from .answers import Answer, NamedQuestion, Row, load, query, tabulate
from .coverage import holes
from .labels import percent, recipe_of, span
from .statistics import wilson

FILTERS = ("dataset", "teacher", "level", "format")
_FOLDABLE = ("dataset", "teacher", "format")
# What a rule means, in the few words that fit beside its count.
MEANING = {
    "in-test-split": "the question is in a test split",
    "wrong-answer": "announces another answer than the gold one",
    "no-answer": "announces no readable answer",
    "two-answers": "announces different answers",
    "not-derived": "the answer is not in the reasoning",
    "no-reasoning": "nothing but an announcement",
    "truncated": "stops in the middle",
    "empty": "no text",
    "malformed": "could not be read",
    "refused": "the teacher refused",
    "filtered": "the provider's filter",
    "bad-request": "the provider refused the request",
    "exact-duplicate": "question and text repeat a row",
    "near-duplicate": "nearly repeats a text of its cell",
    "level-copy": "nearly repeats a coarser level",
    "template-residue": "tags, roles, placeholders",
    "lost-newlines": "sentences or steps glued",
    "wrong-language": "not the question's language",
}


def answers(store: Store, asked: Mapping[str, Any]) -> list[Answer]:
    """The audit's tables: faults by rule and by cell, the dose by level and by series, holes."""
    found = query(store, "faults", asked)
    return [
        by_rule(found, asked),
        by_cell(found),
        dose(query(store, "dose", asked)),
        monotone(query(store, "monotone", asked)),
        missing(query(store, "coverage", asked)),
    ]


def rows_of(rule: str, asked: Mapping[str, Any]) -> str:
    """SQL that lists the rows of one fault, in the cells asked for."""
    terms = [f"rule = {_literal(rule)}"]
    for name in FILTERS:
        if values := asked.get(name):
            listed = ", ".join(_literal(v) for v in values)
            terms.append(f"{name} = {listed}" if len(values) == 1 else f"{name} IN ({listed})")
    return f"FROM fault_row WHERE {' AND '.join(terms)}"


def _literal(value: str | int) -> str:
    return str(value) if isinstance(value, int) else "'" + value.replace("'", "''") + "'"


def by_rule(found: Sequence[Row], asked: Mapping[str, Any]) -> Answer:
    """One row per rule over all chosen cells, the most frequent first."""
    replies = sum(r["replies"] for r in found if r["rule"] is None)
    faulty = sum(r["n"] for r in found if r["rule"] is None)
    per_rule: dict[str, list[Row]] = defaultdict(list)
    for r in found:
        if r["rule"] is not None:
            per_rule[r["rule"]].append(r)
    rows, detail, lines = [], [], []
    for rule, cells in sorted(per_rule.items(), key=lambda item: (-sum(r["n"] for r in item[1]), item[0])):
        n = sum(r["n"] for r in cells)
        worst = max(cells, key=lambda r: (r["share"], r["n"]))
        where = f"{worst['dataset']} {worst['teacher']} {recipe_of(worst)}"
        meaning, sql = MEANING.get(rule, ""), rows_of(rule, asked)
        rows.append((rule, n, f"{100 * n / replies:.2f}", len(cells), f"{percent(worst['share'])} {where}"))
        detail.append(
            {"rule": rule, "meaning": meaning, "n": n, "replies": replies, "share": n / replies}
            | {"cells": len(cells), "worst_cell": where, "worst_share": worst["share"], "sql": sql}
        )
        lines.append(f"{rule}: {meaning}. Next: {command(sql)}")
    total = (
        f"{faulty:,} of {replies:,} replies have a fault ({percent(faulty / replies)} %)" if replies else "no replies"
    )
    notes = [total, *lines]
    return tabulate(load("faults"), ("fault", "n", "%", "cells", "worst cell, %"), rows, notes, detail)


def command(sql: str) -> str:
    """The query as it is typed."""
    return f'cotdistill sql "{sql}"'


def by_cell(found: Sequence[Row]) -> Answer:
    """One row per cell: how many replies have a fault, and which."""
    cells: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for r in found:
        cells[tuple(r[c] for c in ("dataset", "teacher", "level", "format", "gold_visible", "prompt_version"))].append(
            r
        )
    rows, detail = [], []
    for lines in cells.values():
        whole = next(r for r in lines if r["rule"] is None)
        faults = sorted((r for r in lines if r["rule"] is not None), key=lambda r: -r["n"])
        said = ", ".join(f"{r['rule']} {r['n']:,} ({percent(r['share'])})" for r in faults) or "none"
        rows.append(
            (whole["dataset"], whole["teacher"], recipe_of(whole), whole["replies"], percent(whole["share"]), said)
        )
        detail += [{**r, "rule": r["rule"] or "any"} for r in lines]
    notes = ["%: replies with any fault; in brackets the share of each, in percent"]
    columns = ("dataset", "teacher", "recipe", "n", "%", "faults")
    return tabulate(_named("faults", "Faults by cell"), columns, rows, notes, detail)


def dose(found: Sequence[Row]) -> Answer:
    """One row per level: what it came out as, and whether it is longer than the coarser one."""
    means = ("steps", "sentences", "tokens", "equations", "numbers")
    rows, detail, notes = [], [], []
    before: dict[tuple[Any, ...], Row] = {}
    for r in found:
        series = tuple(r[c] for c in ("dataset", "teacher", "format", "gold_visible", "prompt_version"))
        coarser = before.get(series)
        before[series] = r
        shrank = [m for m in ("steps", "tokens") if coarser is not None and r[f"mean_{m}"] <= coarser[f"mean_{m}"]]
        longer = percent(r["n_longer"] / r["n_both"]) if r["n_both"] else "-"
        shown = [None if r[f"mean_{m}"] is None else round(r[f"mean_{m}"], 1) for m in means]
        rows.append((r["dataset"], r["teacher"], recipe_of(r), r["n"], *shown, longer + (" !" if shrank else "")))
        detail.append({**r, "not_grown": shrank})
        if coarser is not None:
            notes += [
                f"! {r['dataset']} by {r['teacher']}, {recipe_of(r)}: {r[f'mean_{m}']:.2f} {m}, not more than "
                f"{coarser[f'mean_{m}']:.2f} at level {coarser['level']}"
                for m in shrank
            ]
    legend = (
        "means per rationale of steps, sentences, tokens, equations and distinct intermediate numbers; longer: percent "
        "of questions with more tokens than at the next coarser level; !: steps or tokens did not grow"
    )
    columns = ("dataset", "teacher", "recipe", "n", "steps", "sent", "tokens", "eq", "num", "longer")
    return tabulate(load("dose"), columns, rows, [*notes, legend] if rows else ["no cell has a level"], detail)


def monotone(found: Sequence[Row]) -> Answer:
    """One row per series of levels: how many questions get longer at each of them."""
    rows, detail = [], []
    for r in (row for row in found if row["n"]):
        k, n = r["monotone_tokens"], r["n"]
        interval = wilson(k, n)
        levels, format = _levels(r["levels"]), r["format"] or "-"
        steps = percent(r["monotone_steps"] / n)
        rows.append(
            (r["dataset"], r["teacher"], format, levels, n, percent(k / n), span(interval.low, interval.high), steps)
        )
        detail.append({**r, "share": k / n, "low": interval.low, "high": interval.high})
    notes = [
        "longer: percent of the n questions answered at all levels whose tokens grow at every level, with a Wilson "
        "95 % interval; steps: the same of steps"
    ]
    columns = ("dataset", "teacher", "format", "levels", "n", "longer", "95 %", "steps")
    return tabulate(load("monotone"), columns, rows, notes if rows else [], detail, _FOLDABLE)


def _levels(levels: Sequence[int]) -> str:
    whole = len(levels) > 2 and list(levels) == list(range(levels[0], levels[-1] + 1))
    return f"{levels[0]}-{levels[-1]}" if whole else ",".join(map(str, levels))


def missing(found: Sequence[Row]) -> Answer:
    """The design's holes, in words."""
    gaps = holes(found)
    incomplete = [r for r in found if r["wanted"] and r["missing"]]
    notes = [
        *(f"{d} by {t} has no {', '.join(recipes)}, others have" for (d, t), recipes in gaps.items()),
        *(
            f"{r['dataset']} by {r['teacher']}, {recipe_of(r)}: {r['missing']:,} of {r['wanted']:,} replies are missing"
            for r in incomplete
        ),
    ]
    detail = [{k: r[k] for k in ("dataset", "teacher", "level", "format", "wanted", "missing")} for r in found]
    lacking = [r for r in detail if not r["wanted"] or r["missing"]]
    return Answer("holes", "Holes of the design", (), (), tuple(notes or ["none"]), tuple(lacking))


def _named(name: str, title: str) -> NamedQuestion:
    return replace(load(name), title=title)
