"""The report: one HTML file that opens without a network and answers which supervision worked."""

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import ConfigError
from ..store.spool import utc_now
from ..store.store import Store
from . import accuracy, coverage, diversity, levels, questions
from . import sections_asked as opening
from . import sections_browse as browsers
from . import sections_effects as effects
from . import sections_store as stored
from . import sections_students as students
from .answers import Row, load, query
from .browse import Prompter, facets, index
from .charts_base import teacher_colours
from .document import document
from .findings import findings
from .formats import format_contrasts
from .measure import measure
from .page import Section
from .sample import sample

N_POINTS = 150
TITLE = "Which supervision worked?"
_SHOWN = ("coverage", "accuracy", "levels", "diversity", "spend")


def write_report(
    store: Store,
    path: Path,
    *,
    now: str | None = None,
    prompter: Prompter | None = None,
    title: str = TITLE,
    ahead: Sequence[Section] = (),
) -> Path:
    """Write the report of everything in the store to `path`, whole or not at all. Returns `path`.

    `now` is the time to print (ISO, UTC), the clock's by default; `prompter` builds prompts again, to be shown with the
    rationales they brought; `ahead` are sections that come first, under `title`. ConfigError when the folder cannot be
    written.
    """
    html = render(store, now or utc_now(), prompter, title, ahead)
    try:
        handle, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".partial")
    except OSError as error:
        raise ConfigError(f"cannot write {path}: {error.strerror}. Next: cotdistill report --out FILE.html") from error
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(html)
        Path(partial).chmod(0o644)
        Path(partial).replace(path)
    except OSError as error:
        Path(partial).unlink(missing_ok=True)
        raise ConfigError(f"cannot write {path}: {error.strerror}. Next: cotdistill report --out FILE.html") from error
    return path


def render(
    store: Store, now: str, prompter: Prompter | None = None, title: str = TITLE, ahead: Sequence[Section] = ()
) -> str:
    """The report's HTML, with its sample of rationales and predictions inside."""
    measure(store)
    subtitle, sections = answered(store)
    inside = sample(store, prompter)
    said = inside.pop("said")
    return document(
        title,
        subtitle,
        [*ahead, *sections],
        browsed(said["rationales"], said["predictions"]),
        inside,
        f"Written {now[:16].replace('T', ' ')} UTC by cotdistill from {store.path.name}. "
        "This file is {size} and fetches nothing.",
    )


def browsed(rationales: str, predictions: str) -> list[Section]:
    """The two browsers, with what is in them."""
    return [browsers.rationales_section(rationales), browsers.predictions_section(predictions)]


def answered(store: Store) -> tuple[str, list[Section]]:
    """The subtitle, and every section that the store's SQL answers."""
    scores = query(store, "accuracy")
    outcomes = query(store, "levels")
    cells = query(store, "coverage")
    doses = query(store, "monotone")
    texts = query(store, "diversity")
    runs = query(store, "runs")
    faults = [{"value": value, "n": n} for value, n in facets(index(store))["fault"]]
    colours = teacher_colours([r["teacher"] for r in cells])
    received, n_cells = sum(r["received"] for r in cells), sum(1 for r in cells if r["wanted"])
    groups = levels.groups(outcomes)
    facts = query(store, "asked")
    said = students.said_section(findings(cells, doses, faults))
    sections = [
        *([] if groups else said),  # without a student these are the verdicts
        students.answer_section(groups, scores, levels.answer(load("levels"), outcomes)),
        opening.asked_section(facts, received, n_cells),
        students.accuracy_section(scores, accuracy.how(scores) if scores else "", colours),
        effects.teachers_section(outcomes),
        effects.formats_section(format_contrasts(outcomes)),
        students.against_section(diversity.beside_accuracy(texts, scores), colours),
        effects.pareto_section(scores, query(store, "costs"), colours),
        *(said if groups else []),
        stored.dose_section(query(store, "token_spread"), doses, colours),
        students.loss_section(query(store, "loss_curves", {"n_points": N_POINTS})),
        *opening.questions_section(_others(store)),
        stored.coverage_section(cells, _holes(cells)),
        stored.spend_section(query(store, "spend")),
        students.runs_section(runs),
        stored.made_section(query(store, "provenance"), runs),
    ]
    return opening.subtitle(store.path.name, facts, received), sections


def _holes(cells: Sequence[Row]) -> list[str]:
    return [n for n in coverage.answer(load("coverage"), cells).notes if not n.startswith("all rows")]


def _others(store: Store) -> list[tuple[Any, Any]]:
    """The named questions without a section of their own, with their answers."""
    named = questions.QUESTIONS
    return [(named[n], questions.answer(store, n)) for n in named if n not in _SHOWN]
