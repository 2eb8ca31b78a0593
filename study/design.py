"""A study's design: a frozen tree read from study.toml, validated before anything is looked at, asked or trained.

What is varied: data sets, teachers, levels, formats, gold_visible, selection rules, students, profiles, seeds. Every
combination is a cell of the study; `also` adds smaller grids to the first one, `without` takes cells away. Baselines
(the untouched base, answer-only, human rationales of the store) are added unless refused.
"""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from ..store.corpora import RationaleKind
from ..store.corpus_rules import Rules
from ..tasks import keys
from ..tasks.values import GoldVisible
from ..train import cards


def _listed(given: object) -> object:
    """`4`, `"1-6"`, `"1,3,5"` and a list are lists of whole numbers."""
    if isinstance(given, bool) or not isinstance(given, int | str):
        return given
    found: list[int] = []
    for part in str(given).split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()) or (dash and int(last) < int(first)):
            raise ValueError('write it as 4, "1-6", "1,3,5" or [1, 3, 5]')
        found += range(int(first), int(last or first) + 1)
    return found


def _one_or_more(given: object) -> object:
    return [given] if isinstance(given, str) else given


def _cards(given: object) -> object:
    """`0`, `"0,1"` and `[0, 1]` are cards, as CUDA numbers them."""
    parts = given.split(",") if isinstance(given, str) else given if isinstance(given, list | tuple) else [given]
    found = [str(part).strip() for part in parts]
    if not cards.differ(found):
        raise ValueError('write different cards as 0, "0,1" or [0, 1]')
    return found


Numbers = Annotated[tuple[int, ...], BeforeValidator(_listed)]
Words = Annotated[tuple[str, ...], BeforeValidator(_one_or_more)]
Cards = Annotated[tuple[str, ...], BeforeValidator(_cards)]
Visible = Annotated[tuple[GoldVisible, ...], BeforeValidator(_one_or_more)]


