"""What can be evaluated: a student as it was before training, and what each finished run made of it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import ConfigError
from ..store.store import Store
from ..tasks import modeldir

SQL = Path(__file__).parent / "sql"


@dataclass(frozen=True, slots=True)
class Model:
    """One model. `run_key` None: the untouched base. `adapter`: a LoRA adapter on the model in `path`."""

    student: str
    path: Path
    template: str
    weights_hash: str
    run_key: str | None = None
    adapter: Path | None = None


def base_model(student: str, path: Path, template: str) -> Model:
    """The untouched student in the directory `path`. ConfigError when there is no model in it."""
    modeldir.check(path)
    return Model(student, path, template, modeldir.weights_hash(path))


def trained_models(store: Store, run_keys: Sequence[str] | None = None) -> list[Model]:
    """What the finished runs left (None: all of them), and the base of each, bases first.

    ConfigError: a key names no finished run, or a run's weights or base are gone.
    """
    with store.read() as con:
        rows = con.execute((SQL / "finished_runs.sql").read_text()).fetchall()
    known = {row[0] for row in rows}
    for key in run_keys or ():
        if key not in known:
            raise ConfigError(f"no finished run {key!r} in {store.path}. Next: cotdistill status")
    bases: dict[tuple[str, str, str], Model] = {}
    trained = []
    for run_key, student, base_dir, template, output_dir, outcome in rows:
        if run_keys is not None and run_key not in run_keys:
            continue
        base = bases.setdefault((student, base_dir, template), base_model(student, Path(base_dir), template))
        beside = store.dir_for("runs") / run_key / "model"
        path = beside if beside.is_dir() else Path(output_dir) / "model"
        if not path.is_dir():
            raise ConfigError(f"the weights of run {run_key} are gone from {beside}. Next: cotdistill train")
        detail = json.loads(outcome)
        is_adapter = detail["saved"] == "adapter"
        trained.append(
            Model(
                student=student,
                path=base.path if is_adapter else path,
                template=template,
                weights_hash=detail["weights_hash"],
                run_key=run_key,
                adapter=path if is_adapter else None,
            )
        )
    return [*bases.values(), *trained]
