"""What a task needs of the store to be done elsewhere, and what comes home: rows as bytes, weights as a tar archive.

A parcel is a small store in itself: the questions, cells and replies of a harvest, the rows of a corpus, a run and its
questions. It holds what the task reads and nothing else, so that a store of any size stays where it is.
"""

import io
import shutil
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from ..errors import ConfigError, Error
from ..evaluate.options import Options
from ..store.frames import Stream
from ..store.merge_rows import Incoming, TakenIn, take_in
from ..store.store import Store
from ..store.tables import keyed_tables
from ..tasks import keys
from ..train.students import locate, resolve_student
from .tasks import EvaluateTask, HarvestTask, Outcome, Task, TrainTask

Rows = Mapping[str, bytes]  # table -> its rows, as Arrow IPC

_SAME = "dataset = $dataset AND student = $student AND run_key IS NOT DISTINCT FROM $run"
_SHOWN = "$shots AND teacher = $teacher"
_CORPUS = "SEMI JOIN (FROM corpus_member WHERE corpus_hash = $corpus) AS m"
HARVEST = {
    "question": "FROM question WHERE dataset = $dataset",
    "cell": "FROM cell WHERE list_contains($cells, cell_key)",
    "cell_member": "FROM cell_member WHERE list_contains($cells, cell_key)",
    "reply": "FROM reply SEMI JOIN (FROM cell_member WHERE list_contains($cells, cell_key)) USING (reply_key)",
    "batch": "FROM batch WHERE teacher = $teacher",
    "batch_event": "FROM batch_event SEMI JOIN (FROM batch WHERE teacher = $teacher) USING (batch_key)",
    "batch_member": "FROM batch_member SEMI JOIN (FROM batch WHERE teacher = $teacher) USING (batch_key)",
}
TRAIN = {
    "corpus": "FROM corpus WHERE corpus_hash = $corpus",
    "corpus_member": "FROM corpus_member WHERE corpus_hash = $corpus",
    "rationale": f"FROM rationale AS r {_CORPUS} ON m.rationale_key = r.rationale_key",
    "question": f"FROM question AS q {_CORPUS} ON m.question_key = q.question_key",
    "cell": "FROM cell WHERE cell_key IN (SELECT cell_key FROM corpus_row WHERE corpus_hash = $corpus)",
}
EVALUATE = {
    # No exemplar is in a test split of any data set.
    "question": "FROM question WHERE dataset = $dataset OR ($shots AND split = 'test')",
    "reply": f"FROM reply WHERE {_SHOWN}",
    "rationale": f"FROM rationale SEMI JOIN (FROM reply WHERE {_SHOWN}) USING (reply_key)",
    "verdict": f"FROM verdict SEMI JOIN (FROM rationale SEMI JOIN (FROM reply WHERE {_SHOWN}) USING (reply_key)) "
    "USING (rationale_key)",
    "run": "FROM run WHERE run_key = $run",
    "run_event": "FROM run_event WHERE run_key = $run",
    "evaluation": f"FROM evaluation WHERE {_SAME}",
    "prediction": f"FROM prediction SEMI JOIN (FROM evaluation WHERE {_SAME}) USING (evaluation_key)",
}


@dataclass(frozen=True, slots=True)
class Parcel:
    """A task with what it needs. `place`: a folder that every machine sees, for its work; None: it has none.
    `weights`: the trained model that is examined, as a tar archive, or the folder it lies in."""

    task: Task
    rows: Rows
    place: str | None = None
    weights: bytes | str | None = None


@dataclass(frozen=True, slots=True)
class Returned:
    """What came of it. `rows`: that were not in the parcel. `raised`: what ends the whole study."""

    outcome: Outcome
    rows: Rows
    weights: bytes | str | None = None
    raised: Error | None = None


def rows_for(store: Store, task: Task) -> Rows:
    """The rows that the task reads."""
    queries, values = _queries(task)
    with store.read() as con:
        return {table: packed for table, sql in queries.items() if (packed := _rows(con, sql, values)) is not None}


