"""Teachers by name: the shipped registry (teachers.toml), the user's own file on top of it, flags on top of both."""

import os
import tomllib
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from ..clients.base import Client, Observer
from ..clients.gemini import GeminiAdapter
from ..clients.openai_chat import ChatAdapter
from ..clients.openai_responses import ResponsesAdapter
from ..clients.pool import PoolClient
from ..clients.prices import Price
from ..clients.traits import Traits, refuse
from ..errors import ConfigError
from ..tasks.values import Sampling

Sampled = Literal["temperature", "top_p", "seed", "reasoning_effort"]
SHIPPED = Path(__file__).parent / "teachers.toml"
# What the SDKs read, too: a base URL by provider, a key's other name, OpenAI's headers.
BASE_URL_ENV = {"openai": "OPENAI_BASE_URL", "gemini": "GOOGLE_GEMINI_BASE_URL"}
OTHER_KEY_ENV = {"GEMINI_API_KEY": "GOOGLE_API_KEY"}
OPENAI_HEADERS_ENV = {"OpenAI-Organization": "OPENAI_ORG_ID", "OpenAI-Project": "OPENAI_PROJECT_ID"}
# What an entry says of its model, and nothing of another model that is asked for in its place.
ABOUT_THE_MODEL = (
    *("context", "max_tokens", "refuses", "reasoning_efforts", "include_thoughts", "thinking_budget", "retired"),
    *("usd_input", "usd_output", "usd_cached_input", "usd_cache_write", "batch_discount", "usd_batch_cached_input"),
    *("listed_on", "listed_until"),
)


class Teacher(BaseModel):
    """One entry of the registry. Field meanings are in the head of teachers.toml."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    provider: Literal["openai", "gemini", "openai-compatible", "builtin"]
    model: str
    api: Literal["chat", "responses"] = "chat"
    base_url: str | None = None
    key_env: str | None = None
    context: int | None = None
    max_tokens: int = Field(default=1024, ge=1)
    refuses: tuple[Sampled, ...] = ()
    reasoning_efforts: tuple[str, ...] = ()
    include_thoughts: bool = False
    thinking_budget: int | None = Field(default=None, ge=-1)
    retired: str | None = None
    requests_per_minute: float | None = Field(default=None, gt=0)
    tokens_per_minute: float | None = Field(default=None, gt=0)
    usd_input: float | None = None
    usd_output: float | None = None
    usd_cached_input: float | None = None
    usd_cache_write: float | None = None
    batch_discount: float | None = Field(default=None, ge=0, lt=1)
    usd_batch_cached_input: float | None = None
    listed_on: date | None = None
    listed_until: date | None = None

    @field_validator("base_url", mode="before")
    @classmethod
    def _joined(cls, given: object) -> object:
        """Several addresses are kept as one text, comma-separated, as --base-url takes them."""
        return ",".join(given) if isinstance(given, list | tuple) and all(isinstance(u, str) for u in given) else given

    @model_validator(mode="after")
    def _complete(self) -> "Teacher":
        if self.provider != "builtin" and not self.base_urls:
            raise ValueError("base_url is missing")
        for url in self.base_urls:
            if why := wrong_url(url):
                raise ValueError(f"base_url {url!r} {why}")
        if self.api == "responses" and self.provider not in ("openai", "openai-compatible"):
            raise ValueError(f"api = \"responses\" is OpenAI's, not {self.provider}'s")
        if self.thinking_budget is not None and self.provider != "gemini":
            raise ValueError(f"thinking_budget is Gemini's, not {self.provider}'s")
        if (self.usd_input is None) != (self.usd_output is None):
            raise ValueError("usd_input and usd_output go together")
        if self.usd_input is not None and self.listed_on is None:
            raise ValueError("listed_on is missing: a price needs its date")
        return self

    @property
    def base_urls(self) -> tuple[str, ...]:
        """Where it listens: one address or several."""
        return split_urls(self.base_url)

    @property
    def traits(self) -> Traits:
        """What its model takes and refuses."""
        return Traits(
            refuses=frozenset(self.refuses),
            efforts=self.reasoning_efforts,
            include_thoughts=self.include_thoughts,
            thinking_budget=self.thinking_budget,
        )

    @property
    def thinks(self) -> bool:
        """Whether its entry says that the model reasons before it answers, which is billed as output."""
        return bool(self.reasoning_efforts) or self.include_thoughts or self.thinking_budget not in (None, 0)

    def check(self, sampling: Sampling) -> None:
        """ConfigError: the sampling asks for what the model does not take. Every call checks it, too."""
        self.traits.check(self.model, sampling)
        if self.api == "responses" and sampling.seed is not None:
            refuse(self.model, "seed", sampling.seed)

    @property
    def price(self) -> Price | None:
        """List price; None where it is unknown, or past its announced end. The built-in teachers cost nothing."""
        if self.provider == "builtin":
            return Price(0.0, 0.0, date(2026, 1, 1))
        if self.listed_until is not None and date.today() > self.listed_until:
            return None
        if self.usd_input is None or self.usd_output is None or self.listed_on is None:
            return None
        return Price(
            self.usd_input,
            self.usd_output,
            self.listed_on,
            self.usd_cached_input,
            self.usd_cache_write,
            self.batch_discount,
            self.usd_batch_cached_input,
        )


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

    `base_url` may hold several, comma-separated. OPENAI_BASE_URL replaces the base URL of provider openai,
    GOOGLE_GEMINI_BASE_URL that of provider gemini. Another model than the registry's has no known price. ConfigError:
    unknown, and no base URL given; or retired by its provider, and neither a base URL nor another model given.
    """
    teacher = registry.get(name)
    urls = split_urls(base_url)
    check_urls(urls, "--base-url")
    if teacher is None:
        if not urls:
            raise ConfigError(
                f"unknown teacher {name!r}. Known: {', '.join(sorted(registry))}. "
                f"Next: name one of them, or give your server: --teacher {name} --base-url URL"
            )
        return Teacher(name=name, provider="openai-compatible", model=model or name, base_url=",".join(urls))
    if teacher.retired is not None and not urls and model is None:
        raise ConfigError(
            f"teacher {name} is retired: {teacher.retired}. "
            f"Next: name another teacher, or a server that still has it: --teacher {name} --base-url URL"
        )
    if not urls and teacher.provider in BASE_URL_ENV:
        urls = split_urls(os.environ.get(BASE_URL_ENV[teacher.provider]))
        check_urls(urls, BASE_URL_ENV[teacher.provider])
    changes: dict[str, object] = {"base_url": ",".join(urls)} if urls else {}
    if model is not None and model != teacher.model:
        changes |= {"model": model} | {name: Teacher.model_fields[name].default for name in ABOUT_THE_MODEL}
    return teacher.model_copy(update=changes) if changes else teacher


