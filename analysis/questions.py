"""The named questions: `answer(store, "accuracy", dataset="arith")`."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from ..errors import ConfigError
from ..store.store import Store
from . import (
    accuracy,
    associations,
    best_level,
    cost,
    coverage,
    diversity,
    dose_check,
    level_curve,
    levels,
    lineage,
    pairs,
    spend,
)
from .answers import Answer, NamedQuestion, Row, load, query
from .labels import UNTOUCHED, percent
from .measure import measure

Filter = str | int | Sequence[str] | Sequence[int] | None
Asked = Mapping[str, Any]

_COMPLEXITY = {"mean_tokens": "tokens", "mean_steps": "steps", "mean_equations": "equations", "mean_numbers": "numbers"}
_LEARNABILITY = {"mean_nll": "NLL", "mean_rank": "rank", "mean_log_rank": "log rank"}
_NO_SCORES = (
    "cannot tell: no rationale that a student was trained on is scored under its base. "
    "Next: cotdistill evaluate score --help"
)
_NO_FAULTS = "cannot tell: no trained supervision is audited, or none has a fault. Next: cotdistill audit --help"


def _diversity(store: Store, asked: Asked) -> Answer:
    measure(store)
    scores = query(store, "accuracy", {"student": asked.get("student")})
    return diversity.answer(QUESTIONS["diversity"], diversity.beside_accuracy(query(store, "diversity", asked), scores))


def _accuracy(store: Store, asked: Asked) -> Answer:
    return accuracy.answer(QUESTIONS["accuracy"], chosen(query(store, "accuracy", asked), asked))


def _levels(store: Store, asked: Asked) -> Answer:
    return levels.answer(QUESTIONS["levels"], chosen(query(store, "levels", asked), asked))


def _complexity(store: Store, asked: Asked) -> Answer:
    measure(store)
    return associations.answer(QUESTIONS["complexity"], query(store, "complexity", asked), _COMPLEXITY)


def _learnability(store: Store, asked: Asked) -> Answer:
    found = query(store, "learnability", asked)
    return associations.answer(QUESTIONS["learnability"], found, _LEARNABILITY, missing=_NO_SCORES)


def _fault_errors(store: Store, asked: Asked) -> Answer:
    found = query(store, "fault-errors", asked)
    rules = {f"share of {rule}": rule for rule in sorted({r["rule"] for r in found})}
    wide: dict[str, Row] = {}
    for r in found:
        row = wide.setdefault(r["arm_key"], {k: v for k, v in r.items() if k not in ("rule", "n_faulty", "share")})
        row |= {f"share of {rule}": row.get(f"share of {rule}") for rule in rules.values()} | {
            f"share of {r['rule']}": r["share"]
        }
    notes = [
        "shares of the rationales taught that have the fault; more is worse: students make more "
        "errors where it is commoner"
    ]
    return associations.answer(QUESTIONS["fault-errors"], list(wide.values()), rules, missing=_NO_FAULTS, notes=notes)


def _pairs(words: pairs.Words, *notes: str) -> "Callable[[Store, str, Asked], Answer]":
    return lambda store, name, asked: pairs.answer(store, QUESTIONS[name], query(store, name, asked), words, notes)


def _one(words: str) -> "Callable[[Row], tuple[str, str]]":
    return lambda row: (pairs.supervision(row), words)


def _both(row: Row) -> tuple[str, str]:
    return pairs.supervision(row, "first"), pairs.supervision(row, "second")


def _teachers(store: Store, asked: Asked) -> Answer:
    found = query(store, "teachers", asked)
    own: dict[str, str] = {}
    for r in found:
        for side in ("first", "second"):
            share = "not known" if r[f"{side}_own_accuracy"] is None else f"{percent(r[f'{side}_own_accuracy'])} %"
            own[f"{r[f'{side}_teacher']} on {r['trained_on']}"] = f"{share} (n = {r[f'{side}_own_n'] or 0:,})"
    notes = [
        "better: the teacher that is right more often by itself makes the better student; right by themselves, without "
        "seeing gold: " + "; ".join(f"{k} {v}" for k, v in own.items())
    ]
    return pairs.answer(store, QUESTIONS["teachers"], found, _both, notes)


def _gold(row: Row) -> tuple[str, str]:
    shown = {"yes": "gold shown", "no": "unaided", "unknown": "not known"}
    plain = pairs.supervision(row | {"gold_visible": None})
    return f"{plain}, gold shown", shown[row["second_gold_visible"]]


_ANSWERS: Mapping[str, Callable[[Store, str, Asked], Answer]] = {
    "coverage": lambda store, name, asked: coverage.answer(QUESTIONS[name], query(store, name, asked)),
    "accuracy": lambda store, name, asked: _accuracy(store, asked),
    "levels": lambda store, name, asked: _levels(store, asked),
    "level-curve": lambda store, name, asked: level_curve.answer(QUESTIONS[name], query(store, name, asked)),
    "best-level": lambda store, name, asked: best_level.answer(store, QUESTIONS[name], query(store, name, asked)),
    "formats": _pairs(_both),
    "teachers": lambda store, name, asked: _teachers(store, asked),
    "gold": _pairs(_gold),
    "gain": _pairs(_one(UNTOUCHED)),
    "transfer": _pairs(lambda row: (pairs.supervision(row), row["against"])),
    "length-matched": _pairs(
        _both,
        "mean realised tokens within 10 % of each other; the first has more steps a rationale "
        "(tokens and steps: --json)",
    ),
    "diversity": lambda store, name, asked: _diversity(store, asked),
    "complexity": lambda store, name, asked: _complexity(store, asked),
    "learnability": lambda store, name, asked: _learnability(store, asked),
    "dose-check": lambda store, name, asked: dose_check.answer(QUESTIONS[name], query(store, name, asked)),
    "cost": lambda store, name, asked: cost.answer(QUESTIONS[name], query(store, name, asked)),
    "spend": lambda store, name, asked: spend.answer(QUESTIONS[name], query(store, name, asked)),
    "lineage": lambda store, name, asked: lineage.answer(
        QUESTIONS[name], query(store, name, _scalar(asked, "question"))
    ),
    "fault-errors": lambda store, name, asked: _fault_errors(store, asked),
}
_OF_CELLS = ("dataset", "teacher", "level", "format")
_OF_STUDENTS = ("student", *_OF_CELLS)
_FILTERS: Mapping[str, tuple[str, ...]] = {
    "coverage": _OF_CELLS,
    "spend": _OF_CELLS,
    "dose-check": ("dataset", "teacher", "format"),
    "lineage": ("student", "dataset", "question"),
}
QUESTIONS: Mapping[str, NamedQuestion] = MappingProxyType(
    {name: load(name, _FILTERS.get(name, _OF_STUDENTS)) for name in _ANSWERS}
)


def answer(store: Store, name: str, **filters: Filter) -> Answer:
    """Ask the store a named question. Filters: dataset, student, teacher, level, format; a value or a list of
    values; of `lineage` also question, the start of a key or a place.

    In `accuracy` and `levels` the untouched base and answer-only corpora stay, whatever level or format is chosen: they
    are what a level is compared with. ConfigError: an unknown question, or a filter that it does not have.
    """
    if name not in QUESTIONS:
        raise ConfigError(
            f"no question named {name!r}. Known: {', '.join(QUESTIONS)}. Next: cotdistill analyze accuracy"
        )
    asked = {key: _as_list(value) for key, value in filters.items() if value is not None}
    unknown = sorted(asked.keys() - set(QUESTIONS[name].filters))
    if unknown:
        raise ConfigError(
            f"{name} cannot be filtered by {', '.join(unknown)}. It knows: {', '.join(QUESTIONS[name].filters)}. "
            f"Next: the same without --{unknown[0]}"
        )
    return _ANSWERS[name](store, name, asked)


def chosen(rows: Sequence[Row], asked: Mapping[str, Any]) -> list[Row]:
    """The rows a filter keeps: references (untouched, answer-only) stay, except another teacher's answer-only corpus,
    which stays where the teacher asked for has none of its own."""
    teachers, levels_, formats = asked.get("teacher"), asked.get("level"), asked.get("format")
    own = any(r["format"] == "answer-only" and r["teacher"] in (teachers or ()) for r in rows)

    def keep(row: Row) -> bool:
        if row["teacher"] is None:
            return True
        if row["format"] == "answer-only":
            return teachers is None or row["teacher"] in teachers or not own
        return (
            (teachers is None or row["teacher"] in teachers)
            and (levels_ is None or row["level"] in levels_)
            and (formats is None or row["format"] in formats)
        )

    return [row for row in rows if keep(row)]


def _scalar(asked: Asked, name: str) -> Asked:
    return {k: v[0] if k == name and v else v for k, v in asked.items()}


def _as_list(value: Filter) -> list[Any]:
    return [value] if isinstance(value, str | int) else list(value or ())
