"""Teachers by name: the shipped registry (teachers.toml), the user's own file on top of it, flags on top of both."""

import os
import tomllib
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from ..clients.base import Client, Observer
from ..clients.openai_chat import ChatAdapter
from ..clients.prices import Price
from ..errors import ConfigError

SHIPPED = Path(__file__).parent / "teachers.toml"


class Teacher(BaseModel):
    """One entry of the registry. Field meanings are in the head of teachers.toml."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    provider: Literal["openai", "openai-compatible", "builtin"]
    model: str
    base_url: str | None = None
    key_env: str | None = None
    context: int | None = None
    usd_input: float | None = None
    usd_output: float | None = None
    usd_cached_input: float | None = None
    listed_on: date | None = None

    @model_validator(mode="after")
    def _complete(self) -> "Teacher":
        if self.provider != "builtin" and not self.base_url:
            raise ValueError("base_url is missing")
        if (self.usd_input is None) != (self.usd_output is None):
            raise ValueError("usd_input and usd_output go together")
        if self.usd_input is not None and self.listed_on is None:
            raise ValueError("listed_on is missing: a price needs its date")
        return self

    @property
    def price(self) -> Price | None:
        """List price; None where it is unknown. The built-in teachers cost nothing."""
        if self.provider == "builtin":
            return Price(0.0, 0.0, date(2026, 1, 1))
        if self.usd_input is None or self.usd_output is None or self.listed_on is None:
            return None
        return Price(self.usd_input, self.usd_output, self.listed_on, self.usd_cached_input)


def load_registry(extra: Path | None = None) -> dict[str, Teacher]:
    """All teachers by name. `extra` adds and overrides. ConfigError names the file and the entry that is wrong."""
    teachers = _read(SHIPPED)
    if extra is not None:
        teachers |= _read(extra)
    return teachers


def find_teacher(
    name: str, *, registry: Mapping[str, Teacher], base_url: str | None = None, model: str | None = None
) -> Teacher:
    """The teacher called `name`, with overrides. An unknown name with a base URL is an OpenAI-compatible endpoint.

    OPENAI_BASE_URL replaces the base URL of provider openai. ConfigError: unknown, and no base URL given.
    """
    teacher = registry.get(name)
    if teacher is None:
        if base_url is None:
            raise ConfigError(
                f"unknown teacher {name!r}. Known: {', '.join(sorted(registry))}. "
                f"Next: name one of them, or give your server: --teacher {name} --base-url URL"
            )
        return Teacher(name=name, provider="openai-compatible", model=model or name, base_url=base_url)
    if base_url is None and teacher.provider == "openai":
        base_url = os.environ.get("OPENAI_BASE_URL") or None
    changes = {k: v for k, v in (("base_url", base_url), ("model", model)) if v is not None}
    return teacher.model_copy(update=changes) if changes else teacher


def connect(
    teacher: Teacher,
    *,
    base_url: str | None = None,
    deadline_s: float = 300.0,
    transport: Literal["wire", "sdk"] = "wire",
    observe: Observer | None = None,
) -> Client:
    """A client for the teacher. `observe` is shown every response's headers. ConfigError: its key is not set."""
    key = "none"
    if teacher.key_env is not None:
        key = os.environ.get(teacher.key_env, "").strip()
        if not key:
            raise ConfigError(
                f"teacher {teacher.name} needs a key in the environment variable {teacher.key_env}, which is not set. "
                f"Next: export {teacher.key_env}=..., or try --teacher builtin-strict, which needs none"
            )
    url = base_url or teacher.base_url
    if url is None:
        raise ConfigError(f"teacher {teacher.name} has no base URL. Next: --base-url URL")
    adapter = ChatAdapter(url, key, teacher.model, official=teacher.provider == "openai")
    if transport == "sdk":
        from ..clients.sdk_openai import OpenAISdk

        return OpenAISdk(adapter, key, deadline_s=deadline_s, observe=observe)
    from ..clients.wire import WireClient

    return WireClient(adapter, deadline_s=deadline_s, observe=observe)


def _read(path: Path) -> dict[str, Teacher]:
    try:
        entries: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigError(f"no teacher registry {path}. Next: --teachers FILE, or leave it out") from error
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} is not a TOML file: {error}") from error
    teachers = {}
    for name, entry in entries.items():
        try:
            teachers[name] = Teacher(name=name, **entry)
        except (ValidationError, TypeError) as error:
            first = error.errors()[0] if isinstance(error, ValidationError) else {"loc": (), "msg": "not a table"}
            where = ".".join([name, *(str(part) for part in first["loc"])])
            raise ConfigError(f"{path}: {where}: {first['msg']}. Next: see the head of {SHIPPED}") from error
    return teachers