def connect(
    teacher: Teacher,
    *,
    base_url: str | Sequence[str] | None = None,
    deadline_s: float = 300.0,
    transport: Literal["wire", "sdk"] = "wire",
    observe: Observer | None = None,
) -> Client:
    """A client for the teacher, a pool of clients where it has several base URLs. `observe` is shown every response's
    headers. ConfigError: its key is not set, or it has no base URL."""
    key = key_of(teacher)
    urls = split_urls(base_url) or teacher.base_urls
    if not urls:
        raise ConfigError(f"teacher {teacher.name} has no base URL. Next: --base-url URL")
    clients = [_client(teacher, url, key, deadline_s, transport, observe) for url in urls]
    return clients[0] if len(clients) == 1 else PoolClient(clients)


def key_of(teacher: Teacher) -> str:
    """The teacher's key, "none" where it needs none. ConfigError: the environment does not have it."""
    if teacher.key_env is None:
        return "none"
    names = [teacher.key_env, *filter(None, [OTHER_KEY_ENV.get(teacher.key_env)])]
    for name in names:
        if key := os.environ.get(name, "").strip():
            return key
    raise ConfigError(
        f"teacher {teacher.name} needs a key in the environment variable {' or '.join(names)}, which is not set. "
        f"Next: export {teacher.key_env}=..., or try --teacher builtin-strict, which needs none"
    )


def split_urls(given: str | Sequence[str] | None) -> tuple[str, ...]:
    """Base URLs from a comma-separated text or a list, each once, in order."""
    texts = [given] if isinstance(given, str) else (given or ())
    urls = [part.strip().rstrip("/") for text in texts for part in text.split(",")]
    return tuple(dict.fromkeys(url for url in urls if url))


def wrong_url(url: str) -> str | None:
    """What is wrong with an address; None: nothing."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        return str(error)
    if parts.scheme not in ("http", "https"):
        return "does not begin with http:// or https://"
    return "names no host" if not parts.hostname or port == 0 else None


def check_urls(urls: Sequence[str], given_as: str) -> None:
    """ConfigError: one of the addresses is none."""
    for url in urls:
        if why := wrong_url(url):
            raise ConfigError(f"{given_as} {url!r} {why}. Next: {given_as} http://HOST:PORT/v1")


def adapter_of(teacher: Teacher, base_url: str, api_key: str) -> ChatAdapter | ResponsesAdapter | GeminiAdapter:
    """The adapter of the teacher's protocol at one base URL."""
    if teacher.provider == "gemini":
        return GeminiAdapter(base_url, api_key, teacher.model, traits=teacher.traits)
    official = teacher.provider == "openai"
    headers = {name: v for name, env in OPENAI_HEADERS_ENV.items() if official and (v := os.environ.get(env))}
    if teacher.api == "responses":
        return ResponsesAdapter(base_url, api_key, teacher.model, traits=teacher.traits, headers=headers)
    return ChatAdapter(base_url, api_key, teacher.model, official=official, traits=teacher.traits, headers=headers)


def _client(
    teacher: Teacher, url: str, key: str, deadline_s: float, transport: str, observe: Observer | None
) -> Client:
    adapter = adapter_of(teacher, url, key)
    if transport == "wire":
        from ..clients.wire import WireClient

        return WireClient(adapter, deadline_s=deadline_s, observe=observe)
    if isinstance(adapter, GeminiAdapter):
        from ..clients.sdk_gemini import GeminiSdk

        return GeminiSdk(adapter, deadline_s=deadline_s, observe=observe)
    from ..clients.sdk_openai import OpenAISdk

    return OpenAISdk(adapter, deadline_s=deadline_s, observe=observe)


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
