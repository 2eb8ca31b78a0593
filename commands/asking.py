"""What `evaluate` and its companions were told: how to decode and ask, and which models on which data sets."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ConfigError
from ..evaluate.options import EXAMINED_ON
from ..evaluate.options import Options as _Options
from .common import say

if TYPE_CHECKING:
    from ..evaluate.models import Model
    from ..evaluate.plan import Asking
    from ..store.store import Store

SQL = Path(__file__).parent / "sql"


@dataclass(frozen=True, slots=True)
class Options(_Options):
    """The flags that say how to ask, and whether every question says how the answer is to be announced."""

    instruct: bool = False

    def asking(self, store: "Store", datasets: Sequence[str]) -> "Asking":
        """As the evaluation takes it; a decoder of its own for every data set. ConfigError: flags that do not fit."""
        if not self.instruct:
            return self.asked(store, datasets)
        from ..gen.prompts import KINDS, PROMPT_VERSION, unaided

        return self.asked(store, datasets, {kind: unaided(kind) for kind in KINDS}, f"unaided-{PROMPT_VERSION}")


def plan_runs(store: "Store", student: str | None, datasets: Sequence[str] | None) -> "dict[str, list[Model]]":
    """Every finished run (of `student`) with its base, on what it was trained on or on `datasets`. Runs whose weights
    or base cannot be found are said and skipped. ConfigError: none is left."""
    from ..evaluate.models import base_model, trained_models
    from ..train.students import find, locate, resolve_student

    with store.read() as con:
        runs = dict(con.execute((SQL / "trained_on.sql").read_text(), {"student": student}).fetchall())
    every = [key for found in runs.values() for key in found]
    if datasets is not None:
        plan: dict[str, list[str]] = dict.fromkeys(datasets, every)
    else:
        plan = {EXAMINED_ON.get(str(name), str(name)): found for name, found in runs.items()}
    if not plan:
        raise ConfigError(
            f"{store.path} holds no finished run{f' of {student}' if student else ''} to evaluate. Next: cotdistill "
            f"train --student {student or 'tiny'}, or name a data set to examine an untouched student on"
        )
    untouched = []
    if not all(plan.values()):
        found = resolve_student(student or "tiny")
        untouched = [base_model(found.name, locate(found), found.template)]
    lost: dict[str, None] = {}  # a run of several data sets is said once
    models = {
        name: trained_models(store, keys, find=find, skip=lost.setdefault) if keys else untouched
        for name, keys in plan.items()
    }
    for reason in lost:
        say(f"skipped: {reason}")
    if lost and not any(models.values()):
        raise ConfigError(f"no run of {store.path} can be evaluated: {next(iter(lost))}")
    return {name: several for name, several in models.items() if several}


def plan_models(
    store: "Store",
    names: Sequence[str],
    base: Path | None,
    template: str | None,
    datasets: Sequence[str] | None,
    called: str | None = None,
) -> "dict[str, list[Model]]":
    """The named models, each with what belongs beside it: a run or an adapter with its untouched base, a run with the
    answer-only students of its base, profile and data set.

    A name is the beginning of a run's key, a directory with a model or an adapter (`called` so in the store; default:
    as the directory), a known student, or a hub id.
    ConfigError: it is none of these, or a model that was trained on nothing here and no data set is given.
    """
    from ..evaluate.models import trained_models
    from ..train.students import find

    with store.read() as con:
        finished = [
            key for (key,) in con.execute("SELECT run_key FROM run_status WHERE status = 'finished'").fetchall()
        ]
    runs = {name: [key for key in finished if key.startswith(name)] for name in names}
    for name, found in runs.items():
        if len(found) > 1:
            raise ConfigError(f"{len(found)} runs begin with {name!r}. Next: cotdistill runs, then more of its key")
    chosen = [key for found in runs.values() for key in found]
    others = [model for name, found in runs.items() if not found for model in _directory(name, base, template)]
    if called is not None:
        others = [replace(m, student=called) if m.what in ("model", "adapter") else m for m in others]
    if others and datasets is None:
        raise ConfigError(f"{others[-1].student} was not trained here. Next: --dataset NAME, to examine it on")
    plan: dict[str, list[Model]] = {}
    for dataset, keys in _with_companions(store, chosen).items():
        for examined in [EXAMINED_ON.get(dataset, dataset)] if datasets is None else datasets:
            plan.setdefault(examined, [])
            plan[examined] += [m for m in trained_models(store, keys, find=find) if m not in plan[examined]]
    for examined in datasets or ():
        plan.setdefault(examined, [])
        plan[examined] += [m for m in others if m not in plan[examined]]
    return plan


def _with_companions(store: "Store", runs: Sequence[str]) -> dict[str, list[str]]:
    """By the data set they were trained on: the runs, and the answer-only runs that belong beside them."""
    with store.read() as con:
        rows = con.execute((SQL / "companions.sql").read_text(), {"runs": list(runs)}).fetchall()
    found: dict[str, list[str]] = {}
    for run, student, dataset, format, beside in rows:
        mine = found.setdefault(dataset, [])
        mine += [key for key in (*(beside or ()), run) if key not in mine]
        if not beside and format != "answer-only":
            say(
                f"run {run[:8]}: no answer-only student of {student} on {dataset} to set it beside. "
                f"Next: cotdistill train --student {student} --dataset {dataset} --format answer-only"
            )
    return found


def _directory(name: str, base: Path | None, template: str | None) -> "list[Model]":
    """A directory, a known student or a hub id as models: an adapter brings its base."""
    from ..evaluate.models import adapter_model, base_model
    from ..train.students import known_students, locate, resolve_student

    path = Path(name).expanduser()
    if (path / "adapter_config.json").exists():
        return adapter_model(path.resolve(), template or "auto", base.resolve() if base else None)
    if base is not None:
        raise ConfigError(f"--base is for adapters, and {name} is none. Next: leave out --base")
    found = resolve_student(name)
    what = "base" if name in known_students() or found.hub_id else "model"
    return [base_model(found.name, locate(found), template or found.template, what)]
