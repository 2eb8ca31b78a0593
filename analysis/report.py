"""The report: one HTML file that opens without a network and answers which supervision worked."""

import os
import tempfile
from pathlib import Path

from ..errors import ConfigError
from ..store.spool import utc_now
from ..store.store import Store
from . import accuracy, charts, coverage, diversity, levels, page
from . import sections_store as stored
from . import sections_students as students
from .answers import load, query
from .measure import measure

N_POINTS = 150


def write_report(store: Store, path: Path, *, now: str | None = None) -> Path:
    """Write the report of everything in the store to `path`, whole or not at all. Returns `path`.

    `now` is the time to print (ISO, UTC), the clock's by default. ConfigError when the folder cannot be written.
    """
    html = render(store, now or utc_now())
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


def render(store: Store, now: str) -> str:
    """The report's HTML."""
    scores = query(store, "accuracy")
    outcomes = query(store, "levels")
    cells = query(store, "coverage")
    measure(store)
    texts = query(store, "diversity")
    runs = query(store, "runs")
    holes = coverage.answer(load("coverage"), cells).notes
    colours = charts.teacher_colours([r["teacher"] for r in cells])
    parts = [
        students.answer_section(levels.groups(outcomes), scores, levels.answer(load("levels"), outcomes)),
        students.accuracy_section(scores, accuracy.how(scores) if scores else "", colours),
        students.against_section(diversity.beside_accuracy(texts, scores), colours),
        stored.dose_section(query(store, "token_spread"), colours),
        students.loss_section(query(store, "loss_curves", {"n_points": N_POINTS})),
        stored.coverage_section(cells, [n for n in holes if not n.startswith("all rows")]),
        stored.spend_section(query(store, "spend")),
        students.runs_section(runs),
        stored.made_section(query(store, "provenance"), runs),
    ]
    received = sum(r["received"] for r in cells)
    subtitle = (
        f"{store.path.name}: {received:,} replies in {sum(1 for r in cells if r['wanted']):,} cells, {len(runs):,} "
        "runs, "
        f"{sum(r['n'] for r in scores):,} graded answers"
    )
    return page.page(
        "Which supervision worked?",
        subtitle,
        parts,
        f"Written {now[:16].replace('T', ' ')} UTC by cotdistill from {store.path.name}",
    )
