"""The executor of a Ray cluster: harvests in shards, runs and evaluations side by side, one owner of the store.

Only this process opens the store. A task travels as a parcel (parcel.py) through Ray's object store, is done on another
machine by what does it on this one (away.py), and what it received comes home the same way. A worker that is killed
costs its task, which Ray begins again elsewhere; keys are content hashes, so nothing can be counted twice.
"""

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError, Error, MissingExtra
from ..gen.budget import spent
from ..store.jobs import record_job
from ..store.store import Store
from .away import work
from .executor import Watch
from .parcel import Parcel, Returned, archive, bring_home, is_run, new_rows, place_weights, rows_for
from .tasks import EvaluateTask, HarvestTask, Outcome, Task, TrainTask

if TYPE_CHECKING:
    from ray import ObjectRef

HERE = "ray"
WAIT_S = 1.0


@dataclass(frozen=True, slots=True)
class RayExecutor:
    """`address`: of a cluster's head (ray://host:10001, host:6379 or auto); None: a cluster is started on this machine.
    Of each training and evaluation `cpus`, `gpus` (a fraction shares a card) and `memory_bytes`; of a harvest's shard
    one CPU. `shards`: into how many a harvest is divided. `shared`: a folder that all machines see, where tasks work
    and go on after a kill; None: everything travels through the object store. `retries`: how often a task whose worker
    died is begun again."""

    address: str | None = None
    cpus: float = 1.0
    gpus: float = 0.0
    memory_bytes: int | None = None
    shards: int = 4
    shared: Path | None = None
    retries: int = 3

    def do(self, store: Store, tasks: Sequence[Task], watch: Watch) -> list[Outcome]:
        """As the Protocol says."""
        if self.shared is None and any(_buys_within(task) for task in tasks):
            raise ConfigError(
                "a cap on a cluster needs a folder that every machine sees: what a worker had bought when it was "
                "killed is known nowhere else. Next: the same command with --shared FOLDER"
            )
        connect(self.address)
        record_job(store, "study run on ray", {"tasks": [task.label for task in tasks], "address": self.address})
        parts = [(i, part) for i, task in enumerate(tasks) for part in self._parts(store, task)]
        outcomes: dict[int, list[Outcome]] = {i: [] for i in range(len(tasks))}
        for place, returned in self._run(store, [part for _, part in parts], watch):
            outcomes[parts[place][0]].append(returned.outcome)
        store.settle()
        return [_together(task, outcomes[i]) for i, task in enumerate(tasks)]

    def _parts(self, store: Store, task: Task) -> list[Task]:
        """A harvest in shards, each with its part of what may still be spent; anything else as it is."""
        if not isinstance(task, HarvestTask):
            return [task]
        shards = [(i, self.shards) for i in range(self.shards)] if task.shard == (0, 1) else [task.shard]
        parts = [replace(task, shard=shard) for shard in shards]
        if task.max_usd is None:
            return list(parts)
        before = [self._spent_before(store, part) for part in parts]
        share = max(0.0, task.max_usd - spent(store)) / len(parts)
        return [replace(part, max_usd=share + usd) for part, usd in zip(parts, before, strict=True)]

    def _spent_before(self, store: Store, part: HarvestTask) -> float:
        """What an earlier worker spent on a shard in the shared folder, whose store begins with it; it is brought home
        here, for that worker may have died before anybody was told."""
        file = None if self.shared is None else self.shared / _folder(part) / "task.duckdb"
        if file is None or not file.exists():
            return 0.0
        small = Store.open(file)
        small.settle()
        bring_home(store, new_rows(small, {}), f"ray: {part.label}")
        return spent(small)

    def _run(self, store: Store, parts: Sequence[Task], watch: Watch) -> "list[tuple[int, Returned]]":
        """Do all parts, as many at once as the cluster has room for; what comes is in the store before the next is
        waited for."""
        import ray

        todo = list(enumerate(parts))
        flying: dict[ObjectRef[Any], tuple[int, Task]] = {}
        weights: dict[str, Any] = {}
        if parts and (lacking := self._lacking(parts[0])):
            watch.say(f"no machine of the cluster has {lacking}, which a task needs: waiting for one that has")
        done: list[tuple[int, Returned]] = []
        ends: list[Error] = []  # what ends the whole study: nothing more is begun, what is at work comes home first
        try:
            while todo or flying:
                while todo and not ends and not watch.until() and len(flying) < self._room(parts[0]):
                    place, task = todo.pop(0)
                    flying[self._send(store, task, weights)] = place, task
                if not flying:
                    done += [(place, Returned(Outcome(task.key, "left", 0.0), {})) for place, task in todo]
                    break
                ready, _ = ray.wait(list(flying), num_returns=1, timeout=WAIT_S)
                for ref in ready:
                    place, task = flying.pop(ref)
                    returned = self._receive(store, task, ref, watch)
                    ends += [returned.raised] if returned.raised is not None else []
                    done.append((place, returned))
                    watch.progress(_kind(task), len(done), len(parts), f"{len(flying)} at work")
        finally:
            for ref in flying:
                ray.cancel(ref, force=True)
        if ends:
            raise ends[0]
        return done

    def _room(self, task: Task) -> int:
        """How many tasks of this kind the cluster takes now, and one that waits."""
        import ray

        total = ray.cluster_resources()
        wanted = self._resources(task)
        rooms = [total.get("CPU", 0.0) / max(wanted["num_cpus"], 0.01)]
        if wanted["num_gpus"]:
            rooms.append(total.get("GPU", 0.0) / wanted["num_gpus"])
        return int(min(rooms)) + 1

    def _lacking(self, task: Task) -> str:
        """What no machine has enough of for one task of this kind; empty: one has all of it."""
        import ray

        names = {"num_cpus": "CPU", "num_gpus": "GPU", "memory": "memory"}
        wanted = {names[name]: amount for name, amount in self._resources(task).items() if amount}
        machines = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        if any(all(one.get(name, 0.0) >= amount for name, amount in wanted.items()) for one in machines):
            return ""
        return ", ".join(f"{amount:g} {name}" for name, amount in wanted.items())

    def _resources(self, task: Task) -> dict[str, Any]:
        if isinstance(task, HarvestTask):
            return {"num_cpus": 1.0, "num_gpus": 0.0}
        memory = {} if self.memory_bytes is None else {"memory": self.memory_bytes}
        return {"num_cpus": self.cpus, "num_gpus": self.gpus, **memory}

    def _send(self, store: Store, task: Task, weights: dict[str, Any]) -> "ObjectRef[Any]":
        """Give one task to the cluster. A run's weights are put into the object store once for all its evaluations."""
        import ray

        place = None if self.shared is None else str(self.shared / _folder(task))
        parcel = Parcel(task, rows_for(store, task), place)
        remote = ray.remote(_away).options(max_retries=self.retries, retry_exceptions=False, **self._resources(task))
        if not is_run(task):
            return remote.remote(parcel, None)
        assert isinstance(task, EvaluateTask)
        run = str(task.run_key)
        model = store.dir_for("runs") / run / "model"
        if self.shared is not None and model.resolve().is_relative_to(self.shared.resolve()):
            return remote.remote(parcel, str(model.resolve()))
        if run not in weights and model.is_dir():
            weights[run] = ray.put(archive(model))
        return remote.remote(parcel, weights.get(run))

    def _receive(self, store: Store, task: Task, ref: "ObjectRef[Any]", watch: Watch) -> Returned:
        """Bring one task home: its rows, and the weights of a run."""
        import ray

        try:
            returned: Returned = ray.get(ref)
        except ray.exceptions.RayError as error:
            said = f"{type(error).__name__}: {str(error).strip().splitlines()[0]}"
            watch.say(f"{task.label}: {said}")
            return Returned(
                Outcome(task.key, "failed", 0.0, f"lost on the cluster ({said}). Next: study run again"), {}
            )
        if returned.weights is not None:
            place_weights(returned.weights, store.dir_for("runs") / task.key / "model")
        apart = sum(one.apart for one in bring_home(store, returned.rows, f"ray: {task.label}"))
        if apart:
            watch.say(f"{task.label}: {apart:,} rows differ from those here and are kept in the table conflict")
        if self.shared is not None and returned.outcome.status == "done":
            shutil.rmtree(self.shared / _folder(task), ignore_errors=True)
        return returned


