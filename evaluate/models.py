"""What can be evaluated: students before training, what finished runs made of them, directories, and endpoints."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import ConfigError
from ..store.store import Store
from ..tasks import keys, modeldir

SQL = Path(__file__).parent / "sql"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a served model listens. `base_urls`: one address or a pool; `key_env`: the environment variable that holds
    its key, None for none; `provider` and `api` name the protocol (clients/); `refuses`: fields of Sampling that the
    model does not take; `usd_input`, `usd_output`: dollars per million tokens, None for unknown. `free`: nothing is
    billed. `record_as`: the teacher whose attempts its calls are, None for calls that are nobody's bill. `max_usd`:
    what may be spent in all, of which `spent_usd` are already; None: no cap."""

    base_urls: tuple[str, ...]
    model: str
    key_env: str | None = None
    provider: str = "openai-compatible"
    api: str = "chat"
    refuses: tuple[str, ...] = ()
    concurrency: int = 16
    deadline_s: float = 600.0
    usd_input: float | None = None
    usd_output: float | None = None
    free: bool = False
    record_as: str | None = None
    max_usd: float | None = None
    spent_usd: float = 0.0


@dataclass(frozen=True, slots=True)
class Model:
    """One model. `what`: run, base (an untouched student), model or adapter (a directory), endpoint, teacher.
    `adapter`: a LoRA adapter on the model in `path`; `endpoint` instead of a path for what somebody serves."""

    student: str
    path: Path
    template: str
    weights_hash: str
    run_key: str | None = None
    adapter: Path | None = None
    what: str = "base"
    endpoint: Endpoint | None = None


def base_model(student: str, path: Path, template: str, what: str = "base") -> Model:
    """The untouched student in the directory `path`. ConfigError when there is no model in it."""
    modeldir.check(path)
    if (path / "adapter_config.json").exists() and not (path / "config.json").exists():
        raise ConfigError(f"{path} is an adapter, not a whole model. Next: cotdistill evaluate --model {path}")
    return Model(student, path, template, modeldir.weights_hash(path), what=what)


def adapter_model(path: Path, template: str, base: Path | None = None) -> list[Model]:
    """[its base, untouched; the adapter in the directory `path`].

    `base` None: the directory that the adapter's own configuration names. ConfigError: there is none, or the adapter
    was trained on another base: one with other layers, or other weights than the base it names."""
    modeldir.check(path)
    named = json.loads((path / "adapter_config.json").read_text(encoding="utf-8")).get("base_model_name_or_path") or ""
    own = Path(named) if named and Path(named).is_dir() else None
    chosen = base or own
    if chosen is None:
        raise ConfigError(
            f"the adapter {path} names its base {named or 'nowhere'}, which is no directory here. "
            f"Next: cotdistill evaluate --model {path} --base DIR"
        )
    under = base_model(chosen.name, chosen, template)
    if wrong := modeldir.misfit(path, chosen):
        raise ConfigError(
            f"the adapter {path} does not belong to {chosen}: {wrong}. "
            f"Next: --base DIR with the model it was trained on"
        )
    if base is not None and own is not None and modeldir.weights_hash(own) != under.weights_hash:
        raise ConfigError(
            f"the adapter {path} was trained on {own}, whose weights are not those of {base}. Next: leave out --base"
        )
    weights = modeldir.weights_hash(path, under.weights_hash)
    return [under, Model(path.name, chosen, template, weights, adapter=path, what="adapter")]


def endpoint_model(name: str, endpoint: Endpoint, what: str = "endpoint") -> Model:
    """A served model, known by `name`: two servers that give other weights the same name need other names here."""
    weights = keys.digest("endpoint", name, endpoint.model)
    return Model(name, Path(), "served", weights, what=what, endpoint=endpoint)


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
        trained.append(_trained(run_key, student, template, path, base, json.loads(outcome)))
    return [*bases.values(), *trained]


def _trained(run_key: str, student: str, template: str, path: Path, base: Model, detail: Mapping[str, str]) -> Model:
    is_adapter = detail["saved"] == "adapter"
    return Model(
        student=student,
        path=base.path if is_adapter else path,
        template=template,
        weights_hash=detail["weights_hash"],
        run_key=run_key,
        adapter=path if is_adapter else None,
        what="run",
    )
