"""The rules of `corpus create`: a frozen tree, read from a TOML file and from flags, kept in the manifest in full.

They are applied in this order, and a row is left out by the first that decides (store/corpus_create.py):
guard and verdict, exclude_faults, decontaminate, near_duplicates, relevel, chains, common, rows, validation, then mix
or equal, then controls.
"""

import inspect
import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticUndefined

from ..errors import ConfigError
from ..tasks import keys
from ..tasks.values import GoldVisible
from .corpora import RationaleKind
from .decontaminate import Thresholds

RULES_VERSION = "1"

Counter = Literal["realised_tokens", "completion_tokens"]
_COUNTER = "realised_tokens: word pieces by tasks/realised.py; completion_tokens: the teacher's, as its provider counts"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")


class _Tree(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Cells(_Tree):
    """Which cells are compared; nothing means any."""

    dataset: tuple[str, ...] | None = Field(default=None, description="data sets")
    teacher: tuple[str, ...] | None = Field(default=None, description="teachers")
    level: tuple[int, ...] | None = Field(
        default=None, description="requested levels; answer-only cells have none and are named by `format`"
    )
    format: tuple[str, ...] | None = Field(default=None, description="formats")
    gold_visible: tuple[GoldVisible, ...] | None = Field(
        default=None, description="whether the teacher saw the answer: yes, no, unknown"
    )


class NearDuplicates(_Tree):
    """Of rationales of one cell that are nearly the same text, only the first by question and sample stays."""

    threshold: float = Field(
        default=0.8,
        gt=0,
        le=1,
        description="Jaccard similarity of their runs of three words (tasks/near_duplicates.py)",
    )


class Decontaminate(_Tree):
    """Training questions too near to a held-out question of any loaded data set (store/decontaminate.py)."""

    n: int = Field(default=8, ge=2, le=50, description="words of a run")
    ngram_overlap: float = Field(
        default=0.5, ge=0, le=1, description="share of the shorter question's runs found in the other; 0: off"
    )
    template_overlap: float = Field(
        default=0.8, ge=0, le=1, description="the same with numbers read as #: same text, other numbers; 0: off"
    )
    numbers_min: int = Field(default=3, ge=1, description="same numbers are looked at from so many on")
    numbers_words: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="Jaccard similarity of the words of questions with the same numbers; 0: off",
    )

    def thresholds(self) -> Thresholds:
        """As decontaminate.py takes them."""
        return Thresholds(**self.model_dump())


class Relevel(_Tree):
    """Levels reassigned by what came back instead of what was asked for.

    Within each question (and data set, teacher, format, gold_visible) its rationales are ranked by length; the m-th
    part of the ranking is level m. Within the question, because lengths over all questions measure how hard a question
    is, and level 6 would be the hard questions.
    """

    by: Literal["realised_tokens", "realised_steps"] = Field(default="realised_tokens", description="what length is")
    levels: int | None = Field(
        default=None, ge=2, le=20, description="how many; default: as many as there are cells to rank"
    )


class Chains(_Tree):
    """At most k rationales of one question in one corpus."""

    k: int = Field(default=1, ge=1, description="how many")
    by: Literal["first", "longest", "shortest", "most-diverse", "random"] = Field(
        default="first",
        description="first: by sample index; longest, shortest: realised_tokens; most-diverse: the first, then always "
        "the one whose words are least like those taken (Jaccard); random: by seed",
    )
    seed: int = Field(default=0, description="of random")


class Validation(_Tree):
    """Questions set apart for the validation split, the same in every corpus."""

    share: float = Field(default=0.1, ge=0, lt=1, description="of the questions, by the hash of each: expected share")
    seed: int = Field(default=0, description="another seed, other questions")


