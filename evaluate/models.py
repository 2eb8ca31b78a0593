"""What can be evaluated: students before training, what finished runs made of them, directories, and endpoints."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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


def trained_models(
    store: Store,
    run_keys: Sequence[str] | None = None,
    *,
    find: Callable[[str], Path] | None = None,
    skip: Callable[[str], object] | None = None,
) -> list[Model]:
    """What the finished runs left (None: all of them), and the base of each, bases first.

    `find`: where a student is by its name, asked when the directory of its base is gone. ConfigError: a key names no
    finished run, a run's weights or base are gone, or an adapter's base has changed; with `skip` such a run is left out
    and the reason told.
    """
    with store.read() as con:
        rows = con.execute((SQL / "finished_runs.sql").read_text()).fetchall()
    known = {row[0] for row in rows}
    for key in run_keys or ():
        if key not in known:
            raise ConfigError(f"no finished run {key!r} in {store.path}. Next: cotdistill status")
    chosen = [row for row in rows if run_keys is None or row[0] in run_keys]
    # Each is looked for and read once, however many runs it has.
    found = {base: _tried(*base, find) for base in dict.fromkeys(row[1:5] for row in chosen)}
    bases, trained = [], []
    for run_key, student, base_dir, base_hash, template, output_dir, outcome in chosen:
        try:
            detail = json.loads(outcome)
            path = _weights(run_key, store.dir_for("runs") / run_key / "model", Path(output_dir) / "model")
            base = found[student, base_dir, base_hash, template]
            if isinstance(base, ConfigError):
                raise base
            if detail["saved"] == "adapter":
                _check_base(f"run {run_key} is an adapter", base, base_hash)
        except ConfigError as error:
            if skip is None:
                raise
            skip(str(error))
            continue
        bases.append(base)
        trained.append(_trained(run_key, student, template, path, base, detail))
    return [*dict.fromkeys(bases), *trained]


def _weights(run_key: str, *places: Path) -> Path:
    """The first of `places` that is there. ConfigError: none is."""
    for place in places:
        if place.is_dir():
            return place
    raise ConfigError(f"the weights of run {run_key} are gone from {places[0]}. Next: cotdistill train")


def _tried(*what: Any) -> Model | ConfigError:
    """What `_base` returns or raises."""
    try:
        return _base(*what)
    except ConfigError as error:
        return error


def _base(student: str, base_dir: str, base_hash: str, template: str, find: Callable[[str], Path] | None) -> Model:
    """The base that a run was trained on: from its directory, or where that is gone from where the student is now.
    ConfigError: it is nowhere, or what is there now has other weights."""
    if Path(base_dir).is_dir():
        return base_model(student, Path(base_dir), template)
    gone = f"the base of {student} is gone from {base_dir}"
    if find is None:
        raise ConfigError(f"{gone}. Next: put it back there")
    try:
        base = base_model(student, find(student), template)
    except ConfigError as error:
        raise ConfigError(f"{gone}, and there is no other: {error}") from error
    _check_base(gone, base, base_hash)
    return base


def _check_base(why: str, base: Model, base_hash: str) -> None:
    """ConfigError where `base` has other weights than the run that says `why` was trained on."""
    if base.weights_hash != base_hash:
        raise ConfigError(
            f"{why}, and what is in {base.path} has other weights than it was trained on "
            f"({base.weights_hash[:12]}, not {base_hash[:12]}). Next: put the base back as it was, or cotdistill train"
        )


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
