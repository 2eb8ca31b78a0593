"""The named questions: `answer(store, "accuracy", dataset="arith")`."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from ..errors import ConfigError
from ..store.store import Store
from . import accuracy, coverage, diversity, levels, spend
from .answers import Answer, NamedQuestion, Row, load, query

Filter = str | int | Sequence[str] | Sequence[int] | None


def _diversity(store: Store, asked: Mapping[str, Any]) -> Answer:
    cells = diversity.measured(query(store, "diversity", {**asked, "n_texts": diversity.N_TEXTS}))
    scores = query(store, "accuracy", {"student": asked.get("student")})
    return diversity.answer(QUESTIONS["diversity"], diversity.beside_accuracy(cells, scores))


def _accuracy(store: Store, asked: Mapping[str, Any]) -> Answer:
    return accuracy.answer(QUESTIONS["accuracy"], chosen(query(store, "accuracy", asked), asked))


def _levels(store: Store, asked: Mapping[str, Any]) -> Answer:
    return levels.answer(QUESTIONS["levels"], chosen(query(store, "levels", asked), asked))


_ANSWERS: Mapping[str, Callable[[Store, Mapping[str, Any]], Answer]] = {
    "coverage": lambda store, asked: coverage.answer(QUESTIONS["coverage"], query(store, "coverage", asked)),
    "accuracy": _accuracy,
    "levels": _levels,
    "diversity": _diversity,
    "spend": lambda store, asked: spend.answer(QUESTIONS["spend"], query(store, "spend", asked)),
}
_OF_CELLS = ("dataset", "teacher", "level", "format")
_OF_STUDENTS = ("student", *_OF_CELLS)
QUESTIONS: Mapping[str, NamedQuestion] = MappingProxyType(
    {
        name: load(name, _OF_CELLS if name in ("coverage", "spend") else _OF_STUDENTS)
        for name in ("coverage", "accuracy", "levels", "diversity", "spend")
    }
)


def answer(store: Store, name: str, **filters: Filter) -> Answer:
    """Ask the store a named question. Filters: dataset, student, teacher, level, format; a value or a list of values.

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
    return _ANSWERS[name](store, asked)


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


def _as_list(value: Filter) -> list[Any]:
    return [value] if isinstance(value, str | int) else list(value or ())
