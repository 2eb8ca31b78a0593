"""What a study writes about itself: its design when it is run, and how each task ended."""

from collections.abc import Sequence

from ..store.jobs import record_job
from ..store.spool import utc_now
from ..store.store import Store, as_json
from .design import Design
from .tasks import Kind, Outcome


def register(store: Store, design: Design) -> None:
    """Write the design down before its work starts; once, however often it is run."""
    with store.write() as con:
        row = {"study_key": design.key, "name": design.name, "design": as_json(design.resolved())}
        store.insert(con, "study", [row | {"created_at": utc_now()}])
    record_job(store, "study run", {"study": design.name, "design": design.resolved()})


def record(store: Store, design: Design, kind: Kind, ended: Sequence[tuple[str, Outcome]]) -> None:
    """Write down how tasks ended: (label, outcome) each. What was not begun is not said."""
    rows = [
        {
            "study_key": design.key,
            "task_key": outcome.key,
            "kind": kind,
            "label": label,
            "status": outcome.status,
            "seconds": outcome.seconds,
            "error": outcome.error,
            "detail": as_json(dict(outcome.detail)),
            "happened_at": utc_now(),
        }
        for label, outcome in ended
        if outcome.seconds > 0 or outcome.status == "failed"
    ]
    if rows:
        with store.write() as con:
            store.insert(con, "study_event", rows)
