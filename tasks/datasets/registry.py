"""All data sets by name, and how their questions are loaded."""

from dataclasses import dataclass, field
from pathlib import Path

from ...errors import ConfigError
from ..values import Question
from . import aqua, arith, commonsenseqa, gsm8k, hub, math, math500, math_4s, openbookqa, strategyqa, svamp
from .reading import read_rows
from .spec import DatasetSpec, RowError

ARITH = DatasetSpec(
    name="arith",
    kind="number",
    splits=tuple(arith.SIZES),
    licence="Apache-2.0",
    licence_from="LICENSE of cotdistill",
    home="built in",
    build=arith.questions,
)
DATASETS: dict[str, DatasetSpec] = {
    spec.name: spec
    for spec in (
        ARITH,
        svamp.SPEC,
        gsm8k.SPEC,
        aqua.SPEC,
        math.SPEC,
        math_4s.SPEC,
        math500.SPEC,
        commonsenseqa.SPEC,
        openbookqa.SPEC,
        strategyqa.SPEC,
    )
}
# A question found in two splits belongs to the first of these: what is tested on is never trained on.
PRECEDENCE = ("test", "far", "validation", "train")


@dataclass(frozen=True, slots=True)
class LoadResult:
    """What was loaded of one data set.

    `counts` are questions per split; `n_duplicates` rows whose question the same split had already; `n_moved` questions
    left out of a split because a split that outranks it (test before train) has them; `n_conflicts` duplicates with
    another gold answer (the first is kept); `absent` the splits not loaded, each with the file that is missing.
    """

    dataset: str
    questions: tuple[Question, ...]
    counts: dict[str, int]
    n_duplicates: int = 0
    n_moved: int = 0
    n_conflicts: int = 0
    absent: dict[str, str] = field(default_factory=dict)


def load_questions(
    name: str, split: str | None = None, source: Path | None = None, paper: Path | None = None, hub: bool = False
) -> LoadResult:
    """Questions of one data set, of one split or of all that are there.

    A split is read from the first place that has it: the owners' files below `source`, the paper's released files in
    `paper` (default: `source`/../paper/data), the Hugging Face hub where `hub` is true.
    ConfigError: unknown data set or split, a malformed row (file and place named), a split that was asked for and whose
    file is missing, a data set of which nothing was found.
    """
    spec = _spec(name)
    if split is not None and split not in spec.splits:
        raise ConfigError(f"{name} has no split {split!r}. Next: use one of {', '.join(spec.splits)}")
    if source is not None and not source.is_dir():
        raise ConfigError(f"--source {source} is no folder. Next: name the folder that holds {name}'s files")
    if paper is None and source is not None and (source.resolve().parent / "paper/data").is_dir():
        paper = source.resolve().parent / "paper/data"
    found: dict[str, dict[str, Question]] = {}
    absent: dict[str, str] = {}
    n_duplicates = n_conflicts = n_moved = 0
    for part in _in_order(spec, split):
        read = _read_split(spec, part, source, paper, hub)
        if isinstance(read, str):
            absent[part] = read
        else:
            found[part], duplicates, conflicts = _collapse(read)
            if split in (None, part):
                n_duplicates, n_conflicts = n_duplicates + duplicates, n_conflicts + conflicts
    if split is not None and split in absent:
        raise ConfigError(
            f"{name}, split {split}: no file {absent[split]}. Next: put it there, or load without --source"
        )
    if not found:
        raise ConfigError(f"{name}: no file {', '.join(absent.values())}. Next: check --source, or leave it out")
    taken: set[str] = set()
    for part in sorted(found, key=PRECEDENCE.index):
        kept = {key: question for key, question in found[part].items() if key not in taken}
        if split in (None, part):
            n_moved += len(found[part]) - len(kept)
        taken.update(kept)
        found[part] = kept
    wanted = [part for part in spec.splits if part in found and split in (None, part)]
    return LoadResult(
        name,
        tuple(question for part in wanted for question in found[part].values()),
        {part: len(found[part]) for part in wanted},
        n_duplicates,
        n_moved,
        n_conflicts,
        {part: file for part, file in absent.items() if split is None},
    )


def _spec(name: str) -> DatasetSpec:
    if name not in DATASETS:
        raise ConfigError(f"unknown data set {name!r}. Known: {', '.join(DATASETS)}. Next: name one of them")
    return DATASETS[name]


def _in_order(spec: DatasetSpec, split: str | None) -> list[str]:
    """The splits to read: all, or the one asked for and those that outrank it."""
    ranked = sorted(spec.splits, key=PRECEDENCE.index)
    return ranked if split is None else ranked[: ranked.index(split) + 1]


def _read_split(
    spec: DatasetSpec, split: str, source: Path | None, paper: Path | None, use_hub: bool
) -> list[Question] | str:
    """The split's questions, or the name of the file that is missing."""
    if spec.build is not None:
        return spec.build(split)
    missing: list[str] = []
    for folder, name in ((source, spec.local.get(split)), (paper, spec.paper.get(split))):
        if folder is not None and name is not None:
            file = folder / name
            if file.is_file():
                return _parse(spec, split, [(file, name)])
            missing.append(str(file))
    if use_hub and spec.hub is not None and split in spec.hub.files:
        at = f"{spec.hub.repository}@{spec.hub.revision[:7]}/"
        files = [(hub.fetch(spec.hub.repository, spec.hub.revision, file), at + file) for file in spec.hub.files[split]]
        return _parse(spec, split, files)
    return missing[-1] if missing else spec.local.get(split) or spec.paper.get(split) or f"of split {split}"


def _parse(spec: DatasetSpec, split: str, files: list[tuple[Path, str]]) -> list[Question]:
    assert spec.parse is not None
    questions = []
    for file, label in files:
        for place, row in read_rows(file):
            try:
                question = spec.parse(row, split, f"{label}:{place.split()[-1]}")
            except RowError as error:
                raise ConfigError(f"{file}, {place}: {error}. Next: repair or replace the file") from error
            belongs = spec.split_of(question) if spec.split_of else split
            if belongs == split:
                questions.append(question)
    return spec.select(questions) if spec.select else questions


def _collapse(questions: list[Question]) -> tuple[dict[str, Question], int, int]:
    """Each question once: (by key, duplicate rows, duplicates that disagree about the gold answer)."""
    first: dict[str, Question] = {}
    conflicts = 0
    for question in questions:
        kept = first.setdefault(question.key, question)
        conflicts += kept is not question and kept.gold != question.gold
    return first, len(questions) - len(first), conflicts