class Equal(_Tree):
    """All compared corpora cut to the size of the smallest, split by split.

    Rows are taken in one order of questions, the same for all, up to the smallest corpus's total: corpora are nested
    in their questions, and a total is short of the smallest by less than one row.
    """

    what: Literal["tokens", "rows"] = Field(default="tokens", description="what is equal")
    counter: Counter = Field(default="realised_tokens", description=_COUNTER)
    seed: int = Field(default=0, description="of the order of questions")


class Mix(_Tree):
    """One corpus of several parts by share of questions.

    With `common`, every question is in all parts and goes to one of them; without, parts are drawn one by one, as
    large as the scarcest allows, and may share questions.
    """

    by: Literal["level", "teacher", "format", "length"] = Field(
        description="what a part is; length: `long` and `short`, the longest and shortest rationale of each question "
        "(Mix-Long of arXiv 2502.12143 is long 1, short 4)"
    )
    shares: dict[str, float] = Field(min_length=1, description="part -> share, as weights: 1 and 4 is 20 and 80 %")
    seed: int = Field(default=0, description="of which question goes to which part")

    @model_validator(mode="after")
    def _shares_are_weights(self) -> Self:
        if any(not 0 < share < float("inf") for share in self.shares.values()):
            raise ValueError("a share is a number above 0")
        if self.by == "length" and set(self.shares) != {"long", "short"}:
            raise ValueError("a mix by length has the parts long and short")
        return self


class Control(_Tree):
    """A control arm: the rows of a compared corpus with their reasoning taken away, exchanged or stretched."""

    kind: Literal["answer-only", "shuffled", "padded"] = Field(
        description="answer-only: the final answer alone; shuffled: the reasoning of another question of the data set "
        "before the own final answer; padded: filler before the final answer, up to the length of level `to`"
    )
    of: int | None = Field(
        default=None, description="level it is made of; default: the coarsest (answer-only), every one (shuffled)"
    )
    to: int | None = Field(default=None, description="padded: the level whose length it gets, question by question")
    seed: int = Field(default=0, description="of the exchange and of the filler")

    @model_validator(mode="after")
    def _padded_from_and_to(self) -> Self:
        if self.kind == "padded" and (self.of is None or self.to is None):
            raise ValueError("a padded control says `of` which level and `to` which level's length")
        if self.kind != "padded" and self.to is not None:
            raise ValueError("only a padded control has `to`")
        return self


class Rules(_Tree):
    """How corpora are chosen. What is not said is not done; the guard against exact test questions is always on."""

    cells: Cells = Cells()
    rationale: RationaleKind = Field(
        default="visible", description="visible: a reply's answer; reasoning: its trace, then the answer"
    )
    verdict: Literal["correct", "any", "wrong"] = Field(
        default="correct", description="which rationales; wrong is a control of its own, any takes unparsed ones too"
    )
    exclude_faults: tuple[str, ...] = Field(
        default=(), description="leave out rationales with these faults (rules of `audit`); all is every rule"
    )
    decontaminate: Decontaminate | None = None
    near_duplicates: NearDuplicates | None = None
    relevel: Relevel | None = None
    chains: Chains | None = Field(default=None, description="absent: all rationales of a question")
    common: bool = Field(
        default=False, description="the common block: only questions that every compared cell of their data set has"
    )
    rows: int | None = Field(
        default=None, ge=1, description="at most so many questions of each data set, the same for every corpus"
    )
    validation: Validation | None = None
    mix: Mix | None = None
    equal: Equal | None = None
    controls: tuple[Control, ...] = ()

    @model_validator(mode="after")
    def _one_corpus_has_no_equal(self) -> Self:
        if self.mix is not None and (self.equal is not None or self.controls):
            raise ValueError("a mix is one corpus: it has no `equal` and no `controls`")
        return self

    def resolved(self) -> dict[str, Any]:
        """Every setting, as the manifest keeps it."""
        return self.model_dump(mode="json")

    @property
    def hash(self) -> str:
        """Identity of the rules, defaults included."""
        return keys.digest("corpus rules", RULES_VERSION, self.resolved())