def put(store: Store, rows: Rows) -> None:
    """Fill a small store. The directories of its runs' students are this machine's."""
    with store.write() as con:
        for table, data in rows.items():
            frame = pl.read_ipc(io.BytesIO(data))
            store.insert_frame(con, table, _here(frame) if table == "run" else frame)


def new_rows(store: Store, sent: Rows) -> Rows:
    """What a small store holds beyond what was sent."""
    found: dict[str, bytes] = {}
    with store.read() as con:
        for table in keyed_tables(con):
            frame = con.sql(f'FROM "{table.name}"').pl()
            if table.name in sent:
                frame = frame.join(pl.read_ipc(io.BytesIO(sent[table.name])), on=list(table.key), how="anti")
            if frame.height:
                found[table.name] = pack(frame)
    return found


def bring_home(store: Store, rows: Rows, label: str) -> list[TakenIn]:
    """Add the rows to the store; what differs from a row here is kept apart (store/merge_rows.py)."""
    with store.session() as con:
        incoming = []
        for table in keyed_tables(con):
            if table.name in rows:
                frame = pl.read_ipc(io.BytesIO(rows[table.name]))
                if table.name == "run":
                    runs = store.dir_for("runs")
                    outputs = [str(runs / key) for key in frame["run_key"]]
                    frame = _here(frame).with_columns(pl.Series("output_dir", outputs))
                con.register(f"home_{table.name}", Stream(frame))
                incoming.append(Incoming(table, f"home_{table.name}", tuple(frame.columns), label))
        return take_in(con, incoming)


def pack(frame: pl.DataFrame) -> bytes:
    """A frame as bytes."""
    out = io.BytesIO()
    frame.write_ipc(out, compression="zstd")
    return out.getvalue()


def archive(folder: Path) -> bytes:
    """The files of a folder as a tar archive."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                tar.add(path, str(path.relative_to(folder)))
    return out.getvalue()


def place_weights(weights: bytes | str, folder: Path) -> None:
    """Put a model (an archive, or a folder that is seen from here) at `folder`, whole or not at all."""
    partial = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    if isinstance(weights, str):
        shutil.copytree(weights, partial, dirs_exist_ok=True)
    else:
        with tarfile.open(fileobj=io.BytesIO(weights)) as tar:
            tar.extractall(partial, filter="data")
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)


def _here(runs: pl.DataFrame) -> pl.DataFrame:
    """Rows of runs with the directories in which their students lie on this machine, as far as they are known here."""

    def base(student: str, said: str) -> str:
        try:
            return str(locate(resolve_student(student)))
        except ConfigError:
            return said

    bases = [base(student, said) for student, said in runs.select("student", "base_dir").iter_rows()]
    return runs.with_columns(pl.Series("base_dir", bases, dtype=pl.String))


def _rows(con: duckdb.DuckDBPyConnection, sql: str, values: Mapping[str, Any]) -> bytes | None:
    named = {name: value for name, value in values.items() if f"${name}" in sql}
    frame = con.sql(sql, params=named).pl()
    return pack(frame) if frame.height else None


def _queries(task: Task) -> tuple[Mapping[str, str], dict[str, Any]]:
    if isinstance(task, HarvestTask):
        name = str(task.teacher["name"])
        cells = [keys.cell_key(task.dataset, name, *recipe) for recipe in task.recipes]
        return HARVEST, {"dataset": task.dataset, "cells": cells, "teacher": name}
    if isinstance(task, TrainTask):
        return TRAIN, {"corpus": task.corpus_hash}
    options = Options(**dict(task.options))
    student = resolve_student(task.student).name
    values = {"dataset": task.dataset, "student": student, "run": task.run_key}
    return EVALUATE, values | {"shots": options.shots > 0, "teacher": options.shots_from}


def is_run(task: Task) -> bool:
    """Whether the task examines what a run made."""
    return isinstance(task, EvaluateTask) and task.run_key is not None
