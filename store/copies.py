"""Copies: rationales that nearly repeat another of the same data set and teacher.

near-duplicate  in the same cell: a student is shown the same text twice, for two questions or for one.
level-copy      of the same question at a coarser level: a dose that was not given.

The later one has the fault, so leaving it out leaves one of each. Compared are all rationales of a data set and teacher
as soon as one of them is new; what was found before is kept (insert or ignore), so a store that did not grow costs
nothing.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ..tasks.near_duplicates import Repeat, near_duplicates, signatures_of
from ..tasks.realised import PARSER_VERSION
from .halves import Halves
from .spool import utc_now
from .store import Store

COPIES_VERSION = "1"
NEAR, LEVEL = "near-duplicate", "level-copy"
SQL = Path(__file__).parent / "sql"
Progress = Callable[[str, int, int], None]


def groups_to_compare(
    store: Store, datasets: Sequence[str] | None, teachers: Sequence[str] | None
) -> list[tuple[str, str, int, int]]:
    """(data set, teacher, rationales, of which never compared) where there is something new."""
    params = {"version": COPIES_VERSION, "parser": PARSER_VERSION, "datasets": datasets, "teachers": teachers}
    with store.read() as con:
        return con.execute((SQL / "copies_groups.sql").read_text(), params).fetchall()


def compare(store: Store, groups: Sequence[tuple[str, str, int, int]], both: Halves, progress: Progress) -> int:
    """Compare the rationales of each group. Returns how many rationales were compared for the first time."""
    sql, done, total = (SQL / "copies_texts.sql").read_text(), 0, sum(group[2] for group in groups)
    for dataset, teacher, n, _ in groups:
        with store.read() as con:
            rows = con.execute(sql, {"parser": PARSER_VERSION, "dataset": dataset, "teacher": teacher}).fetchall()
        _write(store, rows, _found(rows, both))
        done += n
        progress("compared", done, total)
    return sum(group[3] for group in groups)


def _found(rows: Sequence[tuple[Any, ...]], both: Halves) -> list[dict[str, Any]]:
    """Faults of the rationales of one group."""
    texts = [text for *_, text in rows]
    signed = both.map(signatures_of, texts)
    faults = []
    within = near_duplicates(texts, [cell for _, cell, *_ in rows], signatures=signed)
    for i, repeat in enumerate(within):
        if repeat:
            same = rows[i][2] == rows[repeat.of][2]
            faults.append(_fault(NEAR, rows, i, repeat, "of the same question" if same else "of another question"))
    kept = [None if within[i] else signature for i, signature in enumerate(signed)]
    for i, repeat in enumerate(near_duplicates(texts, [family for _, _, family, *_ in rows], signatures=kept)):
        if repeat and rows[i][1] != rows[repeat.of][1] and rows[i][3] is not None:
            faults.append(_fault(LEVEL, rows, i, repeat, f"of level {rows[repeat.of][3]}"))
    return faults


def _fault(rule: str, rows: Sequence[tuple[Any, ...]], i: int, repeat: Repeat, whose: str) -> dict[str, Any]:
    return {
        "rationale_key": rows[i][0],
        "rule": rule,
        "part": "copies",
        "version": COPIES_VERSION,
        "detail": f"{repeat.similarity:.2f} of the text {whose}",
        "other_key": rows[repeat.of][0],
    }


def _write(store: Store, rows: Sequence[tuple[Any, ...]], faults: list[dict[str, Any]]) -> None:
    now = utc_now()
    checks = [
        {"rationale_key": key, "version": COPIES_VERSION, "audited_at": now}
        for key in dict.fromkeys(r[0] for r in rows)
    ]
    with store.write() as con:
        store.insert(con, "audit_copies", checks)
        store.insert(con, "fault", list({(f["rationale_key"], f["rule"]): f for f in reversed(faults)}.values()))
