"""A task done away from the store: its parcel becomes a small store, this machine's executor does the rest.

Whatever runs it (study/ray_executor.py) sends a parcel and brings home what is returned. Where the parcel names a
folder that every machine sees, a task that is begun again after its machine died goes on from what was received there.
"""

import tempfile
import time
from pathlib import Path

from ..errors import BudgetReached, ConfigError, Error, StoreError
from ..store.store import Store
from .executor import Watch
from .local import LocalExecutor
from .parcel import Parcel, Returned, archive, new_rows, place_weights, put
from .tasks import EvaluateTask, Outcome, TrainTask

# What is for the whole study; as these kinds alone, for errors that are made of more than a message cannot be pickled.
ENDS: tuple[type[Error], ...] = (BudgetReached, StoreError, ConfigError)


def work(parcel: Parcel) -> Returned:
    """Do the parcel's task. Errors of a task are its outcome; what ends the whole study is said in `raised`."""
    if parcel.place is not None:
        folder = Path(parcel.place)
        folder.mkdir(parents=True, exist_ok=True)
        return _work(parcel, folder)
    with tempfile.TemporaryDirectory(prefix="cotdistill-task-") as scratch:
        return _work(parcel, Path(scratch))


def _work(parcel: Parcel, folder: Path) -> Returned:
    started = time.monotonic()
    task = parcel.task
    raised: Error | None = None
    store = Store.open(folder / "task.duckdb")
    try:
        put(store, parcel.rows)
        if isinstance(task, EvaluateTask) and task.run_key is not None and parcel.weights is not None:
            place_weights(parcel.weights, store.dir_for("runs") / task.run_key / "model")
        [outcome] = LocalExecutor(processes=1).do(store, [task], Watch())
    except ENDS as error:
        raised = next(kind for kind in ENDS if isinstance(error, kind))(str(error))
        outcome = Outcome(task.key, "left", time.monotonic() - started, str(error))
    except Error as error:
        outcome = Outcome(task.key, "failed", time.monotonic() - started, str(error))
    weights: bytes | str | None = None
    model = store.dir_for("runs") / task.key / "model"
    if isinstance(task, TrainTask) and outcome.status == "done" and model.is_dir():
        weights = str(model) if parcel.place is not None else archive(model)
    return Returned(outcome, new_rows(store, parcel.rows), weights, raised)
