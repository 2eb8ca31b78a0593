"""study.toml: found by path or by a shipped name, read, and refused with the place, the value and what to type."""

import difflib
import tomllib
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from ..errors import ConfigError
from .design import Design

FOLDER = Path(__file__).parent / "shipped"


def shipped() -> list[str]:
    """The designs that come with the package."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def find(name: str | Path) -> Path:
    """The file of a design: a path, or a shipped name. ConfigError: neither, with the nearest shipped name."""
    path = Path(name)
    if path.suffix == ".toml" or path.exists():
        if not path.is_file():
            raise ConfigError(f"no study file {path}. Next: cotdistill study init laptop > {path.name}")
        return path
    if str(name) in shipped():
        return FOLDER / f"{name}.toml"
    near = _nearest(str(name), shipped())
    raise ConfigError(
        f"no study {str(name)!r}: neither a file nor one of {', '.join(shipped())}{near}. "
        f"Next: cotdistill study init laptop > my.toml"
    )


def load(name: str | Path) -> Design:
    """The design in a file, or of a shipped name. Paths in it are from its own folder.

    ConfigError names file, key and value: not TOML, an unknown key (with the nearest known one), a value out of range.
    """
    path = find(name)
    try:
        found: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} cannot be read as TOML: {error}. Next: cotdistill study init laptop") from error
    found.setdefault("name", path.stem)
    try:
        design = Design.model_validate(found)
    except ValidationError as error:
        raise ConfigError(_wrong(path, error)) from error
    return _anchored(design, path.parent)


def _anchored(design: Design, folder: Path) -> Design:
    """The design with its relative paths made those of `folder`, so that it means the same from anywhere."""

    def at(path: Path | None) -> Path | None:
        return None if path is None else (folder / path.expanduser()).resolve()

    own = {name: one.model_copy(update={"file": at(one.file)}) for name, one in design.questions.own.items()}
    questions = design.questions.model_copy(update={"source": at(design.questions.source), "own": own})
    places = {"registry": at(design.asking.registry), "prompts": at(design.asking.prompts)}
    return design.model_copy(update={"questions": questions, "asking": design.asking.model_copy(update=places)})


def _wrong(path: Path, error: ValidationError) -> str:
    first = min(error.errors(), key=lambda e: e["type"] != "extra_forbidden")  # a misspelt key explains a missing one
    where = ".".join(str(part) for part in first["loc"]) or "the file"
    if first["type"] == "extra_forbidden":
        known = _known(Design, first["loc"][:-1])
        near = _nearest(str(first["loc"][-1]), known)
        return (
            f"{path}: unknown key {where} = {_shown(first['input'])}{near}. "
            f"Known there: {', '.join(known)}. Next: correct it, then cotdistill study plan {path}"
        )
    if first["type"] == "missing":
        return f"{path}: {where} is missing. Next: cotdistill study init laptop shows one"
    said = first["msg"].removeprefix("Value error, ")
    if not first["loc"]:
        return f"{path}: {said}. Next: correct it, then cotdistill study plan {path}"
    return f"{path}: {where} = {_shown(first['input'])}: {said}. Next: correct it, then cotdistill study plan {path}"


def _shown(value: object, most: int = 80) -> str:
    text = repr(value)
    return text if len(text) <= most else text[: most - 3] + "..."


def _nearest(word: str, known: list[str]) -> str:
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f" (did you mean {near[0]}?)" if near else ""


def _known(model: type[BaseModel], place: tuple[int | str, ...]) -> list[str]:
    """The keys of the table at `place`."""
    here: type[BaseModel] | None = model
    for part in place:
        if isinstance(part, int) or here is None:
            continue
        field = here.model_fields.get(part)
        # a key of a mapping (questions.own.NAME) stays in the model of its values
        here = _table(field.annotation) if field is not None else here
    return list(here.model_fields) if here is not None else []


def _table(annotation: Any) -> type[BaseModel] | None:
    """The model inside an annotation such as `tuple[Grid, ...]`, `Rules | None` or `dict[str, Own]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) in (Union, types.UnionType, tuple, dict, list, Mapping):
        return next((found for inner in get_args(annotation) if (found := _table(inner))), None)
    return None