class Tree(BaseModel):
    """Frozen, and nothing unknown is let pass."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Own(Tree):
    """Questions of your own, as `questions add` takes them."""

    file: Path = Field(description="JSONL, CSV or Parquet")
    kind: Literal["number", "latex", "choice", "boolean", "text"]
    split: str = Field(default="train", description="of the rows that do not say theirs")


class Questions(Tree):
    """Which questions teachers are asked."""

    split: str = "train"
    limit: int | None = Field(default=None, ge=1, description="of each data set, the same for every cell")
    limits: dict[str, Annotated[int, Field(ge=1)]] = Field(
        default_factory=dict, description="data set -> its own limit"
    )
    source: Path | None = Field(default=None, description="folder with the owners' files; absent: the hub")
    own: dict[str, Own] = Field(default_factory=dict, description="data set -> your file")

    def limit_of(self, dataset: str) -> int | None:
        """How many questions of a data set at most; None: all."""
        return self.limits.get(dataset, self.limit)


class Grid(Tree):
    """A full factorial of cells. In `also`, what is not said is as in the first grid."""

    datasets: Words | None = None
    teachers: Words | None = None
    levels: Numbers | None = None
    formats: Words | None = None
    gold_visible: Visible | None = None
    students: Words | None = Field(default=None, description="who learns from these cells")


class Without(Tree):
    """Cells that are not wanted: those that match everything said here."""

    datasets: Words | None = None
    teachers: Words | None = None
    levels: Numbers | None = None
    formats: Words | None = None
    gold_visible: Visible | None = None


class Cells(Grid):
    """The first grid. `imported` takes the cells from what the store was given instead of asking a teacher."""

    datasets: Words = Field(min_length=1)
    teachers: Words = Field(min_length=1)
    levels: Numbers = Field(default=(1, 2, 3, 4, 5, 6), min_length=1)
    formats: Words = Field(default=("original",), min_length=1)
    gold_visible: Visible = Field(default=("no",), min_length=1)
    imported: bool = Field(default=False, description="rationales that exist already (import), nothing is asked")


class Asking(Tree):
    """How teachers are asked."""

    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, ge=0, le=1)
    seed: int | None = None
    reasoning_effort: str | None = None
    max_tokens: int | None = Field(default=None, ge=1, description="completion tokens at most")
    samples: int = Field(default=1, ge=1, description="replies to each question")
    concurrency: int = Field(default=32, ge=1, le=1000)
    registry: Path | None = Field(default=None, description="your own registry of teachers")
    prompts: Path | None = Field(default=None, description="your own prompts")
    base_url: dict[str, str] = Field(default_factory=dict, description="teacher -> its address")


class Selection(Tree):
    """Which rationales of a cell are taught: one rule of several that are compared.

    With `rules` every data set's cells become one family of corpora (corpus create); else a corpus is a cell's own.
    """

    name: str = "correct"
    verdict: Literal["correct", "any"] = "correct"
    rationale: RationaleKind = "visible"
    rows: int | None = Field(default=None, ge=1, description="at most so many questions")
    rules: Rules | None = Field(default=None, description="as `corpus rules` prints them; its cells are the study's")

    @model_validator(mode="after")
    def _said_once(self) -> Self:
        if self.rules is not None and (self.rows is not None or self.verdict != "correct"):
            raise ValueError("rules say verdict and rows themselves")
        if self.rules is not None and (self.rules.mix is not None or self.rules.relevel is not None):
            raise ValueError("mix and relevel make corpora that are no cell's; use corpus create and train --corpus")
        return self


class Training(Tree):
    """Who learns, and how."""

    students: Words = Field(min_length=1)
    profiles: Words = Field(default=(), description="absent: each student's own")
    seeds: Numbers = Field(default=(1, 2, 3), min_length=1)
    trainer: Literal["trl", "unsloth", "llamafactory"] = "trl"
    settings: dict[str, Any] = Field(default_factory=dict, description="instead of the profile's: epochs, lr ...")
    processes: int = Field(default=2, ge=1, description="side by side, one thread each")
    gpus: Cards = Field(default=(), description="one process a card")


class Evaluation(Tree):
    """How every student is examined."""

    datasets: dict[str, Words] = Field(
        default_factory=dict, description="trained on -> examined on; absent: its own (math: math-4s)"
    )
    split: str = "test"
    limit: int | None = Field(default=None, ge=1)
    where: str | None = None
    decode: Literal["greedy", "beam", "sample"] = "greedy"
    beams: int | None = Field(default=None, ge=2)
    samples: int | None = Field(default=None, ge=1)
    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None
    max_new_tokens: int | Literal["paper"] = "paper"
    shots: int = Field(default=0, ge=0)
    engine: Literal["auto", "transformers", "vllm"] = "auto"
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"


class Baselines(Tree):
    """What supervisions are held against."""

    untouched: bool = Field(default=True, description="every student before training")
    answer_only: bool = Field(default=True, description="a cell without reasoning for each data set and teacher")
    human: bool = Field(default=True, description="human rationales, where the store has any of a data set")


class Machine(Tree):
    """What hours are reckoned with where the store has no run to go by."""

    tflops: float | None = Field(default=None, gt=0, description="what one card or core really does; absent: one core")
    says: str = Field(default="", description="where that figure is from")


class Design(Tree):
    """The whole of study.toml."""

    name: str = Field(min_length=1, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    about: str = ""
    questions: Questions = Questions()
    cells: Cells
    also: tuple[Grid, ...] = ()
    without: tuple[Without, ...] = ()
    asking: Asking = Asking()
    selection: tuple[Selection, ...] = (Selection(),)
    training: Training
    evaluation: Evaluation = Evaluation()
    baselines: Baselines = Baselines()
    machine: Machine = Machine()

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [one.name for one in self.selection]
        if len(set(names)) != len(names) or not names:
            raise ValueError("every [[selection]] has a name of its own, and there is at least one")
        return self

    @model_validator(mode="after")
    def _settings_are_of_something(self) -> Self:
        """A name that is misspelt where something is set for it would be ignored, and all of it bought."""
        grids = (self.cells, *self.also)
        datasets = {name for grid in grids for name in grid.datasets or ()}
        teachers = {name for grid in grids for name in grid.teachers or ()}
        for where, given, there in (
            ("questions.limits", self.questions.limits, datasets),
            ("asking.base_url", self.asking.base_url, teachers),
            ("evaluation.datasets", self.evaluation.datasets, datasets),
        ):
            if unknown := sorted(given.keys() - there):
                raise ValueError(f"{where} names {unknown[0]!r}, which no cell has: {', '.join(sorted(there))}")
        return self

    @property
    def key(self) -> str:
        """Identity: everything that is said, defaults included."""
        return keys.digest("study", self.resolved())

    def resolved(self) -> dict[str, Any]:
        """Every setting, as the store keeps it."""
        return self.model_dump(mode="json")