def _away(parcel: Parcel, weights: bytes | str | None) -> Returned:
    """What a Ray worker does. `weights` arrive as what they are: Ray resolves a reference among the arguments."""
    return work(replace(parcel, weights=weights))


def connect(address: str | None) -> None:
    """Join the cluster, or start one here; once a process. MissingExtra: no ray. ConfigError: nobody answers there."""
    if find_spec("ray") is None:
        raise MissingExtra("ray", "ray")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is reported to anybody
    import ray

    if ray.is_initialized():
        return
    try:
        options: dict[str, Any] = {"log_to_driver": False, "logging_level": "warning"}
        if address is None:
            options["include_dashboard"] = False
        ray.init(address, **options)
    except (ConnectionError, RuntimeError, TimeoutError, ValueError) as error:
        raise ConfigError(
            f"no Ray cluster answers at {address or 'this machine'} ({str(error).splitlines()[0]}). "
            f"Next: ray status, where its head is"
        ) from error


def address_of(on: str) -> str | None:
    """`ray` is a cluster on this machine; `ray://host:10001`, `ray:host:6379` and `ray:auto` are one that is there."""
    if on == HERE:
        return None
    if on.startswith("ray://"):
        return on
    if on.startswith("ray:") and len(on) > 4:
        return on.removeprefix("ray:")
    raise ConfigError(f"--on {on!r} is no place to run. Next: --on ray, ray:auto, or ray://HOST:10001")


def _together(task: Task, parts: Sequence[Outcome]) -> Outcome:
    """The outcome of a task from those of its shards."""
    if len(parts) == 1:
        return replace(parts[0], key=task.key)
    statuses = [part.status for part in parts]
    status = "failed" if "failed" in statuses else "left" if "left" in statuses else "done"
    errors = [part.error for part in parts if part.error]
    detail: dict[str, Any] = {"shards": len(parts)}
    for name in ("received", "usd", "left", "in_batches"):
        detail[name] = sum(part.detail.get(name) or 0 for part in parts)
    seconds = max((part.seconds for part in parts), default=0.0)
    return Outcome(task.key, status, seconds, errors[0] if errors else None, detail)  # type: ignore[arg-type]


def _buys_within(task: Task) -> bool:
    """Whether a task buys under a cap."""
    return isinstance(task, HarvestTask) and task.max_usd is not None and task.teacher.get("provider") != "builtin"


def _folder(task: Task) -> str:
    """Where a task works in the shared folder: the same every time it is begun."""
    shard = "-{}of{}".format(*task.shard) if isinstance(task, HarvestTask) else ""
    return f"{task.key}{shard}"


def _kind(task: Task) -> Any:
    return "harvest" if isinstance(task, HarvestTask) else "train" if isinstance(task, TrainTask) else "evaluate"
