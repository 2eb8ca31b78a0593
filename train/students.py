"""The students: names for base models (train/students.toml), and any Hugging Face directory or hub id."""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ..errors import ConfigError, MissingExtra
from ..tasks import modeldir

REGISTRY = Path(__file__).parent / "students.toml"


@dataclass(frozen=True, slots=True)
class Student:
    """A base model. `path` is its directory (None until `locate` has fetched it from the hub), `template` and `profile`
    what it is trained with unless told otherwise; `context` in tokens. What is not known of it is None or empty."""

    name: str
    path: Path | None
    hub_id: str | None
    template: str = "auto"
    profile: str = "laptop"
    family: str | None = None
    context: int | None = None
    licence: str | None = None
    gated: bool = False
    note: str = ""

    @property
    def lora_targets(self) -> str:
        """The modules an adapter goes to, comma-separated; `all-linear` for a family that is not in the registry."""
        return str(_registry()["families"].get(self.family or "", "all-linear"))


@cache
def _registry() -> dict[str, dict[str, Any]]:
    return tomllib.loads(REGISTRY.read_text(encoding="utf-8"))


def known_students() -> list[str]:
    """The names in the registry."""
    return list(_registry()["students"])


def resolve_student(name: str) -> Student:
    """The student called `name`: from the registry, a Hugging Face directory, or a hub id (`owner/model`).

    ConfigError: no such name, or a directory that holds no model.
    """
    if entry := _registry()["students"].get(name):
        known = {k: v for k, v in entry.items() if k not in ("where", "builtin")}
        inside = bool(entry.get("builtin"))
        path = REGISTRY.parent / entry["where"] if inside else None
        return Student(name, path, None if inside else entry["where"], **known)
    path = Path(name).expanduser()
    if path.is_dir():
        modeldir.check(path)
        return Student(path.resolve().name, path.resolve(), None, family=modeldir.family(path))
    if path.exists() or name.startswith((".", "/", "~")) or name.count("/") != 1:
        raise ConfigError(
            f"no student {name!r}: neither a known name ({', '.join(known_students())}) nor a directory nor a hub id. "
            f"Next: --student tiny, or --student DIR"
        )
    return Student(name, None, name)


def find(name: str) -> Path:
    """Where the student of that name is; as `resolve_student` and `locate`."""
    return locate(resolve_student(name))


def locate(student: Student) -> Path:
    """The student's directory, fetched from the hub when it is not on this machine yet.

    ConfigError when the hub does not give it (no network, a gated model without a token).
    """
    if student.path is not None:
        modeldir.check(student.path)
        return student.path
    assert student.hub_id is not None
    try:
        from huggingface_hub import snapshot_download
    except ImportError as error:
        raise MissingExtra("huggingface_hub", "cpu") from error
    wanted = ["*.safetensors", "*.json", "*.model", "*.jinja", "merges.txt"]
    try:
        return Path(snapshot_download(student.hub_id, allow_patterns=wanted))
    except Exception as error:  # the hub's errors have no common base
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        licence = (
            f"accept its licence ({student.licence}) at https://huggingface.co/{student.hub_id} and set HF_TOKEN, or "
        )
        raise ConfigError(
            f"student {student.name}: the hub did not give {student.hub_id} ({reason}). "
            f"Next: {licence if student.gated else ''}--student DIR with a copy"
        ) from error


def load_tokenizer(path: Path) -> Any:
    """The tokenizer of the model directory `path`. ConfigError when it has none that can be read."""
    try:
        from transformers import AutoTokenizer
    except ImportError as error:
        raise MissingExtra("transformers", "cpu") from error
    try:
        return AutoTokenizer.from_pretrained(path)
    except (OSError, ValueError, KeyError) as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ConfigError(f"{path} has no tokenizer that can be read: {first}. Next: --student DIR with one") from error


def base_hash(path: Path) -> str:
    """The identity of a base model: names and contents of its weights, config and tokenizer files."""
    return modeldir.weights_hash(path)
