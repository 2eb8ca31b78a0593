"""Studies without trainings: an executor of a few lines that writes runs and answers down as real ones would be.

It is a second executor behind the Protocol: harvests are real, students are simulated.
"""

import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from cotdistill.evaluate.models import Model
from cotdistill.evaluate.options import Options
from cotdistill.evaluate.plan import record, sheet, task
from cotdistill.store.questions import add_questions
from cotdistill.store.spool import utc_now
from cotdistill.store.store import Store
from cotdistill.study.design import Design
from cotdistill.study.executor import Watch
from cotdistill.study.local import harvest_one, wanted_by
from cotdistill.study.tasks import EvaluateTask, HarvestTask, Outcome, Task, TrainTask
from cotdistill.tasks import keys
from cotdistill.tasks.datasets import arith
from cotdistill.train.run import _row
from cotdistill.train.students import base_hash, resolve_student

DESIGN: dict[str, Any] = {
    "name": "lab",
    "questions": {"limit": 30},
    "cells": {"datasets": ["arith"], "teachers": ["builtin-strict"], "levels": [1, 3]},
    "asking": {"max_tokens": 512},
    "training": {"students": ["tiny"], "seeds": [1, 2]},
    "evaluation": {"limit": 10, "max_new_tokens": 60},
}


def design(**changes: dict[str, Any]) -> Design:
    """The lab's design with some of its tables' keys changed."""
    tables = {name: dict(value) if isinstance(value, dict) else value for name, value in DESIGN.items()}
    for table, values in changes.items():
        tables[table] = {**tables.get(table, {}), **values} if isinstance(values, dict) else values
    return Design.model_validate(tables)


def as_toml(**changes: dict[str, Any]) -> str:
    """The same as a study.toml."""
    tables = design(**changes).model_dump(mode="json", exclude_unset=True)
    lines = [f"name = {json.dumps(tables.pop('name'))}"]
    for table, values in tables.items():
        lines += [f"[{table}]", *(f"{key} = {_toml(value)}" for key, value in values.items())]
    return "\n".join(lines)


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(one)}" for key, one in value.items()) + " }"
    return json.dumps(value)


def with_questions(path: Path, n_train: int = 40, n_test: int = 20) -> Store:
    """A store that has a few questions of arith, so that nothing has to be loaded."""
    store = Store.open(path)
    add_questions(store, [*arith.questions("train", n_train), *arith.questions("test", n_test)])
    return store


class Simulated:
    """Counts what it is given. `right(label, seed)`: the share of right answers of a run; `fail(label)`: an error."""

    def __init__(
        self,
        right: Callable[[str, int], float] = lambda label, seed: 0.5,
        fail: Callable[[str], str | None] = lambda label: None,
        after: Callable[[Task], None] = lambda task: None,
    ) -> None:
        self.right, self.fail, self.after = right, fail, after
        self.done: list[Task] = []

    def kinds(self) -> dict[str, int]:
        """How many tasks of each kind it was given."""
        found: dict[str, int] = {}
        for one in self.done:
            name = type(one).__name__.removesuffix("Task").lower()
            found[name] = found.get(name, 0) + 1
        return found

    def do(self, store: Store, tasks: Sequence[Task], watch: Watch) -> list[Outcome]:
        outcomes = []
        for one in tasks:
            if watch.until():
                outcomes.append(Outcome(one.key, "left", 0.0))
                continue
            self.done.append(one)
            error = self.fail(one.label)
            if error is not None:
                outcomes.append(Outcome(one.key, "failed", 1.0, error))
            elif isinstance(one, HarvestTask):
                outcomes.append(harvest_one(store, one, watch))
            elif isinstance(one, TrainTask):
                outcomes.append(_train(store, one))
            else:
                outcomes.append(self._evaluate(store, one))
            self.after(one)
        return outcomes

    def _evaluate(self, store: Store, one: EvaluateTask) -> Outcome:
        asking = Options(**dict(one.options)).asked(store, [one.dataset])
        asked = sheet(store, one.dataset, asking)
        if one.run_key is None:
            weights, share = base_hash(resolve_student(one.student).path), 0.0
        else:
            weights = _weights(one.run_key)
            with store.read() as con:
                ((seed,),) = con.execute("SELECT seed FROM run WHERE run_key = ?", [one.run_key]).fetchall()
            share = self.right(one.label, seed)
        what = "base" if one.run_key is None else "run"
        model = Model(one.student, Path(), one.template, weights, one.run_key, what=what)
        wanted = task(model, asked, asking, one.engine, one.dtype)
        assert wanted.key == one.key
        record(store, [wanted], asking.label, {one.engine: "simulated"})
        with store.read() as con:
            gold = dict(con.execute("SELECT question_key, gold FROM question").fetchall())
        drawn = random.Random(one.key)
        rows = [
            {
                "prediction_key": keys.digest("simulated", one.key, key),
                "evaluation_key": one.key,
                "question_key": key,
                "sample_index": 0,
                "text": f"The answer is {gold[key] if drawn.random() < share else -1}.",
                "prompt_tokens": 1,
                "completion_tokens": 1,
                "finish_reason": "stop",
                "generated_at": utc_now(),
            }
            for key in asked.wanted
        ]
        with store.write() as con:
            store.insert(con, "prediction", rows)
        store.settle()
        return Outcome(one.key, "done", 1.0)


def _train(store: Store, one: TrainTask) -> Outcome:
    wanted, errors = wanted_by(store, [one])
    assert not errors
    want = wanted[one.key]
    folder = store.dir_for("runs") / want.key
    (folder / "model").mkdir(parents=True, exist_ok=True)
    (folder / "model" / "config.json").write_text("{}")
    detail = json.dumps({"weights_hash": _weights(want.key), "saved": "model", "steps": 1, "seconds": 1.0})
    event = {"run_key": want.key, "happened_at": utc_now(), "event": "finished", "detail": detail}
    with store.write() as con:
        store.insert(con, "run", [_row(want, store.dir_for("runs"), None)])
        store.insert(con, "run_event", [event])
    return Outcome(one.key, "done", 1.0)


def _weights(run_key: str) -> str:
    return keys.digest("simulated weights", run_key)