def load_rules(file: Path | None, flags: Mapping[str, Any] | None = None, *, seed: int | None = None) -> Rules:
    """The rules of a TOML file (or the JSON of a manifest), with `flags` over them: path -> value, as "cells.level".

    A flag of None is no flag, and one of {} turns a table on and leaves what the file says in it. `seed` is for all
    that is drawn and says no seed of its own. ConfigError: no such file, not TOML, an unknown setting, a value out of
    range.
    """
    settings: dict[str, Any] = _read(file) if file is not None else {}
    for path, value in (flags or {}).items():
        if value is None:
            continue
        place = settings
        *outer, last = path.split(".")
        for part in outer:
            inner = place.get(part)
            place[part] = dict(inner) if isinstance(inner, dict) else {}
            place = place[part]
        place[last] = place.get(last) or {} if value == {} else value
    if seed is not None:
        drawing = [settings.get(table) for table in ("chains", "validation", "mix", "equal")]
        for table in [*drawing, *settings.get("controls", [])]:
            if isinstance(table, dict):
                table.setdefault("seed", seed)
    try:
        return Rules.model_validate(settings)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "rules"
        raise ConfigError(
            f"{file or 'the rules of this corpus'}: {where} = {first['input']!r}: {first['msg']}. "
            f"Next: cotdistill corpus rules"
        ) from error


def as_toml() -> str:
    """Every rule with its meaning and default, commented out: a file to start from."""
    lines = [
        "# Rules for `cotdistill corpus create NAME --rules FILE`. What is commented out is the default or is off.",
        "",
    ]
    tables: list[tuple[str, type[BaseModel]]] = []
    for name, field in Rules.model_fields.items():
        model = _model_of(field.annotation)
        if model is not None:
            tables.append((f"[[{name}]]" if name == "controls" else f"[{name}]", model))
        else:
            lines += _setting(name, field.description, field.get_default())
    for heading, model in tables:
        # Of a table that does something by being there, the heading is commented out too.
        off = heading != "[cells]"
        lines += ["", *(f"# {line}".rstrip() for line in inspect.cleandoc(model.__doc__ or "").splitlines())]
        lines.append(f"# {heading}" if off else heading)
        for name, field in model.model_fields.items():
            lines += _setting(name, field.description, field.get_default(), indent="  ")
    return "\n".join(lines)


def _model_of(annotation: Any) -> type[BaseModel] | None:
    """The table that a setting holds, if it holds one."""
    for kind in (annotation, *get_args(annotation)):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return kind
    return None


def _setting(name: str, meaning: str | None, default: Any, indent: str = "") -> list[str]:
    shown = "..." if default is None or default is PydanticUndefined else json.dumps(default)
    return [f"# {indent}{name} = {shown}" + (f"  # {meaning}" if meaning else "")]


def _read(file: Path) -> dict[str, Any]:
    try:
        text = file.read_text(encoding="utf-8")
        found = json.loads(text) if file.suffix == ".json" else tomllib.loads(text)
    except OSError as error:
        raise ConfigError(f"no rules at {file} ({error.strerror}). Next: cotdistill corpus rules > {file}") from error
    except ValueError as error:
        raise ConfigError(f"{file} cannot be read as rules: {error}. Next: cotdistill corpus rules") from error
    if not isinstance(found, dict):
        raise ConfigError(f"{file} holds no rules. Next: cotdistill corpus rules")
    rules = found.get("rules", found)  # a whole manifest is as good as its rules
    return dict(rules) if isinstance(rules, dict) else found


def checked_name(name: str) -> str:
    """`name` as it was given. ConfigError: it could be taken for a path, a family's member or a hash."""
    if not _NAME.fullmatch(name) or re.fullmatch(r"[0-9a-f]{8,32}", name):
        raise ConfigError(
            f"{name!r} is no name for a corpus: letters, digits, . _ + - and not 8 or more hexadecimal digits. "
            f"Next: cotdistill corpus create dose"
        )
    return name
