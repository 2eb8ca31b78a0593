"""The report's answer in words: which supervision worked, by how much, and what cannot be told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from .answers import Row
from .contrasts import ALPHA, Arm, Contrast, p_of_these_runs
from .labels import count, p_value, percent, points, recipe_of
from .levels import Group

_MAX_OTHERS = 5


@dataclass(frozen=True, slots=True)
class Headline:
    """One student on one split: a verdict in a few words, then sentences with every figure's n and interval."""

    title: str
    verdict: str
    sentences: tuple[str, ...]
    sure: bool


def headlines(groups: Sequence[Group], accuracy: Sequence[Row]) -> list[Headline]:
    """A headline for each comparable setting: the best level of the best (teacher, format), beside the others."""
    found = []
    for key, part in groupby(sorted(groups, key=_setting), key=_setting):
        members = sorted(part, key=lambda g: g.best.accuracy, reverse=True)
        found.append(_headline(members, [r for r in accuracy if _row_setting(r) in (key, (*key[:5], None, None))]))
    return found


def _setting(group: Group) -> tuple[Any, ...]:
    return group.student, group.dataset, group.split, group.decoder, group.engine, group.trainer, group.profile


def _row_setting(row: Row) -> tuple[Any, ...]:
    return tuple(row[c] for c in ("student", "dataset", "split", "decoder", "engine", "trainer", "profile"))


def _headline(members: Sequence[Group], accuracy: Sequence[Row]) -> Headline:
    group, best = members[0], members[0].best
    rows: Mapping[str | None, Row] = {r["corpus_hash"]: r for r in accuracy}
    gains = [
        _gain(group.between(best, reference), words, rows.get(reference.corpus_hash))
        for reference, words in ((group.answer_only, "the answer-only corpus"), (group.untouched, "the untouched base"))
        if reference is not None
    ]
    ties = [a for a in group.levels if a is not best and (c := group.between(best, a)) and c.verdict == "cannot tell"]
    against = [c for a in (group.answer_only, group.untouched) if a and (c := group.between(best, a))]
    sure = bool(against) and all(c.verdict == "better" for c in against)
    sentences = [_standing(best, group, rows.get(best.corpus_hash)), *gains, *_others(group, best, ties)]
    sentences += [_elsewhere(other, rows) for other in members[1 : 1 + _MAX_OTHERS]]
    if len(members) > 1 + _MAX_OTHERS:
        sentences.append(f"{len(members) - 1 - _MAX_OTHERS} more teachers and formats scored lower: see the table.")
    if any(c.scope == "these runs" for c in group.contrasts):
        sentences.append("This is about these runs: with fewer than three seeds a level, another seed may turn it.")
    name = f"{best.name} of {group.teacher}"
    if not against:
        verdict = f"{_capital(name)} scored highest; nothing to compare it with"
    elif sure and not ties:
        verdict = f"{_capital(name)} worked best"
    elif sure:
        verdict = f"{_capital(name)} scored highest and worked; {_names(ties)} cannot be told from it"
    elif all(c.verdict == "better" or _runs_better(c) for c in against):
        verdict = f"{_capital(name)} scored highest; its runs worked, whether other seeds would cannot be told"
    else:
        verdict = f"{_capital(name)} scored highest, but whether it worked cannot be told"
    return Headline(f"{group.student} on {group.dataset}, {group.split} split", verdict, tuple(sentences), sure)


def _standing(best: Arm, group: Group, row: Row | None) -> str:
    rows = f", {group.rows:,} rows" if group.rows else ""
    return f"Trained on {best.name} of {group.teacher}{rows}, {group.student} gets {_score(best, row)}."


def _score(arm: Arm, row: Row | None) -> str:
    if row is None:
        return f"{percent(arm.accuracy)} % right"
    return (
        f"{percent(row['accuracy'])} % right (95 % interval {percent(row['low'])} to {percent(row['high'])}; "
        f"{count(row['n_questions'], 'question')}{', ' + count(row['runs'], 'run') if row['runs'] else ''})"
    )


def _gain(contrast: Contrast | None, words: str, row: Row | None) -> str:
    if contrast is None:
        return f"It shares no questions with {words}."
    was = f" {_capital(words)} gets {_score(contrast.second, row)}." if row else ""
    runs = ""
    if _runs_better(contrast):
        p = p_value(_p_runs(contrast))
        runs = (
            f" Its runs are better on these questions (sign flips of question means, exact; p {p} for all contrasts "
            f"together); to say so of the supervision would take {contrast.would_take}."
        )
    return (
        f"{points(contrast.difference)} points against {words} ({_figures(contrast)}): {contrast.verdict}.{runs}{was}"
    )


def _p_runs(c: Contrast) -> float:
    """Over questions alone, corrected by Bonferroni for as many contrasts as the family has."""
    return min(1.0, p_of_these_runs(c) * round(ALPHA / c.alpha))


def _runs_better(c: Contrast) -> bool:
    """Nothing can be told of the supervision, whose seeds are few, but its runs beat the others for sure."""
    return c.scope == "supervisions" and c.verdict == "cannot tell" and c.difference > 0 and _p_runs(c) < ALPHA


def _figures(c: Contrast) -> str:
    return (
        f"95 % {points(c.interval.low)} to {points(c.interval.high)}; {c.n} paired questions; {c.test}; "
        f"Holm p {p_value(c.p_holm)}"
    )


def _others(group: Group, best: Arm, ties: Sequence[Arm]) -> list[str]:
    other = group.best_other(best)
    contrast = group.between(best, other)
    if other is None or contrast is None:
        return ["No other level was evaluated, so this says nothing about granularity."]
    said = [
        f"{points(contrast.difference)} points against the next best, {other.name} ({_figures(contrast)}): "
        f"{contrast.verdict}."
    ]
    beaten = [a for a in group.levels if a is not best and a not in ties]
    if len(group.levels) > 2 and beaten:
        said.append(f"It is better than {_names(beaten)}.")
    return said


def _elsewhere(group: Group, rows: Mapping[str | None, Row]) -> str:
    kind = "" if group.format in (None, "original") else f", {group.format}"
    kind += f", {group.rows:,} rows" if group.rows else ""
    score = _score(group.best, rows.get(group.best.corpus_hash))
    return f"By {group.teacher}{kind}: best is {group.best.name} with {score}."


def _names(arms: Sequence[Arm]) -> str:
    names = [a.name for a in arms]
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def references(accuracy: Sequence[Row]) -> list[str]:
    """What to say where no level can be compared yet: the scores there are."""
    return [
        f"{r['student']} on {r['dataset']} ({r['split']}), {recipe_of(r)}: {percent(r['accuracy'])} % right "
        f"(95 % interval {percent(r['low'])} to {percent(r['high'])}; {count(r['n_questions'], 'question')})"
        for r in accuracy
    ]
